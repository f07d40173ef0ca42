"""The fluid limit against a plain loop and against simulated crowds, and when the check warns."""

import warnings

import numpy as np
import pytest

from oracles import learning_arms as named
from rmab.errors import FluidGapWarning, ModelError
from rmab.index.gain import gain_index
from rmab.index.mean_field import MeanField
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.baselines import RoundRobin, Uniform
from rmab.policies.index import IndexPolicy
from rmab.policies.mean_field import fluid_check, gap_check
from rmab.simulation.run import simulate

GINO, FLIPPED = named.cohort(named.gino(), each=100), named.cohort(named.flipped(), each=100)


def exactly(arms, k, criterion=None):
    return Problem(arms, TopK(k, exactly=True), criterion or Average())


def plain_loop(problem, priority, start, steps):
    """Rewards per arm of the mean-field map, cell by cell."""
    arms = problem.arms
    mass = start * (arms.multiplicity / arms.n_arms)[:, np.newaxis]
    rewards = []
    for t in range(steps):
        table = priority[min(t, len(priority) - 1)]
        share, left = np.zeros(mass.shape), problem.budget.k / arms.n_arms
        for level in np.unique(table)[::-1]:
            if level < 0 and not problem.budget.exactly:
                break
            cells = table == level
            share[cells] = min(1.0, left / mass[cells].sum()) if mass[cells].sum() > 0 else 1.0
            left = max(0.0, left - mass[cells].sum())
        flow = np.stack([mass * (1 - share), mass * share], axis=1)
        rewards.append((flow * arms.rewards).sum())
        mass = np.einsum("kas,kast->kt", flow, arms.transitions)
    return np.array(rewards)


@pytest.mark.parametrize("seed", range(12))
def test_limit_against_a_plain_loop(seed):
    rng = np.random.default_rng([seed, 3])
    k, s = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    p = np.eye(s)[rng.integers(0, s, (k, 2, s))] if seed % 3 == 0 else rng.dirichlet(np.ones(s), (k, 2, s))
    arms = Arms(p, rng.normal(size=(k, 2, s)), rng.integers(1, 5, k))
    budget = TopK(int(rng.integers(0, arms.n_arms + 1)), exactly=bool(seed % 2))
    start = rng.dirichlet(np.ones(s), k)
    priority = rng.integers(-2, 3, (1, k, s)).astype(float)
    criteria = [(Average(), 4_000), (Discounted(0.97), 2_000), (Horizon(37), 37)]
    for criterion, steps in criteria:
        problem = Problem(arms, budget, criterion, start=start)
        rule = IndexPolicy(priority).rule(problem)
        limit = MeanField(problem).limit(rule.ranks(), rule.eligible(exactly=budget.exactly), start)
        rewards = plain_loop(problem, priority, start, steps)
        if isinstance(criterion, Discounted):
            expected = (1 - criterion.beta) * criterion.beta ** np.arange(steps) @ rewards
        else:
            # 720720 steps hold whole numbers of all short cycles; their mean over 240 steps is exact
            expected = rewards[-240:].mean() if isinstance(criterion, Average) else rewards.mean()
        assert limit.settled
        assert limit.reward == pytest.approx(expected, abs=1e-8)


def test_a_rule_that_changes_is_followed_to_the_end():
    rng = np.random.default_rng(1)
    arms = Arms(rng.dirichlet(np.ones(3), (2, 2, 3)), rng.normal(size=(2, 2, 3)), [2, 3])
    priority = rng.normal(size=(6, 2, 3))
    problem = Problem(arms, TopK(2), Horizon(9), start=0)
    rule = IndexPolicy(priority).rule(problem)
    limit = MeanField(problem).limit(rule.ranks(), rule.eligible(exactly=False), problem.start_distribution)
    assert limit.reward == pytest.approx(plain_loop(problem, priority, problem.start_distribution, 9).mean(), abs=1e-12)


def test_a_cycle_is_averaged_over_whole_turns():
    """Three states in a circle, rewarded in one: a third, whatever the phase; no half of a run has a multiple of 3 periods."""
    circle = np.roll(np.eye(3), 1, axis=1)
    problem = Problem(Arms([circle, circle], [[1.0, 0, 0], [1.0, 0, 0]], [10]), TopK(2), Average(), start=0)
    rule = Uniform().rule(problem)
    limit = MeanField(problem).limit(rule.ranks(), rule.eligible(exactly=False), problem.start_distribution)
    assert limit.settled and limit.reward == pytest.approx(1 / 3, abs=1e-14)


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9), Horizon(12)])
def test_crowds_earn_the_limit(criterion):
    rng = np.random.default_rng(2)
    n = 100_000
    arms = Arms(rng.dirichlet(np.ones(4), (2, 2, 4)), rng.random((2, 2, 4)), [n // 2, n // 2])
    problem = Problem(arms, TopK(n // 4), criterion, start=0)
    policy = IndexPolicy(rng.random((2, 4)))
    rule = policy.rule(problem)
    limit = MeanField(problem).limit(rule.ranks(), rule.eligible(exactly=False), problem.start_distribution).reward
    length = {} if isinstance(criterion, Horizon) else {"steps": 300, "burn_in": 100 if isinstance(criterion, Average) else 0}
    outcome = simulate(problem, policy, replicates=4, rng=5, engine="counts", **length)
    # the noise of one period is of order 1 / sqrt(n) = 0.003 per arm
    assert outcome.mean / n == pytest.approx(limit, abs=1.5e-3)


def test_flipped_arm_fires_at_a_fifth_and_passes_at_seven_tenths():
    fine, short = exactly(FLIPPED, 70), exactly(FLIPPED, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check = gap_check(fine, IndexPolicy(gain_index(fine)))
    assert check.passed and check.reward == pytest.approx(-17 / 30, abs=1e-9)
    for tie_break in ("none", "left", "right", "fluid"):
        policy = IndexPolicy(gain_index(short, tie_break=tie_break))
        with pytest.warns(FluidGapWarning, match="loses 42.8% .* use VirtualAdvice"):
            check = gap_check(short, policy)
        assert not check.passed and check.settled
        np.testing.assert_allclose(check.rewards, 0, atol=1e-9)
        np.testing.assert_allclose(check.bounds, 0.13, atol=1e-12)
        assert check.starts == ("start", "uniform", "relaxed optimum")


def test_gino_arm_at_one_half_depends_on_ties():
    problem = exactly(GINO, 50)
    assert fluid_check(problem, IndexPolicy(gain_index(problem, tie_break="fluid"))).passed
    plain = fluid_check(problem, IndexPolicy(gain_index(problem)))
    assert not plain.passed and plain.reward == pytest.approx(-2 / 3, abs=5e-3)


def test_adding_a_constant_to_all_rewards_changes_no_gap():
    check = fluid_check(exactly(FLIPPED, 20), IndexPolicy(gain_index(exactly(FLIPPED, 20))))
    moved = Arms(FLIPPED.transitions, 3 * FLIPPED.rewards - 7.0, FLIPPED.multiplicity)
    other = fluid_check(exactly(moved, 20), IndexPolicy(gain_index(exactly(moved, 20))))
    assert other.gap == pytest.approx(check.gap, abs=1e-9)
    assert other.bound == pytest.approx(3 * 0.13 - 7.0, abs=1e-9)


def test_each_start_has_its_own_bound():
    """Two rooms without a door, one of them worth nothing: a rule that is perfect in both passes from every start."""
    p = np.broadcast_to(np.kron(np.eye(2), np.full((2, 2), 0.5)), (2, 4, 4))
    arms = Arms(p, [[0.0, 0, 0, 0], [1.0, 1, 0, 0]], multiplicity=[10])
    problem = Problem(arms, TopK(5), Average(), start=2)
    check = fluid_check(problem, IndexPolicy([[1.0, 1, 0, 0]]))
    assert check.passed
    np.testing.assert_allclose(check.bounds[:2], [0, 0.5], atol=1e-8)
    np.testing.assert_allclose(check.rewards[:2], [0, 0.5], atol=1e-8)
    assert not fluid_check(problem, IndexPolicy([[0.0, 0, 1, 1]])).passed


@pytest.mark.parametrize("k", [0, 100])
def test_without_a_choice_there_is_nothing_to_lose(k):
    assert fluid_check(exactly(GINO, k), Uniform()).passed


def test_horizon_is_held_against_its_own_program():
    rng = np.random.default_rng(3)
    arms = Arms(rng.dirichlet(np.ones(3), (1, 2, 3)), rng.random((1, 2, 3)), [50])
    problem = Problem(arms, TopK(10), Horizon(8), start=0)
    check = fluid_check(problem, Uniform())
    assert check.starts == ("start",) and check.reward < check.bound
    # every choice at random loses all that choosing well can gain
    assert check.gap == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (RoundRobin(), {}, "priority policy, got RoundRobin; simulate it instead"),
        (Uniform(), {"tolerance": float("nan")}, "tolerance must be a number from 0 on"),
        (IndexPolicy(np.zeros((2, 2))), {}, r"shape \(2, 2\)"),
    ],
)
def test_errors(policy, options, message):
    with pytest.raises(ModelError, match=message):
        gap_check(exactly(GINO, 50), policy, **options)


def test_more_than_two_actions():
    arms = Arms(np.broadcast_to(np.eye(2), (3, 2, 2)), np.zeros((3, 2)))
    with pytest.raises(ModelError, match="two actions, these arms have 3"):
        gap_check(Problem(arms, TopK(1), Average()), Uniform())
