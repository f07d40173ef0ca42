"""The compiled engine for scored rules against the rules' own ``actions``, hand-computed runs, and exact laws."""

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from rmab._kernels.scored_engine import find_score_cut
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic
from rmab.policies.rules import FeedbackRule, RandomisedRule
from rmab.policies.scored import ScoredPolicy
from rmab.simulation.run import compare, simulate


class Fixed(ScoredPolicy):
    """A policy with one rule for every problem."""

    def __init__(self, rule):
        self.given = rule

    def rule(self, problem):
        return self.given


class Copy:
    """A scored policy hidden behind its actions, as a user's own policy would be."""

    def __init__(self, rule):
        self.policy = Fixed(rule)

    def actions(self, problem, states, *, step=0, rng=None):
        return self.policy.actions(problem, states, step=step, rng=rng)


def random_problem(seed, budget, *, types=3, states=4, multiplicity=(4, 7, 2), penalties=2, criterion=None):
    rng = np.random.default_rng(seed)
    shape = (types, 2, states)
    arms = Arms(rng.dirichlet(np.ones(states), shape), rng.normal(size=shape), multiplicity=multiplicity)
    owed = [Penalty(rng.normal(size=shape), rng.normal(size=types)) for _ in range(penalties)]
    return Problem(arms, budget, criterion or Average(), penalties=owed)


def random_feedback(seed, problem, meters, size=4):
    rng, shape = np.random.default_rng(seed), problem.arms.rewards.shape
    grid = np.cumsum(0.2 + rng.random((meters, size)), axis=1)
    table = rng.normal(size=(shape[0], shape[2], *[size] * meters))
    increments, start = 0.3 * rng.normal(size=(meters, *shape)), rng.random((meters, shape[0]))
    return FeedbackRule(grid, table, increments, start, np.full(meters, -0.5), np.full(meters, 4.0))


def random_luck(seed, problem, size=3):
    rng, shape = np.random.default_rng(seed), (problem.arms.n_types, problem.arms.n_states, size)
    chance = np.sort(rng.random(shape), axis=2)
    chance[..., -1] = 1
    return RandomisedRule(np.round(2 * rng.normal(size=shape)) / 2, chance)


@pytest.mark.parametrize("meters", [1, 2, 3])
@pytest.mark.parametrize("budget", [TopK(5), TopK(5, exactly=True), TopK(0), TopK(13), TopK(13, exactly=True)])
def test_meters_without_ties_do_exactly_what_actions_do(meters, budget):
    problem = random_problem(meters, budget)
    rule = random_feedback(meters, problem, meters)
    # at the start arms of a type and state tie, so they begin where only whole groups are chosen: nobody else is like them
    rule = spread_out(rule, problem)
    single = Problem(*spread_types(problem))
    kernel = simulate(single, Fixed(rule), steps=300, replicates=4, rng=3)
    own = simulate(single, Copy(rule), steps=300, replicates=4, rng=3)
    np.testing.assert_array_equal(kernel.activations, own.activations)
    np.testing.assert_array_equal(kernel.states, own.states)
    np.testing.assert_allclose(kernel.curve, own.curve, rtol=1e-12, atol=1e-12)
    for name in ("violation", "violation_interval", "excess"):
        np.testing.assert_array_equal(getattr(kernel, name), getattr(own, name))
    assert (kernel.mean_violation, kernel.mean_violation_interval) == (own.mean_violation, own.mean_violation_interval)
    if 0 < budget.k < 13:
        assert len(np.unique(kernel.states, axis=0)) > 5


def spread_types(problem):
    """Every arm a type of its own: the same arms, start and requirements."""
    arms, kind = problem.arms, problem.arms.type_of_arm
    single = Arms(arms.transitions[kind], arms.rewards[kind])
    owed = [Penalty(penalty.cost[kind], penalty.bound[kind]) for penalty in problem.penalties]
    return single, problem.budget, problem.criterion, owed


def spread_out(rule, problem):
    """The rule for arms that are types of their own, each with a table that is a little different."""
    kind, rng = problem.arms.type_of_arm, np.random.default_rng(8)
    table = rule.table[kind] + 0.01 * rng.normal(size=rule.table[kind].shape)
    return FeedbackRule(rule.grid, table, rule.increments[:, kind], rule.start[:, kind], rule.floor, rule.ceiling)


@pytest.mark.parametrize("kind", ["meters", "luck"])
@pytest.mark.parametrize("budget", [TopK(5), TopK(5, exactly=True)])
def test_the_kernel_has_the_law_of_actions(kind, budget):
    problem = random_problem(7, budget, criterion=Horizon(12))
    rule = random_feedback(7, problem, 1) if kind == "meters" else random_luck(7, problem)
    kernel = simulate(problem, Fixed(rule), replicates=4_000, rng=1)
    own = simulate(problem, Copy(rule), replicates=1_500, rng=2)
    assert stats.ks_2samp(kernel.rewards, own.rewards).pvalue > 1e-3
    error = np.sqrt(0.25 * 13 * (1 / 4_000 + 1 / 1_500))
    assert np.abs(kernel.activations - own.activations).max() < 4.5 * error
    assert np.abs(kernel.states - own.states).max() < 4.5 * error / np.sqrt(13)
    half = (kernel.violation_interval[:, 1] - kernel.violation_interval[:, 0]) / 2
    assert (np.abs(kernel.violation - own.violation) <= 2.5 * half * np.sqrt(1 + 4_000 / 1_500) + 1e-12).all()


def chosen_sets(outcome):
    """How often each set of arms was acted on in the first period, from rewards that are powers of 2."""
    return Counter(outcome.rewards.astype(int).tolist())


def marked_arms(n_arms, budget):
    """Arms with one state; acting on arm i pays 2**i, so that the reward tells who was chosen."""
    rewards = np.zeros((n_arms, 2, 1))
    rewards[:, 1, 0] = 2.0 ** np.arange(n_arms)
    return Problem(Arms(np.ones((n_arms, 2, 1, 1)), rewards), budget, Horizon(1), start=0)


@pytest.mark.parametrize("make", [Fixed, Copy])
@pytest.mark.parametrize("budget", [TopK(2), TopK(2, exactly=True)])
def test_luck_chooses_each_set_with_its_exact_chance(make, budget):
    levels = np.array([[[2.0, 1.0]], [[1.0, -1.0]], [[2.0, -1.0]], [[1.0, 1.0]]])
    first = np.array([0.4, 0.6, 0.25, 0.5])
    expected = Counter()
    for drawn in product([0, 1], repeat=4):
        mass = np.prod(np.where(drawn, 1 - first, first))
        score = levels[np.arange(4), 0, drawn]
        allowed = [i for i in range(4) if budget.exactly or score[i] >= 0]
        options = list(combinations(allowed, min(2, len(allowed))))
        best = max(sorted(score[list(option)], reverse=True) for option in options)
        winners = [option for option in options if sorted(score[list(option)], reverse=True) == best]
        for winner in winners:
            expected[sum(2**i for i in winner)] += mass / len(winners)
    policy = make(RandomisedRule(levels, np.stack([first, np.ones(4)], axis=1)[:, np.newaxis]))
    replicates = 40_000 if make is Fixed else 8_000
    seen = chosen_sets(simulate(marked_arms(4, budget), policy, replicates=replicates, rng=4))
    assert set(seen) <= set(expected)
    sets = sorted(expected)
    share = np.array([expected[which] for which in sets])
    assert stats.chisquare([seen[which] for which in sets], replicates * share / share.sum()).pvalue > 1e-4


@pytest.mark.parametrize("threshold", [-np.inf, 0.0])
def test_ties_are_exactly_uniform_over_arms(threshold):
    rule = RandomisedRule(np.full((6, 1, 1), 0.0), np.ones((6, 1, 1)), threshold)
    seen = chosen_sets(simulate(marked_arms(6, TopK(2)), Fixed(rule), replicates=30_000, rng=5))
    pairs = [2**a + 2**b for a, b in combinations(range(6), 2)]
    assert sum(seen[pair] for pair in pairs) == 30_000
    assert stats.chisquare([seen[pair] for pair in pairs]).pvalue > 1e-4


def test_luck_is_independent_over_arms_and_periods():
    # the budget is never short: each activation is a coin of 0.3, in odd cohorts and beyond one tile of random numbers
    arms = Arms(np.ones((1, 2, 1, 1)), [[[0.0], [1.0]]], multiplicity=[1501])
    rule = RandomisedRule([[[1.0, -1.0]]], [[[0.3, 1.0]]])
    outcome = simulate(Problem(arms, TopK(1501), Average()), Fixed(rule), steps=2_000, replicates=3, rng=11)
    acted = outcome.rewards * 2_000
    assert (np.abs(acted - 0.3 * 1501 * 2_000) < 4.5 * np.sqrt(0.21 * 1501 * 2_000)).all()
    single = simulate(Problem(arms, TopK(1501), Average()), Fixed(rule), steps=2_000, replicates=1, rng=11).curve
    assert stats.kstest((single - 0.3 * 1501) / np.sqrt(0.21 * 1501), "norm").pvalue > 1e-4
    assert abs(np.corrcoef(single[1:], single[:-1])[0, 1]) < 4.5 / np.sqrt(2_000)


def test_meters_by_hand():
    # acting on arm i pays 2**i; the meter counts the periods since the last action, up to 3, and is the score
    increments = np.broadcast_to(np.array([[1.0], [-9.0]]), (1, 3, 2, 1))
    start = [[0.0, 1.5, 0.5]]
    rule = FeedbackRule([[0.0, 1.0]], np.broadcast_to([0.0, 1.0], (3, 1, 2)), increments, start, [0.0], [3.0])
    problem = marked_arms(3, TopK(1))
    problem = Problem(problem.arms, TopK(1), Average(), start=0)
    outcome = simulate(problem, Fixed(rule), steps=6, replicates=2, rng=0)
    # meters before acting: (0, 1.5, .5) (1, 0, 1.5) (2, 1, 0) (0, 2, 1) (1, 0, 2) (2, 1, 0)
    np.testing.assert_array_equal(outcome.curve, [2, 4, 1, 2, 4, 1])
    np.testing.assert_array_equal(simulate(problem, Copy(rule), steps=6, replicates=2, rng=0).curve, outcome.curve)


def test_meters_are_clipped_and_start_afresh_in_every_replicate():
    # one arm; acting pays 1; the meter falls by 1 while idle, from 2.5 to no less than -1, and rises by 0.5 when acted on
    rule = FeedbackRule([[0.0, 1.0]], [[[0.0, 1.0]]], [[[[-1.0], [0.5]]]], [[-2.0]], [-2.0], [0.0])
    problem = Problem(Arms([[[1.0]], [[1.0]]], [[0.0], [1.0]]), TopK(1), Average())
    never = simulate(problem, Fixed(rule), steps=5, replicates=3, rng=0)
    np.testing.assert_array_equal(never.curve, np.zeros(5))
    # the other way round: idle raises the score by 1, acting lowers it by 2, down to -3: from 0 on act, -2, -1, 0
    swing = FeedbackRule([[0.0, 1.0]], [[[0.0, 1.0]]], [[[[1.0], [-2.0]]]], [[0.0]], [-3.0], [9.0])
    np.testing.assert_array_equal(simulate(problem, Fixed(swing), steps=7, replicates=3, rng=0).curve, [1, 0, 0, 1, 0, 0, 1])
    floored = FeedbackRule([[0.0, 1.0]], [[[0.0, 1.0]]], [[[[1.0], [-9.0]]]], [[0.0]], [-1.0], [9.0])
    np.testing.assert_array_equal(simulate(problem, Fixed(floored), steps=6, replicates=3, rng=0).curve, [1, 0, 1, 0, 1, 0])


@pytest.mark.parametrize("kind", ["meters", "luck"])
def test_threads_and_replicates_do_not_change_a_bit(kind):
    problem = random_problem(2, TopK(40), multiplicity=(60, 70, 33))
    rule = random_feedback(2, problem, 2) if kind == "meters" else random_luck(2, problem)
    options = {"steps": 60, "rng": 7, "burn_in": 5}
    one = simulate(problem, Fixed(rule), replicates=11, threads=1, **options)
    for threads in (2, 5):
        other = simulate(problem, Fixed(rule), replicates=11, threads=threads, **options)
        for name in ("rewards", "curve", "activations", "states", "violation", "violation_interval", "excess"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
        assert (one.mean_violation, one.mean_violation_interval) == (other.mean_violation, other.mean_violation_interval)
    few = simulate(problem, Fixed(rule), replicates=4, **options)
    np.testing.assert_array_equal(few.rewards, one.rewards[:4])
    assert len(np.unique(one.rewards)) == 11


def test_scored_policies_are_compared_with_others():
    problem = random_problem(2, TopK(4))
    table = compare(problem, {"luck": Fixed(random_luck(2, problem)), "myopic": Myopic()}, steps=20, replicates=5, rng=1)
    assert {outcome.engine for outcome in table.outcomes.values()} == {"arms"}
    with pytest.raises(ModelError, match="luck: the counts engine runs priority policies only"):
        compare(problem, {"luck": Fixed(random_luck(2, problem))}, steps=2, replicates=2, engine="counts")


def test_errors():
    problem = random_problem(2, TopK(4))
    other = random_problem(2, TopK(4), types=2, multiplicity=(4, 7))
    with pytest.raises(ModelError, match=r"\(types, states\) = \(2, 4\), but the problem has \(3, 4\)"):
        simulate(problem, Fixed(random_luck(2, other)), steps=3, replicates=2)
    with pytest.raises(ModelError, match="must be a RandomisedRule or a FeedbackRule"):
        simulate(problem, Fixed(3), steps=3, replicates=2)
    spent = Problem(problem.arms, Knapsack(3.0, [1.0, 1.0, 1.0]), Average())
    with pytest.raises(ModelError, match="counts activations"):
        simulate(spent, Fixed(random_luck(2, problem)), steps=3, replicates=2)


@pytest.mark.parametrize("seed", range(40))
def test_cut_is_that_of_a_sort(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        n = int(rng.integers(1, 40))
        score = rng.normal(size=n) if seed % 2 else rng.integers(-3, 4, n).astype(float)
        if seed % 5 == 0:
            score[rng.random(n) < 0.3] = rng.choice([-np.inf, np.inf])
        threshold, budget = rng.choice([-np.inf, 0.0, 1.0]), int(rng.integers(0, n + 1))
        guess = rng.choice([0.0, np.inf, -np.inf, score[0], rng.normal()])
        cut, needed, tied = find_score_cut(score, threshold, budget, guess, np.empty(n))
        best = np.sort(score[score >= threshold])[::-1][:budget]
        assert (score > cut).sum() + needed == len(best)
        assert needed <= tied == (score == cut).sum() or needed == 0
        np.testing.assert_array_equal(np.sort(score[score > cut])[::-1], best[: len(best) - needed])
        assert (best[len(best) - needed :] == cut).all()
