"""The exact path of one arm's optimal randomised policies under penalties, as the charge per activation grows.

The arm maximises  reward - charge * activation - sum_j mu_j * excess_j  and each multiplier ``0 <= mu_j <= cap_j`` minimises
what is left: the dual of "excess at most zero, at the price cap_j for what cannot be met". As many states *mix* both actions as
there are active penalties; every other state takes one action. See :mod:`rmab._kernels.mixture` for a single step.

1. Start from charge minus infinity: every state acts; penalties in excess are capped, others loose.
2. The next event is the first charge at which another state ties or an active multiplier reaches 0 or its cap.
3. The state enters with its other action, or the penalty is let go, and the mixture changes with it until something gives way.
4. A state that changes its action is exchanged in the tableau, and step 2 follows. No event is left when every state waits.
5. The advantages at the end are held against those implied by the set-up at the start. A path that has lost digits is followed
   again with a new set-up after every exchange; under the average criterion, if that fails too, at a discount just below 1.

This is the parametric simplex method on the occupancy program, with a basis that is a policy and a handful of mixing states.
Excesses are lowered by SHIFT, which decides which way a penalty that is met exactly goes. Reference: S. Gass, T. Saaty, The
computational algorithm for the parametric objective function, Naval Research Logistics Quarterly 2 (1955). Cost: an event takes
O(n J) operations and at most one exchange; n events for an arm that is indexable and has loose penalties.
"""

import numpy as np
from numba import njit

from rmab._kernels.mixture import CHANCE, MIXES, STUCK, always_act, balance, before, next_event, pivot, possible, price, write
from rmab._kernels.penalty_judge import judge, start_findings
from rmab._kernels.scaling import power_of_two
from rmab._kernels.tableau import exchange, residue, set_up, width
from rmab._kernels.verdict import IRREGULAR, NOT_INDEXABLE, STRICT, UNDECIDED, UNSETTLED

SHIFT = 1e-12
EVENTS = 40  # per state, after which the path is given up
ACCURACY, LAST_ACCURACY = 1e-10, 1e-7  # asked of a path, and of one at a discount just below 1
ALMOST_ONE = 1.0 - 2.0**-20  # discount that stands for the average where some policy has several recurrent classes


@njit(nogil=True, cache=True)
def most_segments(n):
    """Room that the path of an arm with ``n`` states may need."""
    return EVENTS * n + 40


@njit(nogil=True, cache=True)
def follow_types(transitions, rewards, excess, start, beta, cap, first, last, segments, counts, codes, exact, ties, witness):
    """Paths of the types ``first <= k < last``, one after the other in ``segments``, until there is no room for another.

    ``excess`` (J, K, 2, n); ``counts``, ``codes``, ``exact`` (K,); ``ties`` (K, 3, n); ``witness`` (K, 3). Returns the first
    type that was not done and the number of segments written.
    """
    n, n_penalties = ties.shape[2], len(excess)
    costs, room, unit = np.empty((2 + n_penalties, 2, n)), np.empty(n_penalties), np.ones(2 + n_penalties)
    written, k = 0, first
    while k < last and written + most_segments(n) <= len(segments):
        unit[0] = power_of_two(rewards[k])
        costs[0], costs[1, 0], costs[1, 1] = rewards[k] / unit[0], 0.0, 1.0
        for j in range(n_penalties):
            unit[2 + j] = power_of_two(excess[j, k])
            costs[2 + j] = excess[j, k] / unit[2 + j] - SHIFT
            room[j] = cap * unit[2 + j] / unit[0]
        code, count = IRREGULAR, 0
        for attempt in range(3):
            if code == IRREGULAR:
                refresh = n * EVENTS if attempt == 0 else 1
                discount = min(beta, ALMOST_ONE) if attempt == 2 else beta
                accuracy = LAST_ACCURACY if attempt == 2 else ACCURACY
                code, count = follow(
                    transitions[k], costs, start[k], discount, room, refresh, accuracy, segments[written:], ties[k], witness[k]
                )
                exact[k] = discount == beta
                if not exact[k] and code != IRREGULAR and code != NOT_INDEXABLE:
                    code = UNSETTLED
        if code == IRREGULAR:
            code, count = UNDECIDED, 0
        _rescale(segments[written : written + count], unit)
        ties[k] *= unit[0]
        witness[k, 1:] *= unit[0]
        codes[k], counts[k] = code, count
        written += count
        k += 1
    return k, written


@njit(nogil=True, cache=True)
def _rescale(rows, unit):
    """From numbers of order one to the units of the user; ``unit`` of rewards, activations and excesses."""
    n_penalties = len(unit) - 2
    for row in rows:
        row[0] *= unit[0]
        for k in range(2 + n_penalties):
            row[1 + k] *= unit[k]
        for j in range(n_penalties):
            row[3 + n_penalties + j] *= unit[0] / unit[2 + j]
            row[3 + 2 * n_penalties + j] /= unit[2 + j]


@njit(nogil=True, cache=True)
def follow(transitions, costs, start, beta, cap, refresh, accuracy, segments, ties, witness):
    """Write the path of one arm; return its code and the number of segments.

    ``transitions`` (2, n, n); ``costs`` (2 + J, 2, n) rewards, activations and excesses of order one; ``cap`` (J,);
    ``refresh`` exchanges after which the tableau is set up anew; ``accuracy`` of the lines at the end of the path, relative to
    their size. Written: ``segments`` (most, 3 + 5 J), from which charge on, reward, activation, excesses, multipliers there and
    their slopes, mixing states (-1 for none) and their chance of acting; ``ties`` (3, n), the charges between which acting and
    waiting tie, and up to which the state acts without mixing; ``witness`` (3,), a state and two charges that show that it is
    not indexable.
    """
    n, n_penalties, m = ties.shape[1], len(cap), 2 + len(cap)
    columns, visits, scratch = np.zeros((n, width(n))), np.empty(n), np.empty(width(n))
    lines, totals, policy = np.zeros((m, width(n))), np.empty(m), np.ones(n, np.int64)
    lines[0, n:] = 1.0  # states that are not there gain by acting
    if not set_up(transitions, costs, start, beta, policy, columns, visits, lines, totals) > 0.0:
        return IRREGULAR, 0
    first_columns, first_lines = columns.copy(), lines.copy()
    cells, real, whole, system = always_act(cap, totals, width(n))
    findings, found = start_findings(width(n))
    charge, begin, count, exchanges, code, regained = -np.inf, -np.inf, 0, 0, STRICT, -1.0
    for _ in range(EVENTS * n):
        if not price(cells, real, whole, system, lines):
            return IRREGULAR, count
        following, kind, entering = next_event(cells, real, whole, charge)
        if following == np.inf or before(charge, following):
            row = segments[count]
            write(policy, real, whole, begin, columns, visits, lines, totals, row)
            acted = 1.0 if count == 0 else segments[count - 1, 2]
            if beta == 1.0 and not possible(policy, real, whole, columns, visits, row[2], acted):
                return IRREGULAR, count
            chance = row[3 + 4 * n_penalties :]
            verdict, regained = judge(begin, following, cells, whole[MIXES], chance, findings, regained, found, witness)
            for i in range(n_penalties):
                if whole[MIXES, i] >= 0:
                    cells[CHANCE, whole[MIXES, i]] = policy[whole[MIXES, i]]
            code, count, begin = max(code, verdict), count + 1, following
        if following == np.inf:
            ties[:] = found[:, :n]
            sound = policy.max() == 0 and residue(first_columns, first_lines, lines) < accuracy
            return code if sound else IRREGULAR, count
        charge = following
        changed = pivot(policy, real, whole, system, columns, visits, lines, totals, kind, entering)
        if changed == STUCK:
            return IRREGULAR, count
        if changed >= 0:
            exchanges += 1
            smallest = exchange(columns, visits, lines, totals, policy, changed, scratch)
            cells[CHANCE, changed] = policy[changed]
            if smallest > 0.0 and exchanges % refresh == 0:
                smallest = set_up(transitions, costs, start, beta, policy, columns, visits, lines, totals)
            if not smallest > 0.0:
                return IRREGULAR, count
        if not balance(policy, real, whole, system, lines, totals):
            return IRREGULAR, count
    return IRREGULAR, count
