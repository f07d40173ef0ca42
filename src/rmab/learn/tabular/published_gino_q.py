"""GINO-Q as published: relative Q-learning, SARSA for how often an arm acts, and a price that is moved when the excess shrinks.

Problem
-------
As for :mod:`rmab.learn.tabular.gino_q`: the advantage of acting, W, at the price at which the arms would use the budget.

Algorithm (a period t, tables shared by the arms of a type)
-----------------------------------------------------------
1. Every arm acts for itself, greedily in its table with exploration. That breaks the budget in almost every period; it is done
   here if the training is ``decoupled=True``, as in the paper, and under the budget otherwise.
2. Q(s, a) += C2 / (n sqrt(log n)) (r - price a + max Q(s') - Q(s, a) - mean of Q), n the visits of the cell.
3. D(s, a) += C1 / n (a + D(s', argmax Q(s')) - D(s, a) - h), h = max_b D(s0, b): h estimates the activations per period.
4. y = budget - sum over arms of h; if |y| is below the last one, price -= C3 / (t log t) y in every C4-th period.

The paper does not print its constants. With all of them 1 the method fails on most problems: the price does not move far
enough, or, as y grows with the arms, much too far. C1 and C2 default to the best we found on five problems with 100 arms. C3
has no default that suits: it is best at 0.07 times the range of the rewards times 100 / N (with 0.02 times it, four of five
runs on the flipped arm end far from the price), and its default of 0.02 is only small. Chains longer than a few states, such
as the mentoring arm, defeat every constant that we tried.
Logarithms are of n + 1, since log 1 is 0, and no step of a table is above 1.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024), equations 15 to 17. Average criterion only, as there. Cost: O(N) per period.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.published_gino_q import IMBALANCE, absorb_published, learn_published
from rmab.errors import ModelError
from rmab.learn.exploration import EpsilonGreedy, Exploration, check_exploration, positive
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.models.arrays import whole_number
from rmab.models.criterion import Average


@dataclass(frozen=True)
class PublishedGinoQ(Learner):
    """GINO-Q with the published rules; :class:`~rmab.learn.tabular.gino_q.GinoQ` is the one to use.

    Parameters
    ----------
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence
        Of every arm if decoupled, of the whole budget otherwise.
    fast, slow : float
        C1 of the activations and C2 of the values.
    pace : float
        C3 of the price, in reward per activation and arm over budget; to be fitted, see above.
    every : int
        C4, periods between moves of the price.
    reference : int
        State s0 at which the activations are read off.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> PublishedGinoQ().fast, PublishedGinoQ().slow
    (9.0, 60.0)
    """

    guarded: ClassVar = ("score", "q", "d", "level")

    exploration: Exploration = field(default=EpsilonGreedy(0.3, decay=np.inf, floor=0.0), kw_only=True)
    fast: float = field(default=9.0, kw_only=True)
    slow: float = field(default=60.0, kw_only=True)
    pace: float = field(default=0.02, kw_only=True)
    every: int = field(default=10, kw_only=True)
    reference: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        check_exploration(self.exploration)
        for name in ("fast", "slow", "pace"):
            positive(name, getattr(self, name))
        whole_number("every", self.every, 1)
        whole_number("reference", self.reference, 0)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions, the average criterion, and such a reference state."""
        super().check(setting)
        if not isinstance(setting.criterion, Average):
            raise ModelError(f"GINO-Q as published knows Average() only, got {setting.criterion!r}; use GinoQ")
        if self.reference >= setting.n_states:
            raise ModelError(f"the reference state is {self.reference}, but states run from 0 to {setting.n_states - 1}")

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables and price, and an excess before of the number of arms."""
        shape = (*setting.cells, 2)
        return blank(setting) | {
            "q": np.zeros((*shape, 1)),
            "d": np.zeros((*shape, 1)),
            "seen": np.zeros(shape, dtype=np.int64),
            "label": np.arange(setting.n_states),
            "offset": np.zeros(setting.n_types),
            "td": np.zeros(shape),
            "watch": np.array([float(setting.n_arms), 0.0]),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        actor, named = self.actor(setting), (memory["score"], memory["level"], memory["visits"])
        learn_published(world, crowd, actor, first, last, *named, *self._knowledge(memory))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        absorb_published(crowd, setting.budget.k, step, memory["score"], memory["level"], *self._knowledge(memory))

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The price, how far the budget is from balance at it, per arm, and the largest mean TD error of a cell."""
        return {
            "price": float(memory["level"][0]),
            "imbalance": float(abs(memory["watch"][IMBALANCE])),
            "td_error": float(np.abs(memory["td"]).max()),
        }

    def _knowledge(self, memory: Memory) -> tuple:
        tables = tuple(memory[name] for name in ("q", "d", "seen", "label", "offset", "td"))
        constants = (float(self.fast), float(self.slow), float(self.pace), int(self.every))
        return tables, constants, int(self.reference), memory["watch"]
