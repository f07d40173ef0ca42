"""Counts simulation: arms of a type are exchangeable, so the number of arms in every (type, state) cell is enough.

1. Find the budget's cut; share the arms needed among the cells tied at it by a multivariate hypergeometric draw.
2. Move the arms of each cell under each action by a multinomial draw: a chain of binomials over the possible next states,
   the likeliest first.
3. Reward, activations and occupancy are sums over cells.

The cell ``(k, a, s)`` of step ``t`` in replicate ``r`` reads its own random stream. The law is that of the per-arm engine.
Cost per step: O(nonzero transition probabilities), whatever the number of arms (a tie across cells adds the square root of N).
"""

import numpy as np
from numba import njit

from rmab._kernels.arms_engine import settle
from rmab._kernels.philox import MOVE, START, TIE
from rmab._kernels.sampling import STREAM_WORDS, binomial, hypergeometric, open_stream
from rmab._kernels.top_k import find_cut


@njit(nogil=True, cache=True)
def share_ties(stream, counts, order, rank, cut, needed, tied, chosen):
    """Spread ``needed`` activations over the ``tied`` arms of rank ``cut``: adds to ``chosen`` (C,)."""
    for cell in order:
        if rank[cell] > cut or needed == 0:
            return
        if rank[cell] == cut:
            taken = hypergeometric(stream, counts[cell], tied - counts[cell], needed)
            chosen[cell] = taken
            tied -= counts[cell]
            needed -= taken


@njit(nogil=True, cache=True)
def spread(stream, arms, first, last, target, share, out):
    """Move ``arms`` arms to the states ``target[first:last]``; ``share`` is each one's part of what the earlier ones left."""
    left = arms
    for j in range(first, last):
        if left == 0:
            return
        moved = binomial(stream, left, share[j])
        out[target[j]] += moved
        left -= moved


@njit(nogil=True, cache=True)
def step_counts(replicate, step, stream, rows, rule, budget, counts, chosen, tally):
    """One period: ``counts`` (C,) are replaced, ``tally`` (K, A, S) is filled."""
    now = min(step, len(rule[1]) - 1)
    order, rank = rule[0][now], rule[1][now]
    pointer, target, share = rows
    n_types, n_actions, n_states = tally.shape
    cut, needed, tied = find_cut(counts, order, rank, rule[2][now], budget)
    chosen[:] = 0
    if needed > 0:
        open_stream(stream, np.uint64(replicate), np.uint64(step), np.uint64(0), TIE)
        share_ties(stream, counts, order, rank, cut, needed, tied, chosen)
    for cell in range(len(counts)):
        k, s = cell // n_states, cell % n_states
        active = counts[cell] if rank[cell] < cut else chosen[cell]
        tally[k, 0, s] = counts[cell] - active
        tally[k, 1, s] = active
    counts[:] = 0
    for k in range(n_types):
        after = counts[k * n_states : (k + 1) * n_states]
        for a in range(2):
            for s in range(n_states):
                if tally[k, a, s] > 0:
                    row = (k * n_actions + a) * n_states + s
                    open_stream(stream, np.uint64(replicate), np.uint64(step), np.uint64(row), MOVE)
                    spread(stream, tally[k, a, s], pointer[row], pointer[row + 1], target, share, after)


@njit(nogil=True, cache=True)
def run_counts(first, k0, k1, multiplicity, start_counts, start_rows, rows, rewards, rule, budget, reward, acted, occupancy):
    """Simulate replicates ``first, first + 1, ...``, one per row of ``reward`` and ``acted`` (R, T).

    ``rows`` and ``start_rows`` are sparse rows (pointer, target, share); ``start_counts`` (C,) is used instead of
    ``start_rows`` unless empty. ``rule`` is (order, rank, eligible), one row per period, the last for all later ones.
    ``occupancy`` (T, S) is added to.
    """
    n_types, n_actions, n_states = rewards.shape
    stream = np.zeros(STREAM_WORDS, dtype=np.uint64)
    stream[0], stream[1] = k0, k1
    counts = np.empty(n_types * n_states, dtype=np.int64)
    chosen = np.empty(n_types * n_states, dtype=np.int64)
    tally = np.zeros((n_types, n_actions, n_states), dtype=np.int64)
    for i in range(reward.shape[0]):
        counts[:] = 0
        if len(start_counts) > 0:
            counts[:] = start_counts
        else:
            pointer, target, share = start_rows
            for k in range(n_types):
                open_stream(stream, np.uint64(first + i), np.uint64(0), np.uint64(k), START)
                after = counts[k * n_states : (k + 1) * n_states]
                spread(stream, multiplicity[k], pointer[k], pointer[k + 1], target, share, after)
        for t in range(reward.shape[1]):
            step_counts(first + i, t, stream, rows, rule, budget, counts, chosen, tally)
            reward[i, t], acted[i, t] = settle(tally, rewards, occupancy[t])
