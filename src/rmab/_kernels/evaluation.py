"""Value of a stationary policy of one arm, and the advantage of every action over it.

One form serves every discount up to and including 1. With the gain ``g = (1 - beta) v[0]`` and the bias ``h = v - v[0]``,

    (I - beta P_pi) h + g 1 = r_pi,   h[0] = 0,

is regular at ``beta = 1`` whenever the policy has one recurrent class: it is then the average-reward equation. The column of
the unknown ``h[0]`` holds ones and stands for ``g``. A pivot near zero announces a policy with several recurrent classes (or
nearly so); the caller then evaluates at ``beta`` just below 1 in extended precision.

Reference: M. L. Puterman, Markov Decision Processes (1994), sections 6.4 and 8.6. Cost: S^3/3 multiplications.
"""

import numpy as np
from numba import njit

from rmab._kernels.double_double import add, divide, multiply


@njit(nogil=True, cache=True)
def evaluate(transitions, policy, rhs, beta, extended, charge, gain, bias, advantage):
    """Evaluate ``policy`` for ``m`` right-hand sides at once; return the smallest pivot met.

    ``transitions`` (A, S, S), ``policy`` (S,), ``rhs`` (A, S, m) hold one reward function per column. Written on return:
    ``gain`` (m,), ``bias`` (S, m), so that the value per period from start ``mu`` is ``gain + (1 - beta) * mu @ bias``, and
    ``advantage`` (A, S, m) ``= rhs[a, s] - rhs[pi(s), s] + beta * (P[a, s] - P[pi(s), s]) @ bias``. With ``extended`` all is
    computed in double-double arithmetic on rows scaled to sum to 1 exactly, and rounded at the end. Where ``advantage`` has
    room for a third column, it gets the first less ``charge`` times the second, taken before rounding. A zero pivot leaves
    the outputs as they were.
    """
    if extended:
        return _evaluate_extended(transitions, policy, rhs, beta, charge, gain, bias, advantage)
    return _evaluate_double(transitions, policy, rhs, beta, charge, gain, bias, advantage)


@njit(nogil=True, cache=True)
def _evaluate_double(transitions, policy, rhs, beta, charge, gain, bias, advantage):
    n_actions, n, m = rhs.shape
    system = np.empty((n, n + m))
    for s in range(n):
        row = transitions[policy[s], s]
        for t in range(n):
            system[s, t] = -beta * row[t]
        system[s, s] += 1.0
        system[s, 0] = 1.0
        for c in range(m):
            system[s, n + c] = rhs[policy[s], s, c]
    smallest = _eliminate(system, n)
    if smallest == 0.0:
        return smallest
    for c in range(m):
        gain[c] = system[0, n + c]
        bias[0, c] = 0.0
        for s in range(1, n):
            bias[s, c] = system[s, n + c]
    for s in range(n):
        kept = transitions[policy[s], s]
        for a in range(n_actions):
            other = transitions[a, s]
            for c in range(m):
                total = 0.0
                for t in range(n):
                    total += (other[t] - kept[t]) * bias[t, c]
                advantage[a, s, c] = rhs[a, s, c] - rhs[policy[s], s, c] + beta * total
            if advantage.shape[2] == 3:
                advantage[a, s, 2] = advantage[a, s, 0] - charge * advantage[a, s, 1]
    return smallest


@njit(nogil=True, cache=True)
def _eliminate(system, n):
    """Gauss elimination with partial pivoting on the first ``n`` columns; solutions replace the others."""
    width = system.shape[1]
    smallest = np.inf
    for k in range(n):
        pivot_row = k
        for i in range(k + 1, n):
            if abs(system[i, k]) > abs(system[pivot_row, k]):
                pivot_row = i
        smallest = min(smallest, abs(system[pivot_row, k]))
        if smallest == 0.0:
            return smallest
        if pivot_row != k:
            for j in range(k, width):
                system[k, j], system[pivot_row, j] = system[pivot_row, j], system[k, j]
        for i in range(k + 1, n):
            if system[i, k] != 0.0:
                factor = system[i, k] / system[k, k]
                for j in range(k + 1, width):
                    system[i, j] -= factor * system[k, j]
    for k in range(n - 1, -1, -1):
        for c in range(n, width):
            total = system[k, c]
            for j in range(k + 1, n):
                total -= system[k, j] * system[j, c]
            system[k, c] = total / system[k, k]
    return smallest


@njit(nogil=True, cache=True)
def _evaluate_extended(transitions, policy, rhs, beta, charge, gain, bias, advantage):
    n_actions, n, m = rhs.shape
    p, p_low = _rows_to_one(transitions)
    system = np.empty((n, n + m))
    system_low = np.zeros((n, n + m))
    for s in range(n):
        for t in range(n):
            high, low = multiply(p[policy[s], s, t], p_low[policy[s], s, t], -beta, 0.0)
            if t == s:
                high, low = add(high, low, 1.0, 0.0)
            system[s, t], system_low[s, t] = high, low
        system[s, 0], system_low[s, 0] = 1.0, 0.0
        for c in range(m):
            system[s, n + c] = rhs[policy[s], s, c]
    smallest = _eliminate_extended(system, system_low, n)
    if smallest == 0.0:
        return smallest
    for c in range(m):
        gain[c] = system[0, n + c]
        system[0, n + c] = system_low[0, n + c] = 0.0
        for s in range(n):
            bias[s, c] = system[s, n + c]
    for s in range(n):
        b = policy[s]
        for a in range(n_actions):
            second, second_low = 0.0, 0.0
            for c in range(m - 1, -1, -1):
                total, total_low = 0.0, 0.0
                for t in range(n):
                    d, d_low = add(p[a, s, t], p_low[a, s, t], -p[b, s, t], -p_low[b, s, t])
                    d, d_low = multiply(d, d_low, system[t, n + c], system_low[t, n + c])
                    total, total_low = add(total, total_low, d, d_low)
                total, total_low = multiply(total, total_low, beta, 0.0)
                total, total_low = add(total, total_low, rhs[a, s, c], 0.0)
                total, total_low = add(total, total_low, -rhs[b, s, c], 0.0)
                advantage[a, s, c] = total
                if c == 1:
                    second, second_low = multiply(total, total_low, -charge, 0.0)
                elif c == 0 and advantage.shape[2] == 3:
                    total, total_low = add(total, total_low, second, second_low)
                    advantage[a, s, 2] = total
    return smallest


@njit(nogil=True, cache=True)
def _rows_to_one(transitions):
    """Rows divided by their sum in double-double: a defect of 1e-16 would outweigh ``1 - beta`` itself."""
    high = transitions.copy()
    low = np.zeros_like(high)
    n_actions, n, _ = high.shape
    for a in range(n_actions):
        for s in range(n):
            total, total_low = 0.0, 0.0
            for t in range(n):
                total, total_low = add(total, total_low, high[a, s, t], 0.0)
            for t in range(n):
                high[a, s, t], low[a, s, t] = divide(high[a, s, t], 0.0, total, total_low)
    return high, low


@njit(nogil=True, cache=True)
def _eliminate_extended(system, system_low, n):
    """``_eliminate`` in double-double."""
    width = system.shape[1]
    smallest = np.inf
    for k in range(n):
        pivot_row = k
        for i in range(k + 1, n):
            if abs(system[i, k]) > abs(system[pivot_row, k]):
                pivot_row = i
        smallest = min(smallest, abs(system[pivot_row, k]))
        if smallest == 0.0:
            return smallest
        if pivot_row != k:
            for j in range(k, width):
                system[k, j], system[pivot_row, j] = system[pivot_row, j], system[k, j]
                system_low[k, j], system_low[pivot_row, j] = system_low[pivot_row, j], system_low[k, j]
        for i in range(k + 1, n):
            if system[i, k] != 0.0:
                f, f_low = divide(system[i, k], system_low[i, k], system[k, k], system_low[k, k])
                for j in range(k + 1, width):
                    q, q_low = multiply(f, f_low, system[k, j], system_low[k, j])
                    system[i, j], system_low[i, j] = add(system[i, j], system_low[i, j], -q, -q_low)
    for k in range(n - 1, -1, -1):
        for c in range(n, width):
            total, total_low = system[k, c], system_low[k, c]
            for j in range(k + 1, n):
                q, q_low = multiply(system[k, j], system_low[k, j], system[j, c], system_low[j, c])
                total, total_low = add(total, total_low, -q, -q_low)
            system[k, c], system_low[k, c] = divide(total, total_low, system[k, k], system_low[k, k])
    return smallest
