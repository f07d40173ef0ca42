"""The dual against the linear program and against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

import rmab.index.price
from rmab.bound.fluid import fluid_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import NotConverged
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem

STRUCTURES = ("dense", "sparse", "blocks", "deterministic", "absorbing")
ALMOST_ONE = 1 - Fraction(1, 10**40)


def check_budget(bound, problem, tolerance=1e-8):
    used = bound.activation @ problem.arms.multiplicity
    assert (bound.activation >= -tolerance).all() and (bound.activation <= 1 + tolerance).all()
    assert used <= problem.budget.k + tolerance
    if problem.budget.exactly or bound.price > 1e-9:
        assert used == pytest.approx(problem.budget.k, abs=tolerance)
    if not problem.budget.exactly:
        assert bound.price >= 0


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("seed", range(40))
def test_equals_the_linear_program(structure, seed, random_problem):
    rng = np.random.default_rng([seed, STRUCTURES.index(structure)])
    problem = random_problem(rng, structure=structure, actions=3 if seed % 4 == 0 else 2, whole=seed % 3 == 0)
    dual, primal = lagrangian_bound(problem), fluid_bound(problem)
    assert dual.value == pytest.approx(primal.value, rel=1e-8, abs=1e-8)
    check_budget(dual, problem)
    check_budget(primal, problem)


def solve(matrix, right):
    """Gauss elimination on fractions."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(n):
            if j != i and rows[j][i] != 0:
                factor = rows[j][i] / rows[i][i]
                rows[j] = [x - factor * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def exact_type_value(transitions, rewards, start, price, beta):
    """Best charged value per period of one arm, by policy iteration on fractions."""
    p = [[[Fraction(x) / sum(map(Fraction, row)) for x in row] for row in action] for action in transitions.tolist()]
    r = [[Fraction(x) - (Fraction(price) if a else 0) for x in row] for a, row in enumerate(rewards.tolist())]
    n = len(start)
    policy, following = None, [0] * n
    while following != policy:
        policy = following
        system = [[int(s == t) - beta * p[policy[s]][s][t] for t in range(n)] for s in range(n)]
        v = solve(system, [r[policy[s]][s] for s in range(n)])
        q = [[r[a][s] + beta * sum(x * y for x, y in zip(p[a][s], v, strict=True)) for s in range(n)] for a in range(len(p))]
        following = [max(range(len(p)), key=lambda a, s=s: (q[a][s], a == policy[s])) for s in range(n)]
    mass = [Fraction(x) for x in start.tolist()]
    return (1 - beta) * sum(m * x for m, x in zip(mass, v, strict=True)) / sum(mass)


def exact_dual(problem, price):
    """The dual function at ``price``; the average is the discount 1 - 1e-40."""
    beta = Fraction(problem.criterion.beta) if isinstance(problem.criterion, Discounted) else ALMOST_ONE
    arms, start = problem.arms, problem.start_distribution
    values = [exact_type_value(arms.transitions[k], arms.rewards[k], start[k], price, beta) for k in range(arms.n_types)]
    return float(sum(int(m) * v for m, v in zip(arms.multiplicity, values, strict=True))) + price * problem.budget.k


def awkward(problem, kind, rng):
    """The same problem with one difficulty on top."""
    p, r, criterion = problem.arms.transitions, problem.arms.rewards, problem.criterion
    if kind == "nearly separate":
        small = 10.0 ** rng.uniform(-9, -3)
        p = (1 - small) * p + small / p.shape[-1]
    elif kind == "slow":
        small = 10.0 ** rng.uniform(-8, -2)
        p = small * p + (1 - small) * np.eye(p.shape[-1])
    elif kind == "patient":
        criterion = Discounted(1 - 10.0 ** rng.uniform(-9, -3))
    elif kind == "rows off by the tolerance":
        p = p * (1 + rng.uniform(-9e-9, 9e-9, size=(*p.shape[:-1], 1)))
    elif kind == "mixed units":
        r = r * 10.0 ** rng.uniform(-5, 5, size=(len(r), 1, 1))
    return Problem(Arms(p, r, problem.arms.multiplicity), problem.budget, criterion, start=problem.start)


AWKWARD = ("none", "nearly separate", "slow", "patient", "rows off by the tolerance", "mixed units")


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("seed", range(8))
def test_equals_the_minimum_of_the_dual_in_rational_arithmetic(kind, seed, random_problem):
    """Where the program in double precision is not to be trusted, fractions are."""
    rng = np.random.default_rng([seed, AWKWARD.index(kind), 2])
    drawn = random_problem(rng, structure=STRUCTURES[seed % 5], types=(1, 2), states=(2, 4), whole=seed % 2 == 0)
    problem = awkward(drawn, kind, rng)
    bound = lagrangian_bound(problem)
    scale = np.abs(problem.arms.rewards).max() * problem.arms.n_arms
    assert bound.value == pytest.approx(exact_dual(problem, bound.price), abs=1e-9 * scale)
    step = 1e-5 * (1 + abs(bound.price))
    neighbours = (bound.price - step, bound.price + step)
    for price in neighbours if problem.budget.exactly else (max(neighbours[0], 0.0), neighbours[1]):
        assert exact_dual(problem, price) >= bound.value - 1e-9 * scale
    check_budget(bound, problem)


@pytest.mark.parametrize("factor", [1e-12, 1e9])
def test_the_unit_of_reward_does_not_matter(factor, random_problem):
    drawn = random_problem(np.random.default_rng(6))
    other = Arms(drawn.arms.transitions, drawn.arms.rewards * factor, drawn.arms.multiplicity)
    one = lagrangian_bound(drawn)
    scaled = lagrangian_bound(Problem(other, drawn.budget, drawn.criterion, start=drawn.start))
    assert scaled.value == pytest.approx(one.value * factor, rel=1e-9)
    assert scaled.price == pytest.approx(one.price * factor, rel=1e-9)


def test_arms_that_earn_nothing_are_worth_nothing():
    arms = Arms(np.full((2, 2, 3, 3), 1 / 3), np.zeros((2, 2, 3)), multiplicity=[2, 3])
    for exactly in (False, True):
        bound = lagrangian_bound(Problem(arms, TopK(2, exactly), Average()))
        assert bound.value == 0 and abs(bound.price) < 1e-9


def test_separate_classes_that_tie_at_the_price():
    """Two states to stay in or to leave, and a reward for leaving: passing between them beats staying in either."""
    stay, leave = np.eye(2), np.eye(2)[::-1]
    arms = Arms([stay, leave], [[0.0, 0.0], [1.0, 1.0]], multiplicity=[4])
    bound = lagrangian_bound(Problem(arms, TopK(1), Average(), start=0))
    assert bound.value == pytest.approx(1.0, abs=1e-12)
    assert bound.activation[0] == pytest.approx(0.25)


def test_input_is_left_alone(random_problem):
    problem = random_problem(np.random.default_rng(7))
    before = problem.arms.transitions.copy(), problem.arms.rewards.copy(), problem.start.copy()
    lagrangian_bound(problem)
    for kept, now in zip(before, (problem.arms.transitions, problem.arms.rewards, problem.start), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_too_many_evaluations_are_an_error(monkeypatch):
    monkeypatch.setattr(rmab.index.price, "MOST_EVALUATIONS", 1)
    arms = Arms([np.eye(2), np.eye(2)[::-1]], [[0.0, 0.0], [1.0, 1.0]], multiplicity=[4])
    with pytest.raises(NotConverged, match="not minimised in 1 evaluations"):
        lagrangian_bound(Problem(arms, TopK(1), Discounted(0.9)))


@pytest.mark.parametrize("seed", range(20))
def test_with_costs_equals_the_linear_program(seed, random_problem):
    rng = np.random.default_rng([seed, 11])
    drawn = random_problem(rng, structure=STRUCTURES[seed % 5], actions=3 if seed % 4 == 0 else 2)
    costs = rng.uniform(0.2, 3.0, drawn.arms.n_types)
    most = float(costs @ drawn.arms.multiplicity)
    problem = Problem(drawn.arms, Knapsack(most * rng.uniform(0.05, 1.1), costs), drawn.criterion, start=drawn.start)
    dual, primal = lagrangian_bound(problem), fluid_bound(problem)
    assert dual.value == pytest.approx(primal.value, rel=1e-8, abs=1e-8)
    used = dual.activation * problem.arms.multiplicity @ costs
    assert dual.price >= 0 and used <= problem.capacity + 1e-8
    if dual.price > 1e-9:
        assert used == pytest.approx(problem.capacity, abs=1e-8)


def test_equal_costs_are_a_count(random_problem):
    drawn = random_problem(np.random.default_rng(12), types=(3, 3), copies=(3, 5))
    one = lagrangian_bound(Problem(drawn.arms, TopK(3), drawn.criterion, start=drawn.start))
    many = lagrangian_bound(Problem(drawn.arms, Knapsack(3 * 2.5, [2.5] * 3), drawn.criterion, start=drawn.start))
    assert many.value == pytest.approx(one.value, abs=1e-10)
    assert many.price * 2.5 == pytest.approx(one.price, abs=1e-10)
    np.testing.assert_allclose(many.activation, one.activation, atol=1e-9)
