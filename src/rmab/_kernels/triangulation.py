"""A walk through a triangulation of beliefs, and the weights of the corners of the simplex that it ends in.

1. The weights w of a simplex with corners p solve ``sum_i w_i p_i = belief``; elimination with row exchanges keeps the mean to
   rounding even in a sliver. All of them from 0 on: the belief is inside.
2. Otherwise leave through the side with the most negative weight. In a Delaunay triangulation such a walk cannot run in a
   circle. A simplex without volume has weights whose common sign is left to rounding; it is set right by the side that was
   entered by.
3. At the end, corners of negative weight are left out, one at a time, and the others weighed again.
4. A walk that gets stuck, which takes flat simplices, is started again from the nearest belief; after that all simplices of the
   mode are tried. They cover the whole simplex, so the best of them misses the belief by no more than rounding.

A *mesh* is (points, corners, beside, first, home, forest): the beliefs (n, S); corners of each simplex (M, S) and the simplex
across from each of them (M, S), or -1 at the border; the first simplex of each mode (Y + 1,); a simplex at each point (n,); and
the forest of :mod:`rmab._kernels.nearest_belief`. Simplices of a mode have their corners in that mode.

Reference: O. Devillers, S. Pion, M. Teillaud, "Walking in a triangulation", Int. J. Foundations of Computer Science 13 (2002).
Cost: S**3 / 3 per simplex on the walk, of which there are two or three from the last one or from the nearest belief.
"""

import numpy as np
from numba import njit

from rmab._kernels.nearest_belief import DEEPEST, LEAF, k_nearest

INSIDE = -1e-13  # the weight down to which a walk takes a belief to be inside a simplex
EXACT = 1e-12  # how far the mean of a lottery may be from the belief before all simplices are tried
LONGEST = 100  # simplices on a walk before it is started again from the nearest belief
FLAT = 1e-30  # what stands for a pivot of 0


@njit(nogil=True, cache=True)
def locate(belief, mode, simplex, mesh, weights, work):
    """The simplex of ``mode`` that a belief lies in, or -1 if the mode has none; its weights go into ``weights`` (S,).

    The walk begins at ``simplex``; -1 or one of another mode begins at the nearest belief. ``work`` (S, S + 1) is room.
    """
    points, corners, beside, first, home, forest = mesh
    if first[mode] == first[mode + 1]:
        return -1
    found = -1
    if first[mode] <= simplex < first[mode + 1]:
        found = _walk(belief, simplex, points, corners, beside, weights, work)
    if found < 0:
        ids, squares = np.empty(1, dtype=np.int64), np.empty(1)
        k_nearest(belief, mode, forest, ids, squares, (np.empty((DEEPEST, 2)), np.empty(LEAF)))
        found = _walk(belief, home[ids[0]], points, corners, beside, weights, work)
    if found < 0:
        found = _scan(belief, first[mode], first[mode + 1], points, corners, weights, work)
    return found


@njit(nogil=True, cache=True)
def _walk(belief, simplex, points, corners, beside, weights, work):
    """The simplex in which the walk ends, or -1 if no lottery there has the belief as its mean."""
    n = len(weights)
    every = np.arange(n)
    came_from = -1
    for _ in range(LONGEST):
        _weigh(belief, corners[simplex], points, every, weights, work)
        worst, side = 0, -1
        for i in range(n):
            worst = i if weights[i] < weights[worst] else worst
            side = i if came_from >= 0 and beside[simplex, i] == came_from else side
        if weights[worst] >= 0.0:
            return simplex
        if weights[worst] < INSIDE:
            sign = -1.0 if side >= 0 and weights[side] < 0.0 else 1.0
            worst = -1
            for i in range(n):
                if sign * weights[i] < INSIDE and beside[simplex, i] >= 0:
                    worst = i if worst < 0 or sign * weights[i] < sign * weights[worst] else worst
            if worst >= 0:
                came_from, simplex = simplex, beside[simplex, worst]
                continue
        return simplex if _settle(belief, corners[simplex], points, weights, work) <= EXACT else -1
    return -1


@njit(nogil=True, cache=True)
def _scan(belief, begin, end, points, corners, weights, work):
    """The simplex with the lottery whose mean is nearest to the belief."""
    best, chosen = np.inf, begin
    for simplex in range(begin, end):
        missed = _settle(belief, corners[simplex], points, weights, work)
        if missed < best:
            best, chosen = missed, simplex
            if best <= EXACT:
                return chosen
    _settle(belief, corners[chosen], points, weights, work)
    return chosen


@njit(nogil=True, cache=True)
def _settle(belief, corners, points, weights, work):
    """Leave out corners until no weight is negative; return the distance of the mean from the belief.

    In a sliver a belief that is outside by rounding has weights that are far below 0; cutting them off would move the mean.
    """
    n = len(weights)
    kept = np.arange(n)
    while True:
        _weigh(belief, corners, points, kept, weights, work)
        worst = 0
        for c in range(len(kept)):
            worst = c if weights[kept[c]] < weights[kept[worst]] else worst
        if weights[kept[worst]] >= 0.0 or len(kept) == 1:
            break
        for c in range(worst, len(kept) - 1):
            kept[c] = kept[c + 1]
        kept = kept[:-1]
    if len(kept) == 1:
        weights[kept[0]] = 1.0
    total = weights.sum()
    weights /= total
    missed = 0.0
    for s in range(n):
        off = -belief[s]
        for i in range(n):
            off += weights[i] * points[corners[i], s]
        missed = max(missed, abs(off))
    return missed


@njit(nogil=True, cache=True)
def _weigh(belief, corners, points, kept, weights, work):
    """Weights of the corners that are ``kept``, by Gaussian elimination with row exchanges; 0 for the others.

    With corners left out there are rows to spare, and those that are left over at the end are not used.
    """
    n, columns = len(belief), len(kept)
    for s in range(n):
        for c in range(columns):
            work[s, c] = points[corners[kept[c]], s]
        work[s, n] = belief[s]
    for c in range(columns):
        pivot = c
        for s in range(c + 1, n):
            if abs(work[s, c]) > abs(work[pivot, c]):
                pivot = s
        if pivot != c:
            for j in range(c, n + 1):
                work[c, j], work[pivot, j] = work[pivot, j], work[c, j]
        if abs(work[c, c]) < FLAT:
            work[c, c] = FLAT
        for s in range(c + 1, n):
            factor = work[s, c] / work[c, c]
            for j in range(c + 1, columns):
                work[s, j] -= factor * work[c, j]
            work[s, n] -= factor * work[c, n]
    weights[:] = 0.0
    for c in range(columns - 1, -1, -1):
        total = work[c, n]
        for j in range(c + 1, columns):
            total -= work[c, j] * weights[kept[j]]
        weights[kept[c]] = total / work[c, c]


@njit(nogil=True, cache=True)
def mesh_weights(beliefs, modes, mesh):
    """Corners (Q, S) and weights (Q, S) for many beliefs; a mode without simplices leaves corner -1."""
    corners = mesh[1]
    n_states = beliefs.shape[1]
    ids, weights = np.full((len(beliefs), n_states), -1, dtype=np.int64), np.zeros((len(beliefs), n_states))
    work = np.empty((n_states, n_states + 1))
    for q in range(len(beliefs)):
        simplex = locate(beliefs[q], modes[q], -1, mesh, weights[q], work)
        if simplex >= 0:
            ids[q] = corners[simplex]
    return ids, weights
