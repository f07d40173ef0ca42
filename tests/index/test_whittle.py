"""The Whittle index against exact rational policy iteration, published values and named failures of other solvers."""

import json
from pathlib import Path

import numpy as np
import pytest

from oracles.floating import FloatingArm
from oracles.rational import RationalArm
from oracles.rational_path import RationalPath
from rmab import Arms, Average, Discounted, ModelError, whittle_index
from rmab.index.table import Verdict

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())


def criterion(discount):
    return Average() if discount == 1 else Discounted(discount)


def check_against_oracle(p, r, discount):
    """Sign of the exact advantage 1e-9 below and above every index; a charge sweep for the verdict."""
    table = whittle_index(Arms(p, r), criterion(discount), threads=1)
    arm = RationalArm(p, r, discount)
    values = table.values[0]
    assert not np.isnan(values).any()
    assert table.verdict[0] not in (Verdict.UNDECIDED, Verdict.UNSETTLED)
    margin = 1e-5 if discount == 1 else 1e-9
    finite = np.unique(values[np.isfinite(values)])
    if table.verdict[0] is Verdict.NOT_INDEXABLE:
        witness = table.witness[0]
        assert witness.passive_at < witness.active_at
        assert arm.advantage(witness.passive_at)[witness.state] < 0 < arm.advantage(witness.active_at)[witness.state]
        return
    sweep = np.sort(np.concatenate([finite - 1e-4, finite + 1e-4, (finite[1:] + finite[:-1]) / 2, [-60.0, 60.0]]))
    assert not arm.returns(sweep, margin)
    # the limit of an advantage may be exactly zero on an interval; then it is of the order of 1 - beta = 1e-22
    zero = 1e-15 if discount == 1 else 0.0
    for s in np.flatnonzero(np.isfinite(values)):
        step = 1e-9 * max(1.0, abs(values[s]))
        assert arm.advantage(values[s] - step)[s] > -zero, (s, values)
        assert arm.advantage(values[s] + step)[s] < zero, (s, values)
    for s in np.flatnonzero(np.isinf(values)):
        assert np.sign(arm.advantage(np.sign(values[s]) * 1e6)[s]) == np.sign(values[s])


@pytest.mark.parametrize("seed", range(60))
def test_random_arm_meets_the_exact_oracle(seed, draw_arm):
    check_against_oracle(*draw_arm(np.random.default_rng(seed), 7))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_random_arms_meet_the_exact_oracle(block, draw_arm):
    rng = np.random.default_rng([2026, block])
    for _ in range(50):
        check_against_oracle(*draw_arm(rng, 12))


@pytest.mark.parametrize("seed", range(5))
def test_plain_bisection_finds_the_same_index(seed):
    rng = np.random.default_rng(seed)
    p, r = rng.dirichlet(np.ones(4), (2, 4)), rng.normal(size=(2, 4))
    table = whittle_index(Arms(p, r), Discounted(0.95))
    assert table.indexable[0]
    arm = RationalArm(p, r, 0.95)
    np.testing.assert_allclose(table.values[0], [arm.bisect(s) for s in range(4)], atol=1e-9)


@pytest.mark.parametrize("discount", ["0.9", "0.99", "1"])
@pytest.mark.parametrize("name", [name for name, arm in PUBLISHED.items() if "whittle" in arm])
def test_published_values(name, discount):
    arm = PUBLISHED[name]
    if discount not in arm["whittle"]:
        pytest.skip("no value published for this criterion")
    table = whittle_index(Arms(arm["transitions"], arm["rewards"]), criterion(float(discount)))
    published = arm["indexable"][discount]
    if published == -1:  # multichain under the average criterion: no verdict was published
        assert table.verdict[0] is not Verdict.UNDECIDED
    else:
        assert table.indexable[0] == (published > 0)
    if not table.indexable[0]:
        assert table.witness[0] is not None
        return
    for ours, theirs in zip(table.values[0], arm["whittle"][discount], strict=True):
        if theirs is not None:
            assert ours == pytest.approx(theirs, abs=6e-9)  # published with eight decimals


SMALL = [name for name, arm in PUBLISHED.items() if len(arm["rewards"][0]) <= 20]


@pytest.mark.parametrize(("name", "discount"), [(name, d) for name in SMALL for d in (0.9, 0.99, 1.0)])
def test_named_arms_meet_the_exact_oracle(name, discount):
    check_against_oracle(PUBLISHED[name]["transitions"], PUBLISHED[name]["rewards"], discount)


@pytest.mark.parametrize(("name", "discount"), [(name, d) for name in PUBLISHED if name not in SMALL for d in (0.9, 0.99)])
def test_large_named_arms_meet_policy_iteration(name, discount):
    p, r = PUBLISHED[name]["transitions"], PUBLISHED[name]["rewards"]
    values = whittle_index(Arms(p, r), Discounted(discount)).values[0]
    arm = FloatingArm(p, r, discount)
    for s, value in enumerate(values):
        assert arm.advantage(value - 1e-9)[s] > 0 > arm.advantage(value + 1e-9)[s]


@pytest.mark.parametrize("name", ["conveyor_action_gap8_nonindexable"])
@pytest.mark.parametrize("discount", [0.99, 1.0])
def test_non_indexable_arm_has_a_true_witness(name, discount):
    p, r = PUBLISHED[name]["transitions"], PUBLISHED[name]["rewards"]
    table = whittle_index(Arms(p, r), criterion(discount))
    assert not table.indexable[0]
    assert "not indexable" in table.status
    witness = table.witness[0]
    arm = RationalArm(p, r, discount)
    assert arm.advantage(witness.passive_at)[witness.state] < 0 < arm.advantage(witness.active_at)[witness.state]


def belief_chain(good_from_bad, good_from_good, effect, length):
    """Collapsing arm: state (last seen, periods since); the belief is the reward, acting shows the state."""
    p01, p11 = good_from_bad, good_from_good
    belief = np.empty((2, length))
    belief[:, 0] = p01, p11
    for u in range(1, length):
        belief[:, u] = belief[:, u - 1] * p11 + (1 - belief[:, u - 1]) * p01
    seen, age = np.divmod(np.arange(2 * length), length)
    p = np.zeros((2, 2 * length, 2 * length))
    p[0, np.arange(2 * length), seen * length + np.minimum(age + 1, length - 1)] = 1
    improved = np.minimum(1.0, effect * belief[seen, age])
    p[1, :, 0], p[1, :, length] = 1 - improved, improved
    return p, np.tile(belief[seen, age], (2, 1))


@pytest.mark.parametrize("length", [20, 40, 90])
@pytest.mark.parametrize("rows", [(0.269, 0.828), (0.351, 0.853), (0.214, 0.791), (0.234, 0.666), (0.98, 0.95)])
def test_belief_chains_do_not_fail(rows, length):
    p, r = belief_chain(*rows, 1.1, length)
    for discount in (0.9, 0.95, 0.999):
        table = whittle_index(Arms(p, r), Discounted(discount))
        assert table.indexable.all()
        assert np.isfinite(table.values).all()


@pytest.mark.slow
@pytest.mark.parametrize("length", [20, 40, 90])
@pytest.mark.parametrize("rows", [(0.269, 0.828), (0.351, 0.853), (0.214, 0.791), (0.234, 0.666), (0.98, 0.95)])
def test_belief_chains_do_not_fail_under_the_average_criterion(rows, length):
    # the chain cut after `length` periods has two absorbing ends, so its limit may be infinite; that is no failure
    table = whittle_index(Arms(*belief_chain(*rows, 1.1, length)), Average())
    assert table.indexable[0]
    assert not np.isnan(table.values).any()


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e9])
def test_rewards_scale_the_index(scale):
    rng = np.random.default_rng(5)
    p, r = rng.dirichlet(np.ones(6), (2, 6)), rng.normal(size=(2, 6))
    for kind in (Discounted(0.95), Average()):
        one = whittle_index(Arms(p, r), kind).values
        np.testing.assert_allclose(whittle_index(Arms(p, scale * r), kind).values, scale * one, rtol=1e-12)


def test_action_that_changes_nothing_is_worth_nothing():
    p = np.tile(np.random.default_rng(0).dirichlet(np.ones(4), 4), (2, 1, 1))
    for kind in (Discounted(0.9), Average()):
        table = whittle_index(Arms(p, np.zeros((2, 4))), kind)
        assert table.indexable[0]
        np.testing.assert_array_equal(table.values, np.zeros((1, 4)))


def test_index_that_grows_without_bound_is_infinite_and_said_so():
    # one activation in state 1 decides for ever between a good and a bad absorbing state
    p = np.zeros((2, 3, 3))
    p[:, 0, 0] = p[:, 2, 2] = p[0, 1, 0] = p[1, 1, 2] = 1
    table = whittle_index(Arms(p, [[0, 0, 1], [0, 0, 1]]), Average())
    assert table.verdict == (Verdict.DIVERGENT,)
    np.testing.assert_allclose(table.values, [[0, np.inf, 0]], atol=1e-12)
    assert "infinite index" in table.status


def test_acting_to_keep_a_reward_is_worth_the_reward():
    # acting keeps state 1, which pays 1; waiting loses it for ever: the discounted index is beta, its limit 1
    p = [[[1, 0], [1, 0]], [[1, 0], [0, 1]]]
    np.testing.assert_allclose(whittle_index(Arms(p, [[0, 1], [0, 1]]), Discounted(0.9)).values, [[0, 0.9]], atol=1e-12)
    np.testing.assert_allclose(whittle_index(Arms(p, [[0, 1], [0, 1]]), Average()).values, [[0, 1]], atol=1e-9)


@pytest.mark.parametrize(("discount", "expected"), [(0.9, 2.32), (0.99, 38.392), (1.0, np.inf)])
def test_advantage_that_touches_zero_and_rises_again(discount, expected):
    # at the charge -2 the advantage in state 2 is zero, and positive on both sides of it
    p = [[[1, 0, 0], [0, 1, 0], [1, 0, 0]], [[1, 0, 0], [0, 1, 0], [0.4, 0.2, 0.4]]]
    r = [[-2, 0, 0], [-2, -2, -2]]
    check_against_oracle(p, r, discount)
    np.testing.assert_allclose(whittle_index(Arms(p, r), criterion(discount)).values, [[0, -2, expected]], atol=1e-9)


def test_threads_and_chunks_change_nothing():
    rng = np.random.default_rng(9)
    arms = Arms(rng.dirichlet(np.ones(4), (25_000, 2, 4)), rng.normal(size=(25_000, 2, 4)))
    one, two = (whittle_index(arms, Discounted(0.9), threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.values, two.values)
    assert one.verdict == two.verdict


def test_three_actions_are_refused():
    with pytest.raises(ModelError, match="two actions"):
        whittle_index(Arms(np.full((3, 2, 2), 0.5), np.zeros((3, 2))), Average())


def test_one_state():
    # no second state to move to: acting is worth its reward, in every unit of memory that belongs to it
    for criterion_ in (Average(), Discounted(0.9)):
        for count in (1, 3, 20):
            rewards = np.arange(2.0 * count).reshape(count, 2, 1) ** 2
            table = whittle_index(Arms(np.ones((count, 2, 1, 1)), rewards), criterion_)
            np.testing.assert_allclose(table.values, rewards[:, 1] - rewards[:, 0], rtol=1e-12)
            assert table.strict.all()


@pytest.mark.parametrize("bits", [28, 30, 33])
def test_large_but_finite_average_index_of_an_arm_that_is_not_indexable(bits):
    rare = 2.0**-bits
    p = np.array([[[0, 0.5, 0.5], [0, 1, 0], [0, 0.1875, 0.8125]], [[0.3125, 0, 0.6875], [0, 1, 0], [1, 0, 0]]]) * (1 - rare)
    p[:, :, 0] += rare
    rewards = [[-1.0, 0, 1]] * 2
    table = whittle_index(Arms(p, rewards), Average())
    exact = [float(index) for index in RationalPath(p, rewards, 1).limit_of_index]
    for value, error, index in zip(table.values[0], table.error[0], exact, strict=True):
        assert abs(value - index) <= error
