"""MAIQL: an index of several actions by Q-learning, one charge for every action and state.

Problem
-------
Action a takes c(a) of the budget k, 0 = c(0) < c(1) < ... The index W(a, z) is the charge per unit of cost at which actions a
and a - 1 tie in state z: with

    Q(s, b) = r(s, b) - W(a, z) c(b) + beta sum_t P(t | s, b) max_d Q(t, d)         (average: minus the reward per period),

Q(z, a) = Q(z, a - 1). With two actions it is the Whittle index over c(1). Arms are raised action by action, highest W first.

Algorithm (a period)
--------------------
1. Raise arms by index while the budget lasts, or, with a chance of epsilon, spend it on arms in random order by random
   affordable actions.
2. Each pair (a, z) has a table of its own, in which its own charge is paid; all tables learn from all transitions.
3. W(a, z) += pace (Q(z, a) - Q(z, a - 1)) / (c(a) - c(a - 1)), slower than the tables learn, within a limit, and only when both
   actions have been taken in z often enough since it last moved.

A charge at which two actions tie need not exist, nor be the only one, and where both are worse than a third action, the tie
means little: where W rises in the action, arms are kept from a good action by a poor one below it (LPQL sees values and not
ties). What is learned is then where the iteration happens to stop, which depends on the start.

Reference: J. A. Killian, A. Biswas, S. Shah, M. Tambe, "Q-learning Lagrange policies for multi-action restless bandits", KDD
(2021), arXiv:2106.12024; K. Avrachenkov, V. Borkar, "Whittle index based Q-learning for restless bandits with average reward",
Automatica 139 (2022), arXiv:2004.14427, for two actions. Cost: O(N A L) per period and memory O(K S A L) with L = (A - 1) S.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.maiql import absorb_maiql, act_maiql, learn_maiql
from rmab.learn.exploration import EpsilonGreedy, positive
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.aggregation import Aggregation, aggregated, check_aggregation
from rmab.learn.tabular.lpql import check_coin, check_coupled, checked_costs
from rmab.models.arrays import whole_number
from rmab.policies.action_index import ActionIndexPolicy
from rmab.policies.action_values import action_costs, check_exact


@dataclass(frozen=True)
class MAIQL(Learner):
    """An index of two or more actions by Q-learning; discounted or average.

    Parameters
    ----------
    costs : iterable of float, length A, optional
        What an action takes of the budget's ``k``: 0 for action 0, rising, at least 1 from action 1 on. Default 0, 1, 2, ...
        The simulator and the bounds count arms acted on; as every action costs at least 1, both hold, the bounds loosely.
    exploration : EpsilonGreedy
        How often the budget is spent at random.
    table : Steps
        Step sizes of the tables, by the visits of a cell.
    index : Steps
        Step sizes of the index, by periods; slower than those of the tables.
    patience : int
        Visits of both actions before an index moves again. Where an action is seldom taken its table lags behind its charge,
        and few visits per move let the index swing far out.
    limit : float
        No index leaves plus or minus so many times the range of the rewards seen.
    aggregation : Aggregation, optional
        Which states share what is learned.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> from rmab.learn.experience import new_crowd, world_of
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20), Average())
    >>> learner, setting = MAIQL(), Setting.of(problem)
    >>> crowd, memory = new_crowd(problem, setting, seed=0), learner.memory(setting)
    >>> learner.learn(world_of(problem), crowd, memory, setting, 0, 5_000)
    >>> bool(abs(learner.policy(memory, setting).index - [[[0.833333, 0.571429]]]).max() < 0.05)
    True
    """

    guarded: ClassVar = ("q", "charge")

    costs: ArrayLike | None = None
    exploration: EpsilonGreedy = field(default=EpsilonGreedy(0.3, decay=inf), kw_only=True)
    table: Steps = field(default=Steps(0.1, horizon=500, power=0.7), kw_only=True)
    index: Steps = field(default=Steps(0.05, horizon=1000, power=0.8), kw_only=True)
    patience: int = field(default=10, kw_only=True)
    limit: float = field(default=10.0, kw_only=True)
    aggregation: Aggregation | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", checked_costs(self.costs))
        check_coin(self.exploration, "MAIQL")
        check_steps("table", self.table)
        check_steps("index", self.index)
        whole_number("patience", self.patience, 1)
        positive("the limit", self.limit)
        check_aggregation(self.aggregation)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless costs fit and the budget is kept while learning."""
        check_coupled(setting, "MAIQL")
        check_exact(setting.budget.exactly, action_costs(self.costs, setting.n_actions))

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables and indices."""
        groups = aggregated(self.aggregation, setting.n_states)
        types, actions, clusters = setting.n_types, setting.n_actions, groups.n_clusters
        lanes = (actions - 1) * clusters
        return blank(setting) | {
            "label": groups.labels(setting.n_states),
            "q": np.zeros((types, clusters, actions, lanes)),
            "charge": np.zeros((types, lanes)),
            "gain": np.zeros((types, clusters, actions)),
            "offset": np.zeros((types, lanes)),
            "td": np.zeros((types, clusters, actions)),
            "taken": np.zeros((types, lanes, 2), dtype=np.int64),
            "watch": np.array([np.inf, -np.inf, 0.0]),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        args = memory["visits"], memory["label"], self._tables(memory, setting), _index(memory), self._steps, setting.beta
        learn_maiql(world, crowd, self.actor(setting), first, last, *args)

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        args = memory["visits"], memory["label"], self._tables(memory, setting), _index(memory), self._steps, setting.beta
        absorb_maiql(crowd, step, *args)

    def act(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Choose the actions of one period, and count the visits."""
        args = memory["visits"], memory["label"], self._tables(memory, setting)
        act_maiql(crowd, self.actor(setting), step, *args)

    def policy(self, memory: Memory, setting: Setting) -> ActionIndexPolicy:
        """The index policy of what has been learned."""
        table = memory["charge"].reshape(setting.n_types, setting.n_actions - 1, -1)[:, :, memory["label"]]
        return ActionIndexPolicy(table, action_costs(self.costs, setting.n_actions))

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The mean gap between tying actions, the largest mean TD error of a cell, and the largest value and index."""
        return {
            "gap": float(memory["watch"][2]),
            "td_error": float(np.abs(memory["td"]).max()),
            "largest_q": float(np.abs(memory["q"]).max()),
            "largest_index": float(np.abs(memory["charge"]).max()),
        }

    def alarms(self, memory: Memory, setting: Setting) -> tuple[str, ...]:
        """Says so when an index has reached the limit."""
        low, high = memory["watch"][:2]
        if high <= low:
            return ()
        stuck = np.argwhere(np.abs(memory["charge"]) >= self.limit * (high - low))
        if not len(stuck):
            return ()
        lane = int(stuck[0][1])
        clusters = memory["q"].shape[1]
        where = f"type {stuck[0][0]}, action {lane // clusters + 1}, state {np.argmax(memory['label'] == lane % clusters)}"
        return (f"the index of {where} has reached the limit: there may be no charge at which its actions tie",)

    @property
    def _steps(self) -> tuple[float, ...]:
        return (*self.table.numbers, *self.index.numbers, float(self.limit), float(self.patience))

    def _tables(self, memory: Memory, setting: Setting) -> tuple:
        q, charge, gain, offset, td = (memory[name] for name in ("q", "charge", "gain", "offset", "td"))
        return q, charge, action_costs(self.costs, setting.n_actions).copy(), gain, offset, td


def _index(memory: Memory) -> tuple:
    return memory["score"], memory["taken"], memory["watch"]
