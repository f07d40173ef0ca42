"""Best response of every type of arm to a charge per activation, by warm-started policy iteration.

For each type: maximise the value of ``r[a, s] - charge * (a > 0)`` over policies, under a discount ``beta < 1`` or on average
(``beta = 1``). What is kept per type between calls:

* ``policy`` (S,) int64: the present policy;
* ``line`` (2,): its value per period without the charge, and its activations per period, from the type's start distribution;
* ``advantage`` (A, S, 2): advantage of every action over the policy's, of the charged reward and of the activation;
* ``anchor`` (2,): the charge at which ``advantage`` holds, and how it was found: UNKNOWN, PLAIN, EXTENDED or VANISHING.

Advantages are linear in the charge, so a type whose policy stays optimal at a new charge costs no solve.

1. Evaluate the policy in double precision (PLAIN). If the smallest pivot shows nearly separate recurrent classes, repeat that
   in double-double arithmetic (EXTENDED). If on average they are separate, evaluate at ``beta = 1 - eps`` and ``1 - 2 eps``
   and extrapolate the value to ``beta = 1`` (VANISHING): with eps = 2^-40 a policy optimal there is gain-optimal from every
   start. A type never steps back within one call, for policies of two modes could follow each other in a circle.
2. In every state move to the action of largest advantage, if it is above the tolerance; without the tolerance ties cycle.
3. Stop when no state moves.
4. ``respond_beside`` goes on: among actions that tie at the charge, move to the one whose advantage rises fastest as the charge
   falls (or grows), until no state moves. The policy is then optimal at the charge and on a whole interval beside it, and its
   advantages are the limit from that side: (advantage, rate) in lexicographic order, with no finite step. Only where a policy
   is not PLAIN is there a step, of a relative 1e-9.

Reference: M. L. Puterman, Markov Decision Processes (1994), sections 6.4 and 10.1 (vanishing discount). Cost: one elimination
of S^3/3 multiplications per improvement, three or so per charge when warm, none when the policy stays.
"""

import numpy as np
from numba import njit

from rmab._kernels.evaluation import evaluate

UNKNOWN, PLAIN, EXTENDED, VANISHING = 0.0, 1.0, 2.0, 3.0
SMALLEST_PIVOT = 1e-6
SMALLEST_EXTENDED_PIVOT = 1e-12
EPSILON = 2.0**-40
TOLERANCE = 1e-11
ROUNDING = 1e-15
NUDGE = 1e-9
ROUNDS_PER_MODE = 100


@njit(nogil=True, cache=True)
def respond(transitions, rewards, start, charge, beta, policy, line, advantage, anchor):
    """Bring every type's ``policy`` and ``line`` to the optimum at ``charge``; return the first type that failed, or -1.

    ``transitions`` (K, A, S, S), ``rewards`` (K, A, S), ``start`` (K, S); the others as in the module docstring with a leading
    axis K, updated in place.
    """
    for k in range(len(transitions)):
        if not _respond(transitions[k], rewards[k], start[k], charge, beta, policy[k], line[k], advantage[k], anchor[k]):
            return k
    return -1


@njit(nogil=True, cache=True)
def respond_beside(transitions, rewards, start, charge, beta, side, policy, line, advantage, anchor):
    """As ``respond``, for the limit from below (``side`` = -1) or above (1), or neither (0); ``advantage`` holds at ``charge``.

    All states of a type are evaluated afresh, and a type that fails is reported as by ``respond``.
    """
    for k in range(len(transitions)):
        own = (policy[k], line[k], advantage[k], anchor[k])
        if not _respond(transitions[k], rewards[k], start[k], charge, beta, *own):
            return k
        if not _settle_ties(transitions[k], rewards[k], start[k], charge, beta, side, *own):
            return k
    return -1


@njit(nogil=True, cache=True)
def _settle_ties(p, r, start, charge, beta, side, policy, line, advantage, anchor):
    charged = _charged(r, charge)
    bias = np.zeros((p.shape[1], 2))
    scale = np.abs(charged[:, :, 0]).max()
    mode = max(anchor[1], PLAIN)
    while mode <= VANISHING:
        for _ in range(ROUNDS_PER_MODE):
            mode = _value(p, charged, start, beta, mode, policy, line, bias, advantage)
            if mode == UNKNOWN:
                return False
            line[0] += charge * line[1]
            anchor[0], anchor[1] = charge, mode
            # where classes are nearly separate, rates are so large that rounding of the charge alone undoes every tie
            nudge = 0.0 if mode == PLAIN else NUDGE * scale
            slack = TOLERANCE * scale + (ROUNDING * np.abs(bias[:, 0]).max() if mode == PLAIN else 0.0)
            rate_slack = TOLERANCE + ROUNDING * np.abs(bias[:, 1]).max() if mode == PLAIN else np.inf
            if not _move_beside(policy, advantage, side, nudge, slack, rate_slack):
                return True
        mode += 1.0
    return False


@njit(nogil=True, cache=True)
def _move_beside(policy, advantage, side, nudge, slack, rate_slack):
    """Move every state to its best action at the charge plus ``nudge``, or of those within ``slack`` the fastest improving."""
    n_actions, n, _ = advantage.shape
    moved = False
    for s in range(n):
        best = policy[s]
        for a in range(n_actions):
            rate = side * (advantage[best, s, 1] - advantage[a, s, 1])
            gained = advantage[a, s, 0] - advantage[best, s, 0] + nudge * rate
            if gained > slack or (gained >= -slack and rate > rate_slack):
                best = a
        if best != policy[s]:
            policy[s] = best
            moved = True
    return moved


@njit(nogil=True, cache=True)
def _respond(p, r, start, charge, beta, policy, line, advantage, anchor):
    charged = _charged(r, charge)
    bias = np.zeros((p.shape[1], 2))
    tolerance = TOLERANCE * np.abs(charged[:, :, 0]).max()
    if anchor[1] == PLAIN and not _improve(policy, advantage, charge - anchor[0], tolerance):
        return True
    mode = PLAIN
    while mode <= VANISHING:
        for _ in range(ROUNDS_PER_MODE):
            mode = _value(p, charged, start, beta, mode, policy, line, bias, advantage)
            if mode == UNKNOWN:
                return False
            line[0] += charge * line[1]
            anchor[0], anchor[1] = charge, mode
            slack = tolerance + ROUNDING * np.abs(bias[:, 0]).max() if mode == PLAIN else tolerance
            if not _improve(policy, advantage, 0.0, slack):
                return True
        mode += 1.0
    return False


@njit(nogil=True, cache=True)
def _charged(r, charge):
    n_actions, n = r.shape
    rhs = np.zeros((n_actions, n, 2))
    for a in range(n_actions):
        for s in range(n):
            rhs[a, s, 0] = r[a, s]
            if a > 0:
                rhs[a, s, 0] -= charge
                rhs[a, s, 1] = 1.0
    return rhs


@njit(nogil=True, cache=True)
def _improve(policy, advantage, change, tolerance):
    """Move every state to its best action after ``change`` of the charge; whether any moved."""
    n_actions, n, _ = advantage.shape
    moved = False
    for s in range(n):
        best, best_action = tolerance, policy[s]
        for a in range(n_actions):
            gained = advantage[a, s, 0] - change * advantage[a, s, 1]
            if gained > best:
                best, best_action = gained, a
        if best_action != policy[s]:
            policy[s] = best_action
            moved = True
    return moved


@njit(nogil=True, cache=True)
def _value(p, rhs, start, beta, mode, policy, line, bias, advantage):
    """Write the policy's ``line`` (of ``rhs``), bias and advantages, in ``mode`` or beyond; return the mode, or UNKNOWN."""
    gain = np.zeros(2)
    if mode == PLAIN:
        pivot = evaluate(p, policy, rhs, beta, False, 0.0, gain, bias, advantage)
        if pivot >= SMALLEST_PIVOT:
            _from_start(start, 1.0 - beta, gain, bias, line)
            return PLAIN
    if beta < 1.0 or mode < VANISHING:
        pivot = evaluate(p, policy, rhs, beta, True, 0.0, gain, bias, advantage)
        _from_start(start, 1.0 - beta, gain, bias, line)
        if beta < 1.0:
            return EXTENDED if pivot > 0.0 else UNKNOWN
        if pivot >= SMALLEST_EXTENDED_PIVOT:
            return EXTENDED
    farther = np.empty(2)
    first = evaluate(p, policy, rhs, 1.0 - 2.0 * EPSILON, True, 0.0, gain, bias, advantage)
    _from_start(start, 2.0 * EPSILON, gain, bias, farther)
    second = evaluate(p, policy, rhs, 1.0 - EPSILON, True, 0.0, gain, bias, advantage)
    _from_start(start, EPSILON, gain, bias, line)
    for c in range(2):
        line[c] += line[c] - farther[c]
    return VANISHING if min(first, second) > 0.0 else UNKNOWN


@njit(nogil=True, cache=True)
def _from_start(start, rate, gain, bias, line):
    for c in range(len(gain)):
        line[c] = gain[c]
        for s in range(len(start)):
            line[c] += rate * start[s] * bias[s, c]
