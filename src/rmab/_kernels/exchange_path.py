"""Index of one large arm along its path of optimal policies, with an exchange per switch instead of a linear system.

States may switch more than once, so every column of ``T`` is kept. It starts from the policy that always acts: exchanging the
two actions turns that into the policy that never acts, for which the set-up exists; ``T`` is then that of the advantage of
waiting.

Rounding would build up along the path. So the lines are corrected whenever a panel of exchanges has been applied: with ``T0``
and ``c`` from the set-up, and ``B`` the states that wait, the lines of the present policy satisfy ``x = c + T0[:, B] x[B]``,
and if this leaves a residue ``d``, then ``d + T[:, B] d[B]`` is what ``x`` lacks. The largest such correction is the measure
of error.

Cost: (8/3) n^3 operations and 2 n^2 per switch; n switches for an arm that is strongly indexable. A pivot near zero, or an
index that is less exact than LEAST_ACCURACY, ends it with UNDECIDED.
"""

import numpy as np
from numba import njit

from rmab._kernels.blas import add_product
from rmab._kernels.elimination import never_act
from rmab._kernels.exchange import accumulate, current_column, current_row
from rmab._kernels.path_step import MARGIN, start_track, step
from rmab._kernels.scaling import power_of_two
from rmab._kernels.verdict import STRONG, UNDECIDED, WEAK

PANEL = 32
SMALLEST_PIVOT = 1e-7
ROUNDING = 4e-16  # error of the lines per unit of their size, for n = 1 and a set-up with pivots of order one
LEAST_ACCURACY = 1e-7  # of an index, relative to the rewards or the index itself


@njit(nogil=True, cache=True)
def index_arm(transitions, rewards, beta, index, error, margin, witness):
    """As :func:`rmab._kernels.whittle_path.index_arm`; UNDECIDED where double precision is not enough."""
    scale = power_of_two(rewards)
    code = _follow(transitions, rewards / scale, beta, index, error, margin, witness)
    for s in range(len(index)):
        if not error[s] <= LEAST_ACCURACY * max(1.0, abs(index[s])):
            code = UNDECIDED
    index *= scale
    error *= scale
    margin[1] *= scale
    witness[1:] *= scale
    return code


@njit(nogil=True, cache=True)
def _follow(transitions, rewards, beta, index, error, margin, witness):
    n = index.shape[0]
    index[:], error[:], margin[:] = np.inf, 0.0, (1.0, 0.0)
    system, start = np.empty((n, 2 * n)), np.empty((2, n))
    smallest = never_act(transitions[::-1].copy(), rewards[::-1].copy(), beta, system, start)
    if not smallest > SMALLEST_PIVOT:
        return UNDECIDED
    start[1] *= -1.0
    original, lines = system[:, n:].copy(), np.empty((3, n))
    lines[:2], lines[2] = start, start[1]
    columns = system[:, n:]
    policy, track, exits = np.ones(n, np.int64), start_track(n), np.empty(n)
    pivot_columns, pivot_rows = np.empty((PANEL, n)), np.empty((PANEL, n))
    verdict, charge, stalled, held = STRONG, -np.inf, 0.0, 0
    rounding, drift = ROUNDING * np.sqrt(n), 0.0
    for _ in range(50 * n):
        drift = max(drift, rounding * np.abs(lines[:2]).max() / min(1.0, smallest))
        least = max(MARGIN, 4.0 * drift)
        limits = (1e-13, max(1e-13, drift), least, least, stalled)
        before = charge
        lines[2] = lines[1]
        charge, code = step(policy, lines, 0.0, 1.0, limits, charge, track, exits, index, error, margin, witness)
        stalled = stalled + 1.0 if charge == before else 0.0
        verdict = max(verdict, code)
        if charge == np.inf:
            break
        for j in range(n):
            if exits[j] > charge + 1e-15 * abs(charge):
                continue
            sign = 1.0 if policy[j] == 1 else -1.0
            current_column(columns, j, n, held, pivot_columns, pivot_rows)
            pivot = 1.0 - sign * pivot_columns[held, j]
            smallest = min(smallest, pivot)
            if not pivot > SMALLEST_PIVOT:
                return UNDECIDED
            policy[j] = 1 - policy[j]
            current_row(columns, n, j, sign / pivot, held, pivot_columns, pivot_rows)
            for line in lines[:2]:
                line += pivot_columns[held] * (line[j] * sign / pivot)
            held += 1
            if held == PANEL:
                add_product(pivot_rows, pivot_columns, columns)
                held = 0
                drift = max(drift, _correct(original, columns, start, policy, lines))
    add_product(pivot_rows[:held], pivot_columns[:held], columns)
    drift = max(drift, _correct(original, columns, start, policy, lines))
    for s in range(n):
        error[s] = 0.0 if np.isinf(index[s]) else drift * error[s] + 2e-16 * abs(index[s])
    return UNDECIDED if policy.max() == 1 or (verdict == WEAK and beta == 1.0) else verdict


@njit(nogil=True, cache=True)
def _correct(original, columns, start, policy, lines):
    """Add what the lines lack; return the largest correction."""
    waits = 1.0 - policy
    largest = 0.0
    for k in range(2):
        residue = start[k] - lines[k]
        accumulate(residue, waits * lines[k], original)
        lack = residue.copy()
        accumulate(lack, waits * residue, columns)
        lines[k] += lack
        largest = max(largest, np.abs(lack).max())
    return largest
