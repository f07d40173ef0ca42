"""The penalty index against three independent references: linear programs, brute force over multipliers, exact rationals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.penalty_arms import SCENARIOS, drawn
from oracles.penalty_brute import BruteArm
from oracles.penalty_lp import PenaltyLp, line_search
from oracles.penalty_rational import RationalPenalty
from oracles.penalty_rational import exact as rational
from rmab import Arms, Average, Discounted
from rmab.index.penalty import penalty_index
from rmab.models.penalty import Penalty

ZERO = 1e-9  # advantages that are smaller may be rounding
SURE = 1e-8  # and so may chances of acting that are closer to 0 or 1


def criterion(discount):
    return Average() if discount == 1 else Discounted(discount)


def index(arm, discount, cap=10.0, start=None):
    penalties = [Penalty(cost, 0.0) for cost in arm.excess.reshape(-1, *arm.r.shape)]
    given = penalties[0] if len(penalties) == 1 else penalties
    return penalty_index(Arms(arm.p, arm.r), given, criterion(discount), cap, start=arm.start if start is None else start)


def reference(kind, arm, discount, cap=10.0):
    return kind(arm.p, arm.r, arm.excess, discount, cap, arm.start)


def check_at(found, arm, brute, charge):
    """Value, multiplier, activation and actions at one charge; the index may tie only where the advantage does."""
    best = brute.solve(charge)
    np.testing.assert_allclose(found.dual(charge)[0], best.value, rtol=1e-9, atol=1e-9)
    multiplier = np.atleast_1d(found.multiplier(charge)[0])
    np.testing.assert_allclose(brute.value(charge, multiplier), best.value, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(found.activation(charge)[0], best.activation, atol=1e-7)
    lower, upper = found.lower[0], found.upper[0]
    if found.indexable[0]:
        assert (found.acting[0][best.advantage > ZERO] > charge - 1e-7).all()
        assert (upper[best.advantage < -ZERO] < charge + 1e-7).all()
        tied = np.abs(best.advantage) <= ZERO
        assert (lower[tied] <= charge + 1e-6).all()
        assert (upper[tied] >= charge - 1e-6).all()
    return best


def chance_of_acting(found, charge):
    """Chance that the randomised index is at least ``charge``, shape (K, S)."""
    value, chance = found.levels()
    return np.where(value >= charge, chance, 0.0).max(axis=-1)


@pytest.mark.parametrize("discount", [0.9, 0.99, 1])
@pytest.mark.parametrize("n", [5, 10, 30, 60])
def test_path_and_line_search_of_programs(n, discount):
    rng = np.random.default_rng([n, round(100 * discount)])
    arm = drawn(rng, n)
    found = index(arm, discount)
    states = rng.choice(n, min(n, 5 if n <= 10 else 2), replace=False)
    grid = np.linspace(-45, 45, 91 if n < 60 else 46)
    check_line_search(found, reference(PenaltyLp, arm, discount), grid, states)


def check_line_search(found, program, grid, states):
    """The grid is refined around the ends of the ties, lest it miss where acting returns in an arm that is not indexable."""
    ends = np.array([found.lower[0, states], found.upper[0, states]])
    grid = np.unique(np.concatenate([grid, ends.ravel() - 1e-3, ends.ravel() + 1e-3]))
    np.testing.assert_allclose(ends, line_search(program, grid, states), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99, 0.999, 1])
@pytest.mark.parametrize("n", range(5, 61, 5))
def test_path_and_line_search_of_many_programs(n, discount):
    rng = np.random.default_rng([n, round(1000 * discount), 1])
    arm = drawn(rng, n, tightness=rng.uniform(0.2, 0.9))
    found = index(arm, discount)
    states = rng.choice(n, min(n, 6), replace=False)
    grid = np.linspace(found.lower.min() - 2, found.upper.max() + 2, 91)
    check_line_search(found, reference(PenaltyLp, arm, discount), grid, states)


@pytest.mark.parametrize("discount", [0.99, 1])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_and_programs(name, discount):
    """Just inside and just outside the tie of a state the programs agree on what is best there."""
    rng = np.random.default_rng(5)
    for arm in SCENARIOS[name]:
        found = index(arm, discount)
        n = len(arm.start)
        program = reference(PenaltyLp if n <= 30 else BruteArm, arm, discount)
        for s in rng.choice(n, 3, replace=False):
            check_ends(found, program, s)


def share(best, s):
    """Chance of acting in a state; where it is never reached, whether acting is better there."""
    visits = best.occupancy[:, s]
    return visits[1] / visits.sum() if visits.sum() > 1e-7 else float(best.advantage[s] > 0)


def check_ends(found, program, s, width=1e-5):
    lower, upper = found.lower[0, s], found.upper[0, s]
    assert share(program.solve(lower - width), s) > 1 - SURE
    assert share(program.solve(lower + width), s) < 1 - SURE
    assert share(program.solve(upper - width), s) > SURE
    assert share(program.solve(upper + width), s) < SURE


@pytest.mark.slow
@pytest.mark.parametrize("discount", [0.9, 0.99, 1])
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_and_brute_force(name, discount):
    rng = np.random.default_rng(6)
    for arm in SCENARIOS[name]:
        found, brute = index(arm, discount), reference(BruteArm, arm, discount)
        low, high = found.lower.min() - 1, found.upper.max() + 1
        for charge in rng.uniform(low, high, 100):
            best = brute.solve(charge)
            np.testing.assert_allclose(found.dual(charge)[0], best.value, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(found.activation(charge)[0], best.activation, atol=1e-6)
        for s in rng.choice(len(arm.start), min(len(arm.start), 30), replace=False):
            check_ends(found, brute, s)


def check_by_brute_force(arm, discount, cap, rng, charges):
    found, brute = index(arm, discount, cap), reference(BruteArm, arm, discount, cap)
    for charge in rng.uniform(found.lower.min() - 1, found.upper.max() + 1, charges):
        check_at(found, arm, brute, charge)
    ends = np.unique(found.paths.charge[1:])
    ends = ends[np.append(True, np.diff(ends) > 1e-6)]
    middles = np.concatenate([ends[:1] - 1, (ends[1:] + ends[:-1]) / 2, ends[-1:] + 1])
    sweep = [brute.solve(charge) for charge in middles]
    rho = np.array([best.rho for best in sweep])
    for charge, highest in zip(middles, np.maximum.accumulate(rho[::-1], axis=0)[::-1], strict=True):
        np.testing.assert_allclose(chance_of_acting(found, charge)[0], highest, atol=1e-6)
    advantage = np.array([best.advantage for best in sweep])
    lowest = np.minimum.accumulate(advantage, axis=0)
    back = ((lowest[:-1] < -1e-7) & (advantage[1:] > -ZERO)).any()
    if found.indexable[0]:
        assert not back
    else:
        assert back
        witness = found.witness[0]
        assert witness.passive_at < witness.active_at
        assert brute.solve(witness.passive_at).advantage[witness.state] < 0
        assert brute.solve(witness.active_at).advantage[witness.state] >= -ZERO


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99, 1])
@pytest.mark.parametrize("seed", range(10))
def test_path_and_brute_force(seed, discount):
    rng = np.random.default_rng([seed, round(100 * discount), 2])
    arm = drawn(rng, int(rng.integers(1, 20)), sparse=seed % 2 == 1, tightness=rng.uniform(0.1, 0.95))
    check_by_brute_force(arm, discount, float(rng.choice([0.5, 2.0, 10.0, 100.0])), rng, 12)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_path_and_brute_force_on_two_thousand_arms(block):
    rng = np.random.default_rng([2026, block])
    for i in range(100):
        n = int(rng.integers(1, 40))
        arm = drawn(rng, n, sparse=i % 2 == 1, tightness=rng.uniform(0.05, 1.05))
        arm = arm._replace(start=rng.dirichlet(np.ones(n)))
        check_by_brute_force(
            arm, float(rng.choice([0.5, 0.9, 0.99, 0.999, 1])), float(rng.choice([0.5, 2.0, 10.0, 100.0])), rng, 10
        )


@pytest.mark.parametrize("discount", [0.9, 1])
@pytest.mark.parametrize("seed", range(12))
def test_path_and_exact_rationals(seed, discount):
    rng = np.random.default_rng([seed, 9])
    n = int(rng.integers(2, 4))
    check_exactly(drawn(rng, n, tightness=rng.uniform(0.2, 0.95)), discount, rng)


def check_exactly(arm, discount, rng):
    found = index(arm, discount)
    exact = RationalPenalty(arm.p, arm.r, arm.excess, discount, 10.0, arm.start)
    np.testing.assert_allclose(found.lower[0], exact.lower, atol=1e-8)
    np.testing.assert_allclose(found.upper[0], exact.upper, atol=1e-8)
    for u in rng.uniform(0.001, 1, 20):
        expected = [float(exact.index(s, u)) for s in range(exact.n)]
        np.testing.assert_allclose(found.random(u)[0], expected, atol=1e-7)
    for charge in rng.uniform(-6, 6, 10):
        value, multiplier, _ = exact.solve(rational(charge))
        np.testing.assert_allclose(found.dual(charge)[0], float(value), atol=1e-9)
        np.testing.assert_allclose(found.multiplier(charge)[0], float(multiplier), atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_path_and_exact_rationals_on_many_arms(block):
    rng = np.random.default_rng([9, block])
    for i in range(40):
        discount = (0.5, 0.9, 0.999, 1)[i % 4]
        check_exactly(drawn(rng, int(rng.integers(1, 4)), sparse=i % 3 == 0, tightness=rng.uniform(0.1, 0.95)), discount, rng)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    discount=st.sampled_from([0.3, 0.9, 0.99, 1]),
    cap=st.sampled_from([0.0, 0.1, 1.0, 10.0, 1e4]),
    grain=st.sampled_from([1, 2, 4, 1000]),
)
def test_small_arms_of_any_kind(seed, n, discount, cap, grain):
    """Rewards, costs and transitions on a coarse grid: ties, states alike, requirements met exactly or never."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, grain + 1, (2, n, n)) + 0.05
    p /= p.sum(axis=-1, keepdims=True)
    r, excess = (rng.integers(-grain, grain + 1, (2, n)) / grain for _ in range(2))
    found = penalty_index(Arms(p, r), Penalty(excess, 0.0), criterion(discount), cap)
    brute = BruteArm(p, r, excess, discount, cap)
    assert (found.lower <= found.upper).all()
    for charge in rng.uniform(-4, 4, 6):
        best = brute.solve(charge)
        np.testing.assert_allclose(found.dual(charge)[0], best.value, atol=1e-9 * max(1.0, cap))
        multiplier = found.multiplier(charge)
        np.testing.assert_allclose(brute.value(charge, multiplier), best.value, atol=1e-8 * max(1.0, cap))


@pytest.mark.parametrize("discount", [0.9, 1])
@pytest.mark.parametrize("seed", range(8))
def test_two_penalties(seed, discount):
    rng = np.random.default_rng([seed, 4])
    arm, other = (drawn(rng, int(n), tightness=0.3) for n in np.full(2, rng.integers(2, 12)))
    arm = arm._replace(excess=np.array([arm.excess, other.excess]))
    found, brute = index(arm, discount), reference(BruteArm, arm, discount)
    for charge in rng.uniform(found.lower.min() - 1, found.upper.max() + 1, 8):
        assert found.multiplier(charge).shape == (1, 2)
        check_at(found, arm, brute, charge)


def test_two_penalties_of_which_one_is_loose_are_one():
    arm = drawn(np.random.default_rng(21), 7)
    both = index(arm._replace(excess=np.array([arm.excess, np.full((2, 7), -0.5)])), 0.9)
    one = index(arm, 0.9)
    np.testing.assert_allclose(both.lower, one.lower, atol=1e-9)
    np.testing.assert_allclose(both.upper, one.upper, atol=1e-9)
    np.testing.assert_allclose(both.multiplier(0.1), [[one.multiplier(0.1)[0], 0.0]], atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_start_decides_under_discounting(seed):
    """A start in one state: the others are reached later or never, and have an index all the same."""
    rng = np.random.default_rng([seed, 6])
    arm = drawn(rng, 8)
    for start in (np.eye(8)[seed], rng.dirichlet(np.full(8, 0.3))):
        moved = arm._replace(start=start)
        found = index(moved, 0.9)
        for kind in (PenaltyLp, BruteArm):
            program = reference(kind, moved, 0.9)
            for charge in rng.uniform(found.lower.min(), found.upper.max(), 3):
                np.testing.assert_allclose(found.dual(charge)[0], program.solve(charge).value, atol=1e-9)
        if found.indexable[0]:
            for s in rng.choice(8, 3, replace=False):
                check_ends(found, reference(BruteArm, moved, 0.9), s)


def test_the_start_may_be_one_state_or_a_row():
    arm = drawn(np.random.default_rng(22), 5)
    state, row, table = (index(arm, 0.9, start=start) for start in (2, np.eye(5)[2], np.eye(5)[[2]]))
    np.testing.assert_array_equal(state.upper, row.upper)
    np.testing.assert_array_equal(row.upper, table.upper)
    uniform = penalty_index(Arms(arm.p, arm.r), Penalty(arm.excess, 0.0), Discounted(0.9))
    np.testing.assert_array_equal(uniform.upper, index(arm, 0.9).upper)


@pytest.mark.parametrize("seed", range(4))
def test_average_criterion_and_its_program(seed):
    rng = np.random.default_rng([seed, 7])
    arm = drawn(rng, int(rng.integers(2, 15)))
    found, program = index(arm, 1), reference(PenaltyLp, arm, 1)
    for charge in rng.uniform(found.lower.min() - 1, found.upper.max() + 1, 6):
        solved = program.solve(charge)
        np.testing.assert_allclose(found.dual(charge)[0], solved.value, atol=1e-9)
        np.testing.assert_allclose(found.multiplier(charge)[0], solved.multiplier[0], atol=1e-7)
        np.testing.assert_allclose(found.activation(charge)[0], solved.occupancy[1].sum(), atol=1e-7)
