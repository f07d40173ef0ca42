"""Policies as functions from states to actions."""

import numpy as np
import pytest
from scipy import stats

from rmab.errors import InfeasibleBudget, ModelError
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.base import Policy, PriorityRule
from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
from rmab.policies.index import IndexPolicy


def example(budget=None, criterion=None, rewards=None):
    transitions = np.array([[[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[[1, 0], [0, 1]], [[0.5, 0.5], [0, 1]]]])
    rewards = np.array([[[0, 1], [0, 1]], [[0, 3], [0, 3]]]) if rewards is None else rewards
    return Problem(Arms(transitions, rewards, multiplicity=[3, 2]), budget or TopK(2), criterion or Average())


def test_index_policy_takes_the_highest_of_each_arms_own_type():
    policy = IndexPolicy([[0.1, 0.5], [0.4, 0.2]])
    states = np.array([1, 0, 1, 0, 1])
    np.testing.assert_array_equal(policy.actions(example(TopK(2)), states), [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(policy.actions(example(TopK(4)), states), [1, 0, 1, 1, 1])


def test_index_policy_takes_a_table():
    arms = example().arms
    table = whittle_index(arms, Discounted(0.9))
    np.testing.assert_array_equal(IndexPolicy(table).values, table.values)


def test_negative_index_is_left_alone_unless_the_budget_is_exact():
    policy = IndexPolicy([[0.0, -0.5], [-0.1, -np.inf]])
    states = np.array([0, 1, 1, 0, 1])
    np.testing.assert_array_equal(policy.actions(example(TopK(3)), states), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(policy.actions(example(TopK(2, exactly=True)), states), [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(policy.actions(example(TopK(5, exactly=True)), states), np.ones(5))


def test_ties_of_actions_are_uniform():
    rng = np.random.default_rng(4)
    total = sum(Uniform().actions(example(TopK(2)), np.zeros(5, dtype=int), rng=rng) for _ in range(4_000))
    assert total.sum() == 8_000
    # 2 of 5 without replacement: the counts' variance is 0.75 of the multinomial's, which makes the test conservative
    assert stats.chisquare(total).pvalue > 1e-4


def test_myopic_by_hand():
    given = np.array([[[0, 1], [2, 1.5]], [[0, 3], [1, 0]]])
    np.testing.assert_allclose(Myopic().rule(example(rewards=given)).priority, [[2, 0.5], [1, -3]])
    # rewards that ignore the action: (0.6 - 0.1) * 1, (0.9 - 0.5) * 1, 0.5 * 3, 0
    np.testing.assert_allclose(Myopic().rule(example()).priority, [[0.5, 0.4], [1.5, 0]])
    np.testing.assert_allclose(Myopic().rule(example(criterion=Discounted(0.5))).priority, [[0.25, 0.2], [0.75, 0]])


def test_round_robin_is_fair_and_has_no_memory():
    policy, problem = RoundRobin(), example(TopK(2))
    rounds = [policy.actions(problem, np.zeros(5, dtype=int), step=t) for t in range(5)]
    np.testing.assert_array_equal(np.sum(rounds, axis=0), [2] * 5)
    np.testing.assert_array_equal(rounds[1], policy.actions(problem, np.ones(5, dtype=int), step=1))


def test_no_action():
    np.testing.assert_array_equal(NoAction().actions(example(), np.zeros(5, dtype=int)), np.zeros(5))
    with pytest.raises(InfeasibleBudget, match=r"use TopK\(2\)"):
        NoAction().rule(example(TopK(2, exactly=True)))
    assert NoAction().actions(example(TopK(0, exactly=True)), np.zeros(5, dtype=int)).sum() == 0


@pytest.mark.parametrize("policy", [Myopic(), Uniform(), RoundRobin(), NoAction(), IndexPolicy(np.zeros((2, 2)))])
def test_all_are_policies(policy):
    assert isinstance(policy, Policy)
    actions = policy.actions(example(TopK(0)), np.zeros(5, dtype=int), step=3, rng=np.random.default_rng(0))
    assert actions.dtype == np.int64
    assert actions.shape == (5,)
    assert actions.sum() == 0


def test_ranks_share_equal_priorities_and_order_infinities():
    rule = PriorityRule([[np.inf, 1.0], [-np.inf, 1.0]])
    np.testing.assert_array_equal(rule.ranks(), [[[0, 1], [2, 1]]])
    assert rule.eligible(exactly=False) == [2]
    assert rule.eligible(exactly=True) == [3]


def test_one_table_per_period():
    policy = IndexPolicy([[[1.0, 0.0], [0.5, -1.0]], [[-1.0, 2.0], [0.5, 0.0]]])
    states = np.array([0, 1, 1, 0, 1])
    np.testing.assert_array_equal(policy.actions(example(TopK(2)), states, step=0), [1, 0, 0, 1, 0])
    for step in (1, 7):
        np.testing.assert_array_equal(policy.actions(example(TopK(2)), states, step=step), [0, 1, 1, 0, 0])
    np.testing.assert_array_equal(PriorityRule(policy.values).eligible(exactly=False), [3, 3])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PriorityRule([[0.0, np.nan]]), "type 0, state 1 is not a number"),
        (lambda: PriorityRule([0.0]), r"shape \(K, S\) or \(T, K, S\)"),
        (lambda: PriorityRule([[0.0]], np.nan), "threshold"),
        (lambda: IndexPolicy(np.zeros((3, 2))).actions(example(), np.zeros(5, dtype=int)), r"shape \(3, 2\)"),
        (lambda: Uniform().actions(example(), np.zeros(4, dtype=int)), "5 whole numbers"),
        (lambda: Uniform().actions(example(), np.zeros(5)), "5 whole numbers"),
        (lambda: RoundRobin().actions(example(), np.array([0, 0, 2, 0, 0])), "arm 2 is in state 2"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ModelError, match=message):
        build()
