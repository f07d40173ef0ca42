"""Structured arms against the general index, closed forms, and policy iteration by an independent banded solver."""

import numpy as np
import pytest
import scipy.sparse
from scipy.linalg import solve_banded

from oracles.rational import RationalArm
from rmab import Arms, Average, ModelError, whittle_index
from rmab._kernels.verdict import IRREGULAR, NOT_INDEXABLE, STRICT, STRONG, UNDECIDED, WEAK
from rmab.index.structure import Structure, detect, functional_setup, restart_setup, structured_index
from rmab.models.sparse_arm import SparseArm

INDEXABLE = (STRONG, STRICT, WEAK)


def chain(n, moves, back, returns_to=None):
    """Sparse transitions from probabilities by move, ``{step: (n,)}``, and of returning; what is left over stays."""
    there, here, values = [np.arange(n)], [np.arange(n)], [np.zeros(n)]
    left = np.ones(n)
    for step, probability in moves.items():
        p = np.broadcast_to(probability, n) * ((np.arange(n) + step >= 0) & (np.arange(n) + step < n))
        left = left - p
        here.append(np.flatnonzero(p))
        there.append(np.flatnonzero(p) + step)
        values.append(p[p > 0])
    if returns_to is not None:
        left = left - back
        here.append(np.arange(n))
        there.append(np.full(n, returns_to))
        values.append(np.broadcast_to(back, n))
    values[0] = left
    return scipy.sparse.csr_array((np.concatenate(values), (np.concatenate(here), np.concatenate(there))), shape=(n, n))


def ages(n, success):
    cost = -np.arange(1.0, n + 1)
    return SparseArm(chain(n, {1: 1.0}, 0.0), chain(n, {1: 1 - success}, success, 0), np.stack([cost, cost]))


def repair(n, power=2.0):
    wear = chain(n, {1: 0.3}, 0.0)
    return SparseArm(wear, chain(n, {}, 1.0, 0), np.stack([-((np.arange(n) / n) ** power), np.full(n, -0.5)]))


def queue(n, arrive=0.3, slow=0.2, fast=0.5, power=1.0):
    cost = -((np.arange(n) / n) ** power)
    return SparseArm(chain(n, {1: arrive, -1: slow}, 0.0), chain(n, {1: arrive, -1: fast}, 0.0), np.stack([cost, cost]))


def random_chain(rng, n, lower, upper, returns):
    """A chain with its own probabilities in every state."""
    steps = [d for d in range(-lower, upper + 1) if d]
    home = int(rng.integers(n)) if returns else None
    rows = []
    for _ in range(2):
        p = rng.dirichlet(np.ones(len(steps) + 2), n)
        rows.append(chain(n, {d: p[:, m] for m, d in enumerate(steps)}, p[:, -1] if returns else 0.0, home))
    return SparseArm(*rows, rng.normal(size=(2, n)))


class BandedOracle:
    """Policy iteration at one charge; values by LAPACK's banded solver and a rank-one correction for the return column."""

    def __init__(self, arm, beta, returns_to=None, width=1):
        self.arm, self.beta, self.home, self.width = arm, beta, returns_to, width
        self.rows = [scipy.sparse.coo_array(p) for p in (arm.passive, arm.active)]
        self.policy = np.zeros(arm.n_states, dtype=int)

    def values(self, paid):
        n, w = self.arm.n_states, self.width
        diagonals, jump = np.zeros((2 * w + 1, n)), np.zeros(n)
        diagonals[w] = 1.0
        for action, rows in enumerate(self.rows):
            row, column, p = rows.row, rows.col, self.beta * rows.data
            chosen = self.policy[row] == action
            away = (
                chosen & (column == self.home) & (np.abs(row - column) > w) if self.home is not None else np.zeros_like(chosen)
            )
            jump[row[away]] += p[away]
            kept = chosen & ~away
            np.subtract.at(diagonals, (w + row[kept] - column[kept], column[kept]), p[kept])
        solved = solve_banded((w, w), diagonals, np.stack([paid, jump], axis=1))
        if self.home is None:
            return solved[:, 0]
        return solved[:, 0] + solved[:, 1] * solved[self.home, 0] / (1 - solved[self.home, 1])

    def advantage(self, charge):
        """Advantage of acting over waiting in every state under an optimal policy at this charge."""
        charged = self.arm.rewards - charge * np.array([[0.0], [1.0]])
        for _ in range(1000):
            v = self.values(charged[self.policy, np.arange(self.arm.n_states)])
            advantage = charged[1] - charged[0] + self.beta * (self.arm.active @ v - self.arm.passive @ v)
            better = np.where(np.abs(advantage) > 1e-11, advantage > 0, self.policy).astype(int)
            if (better == self.policy).all():
                return advantage
            self.policy = better
        raise AssertionError("the oracle did not converge")


def check_signs(arm, beta, found, sample, step=1e-7, **oracle):
    """The optimal advantage in sampled states is positive just below their index and negative just above it."""
    oracle = BandedOracle(arm, beta, **oracle)
    for s in sample:
        width = step * max(1.0, abs(found.values[s]))
        assert found.error[s] < width
        assert oracle.advantage(found.values[s] - width)[s] > 0
        assert oracle.advantage(found.values[s] + width)[s] < 0


def check_exactly(arm, beta, found):
    """The same against policy iteration in rationals, at the ends of the claimed intervals."""
    dense = arm.dense()
    exact = RationalArm(dense.transitions[0], dense.rewards[0], beta)
    assert found.code in INDEXABLE
    for s in range(arm.n_states):
        assert exact.advantage(found.values[s] - found.error[s])[s] > 0
        assert exact.advantage(found.values[s] + found.error[s])[s] < 0


@pytest.mark.parametrize("success", [0.9, 0.5, 0.3])
@pytest.mark.parametrize("n", [200, 100_000])
def test_age_of_information_has_its_closed_form(success, n):
    found = structured_index(ages(n, success), 1.0)
    assert (found.code, found.structure) == (STRONG, "threshold")
    age = np.arange(1.0, n - 100)
    exact = success / 2 * age * (age + 2 / success - 1)
    # the last ages feel that the chain is cut
    assert (np.abs(found.values[: len(age)] - exact) <= found.error[: len(age)] + 1e-15 * exact).all()
    assert (found.error <= 1e-9 * np.abs(found.values).max()).all()


@pytest.mark.parametrize("beta", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("arm", [ages(14, 0.6), repair(14), repair(12, 0.5), queue(14), queue(12, power=2.0)], ids=repr)
def test_intervals_hold_the_exact_index(arm, beta):
    check_exactly(arm, beta, structured_index(arm, beta))


@pytest.mark.parametrize("seed", range(40))
def test_random_chain_meets_the_exact_oracle(seed):
    rng = np.random.default_rng(seed)
    lower, upper = (1, 1) if seed % 2 else rng.integers(1, 4, 2)
    arm = random_chain(rng, int(rng.integers(10, 16)), lower, upper, returns=seed % 4 < 2)
    beta = float(rng.choice([0.5, 0.9, 0.99]))
    found = structured_index(arm, beta)
    if found.code != NOT_INDEXABLE:
        check_exactly(arm, beta, found)
        return
    state, low, high = found.witness
    dense = arm.dense()
    exact = RationalArm(dense.transitions[0], dense.rewards[0], beta)
    assert low < high
    assert exact.advantage(low)[state] < 0 < exact.advantage(high)[state]


def test_some_random_chains_are_not_indexable():
    rng = np.random.default_rng(0)
    codes = [structured_index(random_chain(rng, 60, 1, 1, returns=False), 0.99).code for _ in range(20)]
    assert NOT_INDEXABLE in codes
    assert set(codes) & set(INDEXABLE)


@pytest.mark.parametrize("seed", range(12))
def test_average_criterion_is_the_limit_of_discounts(seed):
    rng = np.random.default_rng(seed)
    arm = random_chain(rng, 40, 1 + seed % 3, 1 + seed % 2, returns=True)
    limit, near = structured_index(arm, 1.0), structured_index(arm, 1 - 1e-8)
    assert limit.code == near.code
    if limit.code in INDEXABLE:
        np.testing.assert_allclose(limit.values, near.values, atol=1e-5)


@pytest.mark.parametrize("beta", [0.9, 0.999, 1.0])
def test_mirrored_chain_has_the_mirrored_index(beta):
    for arm in (ages(300, 0.7), repair(300), queue(60)):
        turned = SparseArm(arm.passive[::-1][:, ::-1], arm.active[::-1][:, ::-1], arm.rewards[:, ::-1])
        there, back = structured_index(arm, beta), structured_index(turned, beta)
        assert (there.code, there.structure) == (back.code, back.structure)
        assert (np.abs(there.values - back.values[::-1]) <= there.error + back.error[::-1]).all()


@pytest.mark.parametrize("beta", [0.9, 0.999, 1.0])
def test_threshold_and_banded_kernels_agree(beta):
    # a second way up to state 0, too rare to be felt, hides the threshold structure from the first kernel
    for arm in (ages(400, 0.7), repair(400)):
        quick = structured_index(arm, beta)
        n = arm.n_states
        nudge = scipy.sparse.csr_array(([1e-300], ([n - 1], [n - 2])), shape=(n, n))
        slow = structured_index(SparseArm(arm.passive + nudge, arm.active, arm.rewards), beta)
        assert (quick.structure, slow.structure) == ("threshold", "banded")
        assert (np.abs(quick.values - slow.values) <= quick.error + slow.error).all()


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_reward_scale_only_scales(scale):
    for arm in (ages(50, 0.7), queue(50)):
        one = structured_index(arm, 0.95)
        other = structured_index(SparseArm(arm.passive, arm.active, arm.rewards * scale), 0.95)
        np.testing.assert_allclose(other.values, one.values * scale, rtol=0, atol=1e-13 * np.abs(one.values).max() * scale)
        assert other.code == one.code


@pytest.mark.parametrize(
    ("arm", "oracle"),
    [
        (ages(2000, 0.6), {"returns_to": 0}),
        (repair(2000), {"returns_to": 0}),
        (queue(2000), {}),
        (random_chain(np.random.default_rng(3), 2000, 2, 1, returns=False), {"width": 2}),
    ],
    ids=["ages", "repair", "queue", "random"],
)
def test_long_chain_meets_policy_iteration(arm, oracle):
    found = structured_index(arm, 0.95)
    assert found.code in (*INDEXABLE, NOT_INDEXABLE)
    if found.code in INDEXABLE:
        check_signs(arm, 0.95, found, np.random.default_rng(0).choice(arm.n_states, 12, replace=False), **oracle)
    else:
        state, low, high = found.witness
        finder = BandedOracle(arm, 0.95, **oracle)
        assert finder.advantage(low)[state] < 0 < finder.advantage(high)[state]


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.95, 0.999])
@pytest.mark.parametrize("arm", [ages(10_000, 0.6), repair(10_000), queue(10_000)], ids=repr)
def test_ten_thousand_states_meet_policy_iteration(arm, beta):
    oracle = {} if arm.passive[1, 0] else {"returns_to": 0}
    found = structured_index(arm, beta)
    assert found.code in INDEXABLE
    check_signs(arm, beta, found, np.random.default_rng(0).choice(arm.n_states, 12, replace=False), **oracle)


def test_saturated_states_leave_together():
    # far from empty, the discounted index of a queue with linear cost is one number up to rounding
    found = structured_index(queue(3000), 0.9)
    assert found.code == STRONG
    assert np.ptp(found.values[500:2500]) <= 2 * found.error.max()


def test_a_long_birth_death_chain_has_a_number_or_a_named_verdict():
    for n in (40, 400, 4000):
        found = structured_index(queue(n), 1.0)
        assert not np.isnan(found.values).any()
        assert found.code in (STRONG, UNDECIDED, IRREGULAR)
        if n == 40:
            near = structured_index(queue(n), 1 - 1e-9)
            assert found.code == STRONG
            np.testing.assert_allclose(found.values, near.values, atol=1e-6)


def test_two_closed_classes_under_the_average_criterion():
    up, down = (np.where(np.arange(20) == wall, 0.0, 0.4) for wall in (9, 10))
    apart, gain = chain(20, {1: up, -1: down}, 0.0), np.stack([np.arange(20.0)] * 2)
    # acting never leads from one class to the other: the limit of vanishing discount is well defined
    arm = SparseArm(apart, chain(20, {1: up, -1: down / 2}, 0.0), gain)
    limit, near = structured_index(arm, 1.0), structured_index(arm, 1 - 1e-9)
    assert limit.code in INDEXABLE
    np.testing.assert_allclose(limit.values, near.values, atol=1e-6)
    # here it does, and an index grows without bound
    assert structured_index(SparseArm(apart, chain(20, {1: 0.3, -1: 0.3}, 0.0), gain), 1.0).code == UNDECIDED


def test_actions_that_move_alike_differ_by_their_rewards():
    still = chain(20, {}, 0.0)
    arm = SparseArm(still, still, np.stack([np.arange(20.0), np.arange(20.0) ** 2]))
    for beta in (0.9, 1.0):
        found = structured_index(arm, beta)
        assert (np.abs(found.values - (arm.rewards[1] - arm.rewards[0])) <= found.error).all()


def test_arms_without_structure_are_left_to_others():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(40), (2, 40))
    assert structured_index(SparseArm(p[0], p[1], np.zeros((2, 40))), 0.9) is None
    assert detect(p[0], p[1]) is None
    with pytest.raises(ModelError, match="discount must lie in"):
        structured_index(ages(20, 0.5), 1.5)


def test_an_arm_too_long_for_the_banded_path_is_left_alone():
    assert structured_index(queue(60_000), 0.9) is None


def test_detection():
    assert detect(*(p.toarray() for p in (queue(30).passive, queue(30).active))) == Structure("banded", 1, 1)
    assert detect(*(p.toarray() for p in (repair(30).passive, repair(30).active))) == Structure("banded", 0, 1, 0)
    rng = np.random.default_rng(0)
    dense, jumps = rng.dirichlet(np.ones(30), 30), np.eye(30)[rng.integers(0, 30, 30)]
    assert detect(jumps, dense) == Structure("functional")
    assert detect(dense, np.tile(dense[0], (30, 1))) == Structure("restart")


def pinned(p0, p1, beta, pin):
    """The definition: the pin's column of ``I - beta P0`` is ones, of ``P1 - P0`` zeros."""
    system, change = np.eye(len(p0)) - beta * p0, beta * (p1 - p0)
    system[:, pin], change[:, pin] = 1.0, 0.0
    return np.linalg.solve(system.T, change.T).T


def reached_cycle(follower, start):
    state = start
    for _ in follower:
        state = follower[state]
    return state


@pytest.mark.parametrize("seed", range(30))
def test_functional_setup(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    follower = rng.integers(0, n, n)
    p0, p1, beta = np.eye(n)[follower], rng.dirichlet(np.ones(n), n), float(rng.choice([0.3, 0.9, 0.999]))
    plain = beta * (p1 - p0) @ np.linalg.inv(np.eye(n) - beta * p0)
    np.testing.assert_allclose(functional_setup(p0, p1, beta), plain, atol=1e-10)
    pin = int(rng.integers(n))
    np.testing.assert_allclose(functional_setup(p0, p1, beta, pin), pinned(p0, p1, beta, pin), atol=1e-10)
    ends = {reached_cycle(follower, s) for s in range(n)}
    pin = int(reached_cycle(follower, 0))
    loop, state = {pin}, follower[pin]
    while state != pin:
        loop.add(int(state))
        state = follower[state]
    if ends <= loop:
        np.testing.assert_allclose(functional_setup(p0, p1, 1.0, pin), pinned(p0, p1, 1.0, pin), atol=1e-10)
    else:
        with pytest.raises(ModelError, match="without discount"):
            functional_setup(p0, p1, 1.0, pin)


@pytest.mark.parametrize("beta", [0.3, 0.9, 1.0])
def test_restart_setup(beta):
    rng = np.random.default_rng(5)
    p0, p1 = rng.dirichlet(np.ones(12), 12), np.tile(rng.dirichlet(np.ones(12)), (12, 1))
    setup = restart_setup(p0, p1, beta)
    if beta < 1:
        np.testing.assert_allclose(setup, beta * (p0 - p1) @ np.linalg.inv(np.eye(12) - beta * p1), atol=1e-12)
    reference = pinned(p1, p0, beta, 4)
    np.testing.assert_allclose(setup, reference, atol=1e-12)
    for wrong, match in ((restart_setup, "active rows differ"), (functional_setup, "several entries")):
        with pytest.raises(ModelError, match=match):
            wrong(p0, p0, 0.9)


def test_dense_arms_meet_their_sparse_form():
    dense = queue(30).dense()
    assert isinstance(dense, Arms)
    one, other = structured_index(SparseArm.from_arms(dense), 0.95), structured_index(queue(30), 0.95)
    np.testing.assert_array_equal(one.values, other.values)


def test_an_undecided_sparse_arm_has_infinite_errors():
    n = 3000
    up, down = np.full(n - 1, 0.3), {0: 0.1, 1: 0.5}
    chains = []
    for action in (0, 1):
        moves = scipy.sparse.diags_array([up, np.full(n - 1, down[action])], offsets=[1, -1], shape=(n, n)).tocsr()
        chains.append(moves + scipy.sparse.diags_array(1 - np.asarray(moves.sum(axis=1)).ravel()))
    table = whittle_index(SparseArm(*chains, -np.arange(float(n)) * np.ones((2, 1))), Average())
    assert table.verdict[0] == "undecided"
    assert np.isinf(table.error).all()
