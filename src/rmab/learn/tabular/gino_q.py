"""GINO-Q, improved: the gain index learned without the model, under the budget from the first period on. The changes are ours.

Problem
-------
The gain index (:mod:`rmab.index.gain`) is W(s) + price, W the advantage of acting for one arm that pays the price for every
activation, and the price is where the arms of their own accord would use the budget. Neither needs indexability. GINO-Q (Chen,
Liew, Gunduz; :mod:`rmab.learn.tabular.published_gino_q` is theirs as published) learns W by Q-learning and moves the price by
the dual's slope, on two time scales. Five things differ here.

1. It acts under the budget: on the arms of highest W, or, exploring, on arms drawn at random. Theirs acts on every arm by
   itself and breaks the budget in almost every period, which only a simulator allows, and biases the price by the exploration.
2. The slope is the budget less the arms whose W is positive where they are now, not a second table learned by SARSA.
3. Step sizes ``scale / (1 + n / horizon)^power`` with powers below 1 forget what was learned at wrong prices; steps of 1 / n
   never do. The price's step is per arm and in units of the range of rewards seen, so that one setting serves all sizes.
4. No gate that freezes the price whenever the slope, which is noisy, has grown.
5. What is learned is the mean of the scores with weights that grow like t^2, not the last of them. Near a tie the scores, and
   the price with them, wander about the cut of the budget for ever; their mean does not.

Algorithm (a period)
--------------------
1. Act; see rewards and next states.
2. Q(s, a) += gain (r - price a + beta max Q(s') - f(Q) - Q(s, a)) for every arm, f the mean of the table on average and 0 with
   a discount.
3. After ``warm`` periods, price -= step * range * (budget - eager arms) / N; under an "at most" budget it stays at 0 or above.

With a discount the price balances the budget in the long run, where the index of :func:`rmab.gain_index` does from the start
states of the problem: the two differ where the start matters.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024); for 5, O. Shamir, T. Zhang, "Stochastic gradient descent for non-smooth optimization:
convergence results and optimal averaging schemes", ICML (2013). Cost: O(N) per period, memory O(K S).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.gino_q import absorb_gino, learn_gino
from rmab.learn.exploration import EpsilonGreedy, Exploration, check_exploration
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.aggregation import Aggregation, aggregated, check_aggregation
from rmab.models.arrays import whole_number


@dataclass(frozen=True)
class GinoQ(Learner):
    """The gain index without the model, under the budget; GINO-Q with changes of ours.

    Parameters
    ----------
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence
        How the budget is spent on what is not known.
    table : Steps
        Step sizes of the table, by the visits of a cell.
    price : Steps
        Step sizes of the price, by periods since ``warm``; in units of the range of the rewards seen.
    warm : int
        Periods before the price moves.
    averaging : int
        The power ``eta`` of the weights of the mean, from 0 (all periods alike) on.
    aggregation : Aggregation, optional
        Which states share what is learned.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> from rmab.learn.trainer import train
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20, exactly=True), Average())
    >>> training = train(GinoQ(), problem, steps=2_000, seeds=2, rng=0)
    >>> float(abs(training.index - [0.833333, 0.666667]).max()) < 0.1
    True
    """

    guarded: ClassVar = ("score", "q", "charge")

    exploration: Exploration = field(default=EpsilonGreedy(0.3, decay=2000, floor=0.1), kw_only=True)
    table: Steps = field(default=Steps(0.2, horizon=500, power=0.7), kw_only=True)
    price: Steps = field(default=Steps(0.02, horizon=500, power=0.8), kw_only=True)
    warm: int = field(default=200, kw_only=True)
    averaging: int = field(default=2, kw_only=True)
    aggregation: Aggregation | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_exploration(self.exploration)
        check_steps("table", self.table)
        check_steps("price", self.price)
        whole_number("warm", self.warm, 0)
        whole_number("averaging", self.averaging, 0)
        check_aggregation(self.aggregation)

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables and price."""
        shared = aggregated(self.aggregation, setting.n_states)
        types, clusters = setting.n_types, shared.n_clusters
        return blank(setting) | {
            "label": shared.labels(setting.n_states),
            "q": np.zeros((types, clusters, 2, 1)),
            "charge": np.zeros((types, 1)),
            "cost": np.array([0.0, 1.0]),
            "gain": np.zeros((types, clusters, 2)),
            "offset": np.zeros((types, 1)),
            "td": np.zeros((types, clusters, 2)),
            "mean": np.zeros(setting.cells),
            "watch": np.zeros(2),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        learn_gino(world, crowd, self.actor(setting), first, last, *self._knowledge(memory, setting))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        budget = setting.budget
        absorb_gino(crowd, budget.k, budget.exactly, step, *self._knowledge(memory, setting))

    def learned(self, memory: Memory) -> NDArray[np.float64]:
        """The mean of the scores."""
        return memory["mean"]

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The mean price, how far the budget is from balance at it, per arm, and the largest mean TD error of a cell."""
        return {
            "price": float(memory["watch"][1]),
            "imbalance": float(abs(memory["watch"][0])),
            "td_error": float(np.abs(memory["td"]).max()),
        }

    def _knowledge(self, memory: Memory, setting: Setting) -> tuple:
        tables = tuple(memory[name] for name in ("q", "charge", "cost", "gain", "offset", "td"))
        named = tuple(memory[name] for name in ("score", "level", "visits", "label"))
        price = self.price
        pace = tuple(map(float, (price.scale, self.warm, price.horizon, price.power, self.averaging)))
        return *named, tables, self.table.numbers, setting.beta, (pace, memory["mean"], memory["watch"])
