"""The exact path of one arm's optimal randomised policies under penalties, as the charge per activation grows.

The arm maximises  reward - charge * activation - sum_j mu_j * excess_j  and each multiplier ``0 <= mu_j <= cap_j`` minimises
what is left: the dual of "excess at most zero, at the price cap_j for what cannot be met". A penalty is LOOSE (``mu_j = 0``),
ACTIVE (its excess is zero) or CAPPED. As many states *mix* both actions as there are active penalties; every other state takes
one action. In all mixing states acting and waiting tie, and this makes the active multipliers lines in the charge.

1. Start from charge minus infinity: every state acts; penalties in excess are capped, others loose.
2. The next event is the first charge at which another state ties or an active multiplier reaches 0 or its cap.
3. The state enters with its other action, or the penalty is let go, and the mixture changes with it, the active excesses kept
   at zero, until something gives way: a mixing state takes one action for good, the entering state changes over entirely, or
   another penalty becomes active.
4. A state that changes its action is exchanged in the tableau, and step 2 follows. No event is left when every state waits.

This is the parametric simplex method on the occupancy program, with a basis that is a policy and a handful of mixing states.
Excesses are lowered by SHIFT, which decides which way a penalty that is met exactly goes. Reference: S. Gass, T. Saaty, The
computational algorithm for the parametric objective function, Naval Research Logistics Quarterly 2 (1955). Cost: an event takes
O(n J) operations and at most one exchange; n events for an arm that is indexable and has loose penalties.
"""

import numpy as np
from numba import njit

from rmab._kernels.penalty_judge import judge, mixes, start_findings
from rmab._kernels.scaling import power_of_two
from rmab._kernels.tableau import exchange, residue, set_up
from rmab._kernels.verdict import IRREGULAR, NOT_INDEXABLE, STRICT, UNDECIDED, UNSETTLED

LOOSE, ACTIVE, CAPPED, STATE = 0, 1, 2, 3
DROP, FLIP, BIND, NOTHING = 0, 1, 2, 3
SHIFT = 1e-12
FLAT = 1e-12  # slopes below are zero
WRONG = 1e-10  # an advantage with the wrong sign that is not rounding
TIED = 1e-14  # charges that are closer, relative to one or to themselves, are one
EVENTS = 40  # per state, after which the path is given up
DRIFT = 1e-10  # of the lines at the end of the path, relative to their size
ALMOST_ONE = 1.0 - 2.0**-20  # discount that stands for the average where some policy has several recurrent classes


@njit(nogil=True, cache=True)
def most_segments(n):
    """Room that the path of an arm with ``n`` states may need."""
    return EVENTS * n + 40


@njit(nogil=True, cache=True)
def follow_types(transitions, rewards, excess, start, beta, cap, first, last, segments, counts, codes, ties, witness):
    """Paths of the types ``first <= k < last``, one after the other in ``segments``, until there is no room for another.

    ``excess`` (J, K, 2, n); ``counts``, ``codes`` (K,); ``ties`` (K, 3, n); ``witness`` (K, 3). Returns the first type that
    was not done and the number of segments written.
    """
    n, n_penalties = ties.shape[2], len(excess)
    costs, room, unit = np.empty((2 + n_penalties, 2, n)), np.empty(n_penalties), np.ones(2 + n_penalties)
    written, k = 0, first
    while k < last and written + most_segments(n) <= len(segments):
        unit[0] = power_of_two(rewards[k])
        costs[0], costs[1, 0], costs[1, 1] = rewards[k] / unit[0], 0.0, 1.0
        for j in range(n_penalties):
            unit[2 + j] = power_of_two(excess[j, k])
            costs[2 + j] = excess[j, k] / unit[2 + j]
            room[j] = cap * unit[2 + j] / unit[0]
        rows = segments[written:]
        for refresh, discount in ((n * EVENTS, beta), (1, beta), (1, min(beta, ALMOST_ONE))):
            code, count = follow(transitions[k], costs, start[k], discount, room, refresh, rows, ties[k], witness[k])
            if code != IRREGULAR:
                break
        if code == IRREGULAR:
            code, count = UNDECIDED, 0
        elif discount != beta:
            code = UNSETTLED if code != NOT_INDEXABLE else code
        _rescale(rows[:count], unit)
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
        row[1 : 3 + n_penalties] *= unit
        row[3 + n_penalties : 3 + 2 * n_penalties] *= unit[0] / unit[2:]
        row[3 + 2 * n_penalties : 3 + 3 * n_penalties] /= unit[2:]


@njit(nogil=True, cache=True)
def follow(transitions, costs, start, beta, cap, refresh, segments, ties, witness):
    """Write the path of one arm; return its code and the number of segments.

    ``transitions`` (2, n, n); ``costs`` (2 + J, 2, n) rewards, activations and excesses of order one; ``cap`` (J,);
    ``refresh`` exchanges after which the tableau is set up anew. ``segments`` (most, 3 + 5 J): from which charge on; reward,
    activation, excesses, multipliers there and their slopes, mixing states (-1 for none) and their chance of acting.
    ``ties`` (3, n): the charges between which acting and waiting tie, and up to which the state acts without mixing.
    ``witness`` (3,): a state, and two charges that show that it is not indexable.
    """
    n, n_penalties = ties.shape[1], len(cap)
    costs = costs.copy()
    costs[2:] -= SHIFT
    columns, lines, scratch = np.empty((n, n + 1)), np.empty((2 + n_penalties, n + 1)), np.empty(n + 1)
    policy, status = np.ones(n, np.int64), np.zeros(n_penalties, np.int64)
    mixing, amount = np.full(n_penalties, -1), np.zeros(n_penalties)
    multiplier, slope = np.zeros(n_penalties), np.zeros(n_penalties)
    margin, worth = np.empty(n), np.empty(n)
    findings = start_findings(n)
    ties[0], ties[1:] = np.inf, -np.inf
    if not set_up(transitions, costs, start, beta, policy, columns, lines) > 0.0:
        return IRREGULAR, 0
    first_columns, first_lines = columns.copy(), lines.copy()
    for j in range(n_penalties):
        status[j] = CAPPED if lines[2 + j, n] > 0.0 else LOOSE
    charge, count, exchanges, code = -np.inf, 0, 0, STRICT
    for _ in range(EVENTS * n):
        if not _price(lines, status, cap, mixing, multiplier, slope, worth, margin):
            return IRREGULAR, count
        following, kind, entering = _next(policy, status, cap, mixing, multiplier, slope, worth, margin, charge)
        if following == np.inf or _before(charge, following):
            _write(segments[count], charge, columns, lines, policy, mixing, amount, multiplier, slope)
            code = max(code, judge(charge, following, policy, mixing, worth, margin, findings, ties, witness))
            count += 1
        if following == np.inf:
            sound = policy.max() == 0 and residue(first_columns, first_lines, lines) < DRIFT * (1.0 + np.abs(lines).max())
            return code if sound else IRREGULAR, count
        charge = following
        flipped = _pivot(columns, lines, policy, status, mixing, amount, kind, entering)
        if flipped == -2:
            return IRREGULAR, count
        if flipped >= 0:
            exchanges += 1
            smallest = exchange(columns, lines, policy, flipped, scratch)
            if smallest > 0.0 and exchanges % refresh == 0:
                smallest = set_up(transitions, costs, start, beta, policy, columns, lines)
            if not smallest > 0.0:
                return IRREGULAR, count
        if not _balance(lines, policy, status, mixing, amount):
            return IRREGULAR, count
    return IRREGULAR, count


@njit(nogil=True, cache=True)
def _price(lines, status, cap, mixing, multiplier, slope, worth, margin):
    """Multipliers as lines ``multiplier + charge * slope``, and advantages ``worth - charge * margin``, of this mixture."""
    n, q = len(worth), 0
    worth[:], margin[:] = lines[0, :n], lines[1, :n]
    for j in range(len(cap)):
        slope[j] = 0.0
        multiplier[j] = cap[j] if status[j] == CAPPED else 0.0
        if status[j] == ACTIVE:
            q += 1
        elif status[j] == CAPPED:
            worth -= cap[j] * lines[2 + j, :n]
    if q > 0:
        system = np.empty((q, q + 2))
        for i in range(q):
            m, c = mixing[i], 0
            for j in range(len(cap)):
                if status[j] == ACTIVE:
                    system[i, c] = lines[2 + j, m]
                    c += 1
            system[i, q], system[i, q + 1] = worth[m], -margin[m]
        if not _solve(system, q):
            return False
        c = 0
        for j in range(len(cap)):
            if status[j] == ACTIVE:
                multiplier[j], slope[j] = system[c, q], system[c, q + 1]
                worth -= multiplier[j] * lines[2 + j, :n]
                margin += slope[j] * lines[2 + j, :n]
                c += 1
    return True


@njit(nogil=True, cache=True)
def _next(policy, status, cap, mixing, multiplier, slope, worth, margin, charge):
    """The next event: at which charge, and a STATE that ties, or a penalty that becomes LOOSE or CAPPED (its number)."""
    following, kind, entering, steepest = np.inf, STATE, -1, 0.0
    for i in range(len(policy)):
        steep = margin[i] if policy[i] == 1 else -margin[i]
        at = np.inf
        if steep > FLAT:
            at = max(worth[i] / margin[i], charge)
        if charge > -np.inf:
            now = worth[i] - charge * margin[i]
            size = WRONG * (1.0 + abs(worth[i]))
            if (now < -size) if policy[i] == 1 else (now > size):
                at = charge
        if at == np.inf or _before(following, at) or mixes(mixing, i):
            continue
        if _before(at, following) or steep > steepest:
            following, entering, steepest = min(at, following), i, steep
    for j in range(len(cap)):
        if status[j] != ACTIVE or abs(slope[j]) <= FLAT:
            continue
        goal = cap[j] if slope[j] > 0.0 else 0.0
        at = max((goal - multiplier[j]) / slope[j], charge)
        if _before(at, following):
            following, entering = at, j
            kind = CAPPED if slope[j] > 0.0 else LOOSE
    return following, kind, entering


@njit(nogil=True, cache=True)
def _before(charge, other):
    """Whether a charge is smaller by more than rounding."""
    return charge < other and (other == np.inf or other - charge > TIED * (1.0 + abs(other)))


@njit(nogil=True, cache=True)
def _pivot(columns, lines, policy, status, mixing, amount, kind, entering):
    """Move the mixture until something gives way; update ``mixing`` and ``status``.

    Returns the state to be exchanged, -1 for none, or -2 when nothing gives way. ``amount[i]`` is how often the mixing state
    ``mixing[i]`` is in the action that is not its policy's.
    """
    n, n_penalties = len(policy), len(status)
    q = 0
    for m in mixing:
        q += m >= 0
    system, c = np.empty((q, q + 1)), 0
    for j in range(n_penalties):
        if status[j] != ACTIVE:
            continue
        for i in range(q):
            system[c, i] = _sign(policy, mixing[i]) * lines[2 + j, mixing[i]]
        if kind == STATE:
            system[c, q] = -_sign(policy, entering) * lines[2 + j, entering]
        else:
            system[c, q] = 0.0 if j != entering else (1.0 if kind == CAPPED else -1.0)
        c += 1
    if not _solve(system, q):
        return -2
    rate = system[:, q]
    last = q + 1 if kind == STATE else q
    moved, rates, held = np.empty(last, np.int64), np.empty(last), np.zeros(last)
    for i in range(q):
        moved[i], rates[i], held[i] = mixing[i], rate[i], amount[i]
    if kind == STATE:
        moved[q], rates[q] = entering, 1.0
    least, what, which = np.inf, NOTHING, -1
    for i in range(last):
        total, change = columns[moved[i], n], 0.0
        for k in range(last):
            weight = _sign(policy, moved[k]) * columns[moved[i], moved[k]]
            total += held[k] * weight
            change += rates[k] * weight
        if rates[i] < 0.0 and max(held[i], 0.0) / -rates[i] < least:
            least, what, which = max(held[i], 0.0) / -rates[i], DROP, i
        if change - rates[i] < 0.0 and max(total - held[i], 0.0) / (rates[i] - change) < least:
            least, what, which = max(total - held[i], 0.0) / (rates[i] - change), FLIP, i
    for j in range(n_penalties):
        if status[j] == ACTIVE:
            continue
        excess, change = lines[2 + j, n], 0.0
        for k in range(last):
            weight = _sign(policy, moved[k]) * lines[2 + j, moved[k]]
            excess += held[k] * weight
            change += rates[k] * weight
        towards = change > FLAT if status[j] == LOOSE else change < -FLAT
        if towards:
            room = max(-excess, 0.0) if status[j] == LOOSE else max(excess, 0.0)
            if room / abs(change) < least:
                least, what, which = room / abs(change), BIND, j
    if what == NOTHING:
        return -2
    if kind != STATE:
        status[entering] = kind
    flipped = -1
    if what == BIND:
        status[which] = ACTIVE
        if kind == STATE:
            mixing[q] = entering
        return flipped
    if what == FLIP:
        flipped = moved[which]
    if kind == STATE:
        if which < q:
            mixing[which] = entering
    else:
        mixing[which] = mixing[q - 1]
        amount[which] = amount[q - 1]
        mixing[q - 1] = -1
    return flipped


@njit(nogil=True, cache=True)
def _balance(lines, policy, status, mixing, amount):
    """Amounts that keep every active excess at zero."""
    n, q = lines.shape[1] - 1, 0
    for m in mixing:
        q += m >= 0
    if q == 0:
        return True
    system, c = np.empty((q, q + 1)), 0
    for j in range(len(status)):
        if status[j] == ACTIVE:
            for i in range(q):
                system[c, i] = _sign(policy, mixing[i]) * lines[2 + j, mixing[i]]
            system[c, q] = -lines[2 + j, n]
            c += 1
    if c != q or not _solve(system, q):
        return False
    for i in range(q):
        amount[i] = max(system[i, q], 0.0)
    return True


@njit(nogil=True, cache=True)
def _sign(policy, state):
    return 1.0 if policy[state] == 0 else -1.0


@njit(nogil=True, cache=True)
def _solve(system, q):
    """Gauss-Jordan on the first ``q`` columns; solutions replace the others. False when a pivot vanishes."""
    for k in range(q):
        best = k
        for i in range(k + 1, q):
            if abs(system[i, k]) > abs(system[best, k]):
                best = i
        if abs(system[best, k]) < 1e-14:
            return False
        for c in range(system.shape[1]):
            system[k, c], system[best, c] = system[best, c], system[k, c]
        for i in range(q):
            if i != k and system[i, k] != 0.0:
                factor = system[i, k] / system[k, k]
                for c in range(k, system.shape[1]):
                    system[i, c] -= factor * system[k, c]
        for c in range(q, system.shape[1]):
            system[k, c] /= system[k, k]
        system[k, k] = 1.0
    return True


@njit(nogil=True, cache=True)
def _write(row, charge, columns, lines, policy, mixing, amount, multiplier, slope):
    """One segment of the path."""
    n, n_penalties = len(policy), len(mixing)
    row[0] = charge
    for k in range(2 + n_penalties):
        total = lines[k, n]
        for i in range(n_penalties):
            if mixing[i] >= 0:
                total += amount[i] * _sign(policy, mixing[i]) * lines[k, mixing[i]]
        row[1 + k] = total
    for j in range(n_penalties):
        row[3 + n_penalties + j] = multiplier[j] + (charge * slope[j] if slope[j] != 0.0 else 0.0)
        row[3 + 2 * n_penalties + j] = slope[j]
        m = mixing[j]
        row[3 + 3 * n_penalties + j] = m
        row[3 + 4 * n_penalties + j] = 0.0
        if m >= 0:
            visits = columns[m, n]
            for i in range(n_penalties):
                if mixing[i] >= 0:
                    visits += amount[i] * _sign(policy, mixing[i]) * columns[m, mixing[i]]
            other = min(amount[j] / visits, 1.0) if visits > 0.0 else 0.0
            row[3 + 4 * n_penalties + j] = other if policy[m] == 0 else 1.0 - other
