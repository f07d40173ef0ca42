"""Q-learning at several charges at once: one table per charge, all of them learning from every transition.

Arms of type k move from s by action a, earn r and come to t. At the charge ``y[l]`` per unit of the action's cost, in every
lane l:

    q[s, a, l] += gain[s, a] * (r - cost[a] * y[l] + beta * max_b q[t, b, l] - offset[l] - q[s, a, l])

With ``beta = 1`` (average reward) the offset is the mean of the lane's table, the reference of relative value iteration; with
a discount it is 0, for subtracting both would solve neither equation. Lanes lie innermost in memory, so the loop over them runs
in vector registers. States may be lumped into clusters by ``label``.

1. ``refresh_gain`` computes the step sizes once a period from the visits: scale / (1 + n / horizon)^power.
2. ``update`` goes through the arms in order; the mean is kept by adding what changes, and taken afresh every 1024 periods.
3. ``td`` follows the TD error of every cell in the lane of its own state (modulo the lanes): its mean is the Bellman residual.

Reference: J. Abounadi, D. Bertsekas, V. S. Borkar, "Learning algorithms for Markov decision processes with average cost", SIAM
Journal on Control and Optimization 40 (2001), RVI Q-learning. Cost: O(N L A) per period.
"""

import numpy as np
from numba import njit

REFRESH = 1024
FOLLOW = 0.01


@njit(nogil=True, cache=True)
def refresh_gain(crowd, visits, label, scale, horizon, power, gain):
    """Step sizes ``gain`` (K, C, A) from ``visits`` (K, S, A), those of a cluster's states added up.

    Where there are more cells than arms, only those that an arm is in.
    """
    n_types, n_states, n_actions = visits.shape
    if gain.size > len(crowd.state) and gain.shape[1] == n_states:
        for k in range(n_types):
            for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
                s, a = crowd.state[i], crowd.action[i]
                gain[k, label[s], a] = _step_size(visits[k, s, a], scale, horizon, power)
        return
    gain[:] = 0.0
    for k in range(n_types):
        for s in range(n_states):
            for a in range(n_actions):
                gain[k, label[s], a] += visits[k, s, a]
    for k in range(n_types):
        for c in range(gain.shape[1]):
            for a in range(n_actions):
                gain[k, c, a] = _step_size(gain[k, c, a], scale, horizon, power)


@njit(inline="always")
def _step_size(n, scale, horizon, power):
    return scale if power == 0.0 else scale / (1.0 + n / horizon) ** power


@njit(nogil=True, cache=True)
def update(crowd, step, label, q, charge, cost, gain, beta, offset, td):
    """One transition of every arm into ``q`` (K, C, A, L) at the ``charge`` (K, L); ``offset`` (K, L) and ``td`` (K, C, A)."""
    n_types, n_clusters, n_actions, n_lanes = q.shape
    if beta == 1.0 and step % REFRESH == 0:
        average(q, offset)
    share = 1.0 / (n_clusters * n_actions) if beta == 1.0 else 0.0
    best = np.empty(n_lanes)
    for k in range(n_types):
        arms = crowd.first_arm[k], crowd.first_arm[k + 1]
        if n_lanes == 1 and n_actions == 2:
            flat = q[k].ravel(), gain[k].ravel(), td[k].ravel()
            _learn_one_lane(crowd, arms, label, flat, cost[1] * charge[k, 0], beta, share, offset[k])
        else:
            _learn_lanes(crowd, arms, label, (q[k], gain[k], td[k]), cost, charge[k], beta, share, offset[k], best)


@njit(nogil=True, cache=True)
def _learn_one_lane(crowd, arms, label, flat, price, beta, share, offset):
    """The arms of one type, one charge and two actions; tables are flat."""
    q, gain, td = flat
    state, action, reward, following = crowd.state, crowd.action, crowd.reward, crowd.following
    mean = offset[0]
    for i in range(*arms):
        a = action[i]
        cell = np.uint64(2 * label[state[i]] + a)
        ahead = np.uint64(2 * label[following[i]])
        error = reward[i] - price * a + beta * max(q[ahead], q[ahead + np.uint64(1)]) - mean - q[cell]
        moved = gain[cell] * error
        q[cell] += moved
        mean += share * moved
        td[cell] += FOLLOW * (error - td[cell])
    offset[0] = mean


@njit(nogil=True, cache=True)
def _learn_lanes(crowd, arms, label, tables, cost, charge, beta, share, offset, best):
    """The arms of one type at several charges; ``best`` (L,) is room to work in."""
    q, gain, td = tables
    n_lanes, n_actions = len(charge), len(cost)
    for i in range(*arms):
        s, t, a, r = label[crowd.state[i]], label[crowd.following[i]], crowd.action[i], crowd.reward[i]
        ahead, here, size, price = q[t], q[s, a], gain[s, a], cost[a]
        for lane in range(n_lanes):
            best[lane] = max(ahead[0, lane], ahead[1, lane])
        for b in range(2, n_actions):
            for lane in range(n_lanes):
                best[lane] = max(best[lane], ahead[b, lane])
        watched = s % n_lanes
        error = r - price * charge[watched] + beta * best[watched] - offset[watched] - here[watched]
        for lane in range(n_lanes):
            moved = size * (r - price * charge[lane] + beta * best[lane] - offset[lane] - here[lane])
            here[lane] += moved
            offset[lane] += share * moved
        td[s, a] += FOLLOW * (error - td[s, a])


@njit(nogil=True, cache=True)
def average(q, offset):
    """The mean of each lane's table over states and actions into ``offset`` (K, L)."""
    n_types, n_clusters, n_actions, n_lanes = q.shape
    offset[:] = 0.0
    for k in range(n_types):
        for c in range(n_clusters):
            for a in range(n_actions):
                for lane in range(n_lanes):
                    offset[k, lane] += q[k, c, a, lane] / (n_clusters * n_actions)
