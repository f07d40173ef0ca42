"""Both ends of the interval of optimal prices, against the dual written out over all policies."""

from itertools import product

import numpy as np
import pytest

from rmab.index.price import Dual, highest, lowest, minimise
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def draw(seed):
    """A small problem, half of them deterministic with whole rewards, so that the dual is often flat."""
    rng = np.random.default_rng([seed, 5])
    k, s = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    if seed % 2:
        p, r = np.eye(s)[rng.integers(0, s, (k, 2, s))], rng.integers(-2, 3, (k, 2, s)).astype(float)
    else:
        p, r = rng.dirichlet(np.ones(s), (k, 2, s)), rng.normal(size=(k, 2, s))
    arms = Arms(p, r, rng.integers(1, 4, k))
    criterion = Average() if seed % 3 else Discounted(0.5)
    start = int(rng.integers(s)) if seed % 5 else None
    return Problem(arms, TopK(int(rng.integers(0, arms.n_arms + 1)), exactly=bool(seed % 4 < 2)), criterion, start=start)


def lines(problem, k):
    """Value without charge and activations per period of every policy of type ``k``, by enumeration."""
    arms, start = problem.arms, problem.start_distribution[k]
    n = arms.n_states
    found = []
    for policy in product(range(2), repeat=n):
        p = arms.transitions[k, policy, range(n)]
        if isinstance(problem.criterion, Discounted):
            beta = problem.criterion.beta
            share = (1 - beta) * np.linalg.solve((np.eye(n) - beta * p).T, start)
        else:
            p = (p + np.eye(n)) / 2
            for _ in range(40):
                p = p @ p
                p /= p.sum(axis=1, keepdims=True)
            share = start @ p
        found.append((share @ arms.rewards[k, policy, range(n)], share @ np.array(policy)))
    return np.array(found)


def brute_force(problem):
    """Minimum of the dual and the interval where it is attained, from the kinks of the dual."""
    kinds = [lines(problem, k) for k in range(problem.arms.n_types)]

    def dual(price):
        worth = [m * (c[:, 0] - price * c[:, 1]).max() for m, c in zip(problem.arms.multiplicity, kinds, strict=True)]
        return sum(worth) + price * problem.budget.k

    kinks = [0.0]
    for c in kinds:
        for (r, a), (q, b) in product(c, repeat=2):
            if abs(a - b) > 1e-9:
                kinks.append((r - q) / (a - b))
    kinks = np.array(kinks)
    if not problem.budget.exactly:
        kinks = np.maximum(kinks, 0.0)
    heights = np.array([dual(price) for price in kinks])
    lowest_kinks = kinks[heights <= heights.min() + 1e-9]
    low, high = lowest_kinks.min(), lowest_kinks.max()
    if problem.budget.exactly and dual(kinks.min() - 1) <= heights.min() + 1e-9:
        low = -np.inf
    if dual(kinks.max() + 1) <= heights.min() + 1e-9:
        high = np.inf
    return heights.min(), low, high


@pytest.mark.parametrize("block", range(10))
def test_interval_of_prices(block):
    flat = 0
    for seed in range(30 * block, 30 * block + 30):
        problem = draw(seed)
        value, low, high = brute_force(problem)
        dual = Dual(problem)
        best = minimise(dual)
        assert best.tangent.at(best.tangent.price) == pytest.approx(value, abs=1e-9)
        assert lowest(dual, best) == pytest.approx(low, abs=1e-8)
        assert highest(dual, best) == pytest.approx(high, abs=1e-8)
        flat += high > low
    assert flat >= 5


def everyone(exactly, k):
    arms = Arms(np.full((2, 2, 3, 3), 1 / 3), np.arange(12.0).reshape(2, 2, 3), multiplicity=[2, 3])
    return Problem(arms, TopK(k, exactly=exactly), Average())


@pytest.mark.parametrize(
    ("exactly", "k", "low", "high"),
    [(True, 0, 3.0, np.inf), (True, 5, -np.inf, 3.0), (False, 0, 3.0, np.inf), (False, 5, 0.0, 3.0)],
)
def test_budgets_that_leave_no_choice(exactly, k, low, high):
    dual = Dual(everyone(exactly, k))
    best = minimise(dual)
    assert (lowest(dual, best), highest(dual, best)) == pytest.approx((low, high), abs=1e-9)


def test_slopes_beside_a_price_are_those_of_the_dual():
    rng = np.random.default_rng(3)
    problem = Problem(
        Arms(rng.dirichlet(np.ones(4), (2, 2, 4)), rng.normal(size=(2, 2, 4)), [3, 4]), TopK(3, exactly=True), Discounted(0.8)
    )
    dual = Dual(problem)
    price = minimise(dual).tangent.price
    here = dual.tangent(price)
    step = 1e-4
    for side in (-1, 1):
        there = dual.tangent(price + side * step)
        slope = side * (there.at(there.price) - here.at(price)) / step
        assert dual.beside(price, side).slope == pytest.approx(slope, abs=1e-8)
    below, above, share = dual.mixture(price)
    assert below.slope < 0 < above.slope
    assert share * below.slope + (1 - share) * above.slope == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_occupancy_is_where_a_policy_spends_its_time(criterion):
    """The second type ends in one of two absorbing states."""
    rng = np.random.default_rng(4)
    p = rng.dirichlet(np.ones(3), (2, 2, 3))
    p[1, :, 0], p[1, :, 2] = np.eye(3)[0], np.eye(3)[2]
    problem = Problem(Arms(p, np.zeros((2, 2, 3))), TopK(1), criterion, start=1)
    policy = rng.integers(0, 2, (2, 3))
    moves = np.take_along_axis(p, policy[:, np.newaxis, :, np.newaxis], axis=1)[:, 0]
    if isinstance(criterion, Average):
        expected = np.linalg.matrix_power(moves, 1_000)[:, 1]
    else:
        expected = sum(0.1 * 0.9**t * np.linalg.matrix_power(moves, t)[:, 1] for t in range(400))
    np.testing.assert_allclose(Dual(problem).occupancy(policy), expected, atol=1e-7)
