"""The occupancies of the programs, the single-arm policy, granting wishes, and the randomised policy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.randomised_lp import RandomisedLp, follow, pick, single_arm_plan
from rmab.simulation.run import simulate

CRITERIA = (Average(), Discounted(0.9))


def moved(problem, x):
    """Where occupancies x (K, A, S) are one period on, (K, S)."""
    return np.einsum("kas,kast->kt", x, problem.arms.unit_rows)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_occupancies_balance_and_earn_the_bound(criterion, exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=criterion)
    bound = fluid_bound(problem)
    x, m = bound.occupancy, problem.arms.multiplicity
    assert x.shape == problem.arms.rewards.shape
    assert x.min() >= 0
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    np.testing.assert_allclose(x.sum(axis=1), (1 - beta) * problem.start_distribution + beta * moved(problem, x), atol=1e-8)
    np.testing.assert_allclose(x.sum(axis=(1, 2)), 1.0, atol=1e-8)
    assert (x * problem.arms.rewards).sum(axis=(1, 2)) @ m == pytest.approx(bound.value, abs=1e-7)
    used = x[:, 1].sum(axis=1) @ m
    assert used == pytest.approx(problem.budget.k, abs=1e-7) if exactly else used <= problem.budget.k + 1e-7
    np.testing.assert_allclose(bound.activation, x[:, 1].sum(axis=1), atol=1e-12)


@pytest.mark.parametrize("exactly", [True, False])
def test_occupancies_over_a_horizon_balance_in_every_period(exactly):
    problem = drawn(1, exactly=exactly, criterion=Horizon(7))
    bound = horizon_bound(problem)
    x, m = bound.occupancy, problem.arms.multiplicity
    np.testing.assert_allclose(x[0].sum(axis=1), problem.start_distribution, atol=1e-8)
    for now, then in pairwise(x):
        np.testing.assert_allclose(then.sum(axis=1), moved(problem, now), atol=1e-8)
    used = x[:, :, 1].sum(axis=2) @ m
    assert (np.abs(used - problem.budget.k) < 1e-7).all() if exactly else (used <= problem.budget.k + 1e-7).all()
    assert np.einsum("tkas,kas,k->", x, problem.arms.rewards, m) / 7 == pytest.approx(bound.value, abs=1e-7)


def test_bounds_without_a_program_have_no_occupancy():
    assert lagrangian_bound(named("gast20_1", 10)).occupancy is None


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_single_arm_policy_settles_where_the_program_says(exactly, seed):
    problem = drawn(seed, exactly=exactly)
    plan = single_arm_plan(problem)
    p = problem.arms.unit_rows
    for k in range(problem.arms.n_types):
        chain = p[k, 0] + plan.act[k][:, np.newaxis] * (p[k, 1] - p[k, 0])
        # half a step of laziness removes periods and keeps the long run
        settled = np.linalg.matrix_power((chain + np.eye(len(chain))) / 2, 2**20)
        np.testing.assert_allclose(settled, np.broadcast_to(plan.occupancy[k], settled.shape), atol=1e-6)


def test_states_outside_the_program_take_the_action_that_leads_back():
    # in state 1 waiting and acting earn the same for ever, but waiting never returns to state 0, where the program lives
    p = [[[1, 0], [0, 1]], [[1, 0], [1, 0]]]
    problem = Problem(Arms(p, [[1.0, 1.0], [1.0, 1.0]], [4]), TopK(4), Average(), start=0)
    plan = single_arm_plan(problem)
    np.testing.assert_allclose(plan.occupancy, [[1, 0]], atol=1e-9)
    assert plan.act[0, 1] == 1.0


def test_states_outside_the_program_never_take_a_worse_action():
    # waiting in state 1 is worth more for ever, though only acting leads to state 0
    p = [[[1, 0], [0, 1]], [[1, 0], [1, 0]]]
    problem = Problem(Arms(p, [[1.0, 2.0], [1.0, 1.0]], [4]), TopK(4), Average(), start=0)
    assert single_arm_plan(problem).act[0, 1] == 0.0


def slow_follow(wish, order, budget, useful):
    """Arm by arm: refuse from the back, or activate from the back."""
    actions = wish.astype(int)
    for i in order[::-1]:
        if actions.sum() > budget.k:
            actions[i] = 0
    for i in order[::-1]:
        if actions.sum() < budget.k and not wish[i] and (budget.exactly or (useful is not None and useful[i])):
            actions[i] = 1
    return actions


@pytest.mark.parametrize("seed", range(60))
def test_follow_equals_arm_by_arm(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    wish, order = rng.random(n) < rng.random(), rng.permutation(n)
    budget = TopK(int(rng.integers(0, n + 1)), exactly=bool(seed % 2))
    useful = None if seed % 3 else rng.random(n) < 0.5
    np.testing.assert_array_equal(follow(wish, order, budget, useful), slow_follow(wish, order, budget, useful))


@pytest.mark.parametrize("seed", range(20))
def test_pick_takes_the_first_of_each_cell(seed):
    rng = np.random.default_rng(seed)
    cells, quota = rng.integers(0, 4, size=15), rng.integers(0, 5, size=4)
    order = rng.permutation(15)[:12]
    expected = np.zeros(15, dtype=bool)
    for c in range(4):
        expected[[i for i in order if cells[i] == c][: quota[c]]] = True
    np.testing.assert_array_equal(pick(cells, quota, order), expected)


def test_wishes_have_the_mean_of_the_single_arm_policy():
    problem = named("gast20_1", 1000)
    policy, rng = RandomisedLp(problem), np.random.default_rng(0)
    states = np.repeat([0, 1, 2], [200, 600, 200])
    p = policy.plan.act[0, 1]
    assert 0.2 < p < 0.3
    # the mean of all wishes, 200 + 600 p, is below the budget of 400, which is used exactly: the rest is drawn from the others
    acted = np.array([policy.actions(problem, states, rng=rng) for _ in range(400)])
    assert (acted.sum(axis=1) == 400).all()
    assert (acted[:, :200] == 1).all()
    wish = np.array([policy.plan.wishes(policy.plan.cells(states), rng) for _ in range(400)])
    assert stats.binomtest(int(wish[:, 200:800].sum()), 400 * 600, p).pvalue > 1e-4
    assert not wish[:, 800:].any()


def test_who_is_turned_away_is_drawn_uniformly():
    problem = named("gast20_1", 10)
    policy, rng = RandomisedLp(problem), np.random.default_rng(1)
    total = sum(policy.actions(problem, np.zeros(10, dtype=int), rng=rng) for _ in range(3_000))
    assert total.sum() == 12_000
    assert stats.chisquare(total).pvalue > 1e-4


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_budget_is_kept(criterion, exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=criterion)
    run(problem, RandomisedLp(problem), 100, seed)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("k", [0, 12])
def test_budgets_that_leave_no_choice(exactly, k):
    arms = drawn(0, exactly=exactly, copies=(4, 4)).arms
    problem = Problem(arms, TopK(k, exactly=exactly), Average())
    run(problem, RandomisedLp(problem), 20, 0)


def test_comes_near_the_bound_where_wishes_suffice():
    problem = named("gast20_1", 1000)
    outcome = simulate(problem, RandomisedLp(problem), steps=1_000, replicates=2, burn_in=200, rng=0)
    assert 0.98 < outcome.mean / fluid_bound(problem).value < 1.0


def test_errors():
    problem = drawn(0, exactly=True)
    policy = RandomisedLp(problem)
    with pytest.raises(ModelError, match="HorizonLp"):
        RandomisedLp(drawn(0, exactly=True, criterion=Horizon(3)))
    with pytest.raises(ModelError, match="two actions, these arms have 3"):
        RandomisedLp(Problem(Arms(np.ones((1, 3, 1, 1)), np.zeros((1, 3, 1))), TopK(1), Average()))
    with pytest.raises(ModelError, match="counts activations"):
        RandomisedLp(Problem(problem.arms, Knapsack(2.0, [1.0, 1.0, 2.0]), Average()))
    other = Problem(problem.arms, TopK(1), problem.criterion)
    with pytest.raises(ModelError, match="made for other arms, another budget"):
        policy.actions(other, np.zeros(problem.arms.n_arms, dtype=int))
    with pytest.raises(ModelError, match="whole numbers"):
        policy.actions(problem, np.zeros(3))
