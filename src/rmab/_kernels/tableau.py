"""All that changes in one arm when one state changes its action, with the occupancy of every state.

Under the policy ``pi`` the arm visits state ``s`` in a share ``y[s]`` of the periods (weighted like the value, from a start
distribution). ``T[i, j]`` says by how much the advantage of acting in ``i`` grows when state ``j`` pays one more. For any costs
``x`` the advantage of acting in ``i`` is ``x[1, i] - x[0, i] + sum_j T[i, j] x[pi(j), j]``, and the value is
``sum_j y[j] x[pi(j), j]``. When ``j`` starts to act,

    pivot = 1 - T[j, j],   advantages and value += T[:, j] times the advantage in j / pivot,   T += T[:, j] T[j, :] / pivot,

and when it stops, the same with the opposite signs; ``y`` and the value are one more row of both. ``columns[j]`` holds column
``j`` of ``T`` and then ``y[j]``; a row of ``lines`` holds the advantages of one kind of cost and then its value.

The equations are pinned: the bias of a reference state is zero and its column stands for the gain, so that discounts up to and
including 1 are alike as long as the policy has one recurrent class. Reference: :mod:`rmab._kernels.exchange`. Cost:
(8/3) n^3 operations to set up, 2 n^2 per exchange.
"""

import numpy as np
from numba import njit

from rmab._kernels.blocked_solve import solve_in_place

SMALLEST_PIVOT = 1e-9
NEAR_ONE = 0.999  # discounts from which the reference state is chosen with care


@njit(nogil=True, cache=True)
def set_up(transitions, costs, start, beta, policy, columns, lines):
    """Write ``columns`` (n, n + 1) and ``lines`` (m, n + 1) for ``costs`` (m, 2, n); return the smallest pivot."""
    n = len(policy)
    order = np.arange(n)
    pinned = _often_visited(transitions, policy, beta)
    order[pinned], order[n - 1] = n - 1, pinned
    system = np.empty((n, 2 * n + 1))
    for i in range(n):
        taken, acts, waits = transitions[policy[order[i]], order[i]], transitions[1, i], transitions[0, i]
        for j in range(n):
            system[j, i] = -beta * taken[order[j]]
            system[j, n + i] = beta * (acts[order[j]] - waits[order[j]])
    for j in range(n):
        system[j, j] += 1.0
        system[j, 2 * n] = (1.0 - beta) * start[order[j]]
    for i in range(n):
        system[n - 1, i], system[n - 1, n + i] = 1.0, 0.0
    system[n - 1, 2 * n] = 1.0
    smallest = solve_in_place(system, n)
    if not smallest > 0.0:
        return 0.0
    for j in range(n):
        for i in range(n):
            columns[order[j], i] = system[j, n + i]
        columns[order[j], n] = system[j, 2 * n]
    for k in range(len(lines)):
        line = lines[k]
        for i in range(n):
            line[i] = costs[k, 1, i] - costs[k, 0, i]
        line[n] = 0.0
        for j in range(n):
            add(line, costs[k, policy[j], j], columns[j])
    return smallest


@njit(nogil=True, cache=True)
def exchange(columns, lines, policy, j, scratch):
    """Let state ``j`` take its other action; return the pivot, or 0 when it is too small and nothing was done."""
    sign = 1.0 if policy[j] == 0 else -1.0
    scratch[:] = columns[j]
    pivot = 1.0 - sign * scratch[j]
    if not pivot > SMALLEST_PIVOT:
        return 0.0
    factor = sign / pivot
    n = len(columns)
    for c in range(0, n - 3, 4):
        _add_to_four(columns[c], columns[c + 1], columns[c + 2], columns[c + 3], factor, j, scratch)
    for c in range(n - n % 4, n):
        add(columns[c], factor * columns[c, j], scratch)
    for k in range(len(lines)):
        add(lines[k], factor * lines[k, j], scratch)
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
def add(target, factor, source):
    """``target += factor * source``."""
    for i in range(len(target)):
        target[i] += factor * source[i]


@njit(nogil=True, cache=True)
def _add_to_four(first, second, third, fourth, factor, j, source):
    """``add`` to four columns at once, each by its own entry ``j``, so that the source is read less often."""
    f0, f1, f2, f3 = factor * first[j], factor * second[j], factor * third[j], factor * fourth[j]
    for i in range(len(source)):
        first[i] += f0 * source[i]
        second[i] += f1 * source[i]
        third[i] += f2 * source[i]
        fourth[i] += f3 * source[i]


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
