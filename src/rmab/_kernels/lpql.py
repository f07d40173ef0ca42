"""One period of Q-learning of Lagrange policies: one table per charge of a grid, and a charge chosen by the present states.

1. Charge: that of the grid at which sum_i max_a q[s_i, a, l] + charge[l] * k / (1 - beta) is least.
2. Actions: those of largest sum_i q[s_i, a_i, l] + charge[l] * cost[a_i] within the budget, or, exploring, random ones.
3. All lanes learn from all transitions (:mod:`rmab._kernels.charged_q`).
4. Score of a cell: the most that an action there gains per unit of cost at the charge of step 1, which is not subtracted.

``spend`` (A,) and ``room`` are costs and budget in whole units, if there are such (``whole``). Cost: O(N A L) per period.
"""

import numpy as np
from numba import njit

from rmab._kernels.action_crowd import follow, hand_out, shuffled
from rmab._kernels.action_plan import plan_by_gain, plan_by_index, plan_exactly
from rmab._kernels.charged_q import refresh_gain, update
from rmab._kernels.crowd import explores, move, settle


@njit(nogil=True, cache=True)
def learn_lpql(world, crowd, actor, first, last, visits, label, tables, choice, spending, steps, beta):
    """Periods ``first <= t < last`` in the simulator; ``choice`` is (score (K, S), level (1,), lane (1,))."""
    for step in range(first, last):
        act_lpql(crowd, actor, step, visits, label, tables, choice, spending, beta)
        move(world, crowd, step)
        absorb_lpql(crowd, step, visits, label, tables, choice, steps, beta)
        settle(crowd)


@njit(nogil=True, cache=True)
def act_lpql(crowd, actor, step, visits, label, tables, choice, spending, beta):
    """Choose the charge, and the actions of one period."""
    q, charge, cost = tables[0], tables[1][0], tables[2]
    spend, room, whole = spending
    _, level, lane = choice
    lane[0] = least_charge(crowd, label, q, charge, actor.k / (1.0 - beta))
    level[0] = charge[lane[0]]
    if explores(crowd, actor, step):
        hand_out(crowd, step, spend, room, visits)
        return
    order = shuffled(crowd, step)
    n_actions, n_states = q.shape[2], len(label)
    worth = np.zeros((len(order), n_actions))
    counts = np.empty(len(order), dtype=np.int64)
    for c in range(len(order)):
        k, s = order[c] // n_states, label[order[c] % n_states]
        counts[c] = crowd.counts[order[c]]
        for a in range(1, n_actions):
            worth[c, a] = q[k, s, a, lane[0]] - q[k, s, 0, lane[0]] + level[0] * cost[a]
    plan = np.empty(worth.shape, dtype=np.int64)
    if actor.exactly:
        plan_by_index(counts, worth[:, 1:], spend, room, -np.inf, plan)
    elif whole:
        plan_exactly(counts, worth, spend, room, plan)
    else:
        plan_by_gain(counts, worth, spend, room, plan)
    follow(crowd, step, order, plan, visits)


@njit(nogil=True, cache=True)
def absorb_lpql(crowd, step, visits, label, tables, choice, steps, beta):
    """Learn from one period; ``tables`` are q (K, C, A, L), charge (K, L), cost (A,), gain (K, C, A), offset and TD error."""
    q, charge, cost, gain, offset, td = tables
    score, level, lane = choice
    refresh_gain(crowd, visits, label, steps[0], steps[1], steps[2], gain)
    update(crowd, step, label, q, charge, cost, gain, beta, offset, td)
    for k in range(len(q)):
        for s in range(len(label)):
            values = q[k, label[s], :, lane[0]]
            score[k, s] = -np.inf
            for a in range(1, len(cost)):
                score[k, s] = max(score[k, s], (values[a] - values[0]) / cost[a] + level[0])


@njit(nogil=True, cache=True)
def least_charge(crowd, label, q, charge, budget):
    """The lane in which the relaxed problem from the present states is worth least; ``budget`` is for all time, discounted."""
    n_types, _, n_actions, n_lanes = q.shape
    n_states = len(label)
    total = charge * budget
    for k in range(n_types):
        for s in range(n_states):
            here = crowd.counts[k * n_states + s]
            if here == 0:
                continue
            for lane in range(n_lanes):
                best = q[k, label[s], 0, lane]
                for a in range(1, n_actions):
                    best = max(best, q[k, label[s], a, lane])
                total[lane] += here * best
    return np.argmin(total)
