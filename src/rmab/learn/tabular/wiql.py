"""WIQL: plain Q-learning per arm, and acting where Q(s, 1) - Q(s, 0) is largest. A baseline, and not an index of Whittle.

**Warning.** The name promises the Whittle index; what is learned is the advantage of acting where no activation is ever
charged, which is the gain index at the price 0. It ranks well where the price of the problem is near 0 or the order does not
depend on it, and badly elsewhere: with 100 mentoring arms, 10 of them acted on, it ends on average a tenth to a quarter of the
way from random choice to the bound; on the circulant arm, where the two states that matter tie at the price 0, it is a matter
of luck and often no better than random choice.

Algorithm (a period t, tables shared by the arms of a type)
-----------------------------------------------------------
1. With chance N / (N + t) act on arms at random, otherwise on those of highest Q(s, 1) - Q(s, 0).
2. Q(s, a) += (r + beta max_b Q(s', b) - Q(s, a)) / (n + 1), n the visits of the cell, with the reward of the arm itself.

The paper learns with a discount below 1 and has no average criterion; where the problem's is the average, ``discount`` is used.

Reference: A. Biswas, G. Aggarwal, P. Varakantham, M. Tambe, "Learn to intervene: an adaptive learning policy for restless
bandits in application to preventive healthcare", IJCAI (2021). Cost: O(N) per period.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

import numpy as np

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.wiql import absorb_wiql, learn_wiql
from rmab.errors import ModelError
from rmab.learn.exploration import Chances, Exploration, check_exploration
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.models.criterion import Discounted


@dataclass(frozen=True)
class WIQL(Learner):
    """Q-learning without a charge, a baseline; see the warning above.

    Parameters
    ----------
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence, optional
        Default: as published, a random period with chance N / (N + t).
    discount : float
        Discount of the table where the problem has the average criterion, strictly between 0 and 1.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> WIQL(discount=0.95)
    WIQL(exploration=None, discount=0.95)
    """

    guarded: ClassVar = ("q",)

    exploration: Exploration | None = field(default=None, kw_only=True)  # type: ignore[assignment]
    discount: float = field(default=0.99, kw_only=True)

    def __post_init__(self) -> None:
        if self.exploration is not None:
            check_exploration(self.exploration)
        Discounted(self.discount)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions and the budget is kept."""
        super().check(setting)
        if setting.decoupled:
            raise ModelError("WIQL knows no price at which arms could act for themselves; leave decoupled out")

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: a zero table."""
        shape = (*setting.cells, 2)
        return blank(setting) | {
            "q": np.zeros((*shape, 1)),
            "seen": np.zeros(shape, dtype=np.int64),
            "label": np.arange(setting.n_states),
            "td": np.zeros(shape),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        named = (memory["score"], memory["level"], memory["visits"])
        learn_wiql(world, crowd, self.actor(setting), first, last, *named, *self._knowledge(memory, setting))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        absorb_wiql(crowd, memory["score"], *self._knowledge(memory, setting))

    def chances(self, setting: Setting) -> Chances:
        """Those of ``exploration``, or the published ones."""
        return Chances(1.0, float(setting.n_arms), 0.0, inf, 0.0) if self.exploration is None else self.exploration.chances

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The largest mean TD error of a cell."""
        return {"td_error": float(np.abs(memory["td"]).max())}

    def _knowledge(self, memory: Memory, setting: Setting) -> tuple:
        beta = setting.beta if isinstance(setting.criterion, Discounted) else float(self.discount)
        return *(memory[name] for name in ("q", "seen", "label", "td")), beta
