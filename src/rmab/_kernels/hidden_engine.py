"""Simulation of arms whose states are hidden, on exact beliefs; or on sampled states, as a check of the law.

1. Score every arm by its belief: a linear rule, or the value at a node of a table near by (:mod:`rmab._kernels.hidden_arm`). An
   arm whose mode forbids acting scores minus infinity, below the lowest score that may be acted on.
2. Act on the arms above the k-th highest score, and draw among the tied ones (:mod:`rmab._kernels.scored_engine`).
3. Book the mean reward under the belief; draw what is seen next, mode and signal, from the belief; filter.

Nothing is drawn for an arm of which nothing can be seen. Drawing from the belief has the law of drawing hidden states, and
means of rewards vary less (Rao-Blackwell). With ``sampled`` states are drawn nevertheless: the start from the first belief,
then next mode, signal and state from the kernel; the reward is that of the true state.

Mean beliefs are added up as whole multiples of 1 / ``unit``, so that sums do not depend on how replicates are cut into chunks.
Cost per period: as for every single arm, times N; the cut is found in O(N).
"""

import numpy as np
from numba import njit

from rmab._kernels.hidden_arm import expected, filter_belief, happening, score_arms, score_room
from rmab._kernels.philox import MOVE, START, arm_uniform, fill_bits, open_unit
from rmab._kernels.scored_engine import act_above, find_score_cut

LOWEST = np.finfo(np.float64).min


@njit(nogil=True, cache=True)
def start_hidden(replicate, k0, k1, first_arm, begin, sampled, mode, belief, place, state):
    """Put every arm at the start of its type: ``begin`` is (modes (K,), beliefs (K, W), places (K,))."""
    for k in range(len(first_arm) - 1):
        for i in range(first_arm[k], first_arm[k + 1]):
            mode[i], place[i] = begin[0][k], begin[2][k]
            belief[i] = begin[1][k]
            if sampled:
                state[i] = drawn_state(belief[i], arm_uniform(np.uint64(replicate), np.uint64(0), i, START, k0, k1))


@njit(nogil=True, cache=True)
def drawn_state(belief, luck):
    """The state that a uniform number picks from ``belief`` (W,)."""
    chosen = 0
    for s in range(len(belief)):
        if belief[s] > 0.0:
            chosen = s
            luck -= belief[s]
            if luck < 0.0:
                break
    return chosen


@njit(nogil=True, cache=True)
def forbid(laws, kinds, mode, score):
    """Set the ``score`` (N,) of arms whose mode forbids acting to minus infinity, below what all others have at least."""
    _, n_modes, first_cell, free = laws[:4]
    for i in range(len(score)):
        k = kinds[i]
        score[i] = max(score[i], LOWEST) if free[first_cell[k] + n_modes[k] + mode[i]] else -np.inf


@njit(nogil=True, cache=True)
def advance_hidden(replicate, step, k0, k1, first_arm, laws, sampled, mode, belief, state, action, passed, bits, after, mean):
    """One period of every arm: returns the reward, and writes the operator that happened to each into ``passed`` (N,).

    ``bits`` (N or one more,) are the arms' random numbers where all arms draw; where few do it is empty, and each draws its
    own. ``after`` (W,) is room to work in; ``mean`` (W,) gets the sum of beliefs.
    """
    sizes, n_modes, first_cell, _, first_operator, next_mode, mass, operator, reward = laws
    total = 0.0
    mean[:] = 0.0
    if len(bits) > 0:
        fill_bits(np.uint64(replicate), np.uint64(step), np.uint64(0), MOVE, k0, k1, bits)
    for k in range(len(first_arm) - 1):
        size = sizes[k]
        for i in range(first_arm[k], first_arm[k + 1]):
            cell = first_cell[k] + action[i] * n_modes[k] + mode[i]
            for s in range(size):
                mean[s] += belief[i, s]
            op = first_operator[cell]
            if sampled:
                total += reward[cell, state[i]]
                op, state[i] = drawn_move(first_operator, mass, operator, cell, state[i], size, open_unit(bits[i]))
            else:
                total += expected(reward, cell, belief, i, size)
                if op + 1 < first_operator[cell + 1]:
                    luck = (
                        open_unit(bits[i])
                        if len(bits) > 0
                        else arm_uniform(np.uint64(replicate), np.uint64(step), i, MOVE, k0, k1)
                    )
                    op = happening(first_operator, mass, cell, belief, i, size, luck)
            filter_belief(operator, op, belief, i, size, after)
            mode[i], passed[i] = next_mode[op], op
    return total


@njit(nogil=True, cache=True)
def drawn_move(first_operator, mass, operator, cell, state, size, luck):
    """The operator and the next state that a uniform number picks for an arm in a hidden ``state``."""
    chosen, left = first_operator[cell], luck
    for op in range(first_operator[cell], first_operator[cell + 1]):
        if mass[op, state] > 0.0:
            chosen = op
            if left < mass[op, state]:
                break
            left -= mass[op, state]
    # what is left of the number, within the operator, picks the state
    return chosen, drawn_state(operator[chosen, state, :size], left)


@njit(nogil=True, cache=True)
def follow_places(first_arm, laws, scorer, passed, place):
    """Move the ``place`` (N,) of every arm to the node that the operator in ``passed`` (N,) led to, if the rule has nodes."""
    successor, first_cell, first_operator = scorer[4], laws[2], laws[4]
    if len(successor) > 0:
        for k in range(len(first_arm) - 1):
            base = first_operator[first_cell[k]]
            for i in range(first_arm[k], first_arm[k + 1]):
                place[i] = successor[place[i], passed[i] - base]


@njit(nogil=True, cache=True)
def note_beliefs(mean, unit, occupancy):
    """Add the sums of beliefs ``mean`` (W,) to ``occupancy`` (W,) in whole multiples of 1 / ``unit``."""
    for s in range(len(mean)):
        occupancy[s] += np.int64(np.rint(mean[s] * unit))


@njit(nogil=True, cache=True)
def run_hidden(first, k0, k1, first_arm, begin, laws, crowded, sampled, scorer, budget, threshold, unit, record):
    """Simulate replicates ``first, first + 1, ...`` of a rule on beliefs, one per row of the ``record``.

    ``laws`` and ``scorer`` are as in :mod:`rmab._kernels.hidden_arm`, ``begin`` as in :func:`start_hidden`. ``crowded`` says
    that most arms draw a random number in every period. ``record`` is (reward (R, T), acted (R, T), occupancy (T, W)).
    """
    reward, acted, occupancy = record
    n_arms, width = first_arm[-1], occupancy.shape[1]
    belief, after, mean = np.zeros((n_arms, width)), np.empty(width), np.empty(width)
    mode, place = np.empty(n_arms, dtype=np.int64), np.empty(n_arms, dtype=np.int64)
    state, passed = np.zeros(n_arms, dtype=np.int64), np.empty(n_arms, dtype=np.int64)
    action = np.empty(n_arms, dtype=np.int32)
    score, left = np.empty(n_arms), np.empty(n_arms)
    bits = np.empty(n_arms + (n_arms & 1) if crowded or sampled else 0, dtype=np.uint64)
    room, arms, kinds = score_room(width), np.arange(n_arms), np.empty(n_arms, dtype=np.int64)
    for k in range(len(first_arm) - 1):
        kinds[first_arm[k] : first_arm[k + 1]] = k
    cut = 0.0
    for i in range(reward.shape[0]):
        start_hidden(first + i, k0, k1, first_arm, begin, sampled, mode, belief, place, state)
        for t in range(reward.shape[1]):
            score_arms(laws, scorer, kinds, mode, belief, place, arms, room, score)
            forbid(laws, kinds, mode, score)
            cut, needed, tied = find_score_cut(score, threshold, budget, cut, left)
            act_above(first + i, t, k0, k1, cut, needed, tied, score, action)
            acted[i, t] = action.sum()
            reward[i, t] = advance_hidden(
                first + i, t, k0, k1, first_arm, laws, sampled, mode, belief, state, action, passed, bits, after, mean
            )
            note_beliefs(mean, unit, occupancy[t])
            follow_places(first_arm, laws, scorer, passed, place)
