"""Numbers that can be trusted: a value never travels without its interval."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A number with the range that plausibly holds the truth.

    >>> print(Interval(0.93, 0.90, 0.953))
    0.93 (0.90–0.95)

    Args:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end, not below `low`.

    Raises:
        ValueError: If the ends are in the wrong order.
    """

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:  # never true of NaN, which stands for "could not be estimated"
            raise ValueError(f"an interval goes from low to high, got {self.low} to {self.high}")

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"
