"""Phased Q-learning: Q(s, a) <- mean over m fresh samples of r + beta max Q(t, .), for all cells at once, without a step size.

Each phase is value iteration on the arm as the samples show it. The start is forgotten at the rate beta per phase; the noise of
m samples stays for ever.

Reference: M. Kearns, S. Singh, "Finite-sample convergence rates for Q-learning and indirect algorithms", NIPS (1998).
"""

from __future__ import annotations

from dataclasses import dataclass

from rmab.learn.steps import Steps
from rmab.learn.tabular.sweep_rule import Sweep, SweepRule
from rmab.models.arrays import whole_number


@dataclass(frozen=True)
class Phased(SweepRule):
    """Phased Q-learning.

    Parameters
    ----------
    samples : int
        Samples of every cell in a phase, m.

    Raises
    ------
    ModelError
        If ``samples`` is not a whole number from 1 on.

    Examples
    --------
    >>> Phased(20).sweep.samples
    20
    """

    samples: int = 20

    def __post_init__(self) -> None:
        whole_number("samples", self.samples, 1)

    @property
    def sweep(self) -> Sweep:
        """For the compiled loop."""
        return Sweep(Steps(1.0), int(self.samples), 0.0, 1.0)
