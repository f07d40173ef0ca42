"""Which action for how many arms: several actions of different cost under one budget, cell by cell.

Arms in one cell, such as (type, state), are exchangeable. A *plan* (C, A) says how many arms of each cell get each action. With
``worth`` (C, A) the problem is a multiple-choice knapsack: maximise the sum of worths, costs within the room.

Fractional optimum: from action 0 each cell climbs its concave hull of (cost, worth); all climbs are taken in order of gain per
cost until one does not fit. What has been taken by then, x, is optimal at that gain per cost as a price per unit of cost.

Exact, for costs in whole units. Let D be the largest cost. Some optimum differs from x in at most 2 D - 1 arms:

* arms that change, and whose changes of cost add up to 0, can be changed back at no loss, since x is optimal at the price;
* an optimum that spends less than x by D or more can have an arm that it spends less on changed back, too;
* put in an order in which partial sums stay within -D and D, more than 2 D - 1 changes would have equal partial sums.

Upwards, or downwards, at most D * D units change hands. So a dynamic program over at most 2 D - 1 arms of each part of x and
the balance of what changed suffices; or one over what is spent in all, whichever is smaller.

References: D. Pisinger, "Linear time algorithms for knapsack problems with bounded weights", Journal of Algorithms 33 (1999),
for balancing; F. Eisenbrand, R. Weismantel, "Proximity results and faster algorithms for integer programming using the
Steinitz lemma", ACM Transactions on Algorithms 16 (2019), arXiv:1707.00481. Cost: a sort of C (A - 1) numbers, then C A D**3
for the exact plan; nothing depends on the number of arms.
"""

import numpy as np
from numba import njit

ROUNDING = 1e-12
MOST_PLACES = 2**25


@njit(nogil=True, cache=True)
def plan_by_gain(counts, worth, cost, room, plan):
    """Climb in order of gain per cost, passing over what does not fit; returns what is left of the ``room``.

    ``counts`` (C,), ``worth`` (C, A), ``cost`` (A,) rising from 0, ``plan`` (C, A) out. Falls short of the optimum by at most
    the gain of one arm.
    """
    left, _ = _climb(counts, worth, cost, room, False, plan)
    while True:
        left, more = _fill_once(worth, cost, left, plan)
        if not more:
            return left


@njit(nogil=True, cache=True)
def plan_exactly(counts, worth, cost, room, plan):
    """The plan of largest total worth for costs in whole units; if that is too large, ``plan_by_gain`` and False."""
    left, broken = _climb(counts, worth, cost, room, True, plan)
    if not broken:
        return True
    top = int(cost[-1])
    spent = int(room - left)
    near = 2 * top - 1, min(top * top, spent), top * top
    few = max(int(room // cost[1]), 1)
    whole = few, 0, int(room)
    if min(_places(plan, near), _places(plan, whole)) > MOST_PLACES:
        plan_by_gain(counts, worth, cost, room, plan)
        return False
    if _places(plan, near) <= _places(plan, whole):
        _improve(worth, cost, int(left), near, plan)
    else:
        plan_zero(counts, plan)
        _improve(worth, cost, int(room), whole, plan)
    return True


@njit(nogil=True, cache=True)
def plan_by_index(counts, index, cost, room, threshold, plan):
    """Raise arms action by action, highest ``index`` (C, A - 1) first, while that is affordable and not below ``threshold``.

    An action that is reached only through one of lower index waits for that one; arms of a cell are raised one after the
    other, each as far as its index lets it. ``plan`` (C, A) out; returns what is left of the ``room``.
    """
    n_cells, n_steps = index.shape
    key = np.empty(n_cells * n_steps)
    for c in range(n_cells):
        lowest = np.inf
        for a in range(n_steps):
            lowest = min(lowest, index[c, a])
            key[c * n_steps + a] = -lowest
    order = np.argsort(key, kind="mergesort")
    plan_zero(counts, plan)
    left = room
    i = 0
    while i < len(order):
        first = order[i]
        if -key[first] < threshold:
            break
        last = first
        while i + 1 < len(order) and order[i + 1] == last + 1 and (last + 1) % n_steps != 0 and key[last + 1] == key[first]:
            i += 1
            last += 1
        i += 1
        c, low = first // n_steps, first % n_steps
        for high in range(last % n_steps + 1, low, -1):
            left = _move(plan, cost, left, c, low, high)
    return left


@njit(inline="always")
def plan_zero(counts, plan):
    """All arms of every cell at action 0."""
    plan[:] = 0
    plan[:, 0] = counts


@njit(nogil=True, cache=True)
def _climb(counts, worth, cost, room, stop, plan):
    """Climb all hulls in order of gain per cost; returns what is left and whether one did not fit: there ``stop`` ends."""
    n_cells, n_actions = worth.shape
    density = np.empty(n_cells * (n_actions - 1))
    climb = np.empty((n_cells * (n_actions - 1), 3), dtype=np.int64)
    n_climbs = 0
    for c in range(n_cells):
        a = 0
        while a < n_actions - 1:
            best, to = 0.0, a
            for b in range(a + 1, n_actions):
                slope = (worth[c, b] - worth[c, a]) / (cost[b] - cost[a])
                if slope > 0 and slope >= best:
                    best, to = slope, b
            if to == a:
                break
            density[n_climbs] = -best
            climb[n_climbs, 0], climb[n_climbs, 1], climb[n_climbs, 2] = c, a, to
            n_climbs += 1
            a = to
    plan_zero(counts, plan)
    left, broken = room, False
    for i in np.argsort(density[:n_climbs], kind="mergesort"):
        c, a, b = climb[i, 0], climb[i, 1], climb[i, 2]
        left = _move(plan, cost, left, c, a, b)
        if plan[c, a] > 0:
            broken = True
            if stop:
                break
    return left, broken


@njit(nogil=True, cache=True)
def _fill_once(worth, cost, left, plan):
    """Raise one part of the plan to the affordable action of most gain per cost; returns what is left and if there was one."""
    best, where, a0, b0 = 0.0, -1, 0, 0
    for c in range(worth.shape[0]):
        for a in range(worth.shape[1] - 1):
            if plan[c, a] == 0:
                continue
            for b in range(a + 1, worth.shape[1]):
                extra = cost[b] - cost[a]
                gain = worth[c, b] - worth[c, a]
                if gain > best * extra and extra <= left * (1 + ROUNDING):
                    best, where, a0, b0 = gain / extra, c, a, b
    if where < 0:
        return left, False
    return _move(plan, cost, left, where, a0, b0), True


@njit(inline="always")
def _move(plan, cost, left, c, a, b):
    """Move as many arms of cell ``c`` from action ``a`` to ``b`` as fit; returns what is left."""
    extra = cost[b] - cost[a]
    n = min(plan[c, a], int(left * (1 + ROUNDING) / extra))
    plan[c, a] -= n
    plan[c, b] += n
    return max(left - n * extra, 0.0)


@njit(nogil=True, cache=True)
def _places(plan, window):
    """How large the dynamic program is, as a float so that it cannot overflow."""
    most, down, up = window
    items = 0.0
    for c in range(plan.shape[0]):
        for a in range(plan.shape[1]):
            items += min(plan[c, a], most)
    return items * (1.0 + down + up)


@njit(nogil=True, cache=True)
def _improve(worth, cost, left, window, plan):
    """Change the actions of at most ``window[0]`` arms of each part of the plan for the largest total worth.

    ``window`` is (arms, units down, units up): how far what is spent may leave its present amount on the way; at the end by
    no more than ``left``.
    """
    most, down, up = window
    n_cells, n_actions = worth.shape
    units = cost.astype(np.int64)
    width = down + up + 1
    n_items = 0
    for c in range(n_cells):
        for a in range(n_actions):
            n_items += min(plan[c, a], most)
    cell = np.empty(n_items, dtype=np.int64)
    now = np.empty(n_items, dtype=np.int64)
    i = 0
    for c in range(n_cells):
        for a in range(n_actions):
            for _ in range(min(plan[c, a], most)):
                cell[i], now[i] = c, a
                i += 1
    choice = np.zeros((n_items, width), dtype=np.int16)
    best, following = np.full(width, -np.inf), np.empty(width)
    best[down] = 0.0
    for i in range(n_items):
        c, a = cell[i], now[i]
        following[:] = best
        choice[i, :] = a
        for b in range(n_actions):
            if b == a:
                continue
            shift = units[b] - units[a]
            gain = worth[c, b] - worth[c, a]
            for w in range(max(0, shift), min(width, width + shift)):
                if best[w - shift] + gain > following[w]:
                    following[w] = best[w - shift] + gain
                    choice[i, w] = b
        best, following = following, best
    w = down
    for place in range(min(down + left, width - 1) + 1):
        if best[place] > best[w]:
            w = place
    for i in range(n_items - 1, -1, -1):
        c, a, b = cell[i], now[i], choice[i, w]
        plan[c, a] -= 1
        plan[c, b] += 1
        w -= units[b] - units[a]
