"""Index of one small arm along its path of optimal policies, with a fresh evaluation of every policy.

Fresh linear systems keep rounding from building up along the path. An arm whose policies are too close to having several
recurrent classes for double precision is done again in double-double arithmetic, under the average criterion as the limit of
discounts that approach 1.

Cost: one linear system, S^3/3 multiplications, per switch; S switches for an arm that is strongly indexable.
"""

import numpy as np
from numba import njit

from rmab._kernels.evaluation import evaluate
from rmab._kernels.path_step import MARGIN, start_track, step
from rmab._kernels.scaling import power_of_two
from rmab._kernels.verdict import DIVERGENT, ILL_CONDITIONED, STRICT, STRONG, UNDECIDED, UNSETTLED, WEAK

EPSILONS = (2.0**-24, 2.0**-30, 2.0**-36, 2.0**-43, 2.0**-50)  # distances to discount 1 at which the limit is looked for
RAREST = 1e-10  # probability of a move below which it is too rare for these
SETTLED = 1e-9  # relative change of an index between one and two Richardson steps that counts as none
SMALLEST_PIVOT = 1e-4  # below it, double precision may lose too many digits of an index
ROUNDING, EXTENDED_ROUNDING = 1e-15, 1e-30  # error of an index per unit of cancellation
EXTENDED_MARGIN = 1e-18  # smallest advantage, relative to the rewards, that double-double arithmetic tells from zero
ACCURACY = 1e-12  # of an index in double precision, relative to the rewards or the index itself


@njit(nogil=True, cache=True)
def index_types(transitions, rewards, beta, which, index, error, margin, witness, codes):
    """``index_arm`` for the types ``which`` of ``transitions`` (K, 2, S, S) and ``rewards`` (K, 2, S)."""
    for k in which:
        codes[k] = index_arm(transitions[k], rewards[k], beta, index[k], error[k], margin[k], witness[k])


@njit(nogil=True, cache=True)
def index_arm(transitions, rewards, beta, index, error, margin, witness):
    """Index (S,), its error (S,), margins (2,) and, if there is one, witness (3,) of one arm; return its code.

    ``transitions`` (2, S, S), ``rewards`` (2, S); ``beta = 1`` is the average criterion. The witness holds a state, a charge at
    which acting there is worse than waiting, and a higher charge at which it is better.
    """
    scale = power_of_two(rewards)
    scaled = rewards / scale
    code = whittle_path(transitions, scaled, beta, False, MARGIN, index, error, margin, witness)
    if code in (ILL_CONDITIONED, UNDECIDED):
        if beta < 1.0:
            code = whittle_path(transitions, scaled, beta, True, EXTENDED_MARGIN, index, error, margin, witness)
        else:
            code = _vanishing_discount(transitions, scaled, index, error, margin, witness)
    if code == ILL_CONDITIONED:
        code = UNDECIDED
    index *= scale
    error *= scale
    margin[1] *= scale
    witness[1:] *= scale
    return code


@njit(nogil=True, cache=True)
def whittle_path(transitions, rewards, beta, extended, tolerance, index, error, margin, witness):
    """Follow the path; arguments as for ``index_arm``, rewards of scale 1, advantages below ``tolerance`` taken for zero."""
    n = index.shape[0]
    rhs = np.empty((2, n, 2))
    rhs[:, :, 0] = rewards
    rhs[0, :, 1] = 0.0
    rhs[1, :, 1] = 1.0
    gain, bias, advantage = np.empty(2), np.empty((n, 2)), np.empty((2, n, 3))
    lines, exits = np.empty((3, n)), np.empty(n)
    policy, track = np.ones(n, np.int64), start_track(n)
    index[:], error[:], margin[:] = np.inf, 0.0, (1.0, 0.0)
    verdict, charge, stalled = STRONG, -np.inf, 0.0
    for _ in range(200 + 50 * n):
        base = charge if charge > -np.inf else 0.0
        pivot = evaluate(transitions, policy, rhs, beta, extended, base, gain, bias, advantage)
        if pivot == 0.0 or (pivot < SMALLEST_PIVOT and not extended):
            return ILL_CONDITIONED
        for s in range(n):
            sign = 1.0 - 2.0 * policy[s]
            other = advantage[1 - policy[s], s]
            lines[0, s], lines[1, s], lines[2, s] = sign * other[1], sign * other[0], sign * other[2]
        spread = 1.0 + np.abs(bias[:, 1]).max()
        size = max(spread, 1.0 + np.abs(bias[:, 0]).max())
        unsure = (EXTENDED_ROUNDING if extended else ROUNDING) * n * size / min(pivot, 1.0)
        limits = (1e-13, 1e-13 * spread, MARGIN, tolerance, stalled)
        if extended:
            limits = (4e-16, 1e-20 * spread, EXTENDED_MARGIN, tolerance, stalled)
        before = charge
        charge, code = step(policy, lines, base, unsure, limits, charge, track, exits, index, error, margin, witness)
        stalled = stalled + 1.0 if charge == before else 0.0
        verdict = max(verdict, code)
        if charge == np.inf:
            # without a charge that stops all acting, some slope has vanished: several recurrent classes
            if policy.max() == 1 and not extended:
                return ILL_CONDITIONED
            # an advantage that seems to touch zero needs more digits; on average it may vanish on an interval, of which the
            # discounts near 1 tell the right end
            if verdict == WEAK and not extended:
                return ILL_CONDITIONED
            return _exact_enough(index, error, extended, verdict)
        for s in range(n):
            if exits[s] <= charge + 1e-15 * abs(charge):
                policy[s] = 1 - policy[s]
    return UNDECIDED


@njit(nogil=True, cache=True)
def _exact_enough(index, error, extended, verdict):
    """The verdict, or ILL_CONDITIONED when double precision was not enough; adds the rounding of the result itself."""
    for s in range(len(index)):
        if np.isinf(index[s]):
            error[s] = 0.0
        elif extended:
            error[s] += 4e-16 * abs(index[s]) + EXTENDED_MARGIN
        elif error[s] > ACCURACY * max(1.0, abs(index[s])):
            return ILL_CONDITIONED
    return verdict


@njit(nogil=True, cache=True)
def _vanishing_discount(transitions, rewards, index, error, margin, witness):
    """Limit of the discounted index along 1 - 4e, 1 - 2e, 1 - e, for the first ``e`` that shows how it behaves.

    An index that seems to grow without bound must do so at the next ``e`` too: it may be large but finite. Moves rarer than
    RAREST hardly happen within 1 / e periods, so that the arm looks like another one: its limit is not settled.
    """
    grew = False
    for epsilon in EPSILONS:
        code, grows = _limit(transitions, rewards, epsilon, index, error, margin, witness)
        if code != UNDECIDED and (grew or not grows):
            return UNSETTLED if _rarest(transitions) < RAREST else code
        grew = grows and code != UNDECIDED
    epsilon = EPSILONS[0]
    code = whittle_path(transitions, rewards, 1.0 - epsilon, True, 20.0 * epsilon, index, error, margin, witness)
    return UNSETTLED if code <= WEAK else UNDECIDED


@njit(nogil=True, cache=True)
def _rarest(transitions):
    """The smallest positive probability of a move."""
    rarest = 1.0
    for p in transitions.flat:
        if 0.0 < p < rarest:
            rarest = p
    return rarest


@njit(nogil=True, cache=True)
def _limit(transitions, rewards, epsilon, index, error, margin, witness):
    """Two Richardson steps per state; the code, and whether some index is infinite.

    An index with a pole (its differences double as ``epsilon`` halves) is infinite.
    """
    n = index.shape[0]
    nearer, middle, farther = np.empty(n), np.empty(n), np.empty(n)
    tolerance = 20.0 * epsilon  # an advantage of the order of 1 - beta vanishes in the limit
    far = whittle_path(transitions, rewards, 1.0 - 4.0 * epsilon, True, tolerance, farther, error, margin, witness)
    mid = whittle_path(transitions, rewards, 1.0 - 2.0 * epsilon, True, tolerance, middle, error, margin, witness)
    near = whittle_path(transitions, rewards, 1.0 - epsilon, True, tolerance, nearer, error, margin, witness)
    code = max(far, mid, near)
    settled = code <= WEAK or far == mid == near
    if code == STRONG and margin[0] < np.sqrt(epsilon):
        code = STRICT  # the slope may vanish in the limit
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
        error[s] = 0.0 if np.isinf(index[s]) else abs(index[s] - nearer[s] - late) + 8e-16 * abs(nearer[s]) + EXTENDED_MARGIN
    if not settled or code == ILL_CONDITIONED:
        return UNDECIDED, diverges
    return DIVERGENT if diverges and code <= WEAK else code, diverges
