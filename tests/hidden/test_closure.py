"""Closures against scipy and brute force: rows that sum to 1, means that are kept, values that are bounds."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.closure import Closure, close

CLOSURES = list(Closure)


def random_arm(n_states, seed, n_signals=3):
    rng = np.random.default_rng(seed)
    moves = 0.5 * np.eye(n_states) + 0.5 * rng.dirichlet(np.ones(n_states), (2, n_states))
    signals = np.zeros((2, n_states, n_signals))
    signals[0, :, 0] = 1.0
    signals[1] = rng.dirichlet(np.ones(n_signals), n_states)
    return HiddenArms(moves, rng.random((2, n_states)), signals)


def informative_arm(n_states):
    """Slow states, a good signal, and a reward for acting that is worth it in some states only."""
    moves = 0.8 * np.eye(n_states) + 0.2 * np.random.default_rng(n_states).dirichlet(np.ones(n_states), n_states)
    seen = 0.7 * np.eye(n_states) + 0.3 / n_states
    blind = np.eye(n_states)[np.zeros(n_states, dtype=int)]
    return HiddenArms([moves, moves], [np.zeros(n_states), np.linspace(-1, 1, n_states)], [blind, seen])


def availability_arm(n_states, seed):
    """Two modes, of which the arm may be acted on in the second only; the mode moves on its own."""
    arm = random_arm(n_states, seed)
    chain = np.array([[0.3, 0.7], [0.4, 0.6]])
    kernel = chain[np.newaxis, :, :, np.newaxis, np.newaxis, np.newaxis] * arm.kernel
    return HiddenArms.from_kernel(kernel, np.repeat(arm.rewards, 2, axis=1), allowed=[[True, False], [True, True]])


def zeros(n):
    return np.zeros(n, dtype=np.int64)


def grown(arm, depth=3, merge=0.05, modes=None):
    start = np.full(arm.n_states, 1.0 / arm.n_states)
    space = arm.reachable(start, depth=depth, merge=merge, closure="nearest", modes=modes)
    return np.array(space.beliefs), np.array(space.modes)


def rows(closed, action):
    m = len(closed.nodes)
    return csr_array((closed.data[action], closed.indices[action], closed.indptr[action]), shape=(m, m))


def oracle_rows(arm, closed, action):
    """Row by row from the definition, with the look-up for each successor alone."""
    m = len(closed.nodes)
    out = np.zeros((m, m))
    for i, (b, y) in enumerate(zip(closed.nodes, closed.node_modes, strict=True)):
        for y2, z in itertools.product(range(arm.n_modes), range(arm.n_signals)):
            v = b @ arm.kernel[action, y, y2, z]
            if v.sum() > 1e-14:
                ids, weights = closed.lookup.weights(v[np.newaxis] / v.sum(), np.array([y2]))
                np.add.at(out[i], ids[0], v.sum() * weights[0])
    return out / out.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize("n_states", [1, 2, 3, 4])
def test_rows_are_those_of_the_definition(closure, n_states):
    arm = random_arm(n_states, seed=n_states)
    closed = close(arm, *grown(arm), closure, 0.2)
    for action in range(2):
        got = rows(closed, action)
        assert_allclose(got.sum(axis=1), 1.0, atol=1e-14)
        assert_allclose(got.toarray(), oracle_rows(arm, closed, action), atol=1e-13)
        assert_allclose(closed.rewards[action], closed.nodes @ arm.rewards[action, 0], atol=1e-14)
        assert (np.diff(got.indices)[np.diff(np.repeat(np.arange(len(closed.nodes)), np.diff(got.indptr))) == 0] > 0).all()


@pytest.mark.parametrize("closure", CLOSURES)
def test_modes_keep_to_themselves(closure):
    arm = availability_arm(3, seed=4)
    beliefs, modes = grown(arm, merge=0.1)
    assert set(modes) == {0, 1}
    closed = close(arm, beliefs, modes, closure, 0.2)
    assert_array_equal(closed.nodes[: len(beliefs)], beliefs)
    for action in range(2):
        assert_allclose(rows(closed, action).toarray(), oracle_rows(arm, closed, action), atol=1e-13)
        to_second = rows(closed, action) @ (closed.node_modes == 1).astype(float)
        assert_allclose(to_second, np.where(closed.node_modes == 0, 0.7, 0.6), atol=1e-12)


@pytest.mark.parametrize("closure", ["linear", "freudenthal"])
def test_modes_without_beliefs_get_nodes(closure):
    arm = availability_arm(3, seed=4)
    closed = close(arm, np.full((1, 3), 1 / 3), zeros(1), closure, 0.2)
    assert set(closed.node_modes) == {0, 1}
    assert_allclose(rows(closed, 0).toarray(), oracle_rows(arm, closed, 0), atol=1e-13)


def test_nearest_without_a_node_of_a_mode_names_it():
    arm = availability_arm(3, seed=4)
    with pytest.raises(ModelError, match="mode 1, of which there is no node"):
        close(arm, np.full((1, 3), 1 / 3), zeros(1), "nearest", 0.2)


def test_modes_that_cannot_occur_get_no_corners():
    arm = random_arm(3, seed=1)
    kernel = np.zeros((2, 3, 3, 3, 3, 3))
    for y, y2 in ((0, 1), (1, 0), (2, 0)):
        kernel[:, y, y2] = arm.kernel[:, 0, 0]
    three = HiddenArms.from_kernel(kernel, np.repeat(arm.rewards, 3, axis=1))
    closed = close(three, np.full((1, 3), 1 / 3), zeros(1), "linear", 0.2)
    assert set(closed.node_modes) == {0, 1}


@pytest.mark.parametrize("closure", ["linear", "freudenthal"])
@pytest.mark.parametrize("n_states", [1, 2, 3, 4])
def test_means_are_kept(closure, n_states):
    arm = random_arm(n_states, seed=10 + n_states)
    closed = close(arm, *grown(arm), closure, 0.25)
    queries = closed.nodes if closure == "freudenthal" else np.random.default_rng(0).dirichlet(np.full(n_states, 0.5), 500)
    ids, weights = closed.lookup.weights(queries, zeros(len(queries)))
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1.0, atol=1e-14)
    assert_allclose((closed.nodes[ids] * weights[:, :, np.newaxis]).sum(axis=1), queries, atol=2e-12)


@pytest.mark.parametrize("n_states", [5, 6, 9])
@pytest.mark.parametrize("closure", ["nearest", "freudenthal"])
def test_many_states(closure, n_states):
    arm = random_arm(n_states, seed=n_states)
    beliefs, modes = grown(arm, depth=2, merge=0.1)
    closed = close(arm, beliefs, modes, closure, 0.34)
    for action in range(2):
        got = rows(closed, action)
        assert_allclose(got.sum(axis=1), 1.0, atol=1e-14)
        if closure == "freudenthal":
            moved = np.einsum("ns,st->nt", closed.nodes, arm.kernel[action].sum(axis=(0, 1, 2)))
            assert_allclose(got @ closed.nodes, moved, atol=1e-10)
    assert_array_equal(closed.nodes[: len(beliefs)], beliefs)


def test_linear_in_nine_states_with_few_nodes():
    arm = random_arm(9, seed=2, n_signals=2)
    closed = close(arm, np.full((1, 9), 1 / 9), zeros(1), "linear", 0.1)
    assert len(closed.nodes) == 10
    for action in range(2):
        moved = closed.nodes @ arm.kernel[action, 0, 0].sum(axis=0)
        assert_allclose(rows(closed, action) @ closed.nodes, moved, atol=1e-12)


@pytest.mark.parametrize("size", [40, 700])
def test_nearest_is_scipys_and_breaks_ties_downwards(size):
    rng = np.random.default_rng(size)
    points = rng.dirichlet(np.ones(4), size)
    points = np.concatenate([points, points[:5], np.eye(4)])
    closed = close(random_arm(4, seed=3), points, zeros(len(points)), "nearest", 0.1)
    queries = np.concatenate([rng.dirichlet(np.full(4, 0.3), 400), points, (points[:20] + points[20:40]) / 2])
    got = closed.lookup.nearest(queries, zeros(len(queries)))
    distance, _ = cKDTree(points).query(queries)
    assert_allclose(np.linalg.norm(points[got] - queries, axis=1), distance, atol=1e-15)
    square = np.zeros((len(queries), len(points)))
    for s in range(4):
        square += (queries[:, [s]] - points[:, s]) ** 2
    assert_array_equal(got, square.argmin(axis=1))


def value(closed, charge, discount=0.9, periods=250):
    """Optimal discounted value with a charge per activation, by value iteration from an upper bound."""
    moves = [rows(closed, a) for a in range(2)]
    now = np.full(len(closed.nodes), closed.rewards.max() / (1 - discount))
    for _ in range(periods):
        now = np.maximum(*(closed.rewards[a] - charge * a + discount * (moves[a] @ now) for a in range(2)))
    return now


BOUNDS = [(2, "linear"), (3, "linear"), (4, "linear"), (2, "freudenthal"), (3, "freudenthal")]


@pytest.mark.parametrize(("n_states", "closure"), BOUNDS)
@pytest.mark.parametrize("charge", [-0.1, 0.1])
def test_coarse_values_are_upper_bounds(n_states, closure, charge):
    arm = informative_arm(n_states)
    coarse = close(arm, *grown(arm, depth=2, merge=0.2), closure, 0.34)

    def at_coarse_nodes(merge):
        fine = arm.reachable(coarse.nodes, depth=8, merge=merge, closure="linear")
        return fine.interpolate(value(fine, charge), coarse.nodes)

    merge = 0.01 if n_states < 4 else 0.03
    finer, finest = at_coarse_nodes(merge), at_coarse_nodes(merge / 2)
    still_to_come = np.abs(finer - finest).max()  # what halving the mesh changes; that shrinks faster than the mesh
    gap = value(coarse, charge) - finest
    assert gap.min() >= -still_to_come
    assert gap.max() > 5 * still_to_come


def test_refining_a_linear_mesh_on_a_segment_lowers_its_value():
    arm = informative_arm(2)
    grids = [np.stack([1 - x, x], axis=1) for x in (np.linspace(0, 1, n) for n in (5, 9, 17, 33))]
    values = [value(close(arm, grid, zeros(len(grid)), "linear", 0.1), 0.1) for grid in grids]
    for coarse, fine in itertools.pairwise(values):
        assert (coarse >= fine[::2] - 1e-12).all()
        assert coarse.sum() > fine[::2].sum()


def test_repeated_points_on_a_segment():
    points = np.array([[0.5, 0.5], [0.5, 0.5], [0.25, 0.75], [1.0, 0.0], [0.25, 0.75]])
    closed = close(random_arm(2, seed=1), points, zeros(5), "linear", 0.1)
    assert len(closed.nodes) == 6  # one corner was there
    ids, weights = closed.lookup.weights(np.array([[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]]), zeros(3))
    assert_allclose(
        (closed.nodes[ids] * weights[:, :, np.newaxis]).sum(axis=1), [[0.5, 0.5], [0.4, 0.6], [0.1, 0.9]], atol=1e-15
    )
    assert 1 not in ids[weights > 0] and 4 not in ids[weights > 0]


@pytest.mark.parametrize("n_states", [3, 4])
@pytest.mark.parametrize("where", ["edge", "face", "repeated", "nearly repeated", "lattice"])
def test_degenerate_sets(n_states, where):
    rng = np.random.default_rng(3)
    points = np.zeros((60, n_states))
    if where == "edge":
        points[:, :2] = rng.dirichlet([1, 1], 60)
    elif where == "face":
        points[:, :3] = rng.dirichlet([1, 1, 1], 60)
    elif where == "lattice":
        points = np.array([c for c in itertools.product(range(7), repeat=n_states) if sum(c) == 6]) / 6
    else:
        points[:30] = rng.dirichlet(np.ones(n_states), 30)
        points[30:] = points[:30] + (1e-11 * rng.normal(size=(30, n_states)) if where == "nearly repeated" else 0.0)
    closed = close(random_arm(n_states, seed=2), points, zeros(len(points)), "linear", 0.1)
    queries = np.concatenate([points, rng.dirichlet(np.full(n_states, 0.2), 300), (points + points[::-1]) / 2])
    ids, weights = closed.lookup.weights(queries, zeros(len(queries)))
    assert (weights >= 0).all()
    assert_allclose((closed.nodes[ids] * weights[:, :, np.newaxis]).sum(axis=1), queries, atol=2e-12)
    for action in range(2):
        moved = closed.nodes @ random_arm(n_states, seed=2).kernel[action, 0, 0].sum(axis=0)
        assert_allclose(rows(closed, action) @ closed.nodes, moved, atol=1e-11)


def test_values_do_not_depend_on_how_states_are_numbered():
    arm, order = random_arm(3, seed=8), np.array([2, 0, 1])
    turned = HiddenArms.from_kernel(arm.kernel[..., order, :][..., order], arm.rewards[..., order])
    beliefs, modes = grown(arm)
    one = value(close(arm, beliefs, modes, "linear", 0.1), 0.1)
    other = value(close(turned, np.ascontiguousarray(beliefs[:, order]), modes, "linear", 0.1), 0.1)
    assert_allclose(one[: len(beliefs)], other[: len(beliefs)], rtol=1e-9)


def test_signals_that_say_the_same_share_an_entry():
    arm = HiddenArms([np.eye(2)] * 2, np.zeros((2, 2)), [[[0.5, 0.5]] * 2] * 2)
    closed = close(arm, np.array([[0.3, 0.7]]), zeros(1), "nearest", 0.1)
    assert_array_equal(closed.data[1], [1.0])


def test_freudenthal_needs_a_spacing():
    with pytest.raises(ModelError, match="merge above 0"):
        close(random_arm(3, seed=1), np.eye(3), zeros(3), "freudenthal", 0.0)


def test_freudenthal_far_from_its_nodes_falls_back_on_the_nearest():
    arm = HiddenArms([np.eye(3)] * 2, np.zeros((2, 3)), [[[1.0]] * 3] * 2)  # the belief never moves
    closed = close(arm, np.array([[0.5, 0.25, 0.25]]), zeros(1), "freudenthal", 0.25)
    assert len(closed.nodes) == 1
    ids, weights = closed.lookup.weights(np.array([[0.0, 0.1, 0.9]]), zeros(1))
    assert_array_equal(ids[weights > 0], 0)
    assert_allclose(weights.sum(), 1.0)
