"""Freudenthal's triangulation of the simplex of beliefs: a regular lattice in which a look-up needs no search.

1. A belief b goes to ``x_s = M * (b_s + b_(s+1) + ... )``, so that ``M = x_0 >= x_1 >= ... >= 0``, for the resolution M.
2. Its simplex begins at the lattice point v of the whole parts; the fractions d, sorted from the largest, say by which
   coordinate v goes up next. Fractions d_1 >= d_2 >= ... give the corners the weights 1 - d_1, d_1 - d_2, ...
3. A lattice point v is the belief ``(v_s - v_(s+1)) / M``.

Points are numbered as they are touched, in an open hash table. A *lattice* is (keys, table, resolution): mode and v_1 to
v_(S-1) of each point (L, S), and the numbers of points (power of 2,), -1 where free.

Reference: W. S. Lovejoy, "Computationally feasible bounds for partially observed Markov decision processes", Operations
Research 39 (1991). Cost: a sort of S numbers per look-up, and S comparisons per corner.
"""

import numpy as np
from numba import njit

SNAP = 1e-11  # distance in lattice steps below which a belief is on the lattice


@njit(nogil=True, cache=True)
def _corners(belief, mode, resolution, key, fraction, order):
    """Write mode and whole parts into ``key`` (S,), ``fraction`` (S - 1,), and their ``order`` (S - 1,), largest first.

    Equal fractions stay in the order of their coordinates, without which a corner would not be a lattice point.
    """
    n_states = len(belief)
    key[0] = mode
    total = 0.0
    for s in range(n_states - 1, 0, -1):
        total = min(total + belief[s] * resolution, resolution)
        whole = np.round(total)
        if abs(total - whole) > SNAP:
            whole = np.floor(total)
            fraction[s - 1] = total - whole
        else:
            fraction[s - 1] = 0.0
        key[s] = np.int64(whole)
    for c in range(n_states - 1):
        place = c
        while place > 0 and fraction[c] > fraction[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = c


@njit(nogil=True, cache=True)
def find_point(key, keys, table):
    """Place in the table of the point with this key, or of the free place where it belongs."""
    h = np.uint64(1469598103934665603)
    for value in key:
        h = (h ^ np.uint64(value)) * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(29)
    mask = len(table) - 1
    place = np.int64(h & np.uint64(mask))
    while table[place] >= 0 and not _same(keys[table[place]], key):
        place = (place + 1) & mask
    return place


@njit(nogil=True, cache=True)
def _same(one, other):
    for i in range(len(one)):  # noqa: SIM110
        if one[i] != other[i]:
            return False
    return True


@njit(nogil=True, cache=True)
def rehash(keys, count, table):
    """Fill an empty ``table`` with the first ``count`` keys."""
    table[:] = -1
    for i in range(count):
        table[find_point(keys[i], keys, table)] = i


@njit(nogil=True, cache=True)
def touch(beliefs, modes, begin, resolution, keys, table, count):
    """Add the lattice points that beliefs from ``begin`` on need; return the belief to go on with and the number of points.

    Stops before ``keys`` is full.
    """
    n_states = beliefs.shape[1]
    key, order, fraction = np.empty(n_states, dtype=np.int64), np.empty(n_states - 1, dtype=np.int64), np.empty(n_states - 1)
    for q in range(begin, len(beliefs)):
        if count + n_states > len(keys):
            return q, count
        _corners(beliefs[q], modes[q], resolution, key, fraction, order)
        before = 1.0
        for c in range(n_states):
            after = fraction[order[c]] if c < n_states - 1 else 0.0
            if before > after:
                place = find_point(key, keys, table)
                if table[place] < 0:
                    table[place] = count
                    keys[count] = key
                    count += 1
            if c < n_states - 1:
                key[order[c] + 1] += 1
            before = after
    return len(beliefs), count


@njit(nogil=True, cache=True)
def lattice_weights(beliefs, modes, lattice):
    """Lattice points (Q, S), -1 where not touched, and weights (Q, S); corners of weight 0 repeat the first one needed."""
    keys, table, resolution = lattice
    n_states = beliefs.shape[1]
    ids, weights = np.empty((len(beliefs), n_states), dtype=np.int64), np.zeros((len(beliefs), n_states))
    key, order, fraction = np.empty(n_states, dtype=np.int64), np.empty(n_states - 1, dtype=np.int64), np.empty(n_states - 1)
    for q in range(len(beliefs)):
        _corners(beliefs[q], modes[q], resolution, key, fraction, order)
        before, first = 1.0, -2
        for c in range(n_states):
            after = fraction[order[c]] if c < n_states - 1 else 0.0
            if before > after:
                ids[q, c] = table[find_point(key, keys, table)]
                weights[q, c] = before - after
                first = ids[q, c] if first == -2 else first
            else:
                ids[q, c] = -2
            if c < n_states - 1:
                key[order[c] + 1] += 1
            before = after
        for c in range(n_states):
            if ids[q, c] == -2:
                ids[q, c] = first
    return ids, weights


@njit(nogil=True, cache=True)
def point_beliefs(keys, resolution):
    """Beliefs (L, S) of lattice points."""
    n_states = keys.shape[1]
    beliefs = np.empty((len(keys), n_states))
    for i in range(len(keys)):
        above = resolution
        for s in range(1, n_states):
            beliefs[i, s - 1] = (above - keys[i, s]) / resolution
            above = keys[i, s]
        beliefs[i, n_states - 1] = above / resolution
    return beliefs
