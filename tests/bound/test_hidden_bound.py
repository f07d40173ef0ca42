"""Policy below optimum below bound, by exact dynamic programming over the product of four arms."""

import numpy as np
import pytest

from oracles.hidden_arms import random_hidden, random_modes
from oracles.hidden_product import Tree, finite, infinite
from rmab.bound.hidden import HiddenDual, hidden_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.index.price import minimise
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem


def four_arms(seed):
    rng = np.random.default_rng(seed)
    return [random_hidden(rng, one_law=True) for _ in range(4)], [rng.dirichlet(np.ones(2)) for _ in range(4)]


def index_of(hidden, start, beta, beliefs):
    space = hidden.reachable(start, depth=20, merge=0.02)
    return space.interpolate(whittle_index(space.arms, Discounted(beta)).values[0], beliefs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k", "steps"), [(1, 4), (2, 4), pytest.param(1, 6, marks=pytest.mark.slow)])
def test_exact_beliefs_over_a_horizon(seed, k, steps):
    arms, starts = four_arms(seed)
    trees = [Tree(arm, start, steps) for arm, start in zip(arms, starts, strict=True)]
    index = [index_of(arm, start, 0.9, tree.beliefs) for arm, start, tree in zip(arms, starts, trees, strict=True)]
    problem = HiddenProblem(arms, TopK(k), Horizon(steps), start=starts)
    policy = finite(trees, k, steps, priority=lambda n, i: index[n][i])
    optimum, bound = finite(trees, k, steps), hidden_bound(problem)
    assert policy <= optimum + 1e-12
    assert optimum / steps <= bound.value
    assert bound.value <= 1.2 * optimum / steps  # it says something

    # rewards are not negative, so the first periods alone are worth less than all
    beta = 0.6
    part = finite(trees, k, steps, beta)
    whole = hidden_bound(HiddenProblem(arms, TopK(k), Discounted(beta), start=starts)).value / (1 - beta)
    assert part <= whole
    assert whole - part <= 4 * beta**steps / (1 - beta) + 0.1 * part


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beta", [0.9, 0.9999])
def test_product_of_merged_chains(seed, beta):
    arms, starts = four_arms(seed)
    spaces = [arm.reachable(start, depth=3, merge=0.2) for arm, start in zip(arms, starts, strict=True)]
    assert max(len(space.nodes) for space in spaces) <= 12
    chains = [(space.arms.transitions[0], space.arms.rewards[0]) for space in spaces]
    index = [whittle_index(space.arms, Discounted(beta)).values[0] for space in spaces]
    policy = infinite(chains, 1, beta, index)
    optimum = infinite(chains, 1, beta)
    problem = HiddenProblem(arms, TopK(1), Discounted(beta), start=starts)
    dual = HiddenDual(problem, spaces)
    minimise(dual)
    relaxed = dual.best[0]  # of the chains, which are worth more than the arms
    assert policy[0] <= optimum[1]
    assert optimum[0] <= relaxed
    assert policy[1] >= 0.9 * relaxed
    bound = hidden_bound(problem, spaces=spaces)
    assert bound.value <= relaxed
    assert hidden_bound(problem).value <= relaxed + 1e-9  # a finer mesh of the same arms
    if beta > 0.99:
        average = hidden_bound(HiddenProblem(arms, TopK(1), Average(), start=starts), spaces=spaces)
        assert average.value == pytest.approx(bound.value, abs=1e-2)


@pytest.mark.parametrize("criterion", [Discounted(0.9), Discounted(0.9999), Average()])
@pytest.mark.parametrize("budget", [TopK(2), TopK(3, exactly=True)])
def test_arms_whose_state_is_seen_have_the_bound_of_ordinary_arms(criterion, budget):
    rng = np.random.default_rng(6)
    moves, rewards = rng.dirichlet(np.ones(3), (2, 2, 3)), rng.normal(size=(2, 2, 3))
    rewards[:, 1] -= 1.0
    seen = [HiddenArms(p, r, [np.eye(3)] * 2, timing="after") for p, r in zip(moves, rewards, strict=True)]
    hidden = HiddenProblem(seen, budget, criterion, multiplicity=[3, 4], start=np.eye(3)[0])
    plain = lagrangian_bound(Problem(Arms(moves, rewards, [3, 4]), budget, criterion, start=0))
    found = hidden_bound(hidden)
    assert found.value == pytest.approx(plain.value, abs=1e-9)
    assert found.value >= plain.value - 1e-12
    assert found.price == pytest.approx(plain.price, abs=1e-7)
    assert found.activation @ hidden.multiplicity <= budget.k + 1e-6


def test_types_may_share_an_arm_and_differ_in_their_start():
    hidden = random_hidden(np.random.default_rng(2))
    one, other = [0.9, 0.1], [0.2, 0.8]
    problem = HiddenProblem([hidden, hidden], TopK(1), Discounted(0.9), start=[one, other])
    space = hidden.reachable([one, other], depth=20, merge=0.002)
    found, alone = hidden_bound(problem), hidden_bound(problem, spaces=[space, space])
    assert found.value == pytest.approx(alone.value, rel=1e-9)
    assert "linear closure" in found.method and "added" in found.status


def test_modes_in_which_acting_is_not_allowed_keep_the_price_from_falling_below_zero():
    hidden = random_modes(np.random.default_rng(1))
    dear = HiddenArms.from_kernel(hidden.kernel, hidden.rewards - np.array([0.0, 5.0])[:, None, None], allowed=hidden.allowed)
    found = hidden_bound(HiddenProblem(dear, TopK(2, exactly=True), Discounted(0.9), multiplicity=[3]))
    assert found.price >= 0
    # doing nothing is within reach of the relaxation, so the bound is that of waiting at least
    assert found.value >= hidden_bound(HiddenProblem(dear, TopK(0), Discounted(0.9), multiplicity=[3])).value - 1e-9


@pytest.mark.parametrize("criterion", [Discounted(0.9), Average(), Horizon(6)])
def test_five_hidden_states(criterion):
    rng = np.random.default_rng(3)
    arms = [random_hidden(rng, 5, 2) for _ in range(2)]
    problem = HiddenProblem(arms, TopK(1), criterion)
    coarse, fine = (hidden_bound(problem, depth=4, merge=merge) for merge in (0.5, 0.25))
    assert "freudenthal" in fine.method
    assert 0 < fine.value <= coarse.value + 1e-9
    if isinstance(criterion, Horizon):
        trees = [Tree(arm, arm.stationary(), 6) for arm in arms]
        assert finite(trees, 1, 6) / 6 <= fine.value


def test_spaces_must_fit():
    arms, starts = four_arms(0)
    problem = HiddenProblem(arms, TopK(1), Discounted(0.9), start=starts)
    space = arms[0].reachable(starts[0], depth=3, merge=0.2)
    with pytest.raises(ModelError, match="4 of them"):
        hidden_bound(problem, spaces=[space])
    with pytest.raises(ModelError, match="type 1"):
        hidden_bound(problem, spaces=[space] * 4)
    with pytest.raises(ModelError, match="HiddenProblem"):
        hidden_bound(arms[0])
    nearest = arms[0].reachable(starts[0], depth=3, merge=0.2, closure="nearest")
    with pytest.raises(ModelError, match="keep the mean"):
        hidden_bound(HiddenProblem(arms[0], TopK(1), Discounted(0.9)), spaces=[nearest])


def test_the_average_from_a_class_that_is_never_left():
    """Two closed classes that pay differently: the start decides, as in the bound of arms whose state is seen."""
    moves = np.zeros((2, 4, 4))
    moves[0, :2, :2] = moves[0, 2:, 2:] = [[0.5, 0.5], [0.3, 0.7]]
    moves[1, :2, :2] = moves[1, 2:, 2:] = [[0.2, 0.8], [0.1, 0.9]]
    paid = [[0.0, 1.0, 5.0, 6.0]] * 2
    arm, seen = HiddenArms.observed(moves, paid), Arms(moves, paid, multiplicity=[2])
    for state in (0, 2):
        exact = lagrangian_bound(Problem(seen, TopK(1), Average(), start=state)).value
        bound = hidden_bound(HiddenProblem(arm, TopK(1), Average(), multiplicity=[2], start=np.eye(4)[state]))
        assert bound.value == pytest.approx(exact, abs=1e-8)
        assert bound.value >= exact - 1e-12
    mixed = hidden_bound(HiddenProblem(arm, TopK(1), Average(), multiplicity=[2], start=[0.5, 0.0, 0.5, 0.0]))
    assert mixed.value == pytest.approx(exact, abs=1e-8)  # that of the better class: valid, and loose
    assert "recurrent classes" in mixed.status


def test_one_space_does_for_all_types():
    seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    arm = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    space = arm.reachable([0.4, 0.6], depth=6, merge=0.02)
    problem = HiddenProblem([arm, arm], TopK(1), Discounted(0.9))
    assert hidden_bound(problem, spaces=space).value == hidden_bound(problem, spaces=[space, space]).value
