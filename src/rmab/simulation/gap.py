"""How far a simulated policy is from an upper bound.

The gap is ``(bound - mean) / |bound|``, or ``bound - mean`` when the bound is 0. Its interval is that of the mean, carried
over; a discounted sum cut after finitely many periods adds what the rest can be worth at most, on both sides. A gap of g says
that no policy whatsoever earns more than g over the simulated one; a negative gap within the interval is noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, log10
from numbers import Real
from typing import Any

from rmab.errors import ModelError


@dataclass(frozen=True)
class Gap:
    """Distance of a policy's mean reward from an upper bound.

    Attributes
    ----------
    value : float
        The gap: a fraction of the bound when ``relative``, else in units of reward per period.
    interval : tuple of float
        95 % confidence interval of ``value``.
    bound : float
        The bound.
    relative : bool
        Whether ``value`` is a fraction; false only when the bound is 0.

    Examples
    --------
    >>> print(Gap(0.008, (0.006, 0.010), bound=50.0, relative=True))
    0.8 % of the bound (95 % CI 0.6-1.0 %)
    """

    value: float
    interval: tuple[float, float]
    bound: float
    relative: bool

    def __str__(self) -> str:
        if self.relative:
            value, span = _digits(100 * self.value, 100 * self.interval[0], 100 * self.interval[1])
            return f"{value} % of the bound (95 % CI {span}{' %' if span != 'unknown' else ''})"
        value, span = _digits(self.value, *self.interval)
        return f"{value} below the bound of 0 (95 % CI {span})"


def gap_to(bound: Any, mean: float, interval: tuple[float, float]) -> Gap:
    """The gap of a policy of the given ``mean`` and ``interval`` to ``bound``, a number or an object with a ``value``.

    Raises
    ------
    ModelError
        If the bound is not a finite number.

    Examples
    --------
    >>> gap_to(10.0, 9.0, (8.5, 9.5)).value
    0.1
    """
    value = getattr(bound, "value", bound)
    if not isinstance(value, Real) or not isfinite(value):
        raise ModelError(f"a bound is a finite number or an object with such a value, got {bound!r}")
    value = float(value)
    scale = abs(value) or 1.0
    low, high = interval
    return Gap((value - mean) / scale, ((value - high) / scale, (value - low) / scale), value, value != 0)


def _digits(value: float, low: float, high: float) -> tuple[str, str]:
    """The value and the interval, to the first significant digit of the interval's half-width."""
    half = (high - low) / 2
    if not isfinite(half):
        return f"{value:.1f}", "unknown"
    decimals = min(max(1, -floor(log10(half))), 6) if half > 0 else 1
    joint = " to " if low < 0 else "-"
    # rounding first and adding zero keeps "-0.0" out
    shown = [f"{round(number, decimals) + 0.0:.{decimals}f}" for number in (value, low, high)]
    return shown[0], f"{shown[1]}{joint}{shown[2]}"
