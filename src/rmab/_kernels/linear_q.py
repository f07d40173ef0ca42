"""One period of Q-learning with linear features at one common price, and the price moved by what the arms would do at it.

1. For every arm of type k that moves from s by action a to t and earns r, with Q(s, a) = features[s] @ theta[a]:

       delta = r - price * a + beta * max_b Q(t, b) - offset - Q(s, a),      theta[a] += gain[s, a] * delta * features[s].

   On average (beta = 1) the offset is the mean of Q over states and actions, kept by adding what changes and taken afresh every
   1024 periods; with a discount it is 0.
2. Step sizes: a visit of s counts for feature d with weight features[s, d]**2 / |features[s]|**2, and the step of a cell is
   that of the number of visits of its features, so weighted: with one feature per state, the visits of the state.
3. The price, and the mean of the scores, are those of :mod:`rmab._kernels.gino_q`.
4. ``td`` follows delta of every state and action: with fewer features than states, its means are not 0 at the limit.

Reference: J. N. Tsitsiklis, B. Van Roy, "Average cost temporal-difference learning", Automatica 35 (1999), for the offset.
Cost: O(N A D) per period, and O(K S A D) for steps and scores.
"""

from numba import njit

from rmab._kernels.charged_q import FOLLOW, REFRESH
from rmab._kernels.crowd import act, move, settle
from rmab._kernels.gino_q import absorb_price


@njit(nogil=True, cache=True)
def learn_linear(world, crowd, actor, first, last, score, level, visits, basis, tables, steps, beta, pricing):
    """Periods ``first <= t < last`` in the simulator; the others as for ``absorb_linear``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        absorb_linear(crowd, actor.k, actor.exactly, step, score, level, basis, tables, steps, beta, pricing)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_linear(crowd, budget, exactly, step, score, level, basis, tables, steps, beta, pricing):
    """Learn from one period.

    ``basis``: features (S, D), their weights in counting visits (S, D), and by how much the mean of Q rises when that of a cell
    does (S,). ``tables``: theta (K, A, D), visits of the features (K, A, D), step sizes (K, S, A), mean of Q (K,) and TD errors
    (K, S, A). ``steps``: scale, horizon and power of the table's steps; ``pricing`` as for ``absorb_price``.
    """
    features, weight, overlap = basis
    theta, seen, gain, offset, td = tables
    scale, horizon, power = steps
    _count(crowd, weight, seen)
    _refresh_gain(weight, seen, scale, horizon, power, gain)
    if beta == 1.0 and step % REFRESH == 0:
        _average(features, theta, offset)
    _update(crowd, features, overlap, theta, level[0], gain, beta, offset, td)
    for k in range(len(theta)):
        for s in range(len(features)):
            score[k, s] = _dot(features[s], theta[k, 1]) - _dot(features[s], theta[k, 0])
    absorb_price(crowd, budget, exactly, step, score, level, pricing)


@njit(inline="always")
def _dot(row, other):
    total = 0.0
    for d in range(len(row)):
        total += row[d] * other[d]
    return total


@njit(nogil=True, cache=True)
def _update(crowd, features, overlap, theta, price, gain, beta, offset, td):
    """One transition of every arm."""
    n_types, n_actions, n_features = theta.shape
    share = 1.0 if beta == 1.0 else 0.0
    for k in range(n_types):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            s, a, ahead = crowd.state[i], crowd.action[i], features[crowd.following[i]]
            best = _dot(ahead, theta[k, 0])
            for b in range(1, n_actions):
                best = max(best, _dot(ahead, theta[k, b]))
            here, size = _dot(features[s], theta[k, a]), gain[k, s, a]
            delta = crowd.reward[i] - price * a + beta * best - offset[k] - here
            moved = size * delta
            for d in range(n_features):
                theta[k, a, d] += moved * features[s, d]
            offset[k] += share * overlap[s] * moved
            td[k, s, a] += FOLLOW * (delta - td[k, s, a])


@njit(nogil=True, cache=True)
def _count(crowd, weight, seen):
    """Add this period's visits to those of the features."""
    for k in range(len(seen)):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            s, a = crowd.state[i], crowd.action[i]
            for d in range(weight.shape[1]):
                seen[k, a, d] += weight[s, d]


@njit(nogil=True, cache=True)
def _refresh_gain(weight, seen, scale, horizon, power, gain):
    n_types, n_states, n_actions = gain.shape
    for k in range(n_types):
        for s in range(n_states):
            for a in range(n_actions):
                visits = _dot(weight[s], seen[k, a])
                gain[k, s, a] = scale if power == 0.0 else scale / (1.0 + visits / horizon) ** power


@njit(nogil=True, cache=True)
def _average(features, theta, offset):
    """The mean of every type's Q over states and actions into ``offset`` (K,)."""
    n_types, n_actions, _ = theta.shape
    offset[:] = 0.0
    for k in range(n_types):
        for s in range(len(features)):
            for a in range(n_actions):
                offset[k] += _dot(features[s], theta[k, a]) / (len(features) * n_actions)
