"""Best-first growth of a set of beliefs by how likely a belief is reached and how far it is from the set.

1. A leaf is a successor of a kept belief. Its reach is that of its parent times the discount, the share of the action and the
   probability of the signal.
2. Keep the leaf with the largest reach times distance to the nearest kept belief of its mode, and add its successors as leaves.

Distances only shrink as the set grows, so a leaf's priority of some time ago is an upper bound: the leaf on top of the heap is
brought up to date, against the beliefs kept since, and goes down unless it is still the best. Ties go to the leaf found first.
Cost: for n kept beliefs at most n distances per leaf, in practice a small part of them.
"""

import numpy as np
from numba import njit

from rmab._kernels.belief_tree import IMPOSSIBLE, move, possible
from rmab._kernels.nearest_belief import square_distance

SAME = 1e-9  # a leaf within this distance of a kept belief is that belief
FARTHEST = np.sqrt(2.0)  # between two beliefs; the distance of the first leaf of a mode


@njit(nogil=True, cache=True)
def grow_best_first(kernel, allowed, share, starts, start_modes, size, discount):
    """Beliefs (n, S), modes and generations (n,) of at most ``size`` kept beliefs, starts first, in the order of keeping.

    ``share`` (Y, A) is the share of periods that each action has in a mode, 0 where it is not ``allowed`` (Y, A).
    """
    moves = possible(kernel, allowed)
    room = size * np.bincount(moves[:, 1]).max()
    beliefs, modes = np.empty((size, starts.shape[1])), np.empty(size, dtype=np.int64)
    generation, reach = np.empty(size, dtype=np.int64), np.empty(size)
    leaves, priority, weight = np.empty((room, starts.shape[1])), np.empty(room), np.empty(room)
    note = np.empty((room, 3), dtype=np.int64)  # mode, generation, number of kept beliefs that are accounted for
    heap, waiting, found = np.empty(room, dtype=np.int64), 0, 0
    for here in range(size):
        if here < len(starts):
            beliefs[here], modes[here], generation[here], reach[here] = starts[here], start_modes[here], 0, 1.0 / len(starts)
        else:
            waiting = _bring_best(heap, waiting, leaves, priority, weight, note, beliefs, modes, here)
            if waiting == 0:
                return beliefs[:here].copy(), modes[:here].copy(), generation[:here].copy()
            best = heap[0]
            beliefs[here], modes[here], generation[here], reach[here] = leaves[best], note[best, 0], note[best, 1], weight[best]
            waiting = _drop_top(heap, waiting, priority)
        for a, y, y2, z in moves:
            if y == modes[here] and share[y, a] > 0.0:
                chance = move(beliefs[here], kernel[a, y, y2, z], leaves[found])
                if chance > IMPOSSIBLE:
                    note[found] = y2, generation[here] + 1, 0
                    weight[found] = reach[here] * discount * share[y, a] * chance
                    priority[found] = weight[found] * FARTHEST
                    _rise(heap, waiting, found, priority)
                    waiting += 1
                    found += 1
    return beliefs, modes, generation


@njit(nogil=True, cache=True)
def _bring_best(heap, waiting, leaves, priority, weight, note, beliefs, modes, kept):
    """Bring a leaf to the top whose priority accounts for all ``kept`` beliefs; return how many leaves wait."""
    while waiting > 0 and note[heap[0], 2] < kept:
        top = heap[0]
        square = (priority[top] / weight[top]) ** 2
        for i in range(note[top, 2], kept):
            if modes[i] == note[top, 0]:
                square = min(square, square_distance(leaves[top], beliefs, i))
        note[top, 2] = kept
        priority[top] = weight[top] * np.sqrt(square)
        if square <= SAME * SAME:
            waiting = _drop_top(heap, waiting, priority)
        else:
            _sink(heap, waiting, priority)
    return waiting


@njit(nogil=True, cache=True)
def _before(one, other, priority):
    return priority[one] > priority[other] or (priority[one] == priority[other] and one < other)


@njit(nogil=True, cache=True)
def _rise(heap, waiting, leaf, priority):
    """Put a leaf into a heap of ``waiting`` others."""
    place = waiting
    while place > 0 and _before(leaf, heap[(place - 1) // 2], priority):
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = leaf


@njit(nogil=True, cache=True)
def _sink(heap, waiting, priority):
    """Let the leaf at the top sink to its place."""
    leaf, place = heap[0], 0
    while 2 * place + 1 < waiting:
        child = 2 * place + 1
        if child + 1 < waiting and _before(heap[child + 1], heap[child], priority):
            child += 1
        if not _before(heap[child], leaf, priority):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = leaf


@njit(nogil=True, cache=True)
def _drop_top(heap, waiting, priority):
    """Take the leaf at the top out; return how many are left."""
    heap[0] = heap[waiting - 1]
    _sink(heap, waiting - 1, priority)
    return waiting - 1
