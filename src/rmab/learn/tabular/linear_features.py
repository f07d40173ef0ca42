"""Q-learning with linear features: the gain index where states are too many for a table, or alike in known ways.

Problem
-------
Q(s, a) = phi(s) . theta_a for given features phi(s) of D numbers, one theta_a per type and action, at one price for every
activation. Acting is worth W(s) = phi(s) . (theta_1 - theta_0), and W(s) + price ranks, as for the gain index
(:mod:`rmab.index.gain`). With one feature per state this is :class:`rmab.learn.GinoQ`; with one feature per cluster of states
it is state aggregation (``Aggregation.features``).

Algorithm (a period)
--------------------
1. Act under the budget by the present ranking, or explore; see rewards and next states.
2. For every arm, delta = r - price a + beta max_b Q(t, b) - f - Q(s, a), theta_a += gain delta phi(s): f is the mean of Q on
   average and 0 with a discount.
3. After ``warm`` periods, price -= step * range * (budget - arms that would act at it) / N, not below 0 under "at most". What
   is learned is the mean of W + price over the periods, late ones counting more, as in :class:`rmab.learn.GinoQ`.

What can go wrong
-----------------
* Step 2 is a *semi*-gradient: it descends no error. States are visited as the budget and exploration have it, not as the greedy
  policy at the price would, and off-policy learning with function approximation can diverge (the example of Baird), with any
  step size. It does not with aggregation, whose features are 0 and 1 with one 1 per state. Diverging runs are ended by the
  guard of :func:`rmab.learn.train`; smaller steps only delay it, other features may help.
* What it converges to is biased where the features cannot express Q, and weighs states by their visits. The mean of delta
  in a state, ``memory["td"]``, is the Bellman residual there: large where the features fail. It bounds no error of the ranking.
* Features enter as they are: with |phi(s)| at most 1, a step of ``gain`` moves Q(s, a) by at most the share ``gain`` of delta.
  That is why larger ones are refused.

References: L. Baird, "Residual algorithms: reinforcement learning with function approximation", ICML (1995); J. N. Tsitsiklis,
B. Van Roy, "An analysis of temporal-difference learning with function approximation", IEEE Transactions on Automatic Control 42
(1997); K. Avrachenkov, V. Borkar, P. Shah, "Lagrangian index policy for restless bandits with average reward", arXiv:2412.12641
(2024), for the index. Cost: O(N A D) per period, memory O(K A (D + S)).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.linear_q import absorb_linear, learn_linear
from rmab.errors import ModelError
from rmab.learn.exploration import Exploration, check_exploration
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.gino_q import GinoQ
from rmab.models.arrays import float_array, whole_number

ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class LinearQ(Learner):
    """The gain index by Q-learning with linear features; discounted or average.

    Parameters
    ----------
    features : array_like, shape (S, D)
        Features of every state, the same for all types; each row of Euclidean norm above 0 and at most 1.
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence
        How the budget is spent on what is not known.
    table : Steps
        Step sizes of the parameters, by the visits of a state's features.
    price : Steps
        Step sizes of the price, by periods since ``warm``; in units of the range of the rewards seen.
    warm : int
        Periods before the price moves.
    averaging : int
        The power ``eta`` of the weights t**eta with which the index is the mean of the scores, from 0 (all periods alike) on.

    Raises
    ------
    ModelError
        If an option is not well formed, or the features of a state are all 0 or too large.

    Examples
    --------
    >>> from rmab.learn.experience import new_crowd, world_of
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20), Average())
    >>> learner, setting = LinearQ([[0.5, 0.5], [0.5, -0.5]]), Setting.of(problem)
    >>> crowd, memory = new_crowd(problem, setting, seed=0), learner.memory(setting)
    >>> learner.learn(world_of(problem), crowd, memory, setting, 0, 5_000)
    >>> bool(abs(learner.policy(memory, setting).values - [[0.833333, 0.666667]]).max() < 0.1)
    True
    """

    guarded: ClassVar = ("score", "theta", "level")

    features: NDArray[np.float64] | ArrayLike
    exploration: Exploration = field(default=GinoQ.exploration, kw_only=True)
    table: Steps = field(default=GinoQ.table, kw_only=True)
    price: Steps = field(default=GinoQ.price, kw_only=True)
    warm: int = field(default=GinoQ.warm, kw_only=True)
    averaging: int = field(default=GinoQ.averaging, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", _checked_features(self.features))
        check_exploration(self.exploration)
        check_steps("table", self.table)
        check_steps("price", self.price)
        whole_number("warm", self.warm, 0)
        whole_number("averaging", self.averaging, 0)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions, and features for every state."""
        super().check(setting)
        if len(self._rows) != setting.n_states:
            raise ModelError(f"there are features of {len(self._rows)} states, but the arms have {setting.n_states}")

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero parameters and price."""
        types, width, actions = setting.n_types, self._rows.shape[1], setting.n_actions
        return blank(setting) | {
            "theta": np.zeros((types, actions, width)),
            "seen": np.zeros((types, actions, width)),
            "gain": np.zeros((*setting.cells, actions)),
            "offset": np.zeros(types),
            "td": np.zeros((*setting.cells, actions)),
            "mean": np.zeros(setting.cells),
            "watch": np.zeros(2),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        acting = memory["score"], memory["level"], memory["visits"]
        learn_linear(world, crowd, self.actor(setting), first, last, *acting, *self._knowledge(memory, setting))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        budget, knowledge = setting.budget, self._knowledge(memory, setting)
        absorb_linear(crowd, budget.k, budget.exactly, step, memory["score"], memory["level"], *knowledge)

    def learned(self, memory: Memory) -> NDArray[np.float64]:
        """The mean of the scores."""
        return memory["mean"]

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The mean price, how far the budget is from balance at it, and the Bellman residual: the largest, and by visits."""
        visits = memory["visits"]
        residual = float((visits * np.abs(memory["td"])).sum() / max(visits.sum(), 1))
        return {
            "price": float(memory["watch"][1]),
            "imbalance": float(abs(memory["watch"][0])),
            "td_error": float(np.abs(memory["td"]).max()),
            "residual": residual,
        }

    @property
    def _rows(self) -> NDArray[np.float64]:
        assert isinstance(self.features, np.ndarray)  # made one in __post_init__
        return self.features

    def _knowledge(self, memory: Memory, setting: Setting) -> tuple:
        rows = self._rows.copy()
        squares = rows**2
        weight = squares / squares.sum(axis=1, keepdims=True)
        overlap = rows @ rows.sum(axis=0) / (setting.n_states * setting.n_actions)
        tables = tuple(memory[name] for name in ("theta", "seen", "gain", "offset", "td"))
        price = self.price
        pace = tuple(map(float, (price.scale, self.warm, price.horizon, price.power, self.averaging)))
        return (rows, weight, overlap), tables, self.table.numbers, setting.beta, (pace, memory["mean"], memory["watch"])


def _checked_features(features: ArrayLike) -> NDArray[np.float64]:
    rows = float_array("features", features)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ModelError(f"features must have shape (S, D), one row per state, got {rows.shape}")
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        raise ModelError(f"feature {bad[0][1]} of state {bad[0][0]} is {rows[tuple(bad[0])]}; features must be finite")
    size = np.linalg.norm(rows, axis=1)
    empty = np.flatnonzero(size == 0)
    if len(empty):
        raise ModelError(f"the features of state {empty[0]} are all 0, so nothing can be learned there; add a constant feature")
    large = np.flatnonzero(size > 1 + ROUNDING)
    if len(large):
        raise ModelError(
            f"the features of state {large[0]} have norm {size[large[0]]:.4g}, but may have at most 1; divide all features by "
            f"the largest norm, {size.max():.6g}"
        )
    rows.setflags(write=False)
    return rows
