"""The path of optimal policies of one two-action arm as the charge per activation grows from minus to plus infinity.

Under a fixed policy the advantage of acting in state ``s`` is linear in the charge, ``a[s] - charge * w[s]``. Each policy is
therefore optimal up to the charge at which the first state wants the other action; there that state switches and the new
policy is evaluated afresh, so that rounding does not build up along the path. No advantage changes sign between two such
charges, so one look half-way between them decides who acts there. States that leave at the same charge switch together: this
is policy improvement just beyond the charge.
"""

import numpy as np
from numba import njit

from rmab._kernels.evaluation import evaluate

INDEXABLE, NOT_INDEXABLE, DIVERGENT, UNSETTLED, UNDECIDED, ILL_CONDITIONED = 0, 1, 2, 3, 4, 5
EPSILONS = (1e-7, 1e-9, 1e-11, 1e-13)  # distances to discount 1 at which the vanishing-discount limit is looked for
MARGIN = 1e-11  # smallest advantage, relative to the rewards, that counts against indexability
SETTLED = 1e-9  # relative change of an index between one and two Richardson steps that counts as none
SMALLEST_PIVOT = 1e-4  # below it, double precision may lose the ninth digit of an index


@njit(nogil=True, cache=True)
def whittle_path(transitions, rewards, beta, extended, tolerance, index, witness):
    """Follow the path; write the first charge at which each state is left and return the verdict.

    ``transitions`` (2, S, S), ``rewards`` (2, S) of scale 1. Written: ``index`` (S,), and for a non-indexable arm ``witness``
    (3,): a state, a charge at which acting there is worse than waiting, and a higher charge at which it is better, each by
    more than ``tolerance``.
    """
    n = index.shape[0]
    noise = 1e-20 if extended else 1e-13
    rhs = np.empty((2, n, 2))
    rhs[:, :, 0] = rewards
    rhs[0, :, 1] = 0.0
    rhs[1, :, 1] = 1.0
    gain, bias, advantage = np.empty(2), np.empty((n, 2)), np.empty((2, n, 2))
    policy = np.ones(n, np.int64)
    exit_charge = np.empty(n)
    lowest, lowest_at = np.full(n, np.inf), np.zeros(n)
    index[:] = np.inf
    verdict = INDEXABLE
    charge = -np.inf
    for _ in range(200 + 50 * n):
        pivot = evaluate(transitions, policy, rhs, beta, extended, gain, bias, advantage)
        if pivot == 0.0 or (pivot < SMALLEST_PIVOT and not extended):
            return ILL_CONDITIONED
        spread = 1.0
        for s in range(n):
            spread = max(spread, abs(bias[s, 1]))
        following = np.inf
        for s in range(n):
            a, w = _lines(advantage, policy, s)
            leaves = w > noise * spread if policy[s] == 1 else w < -noise * spread
            exit_charge[s] = max(a / w, charge) if leaves else np.inf
            following = min(following, exit_charge[s])
        if following == np.inf:
            # without a charge that stops all acting, some slope has vanished: several recurrent classes
            return verdict if extended or policy.max() == 0 else ILL_CONDITIONED
        middle = (charge + following) / 2.0
        visible = charge > -np.inf and following - charge > tolerance * (1.0 + abs(middle))
        charge = following
        for s in range(n):
            a, w = _lines(advantage, policy, s)
            value = a - middle * w
            margin = tolerance + 1e-13 * (abs(a) + abs(middle * w))
            if visible and value > margin and lowest[s] < 0.0 and verdict == INDEXABLE:
                verdict = NOT_INDEXABLE
                witness[0], witness[1], witness[2] = s, lowest_at[s], middle
            if visible and value < -margin and value < lowest[s]:
                lowest[s], lowest_at[s] = value, middle
            if exit_charge[s] <= charge + 1e-15 * abs(charge):
                if lowest[s] == np.inf:  # an advantage that only touches zero and rises again has not changed sign
                    index[s] = charge if policy[s] == 1 else np.inf
                policy[s] = 1 - policy[s]
    return UNDECIDED


@njit(nogil=True, cache=True)
def _lines(advantage, policy, s):
    """Intercept and slope of the advantage of acting in ``s`` over waiting, whichever the policy does."""
    if policy[s] == 1:
        return -advantage[0, s, 0], -advantage[0, s, 1]
    return advantage[1, s, 0], advantage[1, s, 1]


@njit(nogil=True, cache=True)
def whittle_range(transitions, rewards, beta, first, last, index, verdict, witness):
    """Indices of the types ``first <= k < last``; ``beta = 1`` is the average criterion.

    A type whose policies are too close to multichain for double precision is done again in double-double arithmetic, under
    the average criterion as the limit of discounts that approach 1.
    """
    for k in range(first, last):
        scale = np.abs(rewards[k]).max()
        if scale == 0.0:
            scale = 1.0
        scaled = rewards[k] / scale
        code = whittle_path(transitions[k], scaled, beta, False, MARGIN, index[k], witness[k])
        if code in (ILL_CONDITIONED, UNDECIDED):
            if beta < 1.0:
                code = whittle_path(transitions[k], scaled, beta, True, MARGIN, index[k], witness[k])
            else:
                code = _vanishing_discount(transitions[k], scaled, index[k], witness[k])
        verdict[k] = UNDECIDED if code == ILL_CONDITIONED else code
        index[k] *= scale
        witness[k, 1:] *= scale


@njit(nogil=True, cache=True)
def _vanishing_discount(transitions, rewards, index, witness):
    """Limit of the discounted index along 1 - 4e, 1 - 2e, 1 - e, for the first ``e`` that shows how it behaves."""
    for epsilon in EPSILONS:
        code = _limit(transitions, rewards, epsilon, index, witness)
        if code != UNDECIDED:
            return code
    code = whittle_path(transitions, rewards, 1.0 - EPSILONS[0], True, 20.0 * EPSILONS[0], index, witness)
    return UNSETTLED if code == INDEXABLE else UNDECIDED


@njit(nogil=True, cache=True)
def _limit(transitions, rewards, epsilon, index, witness):
    """Two Richardson steps per state; an index with a pole (its differences double as ``epsilon`` halves) is infinite."""
    n = index.shape[0]
    nearer, middle, farther = np.empty(n), np.empty(n), np.empty(n)
    tolerance = 20.0 * epsilon  # an advantage of the order of 1 - beta vanishes in the limit
    code = whittle_path(transitions, rewards, 1.0 - 4.0 * epsilon, True, tolerance, farther, witness)
    settled = code == whittle_path(transitions, rewards, 1.0 - 2.0 * epsilon, True, tolerance, middle, witness)
    settled = settled and code == whittle_path(transitions, rewards, 1.0 - epsilon, True, tolerance, nearer, witness)
    diverges = False
    for s in range(n):
        late, early = nearer[s] - middle[s], middle[s] - farther[s]
        index[s] = (8.0 * nearer[s] - 6.0 * middle[s] + farther[s]) / 3.0
        visible = SETTLED * (1.0 + abs(nearer[s]))
        if abs(late) > visible and abs(late - 2.0 * early) < 0.05 * abs(late):
            index[s] = np.inf if late > 0.0 else -np.inf
            diverges = True
        elif abs(index[s] - nearer[s] - late) > visible:
            settled = False
    if not settled or code == ILL_CONDITIONED:
        return UNDECIDED
    return DIVERGENT if diverges and code == INDEXABLE else code
