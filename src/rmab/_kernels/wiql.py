"""One period of WIQL: plain Q-learning of every type without any charge, each visit with the step size 1 / (n + 1)."""

import numpy as np
from numba import njit

from rmab._kernels.crowd import act, move, settle
from rmab._kernels.gino_q import rate

FOLLOW = 0.01


@njit(nogil=True, cache=True)
def learn_wiql(world, crowd, actor, first, last, score, level, visits, q, seen, label, td, beta):
    """Periods ``first <= t < last`` in the simulator; the others as for ``absorb_wiql``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        absorb_wiql(crowd, score, q, seen, label, td, beta)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_wiql(crowd, score, q, seen, label, td, beta):
    """Learn from one period: ``q`` (K, S, 2, 1), visits so far ``seen`` (K, S, 2), mean TD error ``td`` (K, S, 2)."""
    for k in range(len(q)):
        first, last = crowd.first_arm[k], crowd.first_arm[k + 1]
        _learn_type(crowd, first, last, q[k].ravel(), seen[k].ravel(), td[k].ravel(), beta)
    rate(q, label, 0.0, score)


@njit(nogil=True, cache=True)
def _learn_type(crowd, first, last, q, seen, td, beta):
    """The transitions of the arms ``first <= i < last``, of one type; tables are flat, two actions to a state."""
    state, action, reward, following = crowd.state, crowd.action, crowd.reward, crowd.following
    for i in range(first, last):
        cell = np.uint64(2) * np.uint64(state[i]) + np.uint64(action[i])
        ahead = np.uint64(2) * np.uint64(following[i])
        error = reward[i] + beta * max(q[ahead], q[ahead + np.uint64(1)]) - q[cell]
        seen[cell] += 1
        q[cell] += error / (seen[cell] + 1)
        td[cell] += FOLLOW * (error - td[cell])
