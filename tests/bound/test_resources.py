"""Several resources in the fluid bound, against a dense program, and what knows only one."""

import numpy as np
import pytest
from scipy.optimize import linprog

from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.bound.joint import joint_optimum
from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.one_price import one_price_bound
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.index.gain import gain_index
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.baselines import Uniform
from rmab.policies.lp_priority import LpPriority
from rmab.policies.mean_field import gap_check
from rmab.policies.priced import priced_policy
from rmab.policies.randomised_lp import RandomisedLp
from rmab.policies.solve import solve

CRITERIA = (Average(), Discounted(0.9), Horizon(6))


def drawn(seed, criterion, penalties=None):
    """Six types of which each uses some of three resources; all three are scarce in turn."""
    rng = np.random.default_rng(seed)
    shape = (6, 2, 4)
    rewards = rng.random(shape)
    rewards[:, 1] += 0.5
    arms = Arms(rng.dirichlet(np.ones(4), size=shape), rewards, rng.integers(1, 9, size=6))
    costs = np.where(rng.random((3, 6)) < 0.4, 0.0, rng.uniform(0.5, 2.0, (3, 6)))
    costs[0, ~costs.any(axis=0)] = 1.0
    return Problem(
        arms, Knapsack(0.2 * costs @ arms.multiplicity, costs), criterion, penalties, start=rng.dirichlet(np.ones(4))
    )


def dense(problem):
    """Value, prices (R,) or (T, R), from a program with dense matrices, one variable per period of a horizon."""
    arms, m, criterion = problem.arms, problem.arms.multiplicity, problem.criterion
    n_types, n_actions, n_states = arms.rewards.shape
    steps = criterion.steps if isinstance(criterion, Horizon) else 1
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    equations, right = [], []
    shape = (steps, n_types, n_actions, n_states)

    def row(value, **fill):
        equations.append(np.zeros(shape))
        right.append(value)
        return equations[-1]

    for k in range(n_types):
        if isinstance(criterion, Average):
            row(1.0)[0, k] = 1.0
        for t in range(n_states):
            for step in range(steps):
                if isinstance(criterion, Horizon):
                    equation = row(problem.start_distribution[k, t] if step == 0 else 0.0)
                    if step:
                        equation[step - 1, k] -= arms.transitions[k, :, :, t]
                else:
                    equation = row((1 - beta) * problem.start_distribution[k, t])
                    equation[0, k] -= beta * arms.transitions[k, :, :, t]
                equation[step, k, :, t] += 1
    limits = np.zeros((steps, len(problem.budget.capacity), *shape))
    for step in range(steps):
        limits[step, :, step, :, 1:] = (np.array(problem.budget.costs) * m)[:, :, None, None]
    limits = limits.reshape(-1, np.prod(shape))
    result = linprog(
        -np.broadcast_to(m[:, None, None] * arms.rewards, shape).ravel(),
        A_eq=np.array(equations).reshape(len(right), -1),
        b_eq=right,
        A_ub=limits,
        b_ub=np.tile(problem.budget.capacity, steps),
    )
    assert result.status == 0, result.message
    return -result.fun / steps, -result.ineqlin.marginals.reshape(steps, -1)


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_dense_program(criterion, seed):
    problem = drawn(seed, criterion)
    value, prices = dense(problem)
    bound = fluid_bound(problem)
    assert bound.value == pytest.approx(value, rel=1e-8)
    np.testing.assert_allclose(bound.prices, prices if isinstance(criterion, Horizon) else prices[0], atol=1e-7)
    assert bound.price == pytest.approx(bound.prices[..., 0].mean())
    spent = np.array(problem.budget.costs) @ (bound.activation * problem.arms.multiplicity)
    assert (spent <= np.array(problem.budget.capacity) * (1 + 1e-8)).all()
    assert (np.atleast_2d(bound.prices) > 1e-3).any(axis=0).sum() > 1


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_second_resource_that_is_plenty_changes_nothing(criterion):
    several = drawn(1, criterion)
    costs, capacity = several.budget.costs[0], several.budget.capacity[0]
    types = np.flatnonzero(costs)
    arms = Arms(several.arms.transitions[types], several.arms.rewards[types], several.arms.multiplicity[types])
    row = np.array(costs)[types]
    one = fluid_bound(Problem(arms, Knapsack(capacity, row), criterion, start=several.start[types]))
    plenty = Knapsack([capacity, 1e6], [row, np.ones(len(types))])
    two = fluid_bound(Problem(arms, plenty, criterion, start=several.start[types]))
    assert two.value == pytest.approx(one.value, rel=1e-10) and two.price == pytest.approx(one.price, rel=1e-8)
    np.testing.assert_allclose(two.prices[..., 1], 0.0, atol=1e-12)
    assert isinstance(criterion, Horizon) or one.prices is None


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_each_resource_has_its_own_unit(criterion):
    problem, units = drawn(2, criterion), np.array([1e-6, 1.0, 1e9])
    budget = Knapsack(np.array(problem.budget.capacity) * units, np.array(problem.budget.costs) * units[:, None])
    one, other = fluid_bound(problem), fluid_bound(Problem(problem.arms, budget, criterion, start=problem.start))
    assert other.value == pytest.approx(one.value, rel=1e-9)
    np.testing.assert_allclose(other.prices * units, one.prices, atol=1e-8)


def test_a_horizon_knows_costs():
    """One resource over a horizon: a count is a knapsack of ones, and no tighter price than the dual of the long run."""
    problem = drawn(3, Horizon(5))
    counted = horizon_bound(Problem(problem.arms, TopK(7), Horizon(5), start=problem.start))
    packed = horizon_bound(Problem(problem.arms, Knapsack(7.0, np.ones(6)), Horizon(5), start=problem.start))
    assert packed.value == pytest.approx(counted.value, rel=1e-12)
    np.testing.assert_allclose(packed.prices, counted.prices, atol=1e-10)
    costs = np.arange(1.0, 7.0)
    long = Problem(problem.arms, Knapsack(20.0, costs), Average(), start=problem.start)
    assert horizon_bound(long, 200).value == pytest.approx(lagrangian_bound(long).value, rel=5e-3)


def test_penalties_under_several_resources():
    floor = Penalty(np.broadcast_to([[0.0], [-1.0]], (6, 2, 4)), -0.1)
    free, bound = fluid_bound(drawn(4, Average())), fluid_bound(drawn(4, Average(), floor))
    assert bound.value < free.value and bound.activation.min() > 0.1 - 1e-9
    assert bound.multipliers.max() > 0.01 and bound.prices.shape == (3,)
    with pytest.raises(
        InfeasiblePenalty, match=r"infeasible together under the budget of at most [\d.]+, [\d.]+, [\d.]+ per period"
    ):
        fluid_bound(drawn(4, Average(), Penalty(floor.cost, -0.5)))


def test_a_bound_lists_the_prices():
    text = str(fluid_bound(drawn(5, Average())))
    assert "per unit of 3 resources; arms are acted on" in text
    assert "per unit of the first resource" in str(fluid_bound(drawn(5, Horizon(3))))


@pytest.mark.parametrize(
    "use",
    [
        lagrangian_bound,
        joint_optimum,
        lambda problem: one_price_bound(problem, 4),
        gain_index,
        solve,
        LpPriority,
        RandomisedLp,
        priced_policy,
        lambda problem: priced_policy(Problem(problem.arms, problem.budget, Horizon(3))),
        lambda problem: gap_check(problem, Uniform()),
    ],
)
def test_what_knows_one_resource_only_says_so(use):
    with pytest.raises(ModelError, match=r"a Knapsack of 3 resources.* use fluid_bound, and simulate KnapsackPolicy"):
        use(drawn(0, Average()))
