"""What is maximised: discounted reward, long-run average reward, or reward over a finite horizon.

All values of the library are *per period* and summed over arms: a discounted value is multiplied by (1 - beta), a
finite-horizon value is divided by the number of steps, so that the three criteria are on one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

from rmab.errors import ModelError


@dataclass(frozen=True)
class Discounted:
    """Expected discounted reward, ``(1 - beta) * sum_t beta**t r_t``.

    Parameters
    ----------
    beta : float
        Discount factor per period, strictly between 0 and 1.

    Raises
    ------
    ModelError
        If ``beta`` is not strictly between 0 and 1. A discount of 1 is the average criterion: use :class:`Average`.

    Examples
    --------
    >>> Discounted(0.95).beta
    0.95
    """

    beta: float

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Real) or isinstance(self.beta, bool):
            raise ModelError(f"the discount must be a number between 0 and 1, got {self.beta!r}")
        if self.beta == 1:
            raise ModelError("a discount of 1 has no discounted value; use Average() for the long-run average")
        if not 0 < self.beta < 1:
            raise ModelError(f"the discount must lie strictly between 0 and 1, got {self.beta!r}")
        object.__setattr__(self, "beta", float(self.beta))


@dataclass(frozen=True)
class Average:
    """Long-run average reward per period.

    Examples
    --------
    >>> Average()
    Average()
    """


@dataclass(frozen=True)
class Horizon:
    """Mean reward per period over the first ``steps`` periods.

    Parameters
    ----------
    steps : int
        Number of periods, at least 1.

    Raises
    ------
    ModelError
        If ``steps`` is not a positive integer.

    Examples
    --------
    >>> Horizon(20).steps
    20
    """

    steps: int

    def __post_init__(self) -> None:
        if not isinstance(self.steps, Integral) or isinstance(self.steps, bool) or self.steps < 1:
            raise ModelError(f"a horizon is a whole number of periods, at least 1, got {self.steps!r}")
        object.__setattr__(self, "steps", int(self.steps))


Criterion = Discounted | Average | Horizon
