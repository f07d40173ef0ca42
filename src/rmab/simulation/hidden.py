"""The engines for arms whose states are hidden.

The *beliefs* engine follows the exact belief of every arm: what is seen next is drawn from the belief, and the reward booked is
its mean under the belief. The *states* engine draws hidden states, signals from them, and books the reward of the true state: a
check of the law, with the same means and more noise. In both the policy sees modes and beliefs only.

A rule on beliefs runs in a compiled kernel from the first to the last period; all but one that interpolates on anything but a
triangulation. Any other policy is asked for its actions once per period and replicate; the arms then move by the same kernel
and the same random numbers. Cost per period: O(N).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.hidden_engine import advance_hidden, note_beliefs, run_hidden, start_hidden
from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem
from rmab.policies.base import Policy, PriorityPolicy
from rmab.policies.belief import BeliefPolicy, HiddenPolicy, checked_belief_rule
from rmab.policies.belief_arrays import Laws, compilable, pack_laws, pack_rule, places_of
from rmab.policies.belief_information import Information, arms_by_type, available, padded
from rmab.policies.scored import ScoredPolicy
from rmab.simulation.engine import Record, Workers, check_used, empty_record, whole_actions
from rmab.simulation.streams import key, policy_generator

HIDDEN_ENGINES = ("auto", "beliefs", "states")
BITS = 62  # of a whole number that is never negative, less one


class Ward(NamedTuple):
    """The arrays of a problem that the kernels for hidden states take, and how sums of beliefs are noted."""

    first_arm: NDArray[np.int64]
    begin: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]
    laws: Laws
    crowded: bool
    sampled: bool
    unit: float


def hidden_engine(policies: Mapping[str, Policy | HiddenPolicy], engine: str) -> str:
    """The engine for hidden states that is meant; raises :class:`ModelError` if it is unknown, or a policy needs states.

    Examples
    --------
    >>> hidden_engine({}, "auto")
    'beliefs'
    """
    if engine not in HIDDEN_ENGINES:
        raise ModelError(f"unknown engine {engine!r} for hidden states; choose one of {', '.join(HIDDEN_ENGINES)}")
    for name, policy in policies.items():
        if isinstance(policy, PriorityPolicy | ScoredPolicy) and not isinstance(policy, BeliefPolicy):
            raise ModelError(
                f"{name}: {type(policy).__name__} needs to see states, which are hidden here; "
                "use BeliefIndexPolicy, or another policy on beliefs"
            )
    return "beliefs" if engine == "auto" else engine


def simulate_hidden(
    problem: HiddenProblem,
    policy: HiddenPolicy,
    *,
    steps: int,
    replicates: int,
    number: int,
    workers: Workers,
    sampled: bool = False,
) -> Record:
    """Run a policy on beliefs; ``number`` is the entropy of the run, ``sampled`` draws hidden states.

    Returns
    -------
    Record
        Its ``occupancy`` holds sums of beliefs.

    Raises
    ------
    ModelError
        If the policy does not fit the problem, or returns anything but one known and allowed action per arm.
    InfeasibleBudget
        If it acts on more arms than the budget allows, or on fewer than it could when the budget must be used exactly.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.policies.baselines import Myopic
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[1, 0], [1, 0]]])
    >>> problem = HiddenProblem(arms, TopK(1), Average(), multiplicity=[3], start=[0.25, 0.75])
    >>> simulate_hidden(problem, Myopic(), steps=4, replicates=1, number=0, workers=Workers()).reward
    array([[0.75, 0.75, 0.75, 0.75]])
    """
    size = (steps, replicates)
    rule = checked_belief_rule(problem, policy) if isinstance(policy, BeliefPolicy) else None
    if rule is not None and compilable(rule):
        places = places_of(problem, Information.at_start(problem), rule)[np.cumsum(problem.multiplicity) - 1]
        threshold = -np.inf if problem.budget.exactly else rule.threshold
        ward = _ward(problem, places, size, sampled)
        scorer = tuple(pack_rule(problem, rule))
        work = partial(_rule_chunk, problem, ward, scorer, threshold, steps, key(number))
    else:
        ward = _ward(problem, np.zeros(problem.n_types, dtype=np.int64), size, sampled)
        # a policy may keep notes between periods, so it is never asked from two threads at once
        workers = Workers(1, None, workers.progress)
        work = partial(_policy_chunk, problem, ward, policy, steps, number)
    record = workers.run(work, replicates)
    return record._replace(occupancy=record.occupancy / ward.unit)


def _rule_chunk(
    problem: HiddenProblem,
    ward: Ward,
    scorer: Any,
    threshold: float,
    steps: int,
    words: NDArray[np.uint64],
    first: int,
    last: int,
) -> Record:
    record = empty_record(last - first, steps, (0, problem.n_types, problem.n_actions, problem.n_states))
    numbers = record.reward, record.acted, record.occupancy
    ways = tuple(ward.laws), ward.crowded, ward.sampled
    lowest = max(threshold, np.finfo(np.float64).min)
    k = problem.budget.k
    run_hidden(first, words[0], words[1], ward.first_arm, ward.begin, *ways, scorer, k, lowest, ward.unit, numbers)
    return record


def _policy_chunk(
    problem: HiddenProblem, ward: Ward, policy: HiddenPolicy, steps: int, number: int, first: int, last: int
) -> Record:
    record = empty_record(last - first, steps, (0, problem.n_types, problem.n_actions, problem.n_states))
    for replicate in range(first, last):
        _policy_replicate(problem, ward, policy, number, replicate, record, replicate - first)
    return record


def _policy_replicate(
    problem: HiddenProblem, ward: Ward, policy: HiddenPolicy, number: int, replicate: int, record: Record, row: int
) -> None:
    words, rng = key(number), policy_generator(number, replicate)
    n, width = problem.n_arms, problem.n_states
    mode, belief, place = np.empty(n, dtype=np.int64), np.zeros((n, width)), np.empty(n, dtype=np.int64)
    state, passed = np.zeros(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    bits = np.empty(n + n % 2 if ward.crowded or ward.sampled else 0, dtype=np.uint64)
    after, mean = np.empty(width), np.empty(width)
    start_hidden(replicate, words[0], words[1], ward.first_arm, ward.begin, ward.sampled, mode, belief, place, state)
    for t in range(record.reward.shape[1]):
        known = Information(mode.copy(), belief.copy())
        action = _checked_actions(problem, policy.actions(problem, known, step=t, rng=rng), mode, t)
        record.acted[row, t] = np.count_nonzero(action)
        where = replicate, t, words[0], words[1], ward.first_arm, tuple(ward.laws), ward.sampled
        record.reward[row, t] = advance_hidden(*where, mode, belief, state, action, passed, bits, after, mean)
        note_beliefs(mean, ward.unit, record.occupancy[t])


def _checked_actions(problem: HiddenProblem, actions: ArrayLike, modes: NDArray[np.int64], step: int) -> NDArray[np.int32]:
    given = whole_actions(actions, problem.n_arms, problem.n_actions, step)
    for k, arms in enumerate(arms_by_type(problem)):
        forbidden = np.flatnonzero(~problem.arms[k].allowed[modes[arms], given[arms]])
        if len(forbidden):
            arm = arms.start + int(forbidden[0])
            raise ModelError(
                f"in period {step} the policy gives arm {arm} action {given[arm]}, which its mode {modes[arm]} does not allow"
            )
    check_used(problem.budget, given, step, least=min(problem.budget.k, int(available(problem, modes).sum())))
    return given


def _ward(problem: HiddenProblem, places: NDArray[np.int64], size: tuple[int, int], sampled: bool) -> Ward:
    laws = pack_laws(problem)
    begin = problem.start_modes.copy(), padded(problem.start, problem.n_states), places
    first_arm = np.concatenate([[0], np.cumsum(problem.multiplicity)])
    # the largest unit with which no sum over arms and replicates can overflow
    unit = 2.0 ** (BITS - int(problem.n_arms * size[1]).bit_length())
    return Ward(first_arm, begin, laws, laws.crowded, sampled, unit)
