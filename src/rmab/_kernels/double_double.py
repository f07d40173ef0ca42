"""Double-double arithmetic: a number is an unevaluated sum ``high + low`` with about 32 significant digits.

Reference: T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18 (1971).
The error-free sums and products below are his; they hold because numba does not contract or reorder without ``fastmath``.
"""

from numba import njit

SPLITTER = 134217729.0  # 2**27 + 1 cuts a 53-bit significand into halves


@njit(nogil=True, cache=True)
def two_sum(a, b):
    """``a + b`` as rounded sum and exact error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@njit(nogil=True, cache=True)
def two_product(a, b):
    """``a * b`` as rounded product and exact error."""
    product = a * b
    t = SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit(nogil=True, cache=True)
def add(a, a_low, b, b_low):
    """Sum of two double-double numbers."""
    s, e = two_sum(a, b)
    t, f = two_sum(a_low, b_low)
    e += t
    s, e = two_sum(s, e)
    e += f
    return two_sum(s, e)


@njit(nogil=True, cache=True)
def multiply(a, a_low, b, b_low):
    """Product of two double-double numbers."""
    p, e = two_product(a, b)
    e += a * b_low + a_low * b
    return two_sum(p, e)


@njit(nogil=True, cache=True)
def divide(a, a_low, b, b_low):
    """Quotient of two double-double numbers, by two steps of long division."""
    q = a / b
    p, p_low = multiply(b, b_low, q, 0.0)
    r, r_low = add(a, a_low, -p, -p_low)
    q2 = r / b
    p, p_low = multiply(b, b_low, q2, 0.0)
    r, r_low = add(r, r_low, -p, -p_low)
    high, low = two_sum(q, q2)
    return add(high, low, r / b, 0.0)
