"""Checks that explain themselves: is the installation complete, does a student's answer agree with a reference?

Beside them one module an exercise (`checks.preprocessing`, `checks.segmentation`, ...): the reference answers that no
library has in one call, and the typical mistakes, so that a wrong answer is told what is wrong with it.
"""

from medlab.checks.agree import agrees
from medlab.checks.installation import installation

__all__ = ["agrees", "installation"]
