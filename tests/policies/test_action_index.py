"""The index policy of several actions against raising arms one at a time."""

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.action_index import ActionIndexPolicy
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate


def problem_of(multiplicity, n_actions, n_states, budget, exactly=False):
    rng = np.random.default_rng(0)
    moves = rng.dirichlet(np.ones(n_states), size=(len(multiplicity), n_actions, n_states))
    rewards = rng.normal(size=(len(multiplicity), n_actions, n_states))
    return Problem(Arms(moves, rewards, multiplicity), TopK(budget, exactly=exactly), Average())


def raise_one_by_one(index, costs, budget):
    """Actions (N,) for the ``index`` (N, A - 1) of arms without ties."""
    n_arms, top = index.shape
    action, left, waiting = np.zeros(n_arms, dtype=int), float(budget), set(range(n_arms))
    while waiting:
        arm = max(waiting, key=lambda i: index[i, action[i]])
        extra = costs[action[arm] + 1] - costs[action[arm]]
        if index[arm, action[arm]] < 0:
            break
        if extra > left + 1e-9:
            waiting.remove(arm)
            continue
        action[arm], left = action[arm] + 1, left - extra
        if action[arm] == top:
            waiting.remove(arm)
    return action


@pytest.mark.parametrize("costs", [[0, 1, 2, 3], [0, 1, 2.5, 6], [0, 2, 3, 5]])
def test_arms_are_raised_in_order(costs):
    rng = np.random.default_rng(2)
    for _ in range(100):
        index = rng.normal(0.5, 1.0, size=(7, 3, 2))
        problem = problem_of([1] * 7, 4, 2, int(rng.integers(0, 8)))
        states = rng.integers(0, 2, size=7)
        expected = raise_one_by_one(index[np.arange(7), :, states], np.array(costs, dtype=float), problem.budget.k)
        assert np.array_equal(ActionIndexPolicy(index, costs).actions(problem, states, rng=rng), expected)


def test_arms_of_a_cell_are_raised_one_after_the_other_where_the_index_rises():
    problem = problem_of([4], 3, 1, 3)
    rising = ActionIndexPolicy([[[1.0], [2.0]]]).actions(problem, np.zeros(4, dtype=int), rng=np.random.default_rng(0))
    falling = ActionIndexPolicy([[[2.0], [1.0]]]).actions(problem, np.zeros(4, dtype=int), rng=np.random.default_rng(0))
    assert sorted(rising) == [0, 0, 1, 2] and sorted(falling) == [0, 1, 1, 1]


def test_two_actions_are_the_index_policy():
    problem = problem_of([10, 15], 2, 4, 6)
    index = np.random.default_rng(1).normal(size=(2, 4))
    policies = ActionIndexPolicy(index[:, np.newaxis]), IndexPolicy(index)
    first, second = (simulate(problem, policy, steps=400, replicates=8, rng=1) for policy in policies)
    assert abs(first.mean - second.mean) < 4 * np.hypot(first.mean - first.interval[0], second.mean - second.interval[0])
    rng = np.random.default_rng(0)
    for _ in range(50):
        states = rng.integers(0, 4, size=25)
        mine, other = (policy.actions(problem, states, rng=rng) for policy in policies)
        worth = index[problem.arms.type_of_arm, states]
        assert sorted(worth[mine == 1]) == sorted(worth[other == 1])


def test_an_exact_budget_is_used_and_infinities_are_allowed():
    problem = problem_of([5], 2, 2, 3, exactly=True)
    policy = ActionIndexPolicy([[[-np.inf, -1.0]]])
    assert isinstance(policy, Policy)
    assert np.array_equal(policy.actions(problem, np.array([0, 1, 0, 1, 1])), [0, 1, 0, 1, 1])
    assert policy.actions(problem, np.zeros(5, dtype=int)).sum() == 3


def test_ties_are_broken_evenly():
    problem = problem_of([1] * 6, 3, 1, 2)
    policy = ActionIndexPolicy(np.ones((6, 2, 1)) * [[2.0], [1.0]])
    rng = np.random.default_rng(0)
    counts = sum(policy.actions(problem, np.zeros(6, dtype=int), rng=rng) for _ in range(3000))
    assert np.abs(counts - 1000).max() < 110  # four standard errors


@pytest.mark.parametrize(
    ("index", "threshold", "message"),
    [
        (np.zeros((2, 3)), 0.0, "shape"),
        ([[[0.0, np.nan]]], 0.0, "type 0, action 1, state 1"),
        (np.zeros((1, 1, 2)), np.nan, "threshold"),
        (np.zeros((1, 1, 2)), "x", "threshold"),
        ("x", 0.0, "the index"),
    ],
)
def test_bad_input_is_named(index, threshold, message):
    with pytest.raises(ModelError, match=message):
        ActionIndexPolicy(index, threshold=threshold)


def test_what_does_not_fit_the_problem_is_refused():
    problem = problem_of([3], 3, 2, 2)
    with pytest.raises(ModelError, match="the problem needs"):
        ActionIndexPolicy(np.zeros((1, 1, 2))).actions(problem, np.zeros(3, dtype=int))
    with pytest.raises(ModelError, match="use TopK"):
        ActionIndexPolicy(np.zeros((1, 2, 2))).actions(problem_of([3], 3, 2, 2, exactly=True), np.zeros(3, dtype=int))
