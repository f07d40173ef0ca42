"""Generalised speedy Q-learning: speedy Q-learning of a relaxed operator, which contracts faster where arms tend to stay.

    T_w Q(s, a) = w (r + beta max Q(t, .)) + (1 - w) max_b Q(s, b),    1 <= w <= w*,
    w* = min over (s, a) of 1 / (1 - beta P(s | s, a)).

Its fixed point has the value and the policy of T, and gaps Q(s, 1) - Q(s, 0) that are w times as large. It contracts at the
rate 1 - w (1 - beta) up to w*, which is 1 as soon as one state is left for sure: there is then nothing to gain. Beyond w* it
contracts for any arm while w (1 + beta) < 2, more slowly, and may diverge above. A larger weight than min(w*, 2 / (1 + beta))
is cut to that, with w* from the shares of arms that were seen to stay.

Reference: I. John, C. Kamanchi, S. Bhatnagar, "Generalized speedy Q-learning", IEEE Control Systems Letters 4 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from numbers import Real

from rmab.errors import ModelError
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.speedy import HARMONIC
from rmab.learn.tabular.sweep_rule import Sweep, SweepRule


@dataclass(frozen=True)
class GeneralisedSpeedy(SweepRule):
    """Generalised speedy Q-learning in synchronous sweeps.

    Parameters
    ----------
    weight : float
        How much of the relaxed operator, at least 1; cut to what is safe. ``inf`` is the largest safe one.
    steps : Steps
        Step sizes by sweeps, as for :class:`Speedy`.

    Raises
    ------
    ModelError
        If the weight is below 1, or the steps are not :class:`Steps`.

    Examples
    --------
    >>> GeneralisedSpeedy(0.5)
    Traceback (most recent call last):
    rmab.errors.ModelError: the weight must be a number from 1 on, got 0.5; 1 is Speedy(), inf the largest safe weight
    """

    weight: float = inf
    steps: Steps = HARMONIC

    def __post_init__(self) -> None:
        if not isinstance(self.weight, Real) or isinstance(self.weight, bool) or not self.weight >= 1:
            raise ModelError(
                f"the weight must be a number from 1 on, got {self.weight!r}; 1 is Speedy(), inf the largest safe weight"
            )
        check_steps("steps", self.steps)

    @property
    def sweep(self) -> Sweep:
        """For the compiled loop."""
        return Sweep(self.steps, 1, 1.0, float(self.weight))
