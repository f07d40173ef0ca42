"""One period of GINO-Q as published: two tables per type and a gated price.

For every arm in order, n the visits of its cell (s, a) with this one, t the next state, m the mean of the table Q:

    Q(s, a) += C2 / (n sqrt(log(n + 1))) * (r - price a + max_b Q(t, b) - Q(s, a) - m)
    D(s, a) += C1 / n * (a + D(t, b*) - D(s, a) - h),      b* = argmax_b Q(t, b),   h = max_b D(s0, b)

Then y = budget - sum over arms of h, and if |y| < |y before|: price -= C3 / (t log(t + 1)) * y in every C4-th period t.
The published steps have log(n), which is 0 at the first visit, and no limit; n + 1 and at most 1 are the smallest repairs.
"""

import numpy as np
from numba import njit

from rmab._kernels.crowd import act, move, settle
from rmab._kernels.gino_q import rate

IMBALANCE = 1
FOLLOW, FOLLOW_BUDGET = 0.01, 0.001


@njit(nogil=True, cache=True)
def learn_published(world, crowd, actor, first, last, score, level, visits, tables, constants, reference, watch):
    """Periods ``first <= t < last`` in the simulator; the others as for ``absorb_published``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        absorb_published(crowd, actor.k, step, score, level, tables, constants, reference, watch)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_published(crowd, budget, step, score, level, tables, constants, reference, watch):
    """Learn from one period; ``tables``: q, d (K, S, 2, 1), seen (K, S, 2) int64, label (S,), offset (K,), td (K, S, 2);
    ``constants``: C1 to C4; ``watch``: y before and the moving average of y / N.
    """
    q, d, seen, label, offset, td = tables
    fast, slow, pace, every = constants
    owed = float(budget)
    for k in range(len(q)):
        _learn_type(crowd, k, q[k], d[k], seen[k], offset, td[k], level[0], fast, slow, reference)
        active = max(d[k, reference, 0, 0], d[k, reference, 1, 0])
        owed -= active * (crowd.first_arm[k + 1] - crowd.first_arm[k])
    period = step + 1
    if abs(owed) < abs(watch[0]) and period % every == 0:
        level[0] -= pace / (period * np.log(period + 1.0)) * owed
    watch[0] = owed
    watch[IMBALANCE] += FOLLOW_BUDGET * (owed / len(crowd.state) - watch[IMBALANCE])
    rate(q, label, level[0], score)


@njit(nogil=True, cache=True)
def _learn_type(crowd, k, q, d, seen, offset, td, price, fast, slow, reference):
    share = 1.0 / (2 * len(q))
    offset[k] = q.sum() * share
    for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
        s, t, a = crowd.state[i], crowd.following[i], crowd.action[i]
        seen[s, a] += 1
        n = float(seen[s, a])
        best = 1 if q[t, 1, 0] > q[t, 0, 0] else 0
        ahead = d[t, best, 0] - max(d[reference, 0, 0], d[reference, 1, 0])
        error = crowd.reward[i] - price * a + q[t, best, 0] - q[s, a, 0] - offset[k]
        moved = min(slow / (n * np.sqrt(np.log(n + 1.0))), 1.0) * error
        q[s, a, 0] += moved
        offset[k] += share * moved
        d[s, a, 0] += min(fast / n, 1.0) * (a + ahead - d[s, a, 0])
        td[s, a] += FOLLOW * (error - td[s, a])
