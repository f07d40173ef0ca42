"""The mean-field map of a priority rule: infinitely many arms of every type, so shares of arms move without noise.

1. Hand out the budget by rank, best first; the cells that tie at the cut get what is left in one proportion.
2. Move the mass of every cell along its transition probabilities.
3. Compare with a checkpoint that is renewed at steps 1, 2, 4, 8, ...: when the mass has come back to it, the path is periodic
   from there on (a fixed point has period 1), and what follows is known without going on.

Reference: N. Gast, B. Gaujal, C. Yan, "Exponential asymptotic optimality of Whittle index policy", Queueing Systems (2023);
R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20 (1980) for 3. Cost per step: the nonzero transition
probabilities.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def run_mean_field(rows, rewards, cost, rule, budget, mass, tolerance, trace):
    """Write the reward of every step into ``trace`` (T,); return the steps made and the period found, or 0.

    ``rows`` (pointer, target, probability) hold row (k, a, s) of the transitions, two actions, at ``(2 k + a) S + s``;
    ``rewards`` (K, 2, S); ``cost`` (C,) per unit of mass acted on; ``rule`` is (order, rank, eligible), one row per period,
    the last for all later ones; ``mass`` (C,) is the start and is replaced. A rule that changes is followed to the end.
    """
    share, after, checkpoint = np.zeros(len(mass)), np.zeros(len(mass)), mass.copy()
    since = 0
    for t in range(len(trace)):
        now = min(t, len(rule[1]) - 1)
        _hand_out(mass, cost, rule[0][now], rule[1][now], rule[2][now], budget, share)
        trace[t] = _move(rows, rewards, mass, share, after)
        mass, after = after, mass
        if len(rule[1]) == 1:
            if np.abs(mass - checkpoint).sum() <= tolerance:
                return t + 1, t + 1 - since
            if (t + 1) & t == 0:
                checkpoint[:] = mass
                since = t + 1
    return len(trace), 0


@njit(nogil=True, cache=True)
def _hand_out(mass, cost, order, rank, eligible, budget, share):
    """The share of every cell that is acted on."""
    share[:] = 0.0
    left = budget
    i = 0
    while i < len(order) and left > 0.0 and rank[order[i]] < eligible:
        first, needed = i, 0.0
        while i < len(order) and rank[order[i]] == rank[order[first]]:
            needed += mass[order[i]] * cost[order[i]]
            i += 1
        given = 1.0 if needed <= left else left / needed
        for j in range(first, i):
            share[order[j]] = given
        left -= given * needed


@njit(nogil=True, cache=True)
def _move(rows, rewards, mass, share, after):
    """Reward of the step; ``after`` is the mass of the next one."""
    n_types, _, n_states = rewards.shape
    pointer, target, probability = rows
    total = 0.0
    after[:] = 0.0
    for k in range(n_types):
        for s in range(n_states):
            cell = k * n_states + s
            for a in range(2):
                moved = mass[cell] * (share[cell] if a == 1 else 1.0 - share[cell])
                if moved > 0.0:
                    total += moved * rewards[k, a, s]
                    row = (2 * k + a) * n_states + s
                    for j in range(pointer[row], pointer[row + 1]):
                        after[k * n_states + target[j]] += moved * probability[j]
    return total
