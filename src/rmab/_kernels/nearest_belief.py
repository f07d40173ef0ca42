"""The nearest of a set of beliefs, exactly, by a tree of boxes for every mode.

1. Beliefs of a mode are halved at the median of their widest coordinate until at most ``LEAF`` are left; every part keeps the
   smallest box around its beliefs.
2. A query goes down into the nearer box first and leaves out a box that is farther than the farthest of the nearest beliefs
   found so far. The distance to a box is added up coordinate by coordinate like that to a belief, so that rounding cannot
   make it exceed the latter, and equal distances are settled by the lowest number, exactly as by comparing with all.

A *forest* is (order, coordinates, bounds, child, low, high, root): numbers of the beliefs (n,) in the order of the leaves and
their coordinates (n, S); first and last place of each part (P, 2), its first child, or -1, the second follows (P,); its box
(P, S) twice; and the first part of each mode (Y,), or -1.

Reference: J. L. Bentley, "Multidimensional binary search trees used for associative searching", Comm. ACM 18 (1975).
Cost: n log(n)**2 once, and about log(n) per query on thin sets, which reachable beliefs are.
"""

import numpy as np
from numba import njit

LEAF = 32
FEW = 256  # beliefs up to which comparing with all is faster than a tree
DEEPEST = 64  # parts that can wait: one per halving


@njit(nogil=True, cache=True)
def plant(points, modes, n_modes):
    """The forest over ``points`` (n, S) with ``modes`` (n,) below ``n_modes``."""
    n, n_states = points.shape
    most = 2 * (2 * n // LEAF + n_modes) + 2
    order, first = _by_mode(modes, n_modes)
    bounds = np.empty((most, 2), dtype=np.int64)
    child = np.full(most, -1, dtype=np.int64)
    low, high = np.empty((most, n_states)), np.empty((most, n_states))
    root = np.full(n_modes, -1, dtype=np.int64)
    key = np.empty(n)
    count = 0
    for y in range(n_modes):
        if first[y] == first[y + 1]:
            continue
        root[y] = count
        bounds[count] = first[y], first[y + 1]
        part, count = count, count + 1
        while part < count:
            begin, end = bounds[part]
            axis = _box(points, order[begin:end], low[part], high[part])
            if end - begin > LEAF:  # equal beliefs are halved too, by place
                for i in range(begin, end):
                    key[i] = points[order[i], axis]
                middle = (begin + end) // 2
                _halve(key[begin:end], order[begin:end], middle - begin)
                child[part] = count
                bounds[count] = begin, middle
                bounds[count + 1] = middle, end
                count += 2
            part += 1
    coordinates = np.empty((n_states, n))
    for i in range(n):
        coordinates[:, i] = points[order[i]]
    return order, coordinates, bounds[:count], child[:count], low[:count], high[:count], root


@njit(nogil=True, cache=True)
def _by_mode(modes, n_modes):
    """Numbers sorted by mode, and where each mode begins."""
    first = np.zeros(n_modes + 1, dtype=np.int64)
    for y in modes:
        first[y + 1] += 1
    for y in range(n_modes):
        first[y + 1] += first[y]
    place = first.copy()
    order = np.empty(len(modes), dtype=np.int64)
    for i in range(len(modes)):
        order[place[modes[i]]] = i
        place[modes[i]] += 1
    return order, first


@njit(nogil=True, cache=True)
def _box(points, members, low, high):
    """Write the box around the members; return its widest coordinate."""
    widest = 0
    for s in range(len(low)):
        low[s] = high[s] = points[members[0], s]
        for i in members:
            low[s] = min(low[s], points[i, s])
            high[s] = max(high[s], points[i, s])
        if high[s] - low[s] > high[widest] - low[widest]:
            widest = s
    return widest


@njit(nogil=True, cache=True)
def _halve(key, order, middle):
    """Put the ``middle`` smallest keys first (Hoare's selection), and ``order`` along with them."""
    left, right = 0, len(key) - 1
    while left < right:
        pivot = key[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while key[i] < pivot:
                i += 1
            while key[j] > pivot:
                j -= 1
            if i <= j:
                key[i], key[j] = key[j], key[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            return


@njit(nogil=True, cache=True)
def _outside(belief, low, high, part):
    """Squared distance from a belief to a box, 0 within it."""
    square = 0.0
    for s in range(len(belief)):
        gap = max(low[part, s] - belief[s], belief[s] - high[part, s])
        if gap > 0.0:
            square += gap * gap
    return square


@njit(nogil=True, cache=True)
def k_nearest(belief, mode, forest, ids, squares, room):
    """Write the nearest beliefs of ``mode`` into ``ids`` (k,), nearest first, and their squared distances into ``squares``.

    Places for which there is no belief hold -1 and infinity. ``room`` is to work in: (DEEPEST, 2) and (LEAF,) numbers.
    """
    ids[:] = -1
    squares[:] = np.inf
    order, coordinates, bounds, child, low, high, root = forest
    k = len(ids)
    stack, squared = room
    waiting = 0
    if root[mode] >= 0:
        stack[0, 0] = root[mode]
        stack[0, 1] = 0.0
        waiting = 1
    while waiting > 0:
        waiting -= 1
        if stack[waiting, 1] > squares[k - 1]:
            continue
        part = np.int64(stack[waiting, 0])
        if child[part] < 0:
            begin, end = bounds[part]
            if _scan(belief, coordinates, begin, end, squared) <= squares[k - 1]:
                for i in range(begin, end):
                    if squared[i - begin] <= squares[k - 1]:
                        _insert(order[i], squared[i - begin], ids, squares)
            continue
        near, far = child[part], child[part] + 1
        to_near, to_far = _outside(belief, low, high, near), _outside(belief, low, high, far)
        if to_far < to_near:
            near, far, to_near, to_far = far, near, to_far, to_near
        stack[waiting, 0], stack[waiting, 1] = far, to_far
        stack[waiting + 1, 0], stack[waiting + 1, 1] = near, to_near
        waiting += 2


@njit(nogil=True, cache=True)
def _scan(belief, coordinates, begin, end, squared):
    """Write the squared distances to the beliefs of a leaf, in loops without branches; return the least."""
    size = end - begin
    here, column = belief[0], coordinates[0, begin:end]
    for i in range(size):
        squared[i] = (here - column[i]) ** 2
    for s in range(1, len(belief)):
        here, column = belief[s], coordinates[s, begin:end]
        for i in range(size):
            squared[i] += (here - column[i]) ** 2
    least = np.inf
    for i in range(size):
        least = min(least, squared[i])
    return least


@njit(nogil=True, cache=True)
def _insert(number, square, ids, squares):
    """Keep ``ids`` sorted by distance and number; what no longer fits is dropped."""
    place = len(ids)
    while place > 0 and (square < squares[place - 1] or (square == squares[place - 1] and number < ids[place - 1])):
        place -= 1
    if place == len(ids):
        return
    for i in range(len(ids) - 1, place, -1):
        ids[i] = ids[i - 1]
        squares[i] = squares[i - 1]
    ids[place] = number
    squares[place] = square


@njit(nogil=True, cache=True)
def nearest_of_few(beliefs, modes, points, point_modes):
    """What :func:`nearest_ids` finds, by comparing with all ``points``, in loops without branches."""
    found = np.empty(len(beliefs), dtype=np.int64)
    columns, squared = np.ascontiguousarray(points.T), np.empty(len(points))
    for q in range(len(beliefs)):
        for i in range(len(points)):
            squared[i] = 0.0 if point_modes[i] == modes[q] else np.inf
        for s in range(beliefs.shape[1]):
            here = beliefs[q, s]
            for i in range(len(points)):
                squared[i] += (here - columns[s, i]) ** 2
        least = np.inf
        for i in range(len(points)):
            least = min(least, squared[i])
        first = 0
        while squared[first] > least:
            first += 1
        found[q] = first if least < np.inf else -1
    return found


@njit(nogil=True, cache=True)
def nearest_ids(beliefs, modes, forest):
    """The nearest belief of the same mode for each of ``beliefs`` (Q, S), or -1 if there is none, shape (Q,)."""
    found = np.empty(len(beliefs), dtype=np.int64)
    square = np.empty(1)
    room = np.empty((DEEPEST, 2)), np.empty(LEAF)
    for q in range(len(beliefs)):
        k_nearest(beliefs[q], modes[q], forest, found[q : q + 1], square, room)
    return found


@njit(nogil=True, cache=True)
def neighbour_graph(points, modes, forest, count):
    """The ``count`` nearest others of its mode for each point, nearest first, shape (n, count), padded with the point."""
    n = len(points)
    graph = np.empty((n, count), dtype=np.int64)
    ids, squares = np.empty(count + 1, dtype=np.int64), np.empty(count + 1)
    room = np.empty((DEEPEST, 2)), np.empty(LEAF)
    for i in range(n):
        k_nearest(points[i], modes[i], forest, ids, squares, room)
        place = 0
        for j in ids:
            if j != i and j >= 0 and place < count:
                graph[i, place] = j
                place += 1
        graph[i, place:] = i
    return graph


@njit(nogil=True, cache=True)
def track(belief, node, points, graph):
    """Go from ``node`` to whichever neighbour is nearest to ``belief`` as long as that is an improvement.

    ``graph`` (n, G) holds near nodes of the same mode. Ends at a node that is nearer than its neighbours, which is the nearest
    of all nearly always. Among equally near ones the lowest number is taken.
    """
    best = square_distance(belief, points, node)
    while True:
        start = node
        for other in graph[start]:
            square = square_distance(belief, points, other)
            if square < best or (square == best and other < node):
                best = square
                node = other
        if node == start:
            return node


@njit(nogil=True, cache=True)
def square_distance(belief, points, node):
    """Squared distance from a belief to ``points[node]``."""
    square = 0.0
    for s in range(len(belief)):
        square += (belief[s] - points[node, s]) ** 2
    return square
