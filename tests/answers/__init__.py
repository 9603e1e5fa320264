"""Answers to the exercises as students write them: not the code that `known.py` has. One module an exercise.

RIGHT_IN_ANOTHER_WAY: by task, code that is to pass.
WRONG_IN_ANOTHER_WAY: task, wrong code, and what its message says: a likely cause where it is a mistake that `known.py`
has, written in another style.
CAUGHT_BY_HIDDEN_CASES: task and code that is right for the cases that students see, wrong for a harder one.
"""
