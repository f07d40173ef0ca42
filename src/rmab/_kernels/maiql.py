"""One period of Q-learning of an index of several actions: one table per (action, state) at that pair's own charge.

In the table of lane (a - 1) * C + z every unit of cost is charged ``index[a - 1, z]``, until actions a and a - 1 tie in z:

1. Actions: arms are raised by index (:mod:`rmab._kernels.action_plan`), or, exploring, random ones.
2. All lanes learn from all transitions (:mod:`rmab._kernels.charged_q`).
3. In each lane index += pace * (q[z, a] - q[z, a - 1]) / (cost[a] - cost[a - 1]), kept within ``limit``, and only once
   both actions were taken in z ``patience`` times since the last time: the gap of what is seldom visited follows the index
   late, and would push it far away.

Cost: O(N A L) per period with L = (A - 1) C.
"""

import numpy as np
from numba import njit

from rmab._kernels.action_crowd import follow, hand_out, shuffled
from rmab._kernels.action_plan import plan_by_index
from rmab._kernels.charged_q import refresh_gain, update
from rmab._kernels.crowd import explores, move, settle

FOLLOW = 0.01


@njit(nogil=True, cache=True)
def learn_maiql(world, crowd, actor, first, last, visits, label, tables, index, steps, beta):
    """Periods ``first <= t < last`` in the simulator; ``index`` is (score (K, S), taken (K, L, 2), watch (3,))."""
    for step in range(first, last):
        act_maiql(crowd, actor, step, visits, label, tables)
        move(world, crowd, step)
        absorb_maiql(crowd, step, visits, label, tables, index, steps, beta)
        settle(crowd)


@njit(nogil=True, cache=True)
def act_maiql(crowd, actor, step, visits, label, tables):
    """Choose the actions of one period."""
    charge, cost = tables[1], tables[2]
    if explores(crowd, actor, step):
        hand_out(crowd, step, cost, float(actor.k), visits)
        return
    order = shuffled(crowd, step)
    n_raises, n_states = len(cost) - 1, len(label)
    n_clusters = charge.shape[1] // n_raises
    index = np.empty((len(order), n_raises))
    counts = np.empty(len(order), dtype=np.int64)
    for c in range(len(order)):
        counts[c] = crowd.counts[order[c]]
        for a in range(n_raises):
            index[c, a] = charge[order[c] // n_states, a * n_clusters + label[order[c] % n_states]]
    plan = np.empty((len(order), n_raises + 1), dtype=np.int64)
    plan_by_index(counts, index, cost, float(actor.k), -np.inf if actor.exactly else 0.0, plan)
    follow(crowd, step, order, plan, visits)


@njit(nogil=True, cache=True)
def absorb_maiql(crowd, step, visits, label, tables, index, steps, beta):
    """Learn from one period.

    ``tables`` are q (K, C, A, L), charge (K, L), cost (A,), gain (K, C, A), offset and TD error; ``steps`` are scale, horizon
    and power of the table's steps, then of the index's, the limit in units of the range of rewards seen, and the patience.
    """
    q, charge, cost, gain, offset, td = tables
    score, taken, watch = index
    scale, horizon, power, pace, index_horizon, index_power, limit, patience = steps
    refresh_gain(crowd, visits, label, scale, horizon, power, gain)
    update(crowd, step, label, q, charge, cost, gain, beta, offset, td)
    see(crowd, label, taken, watch)
    pace /= (1.0 + step / index_horizon) ** index_power
    gap = move_index(q, charge, cost, taken, pace, patience, limit * (watch[1] - watch[0]))
    watch[2] += FOLLOW * (gap - watch[2])
    for k in range(len(score)):
        for s in range(len(label)):
            score[k, s] = charge[k, label[s]]


@njit(nogil=True, cache=True)
def see(crowd, label, taken, watch):
    """Count in ``taken`` (K, L, 2) how often lanes saw their two actions in their state; note the range of rewards."""
    n_clusters = label.max() + 1
    n_raises = taken.shape[1] // n_clusters
    for k in range(len(taken)):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            z, a = label[crowd.state[i]], crowd.action[i]
            if a > 0:
                taken[k, (a - 1) * n_clusters + z, 1] += 1
            if a < n_raises:
                taken[k, a * n_clusters + z, 0] += 1
            watch[0] = min(watch[0], crowd.reward[i])
            watch[1] = max(watch[1], crowd.reward[i])


@njit(nogil=True, cache=True)
def move_index(q, charge, cost, taken, pace, patience, limit):
    """Move every charge towards where its two actions tie; returns the mean size of the gaps that were seen, over all lanes."""
    n_types, n_clusters, _, n_lanes = q.shape
    total = 0.0
    for k in range(n_types):
        for lane in range(n_lanes):
            if min(taken[k, lane, 0], taken[k, lane, 1]) >= patience:
                a, z = lane // n_clusters + 1, lane % n_clusters
                gap = (q[k, z, a, lane] - q[k, z, a - 1, lane]) / (cost[a] - cost[a - 1])
                charge[k, lane] = min(max(charge[k, lane] + pace * gap, -limit), limit)
                total += abs(gap)
                taken[k, lane] = 0
    return total / (n_types * n_lanes)
