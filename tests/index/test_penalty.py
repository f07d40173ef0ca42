"""The penalty index against closed forms, published settings and its own laws."""

import numpy as np
import pytest

from oracles.penalty_arms import (
    SCENARIOS,
    PenaltyArm,
    channel,
    deadline,
    deadline_index,
    drawn,
    recovering,
    recovering_index,
    sensing,
)
from oracles.penalty_brute import BruteArm
from rmab import Arms, Average, Discounted, Horizon, ModelError, whittle_index
from rmab.index.penalty import penalty_index
from rmab.models.penalty import Penalty

CRITERIA = {0.5: Discounted(0.5), 0.9: Discounted(0.9), 0.99: Discounted(0.99), 1: Average()}


def parts(*several):
    """Arms, penalty and start of several arms with one number of states."""
    arms = Arms(np.array([arm.p for arm in several]), np.array([arm.r for arm in several]))
    return arms, Penalty(np.array([arm.excess for arm in several]), 0.0), np.array([arm.start for arm in several])


def index(arm, discount, cap=10.0, **options):
    """The index of one arm from its own start."""
    arms, penalty, start = parts(arm)
    return penalty_index(arms, penalty, CRITERIA[discount], cap, start=start, **options)


def whittle(p, r, discount):
    return whittle_index(Arms(p, r), CRITERIA[discount]).values[0]


# closed forms


@pytest.mark.parametrize("discount", [0.9, 1])
@pytest.mark.parametrize("cap", [0.3, 2.0, 10.0])
@pytest.mark.parametrize("floor", [0.05, 0.33, 0.61, 0.97])
@pytest.mark.parametrize("levels", [1, 2, 5, 10, 20])
def test_a_channel_with_an_activation_floor(levels, floor, cap, discount):
    rng = np.random.default_rng([levels, round(100 * floor)])
    pays, weights = rng.normal(size=levels), rng.dirichlet(np.ones(levels))
    found = index(channel(pays, floor, weights), discount, cap)
    order = np.argsort(-pays)
    tie = order[np.searchsorted(weights[order].cumsum(), floor)]
    quantile, above = pays[tie], weights[pays > pays[tie]].sum()
    served = np.where(pays > quantile, pays + cap, pays)
    lower, upper = served.copy(), served.copy()
    upper[tie] += cap
    np.testing.assert_allclose(found.lower[0], lower, atol=1e-9)
    np.testing.assert_allclose(found.upper[0], upper, atol=1e-9)
    np.testing.assert_array_equal(found.values, found.upper)
    value, chance = found.levels()
    np.testing.assert_allclose([value[0, tie, 0], value[0, tie, -1]], [quantile + cap, quantile], atol=1e-9)
    np.testing.assert_allclose(chance[0, tie, 0], (floor - above) / weights[tie], atol=1e-9)
    for charge in np.linspace(pays.min() - cap - 1, pays.max() + cap + 1, 41):
        expected = min(cap, max(0.0, charge - quantile))
        np.testing.assert_allclose(found.multiplier(charge), [expected], atol=1e-9)
    assert found.indexable[0]


@pytest.mark.parametrize("discount", [0.9, 1])
@pytest.mark.parametrize("floor", [0.1, 0.2, 0.5, 1.0])
def test_a_floor_that_sure_actions_meet_exactly_makes_no_further_state_tie(floor, discount):
    pays = np.arange(1.0, 11.0)
    found = index(channel(pays, floor), discount, 3.0)
    served = np.arange(10) >= round(10 * (1 - floor))
    np.testing.assert_allclose(found.upper[0], pays + 3 * served, atol=1e-9)
    value, chance = found.levels()
    np.testing.assert_allclose(value[0, served, 0], pays[served] + 3, atol=1e-9)
    np.testing.assert_allclose(chance[0, served, 0], 1.0, atol=1e-9)


def capped(seed, n=7):
    """A random indexable arm that may act in at most ``energy`` of all periods, and its activation at no multiplier."""
    rng = np.random.default_rng([seed, 3])
    arm = drawn(rng, n)
    energy = rng.uniform(0.1, 0.9)
    return PenaltyArm(arm.p, arm.r, np.array([np.full(n, -energy), np.full(n, 1 - energy)]), arm.start), energy


def check_energy_cap(arm, energy, discount, cap):
    """Charge and multiplier enter by their sum: the Whittle index above the critical one, and ``cap`` less below it."""
    w = whittle(arm.p, arm.r, discount)
    plain = BruteArm(arm.p, arm.r, arm.excess, discount, 0.0, arm.start)
    ranks = np.sort(w)
    activation = np.array([plain.solve(charge).activation for charge in (ranks[:-1] + ranks[1:]) / 2] + [0.0])
    place = np.argmax(activation < energy - 1e-12)
    critical, without_luck = ranks[place], place > 0 and abs(activation[place - 1] - energy) < 1e-12
    found = index(arm, discount, cap)
    tie = (w == critical) & (not without_luck)
    np.testing.assert_allclose(found.lower[0], np.where((w < critical) | tie, w - cap, w), atol=1e-8)
    np.testing.assert_allclose(found.upper[0], np.where(w < critical, w - cap, w), atol=1e-8)
    for charge in np.linspace(w.min() - cap - 1, w.max() + 1, 33):
        low, high = (np.clip(ranks[i] - charge, 0, cap) for i in (place - without_luck, place))
        assert low - 1e-8 <= found.multiplier(charge)[0] <= high + 1e-8


@pytest.mark.parametrize("discount", [0.5, 0.9, 1])
@pytest.mark.parametrize("seed", range(6))
def test_a_cap_on_energy_of_a_random_arm(seed, discount):
    check_energy_cap(*capped(seed), discount, 5.0)


@pytest.mark.parametrize("discount", [0.99, 1])
@pytest.mark.parametrize(("success", "energy"), [(0.2, 0.9), (0.6, 0.1), (0.8, 0.1), (0.3, 0.05), (0.3, 0.4)])
def test_a_cap_on_energy_of_remote_sensing(success, energy, discount):
    check_energy_cap(sensing(success, energy), energy, discount, 10.0)


# without effect: the Whittle index


@pytest.mark.parametrize("without", ["cap", "bound"])
def test_deadline_scheduling(without):
    p, r, states = deadline()
    cost = np.random.default_rng(1).random(r.shape)
    penalty = Penalty(cost, 0.5 if without == "cap" else np.inf)
    found = penalty_index(Arms(p, r), penalty, Discounted(0.99), 0.0 if without == "cap" else 10.0)
    assert len(states) == 121
    np.testing.assert_allclose(found.upper[0], deadline_index(states, 0.99), atol=1e-9)
    served = np.array([b > 0 for _, b in states])
    np.testing.assert_allclose(found.lower[0, served], found.upper[0, served], atol=1e-9)


@pytest.mark.parametrize("theta", [(10, 0.2, 0), (8.5, 0.4, 0), (7, 0.6, 0), (5.5, 0.8, 0)])
def test_recovering_bandits(theta):
    p, r = recovering(theta)
    expected = recovering_index(r[1], 0.99)
    cost = np.random.default_rng(1).random(r.shape)
    for bound, cap in ((0.5, 0.0), (np.inf, 10.0)):
        found = penalty_index(Arms(p, r), Penalty(cost, bound), Discounted(0.99), cap)
        np.testing.assert_allclose(found.lower[0], expected, atol=1e-9)
        np.testing.assert_allclose(found.upper[0], expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_no_cap_or_no_bound_gives_the_whittle_index(seed, draw_arm):
    p, r, discount = draw_arm(np.random.default_rng([seed, 1]), 8)
    if discount == 1:
        p = 0.95 * p + 0.05 / len(r[0])  # one recurrent class
    table = whittle_index(Arms(p, r), Average() if discount == 1 else Discounted(discount))
    if not table.indexable[0] or not np.isfinite(table.values).all():
        pytest.skip("the Whittle index is infinite, or defined otherwise where an arm is not indexable")
    cost = np.random.default_rng(seed).random(r.shape)
    for bound, cap in ((0.5, 0.0), (np.inf, 10.0)):
        found = penalty_index(Arms(p, r), Penalty(cost, bound), Average() if discount == 1 else Discounted(discount), cap)
        np.testing.assert_allclose(found.upper, table.values, rtol=1e-9, atol=1e-9)
        assert found.indexable[0]
        assert (found.multiplier(0.0) == 0).all()


def test_a_cap_of_zero_of_arms_that_are_not_indexable_says_so():
    table, seed = None, 0
    while table is None or table.indexable[0]:
        rng = np.random.default_rng([seed, 5])
        p, r = rng.dirichlet(np.full(4, 0.1), (2, 4)) + 1e-4, rng.normal(size=(2, 4))
        p /= p.sum(axis=-1, keepdims=True)
        table, seed = whittle_index(Arms(p, r), Discounted(0.99)), seed + 1
    found = penalty_index(Arms(p, r), Penalty(np.ones((2, 4)), 0.5), Discounted(0.99), 0.0)
    assert not found.indexable[0]


# what the result says of itself


@pytest.fixture(scope="module", params=[0.9, 1])
def several(request):
    """Ten random arms of one size and their index."""
    rng = np.random.default_rng(42)
    listed = [drawn(rng, 6, tightness=0.5) for _ in range(10)]
    arms, penalty, start = parts(*listed)
    return listed, request.param, penalty_index(arms, penalty, CRITERIA[request.param], start=start)


def test_shapes(several):
    listed, _, found = several
    shape = (len(listed), 6)
    assert found.lower.shape == found.upper.shape == found.values.shape == found.random(0.5).shape == shape
    assert (found.lower <= found.upper).all()
    value, chance = found.levels()
    assert value.shape == chance.shape == (*shape, value.shape[2])
    assert (np.diff(value) <= 0).all()
    assert (np.diff(chance) >= 0).all()
    np.testing.assert_array_equal(chance[..., -1], 1.0)
    assert found.indexable.shape == found.multiplier(0.1).shape == found.dual(0.1).shape == found.activation(0.1).shape == (10,)
    assert found.cap == 10.0
    assert "type" in str(found)
    assert len(found.witness) == 10


def test_random_indices_read_the_levels(several):
    _, _, found = several
    value, chance = found.levels()
    draws = np.random.default_rng(3).random((200, *found.upper.shape))
    for u in (*draws, 1e-12, 1.0):
        first = (chance >= np.asarray(u)[..., np.newaxis] * np.ones((*found.upper.shape, 1))).argmax(axis=-1)
        np.testing.assert_array_equal(found.random(u), np.take_along_axis(value, first[..., np.newaxis], axis=-1)[..., 0])
    np.testing.assert_array_equal(found.random(1.0), value[..., -1])
    np.testing.assert_allclose(found.random(1e-12), found.upper, atol=1e-9)
    assert (found.random(1.0) >= found.lower).all()  # more where acting becomes sure again after it was mixed


def test_the_dual_is_convex_and_its_slope_is_the_activation(several):
    _, _, found = several
    charges = np.linspace(-25, 25, 401)
    dual = np.array([found.dual(charge) for charge in charges])
    activation = np.array([found.activation(charge) for charge in charges])
    assert (np.diff(activation, axis=0) <= 1e-9).all()
    np.testing.assert_allclose(activation[[0, -1]], [np.ones(10), np.zeros(10)], atol=1e-9)
    step = charges[1] - charges[0]
    slopes = -np.diff(dual, axis=0) / step
    assert (np.diff(slopes, axis=0) <= 1e-9).all()
    assert (slopes <= activation[:-1] + 1e-9).all()
    assert (slopes >= activation[1:] - 1e-9).all()


def test_the_multiplier_minimises_the_dual(several):
    listed, discount, found = several
    for k, arm in enumerate(listed):
        brute = BruteArm(arm.p, arm.r, arm.excess, discount, 10.0, arm.start)
        for charge in np.linspace(-12, 12, 9):
            multiplier = found.multiplier(charge)[k]
            assert 0 <= multiplier <= 10
            np.testing.assert_allclose(brute.value(charge, multiplier), brute.solve(charge).value, atol=1e-9)


# published settings


@pytest.mark.parametrize("name", ["TP4", "TP6", "RS4", "RS8"])
@pytest.mark.parametrize("discount", [0.99, 1])
def test_throughput_and_sensing_are_indexable(name, discount):
    arms, penalty, start = parts(*SCENARIOS[name])
    assert penalty_index(arms, penalty, CRITERIA[discount], start=start).indexable.all()


@pytest.mark.parametrize("discount", [0.99, 1])
def test_throughput_regularity_has_witnesses_that_anyone_can_check(discount):
    arms, penalty, start = parts(*SCENARIOS["SR4"])
    found = penalty_index(arms, penalty, CRITERIA[discount], start=start)
    assert not found.indexable.any()
    for arm, witness in zip(SCENARIOS["SR4"], found.witness, strict=True):
        check_witness(arm, discount, 10.0, witness)
    assert "not indexable" in found.status


def check_witness(arm, discount, cap, witness):
    brute = BruteArm(arm.p, arm.r, arm.excess, discount, cap, arm.start)
    assert witness.passive_at < witness.active_at
    assert brute.solve(witness.passive_at).advantage[witness.state] < -1e-9
    assert brute.solve(witness.active_at).advantage[witness.state] >= -1e-9


def test_two_of_six_regularity_arms_are_not_indexable():
    arms, penalty, start = parts(*SCENARIOS["SR6"])
    found = penalty_index(arms, penalty, CRITERIA[0.99], start=start)
    assert (~found.indexable).sum() == 2
    for arm, ok, witness in zip(SCENARIOS["SR6"], found.indexable, found.witness, strict=True):
        if ok:
            assert witness is None
        else:
            check_witness(arm, 0.99, 10.0, witness)


# laws


@pytest.mark.parametrize("discount", [0.9, 1])
def test_a_bound_that_cannot_be_met_holds_the_multiplier_at_its_cap(discount):
    arm = drawn(np.random.default_rng(8), 6)
    arm = arm._replace(excess=arm.excess - arm.excess.min() + 0.01)
    found = index(arm, discount, 3.0)
    expected = whittle(arm.p, arm.r - 3.0 * arm.excess, discount)
    np.testing.assert_allclose(found.upper[0], expected, atol=1e-9)
    np.testing.assert_allclose(found.lower[0], expected, atol=1e-9)
    for charge in np.linspace(-20, 20, 9):
        np.testing.assert_allclose(found.multiplier(charge), [3.0])


@pytest.mark.parametrize("name", ["TP4", "RS4", "RS8"])
def test_a_larger_cap_changes_nothing_where_the_smaller_does_not_bind(name):
    arms, penalty, start = parts(*SCENARIOS[name])
    small, large = (penalty_index(arms, penalty, Average(), cap, start=start) for cap in (7.0, 1e3))
    rng = np.random.default_rng(4)
    for charge in rng.uniform(-1, 3, 40):
        free = small.multiplier(charge) < 7.0
        assert free.any()
        np.testing.assert_allclose(small.multiplier(charge)[free], large.multiplier(charge)[free], atol=1e-8)
        np.testing.assert_allclose(small.dual(charge)[free], large.dual(charge)[free], atol=1e-8)
        np.testing.assert_allclose(small.activation(charge)[free], large.activation(charge)[free], atol=1e-8)
        u = rng.random(small.upper.shape)
        np.testing.assert_array_equal((small.random(u) >= charge)[free], (large.random(u) >= charge)[free])


@pytest.mark.parametrize("seed", range(5))
def test_the_average_index_is_the_limit_of_the_discounted(seed):
    arms, penalty, start = parts(*(drawn(np.random.default_rng([seed, i]), 5) for i in range(4)))
    average = penalty_index(arms, penalty, Average())
    near = penalty_index(arms, penalty, Discounted(0.9999), start=start)
    for name in ("lower", "upper"):
        difference = getattr(near, name) - getattr(average, name)
        np.testing.assert_allclose(difference, 0, atol=1e-3 * np.abs(average.upper).max())
    for charge in np.linspace(-5, 5, 11):
        np.testing.assert_allclose(near.dual(charge), average.dual(charge), atol=1e-3)


@pytest.mark.parametrize("discount", [0.9, 1])
def test_states_may_be_renumbered(discount):
    rng = np.random.default_rng(11)
    arm, order = drawn(rng, 8), rng.permutation(8)
    start = rng.dirichlet(np.ones(8))
    moved = PenaltyArm(arm.p[:, order][:, :, order], arm.r[:, order], arm.excess[:, order], start[order])
    plain, other = index(arm._replace(start=start), discount), index(moved, discount)
    np.testing.assert_allclose(other.lower[0], plain.lower[0, order], atol=1e-9)
    np.testing.assert_allclose(other.upper[0], plain.upper[0, order], atol=1e-9)
    np.testing.assert_allclose(other.random(0.4)[0], plain.random(0.4)[0, order], atol=1e-9)
    np.testing.assert_allclose(other.multiplier(0.3), plain.multiplier(0.3), atol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 30.0, 1e6])
@pytest.mark.parametrize("discount", [0.9, 1])
def test_units_of_rewards_and_costs(discount, scale):
    arm = drawn(np.random.default_rng(12), 7)
    plain = index(arm, discount, 10.0)
    charge = float(np.median(plain.upper))
    dearer = index(arm._replace(r=scale * arm.r), discount, 10.0 * scale)
    costlier = index(arm._replace(excess=scale * arm.excess), discount, 10.0 / scale)
    for name in ("lower", "upper"):
        np.testing.assert_allclose(getattr(dearer, name) / scale, getattr(plain, name), rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(getattr(costlier, name), getattr(plain, name), rtol=1e-7, atol=1e-8)
    shift = 1e-3  # away from a breakpoint, where the multiplier may jump
    np.testing.assert_allclose(dearer.multiplier(scale * (charge + shift)) / scale, plain.multiplier(charge + shift), atol=1e-7)
    np.testing.assert_allclose(costlier.multiplier(charge + shift) * scale, plain.multiplier(charge + shift), atol=1e-7)
    np.testing.assert_allclose(dearer.dual(scale * charge) / scale, plain.dual(charge), atol=1e-8)
    np.testing.assert_allclose(costlier.dual(charge), plain.dual(charge), atol=1e-8)


def test_a_bound_is_subtracted_from_the_cost():
    arm = drawn(np.random.default_rng(13), 6)
    found = penalty_index(Arms(arm.p, arm.r), Penalty(arm.excess + 0.7, 0.7), Discounted(0.9))
    np.testing.assert_allclose(found.upper, index(arm, 0.9).upper, atol=1e-8)


@pytest.mark.parametrize("discount", [0.9, 1])
def test_a_state_that_is_split_in_two(discount):
    rng = np.random.default_rng(14)
    arm = drawn(rng, 5)
    for s in range(5):
        twice = np.r_[np.arange(5), s]
        p = arm.p[:, twice][:, :, twice].copy()
        p[:, :, s] *= 0.3
        p[:, :, 5] *= 0.7
        start = arm.start[twice] * np.where(twice == s, 0.5, 1.0)
        double = index(PenaltyArm(p, arm.r[:, twice], arm.excess[:, twice], start), discount)
        plain = index(arm, discount)
        np.testing.assert_allclose(double.upper[0], plain.upper[0, twice], atol=1e-7)
        np.testing.assert_allclose(double.lower[0], plain.lower[0, twice], atol=1e-7)
        for charge in np.linspace(-12, 12, 13):
            np.testing.assert_allclose(double.dual(charge), plain.dual(charge), atol=1e-9)
            np.testing.assert_allclose(double.activation(charge), plain.activation(charge), atol=1e-9)


def test_states_alike_share_the_floor():
    """Four channels that pay alike: all tie, and their chances of acting add up to the floor."""
    found = index(channel(np.ones(4), 0.375), 0.9, 2.0)
    np.testing.assert_allclose(found.lower, np.ones((1, 4)), atol=1e-9)
    np.testing.assert_allclose(found.upper, np.full((1, 4), 3.0), atol=1e-9)
    value, chance = found.levels()
    acts = np.where(value[0] >= 2.0, chance[0], 0.0).max(axis=-1)
    np.testing.assert_allclose(acts.mean(), 0.375, atol=1e-9)


def test_threads_change_nothing():
    rng = np.random.default_rng(15)
    arms, penalty, start = parts(*(drawn(rng, 9) for _ in range(300)))
    one, two = (penalty_index(arms, penalty, Discounted(0.95), start=start, threads=t) for t in (1, 2))
    np.testing.assert_array_equal(one.lower, two.lower)
    np.testing.assert_array_equal(one.upper, two.upper)
    np.testing.assert_array_equal(one.random(0.3), two.random(0.3))
    np.testing.assert_array_equal(one.dual(0.2), two.dual(0.2))


def test_progress_is_told():
    rng = np.random.default_rng(16)
    arms, penalty, _ = parts(*(drawn(rng, 3) for _ in range(20)))
    calls = []
    penalty_index(arms, penalty, Average(), progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (20, 20)


@pytest.mark.parametrize("cap", [-1.0, np.nan, np.inf, "ten"])
def test_a_cap_must_be_a_number_that_is_not_negative(cap):
    arm = drawn(np.random.default_rng(17), 3)
    with pytest.raises(ModelError, match="cap"):
        index(arm, 0.9, cap)


def test_bad_arguments():
    arm = drawn(np.random.default_rng(17), 3)
    arms, penalty, start = parts(arm)
    with pytest.raises(ModelError, match=r"Penalty\(cost, bound\)"):
        penalty_index(arms, arm.excess, Average())
    with pytest.raises(ModelError, match="shape"):
        penalty_index(arms, Penalty(np.ones((2, 4)), 0.5), Average())
    with pytest.raises(ModelError, match="Discounted"):
        penalty_index(arms, penalty, Horizon(5))
    with pytest.raises(ModelError, match="actions"):
        penalty_index(Arms(np.tile(arm.p[:1], (3, 1, 1)), np.zeros((3, 3))), Penalty(np.ones((3, 3)), 0.5), Average())
    with pytest.raises(ModelError, match="start"):
        penalty_index(arms, penalty, Discounted(0.9), start=2 * start)
    with pytest.raises(ModelError, match="start"):
        penalty_index(arms, penalty, Discounted(0.9), start=3)
