"""Interpolation on a regular lattice of beliefs, Freudenthal's triangulation.

The lattice has the resolution M = ceil(1 / merge). As between the nodes of a Delaunay triangulation, a belief is replaced by a
lottery that keeps its mean, so values are upper bounds; a look-up needs no geometry, for any number of states. Reachable
beliefs are few and thin in the simplex, so at the same number of nodes this is the coarser mesh.

1. Touch the lattice points around the given beliefs and around all that can follow them.
2. Do the same for the lattice points that were added, until none is added: only these become nodes.

Reference: W. S. Lovejoy, Operations Research 39 (1991). Cost: a sort of S numbers per look-up; the lattice has at most
C(M + S - 1, S - 1) points per mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.closure import successors
from rmab._kernels.freudenthal import lattice_weights, point_beliefs, rehash, touch
from rmab.errors import ModelError
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.lookup import Lookup

MOST_POINTS = 2_000_000


@dataclass(frozen=True, eq=False)
class FreudenthalLookup(Lookup):
    """Nodes of which some are lattice points.

    Attributes
    ----------
    lattice : tuple
        The arrays of :mod:`rmab._kernels.freudenthal`.
    node_of_point : ndarray of int, shape (L,)
        The node at each lattice point.
    """

    lattice: tuple[Any, ...]
    node_of_point: NDArray[np.int64]

    def weights(self, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The lattice points around each belief and their weights, shapes ``(Q, S)``.

        A belief far from those that were reached may lie between lattice points that are no nodes. The node nearest to it then
        takes their weight, and the mean is not kept.

        Raises
        ------
        ModelError
            If there is no node of a mode.
        """
        points, weights = lattice_weights(beliefs, modes, self.lattice)
        ids = self.node_of_point[points]
        off = (points < 0).any(axis=1)
        if off.any():
            nearest = self.nearest(beliefs[off], modes[off])
            ids[off] = np.where(points[off] < 0, nearest[:, np.newaxis], ids[off])
        return ids, weights


def touched_lattice(
    hidden: HiddenKernel, beliefs: NDArray[np.float64], modes: NDArray[np.int64], merge: float
) -> FreudenthalLookup:
    """The given beliefs and the lattice points that they and all that follows need, as nodes.

    Raises
    ------
    ModelError
        If ``merge`` is 0, or more than two million lattice points are needed.
    """
    if not merge > 0.0:
        raise ModelError("the freudenthal closure needs merge above 0: it is the spacing of the lattice")
    resolution = float(np.ceil(1.0 / merge - 1e-9))
    keys, table = _touched(hidden, beliefs, modes, resolution)
    node_of_point = np.full(len(keys), -1, dtype=np.int64)
    points, weights = lattice_weights(beliefs, modes, (keys, table, resolution))
    on_lattice = np.flatnonzero(weights.max(axis=1) >= 1.0)[::-1]  # of repeated beliefs the first is written last
    node_of_point[points[on_lattice, weights[on_lattice].argmax(axis=1)]] = on_lattice
    new = np.flatnonzero(node_of_point < 0)
    node_of_point[new] = len(beliefs) + np.arange(len(new))
    nodes = np.concatenate([beliefs, point_beliefs(keys[new], resolution)])
    node_modes = np.concatenate([modes, keys[new, 0]])
    return FreudenthalLookup(nodes, node_modes, hidden.n_modes, (keys, table, resolution), node_of_point)


def _touched(
    hidden: HiddenKernel, beliefs: NDArray[np.float64], modes: NDArray[np.int64], resolution: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys and table of the closed set of lattice points."""
    keys, table, count = _touch_all(beliefs, modes, resolution, _room(1024, hidden.n_states), np.full(4096, -1), 0)
    begin = 0
    while True:
        _, next_modes, _, after, _ = successors(hidden.kernel, hidden.rewards, beliefs, modes)
        keys, table, count = _touch_all(after, next_modes, resolution, keys, table, count)
        if begin == count:
            return keys[:count].copy(), table
        beliefs, modes = point_beliefs(keys[begin:count], resolution), keys[begin:count, 0].copy()
        begin = count


def _touch_all(
    beliefs: NDArray[np.float64],
    modes: NDArray[np.int64],
    resolution: float,
    keys: NDArray[np.int64],
    table: NDArray[np.int64],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Touch what the beliefs need, in more room when it gets short."""
    done = 0
    while True:
        done, count = touch(beliefs, modes, done, resolution, keys, table, count)
        if done == len(beliefs):
            return keys, table, count
        if count > MOST_POINTS:
            raise ModelError(
                f"the freudenthal closure needs more than {MOST_POINTS} lattice points at resolution {resolution:g}; "
                "use a larger merge or the nearest closure"
            )
        keys = np.concatenate([keys, _room(3 * len(keys), beliefs.shape[1])])
        table = np.empty(4 * len(table), dtype=np.int64)
        rehash(keys, count, table)


def _room(size: int, n_states: int) -> NDArray[np.int64]:
    return np.empty((size, n_states), dtype=np.int64)
