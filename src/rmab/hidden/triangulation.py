"""Linear interpolation between nodes on a Delaunay triangulation.

A belief is replaced by a lottery over the corners of the simplex of nodes that it lies in, with the belief as its mean. The
value of a hidden arm is convex in the belief, so a lottery with the same mean is worth at least as much: the closed arm is
worth at least what the hidden arm is, under every charge.

1. Each mode that can occur gets the S beliefs of certainty as nodes, unless it has them, so that every belief is within.
2. Two states: nodes in order. More: the triangulation of Qhull, in orthonormal coordinates of the simplex, so that it does not
   depend on how states are numbered.
3. A look-up walks from the nearest node (see :mod:`rmab._kernels.triangulation`).

Reference: M. Hauskrecht, "Value-function approximations for partially observable Markov decision processes", JAIR 13 (2000);
W. S. Lovejoy, Operations Research 39 (1991) for the bound. Cost: that of Qhull, whose simplices per node grow fast with S; then
a few linear systems of size S per belief.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.triangulation import mesh_weights
from rmab.hidden.lookup import Lookup, check_found

SAME = 1e-12  # distance within which a node is taken for a corner


@dataclass(frozen=True, eq=False)
class LinearLookup(Lookup):
    """Nodes and the triangulation of each mode; every mode with nodes has all S corners of the simplex among them."""

    @cached_property
    def mesh(self) -> tuple[Any, ...]:
        """The arrays that :func:`rmab._kernels.triangulation.locate` walks on."""
        corners, beside, sizes = [], [], np.zeros(self.n_modes + 1, dtype=np.int64)
        home = np.empty(len(self.points), dtype=np.int64)
        for y in range(self.n_modes):
            ids = np.flatnonzero(self.modes == y)
            if not len(ids):
                continue
            begin = int(sizes[: y + 1].sum())
            simplices, across, at_point = triangulate(self.points[ids])
            corners.append(ids[simplices])
            beside.append(np.where(across < 0, -1, across + begin))
            home[ids] = at_point + begin
            sizes[y + 1] = len(simplices)
        return self.points, np.concatenate(corners), np.concatenate(beside), np.cumsum(sizes), home, self.forest

    def weights(self, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The corners of the simplex that each belief lies in and their weights, shapes ``(Q, S)``.

        Raises
        ------
        ModelError
            If there is no node of a mode.

        Examples
        --------
        >>> lookup = LinearLookup(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), np.zeros(3, dtype=np.int64), 1)
        >>> ids, weights = lookup.weights(np.array([[0.6, 0.4]]), np.zeros(1, dtype=np.int64))
        >>> ids, weights.round(12)
        (array([[0, 1]]), array([[0.2, 0.8]]))
        """
        ids, weights = mesh_weights(beliefs, modes, self.mesh)
        check_found(ids[:, 0], modes)
        return ids, weights


def triangulate(points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Simplices of beliefs ``(n, S)`` of one mode, the corners of the simplex of beliefs among them.

    Returns
    -------
    corners : ndarray of int, shape (M, S)
        The points of each simplex.
    beside : ndarray of int, shape (M, S)
        The simplex across from each of them, or -1 at the border.
    home : ndarray of int, shape (n,)
        A simplex at each point.

    Examples
    --------
    >>> triangulate(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))[0]
    array([[0, 2],
           [2, 1]])
    """
    n_states = points.shape[1]
    if n_states <= 2:
        return _segments(points[:, -1])
    from scipy.spatial import Delaunay

    mesh = Delaunay(points @ _plane(n_states).T, qhull_options="Qbb Qc Qz")
    home = mesh.vertex_to_simplex.astype(np.int64)
    home[mesh.coplanar[:, 0]] = mesh.coplanar[:, 1]
    return mesh.simplices.astype(np.int64), mesh.neighbors.astype(np.int64), np.maximum(home, 0)


def missing_corners(
    points: NDArray[np.float64], modes: NDArray[np.int64], reached: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The corners of the simplex that are not among ``points`` (n, S), for each of the modes ``reached``, and their modes."""
    n_states = points.shape[1]
    sure, state = np.nonzero(points >= 1.0 - SAME)
    there = set(zip(modes[sure].tolist(), state.tolist(), strict=True))
    added = [(y, s) for y in reached.tolist() for s in range(n_states) if (y, s) not in there]
    return np.eye(n_states)[[s for _, s in added]], np.array([y for y, _ in added], dtype=np.int64)


def _segments(place: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The segments between neighbouring places ``(n,)`` on a line; a single place makes one point."""
    distinct, first, inverse = np.unique(place, return_index=True, return_inverse=True)
    if len(distinct) == 1:
        return np.zeros((1, 1), dtype=np.int64), np.full((1, 1), -1, dtype=np.int64), np.zeros(len(place), dtype=np.int64)
    segment = np.arange(len(distinct) - 1)
    above = np.where(segment + 1 < len(segment), segment + 1, -1)
    corners = np.stack([first[:-1], first[1:]], axis=1).astype(np.int64)
    return corners, np.stack([above, segment - 1], axis=1), np.minimum(inverse, len(segment) - 1).astype(np.int64)


def _plane(n_states: int) -> NDArray[np.float64]:
    """Orthonormal directions of the simplex (Helmert's), shape ``(S - 1, S)``."""
    rows = np.tril(np.ones((n_states - 1, n_states))) - np.diag(np.arange(1.0, n_states), k=1)[:-1]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
