"""Q-learning in rounds: gather samples of every cell, then one synchronous sweep of all tables with their means.

A round of a type ends when every cell (state, action) that was ever seen has ``samples`` new ones, or after ``patience``
periods. What is kept of a cell is where its arms went, ``arrivals``, and what they earned, ``paid``; cells whose round is not
full go on gathering, and are swept with their last full one. With p the share of each next state, r the mean reward, y the
charge of a lane

    (T q)(s, a) = weight (r - a y + beta sum_t p(t) max_b q(t, b)) + (1 - weight) max_b q(s, b),
    q_new = q + step (T q' - q) + (1 - step) momentum (T q - T q'),     q' = the table before q if momentum is 1, else q,

is plain Q-learning for momentum 0 and weight 1, speedy Q-learning for momentum 1, generalised for a weight above 1, and phased
for momentum 0 and step 1. Both terms see the same samples, and q' is one whole table: with a previous value per entry, each of
another time, the recursion need not converge.

References: M. G. Azar et al., "Speedy Q-learning", NIPS (2011); I. John, C. Kamanchi, S. Bhatnagar, "Generalized speedy
Q-learning", IEEE Control Systems Letters 4 (2020); M. Kearns, S. Singh, "Finite-sample convergence rates for Q-learning and
indirect algorithms", NIPS (1998). Cost: O(N) per period, O(C^2 L) per sweep of C states or clusters in L lanes.
"""

import numpy as np
from numba import njit

from rmab._kernels.crowd import act, move, settle


@njit(nogil=True, cache=True)
def learn_rounds(world, crowd, actor, first, last, score, level, visits, label, rounds, tables, charges, options, beta):
    """Periods ``first <= t < last`` in the simulator; the rest as for ``absorb_rounds``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, charges[4])
        move(world, crowd, step)
        absorb_rounds(crowd, score, visits, label, rounds, tables, charges, options, beta)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_rounds(crowd, score, visits, label, rounds, tables, charges, options, beta):
    """Learn from one period.

    ``rounds``: arrivals (K, C, 2, C) and paid (K, C, 2) of this round, the same of each cell's last full round, stays (K, C,
    2), all samples (K, C, 2), periods that the round lasts (K,).
    ``tables``: q and q before (K, C, 2, L), sweeps (K,), weight in use (K,), mean change of a cell (K, C, 2).
    ``charges``: charge (K, C), mean charge (K, C), moves (K, C), samples at the last move (K, C, 2), recent visits (K, S, 2),
    range of the rewards (1,).
    ``options``: (samples, patience, inner, momentum, weight, most weight), the steps of the tables, those of the charges, and
    (clip, eta, fading).
    """
    plan, table_steps, charge_steps, limits = options
    samples, patience, inner, momentum, weight, most = plan
    q, before, sweeps, used, td = tables
    span = max(crowd.earned[2] - crowd.earned[1], 0.0)
    charges[5][0] = span
    gather(crowd, label, visits, rounds)
    for k in range(len(q)):
        if not _full(k, samples, patience, rounds):
            continue
        _close(k, samples, rounds)
        used[k] = min(weight, most, widest(rounds[4][k], rounds[5][k], beta))
        size = at(table_steps, sweeps[k])
        sweep(rounds[2][k], rounds[3][k], charges[0][k], beta, size, momentum, used[k], q[k], before[k], td[k])
        sweeps[k] += 1
        if sweeps[k] % inner == 0:
            _move_charges(k, label, q[k], used[k], rounds[5][k], charges, charge_steps, limits, span)
    _rate(label, charges[1], charges[2], span, score)


@njit(inline="always")
def at(steps, n):
    """The step size after ``n`` steps."""
    return steps[0] if steps[2] == 0.0 else steps[0] / (1.0 + n / steps[1]) ** steps[2]


@njit(nogil=True, cache=True)
def gather(crowd, label, visits, rounds):
    """Count the transitions of one period."""
    arrivals, paid, _, _, stays, total, waited = rounds
    for k in range(len(paid)):
        waited[k] += 1
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            a, s, t = crowd.action[i], label[crowd.state[i]], label[crowd.following[i]]
            visits[k, crowd.state[i], a] += 1
            arrivals[k, s, a, t] += 1
            paid[k, s, a] += crowd.reward[i]
            total[k, s, a] += 1
            if s == t:
                stays[k, s, a] += 1


@njit(nogil=True, cache=True)
def _full(k, samples, patience, rounds):
    """Whether the round of type ``k`` ends: it has waited long enough, or every cell ever seen has its samples."""
    arrivals, _, _, _, _, total, waited = rounds
    if waited[k] >= patience:
        return True
    for s in range(total.shape[1]):
        for a in range(2):
            if total[k, s, a] > 0 and arrivals[k, s, a].sum() < samples:
                return False
    return True


@njit(nogil=True, cache=True)
def _close(k, samples, rounds):
    """Take over the cells that have their samples, and those that had none; the others go on gathering."""
    arrivals, paid, last_arrivals, last_paid, _, _, waited = rounds
    waited[k] = 0
    for s in range(paid.shape[1]):
        for a in range(2):
            new = arrivals[k, s, a].sum()
            if new >= samples or (new > 0 and last_arrivals[k, s, a].sum() == 0):
                last_arrivals[k, s, a] = arrivals[k, s, a]
                last_paid[k, s, a] = paid[k, s, a]
                arrivals[k, s, a] = 0
                paid[k, s, a] = 0.0


@njit(nogil=True, cache=True)
def widest(stays, total, beta):
    """The largest weight of generalised speedy Q-learning: min of 1 / (1 - beta p), p the shares of arms that stay."""
    least = 1.0
    for s in range(len(total)):
        for a in range(2):
            if total[s, a] > 0:
                least = min(least, stays[s, a] / total[s, a])
    return 1.0 / (1.0 - beta * least)


@njit(nogil=True, cache=True)
def sweep(arrivals, paid, charge, beta, size, momentum, weight, q, before, td):
    """One synchronous sweep of the tables ``q`` (C, 2, L) of one type; ``before`` gets what they were, ``td`` what moved them.

    Cells without ``arrivals`` (C, 2, C) stay as they are; ``paid`` (C, 2) is the reward of all arrivals together.
    """
    n_states, _, n_lanes = q.shape
    best, best_before = np.empty((n_states, n_lanes)), np.empty((n_states, n_lanes))
    for s in range(n_states):
        for lane in range(n_lanes):
            best[s, lane] = max(q[s, 0, lane], q[s, 1, lane])
            best_before[s, lane] = max(before[s, 0, lane], before[s, 1, lane])
    ahead, ahead_before = np.empty(n_lanes), np.empty(n_lanes)
    for s in range(n_states):
        for a in range(2):
            count = arrivals[s, a].sum()
            if count == 0:
                continue
            ahead[:] = 0.0
            ahead_before[:] = 0.0
            for t in range(n_states):
                share = arrivals[s, a, t] / count
                if share > 0.0:
                    for lane in range(n_lanes):
                        ahead[lane] += share * best[t, lane]
                        ahead_before[lane] += share * best_before[t, lane]
            earned, drift = paid[s, a] / count, 0.0
            for lane in range(n_lanes):
                due = earned - charge[lane] if a == 1 else earned
                now = weight * (due + beta * ahead[lane]) + (1.0 - weight) * best[s, lane]
                then = weight * (due + beta * ahead_before[lane]) + (1.0 - weight) * best_before[s, lane]
                old = then if momentum == 1.0 else now
                here = q[s, a, lane]
                if lane == s % n_lanes:
                    drift = now - here
                before[s, a, lane] = here
                q[s, a, lane] = here + size * (old - here) + (1.0 - size) * momentum * (now - then)
            td[s, a] += 0.05 * (drift - td[s, a])


@njit(nogil=True, cache=True)
def _move_charges(k, label, q, weight, total, charges, steps, limits, span):
    """Move the charges of the states in which both actions were taken since their last move, by the gap over the weight."""
    charge, mean, moves, mark, recent, _ = charges
    clip, eta, fading = limits
    for z in range(len(total)):
        if total[z, 0] == mark[k, z, 0] or total[z, 1] == mark[k, z, 1]:
            continue
        mark[k, z] = total[z]
        size = at(steps, moves[k, z])
        moves[k, z] += 1
        moved = charge[k, z] + size * (q[z, 1, z] - q[z, 0, z]) / weight
        charge[k, z] = min(max(moved, -clip * span), clip * span)
        share = 1.0 if eta == np.inf else (1.0 + eta) / (moves[k, z] + eta)
        mean[k, z] += share * (charge[k, z] - mean[k, z])
        for s in range(len(label)):
            if label[s] == z:
                for a in range(2):
                    recent[k, s, a] = max(fading * recent[k, s, a], min(recent[k, s, a], 1.0))


@njit(nogil=True, cache=True)
def _rate(label, mean, moves, unknown, score):
    """The mean charge into ``score`` (K, S), ``unknown`` where it has not moved."""
    for k in range(len(mean)):
        for s in range(len(label)):
            score[k, s] = mean[k, label[s]] if moves[k, label[s]] > 0 else unknown
