"""All that changes in one arm when one state changes its action, with the occupancy of every state.

Under the policy ``pi`` the arm visits state ``s`` in a share ``y[s]`` of the periods (weighted like the value, from a start
distribution). ``T[i, j]`` says by how much the advantage of acting in ``i`` grows when state ``j`` pays one more. For any costs
``x`` the advantage of acting in ``i`` is ``x[1, i] - x[0, i] + sum_j T[i, j] x[pi(j), j]``, and the value is
``sum_j y[j] x[pi(j), j]``. When ``j`` starts to act,

    pivot = 1 - T[j, j],   advantages and value += T[:, j] times the advantage in j / pivot,   T += T[:, j] T[j, :] / pivot,

and when it stops, the same with the opposite signs; ``y`` and the value change like one more row of both. ``columns[j]`` holds
column ``j`` of ``T``, a row of ``lines`` the advantages of one kind of cost, and ``totals`` the values. Rows are filled up with
zeros to a whole number of LANES, so that no loop over them has a remainder.

The equations are pinned: the bias of a reference state is zero and its column stands for the gain, so that discounts up to and
including 1 are alike as long as the policy has one recurrent class. Reference: :mod:`rmab._kernels.exchange`. Cost:
(8/3) n^3 operations to set up, 2 n^2 per exchange.
"""

import numpy as np
from numba import njit

from rmab._kernels.blocked_solve import add, solve_in_place

SMALLEST_PIVOT = 1e-9
NEAR_ONE = 0.999  # discounts from which the reference state is chosen with care
LANES, TILE = 16, 8


@njit(nogil=True, cache=True)
def width(n):
    """Length of a row for ``n`` states."""
    return (n + LANES - 1) // LANES * LANES


@njit(nogil=True, cache=True)
def set_up(transitions, costs, start, beta, policy, columns, visits, lines, totals):
    """Write ``columns`` (n, width), ``visits`` (n,), ``lines`` (m, width) and ``totals`` (m,); return the smallest pivot.

    ``costs`` (m, 2, n). Only the first ``n`` entries of each row are written.
    """
    n, last = len(policy), len(policy) - 1
    system = np.empty((n, 2 * n + 1))
    _transpose(transitions, beta, policy, system)
    for j in range(n):
        system[j, j] += 1.0
        system[j, 2 * n] = (1.0 - beta) * start[j]
    pinned = _often_visited(transitions, policy, beta)
    if pinned != last:  # the pinned equation comes last, where it needs no pivoting
        for i in range(2 * n + 1):
            system[pinned, i], system[last, i] = system[last, i], system[pinned, i]
        for j in range(n):
            system[j, pinned], system[j, last] = system[j, last], system[j, pinned]
    for i in range(n):
        system[last, i], system[last, n + i] = 1.0, 0.0
    system[last, 2 * n] = 1.0
    smallest = solve_in_place(system, n)
    if not smallest > 0.0:
        return 0.0
    for row in range(n):
        j = last if row == pinned else pinned if row == last else row
        for i in range(n):
            columns[j, i] = system[row, n + i]
        visits[j] = system[row, 2 * n]
    for k in range(len(lines)):
        totals[k] = 0.0
        for i in range(n):
            lines[k, i] = costs[k, 1, i] - costs[k, 0, i]
        for j in range(n):
            cost = costs[k, policy[j], j]
            totals[k] += cost * visits[j]
            add(lines[k], cost, columns[j])
    return smallest


@njit(nogil=True, cache=True)
def _transpose(transitions, beta, policy, system):
    """``-beta P_pi`` and ``beta (P1 - P0)``, both transposed, side by side; in tiles, for the cache."""
    n = len(policy)
    for top in range(0, n, TILE):
        for left in range(0, n, TILE):
            for i in range(top, min(top + TILE, n)):
                for j in range(left, min(left + TILE, n)):
                    acts, waits = transitions[1, i, j], transitions[0, i, j]
                    system[j, i] = -beta * (acts if policy[i] == 1 else waits)
                    system[j, n + i] = beta * (acts - waits)


@njit(nogil=True, cache=True)
def exchange(columns, visits, lines, totals, policy, j, scratch):
    """Let state ``j`` take its other action; return the pivot, or 0 when it is too small and nothing was done."""
    n, sign = len(columns), 1.0 if policy[j] == 0 else -1.0
    pivot = 1.0 - sign * columns[j, j]
    if not pivot > SMALLEST_PIVOT:
        return 0.0
    factor = sign / pivot
    scratch[:] = columns[j]
    often = visits[j]
    for c in range(n):
        visits[c] += often * factor * columns[c, j]
    for k in range(len(lines)):
        change = factor * lines[k, j]
        totals[k] += change * often
        add(lines[k], change, scratch)
    for c in range(n):
        change = factor * columns[c, j]
        for i in range(len(scratch)):
            columns[c, i] += change * scratch[i]
    policy[j] = 1 - policy[j]
    return pivot


@njit(nogil=True, cache=True)
def residue(first_columns, first_lines, lines):
    """How far ``lines`` of the policy that never acts are from what the set-up of the policy that always acts implies.

    Relative to one or to their size.
    """
    largest, size = 0.0, 1.0
    lack = np.empty(lines.shape[1])
    for k in range(len(lines)):
        for i in range(len(lack)):
            lack[i] = lines[k, i] - first_lines[k, i]
            size = max(size, abs(lines[k, i]))
        for j in range(len(first_columns)):
            add(lack, lines[k, j], first_columns[j])
        for i in range(len(lack)):
            largest = max(largest, abs(lack[i]))
    return largest / size


@njit(nogil=True, cache=True)
def _often_visited(transitions, policy, beta):
    """A state that the policy visits often in the long run; any state will do when the discount is far from 1."""
    n = len(policy)
    if beta < NEAR_ONE:
        return n - 1
    share = np.full(n, 1.0 / n)
    for _ in range(2 * n + 30):
        following = 0.5 * share
        for s in range(n):
            add(following, 0.5 * share[s], transitions[policy[s], s])
        if np.abs(following - share).max() < 0.01 / n:
            break
        share = following
    return np.argmax(share)
