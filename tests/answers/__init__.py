"""Answers to the exercises as students write them: not the code that the checks know. One module an exercise.

RIGHT_IN_ANOTHER_WAY: by task, code that is to pass.
WRITTEN_BY_STUDENTS: by task, wrong code and what its message says. The first of each task is recognised as a typical
mistake.
CAUGHT_BY_HIDDEN_CASES: task and code that is right for the cases that students see, wrong for a harder one.
"""
