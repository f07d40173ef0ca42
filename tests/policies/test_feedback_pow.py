"""The guarantee of feedback POW path by path, its table against closed forms, and published scenarios at every scale."""

import numpy as np
import pytest

from oracles.played import FLUID, drawn, periods, published
from rmab.bound.fluid import fluid_bound
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.feedback_pow import FeedbackPow
from rmab.simulation.run import simulate

RUN = {"steps": 10_000, "rng": 3}
# the index is linear in the multiplier, so a few points are as good as many
FEW = {"RS4": 5, "RS8": 5}


def with_budget(problem, k, exactly):
    return Problem(problem.arms, TopK(k, exactly=exactly), problem.criterion, problem.penalties, problem.start)


def followed(problem, policy, steps, seed):
    """Each period with the multipliers (J, N) before it, by an independent recursion; ends with those after the last."""
    kind = problem.arms.type_of_arm
    multiplier = policy.start[:, kind]
    for period in periods(problem, policy, steps, seed):
        yield period, multiplier
        moved = multiplier + policy.step[:, np.newaxis] * period.incurred
        multiplier = np.clip(moved, 0, policy.cap[:, np.newaxis])
    yield None, multiplier


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("k", [1, 3, 6, 9])
@pytest.mark.parametrize("penalties", [1, 2])
def test_the_guarantee_holds_on_every_path_under_any_budget_that_is_feasible(penalties, k, exactly):
    problem = with_budget(drawn(k, penalties=penalties), k, exactly)
    try:
        policy = FeedbackPow(problem, cap=200.0, points=8)
    except InfeasiblePenalty:
        return
    total, steps = 0.0, 400
    for period, multiplier in followed(problem, policy, steps, seed=k):
        if period is None:
            room = (multiplier - policy.start[:, problem.arms.type_of_arm]) / policy.step[:, np.newaxis]
            assert (total <= room + 1e-9).all()
        else:
            assert (multiplier < 200).all()
            total = total + period.incurred


def test_where_the_cap_binds_the_guarantee_is_lost_and_told():
    problem = published("RS8")
    policy = FeedbackPow(problem, cap=1.0, points=3)
    assert policy.capped[0].tolist() == [False] * 6 + [True] * 2
    assert "penalty 0 of type 6 needs a multiplier near or above the cap" in policy.status
    outcome = simulate(problem, policy, replicates=2, **RUN)
    assert outcome.violation[6:].min() > 0.01


@pytest.mark.parametrize("penalties", [1, 2])
def test_arms_of_highest_index_at_their_own_multipliers_act(penalties):
    problem = drawn(5, penalties=penalties, copies=2, states=3)
    policy = FeedbackPow(problem, points=40)
    arms, kind = problem.arms, problem.arms.type_of_arm
    near = policy.interpolation_error().max()
    for period, multiplier in followed(problem, policy, 12, seed=0):
        if period is None:
            break
        charged = arms.rewards[kind] - np.einsum("jn,jnas->nas", multiplier, problem.excess_costs[:, kind])
        index = whittle_index(Arms(arms.transitions[kind], charged), Average()).values[np.arange(len(kind)), period.states]
        acted = period.actions == 1
        chosen, left = index[acted], index[~acted]
        assert chosen.min(initial=np.inf) >= -2 * near
        if acted.sum() == problem.budget.k:
            assert chosen.min() >= left.max() - 4 * near
        else:
            assert left.max() <= 2 * near


def test_the_interpolation_error_by_hand():
    problem = drawn(2)
    policy = FeedbackPow(problem, points=6)
    arms, worst = problem.arms, 0.0
    for cell in range(5):
        middle = policy.grid[0, cell : cell + 2].mean()
        charged = Arms(arms.transitions, arms.rewards - middle * problem.excess_costs[0])
        exact = whittle_index(charged, Average()).values
        worst = np.maximum(worst, np.abs(exact - policy.table[..., cell : cell + 2].mean(axis=-1)).max(axis=1))
    np.testing.assert_allclose(policy.interpolation_error(), worst)
    assert (worst > 0).all()


@pytest.mark.parametrize(("variant", "sign"), [("TP4", 1), ("RS4", -1)])
def test_the_table_in_closed_form(variant, sign):
    """Costs proportional to the action shift the index by the multiplier: up for a floor, down for a cap."""
    problem = published(variant)
    policy = FeedbackPow(problem, points=7)
    plain = whittle_index(problem.arms, Average()).values
    np.testing.assert_allclose(policy.table, plain[..., np.newaxis] + sign * policy.grid[0], atol=1e-9)
    assert policy.interpolation_error().max() < 1e-9
    assert policy.indexable.all()


def test_the_grid_is_finer_where_arms_spend_their_time():
    policy = FeedbackPow(published("TP4"))
    grid, optimal = policy.grid[0], policy.multipliers[0]
    assert len(grid) == 34
    assert (grid[0], grid[-1]) == (0.0, 10.0)
    width = np.diff(grid)
    for multiplier in optimal:
        cell = min(np.searchsorted(grid, multiplier, side="right") - 1, 32)
        assert width[cell] < 0.1
    assert width[-1] > 10 * width[0]


@pytest.mark.parametrize("scale", [1, 5, 20])
@pytest.mark.parametrize("variant", sorted(FLUID))
def test_requirements_hold_at_every_scale_and_the_bound_is_near(variant, scale):
    problem = published(variant, scale=scale)
    policy = FeedbackPow(problem, points=FEW.get(variant))
    bound = policy.bound.value
    np.testing.assert_allclose(bound / scale, FLUID[variant], atol=6e-6)
    outcome = simulate(problem, policy, replicates=2, **RUN)
    assert outcome.mean_violation < 1e-3
    gap = (bound - outcome.mean) / abs(bound)
    assert {1: 0.11, 5: 0.035, 20: 0.01}[scale] > gap > -0.002
    assert policy.indexable.all()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 2, 5, 10, 20, 50, 100])
@pytest.mark.parametrize("variant", sorted(FLUID))
def test_requirements_hold_with_the_default_table_up_to_scale_100(variant, scale):
    problem = published(variant, scale=scale)
    policy = FeedbackPow(problem)
    outcome = simulate(problem, policy, replicates=4, **RUN)
    assert outcome.mean_violation < 1e-3
    if scale >= 20:
        assert outcome.mean >= policy.bound.value - 0.01 * abs(policy.bound.value)


def test_at_most_keeps_requirements_too():
    problem = published("RS4", scale=5, k=2, exactly=False)
    policy = FeedbackPow(problem, points=5)
    outcome = simulate(problem, policy, replicates=2, **RUN)
    assert outcome.mean_violation < 1e-3
    assert outcome.mean > policy.bound.value - 0.03 * abs(policy.bound.value)


def test_several_penalties_are_kept_together():
    problem = drawn(7, penalties=2, copies=20)
    policy = FeedbackPow(problem)
    outcome = simulate(problem, policy, replicates=2, **RUN)
    assert outcome.mean_violation < 2e-3
    assert outcome.mean > policy.bound.value - 0.03 * abs(policy.bound.value)


def test_types_without_the_requirement_keep_a_multiplier_of_zero():
    free = published("TP4", scale=2)
    problem = Problem(free.arms, free.budget, Average(), Penalty(free.penalties.cost, [-0.35, np.inf, np.inf, np.inf]))
    policy = FeedbackPow(problem, points=4)
    for _, multiplier in followed(problem, policy, 50, seed=1):
        assert (multiplier[0, 2:] == 0).all()


def test_the_start_is_that_of_the_fluid_program():
    problem = published("TP4", scale=3)
    policy = FeedbackPow(problem, points=4)
    np.testing.assert_allclose(policy.start, fluid_bound(problem).multipliers)
    np.testing.assert_allclose(policy.start, [[0.51, 0.37, 0.02, 0.0]], atol=1e-6)


def test_what_does_not_suit_is_refused_with_the_way_out():
    problem = drawn(0)
    arms, penalty = problem.arms, problem.penalties
    with pytest.raises(ModelError, match="has no penalties"):
        FeedbackPow(Problem(arms, TopK(3), Average()))
    with pytest.raises(ModelError, match=r"needs Average\(\) or Discounted"):
        FeedbackPow(Problem(arms, TopK(3), Horizon(5), penalty))
    with pytest.raises(ModelError, match="4 penalties; use ConstrainedLagrangian"):
        FeedbackPow(Problem(arms, TopK(3), Average(), [penalty] * 4))
    with pytest.raises(ModelError, match="counts activations"):
        FeedbackPow(Problem(arms, Knapsack(3.0, [1.0, 2.0, 3.0]), Average(), penalty))
    three = Arms(np.broadcast_to(np.eye(2), (1, 3, 2, 2)), np.zeros((1, 3, 2)))
    with pytest.raises(ModelError, match="two actions, these arms have 3"):
        FeedbackPow(Problem(three, TopK(1), Average(), Penalty(np.zeros((3, 2)), 1.0)))
    for wrong, name in (
        ({"step": 0.0}, "step"),
        ({"step": "a"}, "step"),
        ({"cap": np.inf}, "cap"),
        ({"points": 1}, "from 2 to 1000"),
        ({"points": 2.5}, "points"),
    ):
        with pytest.raises(ModelError, match=name):
            FeedbackPow(problem, **wrong)


def test_it_belongs_to_its_problem():
    problem = drawn(0)
    policy = FeedbackPow(problem, points=4)
    other = Penalty(problem.penalties.cost, problem.penalties.bound + 1)
    with pytest.raises(ModelError, match="other penalties"):
        policy.rule(Problem(problem.arms, problem.budget, Average(), other))
    with pytest.raises(ModelError, match="other arms, another budget"):
        policy.rule(Problem(problem.arms, TopK(1), Average(), problem.penalties))


def test_a_multiplier_without_an_index_is_named():
    """The arm has no index to begin with, so it has none at multiplier 0."""
    rng = np.random.default_rng(0)
    while True:
        arms = Arms(rng.dirichlet(np.full(3, 0.15), (1, 2, 3)), rng.random((1, 2, 3)), multiplicity=[50])
        if not whittle_index(arms, Discounted(0.95)).indexable.all():
            break
    problem = Problem(arms, TopK(10), Discounted(0.95), Penalty([[0.0] * 3, [1.0] * 3], 0.5))
    policy = FeedbackPow(problem, points=5)
    assert not policy.indexable[0, 0]
    assert "first: type 0, multiplier 0)" in policy.status
