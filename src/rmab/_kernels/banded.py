"""The path of optimal policies of a chain that is banded apart from one return column, one O(n) evaluation per charge.

From state ``i`` the chain moves to one of ``i - kl .. i + ku`` or returns to the state ``c``. Pin ``h[c] = 0``; with the gain
``g = (1 - beta) v[c]`` a policy solves

    h = M^-1 (r - g 1),   M = I - beta P without row and column c,   g (1 + beta P_c M^-1 1) = r_c + beta P_c M^-1 r,

for every ``beta <= 1``. ``M`` is a banded M-matrix; the probability of leaving the rows not yet eliminated is carried along
and each pivot is a sum of what leaves a state (Grassmann, Taksar, Heyman 1985), so nothing cancels. Per policy:

1. eliminate, from the first row that has changed on, with the rewards, the activations and 1 as right-hand sides;
2. find ``g`` of the rewards and of the activations, and substitute back;
3. one sweep gives the advantage ``W[i] - charge * A[i]`` of acting in every state;
4. the next charge is the smallest at which a state wants the other action; the states that want it switch together. Every
   policy is evaluated afresh, so rounding does not build up along the path.

With ``kl = ku = 1`` the rows on both sides of the pin are eliminated towards it and differences of ``h`` between neighbours are
computed as such. Without a return column the pin moves to the state that the current policy visits most.

Numbers that decay along a chain of thousands of states would become denormal, which is slow: they rest on a floor of 1e-290.

Cost: O(n (kl+1)(ku+1)) per charge, O(n (kl+ku)) memory.
"""

import numpy as np
from numba import njit

from rmab._kernels.verdict import IRREGULAR, NOT_INDEXABLE, STRICT, STRONG, UNDECIDED, WEAK

FLOOR = 1e-290
EPS = 2.3e-16
SAFETY = 8.0  # units in the last place granted to every sum of positive terms
VISIBLE = 1e-11  # smallest advantage, relative to the rewards, that counts against indexability
BLURRED = 1e-6  # an index that is less sure than this, relative to itself or the rewards, is none
LEVEL = 1e-12  # a slope below it is looked at with care
UP, DOWN, LEAK, PAY, ACT = 0, 1, 2, 3, 4
RHO, INV, F0, F1, F2 = 0, 1, 2, 3, 4
H0, H1, H2, Z0, Z1 = 0, 1, 2, 3, 4
NOT_STRONG, TOUCHES, RETURNS = 0, 1, 2


@njit(nogil=True, cache=True, error_model="numpy")
def banded_path(band, kl, back, rewards, beta, pin, fixed, index, error, margin, witness):
    """Follow the path from charge minus infinity on; write the first charge at which each state is left; return the verdict.

    ``band`` (2, n, kl + 1 + ku) with ``band[a, i, kl + d]`` the probability of ``i -> i + d``, ``kl, ku >= 1``; ``back`` (2, n)
    that of returning to ``pin`` (then ``fixed``), rows of both summing to 1; ``rewards`` (2, n) of scale 1. States whose
    charges agree within rounding leave together: that is checked afterwards, and enters ``error``. Written: ``index`` (n,),
    ``error`` (n,), ``margin`` (2,): smallest slope, largest advantage that returned; ``witness`` (3,): a state, a charge at
    which waiting is better there, and a higher one at which acting is.
    """
    n, width = band.shape[1], band.shape[2]
    room = _room(n, width, width == 3 and kl == 1)
    work, slope, ratio = np.empty(n), np.empty(n), np.empty(n)
    inside, outside = np.zeros(n), np.full(n, np.inf)
    acting = np.ones(n, np.bool_)
    lowest, lowest_at = np.zeros(n), np.full(n, -np.inf)
    index[:] = np.inf
    error[:] = 0.0
    margin[0], margin[1] = np.inf, 0.0
    signs = np.zeros(3, np.bool_)
    _load_differences(room, band, back, rewards, beta, kl)
    _load_all(room, band, back, rewards, beta, kl, pin, acting)
    low, high = 0, n - 1
    charge, blur = -np.inf, 0.0
    n_acting = n
    for _ in range(4 * n + 200):
        cycle = _evaluate(room, kl, pin, low, high, work, slope)
        if not fixed and not cycle <= 4.0 * n:
            busiest = _busiest(band, acting, kl)
            if busiest != pin:
                pin = busiest
                _load_all(room, band, back, rewards, beta, kl, pin, acting)
                cycle = _evaluate(room, kl, pin, 0, n - 1, work, slope)
        least, first, last = _scan(work, slope, ratio, inside, outside)
        if not (cycle < 1e280 and -1e280 < least < 1e280):
            return UNDECIDED
        margin[0] = min(margin[0], least)
        careful = least <= LEVEL
        following = _next_charge(work, slope, acting, charge) if careful else first
        if following == np.inf:
            return UNDECIDED
        at = _nearest(ratio, following)
        tied = _doubt(room, kl, pin, at, following) / max(abs(slope[at]), LEVEL)
        if not tied <= BLURRED * (1.0 + abs(following)):
            return UNDECIDED
        if careful:
            signs[NOT_STRONG] = True
            _watch(room, kl, pin, charge, following, work, slope, acting, lowest, lowest_at, margin, witness, signs)
        elif (following < charge or last > charge) and not _in_order(
            room, kl, pin, charge, blur, work, slope, ratio, acting, error
        ):
            return IRREGULAR
        charge, blur = max(charge, following), tied
        limit = following + tied + 4.0 * EPS * abs(following)
        low, high = n, -1
        for s in range(n):
            if not ratio[s] <= (limit if careful else limit - inside[s]):
                continue
            if slope[s] <= LEVEL if acting[s] else slope[s] >= -LEVEL:
                continue
            if lowest[s] < 0.0:
                pass  # it has been left before, visibly: its index stands
            elif acting[s]:
                index[s] = charge
                error[s] = _doubt(room, kl, pin, s, charge) / slope[s] + abs(charge - ratio[s]) + tied
            else:
                index[s] = np.inf
            signs[TOUCHES] |= not acting[s]
            n_acting += -1 if acting[s] else 1
            acting[s] = not acting[s]
            inside[s], outside[s] = (0.0, np.inf) if acting[s] else (np.inf, 0.0)
            _load(room, band, back, rewards, beta, kl, pin, s, int(acting[s]))
            low, high = min(low, s), max(high, s)
        if n_acting == 0:
            return _verdict(signs)
        if low == n:
            return UNDECIDED
    return UNDECIDED


@njit(nogil=True, cache=True)
def _verdict(signs):
    if signs[RETURNS]:
        return NOT_INDEXABLE
    if signs[TOUCHES]:
        return WEAK
    return STRICT if signs[NOT_STRONG] else STRONG


@njit(nogil=True, cache=True)
def _in_order(room, kl, pin, charge, blur, work, slope, ratio, acting, error):
    """Whether every advantage has the sign of the policy at ``charge``, rounding and ties apart."""
    for s in range(work.shape[0]):
        wrong = (work[s] - charge * slope[s]) * (-1.0 if acting[s] else 1.0)
        if wrong <= 0.0:
            continue
        if wrong > 4.0 * _doubt(room, kl, pin, s, charge) + blur * abs(slope[s]):
            return False
        if not acting[s]:
            error[s] = max(error[s], ratio[s] - charge)
    return True


@njit(nogil=True, cache=True)
def _watch(room, kl, pin, charge, following, work, slope, acting, lowest, lowest_at, margin, witness, signs):
    """Remember how low an advantage was that does not fall, and whether one that was negative has become positive."""
    for s in range(work.shape[0]):
        if slope[s] > LEVEL and lowest[s] == 0.0:
            continue
        value = work[s] - charge * slope[s] if charge > -np.inf else np.inf
        later = work[s] - following * slope[s]
        seen = VISIBLE + _doubt(room, kl, pin, s, following)
        if not acting[s] and value < min(lowest[s], -seen):
            lowest[s], lowest_at[s] = value, charge
        if acting[s] and lowest[s] < -seen and later > seen:
            margin[1] = max(margin[1], later)
            if not signs[RETURNS]:
                signs[RETURNS] = True
                witness[0], witness[1], witness[2] = s, lowest_at[s], following
        if slope[s] <= LEVEL and min(abs(value), abs(later)) <= seen:
            signs[TOUCHES] = True


@njit(nogil=True, cache=True)
def _room(n, width, narrow):
    """Room for everything that changes from policy to policy; ``width - 1`` zeros on either side stand for states that are not.

    Current rows, factors, solution, differences between the actions by name; then, when not narrow, by move: current rows and
    eliminated rows, differences, and one spare row.
    """
    size = n + 2 * (width - 1)
    wide = 0 if narrow else size
    by_name = np.zeros((5, size)), np.zeros((5, size)), np.zeros((5, size)), np.zeros((4, size))
    return (*by_name, np.zeros((2, wide, width)), np.zeros((wide, width)), np.zeros(width))


@njit(nogil=True, cache=True)
def _load_differences(room, band, back, rewards, beta, kl):
    difference, by_move = room[3], room[5]
    n, width = band.shape[1], band.shape[2]
    for s in range(n):
        i = s + width - 1
        difference[UP, i] = beta * (band[1, s, kl + 1] - band[0, s, kl + 1])
        difference[DOWN, i] = beta * (band[1, s, kl - 1] - band[0, s, kl - 1])
        difference[LEAK, i] = beta * (back[1, s] - back[0, s])
        difference[PAY, i] = rewards[1, s] - rewards[0, s]
        if by_move.shape[0] > 0:
            for m in range(width):
                by_move[i, m] = beta * (band[1, s, m] - band[0, s, m]) if m != kl else 0.0


@njit(nogil=True, cache=True)
def _load_all(room, band, back, rewards, beta, kl, pin, acting):
    for s in range(acting.shape[0]):
        _load(room, band, back, rewards, beta, kl, pin, s, int(acting[s]))


@njit(nogil=True, cache=True)
def _load(room, band, back, rewards, beta, kl, pin, s, action):
    """Make ``action`` the current one in state ``s``."""
    rows, upper = room[0], room[4]
    width = band.shape[2]
    i = s + width - 1
    rows[LEAK, i] = (1.0 - beta) + beta * back[action, s] + FLOOR
    rows[PAY, i] = rewards[action, s] + FLOOR
    rows[ACT, i] = action + FLOOR
    rows[UP, i] = beta * band[action, s, kl + 1]
    rows[DOWN, i] = beta * band[action, s, kl - 1]
    if upper.shape[1] == 0:
        return
    for m in range(width):
        upper[0, i, m] = beta * band[action, s, m] if m != kl else 0.0
    to_pin = kl + pin - s
    if 0 <= to_pin < width and s != pin:
        rows[LEAK, i] += upper[0, i, to_pin]
        upper[0, i, to_pin] = 0.0


@njit(nogil=True, cache=True)
def _evaluate(room, kl, pin, low, high, work, slope):
    """Advantages under the current policy, of which rows ``low .. high`` are new; returns the length of a cycle of the pin."""
    rows, factor, solution, difference, upper, by_move, spare = room
    if upper.shape[1] == 0:
        return _evaluate_narrow(rows, factor, solution, difference, pin, low, high, work, slope)
    return _evaluate_wide(rows, upper, factor, solution, difference, by_move, spare, kl, pin, low, work, slope)


@njit(nogil=True, cache=True, error_model="numpy")
def _eliminate_side(start, count, step, near, far, rows, factor):
    """Eliminate ``count`` rows from ``start`` towards the pin; the neighbour done before is at ``+ step``."""
    leak, pay, act = rows[LEAK], rows[PAY], rows[ACT]
    rho, inv, f0, f1, f2 = factor[RHO], factor[INV], factor[F0], factor[F1], factor[F2]
    i = start
    r, v, a, b, t = rho[i + step], inv[i + step], f0[i + step], f1[i + step], f2[i + step]
    for _ in range(count):
        away = far[i]
        w = away * v
        leaves = leak[i] + away * r
        pivot = leaves + near[i]
        r = leaves / pivot
        v = 1.0 / pivot
        a = pay[i] + w * a
        b = act[i] + w * b
        t = 1.0 + w * t
        rho[i], inv[i], f0[i], f1[i], f2[i] = r, v, a, b, t
        i -= step


@njit(nogil=True, cache=True, error_model="numpy")
def _substitute_side(start, count, step, near, factor, solution, gain0, gain1):
    """Bias of ``count`` states outwards from the pin, and its differences ``z[i] = h[i] - h[i-1]``."""
    rho, inv, f0, f1, f2 = factor[RHO], factor[INV], factor[F0], factor[F1], factor[F2]
    h0, h1, h2, z0, z1 = solution[H0], solution[H1], solution[H2], solution[Z0], solution[Z1]
    a, b, t = 0.0, 0.0, 0.0
    i = start
    shift = 0 if step == 1 else 1
    for _ in range(count):
        v, r = inv[i], rho[i]
        s = near[i] * v
        e0 = v * (f0[i] - gain0 * f2[i])
        e1 = v * (f1[i] - gain1 * f2[i])
        z0[i + shift] = step * (e0 - r * a)
        z1[i + shift] = step * (e1 - r * b)
        a = e0 + s * a
        b = e1 + s * b
        t = v * f2[i] + s * t
        h0[i], h1[i], h2[i] = a, b, t
        i += step


@njit(nogil=True, cache=True, error_model="numpy")
def _evaluate_narrow(rows, factor, solution, difference, pin, low, high, work, slope):
    """``_evaluate`` when ``kl = ku = 1``: both sides of the pin are eliminated towards it."""
    n, pad = work.shape[0], 2
    c = pin + pad
    up, down = rows[UP], rows[DOWN]
    if high > pin:
        _eliminate_side(high + pad, high - pin, 1, down, up, rows, factor)
    if low < pin:
        _eliminate_side(low + pad, pin - low, -1, up, down, rows, factor)
    to_right, to_left = up[c] * factor[INV, c + 1], down[c] * factor[INV, c - 1]
    cycle = 1.0 + to_right * factor[F2, c + 1] + to_left * factor[F2, c - 1]
    gain0 = (rows[PAY, c] + to_right * factor[F0, c + 1] + to_left * factor[F0, c - 1]) / cycle
    gain1 = (rows[ACT, c] + to_right * factor[F1, c + 1] + to_left * factor[F1, c - 1]) / cycle
    solution[H0, c] = solution[H1, c] = solution[H2, c] = 0.0
    _substitute_side(c + 1, n - 1 - pin, 1, down, factor, solution, gain0, gain1)
    _substitute_side(c - 1, pin, -1, up, factor, solution, gain0, gain1)
    solution[Z0, pad] = solution[Z1, pad] = solution[Z0, n + pad] = solution[Z1, n + pad] = 0.0
    du, dd, dq, dr = difference[UP], difference[DOWN], difference[LEAK], difference[PAY]
    h0, h1, z0, z1 = solution[H0], solution[H1], solution[Z0], solution[Z1]
    for s in range(n):
        i = s + 2
        work[s] = dr[i] + du[i] * z0[i + 1] - dd[i] * z0[i] - dq[i] * h0[i]
        slope[s] = 1.0 + du[i] * z1[i + 1] - dd[i] * z1[i] - dq[i] * h1[i]
    return cycle


@njit(nogil=True, cache=True, error_model="numpy")
def _evaluate_wide(rows, upper, factor, solution, difference, by_move, spare, kl, pin, low, work, slope):
    """``_evaluate`` for any band: rows are eliminated from the first to the last, from ``low`` on anew."""
    n, width = work.shape[0], spare.shape[0]
    ku, pad, c = width - 1 - kl, width - 1, pin + width - 1
    inv, f0, f1, f2, leaves = factor[INV], factor[F0], factor[F1], factor[F2], factor[RHO]
    for i in range(low + pad, n + pad):
        if i == c:
            upper[1, i] = 0.0
            inv[i] = leaves[i] = 1.0
            f0[i] = f1[i] = f2[i] = 0.0
            continue
        _eliminate_row(rows, upper, spare, factor, kl, ku, i)
    h0, h1, h2 = solution[H0], solution[H1], solution[H2]
    for i in range(n + pad - 1, pad - 1, -1):
        a, b, t = f0[i], f1[i], f2[i]
        for m in range(1, ku + 1):
            u = upper[1, i, kl + m]
            a += u * h0[i + m]
            b += u * h1[i + m]
            t += u * h2[i + m]
        h0[i], h1[i], h2[i] = a * inv[i], b * inv[i], t * inv[i]
    cycle, gain0, gain1 = 1.0, rows[PAY, c], rows[ACT, c]
    for m in range(width):
        u = upper[0, c, m]
        cycle += u * h2[c + m - kl]
        gain0 += u * h0[c + m - kl]
        gain1 += u * h1[c + m - kl]
    gain0 /= cycle
    gain1 /= cycle
    for i in range(pad, n + pad):
        h0[i] -= gain0 * h2[i]
        h1[i] -= gain1 * h2[i]
    for s in range(n):
        i = s + pad
        w, a = difference[PAY, i] - difference[LEAK, i] * h0[i], 1.0 - difference[LEAK, i] * h1[i]
        for m in range(width):
            w += by_move[i, m] * (h0[i + m - kl] - h0[i])
            a += by_move[i, m] * (h1[i + m - kl] - h1[i])
        work[s], slope[s] = w, a
    return cycle


@njit(nogil=True, cache=True, error_model="numpy")
def _eliminate_row(rows, upper, spare, factor, kl, ku, i):
    inv, f0, f1, f2, leaves = factor[INV], factor[F0], factor[F1], factor[F2], factor[RHO]
    spare[:] = upper[0, i]
    out, a, b, t = rows[LEAK, i], rows[PAY, i], rows[ACT, i], 1.0
    for m in range(kl):
        if spare[m] == 0.0:
            continue
        k = i - kl + m
        w = spare[m] * inv[k]
        out += w * leaves[k]
        a += w * f0[k]
        b += w * f1[k]
        t += w * f2[k]
        for q in range(1, ku + 1):
            spare[m + q] += w * upper[1, k, kl + q]
    pivot = out
    for q in range(1, ku + 1):
        upper[1, i, kl + q] = spare[kl + q]
        pivot += spare[kl + q]
    inv[i], leaves[i], f0[i], f1[i], f2[i] = 1.0 / pivot, out, a, b, t


@njit(nogil=True, cache=True, error_model="numpy")
def _scan(work, slope, ratio, inside, outside):
    """Smallest slope, smallest ratio where the policy acts, largest where it waits."""
    n = work.shape[0]
    for s in range(n):
        ratio[s] = work[s] / slope[s]
    least, first, last = np.inf, np.inf, -np.inf
    for s in range(n):
        least = min(least, slope[s])
        first = min(first, ratio[s] + inside[s])
        last = max(last, ratio[s] - outside[s])
    return least, first, last


@njit(nogil=True, cache=True)
def _nearest(ratio, following):
    """The state whose ratio is closest to ``following``."""
    best = 0
    for s in range(ratio.shape[0]):
        if abs(ratio[s] - following) < abs(ratio[best] - following):
            best = s
            if ratio[s] == following:
                break
    return best


@njit(nogil=True, cache=True)
def _next_charge(work, slope, acting, charge):
    """Smallest charge from ``charge`` on at which a state wants the other action, whatever the signs of the slopes."""
    following = np.inf
    for s in range(work.shape[0]):
        if (acting[s] and slope[s] > LEVEL) or (not acting[s] and slope[s] < -LEVEL):
            following = min(following, max(charge, work[s] / slope[s]))
    return following


@njit(nogil=True, cache=True)
def _doubt(room, kl, pin, s, charge):
    """Rounding error of ``W - charge * A`` in state ``s``."""
    factor, solution, difference, by_move, width = room[1], room[2], room[3], room[5], room[6].shape[0]
    i, c = s + width - 1, pin + width - 1
    h2 = solution[H2]
    if by_move.shape[0] == 0:
        total = abs(difference[LEAK, i]) * h2[i]
        for side, move in ((1, UP), (-1, DOWN)):
            # the difference is computed at the end that is farther from the pin
            far = i + side if (i - c) * side >= 0 else i
            near = i if far != i else i + side
            step = 2.0 * factor[F2, far] * factor[INV, far] + factor[RHO, far] * h2[near]
            total += abs(difference[move, i]) * step
    else:
        total = abs(difference[LEAK, i]) * h2[i]
        for m in range(width):
            total += abs(by_move[i, m]) * (h2[i] + h2[i + m - kl])
    return SAFETY * EPS * (1.0 + abs(difference[PAY, i]) + total) * (1.0 + abs(charge))


@njit(nogil=True, cache=True)
def _busiest(band, acting, kl):
    """The state that the current policy visits most: elimination from the last state on, then visits from the first on."""
    n, width = band.shape[1], band.shape[2]
    ku = width - 1 - kl
    flow = np.empty((n, width))
    leaves = np.empty(n)
    for s in range(n):
        flow[s] = band[int(acting[s]), s]
        flow[s, kl] = 0.0
    for k in range(n - 1, 0, -1):
        leaves[k] = FLOOR
        for m in range(max(0, kl - k), kl):
            leaves[k] += flow[k, m]
        for i in range(max(0, k - ku), k):
            w = flow[i, kl + k - i] / leaves[k]
            for m in range(max(0, kl - k), kl):
                target = kl + (k - kl + m) - i
                if 0 <= target < width and target != kl:
                    flow[i, target] += w * flow[k, m]
    visits = np.zeros(n)
    visits[0], best = 1.0, 0
    for k in range(1, n):
        for i in range(max(0, k - ku), k):
            visits[k] += visits[i] * flow[i, kl + k - i] / leaves[k]
        if visits[k] > 1e200:
            for i in range(max(0, k - ku), k + 1):
                visits[i] *= 1e-200
            visits[best] = 0.0
        if visits[k] > visits[best]:
            best = k
    return best
