"""Checks that explain themselves: is the installation complete, does a student's answer agree with a reference?"""

from medlab.checks.agree import agrees
from medlab.checks.installation import installation

__all__ = ["agrees", "installation"]
