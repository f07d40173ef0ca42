"""Likelihood-ratio tests that rows of a transition matrix have changed, from counts of recent and of earlier moves.

A row (a, s) was left ``m`` times recently and ``n`` times before; of these ``x_t`` and ``y_t`` led to t. If nothing changed,

    G = 2 sum_t [ x_t log(x_t / (m p_t)) + y_t log(y_t / (n p_t)) ],   p_t = (x_t + y_t) / (m + n),

is about chi-square with as many degrees of freedom as there are states t that were reached, less one. G is divided by Williams'
correction, which brings it closer to that law where counts are small, and held against a critical value.

Reference: D. A. Williams, "Improved likelihood ratio tests for complete contingency tables", Biometrika 63 (1976).
Cost: O(K A S^2).
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def changed_types(counts, recent, least, critical, alarm):
    """Set ``alarm`` (K,) where some row of the type has changed.

    ``counts`` (K, A, S, S) include the ``recent`` ones; rows with less than ``least`` of either kind are passed over;
    ``critical[d]`` is the value for ``d`` degrees of freedom.
    """
    n_types, n_actions, n_states, _ = counts.shape
    for k in range(n_types):
        for a in range(n_actions):
            for s in range(n_states):
                statistic, freedom = row_test(counts[k, a, s], recent[k, a, s], least)
                if freedom > 0 and statistic > critical[freedom]:
                    alarm[k] = True


@njit(nogil=True, cache=True)
def row_test(counts, recent, least):
    """The corrected statistic of one row, shapes ``(S,)``, and its degrees of freedom; 0 of them: nothing to test."""
    now, ever = 0, 0
    for t in range(len(counts)):
        now += recent[t]
        ever += counts[t]
    before = ever - now
    if now < least or before < least:
        return 0.0, 0
    statistic, inverse, reached = 0.0, 0.0, 0
    for t in range(len(counts)):
        both = counts[t]
        if both == 0:
            continue
        reached += 1
        inverse += 1.0 / both
        x, y = recent[t], both - recent[t]
        if x > 0:
            statistic += 2.0 * x * np.log(x * ever / (now * both))
        if y > 0:
            statistic += 2.0 * y * np.log(y * ever / (before * both))
    if reached < 2:
        return 0.0, 0
    spread = (ever / now + ever / before - 1.0) * (ever * inverse - 1.0)
    return statistic / (1.0 + spread / (6.0 * ever * (reached - 1))), reached - 1
