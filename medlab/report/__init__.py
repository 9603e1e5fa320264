"""Run the lessons, keep the numbers they claim, and print them as pages that open without a network."""

from medlab.report.numbers import record, recorded

__all__ = ["record", "recorded"]
