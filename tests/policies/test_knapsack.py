"""The greedy fill by hand, against a plain loop, and simulated against the bound."""

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.joint import joint_optimum
from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.one_price import one_price_bound
from rmab.errors import InfeasibleBudget, ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem
from rmab.models.store import load, save
from rmab.policies.base import Policy
from rmab.policies.baselines import Myopic, Uniform
from rmab.policies.horizon_lp import HorizonLp
from rmab.policies.index import IndexPolicy
from rmab.policies.knapsack import KnapsackPolicy
from rmab.policies.lp_priority import LpPriority
from rmab.policies.lp_update import LpUpdate
from rmab.policies.mean_field import gap_check
from rmab.policies.priced import priced_policy
from rmab.policies.solve import solve
from rmab.simulation.run import simulate


def example(capacity=4.0, multiplicity=(3, 2), seed=0):
    rng = np.random.default_rng(seed)
    arms = Arms(rng.dirichlet(np.ones(2), (2, 2, 2)), rng.random((2, 2, 2)), multiplicity)
    return Problem(arms, Knapsack(capacity, [1.0, 2.5]), Average())


def test_what_does_not_fit_is_passed_over():
    policy = KnapsackPolicy([[0.5, 0.1], [0.4, 0.3]])
    states = np.array([0, 1, 1, 0, 1])
    for capacity, expected in ((0.9, []), (1.0, [0]), (3.0, [0, 1, 2]), (3.5, [0, 3]), (5.5, [0, 1, 2, 3]), (8.0, range(5))):
        np.testing.assert_array_equal(np.flatnonzero(policy.actions(example(capacity), states)), list(expected))


def test_nothing_below_the_threshold():
    policy = KnapsackPolicy([[0.5, -0.1], [0.0, -0.3]])
    np.testing.assert_array_equal(policy.actions(example(100.0), np.array([0, 1, 1, 0, 1])), [1, 0, 0, 1, 0])
    assert isinstance(policy, Policy)


@pytest.mark.parametrize("seed", range(20))
def test_fill_against_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    k, s = 5, 4
    arms = Arms(np.full((k, 2, s, s), 1 / s), np.zeros((k, 2, s)), rng.integers(1, 30, k))
    costs = rng.uniform(0.1, 5.0, k)
    problem = Problem(arms, Knapsack(float(rng.uniform(0.1, 60)), costs), Average())
    states = rng.integers(0, s, arms.n_arms)
    density = rng.normal(0.5, 1.0, (k, s))
    chosen = KnapsackPolicy(density).actions(problem, states, rng=rng)
    kind = np.repeat(np.arange(k), arms.multiplicity)
    left, expected = problem.budget.capacity, np.zeros((k, s), dtype=int)
    for cell in np.argsort(-density, axis=None):
        i, state = divmod(int(cell), s)
        for _ in range(int(((kind == i) & (states == state)).sum())):
            if density[i, state] >= 0 and costs[i] <= left:
                left -= costs[i]
                expected[i, state] += 1
    found = np.zeros((k, s), dtype=int)
    np.add.at(found, (kind, states), chosen)
    np.testing.assert_array_equal(found, expected)


def test_many_arms_come_close_to_the_bound():
    problem = example(150.0, (400, 300), seed=3)
    bound = lagrangian_bound(problem)
    assert bound.price > 0
    earned = {}
    for name, policy in (("gain", KnapsackPolicy(gain_index(problem))), ("any", KnapsackPolicy(np.zeros((2, 2))))):
        earned[name] = simulate(problem, policy, steps=400, burn_in=50, replicates=4, rng=1).mean
    # the mean of 1400 periods of 700 arms is within one per cent of its expectation
    assert earned["any"] < earned["gain"] <= 1.01 * bound.value
    assert earned["gain"] >= 0.97 * bound.value


class Everyone:
    """Acts on all arms."""

    def actions(self, problem, states, *, step=0, rng=None):
        return np.ones(len(states), dtype=np.int64)


def test_overspending_is_found():
    with pytest.raises(InfeasibleBudget, match="in period 0 the policy spends 8, but the budget is at most 4"):
        simulate(example(), Everyone(), steps=2, replicates=1)
    assert simulate(example(8.0), Everyone(), steps=2, replicates=1).activations.mean() == 5


@pytest.mark.parametrize(
    "use",
    [
        solve,
        joint_optimum,
        lambda problem: one_price_bound(problem, 4),
        lambda problem: gap_check(problem, Uniform()),
        lambda problem: simulate(problem, Myopic(), steps=3, replicates=1),
        lambda problem: IndexPolicy(np.zeros((2, 2))).actions(problem, np.zeros(5, dtype=int)),
        lambda problem: priced_policy(Problem(problem.arms, problem.budget, Horizon(3))),
        lambda problem: LpPriority(Problem(problem.arms, problem.budget, Horizon(3))),
        lambda problem: HorizonLp(Problem(problem.arms, problem.budget, Horizon(3))),
        lambda problem: LpUpdate(problem),
    ],
)
def test_what_counts_activations_refuses_a_knapsack(use):
    with pytest.raises(ModelError, match=r"counts activations, TopK\(k\); with a Knapsack use"):
        use(example())


def test_a_knapsack_is_kept_in_a_file(tmp_path):
    save(tmp_path / "problem.rmab", example())
    assert load(tmp_path / "problem.rmab").budget == Knapsack(4.0, (1.0, 2.5))


def test_small_costs_do_not_vanish_in_the_linear_program():
    p = [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]]
    arms = Arms(p, [[0, 1], [0, 1]], multiplicity=[10])
    for unit in (1e-9, 1.0, 1e9):
        problem = Problem(arms, Knapsack(3 * unit, [unit]), Average(), start=0)
        by_program, by_dual = fluid_bound(problem), lagrangian_bound(problem)
        assert by_program.value == pytest.approx(by_dual.value, rel=1e-8)
        assert by_program.price == pytest.approx(by_dual.price, rel=1e-6)


@pytest.mark.parametrize("index", ["abc", None, object()])
def test_an_index_that_is_no_table(index):
    with pytest.raises(ModelError):
        KnapsackPolicy(index)


def test_an_index_without_a_price_is_refused():
    arms = Arms(np.full((2, 2, 2), 0.5), np.zeros((2, 2)))
    with pytest.raises(ModelError, match="gain_index"):
        KnapsackPolicy(whittle_index(arms, Average()))


@pytest.mark.parametrize("costs", [1.5, None])
def test_costs_that_are_no_list(costs):
    with pytest.raises(ModelError, match="one per type"):
        Knapsack(3, costs)


def several(seed, n_arms=30):
    """A problem of three resources, of which most types use some only."""
    rng = np.random.default_rng(seed)
    k, s = 5, 4
    arms = Arms(rng.dirichlet(np.ones(s), (k, 2, s)), rng.random((k, 2, s)), rng.integers(1, n_arms, k))
    costs = np.where(rng.random((3, k)) < 0.4, 0.0, rng.uniform(0.1, 5.0, (3, k)))
    costs[0, ~costs.any(axis=0)] = 1.0
    return Problem(arms, Knapsack(rng.uniform(1, 60, 3), costs), Average())


@pytest.mark.parametrize("seed", range(20))
def test_fill_of_several_resources_against_a_plain_loop(seed):
    problem, rng = several(seed), np.random.default_rng([seed, 1])
    kind = problem.arms.type_of_arm
    states = rng.integers(0, 4, problem.arms.n_arms)
    density = rng.normal(0.5, 1.0, (5, 4))
    chosen = KnapsackPolicy(density).actions(problem, states, rng=rng)
    left, expected = np.array(problem.budget.capacity), np.zeros((5, 4), dtype=int)
    costs = np.array(problem.budget.costs)
    for cell in np.argsort(-density, axis=None):
        i, state = divmod(int(cell), 4)
        for _ in range(int(((kind == i) & (states == state)).sum())):
            if density[i, state] >= 0 and (costs[:, i] <= left).all():
                left -= costs[:, i]
                expected[i, state] += 1
    found = np.zeros((5, 4), dtype=int)
    np.add.at(found, (kind, states), chosen)
    np.testing.assert_array_equal(found, expected)


def test_every_resource_is_watched():
    arms = Arms(np.full((2, 2, 2, 2), 0.5), np.ones((2, 2, 2)), multiplicity=[3, 2])
    problem = Problem(arms, Knapsack([5.0, 1.0], [[1.0, 1.0], [0.0, 1.0]]), Average())
    with pytest.raises(InfeasibleBudget, match="in period 0 the policy spends 2 of resource 1, but the budget is at most 1"):
        simulate(problem, Everyone(), steps=2, replicates=1)
    roomy = Problem(arms, Knapsack([5.0, 2.0], [[1.0, 1.0], [0.0, 1.0]]), Average())
    assert simulate(roomy, Everyone(), steps=2, replicates=1).activations.mean() == 5


def test_several_resources_simulated_stay_within_the_bound():
    problem = several(3, n_arms=300)
    bound = fluid_bound(problem)
    paid = bound.prices @ np.array(problem.budget.costs)
    gained = problem.arms.rewards[:, 1] - problem.arms.rewards[:, 0]
    earned = simulate(problem, KnapsackPolicy(gained / paid[:, None]), steps=400, burn_in=50, replicates=4, rng=1).mean
    idle = simulate(problem, KnapsackPolicy(gained - 10), steps=400, burn_in=50, replicates=4, rng=1).mean
    assert idle < earned <= 1.01 * bound.value
