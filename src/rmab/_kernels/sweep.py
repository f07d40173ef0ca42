"""Value iteration of one large sparse arm at many charges at once, and intervals that hold the index of every state.

``values[s, l]`` is the value of state ``s`` at charge ``l``: the charges of a state lie side by side, so that every transition
is one vector operation over all charges. Transitions are rows (start, column, probability).

Bounds
------
With ``d = B v - v`` for the optimality operator ``B`` of a discounted arm, the optimal value lies in
``B v + [min d, max d] beta / (1 - beta)`` (MacQueen, Porteus). The values of both actions are convex in the charge. Between two
neighbouring charges each of them is therefore at most its chord, and at least the chord of the next interval on either side,
drawn out. Less acting, the chord of one action minus the drawn-out chord of the other bounds the advantage from both sides, and
its zeros hold the index; the distance between them is of second order in that of the charges.

References: J. MacQueen, "A modified dynamic programming method for Markovian decision problems", Journal of Mathematical
Analysis and Applications 14 (1966); E. Porteus, "Some bounds for discounted sequential decision processes", Management Science
18 (1971). Cost: one multiplication per transition, charge and pass.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def sweep(passive, active, rewards, beta, charges, values, better, change):
    """One pass: ``better = B values``; ``change`` (2, L) is the smallest and the largest change per charge.

    New values are not used before the next pass. An error that all states have in common then stays common to them, and the
    bounds take it away; used at once, it would spread.
    """
    n, lanes = values.shape
    waits, acts = np.empty(lanes), np.empty(lanes)
    change[0], change[1] = np.inf, -np.inf
    for s in range(n):
        _both(passive, active, rewards, beta, charges, values, s, waits, acts)
        own, new = values[s], better[s]
        for k in range(lanes):
            best = max(waits[k], acts[k])
            new[k] = best
            change[0, k] = min(change[0, k], best - own[k])
            change[1, k] = max(change[1, k], best - own[k])


@njit(nogil=True, cache=True)
def _both(passive, active, rewards, beta, charges, values, s, waits, acts):
    """The value of waiting and of acting in ``s`` at every charge."""
    for target, (start, column, chance) in ((waits, passive), (acts, active)):
        target[:] = 0.0
        for e in range(start[s], start[s + 1]):
            weight, row = beta * chance[e], values[column[e]]
            for k in range(len(target)):
                target[k] += weight * row[k]
    waits += rewards[0, s]
    for k in range(len(acts)):
        acts[k] += rewards[1, s] - charges[k]


@njit(nogil=True, cache=True)
def advantages(passive, active, rewards, beta, charges, values, lanes):
    """Advantage of acting in every state at the charges ``lanes``, shape (n, len(lanes))."""
    n = len(values)
    found = np.empty((n, len(lanes)))
    waits, acts = np.empty(len(charges)), np.empty(len(charges))
    for s in range(n):
        _both(passive, active, rewards, beta, charges, values, s, waits, acts)
        for q in range(len(lanes)):
            found[s, q] = acts[lanes[q]] - waits[lanes[q]]
    return found


@njit(nogil=True, cache=True)
def enclose(passive, active, rewards, beta, charges, values, unsure, low, high, index, least, witness):
    """Write intervals ``low`` and ``high`` (n,) that hold every ``index`` (n,); return whether the arm may be indexable.

    The index itself is interpolated where the advantage changes its sign first.

    The optimal values are within ``unsure`` (L,) of ``values``; the indices lie between the second charge and the last but one.
    Written besides: ``least`` (2,), a mean work that some state does not exceed between two charges, and the number of the
    first of these charges; and, if the arm is not indexable, ``witness`` (3,) as in :mod:`rmab._kernels.whittle_path`. Of a
    state that starts to act again, the interval holds the lowest charge at which acting stops.
    """
    n, lanes = values.shape
    waits, acts = np.empty(lanes), np.empty(lanes)
    indexable = True
    least[:] = 1.0, 0.0
    for s in range(n):
        _both(passive, active, rewards, beta, charges, values, s, waits, acts)
        low[s], high[s] = _interval(charges, waits, acts, unsure)
        stop = -1
        for k in range(1, lanes - 1):
            advantage, error = acts[k] - waits[k], 2.0 * unsure[k]
            if stop < 0 and advantage < -error:
                stop = k
            elif stop >= 0 and advantage > error:
                if indexable:
                    witness[0], witness[1], witness[2] = s, charges[stop], charges[k]
                high[s] = max(low[s], min(high[s], charges[stop]))
                indexable = False
            after = acts[k + 1] - waits[k + 1]
            work = (advantage - after + error + 2.0 * unsure[k + 1]) / (charges[k + 1] - charges[k])
            if work < least[0]:
                least[0], least[1] = work, k
        index[s] = min(max(_root(charges, waits, acts), low[s]), high[s])
    return indexable


@njit(nogil=True, cache=True)
def _root(charges, waits, acts):
    """Where the advantage, interpolated between charges, is zero first."""
    k = 1
    while k < len(charges) - 2 and acts[k] > waits[k]:
        k += 1
    before, after = max(acts[k - 1] - waits[k - 1], 0.0), acts[k] - waits[k]
    if before == after:
        return charges[k]
    return charges[k - 1] + before / (before - after) * (charges[k] - charges[k - 1])


@njit(nogil=True, cache=True)
def _interval(charges, waits, acts, unsure):
    """Acting is certainly better at all charges below the first, and waiting at all above the second."""
    last = len(charges) - 2
    low = high = 0.0
    for k in range(1, last):
        part = _positive(charges, acts, waits, unsure, k)
        low = charges[k] + part * (charges[k + 1] - charges[k])
        if part < 1.0:
            break
    for k in range(last - 1, 0, -1):
        part = _positive(charges, waits, acts, unsure, k, True)
        high = charges[k + 1] - part * (charges[k + 1] - charges[k])
        if part < 1.0:
            break
    return low, max(low, high)


@njit(nogil=True, cache=True)
def _positive(charges, more, less, unsure, k, from_right=False):
    """Share of the interval after charge ``k``, from one end on, in which ``more`` is certainly above ``less``."""
    step = charges[k + 1] - charges[k]
    before, after = step / (charges[k] - charges[k - 1]), step / (charges[k + 2] - charges[k + 1])
    left, right = more[k] - unsure[k], more[k + 1] - unsure[k + 1]
    drawn_right = left + (left - more[k - 1] - unsure[k - 1]) * before
    drawn_left = right + (right - more[k + 2] - unsure[k + 2]) * after
    top_left, top_right = less[k] + unsure[k], less[k + 1] + unsure[k + 1]
    if from_right:
        return _covered(drawn_right - top_right, left - top_left, right - top_right, drawn_left - top_left)
    return _covered(left - top_left, drawn_right - top_right, drawn_left - top_left, right - top_right)


@njit(nogil=True, cache=True)
def _covered(f0, f1, g0, g1):
    """Up to where, from 0, one of two lines is positive; they are given by their values at 0 and 1."""
    share = max(_zero(f0, f1), _zero(g0, g1))
    if share == 0.0 or share == 1.0:
        return share
    # the line that starts out negative may be positive again where the other one ends
    later = f0 + share * (f1 - f0) > 0.0 or g0 + share * (g1 - g0) > 0.0
    return 1.0 if later and max(f1, g1) > 0.0 else share


@njit(nogil=True, cache=True)
def _zero(f0, f1):
    """Where a line that is positive at 0 ceases to be; 1 if it does not, 0 if it is not positive at 0."""
    if f0 <= 0.0:
        return 0.0
    return 1.0 if f1 > 0.0 else f0 / (f0 - f1)
