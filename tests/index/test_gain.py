"""The gain index: published numbers, an independent linear program, and its limits against small steps of the price."""

import numpy as np
import pytest
from scipy.optimize import linprog

from oracles import learning_arms as named
from rmab.errors import ModelError
from rmab.index.gain import gain_index, lagrangian_index
from rmab.index.mean_field import MeanField, starts
from rmab.index.price import Dual
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem


def exactly(arms, k, criterion=None):
    return Problem(arms, TopK(k, exactly=True), criterion or Average())


GINO, FLIPPED = named.cohort(named.gino(), each=100), named.cohort(named.flipped(), each=100)


@pytest.mark.parametrize(
    ("arms", "k", "price", "advantage", "bound"),
    [
        (GINO, 70, 0, (-2, 0, 2, 2, 2, 2), 0),
        (GINO, 30, 2, (0, -2, 0, 0, 0, 0), -220 / 3),
        (GINO, 50, 2, (0, -2, 0, 0, 0, 0), -100 / 3),
        (GINO, 90, -4, (0, 4, 6, 6, 6, 6), -80 / 3),
        (GINO, 95, -4, (0, 4, 6, 6, 6, 6), -140 / 3),
        (FLIPPED, 70, -2, (-14 / 3, 2, 0, 0, 0, 0), -170 / 3),
        (FLIPPED, 20, -0.6, (0, 0.6, -1.4, -1.4, -1.4, -1.4), 13),
    ],
)
def test_reference_arms(arms, k, price, advantage, bound):
    index = gain_index(exactly(arms, k))
    assert index.price == pytest.approx(price, abs=1e-12)
    assert index.bound == pytest.approx(bound, abs=1e-11)
    np.testing.assert_allclose(index.advantage, [advantage], atol=1e-12)
    np.testing.assert_allclose(index.values, np.array([advantage]) + price, atol=1e-12)
    # ties are exact, not up to rounding
    assert len(np.unique(index.values)) == len(np.unique(advantage))


@pytest.mark.parametrize("k", [90, 95])
def test_at_most_cuts_the_price_at_zero(k):
    index = gain_index(Problem(GINO, TopK(k), Average()))
    assert index.price_interval == (0, 0) and index.bound == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(index.values, [(-2, 0, 2, 2, 2, 2)], atol=1e-12)


@pytest.mark.parametrize(
    ("kinds", "each", "k", "bound", "price"),
    [
        ((named.gino(),), 100, 70, 0, 0),
        ((named.gino(),), 100, 30, -73.333, 2),
        ((named.gino(),), 100, 90, -26.667, -4),
        ((named.flipped(),), 100, 70, -56.667, -2),
        ((named.flipped(),), 100, 20, 13.0, -0.6),
        ((named.circulant(),), 100, 20, 20.0, 1.0),
        ((named.restart(),), 100, 20, 64.849, -0.2588),
        ((named.mentoring(),), 100, 10, 49.431, 0.9254),
        (named.AGES, 25, 20, -532.71, 22.0),
        (named.AGES, 1, 2, -10.731, 2.9),
        (named.PATROLS, (34, 33, 33), 30, 3.988, 0.2320),
        (named.PATROLS, (4, 3, 3), 4, 0.4614, -0.0229),
    ],
)
def test_reference_problems(kinds, each, k, bound, price):
    index = gain_index(exactly(named.cohort(*kinds, each=each), k))
    assert index.bound == pytest.approx(bound, rel=5.1e-5, abs=5.1e-5)
    assert index.price == pytest.approx(price, abs=5.01e-5)


def random_problem(seed, criterion, *, whole=False):
    rng = np.random.default_rng([seed, 8])
    k, s = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    rewards = rng.integers(-2, 3, (k, 2, s)).astype(float) if whole else rng.normal(size=(k, 2, s))
    p = np.eye(s)[rng.integers(0, s, (k, 2, s))] if whole else rng.dirichlet(np.ones(s), (k, 2, s))
    arms = Arms(p, rewards, rng.integers(1, 5, k))
    k_arms = int(rng.integers(1, arms.n_arms)) if arms.n_arms > 1 else 1
    return Problem(arms, TopK(k_arms, exactly=bool(seed % 2)), criterion)


def by_linear_program(problem):
    """Bound, price and advantages from the multipliers of the occupancy program; for a discount and a uniform start."""
    arms, beta = problem.arms, problem.criterion.beta
    k, a, s = arms.rewards.shape
    rows, right = np.zeros((k * s, k * a * s)), np.zeros(k * s)
    for i, j, t in np.ndindex(k, a, s):
        column = (i * a + j) * s + t
        rows[i * s + t, column] += 1
        rows[i * s : (i + 1) * s, column] -= beta * arms.transitions[i, j, t]
        right[i * s + t] = (1 - beta) * arms.multiplicity[i] / s
    costs = np.array(problem.budget.costs) if isinstance(problem.budget, Knapsack) else np.ones(k)
    most = problem.budget.capacity if isinstance(problem.budget, Knapsack) else problem.budget.k
    act = np.zeros((k, a, s))
    act[:, 1] = costs[:, np.newaxis]
    budget = {"A_eq": np.vstack([rows, act.reshape(1, -1)]), "b_eq": np.append(right, most)}
    if not problem.budget.exactly:
        budget = {"A_eq": rows, "b_eq": right, "A_ub": act.reshape(1, -1), "b_ub": [most]}
    found = linprog(-arms.rewards.ravel(), **budget, method="highs")
    assert found.status == 0
    value = -found.eqlin.marginals[: k * s].reshape(k, s)
    price = -(found.eqlin.marginals[-1] if problem.budget.exactly else found.ineqlin.marginals[0])
    gain = arms.rewards[:, 1] - arms.rewards[:, 0] - price * costs[:, np.newaxis]
    return -found.fun, price, gain + beta * np.einsum("kst,kt->ks", arms.transitions[:, 1] - arms.transitions[:, 0], value)


@pytest.mark.parametrize("seed", range(40))
def test_discounted_index_against_a_linear_program(seed):
    problem = random_problem(seed, Discounted(0.9))
    index = gain_index(problem)
    bound, price, advantage = by_linear_program(problem)
    assert index.bound == pytest.approx(bound, abs=1e-8)
    assert index.price == pytest.approx(price, abs=1e-7)
    assert index.price_interval[0] == pytest.approx(index.price_interval[1], abs=1e-8)
    np.testing.assert_allclose(index.advantage, advantage, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_index_with_costs_against_a_linear_program(seed):
    drawn = random_problem(seed, Discounted(0.9))
    rng = np.random.default_rng([seed, 9])
    costs = rng.uniform(0.3, 3.0, drawn.arms.n_types)
    capacity = float(costs @ drawn.arms.multiplicity) * rng.uniform(0.05, 0.6)
    problem = Problem(drawn.arms, Knapsack(capacity, costs), drawn.criterion)
    index = gain_index(problem)
    bound, price, advantage = by_linear_program(problem)
    assert index.bound == pytest.approx(bound, abs=1e-8)
    assert index.price == pytest.approx(price, abs=1e-7)
    np.testing.assert_allclose(index.advantage, advantage, atol=1e-6)
    np.testing.assert_allclose(index.density * costs[:, np.newaxis], index.values, rtol=1e-14)
    np.testing.assert_allclose(gain_index(problem, tie_break="fluid").values, index.values, atol=1e-9)


def test_density_is_the_index_itself_under_a_count():
    index = gain_index(exactly(GINO, 50), tie_break="left")
    np.testing.assert_array_equal(index.density, index.values)


def advantage_near(problem, price):
    """Advantage of acting at ``price`` by plain value iteration."""
    arms, beta = problem.arms, problem.criterion.beta
    charge = np.array([0.0, price])[:, np.newaxis]
    value = np.zeros((arms.n_types, arms.n_states))
    for _ in range(400):
        worth = arms.rewards - charge + beta * np.einsum("kast,kt->kas", arms.transitions, value)
        value = worth.max(axis=1)
    return (worth[:, 1] - worth[:, 0]).ravel()


@pytest.mark.parametrize("side", ["left", "right"])
def test_limits_order_like_a_price_a_little_outside(side):
    """On deterministic arms with whole rewards ties are everywhere; a step of 1e-6 tells apart what the limit tells apart."""
    told_apart = 0
    for seed in range(120):
        problem = random_problem(seed, Discounted(0.75), whole=True)
        index = gain_index(problem, tie_break=side)
        low, high = index.price_interval
        ends = (low, high) if side == "left" else (high, low)
        assert index.price == next(end for end in ends if np.isfinite(end))
        outside = advantage_near(problem, index.price + (-1e-6 if side == "left" else 1e-6))
        values, plain = index.values.ravel(), gain_index(problem).values.ravel()
        apart = np.abs(outside[:, np.newaxis] - outside) > 1e-9
        np.testing.assert_array_equal(
            np.sign(values[:, np.newaxis] - values)[apart], np.sign(outside[:, np.newaxis] - outside)[apart]
        )
        assert (values[:, np.newaxis] == values)[~apart].all()
        if low == high:
            np.testing.assert_allclose(values, plain, atol=1e-12)
            told_apart += len(np.unique(values)) > len(np.unique(plain))
    assert told_apart >= 10


@pytest.mark.parametrize("kind", [True, False])
def test_the_price_is_the_middle_of_its_interval(kind):
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [3.0, 1.0]], multiplicity=[4])
    index = gain_index(Problem(arms, TopK(2, exactly=kind), Average()))
    assert index.price_interval == pytest.approx((1, 3)) and index.price == pytest.approx(2)
    np.testing.assert_allclose(index.values, [[3, 1]])
    assert "any from 1 to 3" in str(index)


def test_no_budget_and_no_choice_have_a_finite_price():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [3.0, 1.0]], multiplicity=[4])
    for tie_break in ("none", "left", "right", "fluid"):
        idle, busy = (gain_index(Problem(arms, TopK(k, exactly=True), Average()), tie_break=tie_break) for k in (0, 4))
        assert idle.price_interval == (pytest.approx(3), np.inf) and idle.price == pytest.approx(3)
        assert busy.price_interval == (-np.inf, pytest.approx(1)) and busy.price == pytest.approx(1)


def in_the_limit(problem, index, start):
    values = index.values
    ranks = np.unique(-values, return_inverse=True)[1].reshape(1, *values.shape)
    eligible = ranks.max() + 1 if problem.budget.exactly else ranks[0][values >= 0].max(initial=-1) + 1
    return MeanField(problem).limit(ranks, np.array([eligible]), start).reward


@pytest.mark.parametrize("start", [[1.0, 0, 0, 0, 0, 0], [1 / 6] * 6])
def test_ties_decide_what_the_gino_arm_earns(start):
    problem = exactly(GINO, 50)
    rewards = {
        way: in_the_limit(problem, gain_index(problem, tie_break=way), np.array([start])) for way in ("none", "left", "fluid")
    }
    assert rewards["none"] == pytest.approx(-2 / 3, abs=1e-9)
    assert rewards["left"] == pytest.approx(-1 / 3, abs=1e-9)
    assert rewards["fluid"] == pytest.approx(-1 / 3, abs=1e-9)


def test_fluid_keeps_the_best_candidate():
    """Its worst reward is never below the others', and sometimes above that of plain ties."""
    better = 0
    for seed in range(150):
        problem = random_problem(seed, Average() if seed % 3 else Discounted(0.9), whole=True)
        dual = Dual(problem)
        points = starts(problem, dual, gain_index(problem).price).values()
        worst = {}
        for way in ("none", "left", "right", "fluid"):
            index = gain_index(problem, tie_break=way)
            worst[way] = min(in_the_limit(problem, index, start) for start in points)
        assert worst["fluid"] >= max(worst.values()) - 1e-8
        better += worst["fluid"] > worst["none"] + 1e-6
    assert better >= 5


def test_the_unit_of_reward_does_not_matter():
    plain = gain_index(exactly(GINO, 50), tie_break="left").values
    for factor in (1e-9, 1e9):
        arms = Arms(GINO.transitions, GINO.rewards * factor, GINO.multiplicity)
        scaled = gain_index(exactly(arms, 50), tie_break="left").values
        np.testing.assert_allclose(scaled, plain * factor, atol=1e-12 * factor)
        np.testing.assert_array_equal(np.argsort(scaled, kind="stable"), np.argsort(plain, kind="stable"))


def test_one_function_has_two_names():
    assert lagrangian_index is gain_index


def test_result_is_readable_and_read_only():
    index = gain_index(exactly(FLIPPED, 70))
    assert str(index).startswith("gain index of 1 types at price -2 per activation, bound -56.666667: ties left")
    with pytest.raises(ValueError, match="read-only"):
        index.values[0, 0] = 1


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (
            Problem(Arms(np.broadcast_to(np.eye(2), (3, 2, 2)), np.zeros((3, 2))), TopK(1), Average()),
            {},
            "two actions, these arms have 3",
        ),
        (exactly(GINO, 5, Horizon(3)), {}, "use solve"),
        (exactly(GINO, 5), {"tie_break": "mid"}, "unknown tie break 'mid'; choose one of none, left, right, fluid"),
        (GINO, {}, "must be a Problem, got Arms"),
    ],
)
def test_errors(problem, options, message):
    with pytest.raises(ModelError, match=message):
        gain_index(problem, **options)
