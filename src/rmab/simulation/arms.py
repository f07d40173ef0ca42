"""The per-arm engine: every arm has a state; any policy can be run.

A priority rule, or a rule that scores arms by luck or by meters, runs in a compiled kernel from the first to the last period.
Any other policy is asked for its actions once per period and replicate; the arms then move by the same kernel and the same
random numbers, so a policy given in both forms sees the same arms. Cost per period: O(N).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.alias import build_alias
from rmab._kernels.arms_engine import TILE, advance, charge, run_arms, settle, start_arms, sum_up
from rmab._kernels.scored_engine import run_scored
from rmab.models.budget import Knapsack
from rmab.models.problem import Problem
from rmab.policies.base import Policy, PriorityRule
from rmab.policies.rules import RandomisedRule, ScoredRule
from rmab.simulation.engine import Record, Workers, check_used, empty_record, period_weights, rule_tables, whole_actions
from rmab.simulation.streams import key, policy_generator

Tables = tuple[NDArray[np.uint64], NDArray[np.int32]]


class Cohort(NamedTuple):
    """The arrays of a problem that the per-arm kernels take."""

    first_arm: NDArray[np.int64]
    fixed: NDArray[np.int32]
    start: Tables
    moves: Tables
    rewards: NDArray[np.float64]
    dues: tuple[NDArray[np.float64], NDArray[np.float64]]

    def empty_record(self, replicates: int) -> Record:
        """Room for what is seen in ``replicates`` replicates."""
        costs, weight = self.dues
        return empty_record(replicates, len(weight), costs.shape)


def simulate_rule(
    problem: Problem, rule: PriorityRule, *, steps: int, replicates: int, number: int, workers: Workers, burn_in: int = 0
) -> Record:
    """Run a priority rule; ``number`` is the entropy of the run, what arms owe counts after ``burn_in`` periods.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[3])
    >>> problem = Problem(arms, TopK(1), Average(), start=0)
    >>> rule = PriorityRule([[1.0, -1.0]])
    >>> simulate_rule(problem, rule, steps=4, replicates=1, number=0, workers=Workers()).reward
    array([[0., 1., 2., 3.]])
    """
    tables = rule_tables(rule, exactly=problem.budget.exactly)
    work = partial(_rule_chunk, _cohort(problem, steps, burn_in), tables, problem.budget.k, key(number))
    return workers.run(work, replicates)


def simulate_scored(
    problem: Problem, rule: ScoredRule, *, steps: int, replicates: int, number: int, workers: Workers, burn_in: int = 0
) -> Record:
    """Run a rule that scores every arm in every period, by luck or by meters.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[3])
    >>> problem = Problem(arms, TopK(1), Average(), start=0)
    >>> rule = RandomisedRule([[[1.0], [-1.0]]], [[[1.0], [1.0]]])
    >>> simulate_scored(problem, rule, steps=4, replicates=1, number=0, workers=Workers()).reward
    array([[0., 1., 2., 3.]])
    """
    threshold = -np.inf if problem.budget.exactly else rule.threshold
    tables = _scored_tables(problem, rule)
    work = partial(_scored_chunk, _cohort(problem, steps, burn_in), tables, problem.budget.k, threshold, key(number))
    return workers.run(work, replicates)


def simulate_policy(
    problem: Problem, policy: Policy, *, steps: int, replicates: int, number: int, workers: Workers, burn_in: int = 0
) -> Record:
    """Run any policy, asking it for its actions in every period.

    Raises
    ------
    ModelError
        If the policy returns anything but one known action per arm.
    InfeasibleBudget
        If it acts on more arms than the budget allows, or on fewer when the budget must be used exactly.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.policies.baselines import RoundRobin
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[3])
    >>> problem = Problem(arms, TopK(1), Average(), start=0)
    >>> simulate_policy(problem, RoundRobin(), steps=4, replicates=1, number=0, workers=Workers()).reward
    array([[0., 1., 2., 3.]])
    """
    work = partial(_policy_chunk, _cohort(problem, steps, burn_in), problem, policy, number)
    return workers.run(work, replicates)


def _rule_chunk(cohort: Cohort, tables: Any, budget: int, words: NDArray[np.uint64], first: int, last: int) -> Record:
    record = cohort.empty_record(last - first)
    run_arms(first, words[0], words[1], *cohort, tables, budget, tuple(record))
    return record


def _scored_chunk(
    cohort: Cohort, tables: Any, budget: int, threshold: float, words: NDArray[np.uint64], first: int, last: int
) -> Record:
    record = cohort.empty_record(last - first)
    run_scored(first, words[0], words[1], *cohort, tables, budget, threshold, tuple(record))
    return record


def _policy_chunk(cohort: Cohort, problem: Problem, policy: Policy, number: int, first: int, last: int) -> Record:
    record = cohort.empty_record(last - first)
    for replicate in range(first, last):
        _policy_replicate(cohort, problem, policy, number, replicate, record, replicate - first)
    return record


def _policy_replicate(
    cohort: Cohort, problem: Problem, policy: Policy, number: int, replicate: int, record: Record, row: int
) -> None:
    words, rng = key(number), policy_generator(number, replicate)
    bits = np.empty(TILE, dtype=np.uint64)
    state = np.empty(cohort.first_arm[-1], dtype=np.int32)
    start_arms(replicate, words[0], words[1], cohort.first_arm, cohort.fixed, cohort.start, state, bits)
    tally = np.zeros(cohort.rewards.shape, dtype=np.int64)
    counts = np.zeros(tally[:, 0].size, dtype=np.int64)
    costs, weight = cohort.dues
    owed = np.zeros((len(costs), len(state)))
    for t in range(len(weight)):
        action = _checked_actions(problem, policy.actions(problem, state.astype(np.int64), step=t, rng=rng), t)
        charge(weight[t], costs, cohort.first_arm, state, action, owed)
        advance(replicate, t, words[0], words[1], cohort.first_arm, *cohort.moves, state, action, bits, tally, counts)
        record.reward[row, t], record.acted[row, t] = settle(tally, cohort.rewards, record.occupancy[t])
    sum_up(cohort.first_arm, owed, record.excess[row], record.violation[row])


def _checked_actions(problem: Problem, actions: ArrayLike, step: int) -> NDArray[np.int32]:
    given = whole_actions(actions, problem.arms.n_arms, problem.arms.n_actions, step)
    budget = problem.budget
    if isinstance(budget, Knapsack):
        budget.check_spent(np.bincount(problem.arms.type_of_arm[given > 0], minlength=problem.arms.n_types), step)
    else:
        check_used(budget, given, step, least=budget.k)
    return given


def _cohort(problem: Problem, steps: int, burn_in: int) -> Cohort:
    arms = problem.arms
    first_arm = np.concatenate([[0], np.cumsum(arms.multiplicity)])
    states = problem.start_states
    fixed = np.empty(0, dtype=np.int32) if states is None else states.astype(np.int32)
    # the kernels are compiled for writable arrays only, hence the copy
    start, moves = _tables(problem.start_distribution), _tables(arms.transitions)
    dues = problem.excess_costs, period_weights(problem, steps, burn_in)
    return Cohort(first_arm, fixed, start, moves, arms.rewards.copy(), dues)


def _scored_tables(problem: Problem, rule: ScoredRule) -> tuple[Any, Any]:
    """The rule as the kernel takes it, writable: the half that it does not use is empty."""
    cells = problem.arms.n_types, problem.arms.n_states
    if isinstance(rule, RandomisedRule):
        shapes: list[tuple[int, ...]] = [(0, 0), (*cells, 1), (0, *problem.arms.rewards.shape), (0, cells[0]), (0,), (0,)]
        return (rule.levels.copy(), rule.chance.copy()), tuple(np.empty(shape) for shape in shapes)
    luck = np.empty((*cells, 0)), np.empty((*cells, 0))
    parts = (rule.grid, rule.table.reshape(*cells, -1), rule.increments, rule.start, rule.floor, rule.ceiling)
    return luck, tuple(part.copy() for part in parts)


def _tables(rows: NDArray[np.float64]) -> Tables:
    threshold = np.empty(rows.shape, dtype=np.uint64)
    alias = np.empty(rows.shape, dtype=np.int32)
    size = rows.shape[-1]
    build_alias(rows.reshape(-1, size).copy(), threshold.reshape(-1, size), alias.reshape(-1, size))
    return threshold, alias
