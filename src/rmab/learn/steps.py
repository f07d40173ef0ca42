"""Step sizes of stochastic approximation."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from numbers import Real

from rmab.errors import ModelError
from rmab.learn.exploration import positive


@dataclass(frozen=True)
class Steps:
    """The step size after ``n`` steps is ``scale / (1 + n / horizon)^power``.

    Parameters
    ----------
    scale : float
        The first step size, above 0.
    horizon : float
        Steps before the size falls noticeably, above 0.
    power : float
        From 0 (constant) on; above 0.5 and up to 1 the noise averages out and no start is too far away.

    Raises
    ------
    ModelError
        If a number is out of range.

    Examples
    --------
    >>> Steps(0.2, horizon=500, power=0.7).at(0), Steps(0.1).at(10**6)
    (0.2, 0.1)
    """

    scale: float
    horizon: float = field(default=1.0, kw_only=True)
    power: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        positive("the scale of steps", self.scale)
        positive("the horizon of steps", self.horizon)
        if not isinstance(self.power, Real) or isinstance(self.power, bool) or not isfinite(self.power) or self.power < 0:
            raise ModelError(f"the power of steps must be a finite number from 0 on, got {self.power!r}")

    @property
    def numbers(self) -> tuple[float, float, float]:
        """Scale, horizon and power, for the compiled loop."""
        return float(self.scale), float(self.horizon), float(self.power)

    def at(self, n: float) -> float:
        """The step size after ``n`` steps."""
        return self.scale / (1.0 + n / self.horizon) ** self.power


def check_steps(name: str, value: object) -> None:
    """Raise :class:`ModelError` unless ``value`` is a :class:`Steps`.

    Examples
    --------
    >>> check_steps("table", 0.1)
    Traceback (most recent call last):
    rmab.errors.ModelError: table must be Steps(scale, horizon=..., power=...), got 0.1; Steps(0.1) is a constant step
    """
    if not isinstance(value, Steps):
        raise ModelError(f"{name} must be Steps(scale, horizon=..., power=...), got {value!r}; Steps(0.1) is a constant step")
