"""One arm under penalties at one charge: a policy, a few states that mix both actions, and the multipliers they pin down.

A penalty is LOOSE (its multiplier is 0), ACTIVE (its excess is 0) or CAPPED (its multiplier is at the cap). As many states mix
as penalties are active. A mixing state ``m`` is in the action that is not its policy's in a share ``amount`` of all periods;
with the tableau of the policy (:mod:`rmab._kernels.tableau`) and ``sign = 1`` where the policy waits and -1 where it acts,

    value of a cost  =  value under the policy  +  sum_m amount_m sign_m (advantage of acting in m),

which holds for occupancies too, so everything about a mixture is linear in the amounts. Acting and waiting tie in the mixing
states, which makes the active multipliers, and with them all advantages, lines in the charge.

A mixture is a policy and three arrays; tuples of arrays would cost more to pass than a step takes.

* ``policy`` (n,): the action of every state, as in the tableau.
* ``cells`` (4, width of a row of the tableau): CHANCE of acting, which is the policy unless a caller overwrites it for mixing
  states; the advantage of acting, ``WORTH - charge * MARGIN``; room for the charge at which the state EXITs from its action.
  Entries beyond the states act always and gain by it.
* ``real`` (6, J + 1): CAP, MULTIPLIER at charge 0 and its SLOPE of every penalty; AMOUNT of every mixing state; room for the
  RATE and the amount HELD of the states that move.
* ``whole`` (4, J + 1): STATUS of every penalty; a list of the penalties that are active, ACTIVES; the mixing states, MIXES, in
  any order, -1 after the last; room for the states that move, MOVES.
"""

import numpy as np
from numba import njit

LOOSE, ACTIVE, CAPPED, STATE = 0, 1, 2, 3
DROP, FLIP, BIND, NOTHING = 0, 1, 2, 3
STAY, STUCK = -1, -2
CHANCE, WORTH, MARGIN, EXIT = 0, 1, 2, 3
CAP, MULTIPLIER, SLOPE, AMOUNT, RATE, HELD = 0, 1, 2, 3, 4, 5
STATUS, ACTIVES, MIXES, MOVES = 0, 1, 2, 3
FLAT = 1e-12  # slopes below are zero
WRONG = 1e-10  # an advantage with the wrong sign that is not rounding
TIED = 1e-14  # charges that are closer, relative to one or to themselves, are one
SINGULAR = 1e-14
POSSIBLE = 1e-7  # a share of periods that is below zero by more is not rounding
SURE = 1e-9  # share of all periods below which an action is not taken: lowering the excesses by a hair mixes as much


@njit(nogil=True, cache=True)
def always_act(cap, totals, size):
    """The mixture below all charges: no state mixes, and what is in excess is capped. With it, room for equations."""
    n_penalties = len(cap)
    cells, real, whole = np.zeros((4, size)), np.zeros((6, n_penalties + 1)), np.zeros((4, n_penalties + 1), np.int64)
    for s in range(size):
        cells[CHANCE, s] = 1.0
    for j in range(n_penalties):
        real[CAP, j] = cap[j]
        whole[STATUS, j] = CAPPED if totals[2 + j] > 0.0 else LOOSE
    for i in range(n_penalties + 1):
        whole[MIXES, i] = -1
    return cells, real, whole, np.empty((n_penalties, n_penalties + 2))


@njit(nogil=True, cache=True)
def price(cells, real, whole, system, lines):
    """Set the multipliers and advantages of this mixture; False when the mixing states do not pin them down."""
    n, n_penalties, q = cells.shape[1], len(system), _size(whole)
    for s in range(n):
        cells[WORTH, s], cells[MARGIN, s] = lines[0, s], lines[1, s]
    for j in range(n_penalties):
        real[SLOPE, j], real[MULTIPLIER, j] = 0.0, 0.0
        if whole[STATUS, j] == CAPPED:
            real[MULTIPLIER, j] = real[CAP, j]
            for s in range(n):
                cells[WORTH, s] -= real[CAP, j] * lines[2 + j, s]
    if q == 0:
        return True
    for i in range(q):
        m = whole[MIXES, i]
        for c in range(q):
            system[i, c] = lines[2 + whole[ACTIVES, c], m]
        system[i, q], system[i, q + 1] = cells[WORTH, m], -cells[MARGIN, m]
    if not _solve(system, q, q + 2):
        return False
    for c in range(q):
        j, value, slope = whole[ACTIVES, c], system[c, q], system[c, q + 1]
        real[MULTIPLIER, j], real[SLOPE, j] = value, slope
        for s in range(n):
            cells[WORTH, s] -= value * lines[2 + j, s]
            cells[MARGIN, s] += slope * lines[2 + j, s]
    return True


@njit(nogil=True, cache=True)
def next_event(cells, real, whole, charge):
    """The next event from ``charge`` on: its charge, and which STATE ties or which penalty becomes LOOSE or CAPPED."""
    n, q = cells.shape[1], _size(whole)
    _leave(cells, charge)
    for i in range(q):
        cells[EXIT, whole[MIXES, i]] = np.inf
    following = np.inf
    for s in range(n):
        following = min(following, cells[EXIT, s])
    kind, entering, steepest = STATE, -1, -1.0
    if following < np.inf:
        latest = following + TIED * (1.0 + abs(following))
        for s in range(n):
            if cells[EXIT, s] <= latest and abs(cells[MARGIN, s]) > steepest:
                entering, steepest = s, abs(cells[MARGIN, s])
    for c in range(q):
        j = whole[ACTIVES, c]
        if abs(real[SLOPE, j]) <= FLAT:
            continue
        rises = real[SLOPE, j] > 0.0
        at = max(((real[CAP, j] if rises else 0.0) - real[MULTIPLIER, j]) / real[SLOPE, j], charge)
        if before(at, following):
            following, kind, entering = at, CAPPED if rises else LOOSE, j
    return following, kind, entering


@njit(nogil=True, cache=True, error_model="numpy")
def _leave(cells, charge):
    """The charge, from ``charge`` on, at which each state that takes one action wants the other; without branches."""
    for s in range(cells.shape[1]):
        worth, margin, side = cells[WORTH, s], cells[MARGIN, s], 2.0 * cells[CHANCE, s] - 1.0
        at = worth / margin
        at = at if side * margin > FLAT else np.inf
        wrong = side * (worth - charge * margin) < -WRONG * (1.0 + abs(worth))
        cells[EXIT, s] = charge if wrong | (at < charge) else at


@njit(nogil=True, cache=True)
def before(charge, other):
    """Whether a charge is smaller by more than rounding."""
    return charge < other and (other == np.inf or other - charge > TIED * (1.0 + abs(other)))


@njit(nogil=True, cache=True)
def pivot(policy, real, whole, system, columns, visits, lines, totals, kind, entering):
    """Move the mixture until something gives way; return the state that must change its action, STAY for none, or STUCK.

    A STATE enters with its other action; a penalty that becomes LOOSE lets its excess fall, one that becomes CAPPED lets it
    rise. The excesses of the other active penalties stay at zero.
    """
    q = _size(whole)
    for c in range(q):
        j = whole[ACTIVES, c]
        for i in range(q):
            system[c, i] = _effect(policy, lines, 2 + j, whole[MIXES, i])
        if kind == STATE:
            system[c, q] = -_effect(policy, lines, 2 + j, entering)
        else:
            system[c, q] = 0.0 if j != entering else (1.0 if kind == CAPPED else -1.0)
    if not _solve(system, q, q + 1):
        return STUCK
    for i in range(q):
        whole[MOVES, i], real[RATE, i], real[HELD, i] = whole[MIXES, i], system[i, q], real[AMOUNT, i]
    if kind == STATE:
        whole[MOVES, q], real[RATE, q], real[HELD, q] = entering, 1.0, 0.0
    what, which = _gives_way(policy, real, whole, columns, visits, lines, totals, q + 1 if kind == STATE else q)
    if what == NOTHING:
        return STUCK
    flipped = whole[MOVES, which] if what == FLIP else STAY
    if what == BIND:
        whole[STATUS, which] = ACTIVE
        if kind == STATE:
            whole[MIXES, q], whole[ACTIVES, q] = entering, which
        else:
            _replace(whole, q, entering, which)
    elif kind == STATE:
        if which < q:
            whole[MIXES, which] = entering
    else:
        whole[MIXES, which], whole[MIXES, q - 1] = whole[MIXES, q - 1], -1
        _replace(whole, q, entering, whole[ACTIVES, q - 1])
    if kind != STATE:
        whole[STATUS, entering] = kind
    return flipped


@njit(nogil=True, cache=True)
def _gives_way(policy, real, whole, columns, visits, lines, totals, count):
    """What stops the ``count`` moving states first: one DROPs its other action or FLIPs to it, or a penalty BINDs."""
    least, what, which = np.inf, NOTHING, -1
    for i in range(count):
        m, held, rate = whole[MOVES, i], real[HELD, i], real[RATE, i]
        usual, change = visits[m] - held, -rate  # how often the state is in its policy's action
        for k in range(count):
            weight = _sign(policy, whole[MOVES, k]) * columns[m, whole[MOVES, k]]
            usual += real[HELD, k] * weight
            change += real[RATE, k] * weight
        if rate < 0.0 and held / -rate < least:
            least, what, which = held / -rate, DROP, i
        if change < 0.0 and max(usual, 0.0) / -change < least:
            least, what, which = max(usual, 0.0) / -change, FLIP, i
    for j in range(lines.shape[0] - 2):
        if whole[STATUS, j] == ACTIVE:
            continue
        excess, change = totals[2 + j], 0.0
        for k in range(count):
            effect = _effect(policy, lines, 2 + j, whole[MOVES, k])
            excess += real[HELD, k] * effect
            change += real[RATE, k] * effect
        if whole[STATUS, j] == LOOSE:
            excess, change = -excess, -change
        if change < -FLAT and max(excess, 0.0) / -change < least:
            least, what, which = max(excess, 0.0) / -change, BIND, j
    return what, which


@njit(nogil=True, cache=True)
def balance(policy, real, whole, system, lines, totals):
    """Set the amounts so that every active excess is zero; False when the mixing states cannot do that."""
    q = _size(whole)
    for c in range(q):
        k = 2 + whole[ACTIVES, c]
        for i in range(q):
            system[c, i] = _effect(policy, lines, k, whole[MIXES, i])
        system[c, q] = -totals[k]
    if not _solve(system, q, q + 1):
        return False
    for i in range(q):
        real[AMOUNT, i] = max(system[i, q], 0.0)
    return True


@njit(nogil=True, cache=True)
def write(policy, real, whole, charge, columns, visits, lines, totals, row):
    """One segment of the path that starts at ``charge``, as :func:`rmab._kernels.penalty_path.follow` lays it out."""
    n_penalties, q = len(lines) - 2, _size(whole)
    row[0] = charge
    for k in range(2 + n_penalties):
        row[1 + k] = totals[k]
        for i in range(q):
            row[1 + k] += real[AMOUNT, i] * _effect(policy, lines, k, whole[MIXES, i])
    for j in range(n_penalties):
        slope = real[SLOPE, j]
        row[3 + n_penalties + j] = real[MULTIPLIER, j] + (charge * slope if slope != 0.0 else 0.0)
        row[3 + 2 * n_penalties + j] = slope
        row[3 + 3 * n_penalties + j] = whole[MIXES, j]
        row[3 + 4 * n_penalties + j] = 0.0
    for i in range(q):
        m, amount = whole[MIXES, i], real[AMOUNT, i]
        here = visits[m]
        for k in range(q):
            here += real[AMOUNT, k] * _sign(policy, whole[MIXES, k]) * columns[m, whole[MIXES, k]]
        other = 0.0 if amount <= SURE else (1.0 if here - amount <= SURE else amount / here)
        row[3 + 4 * n_penalties + i] = other if policy[m] == 0 else 1.0 - other


@njit(nogil=True, cache=True)
def possible(policy, real, whole, columns, visits, activation, least_before):
    """Whether this mixture is a policy: no occupancy is negative, and it acts from 0 to ``least_before`` of the periods.

    Where a policy on the way has several recurrent classes, the equations of the average criterion still have solutions, but
    those are none.
    """
    if not -POSSIBLE <= activation <= least_before + POSSIBLE:
        return False
    q = _size(whole)
    for s in range(len(policy)):
        share = visits[s]
        for i in range(q):
            share += real[AMOUNT, i] * _sign(policy, whole[MIXES, i]) * columns[s, whole[MIXES, i]]
        if share < -POSSIBLE:
            return False
    return True


@njit(nogil=True, cache=True)
def _size(whole):
    """How many states mix."""
    q = 0
    while whole[MIXES, q] >= 0:
        q += 1
    return q


@njit(nogil=True, cache=True)
def _sign(policy, s):
    return 1.0 if policy[s] == 0 else -1.0


@njit(nogil=True, cache=True)
def _effect(policy, lines, k, s):
    """Change of the value of cost ``k`` per unit of the other action in state ``s``."""
    return lines[k, s] if policy[s] == 0 else -lines[k, s]


@njit(nogil=True, cache=True)
def _replace(whole, count, old, new):
    """Put penalty ``new`` in the place of ``old`` in the list of the active ones."""
    for c in range(count):
        if whole[ACTIVES, c] == old:
            whole[ACTIVES, c] = new


@njit(nogil=True, cache=True)
def _solve(system, q, width):
    """Gauss-Jordan on the first ``q`` of ``width`` columns; solutions replace the others. False when a pivot vanishes."""
    for k in range(q):
        best = k
        for i in range(k + 1, q):
            if abs(system[i, k]) > abs(system[best, k]):
                best = i
        largest = system[best, k]
        if abs(largest) < SINGULAR:
            return False
        for c in range(k, width):
            system[k, c], system[best, c] = system[best, c], system[k, c]
            system[k, c] /= largest
        for i in range(q):
            factor = system[i, k]
            if i != k and factor != 0.0:
                for c in range(k, width):
                    system[i, c] -= factor * system[k, c]
    return True
