"""LPQL: Lagrange policies learned by Q-learning, for several actions of different cost.

Problem
-------
Action a takes c(a) of the budget k, 0 = c(0) < c(1) < ... Charge every unit of cost y. One arm then solves

    Q(y; s, a) = r(s, a) - y c(a) + beta sum_t P(t | s, a) max_b Q(y; t, b),

and the relaxed problem from the present states is worth sum_i max_a Q(y; s_i, a) + y k / (1 - beta), which is least at the
right charge. The policy chooses the actions of largest sum_i Q(y; s_i, a_i) + y c(a_i) within the budget. It is the gain index
with a charge that follows the states, for any number of actions; with two, the index is Q(y; s, 1) - Q(y; s, 0) + y c(1).

Algorithm (a period)
--------------------
1. Find the charge of the grid for the present states.
2. Spend the budget at that charge, or, with a chance of epsilon, on arms in random order by random affordable actions.
3. All charges of the grid learn from all transitions, off policy: for every l,
   Q(l; s, a) += gain (r - y(l) c(a) + beta max Q(l; t) - Q(l; s, a)).

Where this differs from the paper: there the charge stays subtracted in step 2, which prices this period twice, by the charge
and by the budget, and leaves budget unspent. Here it is added back. The knapsack is solved by dynamic programming.

The grid must hold the charge that the budget asks for. The largest reward less the smallest, over (1 - beta), is always enough
at the top, and mostly far too much: the error of the charge is up to half the distance of neighbours. Rewards are not known
before they are seen, so the grid is the user's.

Reference: J. A. Killian, A. Biswas, S. Shah, M. Tambe, "Q-learning Lagrange policies for multi-action restless bandits", KDD
(2021), arXiv:2106.12024. Cost: O(N A L) per period for L charges, memory O(K S A L).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.lpql import absorb_lpql, act_lpql, learn_lpql
from rmab.errors import ModelError
from rmab.learn.exploration import EpsilonGreedy
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.aggregation import Aggregation, aggregated, check_aggregation
from rmab.models.criterion import Discounted
from rmab.policies.action_values import action_costs, check_exact, in_units
from rmab.policies.charged_values import ChargedValuePolicy, charge_grid


@dataclass(frozen=True)
class LPQL(Learner):
    """Lagrange policies of two or more actions by Q-learning on a grid of charges; discounted criterion.

    Parameters
    ----------
    charges : iterable of float, length L
        Charges per unit of cost, rising, in the unit of the rewards.
    costs : iterable of float, length A, optional
        What an action takes of the budget's ``k``: 0 for action 0, rising, at least 1 from action 1 on. Default 0, 1, 2, ...
        The simulator and the bounds count arms acted on; as every action costs at least 1, both hold, the bounds loosely.
    exploration : EpsilonGreedy
        How often the budget is spent at random.
    table : Steps
        Step sizes of the tables, by the visits of a cell.
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
    >>> from rmab.models.problem import Problem
    >>> moves = [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]], [[0.1, 0.9], [0.0, 1.0]]]
    >>> problem = Problem(Arms(moves, [[0, 1]] * 3, multiplicity=[50]), TopK(20), Discounted(0.9))
    >>> learner, setting = LPQL([0.0, 0.2, 0.4, 0.6, 0.8]), Setting.of(problem)
    >>> crowd, memory = new_crowd(problem, setting, seed=0), learner.memory(setting)
    >>> learner.learn(world_of(problem), crowd, memory, setting, 0, 5_000)
    >>> policy = learner.policy(memory, setting)
    >>> policy.charge(problem, crowd.state), int(policy.actions(problem, crowd.state).sum())
    (0.6, 20)
    """

    guarded: ClassVar = ("q",)

    charges: ArrayLike
    costs: ArrayLike | None = None
    exploration: EpsilonGreedy = field(default=EpsilonGreedy(0.3, decay=inf), kw_only=True)
    table: Steps = field(default=Steps(0.5, horizon=20, power=0.8), kw_only=True)
    aggregation: Aggregation | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "charges", tuple(charge_grid(self.charges).tolist()))
        object.__setattr__(self, "costs", checked_costs(self.costs))
        check_coin(self.exploration, "LPQL")
        check_steps("table", self.table)
        check_aggregation(self.aggregation)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless the criterion is discounted, the budget kept while learning, and costs fit."""
        check_coupled(setting, "LPQL")
        check_exact(setting.budget.exactly, action_costs(self.costs, setting.n_actions))
        if not isinstance(setting.criterion, Discounted):
            raise ModelError(f"LPQL chooses its charge by discounted values, not for {setting.criterion!r}; use MAIQL")
        if not setting.budget.exactly and charge_grid(self.charges)[0] < 0:
            raise ModelError("a budget that need not be used up has no charge below 0; let the charges start at 0")

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables, and the lowest charge."""
        groups, charges = aggregated(self.aggregation, setting.n_states), charge_grid(self.charges)
        types, actions, clusters = setting.n_types, setting.n_actions, groups.n_clusters
        return blank(setting) | {
            "label": groups.labels(setting.n_states),
            "q": np.zeros((types, clusters, actions, len(charges))),
            "charge": np.tile(charges, (types, 1)),
            "gain": np.zeros((types, clusters, actions)),
            "offset": np.zeros((types, len(charges))),
            "td": np.zeros((types, clusters, actions)),
            "lane": np.zeros(1, dtype=np.int64),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        table, choice = self._tables(memory, setting), _choice(memory)
        args = memory["visits"], memory["label"], table, choice, self._spending(setting), self.table.numbers, setting.beta
        learn_lpql(world, crowd, self.actor(setting), first, last, *args)

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        table, choice = self._tables(memory, setting), _choice(memory)
        absorb_lpql(crowd, step, memory["visits"], memory["label"], table, choice, self.table.numbers, setting.beta)

    def act(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Choose charge and actions of one period, and count the visits."""
        table, choice = self._tables(memory, setting), _choice(memory)
        args = memory["visits"], memory["label"], table, choice, self._spending(setting), setting.beta
        act_lpql(crowd, self.actor(setting), step, *args)

    def policy(self, memory: Memory, setting: Setting) -> ChargedValuePolicy:
        """The tables, with a charge that follows the states."""
        values = memory["q"][:, memory["label"]].transpose(0, 2, 1, 3)
        return ChargedValuePolicy(values, self.charges, action_costs(self.costs, setting.n_actions))

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The present charge, the largest mean TD error of a cell, and the largest value."""
        return {
            "price": float(memory["level"][0]),
            "td_error": float(np.abs(memory["td"]).max()),
            "largest_q": float(np.abs(memory["q"]).max()),
        }

    def alarms(self, memory: Memory, setting: Setting) -> tuple[str, ...]:
        """Says so when the charge sits at the top of the grid."""
        if memory["lane"][0] == memory["charge"].shape[1] - 1 and memory["visits"].any():
            return (f"the charge is the highest of the grid, {memory['level'][0]:.6g}; let the charges go higher",)
        return ()

    def _tables(self, memory: Memory, setting: Setting) -> tuple:
        q, charge, gain, offset, td = (memory[name] for name in ("q", "charge", "gain", "offset", "td"))
        return q, charge, action_costs(self.costs, setting.n_actions).copy(), gain, offset, td

    def _spending(self, setting: Setting) -> tuple:
        costs = action_costs(self.costs, setting.n_actions)
        units, room = in_units(costs, setting.budget.k)
        return (costs.copy(), float(setting.budget.k), False) if units is None else (units, room, True)


def checked_costs(costs: ArrayLike | None) -> tuple[float, ...] | None:
    """Costs of actions as a tuple, or ``None``; raises :class:`ModelError` as :func:`action_costs` does.

    Examples
    --------
    >>> checked_costs([0, 1, 3])
    (0.0, 1.0, 3.0)
    """
    if costs is None:
        return None
    given = np.atleast_1d(np.array(costs, dtype=object))
    return tuple(action_costs(costs, len(given)).tolist())


def check_coin(exploration: Any, name: str) -> None:
    """Raise :class:`ModelError` unless exploration is a coin that is tossed once a period."""
    if not isinstance(exploration, EpsilonGreedy):
        raise ModelError(f"with several actions {name} explores by EpsilonGreedy, got {exploration!r}")


def check_coupled(setting: Setting, name: str) -> None:
    """Raise :class:`ModelError` when arms should act for themselves."""
    if setting.decoupled:
        raise ModelError(f"{name} keeps the budget while it learns; leave out decoupled=True")


def _choice(memory: Memory) -> tuple:
    return memory["score"], memory["level"], memory["lane"]
