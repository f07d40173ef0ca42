"""The Whittle index of sparse arms with small integers against the exact rational path: values, error bounds and verdicts.

Rows have one to three targets with weights that sum to a power of two, rewards are whole numbers: the arms are exact in
floating point and full of ties, touching advantages, absorbing and periodic classes. Every arm is solved at all discounts.
"""

from fractions import Fraction

import numpy as np
import pytest

from oracles.rational import RationalArm
from oracles.rational import exact as exact_number
from oracles.rational_path import VANISHING, RationalPath
from rmab import Arms, Average, Discounted, gittins_index, whittle_index
from rmab.index.table import Verdict

DISCOUNTS = (0.5, 0.9, 0.99, 0.999, *(1 - 10.0**-k for k in range(4, 11)), 1.0)
SCALES = (1e-12, 1e-6, 1e6, 1e9)
PRECISION = 1e-12
INVISIBLE = Fraction(1, 10**9)  # charges that close together count as one where slopes are looked at


def draw_row(rng, n, total):
    """Integer weights on one to three targets that sum to ``total`` (at least to their number)."""
    count = min(n, total, int(rng.integers(1, 4)))
    row = np.zeros(n, dtype=int)
    row[rng.choice(n, count, replace=False)] = 1 + rng.multinomial(total - count, np.ones(count) / count)
    return row


def draw_weights(rng, totals=(2, 4, 8)):
    """Integer weights (2, n, n) of a sparse arm; four in ten are bent into one of the awkward kinds."""
    n = int(rng.integers(2, 7))
    weights = np.array([[draw_row(rng, n, int(rng.choice(totals))) for _ in range(n)] for _ in range(2)])
    rewards = rng.integers(-2, 3, (2, n))
    kind = int(rng.integers(10))
    if kind == 0:  # both actions move alike
        weights[1] = weights[0]
    elif kind == 1:  # an absorbing state
        weights[:, 0] = np.eye(n, dtype=int)[0]
    elif kind == 2:  # two states that are the same
        weights[:, 1], rewards[:, 1] = weights[:, 0], rewards[:, 0]
    elif kind == 3:  # passive arms go round
        weights[0] = np.roll(np.eye(n, dtype=int), 1, axis=1)
    return weights, rewards


def draw_block(rng, count, totals=(2, 4, 8)):
    """``count`` arms by number of states: weights (K, 2, n, n) and rewards (K, 2, n)."""
    by_size = {}
    for weights, rewards in (draw_weights(rng, totals) for _ in range(count)):
        by_size.setdefault(rewards.shape[1], []).append((weights, rewards))
    return [tuple(np.array(part) for part in zip(*arms, strict=True)) for arms in by_size.values()]


def solve(p, rewards, discount):
    return whittle_index(Arms(p, rewards), Average() if discount == 1 else Discounted(discount), threads=1)


def rows(weights):
    return weights / weights.sum(axis=-1, keepdims=True)


def exact_index(exact):
    """The exact indices; on average the limits of the discounted ones."""
    return exact.limit_of_index if exact.limit else exact.index


def wrong_values(table, k, exact):
    """States of type ``k`` whose index or error bound is not as the exact path says."""
    found = []
    for s, (value, index) in enumerate(zip(table.values[k].tolist(), exact_index(exact), strict=True)):
        if isinstance(index, float) or not np.isfinite(value):
            if value != index:
                found.append(f"state {s}: {value}, exactly {float(index)}")
            continue
        off = abs(Fraction(value) - index)
        if off > PRECISION * max(abs(index), exact.scale):
            found.append(f"state {s}: {value}, exactly {float(index)}")
        if off > table.error[k, s]:
            found.append(f"state {s}: off by {float(off):.1e}, error bound {table.error[k, s]:.1e}")
    return found


def wrong_verdicts(table, k, exact):
    """What the verdict of type ``k`` says wrongly. A divergent index hides the finer verdicts.

    A strongly indexable arm may be called strictly indexable where a slope is too small, or a tie too close, to be sure; and a
    strictly indexable one just indexable where advantages fall so steeply that sixteen digits of a charge do not tell a touch.
    """
    found, verdict = [], table.verdict[k]
    if verdict in (Verdict.UNSETTLED, Verdict.UNDECIDED):
        found.append(f"{verdict}")
    if table.indexable[k] != exact.weak:
        found.append(f"indexable {table.indexable[k]}, exactly {exact.weak}")
    if (verdict is Verdict.DIVERGENT) != (exact.weak and any(isinstance(index, float) for index in exact_index(exact))):
        found.append(f"{verdict}, exactly {[float(index) for index in exact_index(exact)]}")
    if verdict is not Verdict.DIVERGENT:
        if table.strict[k] != exact.strict and not (exact.strict and exact.steep):
            found.append(f"strict {table.strict[k]}, exactly {exact.strict}")
        if verdict is Verdict.STRONGLY_INDEXABLE and not exact.strong_beyond(INVISIBLE * exact.scale):
            found.append(f"{verdict}, exactly not")
    return found


def not_indexable_on_the_way(verdict, exact, arm):
    """Whether an arm is indexable on average but at no discount: the charges that prove it grow without bound."""
    said = verdict in (Verdict.UNSETTLED, Verdict.NOT_INDEXABLE)
    return said and exact.limit and exact.weak and not RationalPath(*arm, 1 - VANISHING).weak


def compare(weights, rewards, discount, scale=1.0, excused=()):
    """Complaints about all types of one block at one discount, but for those with an ``excused`` verdict."""
    table = solve(rows(weights), rewards * scale, discount)
    for k, arm in enumerate(zip(weights, rewards * scale, strict=True)):
        if table.verdict[k] in excused:
            continue
        exact = RationalPath(*arm, discount)
        found = wrong_values(table, k, exact) + wrong_verdicts(table, k, exact)
        if found and not not_indexable_on_the_way(table.verdict[k], exact, arm):
            yield f"{found} at discount {discount!r}, scale {scale}, weights {arm[0].tolist()}, rewards {arm[1].tolist()}"


def check(trouble):
    trouble = list(trouble)
    assert not trouble, f"{len(trouble)} arms are wrong, the first: {trouble[0]}"


@pytest.mark.parametrize("block", range(4))
def test_two_hundred_arms_are_exact_at_every_discount(block):
    arms = draw_block(np.random.default_rng([2026, block]), 50)
    check(trouble for part in arms for discount in DISCOUNTS for trouble in compare(*part, discount))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
def test_three_thousand_arms_are_exact_at_every_discount(block):
    arms = draw_block(np.random.default_rng([2027, block]), 100)
    check(trouble for part in arms for discount in DISCOUNTS for trouble in compare(*part, discount))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("discount", [0.5, 0.99, 1 - 1e-8, 1.0])
def test_the_unit_of_the_rewards_changes_nothing(discount, scale):
    for part in draw_block(np.random.default_rng(7), 40):
        check(compare(*part, discount, scale))


def test_thirds_are_as_exact_as_their_rounding():
    """Rows in thirds, fifths and sevenths are rounded: an arm on the edge may fall on either side of it."""
    for weights, rewards in draw_block(np.random.default_rng(9), 60, totals=(3, 5, 6, 7)):
        p = rows(weights)
        for discount in (0.9, 0.999, 1 - 1e-7, 1.0):
            table = solve(p, rewards, discount)
            for k in range(len(p)):
                rounded, meant = (RationalPath(q[k], rewards[k], discount) for q in (p, weights))
                complaints = [wrong_values(table, k, exact) + wrong_verdicts(table, k, exact) for exact in (rounded, meant)]
                agree = (rounded.weak, rounded.strict, rounded.strong) == (meant.weak, meant.strict, meant.strong)
                assert not complaints[0] or (not agree and not complaints[1]), (discount, weights[k], rewards[k], complaints)


def birth_death(n, up, down):
    """Weights of eighths: up and down the line by action; the chain stays at its ends."""
    weights, states = np.zeros((2, n, n), dtype=int), np.arange(n)
    for a in range(2):
        np.add.at(weights, (a, states, np.minimum(states + 1, n - 1)), up[a])
        np.add.at(weights, (a, states, np.maximum(states - 1, 0)), down[a])
        weights[a, states, states] += 8 - up[a] - down[a]
    return weights


LINES = [((1, 5), (1, 2)), ((5, 1), (1, 1)), ((2, 1), (2, 5)), ((7, 7), (0, 1))]


@pytest.mark.parametrize("discount", [0.999, 1.0])
@pytest.mark.parametrize(("up", "down"), LINES)
def test_birth_death_chains_whose_ends_are_hardly_ever_seen(up, down, discount):
    n = 20
    check(compare(birth_death(n, up, down)[None], np.tile(-np.arange(n), (1, 2, 1)), discount))


@pytest.mark.slow
@pytest.mark.parametrize("discount", [0.999, 1.0])
@pytest.mark.parametrize(("up", "down"), LINES)
def test_long_birth_death_chains(up, down, discount):
    n = 40
    check(compare(birth_death(n, up, down)[None], np.tile(-np.arange(n), (1, 2, 1)), discount))


def test_a_first_state_that_is_never_seen_again():
    """The reference state of a pinned system is often the first; here every policy leaves it for ever."""
    rng = np.random.default_rng(17)
    for weights, rewards in draw_block(rng, 60):
        n = weights.shape[-1]
        weights[:, :, 1:, 1] += weights[:, :, 1:, 0]
        weights[:, :, 1:, 0] = 0
        weights[:, :, 0] = 0
        weights[:, 0, 0, 1], weights[:, 1, 0, n - 1] = 2, 2
        for discount in (1 - 1e-9, 1.0):
            check(compare(weights, rewards, discount))


@pytest.mark.parametrize("bits", [20, 30, 40, 48])
def test_near_duplicates(bits):
    """Two states that differ by one part in a power of two: twins that are neither the same nor apart."""
    unit = 2**bits
    for weights, rewards in draw_block(np.random.default_rng(bits), 25):
        weights = weights * (8 // weights.sum(axis=-1, keepdims=True)) * (unit // 8)
        rewards[:, :, 1], weights[:, :, 1] = rewards[:, :, 0], weights[:, :, 0]
        first = weights[:, :, 1].argmax(axis=-1)[..., None]
        np.put_along_axis(weights[:, :, 1], first, np.take_along_axis(weights[:, :, 1], first, -1) - 1, -1)
        weights[:, :, 1, -1] += 1
        for discount in (0.9, 0.999, 1.0):
            # on average, moves of one in 2^40 are so rare that the arm is said to be unsettled
            check(compare(weights, rewards, discount, excused=[Verdict.UNSETTLED] if discount == 1 and bits >= 40 else []))


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.999, 1 - 1e-8])
def test_gittins_index_of_rested_arms(discount):
    for weights, rewards in draw_block(np.random.default_rng(23), 40):
        weights[:, 0], rewards[:, 0] = np.eye(weights.shape[-1], dtype=int), 0
        check(compare(weights, rewards, discount))
        table = gittins_index(Arms.rested(rows(weights[:, 1]), rewards[:, 1]), Discounted(discount))
        for k, arm in enumerate(zip(weights, rewards, strict=True)):
            assert not wrong_values(table, k, RationalPath(*arm, discount)), (
                discount,
                weights[k].tolist(),
                rewards[k].tolist(),
            )


# The oracle itself: policy iteration at single charges, and arms whose verdicts follow from the definitions by hand.


@pytest.mark.parametrize("seed", range(10))
def test_the_path_is_policy_iteration_at_every_charge(seed):
    rng = np.random.default_rng([41, seed])
    weights, rewards = draw_weights(rng)
    for discount in (0.5, 0.999, 1.0):
        path, arm = (
            RationalPath(weights, rewards, discount),
            RationalArm(weights.astype(float), rewards.astype(float), discount),
        )
        if discount == 1:
            arm.beta = exact_number(1 - VANISHING)
        for charge in [*rng.normal(scale=3, size=6), *(index for index in path.index if abs(index) < np.inf)]:
            np.testing.assert_allclose(
                [float(a) for a in path.advantage(charge)], arm.advantage(charge), rtol=1e-12, atol=1e-40
            )


def test_verdicts_that_follow_by_hand():
    # nothing depends on the action but its charge: every advantage is minus the charge
    path = RationalPath([np.eye(2), np.eye(2)], [[0, 1], [0, 1]], 0.5)
    assert path.index == [0, 0]
    assert (path.weak, path.strict, path.strong) == (True, True, True)
    # the advantage in state 2 is zero at the charge -2 and positive on both sides of it
    touching = [[1, 0, 0], [0, 1, 0], [1, 0, 0]], [[1, 0, 0], [0, 1, 0], [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)]]
    rewards = [[-2, 0, 0], [-2, -2, -2]]
    path = RationalPath(touching, rewards, Fraction(9, 10))
    assert path.index == [0, -2, Fraction(58, 25)]
    assert (path.weak, path.strict, path.strong) == (True, False, False)
    # one activation in state 1 decides for ever between a good and a bad absorbing state
    path = RationalPath([[[1, 0, 0], [1, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 1], [0, 0, 1]]], [[0, 0, 1], [0, 0, 1]], 1)
    assert path.index == [0, float("inf"), 0]


def test_an_advantage_that_vanishes_on_an_interval():
    # acting keeps both states; in state 1, waiting leads to state 0, where acting costs the same for ever: a tie from 0 to 1/3
    p, r = [[[0, 1], [Fraction(1, 2), Fraction(1, 2)]], [[1, 0], [0, 1]]], [[-1, 0], [0, 0]]
    path = RationalPath(p, r, 1)
    assert path.index == [pytest.approx(1 / 3), pytest.approx(1 / 3)]
    assert (path.weak, path.strict, path.strong) == (True, False, False)
    assert abs(path.limit_of_index[1]) < 1e-30  # the discounted index settles at the lower end
    table = whittle_index(Arms(np.array(p, dtype=float), r), Average())
    np.testing.assert_allclose(table.values, [[1 / 3, 0]], rtol=PRECISION, atol=PRECISION)
    assert table.verdict == (Verdict.INDEXABLE,)
