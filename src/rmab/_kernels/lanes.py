"""Indices of many small arms by elimination, eight arms at a time: one arm in each lane of the vectors.

While the policy acts in the states ``B``, the advantage of acting in ``i`` is ``w[i] - charge * a[i]``. As the charge falls
from plus infinity, ``B`` grows from nothing by the state ``j`` with the largest ``w / a`` outside; that ratio is the index of
``j``. With ``T = beta (P1 - P0) M^-1``, ``M = I - beta P0`` and ``pi = 1 - T[j, j]``, letting ``j`` act means

    a += T[:, j] a[j] / pi,   w += T[:, j] w[j] / pi,   T += T[:, j] T[j, :] / pi.

1. Pinned form, valid for every discount up to 1: the last column of ``M`` is replaced by ones, that of ``P1 - P0`` by zeros.
2. ``M = L U`` without pivoting and without subtraction: a diagonal element is the sum of what its row sends to later states
   and of ``(1 - beta)`` times the column of ones (Grassmann, Taksar and Heyman). Two triangular solves, with rows on the left,
   give ``T``.
3. ``T`` is updated when a column is needed: the column of ``j`` is brought up to date by all pivots so far, four at a time.
   Each lane has its own ``j``; taking its column out of ``T`` is the only place where lanes go different ways.
4. Test: a state whose slope ``a`` is not positive must keep its advantage clearly on its own side of zero for as long. Then
   every advantage changes sign once: the arm is STRICT, and STRONG if all slopes were positive. Everything else is IRREGULAR:
   a vanishing slope or pivot, an advantage near zero with a small slope, an error that is too large.

Equal indices may be taken in any order: the second state follows at the same charge.

Error: ``blur[i]`` is the square of the size of what row ``i`` was added up from, in the unit of the largest reward. It starts
from the mean time to reach the reference state and the sizes in ``T r0``, is at least ``a^2 + w^2 + T[i, j]^2``, and with every
pivot takes over ``(T[i, j] / pi)^2`` times that of row ``j``: errors of rounding add up like independent ones. The half-width
of the index of ``j`` is ROUNDINGS times ``sqrt((1 + charge^2) blur[j]) / (a[j] pi)``, with the largest charge and the smallest
pivot so far. This is calibrated, not proved: on 1.1 million indices of awkward arms, S = 3 to 50, drawn after ROUNDINGS was
fixed, the true error was at most 0.36 of it, with no trend in S.

Reference: N. Gast, B. Gaujal, K. Khun, "Testing indexability and computing Whittle and Gittins index in subcubic time",
Mathematical Methods of Operations Research 97 (2023); W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and
steady state distributions for Markov chains", Operations Research 33 (1985). Cost: (11/6) S^3 multiplications for an arm.
"""

import numpy as np
from numba import njit

from rmab._kernels.vector import (
    any_above,
    fma,
    gather,
    load,
    load_turned,
    load_turned_half,
    magnitude,
    pick,
    root,
    splat,
    store,
    store_places,
    store_turned,
)
from rmab._kernels.verdict import IRREGULAR, STRICT, STRONG

SMALLEST_PIVOT = 1e-8
SLOPE = 1e-9  # a slope below it may be zero
TOUCH = 1e-11  # an advantage below it, relative to what it was added up from, may be zero
STEEP = 0.2  # where an advantage is about zero at the index of another state, a smaller slope would blow its error up
ROUNDINGS = 16 * 2.0**-53
LARGEST_DEFECT = 1e-11  # of the slopes when all states act, which are 1
LARGEST_ERROR = 1e-12  # relative to the rewards or the index, whichever is larger

# A block of eight arms: two matrices by rows, first (P0 and P1), then (L U and T), then (pivot columns and T); these vectors
# over the states; T once more, for each lane by columns. Of all but the last each number has eight neighbours, one per lane.
REWARDS, _, ONES, INVERSE, SLOPE_A, SLOPE_B, INTERCEPT, SIDE, BLUR, CHARGES, ERRORS, SPARE, COLUMNS = range(13)
TIMES = SLOPE_A  # needed before there are slopes


def eliminate(transitions, rewards, beta, first, last, index, error, margin, codes):
    """Indices of the arms ``first <= k < last``; ``beta = 1`` is the average criterion.

    ``transitions`` (K, 2, S, S), ``rewards`` (K, 2, S), S from 2 to about 64. Written: ``index``, its half-width ``error``
    (K, S), ``margin`` (K, 2): the smallest slope and 0, and ``codes`` (K,): STRONG, STRICT or IRREGULAR. Nothing but the code
    is written for irregular arms.
    """
    kernel = _FIXED.get(rewards.shape[2], _ANY)
    kernel(transitions, rewards, beta, first, last, index, error, margin, codes)


def _kernel(size):
    """The kernel for arms with ``size`` states, or for any number if 0: loops of known length are a third faster."""

    @njit(nogil=True, cache=True)
    def run(transitions, rewards, beta, first, last, index, error, margin, codes):
        n = size if size > 0 else rewards.shape[2]
        flat_transitions, flat_rewards = transitions.reshape(-1), rewards.reshape(-1)
        work = np.zeros(8 * (2 * n * n + COLUMNS * n + n * max(n, 8)) + 8)
        start = (-work.ctypes.data // 8) % 8  # a vector should not lie across two cache lines
        places, columns = np.empty(8 * n, np.int64), np.empty(8, np.int64)
        moves, pays, summary = np.empty(8, np.int64), np.empty(8, np.int64), np.empty(32)
        for k in range(first, last, 8):
            for lane in range(8):
                arm = min(k + lane, last - 1)
                moves[lane], pays[lane] = 2 * n * n * arm, 2 * n * arm
            _copy(flat_transitions, moves, flat_rewards, pays, n, work, start)
            _scale(n, work, start, summary)
            _prepare(n, beta, work, start)
            _factor(n, beta, work, start)
            _begin(n, work, start, _longest(n, work, start))
            _grow(n, work, start, places, columns, summary)
            _write(n, work, start, places, summary, k, min(k + 8, last), index, error, margin, codes)

    return run


@njit(nogil=True, forceinline=True)
def _at(n, start, vector):
    """Where a vector over the states begins."""
    return start + 8 * n * (2 * n + vector)


@njit(nogil=True, forceinline=True)
def _copy(transitions, moves, rewards, pays, n, work, start):
    """Bring the numbers of eight arms together: passive, then active transitions, then rewards; the last chunk overlaps."""
    count = 2 * n * n
    for i in range(0, count, 8):
        i = min(i, count - 8)
        t = load_turned(transitions, moves, i)
        _store_eight(work, start + 8 * i, t)
    for i in range(0, 2 * n, 4):
        i = min(i, 2 * n - 4)
        r = load_turned_half(rewards, pays, i)
        at = start + 8 * (count + i)
        store(work, at, r[0])
        store(work, at + 8, r[1])
        store(work, at + 16, r[2])
        store(work, at + 24, r[3])


@njit(nogil=True, forceinline=True)
def _store_eight(work, at, t):
    store(work, at, t[0])
    store(work, at + 8, t[1])
    store(work, at + 16, t[2])
    store(work, at + 24, t[3])
    store(work, at + 32, t[4])
    store(work, at + 40, t[5])
    store(work, at + 48, t[6])
    store(work, at + 56, t[7])


@njit(nogil=True, forceinline=True)
def _scale(n, work, start, summary):
    """Divide the rewards by the largest in absolute value; keep that, or 1 if all are 0."""
    rewards = _at(n, start, REWARDS)
    size = splat(0.0)
    for i in range(2 * n):
        r = magnitude(load(work, rewards + 8 * i))
        size = pick(r, size, r, size)
    size = pick(size, splat(0.0), size, splat(1.0))
    store(summary, 0, size)
    for i in range(2 * n):
        store(work, rewards + 8 * i, load(work, rewards + 8 * i) / size)


@njit(nogil=True, forceinline=True)
def _prepare(n, beta, work, start):
    """Rows to sum 1, times ``beta``; for the active transitions their difference to the passive ones, last column 0."""
    b, two = splat(beta), splat(2.0)
    for i in range(n):
        passive, active = start + 8 * n * i, start + 8 * n * (n + i)
        total0, total1 = splat(0.0), splat(0.0)
        for j in range(n):
            total0 = total0 + load(work, passive + 8 * j)
            total1 = total1 + load(work, active + 8 * j)
        factor0, factor1 = b * (two - total0), b * (two - total1)
        for j in range(n):
            p = factor0 * load(work, passive + 8 * j)
            store(work, active + 8 * j, factor1 * load(work, active + 8 * j) - p)
            store(work, passive + 8 * j, p)
        store(work, active + 8 * (n - 1), splat(0.0))


@njit(nogil=True, forceinline=True)
def _forward(work, x, y, two, rows, inverse, pivots, n):
    """Eliminate the first ``pivots`` elements of the row at ``x``, if ``two`` of that at ``y`` too, with the rows of ``U``.

    The multipliers replace them. Two rows share what is read of ``U``.
    """
    width = 8 * n
    k = 0
    while k + 4 <= pivots:
        u = rows + width * k + 8 * k
        c = _multipliers(work, x + 8 * k, u, width, inverse + 8 * k)
        d = _multipliers(work, y + 8 * k, u, width, inverse + 8 * k) if two else c
        _add_four(work, x + 8 * k, y + 8 * k, two, u, width, 32, width - 8 * k, c, d)
        k += 4
    while k < pivots:
        u, factor = rows + width * k, load(work, inverse + 8 * k)
        x_k, y_k = load(work, x + 8 * k) * factor, load(work, y + 8 * k) * factor
        store(work, x + 8 * k, x_k)
        if two:
            store(work, y + 8 * k, y_k)
        for j in range(8 * (k + 1), width, 8):
            store(work, x + j, fma(x_k, load(work, u + j), load(work, x + j)))
            if two:
                store(work, y + j, fma(y_k, load(work, u + j), load(work, y + j)))
        k += 1


@njit(nogil=True, forceinline=True)
def _multipliers(work, x, u, width, inverse):
    """Eliminate the four elements at ``x`` with the four rows of ``U`` that begin there; the multipliers replace them."""
    c0 = load(work, x) * load(work, inverse)
    c1 = fma(c0, load(work, u + 8), load(work, x + 8)) * load(work, inverse + 8)
    c2 = fma(c0, load(work, u + 16), load(work, x + 16))
    c2 = fma(c1, load(work, u + width + 16), c2) * load(work, inverse + 16)
    c3 = fma(c0, load(work, u + 24), load(work, x + 24))
    c3 = fma(c2, load(work, u + 2 * width + 24), fma(c1, load(work, u + width + 24), c3)) * load(work, inverse + 24)
    store(work, x, c0)
    store(work, x + 8, c1)
    store(work, x + 16, c2)
    store(work, x + 24, c3)
    return c0, c1, c2, c3


@njit(nogil=True, forceinline=True)
def _add_four(work, x, y, two, u, step, begin, end, c, d):
    """Add ``c`` times four rows, ``step`` apart, to the row at ``x``, and ``d`` times them to that at ``y``."""
    for j in range(begin, end, 8):
        u0, u1 = load(work, u + j), load(work, u + step + j)
        u2, u3 = load(work, u + 2 * step + j), load(work, u + 3 * step + j)
        store(work, x + j, fma(c[3], u3, fma(c[2], u2, fma(c[1], u1, fma(c[0], u0, load(work, x + j))))))
        if two:
            store(work, y + j, fma(d[3], u3, fma(d[2], u2, fma(d[1], u1, fma(d[0], u0, load(work, y + j))))))


@njit(nogil=True, forceinline=True)
def _factor(n, beta, work, start):
    """``M = L U`` in place; the last column of ``U`` is minus that of ones, the inverse pivots go to their own vector."""
    ones, inverse = _at(n, start, ONES), _at(n, start, INVERSE)
    rest = splat(1.0 - beta)
    for i in range(n):
        x = start + 8 * n * i
        _forward(work, x, x, False, start, inverse, i, n)
        one = splat(1.0)
        for k in range(i):
            one = fma(load(work, x + 8 * k), load(work, ones + 8 * k), one)
        store(work, ones + 8 * i, one)
        pivot = rest * one
        for j in range(i + 1, n):
            pivot = pivot + load(work, x + 8 * j)
        if i == n - 1:
            pivot = one
        store(work, inverse + 8 * i, splat(1.0) / pivot)
    for i in range(n - 1):
        store(work, start + 8 * (n * i + n - 1), splat(0.0) - load(work, ones + 8 * i))


@njit(nogil=True, forceinline=True)
def _longest(n, work, start):
    """The longest mean time, discounted, until an arm that never acts is in the last state."""
    ones, inverse, times = _at(n, start, ONES), _at(n, start, INVERSE), _at(n, start, TIMES)
    longest = splat(1.0)
    for k in range(n - 2, -1, -1):
        time = load(work, ones + 8 * k)
        for j in range(k + 1, n - 1):
            time = fma(load(work, start + 8 * (n * k + j)), load(work, times + 8 * j), time)
        time = time * load(work, inverse + 8 * k)
        store(work, times + 8 * k, time)
        longest = pick(time, longest, time, longest)
    return longest


@njit(nogil=True, forceinline=True)
def _backward(work, x, y, rows, n):
    """Solve the rows at ``x`` and ``y`` with the rows of ``L``, whose diagonal is 1."""
    width = 8 * n
    k = n - 1
    while k >= 4:
        j = 8 * k
        last = rows + width * k
        c = _solutions(work, x + j, last + j, width)
        d = _solutions(work, y + j, last + j, width)
        _add_four(work, x, y, True, last, -width, 0, j - 24, c, d)
        k -= 4
    while k > 0:
        c, d = load(work, x + 8 * k), load(work, y + 8 * k)
        for j in range(0, 8 * k, 8):
            factor = load(work, rows + width * k + j)
            store(work, x + j, fma(c, factor, load(work, x + j)))
            store(work, y + j, fma(d, factor, load(work, y + j)))
        k -= 1


@njit(nogil=True, forceinline=True)
def _solutions(work, x, last, width):
    """The four elements that end at ``x``, from the four rows of ``L`` that end with the one at ``last``."""
    c0 = load(work, x)
    c1 = fma(c0, load(work, last - 8), load(work, x - 8))
    c2 = fma(c1, load(work, last - width - 16), fma(c0, load(work, last - 16), load(work, x - 16)))
    c3 = fma(c1, load(work, last - width - 24), fma(c0, load(work, last - 24), load(work, x - 24)))
    c3 = fma(c2, load(work, last - 2 * width - 24), c3)
    store(work, x - 8, c1)
    store(work, x - 16, c2)
    store(work, x - 24, c3)
    return c0, c1, c2, c3


@njit(nogil=True, forceinline=True)
def _begin(n, work, start, longest):
    """``T`` and the advantages under the policy that never acts; the sizes of what was added up; no state acts."""
    rewards, inverse = _at(n, start, REWARDS), _at(n, start, INVERSE)
    slope, spare = _at(n, start, SLOPE_A), _at(n, start, SPARE)
    intercept, side, blur = _at(n, start, INTERCEPT), _at(n, start, SIDE), _at(n, start, BLUR)
    for i in range(0, n, 2):
        x = start + 8 * n * (n + i)
        y = x + 8 * n if i + 1 < n else spare
        _forward(work, x, y, True, start, inverse, n, n)
        _backward(work, x, y, start, n)
    size = splat(0.0)
    for i in range(n):
        x = start + 8 * n * (n + i)
        total = load(work, rewards + 8 * (n + i)) - load(work, rewards + 8 * i)
        large = longest
        for j in range(n):
            r, t = load(work, rewards + 8 * j), load(work, x + 8 * j)
            total = fma(t, r, total)
            large = fma(magnitude(t), magnitude(r), large)
        size = pick(large, size, large, size)
        store(work, slope + 8 * i, splat(1.0))
        store(work, intercept + 8 * i, total)
        store(work, side + 8 * i, splat(-1.0))
    for i in range(n):
        store(work, blur + 8 * i, size * size)
    _by_column(n, work, start)


@njit(nogil=True, forceinline=True)
def _by_column(n, work, start):
    """Copy ``T``: for each lane its columns one after the other, so that a lane reads its own column in one go."""
    rows, width = start + 8 * n * n, 8 * n
    by_column, length = _at(n, start, COLUMNS), max(n, 8)
    for i in range(0, n, 8):
        i = max(0, min(i, n - 8))
        for j in range(n):
            x = rows + width * i + 8 * j
            t0, t1, t2, t3 = load(work, x), load(work, x + width), load(work, x + 2 * width), load(work, x + 3 * width)
            x += 4 * width
            t4, t5, t6, t7 = load(work, x), load(work, x + width), load(work, x + 2 * width), load(work, x + 3 * width)
            store_turned(work, by_column + length * j + i, length * n, (t0, t1, t2, t3, t4, t5, t6, t7))


@njit(nogil=True, forceinline=True)
def _grow(n, work, start, places, columns, summary):
    """Let one state after the other act; write charges in the order in which the states come."""
    old, new, inverse = _at(n, start, SLOPE_A), _at(n, start, SLOPE_B), _at(n, start, INVERSE)
    intercept, side, blur = _at(n, start, INTERCEPT), _at(n, start, SIDE), _at(n, start, BLUR)
    charges, errors = _at(n, start, CHARGES), _at(n, start, ERRORS)
    zero, half, one, infinite = splat(0.0), splat(0.5), splat(1.0), splat(np.inf)
    charge, jump, lowest, smallest_slope, smallest_pivot, clearance, largest = infinite, zero, one, one, one, infinite, one
    ratio, state = splat(-np.inf), zero
    for i in range(n):
        w = load(work, intercept + 8 * i)
        state, ratio = pick(w, ratio, splat(float(i)), state), pick(w, ratio, w, ratio)
    for k in range(n):
        store_places(places, 8 * k, state)
        x = start + 8 * n * k
        _column(n, work, start, x, places, columns, k, inverse)
        jump = pick(ratio - charge, jump, ratio - charge, jump)
        charge = pick(charge, ratio, ratio, charge)
        store(work, charges + 8 * k, charge)
        square = charge * charge
        largest = pick(square + one, largest, square + one, largest)
        pivot = one - gather(work, x, places, 8 * k)
        smallest_pivot = pick(smallest_pivot, pivot, pivot, smallest_pivot)
        a, w, b = gather(work, old, places, 8 * k), gather(work, intercept, places, 8 * k), gather(work, blur, places, 8 * k)
        store(work, errors + 8 * k, root(largest * b) / (a * smallest_pivot))
        pivot = one / pivot
        store(work, inverse + 8 * k, pivot)
        a, w, b = a * pivot, w * pivot, b * pivot * pivot
        row, here, before, lowest, ratio, state = zero, state, lowest, infinite, splat(-np.inf), zero
        for i in range(0, 8 * n, 8):
            t, acts = load(work, x + i), load(work, side + i)
            a_i, w_i, b_i = fma(t, a, load(work, old + i)), fma(t, w, load(work, intercept + i)), load(work, blur + i)
            store(work, new + i, a_i)
            store(work, intercept + i, w_i)
            lowest = pick(lowest, a_i, a_i, lowest)
            t = t * t
            b_i, large = fma(t, b, b_i), fma(a_i, a_i, fma(w_i, w_i, t))
            store(work, blur + i, pick(large, b_i, large, b_i))
            acts = pick(half, magnitude(here - row), one, acts)
            store(work, side + i, acts)
            other = pick(zero, acts, pick(a_i, splat(SLOPE), w_i / a_i, splat(-np.inf)), splat(-np.inf))
            state, ratio = pick(other, ratio, row, state), pick(other, ratio, other, ratio)
            row = row + one
        smallest_slope = pick(smallest_slope, lowest, lowest, smallest_slope)
        before = pick(before, lowest, lowest, before)
        if any_above(splat(STEEP), before):
            clear = _clearance(n, work, start, old, new, charge, here)
            clearance = pick(clearance, clear, clear, clearance)
        old, new = new, old
    rest = zero
    for i in range(n):
        rest = rest + magnitude(load(work, old + 8 * i) - one)
    store(summary, 8, smallest_slope)
    store(summary, 16, pick(smallest_pivot, splat(SMALLEST_PIVOT), pick(clearance, zero, rest, infinite), infinite))
    store(summary, 24, jump)


@njit(nogil=True, forceinline=True)
def _clearance(n, work, start, old, new, charge, here):
    """Least distance from zero of an advantage whose slope is not clearly positive; below 0 where it is too small.

    Such an advantage is harmless as long as it stays on its side of zero, also at the charges where its slope changes.
    """
    intercept, side, blur = _at(n, start, INTERCEPT), _at(n, start, SIDE), _at(n, start, BLUR)
    least, row, square = splat(np.inf), splat(0.0), charge * charge + splat(1.0)
    for i in range(0, 8 * n, 8):
        before, after = load(work, old + i), load(work, new + i)
        y = load(work, intercept + i) - charge * after
        y = fma(load(work, side + i) * y, magnitude(y), splat(-TOUCH * TOUCH) * square * load(work, blur + i))
        needed = pick(splat(0.5), magnitude(here - row), splat(SLOPE), splat(STEEP))
        y = pick(pick(before, after, after, before), needed, splat(np.inf), y)
        least = pick(least, y, y, least)
        row = row + splat(1.0)
    return least


@njit(nogil=True, forceinline=True)
def _column(n, work, start, x, places, columns, steps, inverse):
    """Column of ``T`` that belongs to the last place of each lane, after ``steps`` pivots, into ``x``."""
    by_column, length = _at(n, start, COLUMNS), max(n, 8)
    for lane in range(8):
        columns[lane] = by_column + length * (n * lane + places[8 * steps + lane] // 8)
    for i in range(0, n, 8):
        i = max(0, min(i, n - 8))
        _store_eight(work, x + 8 * i, load_turned(work, columns, i))
    width = 8 * n
    m = 0
    while m + 4 <= steps:
        h0 = start + width * m
        h1, h2 = h0 + width, h0 + 2 * width
        p0 = 8 * m
        p1, p2, p3 = p0 + 8, p0 + 16, p0 + 24
        c0 = gather(work, x, places, p0) * load(work, inverse + p0)
        c1 = fma(c0, gather(work, h0, places, p1), gather(work, x, places, p1)) * load(work, inverse + p1)
        c2 = fma(c0, gather(work, h0, places, p2), gather(work, x, places, p2))
        c2 = fma(c1, gather(work, h1, places, p2), c2) * load(work, inverse + p2)
        c3 = fma(c0, gather(work, h0, places, p3), gather(work, x, places, p3))
        c3 = fma(c2, gather(work, h2, places, p3), fma(c1, gather(work, h1, places, p3), c3)) * load(work, inverse + p3)
        c = (c0, c1, c2, c3)
        _add_four(work, x, x, False, h0, width, 0, width, c, c)
        m += 4
    while m < steps:
        c = gather(work, x, places, 8 * m) * load(work, inverse + 8 * m)
        for i in range(0, width, 8):
            store(work, x + i, fma(c, load(work, start + width * m + i), load(work, x + i)))
        m += 1


@njit(nogil=True, forceinline=True)
def _write(n, work, start, places, summary, first, last, index, error, margin, codes):
    """Results of the arms ``first <= k < last`` of the block."""
    charges, errors = _at(n, start, CHARGES), _at(n, start, ERRORS)
    for k in range(first, last):
        lane = k - first
        scale, low, rest, jump = summary[lane], summary[8 + lane], summary[16 + lane], summary[24 + lane]
        regular = rest < LARGEST_DEFECT
        for i in range(n):
            half = ROUNDINGS * work[errors + 8 * i + lane] + jump
            regular = regular and half < LARGEST_ERROR * max(1.0, abs(work[charges + 8 * i + lane]))
        if not regular:
            codes[k] = IRREGULAR
            continue
        codes[k] = STRONG if low > SLOPE else STRICT
        margin[k, 0], margin[k, 1] = low, 0.0
        for i in range(n):
            state = places[8 * i + lane] // 8
            index[k, state] = scale * work[charges + 8 * i + lane]
            error[k, state] = scale * (ROUNDINGS * work[errors + 8 * i + lane] + jump)


_ANY, _FIXED = _kernel(0), {size: _kernel(size) for size in (3, 4, 5)}
