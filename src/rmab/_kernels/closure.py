"""Successors of the nodes of a belief space, and the transition rows that follow once a lookup has mapped them to nodes.

Row ``a * m + i`` belongs to node ``i`` under action ``a``. Its successors are one per next mode and signal that can follow,
with probabilities from the node's own belief. A lookup gives each successor some nodes and weights; a row adds up what lands on
the same node and is divided by its sum, which differs from 1 by rounding and by signals too unlikely to be followed.
Cost: S**2 per successor, and a sort by insertion within each row.
"""

import numpy as np
from numba import njit

from rmab._kernels.belief_tree import IMPOSSIBLE, move, possible


@njit(nogil=True, cache=True)
def successors(kernel, rewards, beliefs, modes):
    """Where nodes can go: ``pointer`` (A * m + 1,), next modes (Q,), probabilities (Q,), beliefs (Q, S); rewards (A, m).

    The successors of row r are ``pointer[r]`` to ``pointer[r + 1]``. ``kernel`` (A, Y, Y, Z, S, S) and ``rewards`` (A, Y, S)
    are those of the hidden arm, ``beliefs`` (m, S) and ``modes`` (m,) the nodes.
    """
    n_actions, n_modes, n_states = rewards.shape
    m = len(beliefs)
    moves = possible(kernel, np.ones((n_modes, n_actions), dtype=np.bool_))
    first = np.zeros(n_modes * n_actions + 1, dtype=np.int64)
    for a, y, _, _ in moves:
        first[y * n_actions + a + 1] += 1
    first = np.cumsum(first)
    room = 0
    for y in modes:
        room += first[(y + 1) * n_actions] - first[y * n_actions]
    pointer = np.empty(n_actions * m + 1, dtype=np.int64)
    next_modes, probability = np.empty(room, dtype=np.int64), np.empty(room)
    after, paid = np.empty((room, n_states)), np.empty((n_actions, m))
    pointer[0] = q = 0
    for a in range(n_actions):
        for i in range(m):
            y = modes[i]
            for o in range(first[y * n_actions + a], first[y * n_actions + a + 1]):
                total = move(beliefs[i], kernel[a, y, moves[o, 2], moves[o, 3]], after[q])
                if total > IMPOSSIBLE:
                    next_modes[q] = moves[o, 2]
                    probability[q] = total
                    q += 1
            pointer[a * m + i + 1] = q
            paid[a, i] = 0.0
            for s in range(n_states):
                paid[a, i] += beliefs[i, s] * rewards[a, y, s]
    return pointer, next_modes[:q], probability[:q], after[:q], paid


@njit(nogil=True, cache=True)
def assemble(pointer, probability, ids, weights):
    """Compressed rows (indptr, indices, data) from the nodes ``ids`` (Q, C) and ``weights`` (Q, C) of all successors."""
    n_rows, width = len(pointer) - 1, ids.shape[1]
    indptr = np.empty(n_rows + 1, dtype=np.int64)
    indices = np.empty(len(probability) * width, dtype=np.int64)
    data = np.empty(len(probability) * width)
    indptr[0] = end = 0
    for r in range(n_rows):
        begin, total = end, 0.0
        for q in range(pointer[r], pointer[r + 1]):
            for c in range(width):
                mass = probability[q] * weights[q, c]
                if mass > 0.0:
                    end = _add(ids[q, c], mass, indices, data, begin, end)
                    total += mass
        for j in range(begin, end):
            data[j] /= total
        indptr[r + 1] = end
    return indptr, indices[:end], data[:end]


@njit(nogil=True, cache=True)
def _add(node, mass, indices, data, begin, end):
    """Add ``mass`` to ``node`` in the row from ``begin`` to ``end``, sorted by node; return its new end."""
    place = end
    while place > begin and indices[place - 1] > node:
        place -= 1
    if place > begin and indices[place - 1] == node:
        data[place - 1] += mass
        return end
    for j in range(end, place, -1):
        indices[j] = indices[j - 1]
        data[j] = data[j - 1]
    indices[place] = node
    data[place] = mass
    return end + 1


@njit(nogil=True, cache=True)
def dense_rows(indptr, indices, data):
    """The square array, shape (m, m), of compressed rows."""
    m = len(indptr) - 1
    rows = np.zeros((m, m))
    for i in range(m):
        for j in range(indptr[i], indptr[i + 1]):
            rows[i, indices[j]] += data[j]
    return rows
