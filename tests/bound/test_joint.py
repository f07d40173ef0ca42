"""The joint optimum against enumeration, and between every policy and every bound."""

from itertools import product

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.bound.joint import joint_optimum
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem

STRUCTURES = ("dense", "sparse", "blocks", "deterministic", "absorbing")
CRITERIA = (Discounted(0.9), Average())


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(10))
def test_equals_the_best_of_all_stationary_policies(criterion, seed, random_problem, joint_chain):
    rng = np.random.default_rng([seed, 3])
    structure = STRUCTURES[seed % 5]
    problem = random_problem(rng, structure=structure, types=(2, 2), states=(2, 2), copies=(1, 1), criterion=criterion)
    chain = joint_chain(problem)
    best = max(chain.value(choice, criterion) for choice in product(chain.actions, repeat=len(chain.states)))
    optimum = joint_optimum(problem)
    assert optimum.value == pytest.approx(best, abs=1e-9)
    assert chain.value([tuple(u) for u in optimum.policy], criterion) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_best_of_all_plans_over_two_steps(seed, random_problem, joint_chain):
    rng = np.random.default_rng([seed, 4])
    drawn = random_problem(rng, types=(1, 1), states=(2, 2), copies=(2, 2), criterion=Horizon(2))
    problem = Problem(drawn.arms, TopK(1), Horizon(2), start=drawn.start)
    chain = joint_chain(problem)
    plans = list(product(chain.actions, repeat=len(chain.states)))
    moves = [[chain.move(s, u) for s, u in zip(chain.states, plan, strict=True)] for plan in plans]
    last = [np.array([reward for _, reward in move]) for move in moves]
    best = max(
        chain.start @ (first + np.array([row for row, _ in move]) @ then)
        for move, first in zip(moves, last, strict=True)
        for then in last
    )
    optimum = joint_optimum(problem)
    assert optimum.value == pytest.approx(best / 2, abs=1e-12)
    assert optimum.policy.shape == (2, 4, 2)


def index_choice(chain, index, budget):
    """Joint actions that act on the arms of highest ``index[k, s]``; under "at most", only where it is positive."""
    choice = []
    for state in chain.states:
        worth = np.array([index[k, s] for k, s in zip(chain.kinds, state, strict=True)])
        action = np.zeros(len(state), dtype=int)
        top = np.argsort(-worth, kind="stable")[: budget.k]
        action[top if budget.exactly else top[worth[top] > 0]] = 1
        choice.append(tuple(action))
    return choice


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(15))
def test_policy_below_optimum_below_bound(criterion, seed, random_problem, joint_chain):
    rng = np.random.default_rng([seed, 5])
    structure = STRUCTURES[seed % 5]
    problem = random_problem(rng, structure=structure, types=(1, 3), states=(2, 3), copies=(1, 1), criterion=criterion)
    optimum = joint_optimum(problem).value
    assert optimum <= lagrangian_bound(problem).value + 1e-9
    assert optimum <= fluid_bound(problem).value + 1e-9
    chain = joint_chain(problem)
    rewards = problem.arms.rewards
    for index in (rewards[:, 1] - rewards[:, 0], rng.normal(size=rewards[:, 0].shape)):
        assert chain.value(index_choice(chain, index, problem.budget), criterion) <= optimum + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_optimum_below_bound_over_a_horizon(seed, random_problem):
    rng = np.random.default_rng([seed, 6])
    criterion = Horizon(int(rng.integers(1, 8)))
    structure = STRUCTURES[seed % 5]
    problem = random_problem(
        rng, structure=structure, types=(1, 2), states=(2, 3), copies=(1, 2), actions=2 + seed % 2, criterion=criterion
    )
    optimum = joint_optimum(problem).value
    tight = horizon_bound(problem).value
    assert optimum <= tight + 1e-9


@pytest.mark.parametrize("criterion", [*CRITERIA, Horizon(6)], ids=str)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_optimum_equals_bound_where_the_budget_does_not_bind_or_leaves_no_choice(criterion, structure, random_problem):
    rng = np.random.default_rng(8)
    drawn = random_problem(rng, structure=structure, types=(2, 2), states=(3, 3), copies=(1, 2), criterion=criterion)
    n_arms = drawn.arms.n_arms
    for budget in (TopK(n_arms), TopK(n_arms, exactly=True), TopK(0), TopK(0, exactly=True)):
        problem = Problem(drawn.arms, budget, criterion, start=drawn.start)
        assert joint_optimum(problem).value == pytest.approx(lagrangian_bound(problem).value, abs=1e-9)


@pytest.mark.parametrize("criterion", [*CRITERIA, Horizon(6)], ids=str)
def test_one_arm_is_its_own_joint_problem(criterion, random_problem):
    for seed in range(5):
        drawn = random_problem(np.random.default_rng([seed, 9]), types=(1, 1), copies=(1, 1), criterion=criterion)
        problem = Problem(drawn.arms, TopK(1), criterion, start=drawn.start)
        optimum = joint_optimum(problem)
        assert optimum.value == pytest.approx(fluid_bound(problem).value, abs=1e-9)
        assert optimum.policy.shape[-1] == 1


def test_the_first_arm_is_the_slowest_digit_of_the_joint_state():
    """Only arm 0 earns, only when acted on in state 1: act on it there, in joint states 2 and 3."""
    p = np.full((2, 2, 2, 2), 0.5)
    r = np.zeros((2, 2, 2))
    r[0, 1, 1] = 1.0
    optimum = joint_optimum(Problem(Arms(p, r), TopK(1), Discounted(0.9)))
    assert optimum.policy[2].tolist() == [1, 0] and optimum.policy[3].tolist() == [1, 0]
    assert optimum.value == pytest.approx(0.5)
    assert "2 arms" in str(optimum)


def test_large_problems_are_refused_by_size():
    arms = Arms(np.full((2, 3, 3), 1 / 3), np.zeros((2, 3)), multiplicity=[12])
    with pytest.raises(ModelError, match=r"12 arms of 3 states are 5.31e\+05 joint states"):
        joint_optimum(Problem(arms, TopK(1), Average()))
    arms = Arms(np.full((2, 3, 3), 1 / 3), np.zeros((2, 3)), multiplicity=[7])
    with pytest.raises(ModelError, match="128 admissible joint actions"):
        joint_optimum(Problem(arms, TopK(7), Average()))
