"""Look-ups along the path of a belief: greedy descent against brute force, the walk against scipy's search."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import cKDTree

from rmab._kernels.nearest_belief import track
from rmab._kernels.triangulation import locate
from rmab.hidden.arms import HiddenArms
from rmab.hidden.closure import close
from rmab.hidden.lookup import NearestLookup
from rmab.hidden.triangulation import LinearLookup, triangulate


def sticky_arm(n_states, seed):
    rng = np.random.default_rng(seed)
    moves = 0.6 * np.eye(n_states) + 0.4 * rng.dirichlet(np.ones(n_states), n_states)
    seen = 0.8 * np.eye(n_states) + 0.2 * rng.dirichlet(np.ones(n_states), n_states)
    blind = np.eye(n_states)[np.zeros(n_states, dtype=int)]
    return HiddenArms([moves, moves], np.zeros((2, n_states)), [blind, seen])


def paths(arm, count, periods, seed):
    """Beliefs (T, N, S) of arms that are acted on in three periods of ten, and what happened (T, N): action and signal."""
    rng = np.random.default_rng(seed)
    beliefs = np.repeat(arm.stationary()[np.newaxis], count, axis=0)
    seen, happened = [], []
    for _ in range(periods):
        actions = (rng.random(count) < 0.3).astype(np.int64)
        law = np.einsum("ns,nzst->nz", beliefs, arm.kernel[actions, 0, 0]).cumsum(axis=1)
        signals = (rng.random((count, 1)) > law / law[:, -1:]).sum(axis=1)
        beliefs = arm.filter_many(beliefs, actions, signals)
        seen.append(beliefs)
        happened.append(actions * arm.n_signals + signals)
    return np.array(seen), np.array(happened)


@numba.njit
def tracked(beliefs, happened, follows, start, points, graph):
    found = np.empty(happened.shape, dtype=np.int64)
    for i in range(happened.shape[1]):
        node = start
        for t in range(happened.shape[0]):
            node = track(beliefs[t, i], follows[happened[t, i], node], points, graph)
            found[t, i] = node
    return found


@numba.njit
def walked(beliefs, mesh, values):
    periods, count, n_states = beliefs.shape
    found = np.empty((periods, count))
    weights, work = np.empty(n_states), np.empty((n_states, n_states + 1))
    for i in range(count):
        simplex = -1
        for t in range(periods):
            simplex = locate(beliefs[t, i], 0, simplex, mesh, weights, work)
            found[t, i] = (values[mesh[1][simplex]] * weights).sum()
    return found


def zeros(n):
    return np.zeros(n, dtype=np.int64)


@pytest.mark.parametrize(("n_states", "merge"), [(2, 0.01), (3, 0.01), (4, 0.03), (6, 0.08)])
def test_tracking_from_where_the_node_went_finds_the_nearest(n_states, merge):
    arm = sticky_arm(n_states, seed=n_states)
    points = arm.reachable(arm.stationary(), depth=12, merge=merge, closure="nearest").beliefs
    lookup = NearestLookup(points, zeros(len(points)), 1)
    beliefs, happened = paths(arm, count=300, periods=30, seed=1)
    operators = arm.kernel[:, 0, 0].reshape(-1, n_states, n_states)
    moved = points @ operators
    chance = moved.sum(axis=2, keepdims=True)
    moved = np.where(chance > 1e-14, moved / np.maximum(chance, 1e-14), 1.0 / n_states)
    follows = np.array([lookup.nearest(rows, zeros(len(rows))) for rows in moved])
    got = tracked(beliefs, happened, follows, 0, lookup.points, lookup.neighbours())
    every = beliefs.reshape(-1, n_states)
    exact = lookup.nearest(every, zeros(len(every)))
    assert (got.ravel() == exact).mean() > 0.97
    miss = np.linalg.norm(every - points[got.ravel()], axis=1) - np.linalg.norm(every - points[exact], axis=1)
    assert miss.mean() < 0.01 * merge


def test_neighbours_are_scipys_within_a_mode():
    rng = np.random.default_rng(2)
    points, modes = rng.dirichlet(np.ones(4), 500), rng.integers(0, 3, 500)
    graph = NearestLookup(points, modes, 3).neighbours(count=7)
    for y in range(3):
        ids = np.flatnonzero(modes == y)
        _, near = cKDTree(points[ids]).query(points[ids], k=8)
        assert_array_equal(graph[ids], ids[near[:, 1:]])


def test_neighbours_are_padded_with_the_node():
    points, modes = np.array([[1.0, 0.0], [0.4, 0.6], [0.0, 1.0]]), np.array([0, 0, 1])
    assert_array_equal(NearestLookup(points, modes, 2).neighbours(count=3), [[1, 0, 0], [0, 1, 1], [2, 2, 2]])


def test_repeated_points_are_each_others_neighbours_but_not_their_own():
    graph = NearestLookup(np.full((40, 2), 0.5), zeros(40), 1).neighbours(count=5)
    assert (graph != np.arange(40)[:, np.newaxis]).all()


@pytest.mark.parametrize(("n_states", "merge"), [(3, 0.02), (4, 0.05)])
def test_the_walk_interpolates_as_scipy_does(n_states, merge):
    arm = sticky_arm(n_states, seed=n_states)
    space = arm.reachable(arm.stationary(), depth=12, merge=merge, closure="linear")
    values = (space.nodes**2).sum(axis=1)
    beliefs, _ = paths(arm, count=200, periods=20, seed=3)
    got = walked(beliefs, space.lookup.mesh, values)
    assert_allclose(got, by_scipy(space.nodes, values, beliefs), atol=1e-12)


def by_scipy(nodes, values, beliefs):
    """Interpolation by find_simplex, on the same triangulation, in its own coordinates and with its own inverses."""
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import Delaunay

    n_states = nodes.shape[1]
    basis = np.linalg.svd(np.ones((1, n_states)))[2][1:]
    mesh = Delaunay(nodes @ basis.T, qhull_options="Qbb Qc Qz")
    return LinearNDInterpolator(mesh, values)(beliefs @ basis.T)


def test_two_states_interpolate_as_numpy_does():
    arm = sticky_arm(2, seed=5)
    space = arm.reachable(arm.stationary(), depth=12, merge=0.01, closure="linear")
    values = np.random.default_rng(0).random(len(space.nodes))
    beliefs, _ = paths(arm, count=100, periods=20, seed=3)
    order = np.argsort(space.nodes[:, 1])
    expected = np.interp(beliefs[:, :, 1], space.nodes[order, 1], values[order])
    assert_allclose(walked(beliefs, space.lookup.mesh, values), expected, atol=1e-12)


@pytest.mark.parametrize("n_states", [2, 3, 4])
def test_every_walk_ends_in_a_simplex_around_the_belief(n_states):
    rng = np.random.default_rng(n_states)
    points = np.concatenate([np.eye(n_states), rng.dirichlet(np.full(n_states, 0.4), 150)])
    lookup = LinearLookup(points, zeros(len(points)), 1)
    mesh, weights, work = lookup.mesh, np.empty(n_states), np.empty((n_states, n_states + 1))
    for belief in rng.dirichlet(np.ones(n_states), 200):
        for start in (-1, 0, len(mesh[1]) - 1, 10**6):
            simplex = locate(belief, 0, start, mesh, weights, work)
            assert (weights >= 0).all()
            assert_allclose(weights @ points[mesh[1][simplex]], belief, atol=2e-12)


def test_simplices_across_from_corners_share_the_other_corners():
    points = np.concatenate([np.eye(3), np.random.default_rng(0).dirichlet(np.ones(3), 40)])
    for chosen in (points, points[:, :2] / points[:, :2].sum(axis=1, keepdims=True).clip(1e-9)):
        distinct = np.unique(chosen.round(12), axis=0)
        corners, beside, home = triangulate(distinct[distinct.sum(axis=1) > 0.5])
        for simplex, across in enumerate(beside):
            for i, other in enumerate(across):
                if other >= 0:
                    assert set(np.delete(corners[simplex], i)) == set(corners[simplex]) & set(corners[other])
        assert all(i in corners[home[i]] for i in range(len(home)))


def test_modes_have_meshes_of_their_own():
    rng = np.random.default_rng(4)
    points = np.concatenate([np.eye(3), rng.dirichlet(np.ones(3), 20), np.eye(3), rng.dirichlet(np.ones(3), 30)])
    modes = np.repeat([0, 2], [23, 33])
    lookup = LinearLookup(points, modes, 3)
    queries = rng.dirichlet(np.ones(3), 100)
    for y in (0, 2):
        ids, weights = lookup.weights(queries, np.full(100, y))
        assert (modes[ids] == y).all()
        alone = LinearLookup(points[modes == y], zeros((modes == y).sum()), 1)
        inner, same = alone.weights(queries, zeros(100))
        assert_array_equal(np.flatnonzero(modes == y)[inner], ids)
        assert_array_equal(same, weights)


def test_forest_survives_repeated_points():
    points = np.repeat(np.random.default_rng(1).dirichlet(np.ones(3), 4), 200, axis=0)
    lookup = close(sticky_arm(3, seed=1), points, zeros(800), "nearest", 0.1).lookup
    assert_array_equal(lookup.nearest(points, zeros(800)), np.repeat(np.arange(0, 800, 200), 200))
