"""The constrained Lagrangian index against value iteration, and what its single arms do against the fluid program."""

import numpy as np
import pytest

from oracles.played import FLUID, drawn, published, single_arm
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.constrained_lagrangian import ConstrainedLagrangian
from rmab.simulation.run import simulate

TOLERANCE = 1e-6  # the program's own, with room for what it is multiplied by


def advantages(problem, price, multipliers, beta):
    """The same by plain value iteration (relative, for beta = 1)."""
    arms = problem.arms
    rewards = arms.rewards - np.einsum("jk,jkas->kas", multipliers, problem.excess_costs)
    charge, value = np.array([[0.0], [price]]), np.zeros(arms.rewards[:, 0].shape)
    for _ in range(4_000):
        worth = rewards - charge + beta * np.einsum("kast,kt->kas", arms.transitions, value)
        value = worth.max(axis=1)
        value -= value[:, :1]
    return worth[:, 1] - worth[:, 0]


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
@pytest.mark.parametrize("penalties", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_advantages_are_those_at_the_prices(seed, penalties, criterion, exactly):
    problem = drawn(seed, penalties=penalties, criterion=criterion, exactly=exactly)
    policy = ConstrainedLagrangian(problem)
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    expected = advantages(problem, policy.bound.price, policy.bound.multipliers, beta)
    np.testing.assert_allclose(policy.values - policy.bound.price, expected, atol=TOLERANCE)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
@pytest.mark.parametrize("penalties", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_an_arm_that_is_granted_its_wishes_is_the_relaxed_optimum(seed, penalties, criterion, exactly):
    problem = drawn(seed, penalties=penalties, criterion=criterion, exactly=exactly)
    policy = ConstrainedLagrangian(problem)
    beta = criterion.beta if isinstance(criterion, Discounted) else None
    reward, acts, owed = single_arm(problem, policy.act, beta=beta)
    copies = problem.arms.multiplicity
    np.testing.assert_allclose(copies @ reward, policy.bound.value, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(acts, policy.bound.activation, atol=TOLERANCE)
    assert owed.max() < TOLERANCE
    mixing = (policy.act > 0) & (policy.act < 1)
    assert mixing.any()
    # one state per requirement that binds, and one more for the budget
    assert mixing.sum() <= penalties * problem.arms.n_types + 1


def test_ties_rank_next_to_the_price_and_pass_nobody():
    problem = drawn(1, penalties=2)
    policy = ConstrainedLagrangian(problem)
    rule = policy.rule(problem)
    price = policy.bound.price
    mixing = rule.levels[..., 0] > rule.levels[..., 1]
    sure = rule.levels[~mixing][:, 0]
    high, low = rule.levels[mixing].T
    assert len(high) > 0
    assert (high > price).all() and (low < price).all()
    assert high.max() < sure[sure > price].min()
    assert low.min() > sure[sure < price].max()
    np.testing.assert_array_equal(rule.chance[mixing][:, 0], policy.act[mixing])
    np.testing.assert_array_equal(rule.chance[~mixing], 1.0)


def test_a_channel_in_closed_form():
    """Floors on channels: prices 0.72 and 0.72 less the critical reward; ties at the critical levels."""
    policy = ConstrainedLagrangian(published("TP4"))
    assert policy.bound.price == pytest.approx(0.72)
    pays = policy.problem.arms.rewards[:, 1]
    np.testing.assert_allclose(policy.values, pays + np.array([[0.51], [0.37], [0.02], [0.0]]) * (pays > -1), atol=1e-6)
    assert policy.act[0, 6] == pytest.approx(0.5) and policy.act[1, 6] == pytest.approx(0.5)


@pytest.mark.parametrize("variant", sorted(FLUID))
def test_published_scenarios_at_scale_20(variant):
    problem = published(variant, scale=20)
    policy = ConstrainedLagrangian(problem)
    outcome = simulate(problem, policy, steps=4_000, replicates=2, rng=1)
    gap = (policy.bound.value - outcome.mean) / abs(policy.bound.value)
    assert -0.003 < gap < 0.012
    assert outcome.mean_violation < 0.008


def test_requirements_and_bound_are_reached_as_arms_are_added():
    missed, gaps = [], []
    for scale in (5, 125):
        problem = published("TP6", scale=scale)
        policy = ConstrainedLagrangian(problem)
        outcome = simulate(problem, policy, steps=4_000, replicates=2, rng=1)
        missed.append(outcome.excess.max())
        gaps.append(abs(policy.bound.value - outcome.mean) / policy.bound.value)
    # square-root law: a fifth, but for noise
    assert missed[1] < 0.35 * missed[0]
    assert gaps[1] < 0.35 * gaps[0]


def test_types_with_slack_requirements_take_up_the_fluctuations():
    problem = published("TP4", scale=50)
    policy = ConstrainedLagrangian(problem)
    levels = policy.rule(problem).levels - policy.bound.price
    strict, slack = levels[0, 6], levels[3, 7]
    assert strict[0] > slack[0] > 0 > slack[1] > strict[1]
    outcome = simulate(problem, policy, steps=4_000, replicates=2, rng=1)
    assert np.abs(outcome.excess[0, :3]).max() < 2e-3


def test_at_most():
    problem = published("RS4", scale=20, k=3, exactly=False)
    policy = ConstrainedLagrangian(problem)
    outcome = simulate(problem, policy, steps=10_000, replicates=2, rng=1)
    assert outcome.mean > policy.bound.value - 0.01 * abs(policy.bound.value)
    assert policy.bound.price == pytest.approx(0.0, abs=1e-9)
    assert outcome.excess.max() < 2e-3


def test_what_does_not_suit_is_refused():
    problem = drawn(0)
    with pytest.raises(ModelError, match="has no penalties"):
        ConstrainedLagrangian(Problem(problem.arms, TopK(3), Average()))
    with pytest.raises(ModelError, match="needs Average"):
        ConstrainedLagrangian(Problem(problem.arms, TopK(3), Horizon(4), problem.penalties))
    with pytest.raises(ModelError, match="other arms, another budget"):
        ConstrainedLagrangian(problem).rule(Problem(problem.arms, TopK(3), Average(), problem.penalties))
    with pytest.raises(InfeasiblePenalty):
        ConstrainedLagrangian(published("RS8", k=2))
    with pytest.raises(InfeasiblePenalty):
        ConstrainedLagrangian(
            Problem(problem.arms, TopK(1), Average(), Penalty(np.stack([np.zeros((3, 4)), -np.ones((3, 4))], axis=1), -0.5))
        )
