"""Plain Q-learning, a sweep at a time: Q <- Q + step (T Q - Q), T Q the mean over the samples of r + beta max Q(t, .).

Steps of 1 / (1 + k) average all sweeps alike, those too at the wrong values of the start: the error falls like k^-(1 - beta).
Larger steps forget the start and keep more noise.

Reference: C. J. C. H. Watkins, P. Dayan, "Q-learning", Machine Learning 8 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass

from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.speedy import FORGETTING
from rmab.learn.tabular.sweep_rule import Sweep, SweepRule


@dataclass(frozen=True)
class PlainSweeps(SweepRule):
    """Plain Q-learning in synchronous sweeps.

    Parameters
    ----------
    steps : Steps
        Step sizes by sweeps.

    Raises
    ------
    ModelError
        If the steps are not :class:`Steps`.

    Examples
    --------
    >>> PlainSweeps(Steps(0.1)).sweep.momentum
    0.0
    """

    steps: Steps = FORGETTING

    def __post_init__(self) -> None:
        check_steps("steps", self.steps)

    @property
    def sweep(self) -> Sweep:
        """For the compiled loop."""
        return Sweep(self.steps, 1, 0.0, 1.0)
