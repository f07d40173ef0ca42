"""Randomised and feedback rules: scores, meters, choices, notes and errors."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import RegularGridInterpolator

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.base import Policy, PriorityRule, highest
from rmab.policies.rules import FeedbackRule, RandomisedRule
from rmab.policies.scored import ScoredPolicy


@dataclass(frozen=True, eq=False)
class Fixed(ScoredPolicy):
    """A policy with one rule for every problem; frozen, as policies may be."""

    given: object

    def rule(self, problem):
        return self.given


def example(budget=None):
    """Three arms of type 0, which moves at random, and two of type 1, which never moves."""
    transitions = [[[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[[1, 0], [0, 1]], [[1, 0], [0, 1]]]]
    arms = Arms(transitions, np.zeros((2, 2, 2)), multiplicity=[3, 2])
    return Problem(arms, budget or TopK(2), Average())


def counter(**changes):
    """One meter that counts the periods since the last action up to 3, and is the score."""
    increments = np.broadcast_to(np.array([1.0, -9.0])[:, np.newaxis], (1, 2, 2, 2))
    parts = {"grid": [[0.0, 1.0]], "table": np.broadcast_to([0.0, 1.0], (2, 2, 2)), "increments": increments}
    parts |= {"start": [[0.0, 2.0]], "floor": [0.0], "ceiling": [3.0]}
    return FeedbackRule(**(parts | changes))


def random_rule(meters, size, seed):
    rng = np.random.default_rng(seed)
    grid = np.cumsum(0.1 + rng.random((meters, size)), axis=1)
    table = rng.normal(size=(3, 4, *[size] * meters))
    limits = np.full(meters, -np.inf), np.full(meters, np.inf)
    return FeedbackRule(grid, table, np.zeros((meters, 3, 2, 4)), np.zeros((meters, 3)), *limits)


@pytest.mark.parametrize(("meters", "size"), [(1, 2), (1, 9), (2, 2), (2, 5), (3, 4)])
def test_scores_are_multilinear_inside_and_outside_of_the_grid(meters, size):
    rule, rng = random_rule(meters, size, seed=meters), np.random.default_rng(9)
    kind, states = rng.integers(3, size=400), rng.integers(4, size=400)
    low, high = rule.grid[:, :1], rule.grid[:, -1:]
    z = low - 1 + (high - low + 2) * rng.random((meters, 400))
    z[:, :size] = rule.grid
    expected = [
        RegularGridInterpolator(rule.grid, rule.table[k, s], bounds_error=False, fill_value=None)(point)[0]
        for k, s, point in zip(kind, states, z.T, strict=True)
    ]
    np.testing.assert_allclose(rule.score(kind, states, z), expected, rtol=1e-12, atol=1e-12)
    assert ((z < low) | (z > high)).any(axis=0).sum() > 50


def test_extrapolation_by_hand():
    grid = [[0.0, 1.0, 3.0], [0.0, 2.0, 4.0]]
    table = np.array([[[[0.0, 0.0, 1.0], [0.0, 4.0, 6.0], [1.0, 8.0, 2.0]]]])
    rule = FeedbackRule(grid, table, np.zeros((2, 1, 2, 1)), np.zeros((2, 1)), [-9, -9], [9, 9])
    points = np.array([[5.0, 6.0], [0.5, 1.0], [-1.0, -2.0], [2.0, -2.0]])
    # the cell from (1, 2) to (3, 4) holds 4, 6, 8, 2; 2 cells up and 2 up: 4 + 2*4 + 2*2 + 4*(2 - 6 - 8 + 4) = -16
    # the cell at 0 holds 0, 0, 0, 4: bilinear 4 * x * (y / 2), so 1 in the middle, and 4 at (-1, -2);
    # the cell from (1, 0) to (3, 2) holds 0, 4, 1, 8: at (2, -2), half way and one cell below, half of -4 + 2 * 1 - 8
    expected = [4 + 2 * 4 + 2 * 2 + 4 * (2 - 6 - 8 + 4), 1.0, 4.0, 0.5 * (2 * 0 - 4) + 0.5 * (2 * 1 - 8)]
    zero = np.zeros(4, dtype=int)
    np.testing.assert_allclose(rule.score(zero, zero, points.T), expected, rtol=1e-14)


def test_draws_have_their_chances():
    rule = RandomisedRule([[[3.0, 1.0, -np.inf], [0.5, 0.0, 0.0]]], [[[0.2, 0.2, 1.0], [0.0, 0.3, 1.0]]])
    zero = np.zeros(5, dtype=int)
    luck = np.array([1e-9, 0.2, 0.2000001, 0.9, 1.0])
    np.testing.assert_array_equal(rule.score(zero, zero, luck), [3, 3, -np.inf, -np.inf, -np.inf])
    # a level of no chance is never drawn
    np.testing.assert_array_equal(rule.score(zero, zero + 1, luck), [0, 0, 0, 0, 0])


def test_chances_may_miss_one_by_rounding():
    almost = np.array([[[0.3, 1 - 1e-12]]])
    assert RandomisedRule([[[2.0, 1.0]]], almost).score(np.zeros(1, int), np.zeros(1, int), np.ones(1)) == 1.0


def test_share_of_acting_arms_is_their_chance():
    problem = example(TopK(5))
    rule = RandomisedRule([[[1.0, -1.0]] * 2] * 2, [[[0.3, 1.0], [1.0, 1.0]], [[0.5, 1.0], [0.0, 1.0]]])
    policy, rng = Fixed(rule), np.random.default_rng(3)
    total = sum(policy.actions(problem, np.array([0, 1, 0, 0, 1]), rng=rng) for _ in range(4_000))
    assert (total[1], total[4]) == (4_000, 0)
    for arm, chance in ((0, 0.3), (2, 0.3), (3, 0.5)):
        assert stats.binomtest(int(total[arm]), 4_000, chance).pvalue > 1e-4


def test_meters_by_hand():
    policy, problem = Fixed(counter()), example(TopK(2))
    states = np.array([0, 0, 0, 1, 1])
    # type 1 starts at 2 and goes first; then two of arms 0 to 2, at 1 each; then the third, at 2, and one of type 1, at 1
    assert policy.actions(problem, states, step=0).tolist() == [0, 0, 0, 1, 1]
    second = policy.actions(problem, states, step=1, rng=np.random.default_rng(0))
    assert second[:3].sum() == 2
    third = policy.actions(problem, states, step=2, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(third[:3], 1 - second[:3])
    assert third[3:].sum() == 1
    # step 0 forgets everything
    assert policy.actions(problem, states, step=0).tolist() == [0, 0, 0, 1, 1]


def test_meters_stay_within_their_limits():
    rule = counter()
    kind, states, meters = np.zeros(3, dtype=int), np.zeros(3, dtype=int), np.array([[0.0, 2.5, 3.0]])
    np.testing.assert_array_equal(rule.moved(kind, states, np.array([0, 0, 0]), meters), [[1, 3, 3]])
    np.testing.assert_array_equal(rule.moved(kind, states, np.array([1, 1, 1]), meters), [[0, 0, 0]])


def test_threshold_and_exact_budgets():
    rng = np.random.default_rng(0)
    score = np.array([0.2, -0.1, 0.1, -np.inf, np.inf])
    assert highest(TopK(4), score, 0.0, rng).tolist() == [1, 0, 1, 0, 1]
    assert highest(TopK(4), score, 0.15, rng).tolist() == [1, 0, 0, 0, 1]
    assert highest(TopK(4, exactly=True), score, 0.0, rng).tolist() == [1, 1, 1, 0, 1]
    assert highest(TopK(4), score, -np.inf, rng).tolist() == [1, 1, 1, 0, 1]
    assert highest(TopK(0), score, 0.0, rng).tolist() == [0] * 5


def test_ties_at_the_cut_are_uniform():
    rng, score = np.random.default_rng(5), np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    total = sum(highest(TopK(3), score, 0.0, rng) for _ in range(4_000))
    assert total[1] == 4_000
    # 2 of 4 without replacement: the counts' variance is 2/3 of the multinomial's, which makes the test conservative
    assert stats.chisquare(total[[0, 2, 3, 4]]).pvalue > 1e-4


def test_notes_are_checked():
    policy, problem, states = Fixed(counter()), example(), np.array([0, 0, 0, 1, 1])
    with pytest.raises(ModelError, match="asked for period 3 after no period at all"):
        policy.actions(problem, states, step=3)
    policy.actions(problem, states, step=0)
    with pytest.raises(ModelError, match="arm 3 is in state 0, which cannot follow"):
        policy.actions(problem, np.zeros(5, dtype=int), step=1)
    policy.actions(problem, states, step=1)
    with pytest.raises(ModelError, match="asked for period 1 after period 1"):
        policy.actions(problem, states, step=1)


def test_another_problem_starts_afresh():
    policy, states = Fixed(counter()), np.array([0, 0, 0, 1, 1])
    policy.actions(example(), states, step=0)
    with pytest.raises(ModelError, match="no period at all"):
        policy.actions(example(), states, step=1)


def test_luck_needs_no_notes():
    rule = RandomisedRule(np.ones((2, 2, 1)), np.ones((2, 2, 1)))
    assert Fixed(rule).actions(example(), np.array([0, 1, 0, 1, 0]), step=17).sum() == 2


def test_two_policies_do_not_share_notes():
    one, other, problem, states = Fixed(counter()), Fixed(counter()), example(), np.array([0, 0, 0, 1, 1])
    one.actions(problem, states, step=0)
    with pytest.raises(ModelError, match="no period at all"):
        other.actions(problem, states, step=1)
    assert isinstance(one, Policy)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RandomisedRule([[1.0]], [[1.0]]), r"share a shape \(K, S, L\)"),
        (lambda: RandomisedRule(np.ones((1, 2, 2)), np.ones((1, 2, 3))), r"got \(1, 2, 2\) and \(1, 2, 3\)"),
        (lambda: RandomisedRule([[[np.nan]]], [[[1.0]]]), r"levels\[0, 0, 0\] is nan"),
        (lambda: RandomisedRule([[[1.0, 0.0]] * 2], [[[0.5, 1.0], [0.6, 0.5]]]), "chances of type 0, state 1 are"),
        (lambda: RandomisedRule([[[1.0, 0.0]] * 2], [[[0.5, 1.0], [0.6, 0.9]]]), "type 0, state 1 .* to 1"),
        (lambda: RandomisedRule([[[1.0, 0.0]]], [[[-0.5, 1.0]]]), "ascending from 0 on"),
        (lambda: RandomisedRule([[["a"]]], [[[1.0]]]), "levels must be numbers"),
        (lambda: RandomisedRule([[[1.0]]], [[[1.0]]], np.nan), "the threshold is nan"),
        (lambda: counter(grid=[0.0, 1.0]), r"shape \(J, G\)"),
        (lambda: counter(grid=[[0.0]]), "at least 2 points"),
        (lambda: counter(grid=[[1.0, 1.0]]), "grid of meter 0 must ascend, but 1.0 is followed by 1.0"),
        (lambda: counter(grid=[[0.0, 1.0, 2.0]]), r"with 1 meters of 3 grid points the table must have shape \(K, S, 3\)"),
        (lambda: counter(table=np.full((2, 2, 2), np.inf)), r"table\[0, 0, 0\] is inf"),
        (lambda: counter(increments=np.zeros((1, 2, 2, 3))), r"increments must have shape \(1, 2, A, 2\)"),
        (lambda: counter(start=[0.0, 2.0]), r"start must have shape \(1, 2\)"),
        (lambda: counter(floor=[0.0, 0.0]), r"floor and ceiling \(1,\)"),
        (lambda: counter(floor=[4.0]), "floor of meter 0, 4.0, is above its ceiling"),
        (lambda: counter(ceiling=[1.0]), "meter 0 of type 1 starts at 2.0, outside of its limits 0.0 and 1.0"),
        (lambda: counter(ceiling=[np.nan]), r"ceiling\[0\] is nan"),
        (lambda: play(RandomisedRule(np.ones((2, 3, 1)), np.ones((2, 3, 1)))), r"\(types, states\) = \(2, 3\)"),
        (lambda: play(counter(increments=np.zeros((1, 2, 3, 2)))), r"\(types, actions, states\) = \(2, 3, 2\)"),
        (lambda: play(PriorityRule([[1.0]])), "a RandomisedRule or a FeedbackRule, got PriorityRule"),
        (lambda: play(counter(), Knapsack(1.0, [1.0, 1.0])), "counts activations"),
        (lambda: Fixed(counter()).actions(example(), np.zeros(4, dtype=int)), "5 whole numbers"),
    ],
)
def test_errors(build, message):
    with pytest.raises(ModelError, match=message):
        build()


def play(rule, budget=None):
    return Fixed(rule).actions(example(budget), np.zeros(5, dtype=int))


def test_tables_are_read_only_copies():
    levels = np.ones((1, 1, 1))
    rule = RandomisedRule(levels, np.ones((1, 1, 1)))
    levels[:] = 5
    assert rule.levels == 1
    with pytest.raises(ValueError, match="read-only"):
        rule.levels[0] = 2
