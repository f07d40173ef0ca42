"""Speedy Q-learning: what a table gains from one sweep to the next is taken over whole, and only the noise is averaged.

    Q_{k+1} = Q_k + a_k (T_k Q_{k-1} - Q_k) + (1 - a_k) (T_k Q_k - T_k Q_{k-1}),      a_k = 1 / (k + 1).

T_k is the mean over the samples of sweep k, the same in all three places. Without noise this is T Q_k but for terms of order
a_k: the error falls like 1 / ((1 - beta)^2 sqrt(k)), where plain Q-learning with a_k needs exponentially many sweeps in 1 / (1
- beta). The previous table must be one whole table: kept per entry, each of another time, the recursion need not converge.

Reference: M. G. Azar, R. Munos, M. Ghavamzadeh, H. J. Kappen, "Speedy Q-learning", NIPS (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.sweep_rule import Sweep, SweepRule

HARMONIC = Steps(1.0, horizon=1.0, power=1.0)
FORGETTING = Steps(0.2, horizon=200, power=0.7)


@dataclass(frozen=True)
class Speedy(SweepRule):
    """Speedy Q-learning in synchronous sweeps.

    Parameters
    ----------
    steps : Steps
        Step sizes by sweeps; the default, 1 / (k + 1), is the published one and suits a charge that does not move. Where
        charges move, what was averaged at old ones has to be forgotten: ``Steps(0.2, horizon=200, power=0.7)``.

    Raises
    ------
    ModelError
        If the steps are not :class:`Steps`.

    Examples
    --------
    >>> Speedy().steps.at(3)
    0.25
    """

    steps: Steps = HARMONIC

    def __post_init__(self) -> None:
        check_steps("steps", self.steps)

    @property
    def sweep(self) -> Sweep:
        """For the compiled loop."""
        return Sweep(self.steps, 1, 1.0, 1.0)
