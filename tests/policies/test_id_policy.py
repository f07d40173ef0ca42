"""The order of the arms, and the distance to the bound where priorities fail."""

import numpy as np
import pytest

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.id_policy import IdPolicy, mixed_order
from rmab.policies.randomised_lp import single_arm_plan
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_budget_is_kept(exactly, seed):
    problem = drawn(seed, exactly=exactly)
    run(problem, IdPolicy(problem), 150, seed)


@pytest.mark.parametrize("copies", [(1, 1), (3, 40), (200, 900)])
def test_every_prefix_of_the_order_is_a_fair_sample(copies):
    problem = drawn(2, exactly=True, copies=copies, types=40 if copies == (1, 1) else 4)
    plan = single_arm_plan(problem)
    order, n = mixed_order(problem, plan), problem.arms.n_arms
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    kind = problem.arms.type_of_arm[order]
    share = problem.arms.multiplicity / n
    prefix = np.arange(1, n + 1)
    for k in range(problem.arms.n_types):
        # the discrepancy of golden multiples is below 1 + log(n) / log(golden ratio)
        assert np.abs(np.cumsum(kind == k) - share[k] * prefix).max() < 2 + 1.5 * np.log(n)
    rate = (plan.act * plan.occupancy).sum(axis=1)
    assert np.abs(np.cumsum(rate[kind]) - prefix * (rate @ share)).max() < 2 + 1.5 * np.log(n)


def test_arms_are_refused_from_the_end_of_the_order():
    problem = named("gast20_1", 30)
    policy = IdPolicy(problem)
    place = np.argsort(policy._order)
    rng = np.random.default_rng(0)
    states = rng.integers(0, 3, size=30)
    for _ in range(50):
        acted = policy.actions(problem, states, rng=rng)
        eager = states == 0  # these always wish to act
        if (acted[eager] == 0).any():
            assert place[eager & (acted == 0)].min() > place[eager & (acted == 1)].max()


def test_it_has_no_memory():
    problem = named("gast20_1", 30)
    policy, states = IdPolicy(problem), np.arange(30) % 3
    first = policy.actions(problem, states, step=7, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first, policy.actions(problem, states, step=2, rng=np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("name", "most"), [("flipped", 0.08), ("conveyor_action_gap8", 0.05), ("gast20_1", 0.02), ("gast20_2", 0.025)]
)
def test_comes_near_the_bound_as_arms_are_added(name, most):
    gaps = []
    for n in (100, 1000):
        problem = named(name, n)
        outcome = simulate(problem, IdPolicy(problem), steps=1_500, replicates=2, burn_in=300, rng=0)
        gaps.append(1 - outcome.mean / fluid_bound(problem).value)
    assert 0 < gaps[1] < most
    assert gaps[1] < 0.6 * gaps[0]


def test_arms_of_which_no_two_are_alike():
    rng = np.random.default_rng(5)
    n = 400
    arms = Arms(rng.dirichlet(np.ones(3), (n, 2, 3)), rng.normal(size=(n, 2, 3)))
    problem = Problem(arms, TopK(120, exactly=True), Average())
    outcome = simulate(problem, IdPolicy(problem), steps=400, replicates=2, burn_in=100, rng=0)
    assert 1 - outcome.mean / fluid_bound(problem).value < 0.05


@pytest.mark.parametrize(("criterion", "other"), [(Horizon(5), "HorizonLp"), (Discounted(0.9), "LpUpdate")])
def test_other_criteria_are_refused_with_the_way_out(criterion, other):
    with pytest.raises(ModelError, match=other):
        IdPolicy(drawn(0, exactly=True, criterion=criterion))
