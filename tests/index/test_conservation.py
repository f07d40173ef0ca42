"""The index by conservation laws against a greedy run that solves every set afresh, bisection, and closed forms."""

import numpy as np
import pytest
import scipy.sparse

from oracles.floating import FloatingArm
from oracles.greedy import GreedyArm
from rmab import Arms, Average, Discounted, Horizon, ModelError, SparseArm, whittle_index
from rmab.hidden.arms import HiddenArms
from rmab.index import conservation, conservation_large
from rmab.index.conservation import conservation_index
from rmab.index.table import Verdict

LAW, INCREASE, RETURN, STUCK = 1, 2, 4, 8


def dense(rng, n):
    return rng.dirichlet(np.ones(n), (2, n)), rng.normal(size=(2, n))


def thin(rng, n, entries=3):
    """Few transitions per row, so that many arms break the conservation laws and some are not indexable."""
    p = np.zeros((2, n, n))
    for a, s in np.ndindex(2, n):
        p[a, s, rng.choice(n, min(n, entries if a else 1 + entries // 2), replace=False)] = rng.dirichlet(
            np.ones(min(n, entries if a else 1 + entries // 2))
        )
    return p, rng.normal(size=(2, n))


def compare(p, r, beta):
    """Hold one arm against the greedy oracle; return what was found."""
    table = conservation_index(Arms(p, r), Discounted(beta))
    index, order, flags, least, size, violations = GreedyArm(p, r, beta).run()
    assert table.flags[0] == flags
    if not flags & (INCREASE | RETURN | STUCK):
        np.testing.assert_allclose(table.values[0], index, rtol=1e-10, atol=1e-11)
        assert table.order[0].tolist() == order
        assert (np.abs(table.values[0] - index) <= table.error[0] + 1e-11).all()
    assert table.least_work[0] == pytest.approx(least, abs=1e-9)
    assert table.worst_set_size[0] == size
    assert table.violations[0] == violations
    assert table.pcl_indexable[0] == (flags == 0)
    return table


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12, 25, 40])
@pytest.mark.parametrize("kind", [dense, thin])
def test_agrees_with_the_greedy_run_that_solves_every_set(n, kind):
    rng = np.random.default_rng([n, kind is dense])
    for _ in range(12):
        compare(*kind(rng, n), rng.choice([0.3, 0.7, 0.9, 0.97]))


def test_random_draws_meet_every_kind_of_arm():
    rng = np.random.default_rng(5)
    seen = {compare(*thin(rng, 6), 0.95).flags[0] for _ in range(150)}
    assert {0, LAW} < seen and any(flags & RETURN for flags in seen)


def test_large_arms_with_all_rows_kept():
    rng = np.random.default_rng(0)
    for kind, n in ((dense, 70), (thin, 90)):
        compare(*kind(rng, n), 0.9)


@pytest.mark.parametrize("beta", [0.6, 0.9, 0.99])
def test_agrees_with_the_whittle_index(beta):
    rng = np.random.default_rng(int(beta * 100))
    for n in (2, 5, 30, 80, 330):
        for kind in (dense, thin):
            arms = Arms(*kind(rng, n))
            mine, other = conservation_index(arms, Discounted(beta)), whittle_index(arms, Discounted(beta))
            assert mine.indexable.tolist() == other.indexable.tolist()
            if mine.indexable[0]:
                np.testing.assert_allclose(mine.values, other.values, rtol=1e-10, atol=1e-10)
            assert (mine.pcl_indexable <= mine.indexable).all()


def test_awkward_arms_agree_with_the_whittle_index(draw_arm):
    rng = np.random.default_rng(11)
    for _ in range(250):
        p, r, beta = draw_arm(rng, 12)
        criterion = Average() if beta == 1 else Discounted(beta)
        mine, other = conservation_index(Arms(p, r), criterion), whittle_index(Arms(p, r), criterion)
        assert mine.indexable.tolist() == other.indexable.tolist()
        if other.indexable[0]:
            finite = np.isfinite(other.values)
            np.testing.assert_array_equal(np.isfinite(mine.values), finite)
            bound = mine.error[finite] + other.error[finite] + 1e-10 * np.maximum(1, np.abs(other.values[finite]))
            assert (np.abs(mine.values[finite] - other.values[finite]) <= bound).all()


def test_many_types_and_threads():
    rng = np.random.default_rng(1)
    p, r = (np.stack(parts) for parts in zip(*(thin(rng, 9) for _ in range(40)), strict=True))
    one, two = (conservation_index(Arms(p, r), Discounted(0.95), threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.flags, two.flags)
    for k in range(40):
        alone = conservation_index(Arms(p[k], r[k]), Discounted(0.95))
        np.testing.assert_array_equal(alone.values[0], one.values[k])
        assert alone.flags[0] == one.flags[k] and alone.tested[0] == one.tested[k]


def test_bisection_with_exact_policy_evaluation():
    rng = np.random.default_rng(3)
    for n in (2, 5, 9):
        for kind in (dense, thin):
            p, r = kind(rng, n)
            table = conservation_index(Arms(p, r), Discounted(0.9))
            if not table.indexable[0]:
                continue
            arm = FloatingArm(p, r, 0.9)
            for s in range(n):
                low, high = -100.0, 100.0
                while high - low > 1e-11:
                    middle = (low + high) / 2
                    low, high = (middle, high) if arm.advantage(middle)[s] > 0 else (low, middle)
                assert table.values[0, s] == pytest.approx(low, rel=1e-9, abs=1e-9)


def test_a_witness_is_two_charges_that_anyone_can_check():
    rng, found, large = np.random.default_rng(7), 0, 0
    for n in (5, 8, 90):
        for _ in range(60 if n < 90 else 6):
            p, r = thin(rng, n)
            table = conservation_index(Arms(p, r), Discounted(0.97))
            assert bool(table.flags[0] & RETURN) == (table.verdict[0] is Verdict.NOT_INDEXABLE)
            if table.verdict[0] is Verdict.NOT_INDEXABLE:
                proof, arm = table.witness[0], FloatingArm(p, r, 0.97)
                assert proof.passive_at < proof.active_at
                assert arm.advantage(proof.passive_at)[proof.state] < 0 < arm.advantage(proof.active_at)[proof.state]
                assert not table.pcl_indexable[0] and "not indexable" in table.status
                found += 1
                large += n == 90 and bool(np.isinf(table.error).all())  # settled by the greedy run's own witness
    assert found > 5 and large > 0


def test_a_false_witness_is_not_believed():
    p, r = dense(np.random.default_rng(0), 4)
    value = conservation_index(Arms(p, r), Discounted(0.9)).values[0, 2]
    assert conservation._regained(p, r, 0.9, 2, value - 0.1, value + 0.1) == 0.0
    assert conservation._regained(p, r, 0.9, 2, value + 0.1, value - 0.1) == 0.0
    assert conservation._regained(p, r, 1.0, 2, value - 5, value + 5) == 0.0


def test_an_arm_that_breaks_the_laws_and_is_indexable_has_its_exact_index():
    rng, found = np.random.default_rng(2), 0
    for _ in range(200):
        p, r = thin(rng, 7)
        table = conservation_index(Arms(p, r), Discounted(0.95))
        if table.flags[0] == LAW and table.least_work[0] < -0.05:
            arm = FloatingArm(p, r, 0.95)
            for s, value in enumerate(table.values[0]):
                assert arm.advantage(value - 1e-7)[s] > 0 > arm.advantage(value + 1e-7)[s]
            assert table.indexable[0] and not table.pcl_indexable[0]
            found += 1
    assert found > 3


@pytest.mark.parametrize("beta", [0.2, 0.5])
def test_work_is_never_negative_at_discounts_up_to_a_half(beta):
    rng = np.random.default_rng(9)
    for n in (2, 6, 20):
        for _ in range(30):
            table = conservation_index(Arms(*thin(rng, n)), Discounted(beta))
            assert table.least_work[0] >= 1 - beta / (1 - beta) - 1e-12
            assert not table.flags[0] & (INCREASE | RETURN | STUCK)


def test_decomposition_laws_of_the_measures():
    # (36)-(37): exact identities in any policy, any start and any set, not only in those of the greedy run
    rng = np.random.default_rng(4)
    for n in (2, 5, 15):
        p, r = thin(rng, n)
        arm, start = GreedyArm(p, r, 0.9), int(rng.integers(n))
        time = arm.occupancy(rng.random(n), start)
        for _ in range(5):
            inside = rng.random(n) < 0.5
            f, g, work, pay = arm.measures(inside)
            activations, reward = time[1].sum(), (time * r).sum()
            for total, measure, own in ((activations, f, work), (reward, g, pay)):
                left = total + (own * time[0])[inside].sum()
                assert left == pytest.approx(measure[start] + (own * time[1])[~inside].sum(), rel=1e-12, abs=1e-12)


def test_least_work_is_that_of_a_set_of_the_family():
    rng = np.random.default_rng(6)
    for _ in range(20):
        p, r = thin(rng, 10)
        table = conservation_index(Arms(p, r), Discounted(0.93))
        active = np.zeros(10, dtype=bool)
        active[table.order[0, : table.worst_set_size[0]]] = True
        if not table.flags[0] & STUCK:
            assert GreedyArm(p, r, 0.93).measures(active)[2].min() == pytest.approx(table.least_work[0], abs=1e-10)


def test_ties_are_broken_by_the_number_of_the_state():
    n = 60
    p = np.full((2, n, n), 1 / n)
    table = conservation_index(Arms(p, np.stack([np.zeros(n), np.repeat([1.0, 2.0, 1.0], 20)])), Discounted(0.9))
    assert table.order[0].tolist() == [*range(20, 40), *range(20), *range(40, 60)]
    np.testing.assert_allclose(table.values[0], np.repeat([1.0, 2.0, 1.0], 20), atol=1e-13)
    assert table.pcl_indexable[0] and table.least_work[0] == pytest.approx(1.0)


def test_near_duplicate_states_keep_their_index():
    rng = np.random.default_rng(8)
    p, r = dense(rng, 20)
    p[:, 1], r[:, 1] = p[:, 0], r[:, 0] + np.array([0.0, 1e-9])
    mine, other = conservation_index(Arms(p, r), Discounted(0.9)), whittle_index(Arms(p, r), Discounted(0.9))
    np.testing.assert_allclose(mine.values, other.values, rtol=1e-11)
    assert mine.values[0, 1] > mine.values[0, 0]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e7])
def test_scale_and_shift(scale):
    rng = np.random.default_rng(12)
    p, r = thin(rng, 12)
    r[0] = 0.0
    plain = conservation_index(Arms(p, r), Discounted(0.9))
    scaled = conservation_index(Arms(p, r * scale), Discounted(0.9))
    shifted = conservation_index(Arms(p, r + np.array([[0.0], [3.0]])), Discounted(0.9))
    np.testing.assert_allclose(scaled.values, plain.values * scale, rtol=1e-11, atol=1e-12 * scale)
    np.testing.assert_allclose(shifted.values, plain.values + 3, rtol=1e-11)
    assert scaled.least_work[0] == pytest.approx(plain.least_work[0], abs=1e-12)
    assert shifted.flags[0] == plain.flags[0] == scaled.flags[0]


def test_order_of_the_states_does_not_matter():
    rng = np.random.default_rng(13)
    for n in (12, 90):
        p, r = thin(rng, n)
        shuffled = rng.permutation(n)
        plain = conservation_index(Arms(p, r), Discounted(0.9))
        other = conservation_index(Arms(p[:, shuffled][:, :, shuffled], r[:, shuffled]), Discounted(0.9))
        np.testing.assert_allclose(other.values[0], plain.values[0, shuffled], rtol=1e-10, atol=1e-11)
        assert other.least_work[0] == pytest.approx(plain.least_work[0], abs=1e-11)


def test_tiny_arms():
    one = conservation_index(Arms(np.ones((2, 1, 1)), [[1.0], [4.0]]), Discounted(0.9))
    assert one.values[0, 0] == pytest.approx(3.0) and one.pcl_indexable[0] and one.tested[0] == 2
    myopic = conservation_index(Arms(*dense(np.random.default_rng(0), 5)), Discounted(1e-12))
    r = dense(np.random.default_rng(0), 5)[1]
    np.testing.assert_allclose(myopic.values[0], r[1] - r[0], atol=1e-10)


# ---- sparse arms and the average


def sparse(p, r):
    return SparseArm(scipy.sparse.csr_array(p[0]), scipy.sparse.csr_array(p[1]), r)


@pytest.mark.parametrize("n", [1, 2, 9, 40, 200])
def test_a_sparse_arm_is_the_same_arm(n):
    rng = np.random.default_rng(n)
    for kind in (dense, thin):
        p, r = kind(rng, n)
        for criterion in (Discounted(0.9), Average()):
            mine, other = conservation_index(sparse(p, r), criterion), conservation_index(Arms(p, r), criterion)
            np.testing.assert_allclose(mine.values, other.values, rtol=1e-9, atol=1e-9)
            assert mine.flags[0] == other.flags[0] and mine.order.tolist() == other.order.tolist()


def test_average_index_is_the_limit_of_the_discounted():
    rng = np.random.default_rng(21)
    for n in (2, 6, 30, 100):
        arms = Arms(*dense(rng, n))
        limit, near = conservation_index(arms, Average()), conservation_index(arms, Discounted(1 - 1e-8))
        np.testing.assert_allclose(limit.values, near.values, rtol=0, atol=1e-5)
        assert limit.least_work[0] == pytest.approx(near.least_work[0], abs=1e-5)
        assert limit.tested[0] == n + 1


def test_average_with_several_classes_says_so():
    p = np.array([np.eye(3), np.full((3, 3), 1 / 3)])
    table = conservation_index(Arms(p, [[0.0, 0, 0], [1.0, 2, 4]]), Average())
    other = whittle_index(Arms(p, [[0.0, 0, 0], [1.0, 2, 4]]), Average())
    assert table.tested[0] < 4 and not table.pcl_indexable[0]
    assert table.verdict == other.verdict
    np.testing.assert_allclose(table.values, other.values)
    assert "not tested at every set" in table.status


# ---- many states


def mesh(n, seed):
    """A line of beliefs of a two-state arm, seen with errors when acted on: linear interpolation, five entries per row."""
    rng = np.random.default_rng(seed)
    stay, error = rng.uniform(0.6, 0.95), rng.uniform(0.05, 0.2)
    belief = np.linspace(0.0, 1.0, n)

    def move(b):
        return b * stay + (1 - b) * (1 - stay) * 0.7

    good = belief * (1 - error) + (1 - belief) * error
    after = [(move(belief * (1 - error) / good), good), (move(belief * error / (1 - good)), 1 - good)]
    return SparseArm(interpolated([(move(belief), 1.0)], n), interpolated(after, n), np.stack([np.zeros(n), good]))


def interpolated(moves, n):
    """Rows that move to the two neighbours of each target in [0, 1] on an even mesh, with these chances."""
    total = scipy.sparse.csr_array((n, n))
    for target, chance in moves:
        place = np.minimum((target * (n - 1)).astype(int), n - 2)
        part = target * (n - 1) - place
        for column, weight in ((place, 1 - part), (place + 1, part)):
            total = total + scipy.sparse.csr_array((chance * weight, (np.arange(n), column)), shape=(n, n))
    return total


@pytest.mark.parametrize("beta", [0.8, 0.95])
def test_intervals_of_the_sweep_hold_the_exact_index(beta, monkeypatch):
    for seed in range(3):
        arm = mesh(400, seed)
        exact = conservation_index(arm, Discounted(beta))
        with monkeypatch.context() as patch:
            patch.setattr(conservation, "MOST_PIVOTED", 100)
            patch.setattr(conservation, "MOST_CAREFUL", 100)
            swept = conservation_index(arm, Discounted(beta))
        assert swept.tested[0] == 0 and not swept.pcl_indexable[0]
        assert (np.abs(swept.values - exact.values) <= swept.error + exact.error).all()
        assert np.median(swept.error) < 1e-3 * np.ptp(exact.values)
        assert swept.indexable[0] == exact.indexable[0]
        assert swept.least_work[0] >= exact.least_work[0] - 1e-9
        assert "may be smaller" in swept.status and "to within" in swept.status


def test_twice_as_many_charges_more_than_halve_the_intervals(monkeypatch):
    # they are of second order in the distance of the charges, but for the states of which the advantage has a kink in them
    monkeypatch.setattr(conservation, "MOST_PIVOTED", 100)
    monkeypatch.setattr(conservation, "MOST_CAREFUL", 100)
    for seed in range(3):
        errors = []
        for charges in (64, 128):
            monkeypatch.setattr(conservation_large, "FINE", charges)
            errors.append(conservation_index(mesh(400, seed), Discounted(0.9)).error.mean())
        assert errors[1] < errors[0] / 2


def test_the_sweep_finds_arms_that_are_not_indexable(monkeypatch):
    rng, proven = np.random.default_rng(17), 0
    monkeypatch.setattr(conservation, "MOST_PIVOTED", 5)
    monkeypatch.setattr(conservation, "MOST_CAREFUL", 5)
    for _ in range(120):
        p, r = thin(rng, 6)
        table = conservation_index(sparse(p, r), Discounted(0.95))
        path = whittle_index(Arms(p, r), Discounted(0.95))
        if table.verdict[0] is Verdict.NOT_INDEXABLE:
            proof, arm = table.witness[0], FloatingArm(p, r, 0.95)
            assert arm.advantage(proof.passive_at)[proof.state] < 0 < arm.advantage(proof.active_at)[proof.state]
            assert table.flags[0] & RETURN and table.margin[0, 1] > 0
            proven += 1
        assert (np.abs(table.values - path.values) <= table.error + 1e-9).all()
    assert proven > 3


def test_a_large_mesh_by_pivoting_and_by_the_sweep(monkeypatch):
    arm = mesh(1500, 1)
    exact = conservation_index(arm, Discounted(0.9))
    assert exact.tested[0] == 1501
    monkeypatch.setattr(conservation, "MOST_PIVOTED", 100)
    monkeypatch.setattr(conservation, "MOST_CAREFUL", 100)
    swept = conservation_index(arm, Discounted(0.9))
    assert (np.abs(swept.values - exact.values) <= swept.error + exact.error).all()


# ---- hidden arms


CHANNEL = [[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [0.1, 0.9]]
ACKNOWLEDGED = [[0.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("merge", [0.05, 0.02, 0.01])
def test_golden_index_of_the_acknowledged_channel(merge):
    channel = HiddenArms.from_observations(*CHANNEL, ACKNOWLEDGED, seen="observation and feedback", feedback=ACKNOWLEDGED)
    for depth in (6, 8):
        space = channel.reachable(channel.stationary(), depth=depth, merge=merge, closure="nearest")
        for arms in (space.arms, space.sparse_arm):
            table = conservation_index(arms, Discounted(0.9))
            assert table.values[0, 0] == pytest.approx(0.644391, abs=1e-6)
            assert table.pcl_indexable[0]


def examples():
    """Three small hidden arms: the channel, three levels of noise, four states of a computer."""
    levels = [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]]
    seen = [[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]]
    computer = [[0.7, 0.1, 0.1, 0.1], [0.05, 0.7, 0.1, 0.15], [0.05, 0.1, 0.65, 0.2], [0.05, 0.05, 0.1, 0.8]]
    alarms = [[0.8, 0.1, 0.05, 0.05], [0.1, 0.75, 0.1, 0.05], [0.05, 0.1, 0.75, 0.1], [0.05, 0.05, 0.1, 0.8]]
    yield "channel", (*CHANNEL, ACKNOWLEDGED), 0.01
    yield "levels", (levels, seen, [[0, 0, 0], [0, 1, 0], [0, 1, 2]]), 0.02
    yield "computer", (computer, alarms, np.diag([4, 3, 2, 0])), 0.1


@pytest.mark.parametrize("closure", ["nearest", "linear"])
@pytest.mark.parametrize("seen", ["observation", "reward", "observation and reward", "nothing"])
def test_belief_chains_agree_with_the_greedy_run_and_the_whittle_index(seen, closure):
    for _, parts, merge in examples():
        hidden = HiddenArms.from_observations(*parts, seen=seen)
        space = hidden.reachable(hidden.stationary(), depth=6, merge=merge, closure=closure)
        arms = space.arms
        table = compare(arms.unit_rows[0], arms.rewards[0], 0.9)
        other = whittle_index(arms, Discounted(0.9))
        np.testing.assert_allclose(table.values, other.values, rtol=1e-10, atol=1e-10)


def crossing(threshold, start, stay, enter):
    """Periods of waiting until a belief is above the threshold, and the belief then; None if it never is."""
    belief, limit = start, enter / (1 - stay + enter)
    for count in range(10_000):
        if belief > threshold:
            return count, belief
        if abs(belief - limit) < 1e-15:
            break
        belief = belief * stay + (1 - belief) * enter
    return None


def gilbert_elliott(belief, stay, enter, beta):
    """Index of a channel seen exactly when used: ratio of the measures of the policy that uses it above this belief."""

    def measures(value):
        # f(y) = beta^L (1 + beta (q f(stay) + (1 - q) f(enter))), the same for rewards with q in place of 1
        rows, used, paid = np.eye(2), np.zeros(2), np.zeros(2)
        for i, start in enumerate((stay, enter)):
            found = crossing(belief, start, stay, enter)
            if found:
                weight, q = beta ** found[0], found[1]
                rows[i] -= weight * beta * np.array([q, 1 - q])
                used[i], paid[i] = weight, weight * q
        f, g = np.linalg.solve(rows, used), np.linalg.solve(rows, paid)
        found = crossing(belief, value, stay, enter)
        if not found:
            return 0.0, 0.0, f, g
        weight, q = beta ** found[0], found[1]
        after = np.array([q, 1 - q])
        return weight * (1 + beta * after @ f), weight * (q + beta * after @ g), f, g

    waited = measures(belief * stay + (1 - belief) * enter)
    after = np.array([belief, 1 - belief])
    work = 1 + beta * (after @ waited[2] - waited[0])
    return (belief + beta * (after @ waited[3] - waited[1])) / work


@pytest.mark.parametrize(("stay", "enter"), [(0.8, 0.3), (0.95, 0.1)])
def test_closed_form_of_the_channel_that_is_seen_when_used(stay, enter):
    n, beta = 2001, 0.9
    belief = np.linspace(0.0, 1.0, n)
    passive = interpolated([(belief * stay + (1 - belief) * enter, 1.0)], n)
    active = interpolated([(np.full(n, stay), belief), (np.full(n, enter), 1 - belief)], n)
    table = conservation_index(SparseArm(passive, active, np.stack([np.zeros(n), belief])), Discounted(beta))
    sample = np.arange(3, n, 97)
    exact = np.array([gilbert_elliott(b, stay, enter, beta) for b in belief[sample]])
    np.testing.assert_allclose(table.values[0, sample], exact, atol=2e-4)
    outside = (belief[sample] > stay) | (belief[sample] < enter)
    np.testing.assert_allclose(table.values[0, sample][outside], belief[sample][outside], atol=1e-9)
    stationary = enter / (1 - stay + enter)
    upper = (belief[sample] >= stationary) & (belief[sample] < stay)
    published = belief[sample] / (1 - beta * stay + beta * belief[sample])
    np.testing.assert_allclose(table.values[0, sample][upper], published[upper], atol=2e-4)


# ---- outside package, refusals


def test_agrees_with_markovianbandit_on_a_belief_chain():
    with np.errstate():  # its import sets the error mode of the whole process
        import markovianbandit
    hidden = HiddenArms.from_observations(*CHANNEL, ACKNOWLEDGED)
    space = hidden.reachable(hidden.stationary(), depth=6, merge=0.01, closure="linear")
    p, r = space.arms.transitions[0], space.arms.rewards[0]
    with np.errstate(divide="raise", invalid="raise"):
        reference = markovianbandit.restless_bandit_from_P0P1_R0R1(p[0], p[1], r[0], r[1]).whittle_indices(discount=0.9)
    np.testing.assert_allclose(conservation_index(space.arms, Discounted(0.9)).values[0], reference, rtol=1e-10, atol=1e-10)


def test_refusals():
    p, r = dense(np.random.default_rng(0), 3)
    with pytest.raises(ModelError, match="needs Discounted"):
        conservation_index(Arms(p, r), Horizon(5))
    with pytest.raises(ModelError, match="two actions"):
        conservation_index(Arms(np.tile(p[:1], (3, 1, 1)), np.zeros((3, 3))), Discounted(0.9))
    line = scipy.sparse.eye_array(8001, format="csr")
    with pytest.raises(ModelError, match="8001"):
        conservation_index(SparseArm(line, line, np.zeros((2, 8001))), Average())


def test_results_are_frozen():
    table = conservation_index(Arms(*dense(np.random.default_rng(0), 3)), Discounted(0.9))
    for name in ("values", "error", "flags", "least_work", "worst_set_size", "violations", "tested", "order"):
        assert not getattr(table, name).flags.writeable
    assert "least work" in str(table)
