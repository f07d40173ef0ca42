"""Adaptive greedy index of arms by fast pivoting, with the conservation laws tested on every row of every set it visits.

While the policy acts in the states ``B``, ``work[i]`` is the work that acting once in ``i`` adds, and ``pay[i]`` what it earns.
A state that starts to act is an exchange (see :mod:`rmab._kernels.exchange`).

1. ``B`` is empty: ``T = beta (P1 - P0) (I - beta P0)^-1`` in pinned form (see :mod:`rmab._kernels.elimination`), found from
   lists of entries where waiting moves to few states (see :mod:`rmab._kernels.thin_solve`), else with matrix products.
2. The next state to act is the one that waits, has positive work and the largest ``pay / work``, its index; of several, the
   lowest state.
3. Look at the work of all rows, in ``B`` or not, at the empty and the full set too, and at the advantages at that charge: a
   state in ``B`` with a negative one wants to wait again.
4. Exchange. Columns of states that act are not needed again; their rows are kept for step 3. Exchanges are applied to ``T`` a
   panel at a time, as a matrix product, so that one kernel serves ten states and ten thousand.
5. At the full set all work is 1; what it misses is rounding.

The first state that wants to wait again is kept, with the charges of the set before it, of its turn and of the next set: two
charges on either side of the turn are a witness against indexability, if the policies found there afresh confirm it.

A run that found no state in step 3 and lost few digits has followed the whole path of optimal policies, whether all work was
positive or not: its index is exact. Any other is answered with IRREGULAR, for a careful kernel to do again.

Reference: J. Nino-Mora, "A fast-pivoting algorithm for Whittle's restless bandit index", Mathematics 8 (2020). Cost: n^3
operations after step 1, which costs (8/3) n^3 where waiting moves to many states.
"""

import numpy as np
from numba import njit

from rmab._kernels.blas import add_product
from rmab._kernels.blocked_solve import solve_in_place
from rmab._kernels.elimination import add_line, close_ranks, transpose
from rmab._kernels.exchange import current_column, current_row
from rmab._kernels.scaling import power_of_two
from rmab._kernels.thin_solve import solve_thin
from rmab._kernels.verdict import IRREGULAR, STRICT, STRONG

LAW, INCREASE, RETURN, STUCK = 1, 2, 4, 8
LEAST, SIZE, VIOLATIONS, SETS, FLAGS, RETURNED, ABOVE, TURN, BELOW = range(9)  # places of the report

ZERO_WORK = 1e-12  # work up to here counts as none
CLEAR_WORK = 1e-9  # work from here on is certainly positive
TOUCH = 1e-11  # an advantage within this, relative to the rewards, may be zero
APART = 1e-9  # charges further apart than this, relative to them, are different
TIE = 1e-12
THIN = 8  # entries per row up to which waiting moves to few states
MOST_CANCELLATION = 1e4  # largest loss of digits, relative to the rewards or the index, that is accepted
ROUNDING = 2e-15  # error of an index per unit of cancellation, for n = 1; it grows like the root of n
SMALLEST_PIVOT = 1e-6


@njit(nogil=True, cache=True)
def index_types(transitions, rewards, beta, first, last, index, error, margin, order, report, codes):
    """Index, error and order (K, n), margin (K, 2) and report (K, 9) of the types ``first <= k < last``; codes (K,)."""
    n = rewards.shape[2]
    system, advantage = np.empty((n, 2 * n)), np.empty((2, n))
    for k in range(first, last):
        p, thin = transitions[k], _few(transitions[k, 0])
        scale = power_of_two(rewards[k])
        transpose(p, beta, system)
        pivot = _never_act(system, rewards[k] / scale, advantage, order[k], thin)
        if pivot < 0.0:
            transpose(p, beta, system)
            pivot = _never_act(system, rewards[k] / scale, advantage, order[k], False)
        codes[k] = _pivot(system, advantage, pivot, scale, index[k], error[k], margin[k], order[k], report[k])


@njit(nogil=True, cache=True)
def index_sparse(passive, active, rewards, beta, index, error, margin, order, report):
    """The same for one arm whose transitions are rows (start, column, probability); return the code."""
    n = rewards.shape[1]
    system, advantage = np.empty((n, 2 * n)), np.empty((2, n))
    scale = power_of_two(rewards)
    _scatter(passive, active, beta, system)
    pivot = _never_act(system, rewards / scale, advantage, order, len(passive[1]) <= THIN * n)
    if pivot < 0.0:
        _scatter(passive, active, beta, system)
        pivot = _never_act(system, rewards / scale, advantage, order, False)
    return _pivot(system, advantage, pivot, scale, index, error, margin, order, report)


@njit(nogil=True, cache=True)
def _few(rows):
    """Whether there are few entries per row; the first rows tell for most dense arms."""
    n, count = len(rows), 0
    for i in range(n):
        for j in range(n):
            count += rows[i, j] != 0.0
        if count > THIN * n:
            return False
    return n > THIN


@njit(nogil=True, cache=True)
def _scatter(passive, active, beta, system):
    """``-beta P0`` and ``beta (P1 - P0)``, both transposed, side by side."""
    n = len(system)
    system[:] = 0.0
    for sign, (start, column, chance) in ((-1.0, passive), (1.0, active)):
        for i in range(n):
            for e in range(start[i], start[i + 1]):
                system[column[e], n + i] += sign * beta * chance[e]
                if sign < 0.0:
                    system[column[e], i] -= beta * chance[e]


@njit(nogil=True, cache=True)
def _never_act(system, rewards, advantage, state, thin):
    """As :func:`rmab._kernels.elimination.never_act`, from a system that holds the transitions; -1 if it is not thin.

    The last state and one that is visited for ever change places, for all values are relative to the last; ``state`` (n,)
    tells which state is where.
    """
    n = rewards.shape[1]
    pin = _visited(system, n)
    state[:] = np.arange(n)
    state[pin], state[n - 1] = n - 1, pin
    for matrix in (system[:, :n], system[:, n:]):
        for s in range(n):
            matrix[pin, s], matrix[n - 1, s] = matrix[n - 1, s], matrix[pin, s]
        for s in range(n):
            matrix[s, pin], matrix[s, n - 1] = matrix[s, n - 1], matrix[s, pin]
    for s in range(n):
        system[s, s] += 1.0
        system[n - 1, s] = 1.0
        system[n - 1, n + s] = 0.0
    smallest = solve_thin(system, n, max(16 * n, n * n // 8)) if thin else solve_in_place(system, n)
    if not smallest > 0.0:
        return smallest
    for i in range(n):
        advantage[0, i], advantage[1, i] = 1.0, rewards[1, state[i]] - rewards[0, state[i]]
    for j in range(n):
        for i in range(n):
            advantage[1, i] += system[j, n + i] * rewards[0, state[j]]
    return min(smallest, n / system[n - 1, n - 1])


@njit(nogil=True, cache=True)
def _visited(system, n):
    """Where the most likely move of waiting leads in the end; a likely member of the only recurrent class."""
    s, seen = 0, np.zeros(n, np.bool_)
    while not seen[s]:
        seen[s] = True
        best = 0
        for t in range(n):
            if system[t, s] < system[best, s]:
                best = t
        s = best
    return s


@njit(nogil=True, cache=True)
def _pivot(system, advantage, pivot, scale, index, error, margin, order, report):
    """Run the greedy algorithm where the first pivot permits; ``order`` tells which state is where."""
    state = order.copy()
    report[:] = 0.0
    report[LEAST] = 1.0
    margin[:] = 1.0, 0.0
    index[:], error[:], order[:] = 0.0, np.inf, np.arange(len(order))
    if not pivot > SMALLEST_PIVOT:
        return IRREGULAR
    code = greedy(system[:, len(order) :], advantage, pivot, state, index, error, order, report)
    margin[0] = report[LEAST]
    index *= scale
    error *= scale
    report[ABOVE:] *= scale
    return code


@njit(nogil=True, cache=True)
def greedy(columns, advantage, smallest, state, index, error, order, report):
    """Write ``index``, ``error``, ``order`` (n,) and ``report`` (9,); return STRONG, STRICT or IRREGULAR.

    ``columns`` (n, n), ``columns[j, i] = T[i, j]``, is overwritten; ``advantage`` (2, n) is for rewards of scale 1,
    ``smallest`` is the smallest pivot so far, and ``state`` (n,) the state at each place. Only the first states
    of ``order`` got an index if no state was left to go on with; the others follow in order of their numbers.
    """
    n = advantage.shape[1]
    lines = np.empty((4, n))  # work and pay, and the largest magnitude that each has had
    lines[:2], lines[2:] = advantage, np.abs(advantage)
    panel = _panel(n)
    pivot_columns, pivot_rows = np.empty((panel, n)), np.empty((panel, n))
    acts, touched = np.zeros(n, np.bool_), np.full(n, -np.inf)
    regular, charge, left = True, np.inf, n
    rounding = ROUNDING * np.sqrt(n)
    while left > 0:
        panel = min(panel, left)
        for held in range(panel):
            before, size = charge, n - left + held
            j, charge = _next(left, acts, state, lines)
            regular &= _inspect(acts, state, lines, before, charge, size, index, touched, report)
            if j < 0:
                report[FLAGS] = int(report[FLAGS]) | STUCK
                _complete(order, size)
                return IRREGULAR
            cancellation = (lines[3, j] + abs(charge) * lines[2, j]) / (lines[0, j] * min(smallest, 1.0))
            regular &= cancellation <= MOST_CANCELLATION * max(1.0, abs(charge))
            regular &= touched[state[j]] <= charge + APART * max(1.0, abs(charge))
            if charge > before + APART * max(1.0, abs(before)):
                report[FLAGS] = int(report[FLAGS]) | INCREASE
            order[size], index[state[j]], error[state[j]] = state[j], charge, rounding * cancellation
            current_column(columns, j, n, held, pivot_columns, pivot_rows)
            pivot = 1.0 - pivot_columns[held, j]
            smallest = min(smallest, pivot)
            if not smallest > SMALLEST_PIVOT:
                _complete(order, size + 1)
                return IRREGULAR
            current_row(columns, left, j, 1.0 / pivot, held, pivot_columns, pivot_rows)
            for k in range(2):
                add_line(lines[k], lines[k, j] / pivot, pivot_columns[held], lines[2 + k])
            acts[j] = True
        left = close_ranks(columns, n, state, acts, lines, left, panel, pivot_columns, pivot_rows)
        add_product(pivot_rows[:panel, :left], pivot_columns[:panel, :n], columns[:left, :n])
    _inspect(acts, state, lines, charge, -np.inf, n, index, touched, report)
    regular &= np.abs(lines[0] - 1.0).max() < CLEAR_WORK and report[FLAGS] <= LAW
    if not regular:
        return IRREGULAR
    return STRONG if report[LEAST] > CLEAR_WORK else STRICT


@njit(nogil=True, cache=True)
def _panel(n):
    """Exchanges per matrix product: more for arms that do not fit into the cache."""
    if n <= 300:
        return min(n, 16)
    return 32 if n <= 3000 else 96


@njit(nogil=True, cache=True)
def _next(left, acts, state, lines):
    """Place of the waiting state whose advantage is the next to reach zero, and the charge at which it does; -1 if none."""
    work, pay = lines[0], lines[1]
    charge = -np.inf
    for c in range(left):
        if not acts[c] and work[c] > ZERO_WORK and pay[c] > charge * work[c]:
            charge = pay[c] / work[c]
    if charge == -np.inf:
        return -1, charge
    place, least = -1, charge - TIE * max(1.0, abs(charge))
    for c in range(left):
        if not acts[c] and work[c] > ZERO_WORK and pay[c] >= least * work[c] and (place < 0 or state[c] < state[place]):
            place = c
    return place, pay[place] / work[place]


@njit(nogil=True, cache=True)
def _inspect(acts, state, lines, before, charge, size, index, touched, report):
    """Take the work of all rows at the present set into the report; return whether no advantage is doubtful at ``charge``."""
    work, pay = lines[0], lines[1]
    least, violations, regular, first = np.inf, 0, True, int(report[FLAGS]) & RETURN == 0
    for c in range(len(work)):
        least = min(least, work[c])
        violations += work[c] <= ZERO_WORK
        if charge == -np.inf:
            continue
        advantage = pay[c] - charge * work[c]
        if acts[c]:
            if advantage < -TOUCH:
                if first and work[c] < 0.0 and (int(report[FLAGS]) & RETURN == 0 or pay[c] / work[c] > report[TURN]):
                    report[RETURNED], report[ABOVE], report[TURN], report[BELOW] = state[c], before, pay[c] / work[c], charge
                report[FLAGS] = int(report[FLAGS]) | RETURN
            elif advantage <= TOUCH and index[state[c]] > charge + APART * max(1.0, abs(charge)):
                regular = False
        elif advantage > -TOUCH and touched[state[c]] == -np.inf:
            touched[state[c]] = charge
    report[SETS] += 1
    report[VIOLATIONS] += violations
    if violations:
        report[FLAGS] = int(report[FLAGS]) | LAW
    if least < report[LEAST] - ZERO_WORK:
        report[LEAST], report[SIZE] = least, size
    return regular


@njit(nogil=True, cache=True)
def _complete(order, count):
    """Let the states that are not among the first ``count`` follow in order of their numbers."""
    seen = np.zeros(len(order), np.bool_)
    for t in range(count):
        seen[order[t]] = True
    for s in range(len(order)):
        if not seen[s]:
            order[count] = s
            count += 1
