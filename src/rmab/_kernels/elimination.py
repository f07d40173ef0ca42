"""Index of one large arm by elimination: one state starts to act at a time, as the charge falls from plus infinity.

While the policy acts in the states ``B``, the advantage of acting in ``i`` is ``worth[i] - charge * slope[i]``. Each state that
starts to act is an exchange (see :mod:`rmab._kernels.exchange`).

1. Under the policy that never acts, ``T = beta (P1 - P0) (I - beta P0)^-1``, and all slopes are 1.
2. The next state to act is the passive one with the largest ``worth / slope``: there the next advantage reaches zero. That
   charge is its index.
3. Test: no state that acts may have a negative advantage at that charge, no slope of a passive state may vanish.
4. Columns of ``T`` for states that act are not needed again, so the work shrinks: n^3 operations instead of 2 n^3.

Anything unusual (a slope that vanishes, a state that wants to wait again, a pivot near zero, an index that loses too many
digits) ends the run with IRREGULAR.

Reference: N. Gast, B. Gaujal, K. Khun, "Testing indexability and computing Whittle and Gittins index in subcubic time",
Mathematical Methods of Operations Research 97 (2023). Cost: (8/3) n^3 operations for step 1 and n^3 for the others, nearly all
of them in matrix products.
"""

import numpy as np
from numba import njit

from rmab._kernels.blas import add_product
from rmab._kernels.blocked_solve import solve_in_place
from rmab._kernels.exchange import current_column, current_row
from rmab._kernels.scaling import power_of_two
from rmab._kernels.verdict import IRREGULAR, STRONG

MOST_CANCELLATION = 100.0  # largest loss of digits, relative to the rewards or the index, that is accepted
ROUNDING = 2e-15  # error of an index per unit of cancellation, for n = 1; it grows like the root of n
SMALLEST_PIVOT = 1e-6
SMALLEST_SLOPE = 1e-9  # a slope below it may be zero
TOUCH = 1e-11  # an advantage above minus this, relative to the rewards, may be zero


@njit(nogil=True, cache=True)
def index_arm(transitions, rewards, beta, index, error, margin):
    """Index and error (n,), margins (2,) of one arm, ``transitions`` (2, n, n) and ``rewards`` (2, n); return the code."""
    n = rewards.shape[1]
    scale = power_of_two(rewards)
    system, advantage = np.empty((n, 2 * n)), np.empty((2, n))
    pivot = never_act(transitions, rewards / scale, beta, system, advantage)
    if not pivot > SMALLEST_PIVOT:
        return IRREGULAR
    code = eliminate(system[:, n:], advantage, pivot, True, index, error, margin)
    index *= scale
    error *= scale
    return code


@njit(nogil=True, cache=True)
def never_act(transitions, rewards, beta, system, advantage):
    """Solve for ``T`` and the advantages under the policy that never acts; return a measure of condition, like a pivot.

    Written: ``system`` (n, 2 n), of which ``system[j, n + i] = T[i, j]``, and ``advantage`` (2, n), slopes and worths. The
    bias of the last state is 0 and the gain takes its place, so that the system is regular at ``beta = 1`` too. The last pivot
    is then one over the share of time that this policy spends in the last state: the bias is large where that is rarely
    visited.
    """
    n = rewards.shape[1]
    transpose(transitions, beta, system)
    for s in range(n):
        system[s, s] += 1.0
        system[n - 1, s] = 1.0
        system[n - 1, n + s] = 0.0
    smallest = solve_in_place(system, n)
    advantage[0] = 1.0
    advantage[1] = rewards[1] - rewards[0]
    for j in range(n):
        for i in range(n):
            advantage[1, i] += system[j, n + i] * rewards[0, j]
    return min(smallest, n / system[n - 1, n - 1]) if smallest > 0.0 else 0.0


@njit(nogil=True, cache=True)
def transpose(transitions, beta, system):
    """``-beta P0`` and ``beta (P1 - P0)``, both transposed, side by side; in tiles, for the cache."""
    n = len(system)
    for top in range(0, n, 16):
        for left in range(0, n, 16):
            for j in range(left, min(left + 16, n)):
                for i in range(top, min(top + 16, n)):
                    system[j, i] = -beta * transitions[0, i, j]
                    system[j, n + i] = beta * (transitions[1, i, j] - transitions[0, i, j])


@njit(nogil=True, cache=True)
def eliminate(columns, advantage, smallest, tested, index, error, margin):
    """Write ``index`` (n,), ``error`` (n,) and ``margin`` (2,); return STRONG or IRREGULAR.

    ``columns`` (n, n), ``columns[j, i] = T[i, j]``, is overwritten; ``advantage`` (2, n) is for rewards of scale 1, and
    ``smallest`` is the smallest pivot so far. An arm that is known to be indexable need not be ``tested``: the rows of states
    that act are dropped too, and the cost falls to (2/3) n^3.
    """
    n = advantage.shape[1]
    lines = np.empty((4, n))  # slopes and worths, and the largest magnitude that each has had
    lines[:2], lines[2:] = advantage, np.abs(advantage)
    slope, worth, most_slope, most_worth = lines[0], lines[1], lines[2], lines[3]
    panel = 16 if n <= 300 else 32
    rounding = ROUNDING * np.sqrt(n)
    pivot_columns, pivot_rows = np.empty((panel, n)), np.empty((panel, n))
    state = np.arange(n)  # the state at each place: those that wait first, then those that act
    acts = np.zeros(n, np.bool_)
    margin[0], margin[1] = 1.0, 0.0
    left = rows = n
    while True:
        panel = min(panel, left)
        for held in range(panel):
            j, charge = _next(left, acts, slope, worth)
            if not _regular(rows, acts, slope, worth, charge, margin):
                return IRREGULAR
            cancellation = (most_worth[j] + abs(charge) * most_slope[j]) / (slope[j] * min(smallest, 1.0))
            if not cancellation <= MOST_CANCELLATION * max(1.0, abs(charge)):
                return IRREGULAR
            index[state[j]], error[state[j]] = charge, rounding * cancellation
            if held + 1 == left:
                return STRONG
            current_column(columns, j, rows, held, pivot_columns, pivot_rows)
            pivot = 1.0 - pivot_columns[held, j]
            smallest = min(smallest, pivot)
            if not smallest > SMALLEST_PIVOT:
                return IRREGULAR
            current_row(columns, left, j, 1.0 / pivot, held, pivot_columns, pivot_rows)
            add_line(slope[:rows], slope[j] / pivot, pivot_columns[held], most_slope)
            add_line(worth[:rows], worth[j] / pivot, pivot_columns[held], most_worth)
            acts[j] = True
        left = close_ranks(columns, rows, state, acts, lines, left, panel, pivot_columns, pivot_rows)
        rows = n if tested else left
        add_product(pivot_rows[:panel, :left], pivot_columns[:panel, :rows], columns[:left, :rows])


@njit(nogil=True, cache=True)
def _next(left, acts, slope, worth):
    """Place of the waiting state whose advantage is the next to reach zero, and the charge at which it does."""
    place, charge = 0, -np.inf
    for c in range(left):
        if not acts[c] and slope[c] > SMALLEST_SLOPE and worth[c] > charge * slope[c]:
            place, charge = c, worth[c] / slope[c]
    return place, charge


@njit(nogil=True, cache=True)
def _regular(rows, acts, slope, worth, charge, margin):
    """Whether all slopes are positive and no state that acts wants to wait at ``charge``."""
    for s in range(rows):
        margin[0] = min(margin[0], slope[s])
        if acts[s] and worth[s] - charge * slope[s] < -TOUCH:
            return False
    return margin[0] > SMALLEST_SLOPE


@njit(nogil=True, cache=True)
def add_line(target, factor, source, most):
    for i in range(len(target)):
        target[i] += factor * source[i]
        most[i] = max(most[i], abs(target[i]))


@njit(nogil=True, cache=True)
def close_ranks(columns, rows, state, acts, lines, left, held, pivot_columns, pivot_rows):
    """Exchange each state that acts now with the last one that waits; return how many wait."""
    holes = np.empty((held, 2), np.int64)
    count, c = 0, 0
    while c < left:
        if not acts[c]:
            c += 1
            continue
        left -= 1
        if c == left:
            break
        holes[count] = c, left
        count += 1
        for k in range(4):
            lines[k, c], lines[k, left] = lines[k, left], lines[k, c]
        state[c], state[left] = state[left], state[c]
        acts[c], acts[left] = acts[left], acts[c]
        columns[c, :rows] = columns[left, :rows]
        for q in range(held):
            pivot_rows[q, c] = pivot_rows[q, left]
            pivot_columns[q, c], pivot_columns[q, left] = pivot_columns[q, left], pivot_columns[q, c]
    for place in range(left):
        column = columns[place]
        for k in range(count):
            c, last = holes[k]
            column[c], column[last] = column[last], column[c]
    return left
