"""Learning by counting: act, move, count where every arm went and what it earned, settle.

Arms of one type share the tables. A period does in this order

1. act on the cells of highest score (:mod:`rmab._kernels.crowd`), move;
2. for every arm of type k that did a in s, earned r and went to t: ``counts[k, a, s, t] += 1``, ``paid[k, a, s] += r``,
   ``seen[k, a, s] += 1``, ``left[k, a, s] -= 1``;
3. where changes are looked for, also ``recent[k, a, s, t] += 1`` and the same in the present block of the ``ring``; at the end
   of a block all rows are tested (:mod:`rmab._kernels.change_test`), and the oldest block is taken out of ``recent``;
4. settle.

The loop stops where it was told to, or earlier after a period in which some ``left`` came to 0 or a type had an alarm: then it
is time to solve the estimated problem, which is not done here.

Cost of a period: O(N + K S log(K S)); with blocks of length L another O(K A S^2 / L).
"""

from collections import namedtuple

import numpy as np
from numba import njit

from rmab._kernels.change_test import changed_types
from rmab._kernels.crowd import act, move, settle

Tally = namedtuple("Tally", ["counts", "paid", "seen", "start", "left"])
"""``counts`` (K, A, S, S), ``paid`` (K, A, S) sums of rewards, ``seen`` (K, A, S) how many they are, ``start`` (K, S) arms per
state in period 0, ``left`` (K, A, S) visits until the estimated problem is to be solved again."""

Watch = namedtuple("Watch", ["ring", "recent", "alarm", "every", "least", "critical"])
"""``ring`` (B, K, A, S, S) counts of the last B blocks of ``every`` periods, ``recent`` (K, A, S, S) their sum, ``alarm`` (K,),
``least`` observations on both sides of a test, ``critical`` (S,) values by degrees of freedom. No blocks: nothing is tested."""


@njit(nogil=True, cache=True)
def learn_counts(world, crowd, actor, first, last, score, level, visits, tally, watch):
    """Periods from ``first`` on, until ``last`` or until it is time to solve; return the next period."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        ended = absorb_counts(crowd, step, tally, watch)
        settle(crowd)
        if ended:
            return step + 1
    return last


@njit(nogil=True, cache=True)
def absorb_counts(crowd, step, tally, watch):
    """Count one period; return whether it is time to solve."""
    n_blocks = len(watch.ring)
    block = (step // watch.every) % max(n_blocks, 1)
    ended = False
    for k in range(len(crowd.first_arm) - 1):
        counts, paid, seen, left = tally.counts[k], tally.paid[k], tally.seen[k], tally.left[k]
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            a, s, t = crowd.action[i], crowd.state[i], crowd.following[i]
            counts[a, s, t] += 1
            paid[a, s] += crowd.reward[i]
            seen[a, s] += 1
            left[a, s] -= 1
            if left[a, s] == 0:
                ended = True
            if step == 0:
                tally.start[k, s] += 1
            if n_blocks > 0:
                watch.ring[block, k, a, s, t] += 1
                watch.recent[k, a, s, t] += 1
    if n_blocks > 0 and (step + 1) % watch.every == 0:
        changed_types(tally.counts, watch.recent, watch.least, watch.critical, watch.alarm)
        following = (block + 1) % n_blocks
        watch.recent[:] -= watch.ring[following]
        watch.ring[following] = 0
        if np.any(watch.alarm):
            ended = True
    return ended
