"""Breadth-first growth of the set of beliefs that can be reached, with near ones merged.

1. Generation 0 holds the starts. Parents of a generation are taken in order of their numbers, and their children by action,
   next mode and signal.
2. A child is kept unless some kept belief of its mode lies within the Euclidean distance ``merge`` (strictly below it). It is
   compared with everything that was kept so far; or, if ``same_generation`` is false, with earlier generations only.
3. Stop when a generation keeps nothing, or after ``depth`` generations.

Near beliefs are found by hashing: an orthonormal (Helmert) projection of the simplex to at most three dimensions is cut into
cells of side ``merge``, and a kept belief within ``merge`` lies in one of the 3**d cells around, since a projection lengthens
no distance. The result is that of comparing with every kept belief, order included.

Reference for the merge rule: K. Liu, Q. Jia, arXiv:2307.03034, definition 7; the order is ours, the paper leaves it open.
Cost: a constant number of distances per child, as long as few beliefs share a cell.
"""

import numpy as np
from numba import njit

IMPOSSIBLE = 1e-14  # a signal of lower probability is skipped
FULL = -1


@njit(nogil=True, cache=True)
def possible(kernel, allowed):
    """The (action, mode, next mode, signal) that can happen, as rows (O, 4), ordered by mode, action, next mode and signal.

    Left out are actions that are not ``allowed`` (Y, A) in the mode, and signals whose probabilities are all zero.
    """
    n_actions, n_modes, _, n_signals = kernel.shape[:4]
    found = np.empty((n_actions * n_modes * n_modes * n_signals, 4), dtype=np.int64)
    count = 0
    for y in range(n_modes):
        for a in range(n_actions):
            for y2 in range(n_modes):
                for z in range(n_signals):
                    if allowed[y, a] and kernel[a, y, y2, z].max() > 0.0:
                        found[count] = a, y, y2, z
                        count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def move(belief, operator, after):
    """Write the belief that follows; return its probability."""
    n_states = len(belief)
    total = 0.0
    after[:] = 0.0
    for s in range(n_states):
        if belief[s] > 0.0:
            for t in range(n_states):
                after[t] += belief[s] * operator[s, t]
    for t in range(n_states):
        total += after[t]
    if total > IMPOSSIBLE:
        for t in range(n_states):
            after[t] /= total
    return total


@njit(nogil=True, cache=True)
def helmert(n_states):
    """Orthonormal directions within the simplex, shape ``(min(S - 1, 3), S)``."""
    directions = np.zeros((min(n_states - 1, 3), n_states))
    for i in range(len(directions)):
        length = np.sqrt((i + 1.0) * (i + 2.0))
        directions[i, : i + 1] = 1.0 / length
        directions[i, i + 1] = -(i + 1.0) / length
    return directions


@njit(inline="always")
def _slot(mode, i, j, k, mask):
    h = np.uint64(i + 1048576) * np.uint64(0x9E3779B97F4A7C15)
    h ^= np.uint64(j + 1048576) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= np.uint64(k + 1048576) * np.uint64(0x165667B19E3779F9)
    h ^= np.uint64(mode + 1) * np.uint64(0x27D4EB2F165667C5)
    h ^= h >> np.uint64(29)
    return np.int64(h & np.uint64(mask))


@njit(nogil=True, cache=True)
def _cell(belief, directions, side, cell):
    for d in range(3):
        cell[d] = 0
    for d in range(len(directions)):
        place = 0.0
        for s in range(len(belief)):
            place += directions[d, s] * belief[s]
        cell[d] = np.int64(np.floor(place / side))


@njit(nogil=True, cache=True)
def _is_near(belief, mode, cell, dims, merge, before, beliefs, modes, heads, nexts, mask):
    """Whether a kept belief with a number below ``before`` lies within ``merge``."""
    reach_j = 1 if dims > 1 else 0
    reach_k = 1 if dims > 2 else 0
    for i in range(-1, 2):
        for j in range(-reach_j, reach_j + 1):
            for k in range(-reach_k, reach_k + 1):
                other = heads[_slot(mode, cell[0] + i, cell[1] + j, cell[2] + k, mask)]
                while other >= 0:
                    if other < before and modes[other] == mode:
                        square = 0.0
                        for s in range(len(belief)):
                            square += (belief[s] - beliefs[other, s]) ** 2
                        if square < merge * merge:
                            return True
                    other = nexts[other]
    return False


@njit(nogil=True, cache=True)
def grow(kernel, allowed, starts, start_modes, depth, merge, same_generation, room):
    """Beliefs (n, S), their modes and generations (n,), and 1 if the last generation kept nothing, 0 if not.

    The last is FULL when more than ``room`` would be kept.
    """
    n_states = kernel.shape[4]
    moves = possible(kernel, allowed)
    directions = helmert(n_states)
    side = max(merge, 2.0**-18)  # cell numbers stay within 20 bits
    beliefs = np.empty((room, n_states))
    modes = np.empty(room, dtype=np.int64)
    generation = np.empty(room, dtype=np.int64)
    slots = 2
    while slots < 2 * room:
        slots *= 2
    heads = np.empty(slots, dtype=np.int64)
    nexts = np.empty(room, dtype=np.int64)
    cell = np.empty(3, dtype=np.int64)
    child = np.empty(n_states)
    count, closed = 0, 0
    heads[:] = -1
    first, last = 0, 0
    for g in range(depth + 1):
        sources = len(starts) if g == 0 else last - first
        before_this = count
        for parent in range(sources):
            n_children = 1 if g == 0 else len(moves)
            for m in range(n_children):
                if g == 0:
                    child[:] = starts[parent]
                    mode = start_modes[parent]
                else:
                    here = first + parent
                    if moves[m, 1] != modes[here]:
                        continue
                    a, y, y2, z = moves[m]
                    if move(beliefs[here], kernel[a, y, y2, z], child) <= IMPOSSIBLE:
                        continue
                    mode = y2
                _cell(child, directions, side, cell)
                before = count if same_generation or g == 0 else before_this
                if merge > 0.0 and _is_near(
                    child, mode, cell, len(directions), merge, before, beliefs, modes, heads, nexts, len(heads) - 1
                ):
                    continue
                if count == room:
                    return beliefs, modes, generation, FULL
                beliefs[count] = child
                modes[count] = mode
                generation[count] = g
                slot = _slot(mode, cell[0], cell[1], cell[2], len(heads) - 1)
                nexts[count] = heads[slot]
                heads[slot] = count
                count += 1
        first, last = last, count
        if first == last:
            closed = 1
            break
    return beliefs[:count].copy(), modes[:count].copy(), generation[:count].copy(), closed
