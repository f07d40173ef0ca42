"""Per-arm simulation: every arm has a state; each step chooses the top K by rank and moves all arms by alias tables.

1. Find the budget's cut from the number of arms in every (type, state) cell.
2. Act on the arms above the cut; among the tied ones choose by selection sampling, which is exactly uniform.
3. Draw all next states, in tiles of 64-bit random numbers, and count cells for the reward and the next cut.
4. Where arms owe something on their own, add up what each has incurred, and sum it up over the arms of a type at the end.

Arm ``i`` of step ``t`` in replicate ``r`` reads its own random numbers, whatever the policy and the order of the work.
Reference for 2: D. E. Knuth, The Art of Computer Programming, volume 2, section 3.4.2, algorithm S.
Cost per step: O(N + cells).
"""

import numpy as np
from numba import njit

from rmab._kernels.alias import draw, draw_at
from rmab._kernels.philox import MOVE, START, TIE, arm_uniform, fill_bits
from rmab._kernels.top_k import find_cut

TILE = 1024


@njit(inline="always")
def even(count):
    """``count`` or one more: random numbers are made in pairs."""
    return count + (count & 1)


@njit(nogil=True, cache=True)
def start_arms(replicate, k0, k1, first_arm, fixed, tables, state, bits):
    """Put each arm into its ``fixed`` state (N,); if that is empty, draw it from the ``tables`` (threshold, alias) (K, S)."""
    if len(fixed) > 0:
        state[:] = fixed
        return
    threshold, alias = tables
    width = np.uint64(alias.shape[1])
    k = 0
    for tile in range(0, len(state), TILE):
        last = min(tile + TILE, len(state))
        fill_bits(np.uint64(replicate), np.uint64(0), np.uint64(tile // 2), START, k0, k1, bits[: even(last - tile)])
        for i in range(tile, last):
            while first_arm[k + 1] <= i:
                k += 1
            state[i] = draw(bits[i - tile], width, threshold[k], alias[k])


@njit(nogil=True, cache=True)
def choose(replicate, step, k0, k1, first_arm, rank, cut, needed, tied, state, action):
    """Set ``action`` to 1 for ranks below ``cut`` and for ``needed`` of the ``tied`` arms of rank ``cut``, else 0."""
    n_states = len(rank) // (len(first_arm) - 1)
    for k in range(len(first_arm) - 1):
        ranks = rank[k * n_states : (k + 1) * n_states]
        for i in range(first_arm[k], first_arm[k + 1]):
            mine = ranks[state[i]]
            action[i] = mine < cut
            if mine == cut and needed > 0:
                if arm_uniform(np.uint64(replicate), np.uint64(step), i, TIE, k0, k1) * tied < needed:
                    action[i] = 1
                    needed -= 1
                tied -= 1


@njit(nogil=True, cache=True)
def advance(replicate, step, k0, k1, first_arm, threshold, alias, state, action, bits, tally, counts):
    """Move every arm once; add its cell to ``tally`` (K, A, S) before and ``counts`` (K * S,) after the move, or to None."""
    n_states = alias.shape[3]
    width = np.uint64(n_states)
    k = 0
    for tile in range(0, len(state), TILE):
        last = min(tile + TILE, len(state))
        fill_bits(np.uint64(replicate), np.uint64(step), np.uint64(tile // 2), MOVE, k0, k1, bits[: even(last - tile)])
        i = tile
        while i < last:
            while first_arm[k + 1] <= i:
                k += 1
            stop = min(last, first_arm[k + 1])
            thresholds, aliases = threshold[k].ravel(), alias[k].ravel()
            if tally is not None:
                cells, after = tally[k], counts[k * n_states : (k + 1) * n_states]
            for j in range(i, stop):
                a, s = action[j], state[j]
                if tally is not None:
                    cells[a, s] += 1
                cell = np.uint64(a) * width + np.uint64(s)
                s = draw_at(bits[j - tile], cell * width, width, thresholds, aliases)
                if tally is not None:
                    after[s] += 1
                state[j] = s
            i = stop


@njit(nogil=True, cache=True)
def settle(tally, rewards, occupancy):
    """Reward and number of activations in ``tally``; adds to ``occupancy`` (S,) and clears ``tally``."""
    total, acted = 0.0, 0
    n_types, n_actions, n_states = tally.shape
    for k in range(n_types):
        for a in range(n_actions):
            for s in range(n_states):
                here = tally[k, a, s]
                if here > 0:
                    total += here * rewards[k, a, s]
                    occupancy[s] += here
                    if a > 0:
                        acted += here
                    tally[k, a, s] = 0
    return total, acted


@njit(nogil=True, cache=True)
def charge(weight, costs, first_arm, state, action, owed):
    """Add ``weight`` times the ``costs`` (J, K, A, S) of one period to what each arm has incurred, ``owed`` (J, N)."""
    for j in range(costs.shape[0]):
        for k in range(len(first_arm) - 1):
            cost = costs[j, k]
            for i in range(first_arm[k], first_arm[k + 1]):
                owed[j, i] += weight * cost[action[i], state[i]]


@njit(nogil=True, cache=True)
def sum_up(first_arm, owed, excess, violation):
    """Means over the arms of a type: of ``owed`` (J, N) into ``excess`` (J, K), of the most above 0 into ``violation`` (K,)."""
    for k in range(len(first_arm) - 1):
        arms = first_arm[k + 1] - first_arm[k]
        total = 0.0
        for i in range(first_arm[k], first_arm[k + 1]):
            worst = 0.0
            for j in range(owed.shape[0]):
                worst = max(worst, owed[j, i])
            total += worst
        violation[k] = total / arms
        for j in range(owed.shape[0]):
            excess[j, k] = owed[j, first_arm[k] : first_arm[k + 1]].sum() / arms


@njit(nogil=True, cache=True)
def run_arms(first, k0, k1, first_arm, fixed, start, moves, rewards, dues, rule, budget, record):
    """Simulate replicates ``first, first + 1, ...``, one per row of the ``record``.

    ``start`` and ``moves`` are pairs (threshold, alias); ``fixed`` (N,) is used instead of ``start`` unless empty.
    ``dues`` are the costs (J, K, A, S) of what arms owe on their own, and the weight of each period (T,).
    ``rule`` is (order, rank, eligible), one row per period, the last for all later ones.
    ``record`` is (reward (R, T), acted (R, T), occupancy (T, S), excess (R, J, K), violation (R, K)); occupancy is added to.
    """
    n_types, n_actions, n_states = rewards.shape
    order, rank, eligible = rule
    costs, weight = dues
    reward, acted, occupancy, excess, violation = record
    state = np.empty(first_arm[-1], dtype=np.int32)
    action = np.empty(first_arm[-1], dtype=np.int32)
    bits = np.empty(TILE, dtype=np.uint64)
    owed = np.empty((len(costs), first_arm[-1]))
    tally = np.zeros((n_types, n_actions, n_states), dtype=np.int64)
    counts = np.empty(n_types * n_states, dtype=np.int64)
    for i in range(reward.shape[0]):
        start_arms(first + i, k0, k1, first_arm, fixed, start, state, bits)
        owed[:] = 0.0
        count_cells(first_arm, state, counts)
        for t in range(reward.shape[1]):
            now = min(t, len(rank) - 1)
            cut, needed, tied = find_cut(counts, order[now], rank[now], eligible[now], budget)
            choose(first + i, t, k0, k1, first_arm, rank[now], cut, needed, tied, state, action)
            charge(weight[t], costs, first_arm, state, action, owed)
            counts[:] = 0
            advance(first + i, t, k0, k1, first_arm, moves[0], moves[1], state, action, bits, tally, counts)
            reward[i, t], acted[i, t] = settle(tally, rewards, occupancy[t])
        sum_up(first_arm, owed, excess[i], violation[i])


@njit(nogil=True, cache=True)
def count_cells(first_arm, state, counts):
    """Arms in every (type, state) cell, into ``counts`` (K * S,)."""
    n_types = len(first_arm) - 1
    n_states = len(counts) // n_types
    counts[:] = 0
    for k in range(n_types):
        for i in range(first_arm[k], first_arm[k + 1]):
            counts[k * n_states + state[i]] += 1
