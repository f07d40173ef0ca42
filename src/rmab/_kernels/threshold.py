"""Chains that climb one state at a time and fall back to state 0: index and certificate in O(n) when thresholds are optimal.

Under action ``a`` state ``i`` moves to ``i + 1`` with probability ``climb[a, i]``, back to 0 with ``fall[a, i]``, else it
stays: ages of information, wear with repair, restarts. Take policies that do ``x`` below a threshold ``H`` and ``y`` from
``H`` on. With ``h[0] = 0``, ``g = (1 - beta) v[0]``, ``k = 1 - beta + beta fall`` and ``d = k + beta climb`` a state obeys
``d[i] h[i] = r[i] - g + beta climb[i] h[i+1]``, so that, for every threshold at once,

* from ``H`` on, ``h[i] = a[i] - g b[i]`` with ``a``, ``b`` from a backward recursion;
* below ``H``, ``h[i] = (g C[i] - R[i]) / Pi[i]`` with ``R``, ``C``, ``Pi`` (sums and a product) from a forward recursion;
* at ``H`` they meet: ``g = (R[H] + Pi[H] a[H]) / (C[H] + Pi[H] b[H])``.

The index of ``H`` is the charge at which the thresholds ``H`` and ``H + 1`` tie, ``W / A`` in state ``H``.

Certificate (partial conservation laws: J. Nino-Mora, Advances in Applied Probability 33, 2001). If the slope ``A`` is positive
in every state under every threshold, and the indices are monotone along the states, then every threshold policy is optimal
between its two indices, and the arm is strongly indexable: at the index of ``H`` the advantages under the thresholds ``H`` and
``H + 1`` agree in every state, so with falling advantages their signs carry over from one threshold to the next, starting from
the state's own. Let ``e[H]`` be the share of (discounted) time spent from ``H`` on. All slopes are linear in it with
coefficients that do not depend on ``H``:

    A[i] = 1 +- (1 - e[H]) Phi[i]   for i >= H,         A[i] = 1 +- e[H] Psi[i]   for i < H,

(+ when ``y`` is acting), so the smallest slope of all n^2 follows from running maxima of ``1 - e`` and of ``e``.

Cost: O(n) time and memory. The error carried beside the recursions is their rounding error to first order, the roundings in
the factors of ``Pi`` taken as independent.
"""

import numpy as np
from numba import njit

from rmab._kernels.verdict import IRREGULAR, STRONG

EPS = 2.3e-16
SMALLEST = 1e-250


@njit(nogil=True, cache=True, error_model="numpy")
def threshold_path(climb, fall, rewards, beta, upper, index, error, margin):
    """Indices when it is optimal to do ``upper`` from a threshold on and ``1 - upper`` below; IRREGULAR if that is not certain.

    ``climb``, ``fall``, ``rewards`` (2, n), rewards of scale 1; ``climb[:, n-1] = 0`` and ``fall[:, 0] = 0``. Written:
    ``index`` (n,), ``error`` (n,) and ``margin`` (2,): the smallest slope of all states under all thresholds, and 0.
    """
    n = rewards.shape[1]
    lower = 1 - upper
    a, b, a_error = _above(climb[upper], fall[upper], rewards[upper], beta)
    if not (np.isfinite(a[0]) and np.isfinite(b[0]) and np.isfinite(b).all()):
        return IRREGULAR
    if n > 1 and not climb[lower, :-1].min() > 0.0:
        return IRREGULAR
    below, length, reach = _below(climb[lower], fall[lower], beta)
    margin[0] = _smallest_slope(climb, fall, beta, upper, b, length, reach)
    margin[1] = 0.0
    if not margin[0] > 1e-12 + 4.0 * EPS * n:
        return IRREGULAR
    _indices(climb, fall, rewards, beta, upper, a, b, a_error, length, reach, below, index, error)
    sign = 1.0 if upper == 1 else -1.0
    for i in range(1, n):
        drop = sign * (index[i - 1] - index[i])
        if not drop <= error[i - 1] + error[i]:
            return IRREGULAR
        if drop > 0.0:
            error[i - 1] += drop
            error[i] += drop
    return STRONG


@njit(nogil=True, cache=True, error_model="numpy")
def _above(climb, fall, rewards, beta):
    """``a`` and ``b`` for every state, and the rounding error of ``a``; that of ``b`` is smaller."""
    n = rewards.shape[0]
    a, b, error = np.empty(n), np.empty(n), np.empty(n)
    value, time, doubt = 0.0, 0.0, 0.0
    for i in range(n - 1, -1, -1):
        up = beta * climb[i]
        d = 1.0 if i == 0 else (1.0 - beta) + beta * fall[i] + up
        value = (rewards[i] + up * value) / d
        time = (1.0 + up * time) / d
        doubt = (up * doubt + 4.0 * EPS * (abs(rewards[i]) + up * time)) / d + EPS * time
        a[i], b[i], error[i] = value, time, doubt
    return a, b, error


@njit(nogil=True, cache=True, error_model="numpy")
def _below(climb, fall, beta):
    """Weight ``Pi[i] / d[i]`` of each reward in ``R``, and ``C`` and ``Pi`` for every threshold."""
    n = climb.shape[0]
    weight, length, reach = np.empty(n), np.empty(n), np.empty(n)
    total, product = 0.0, 1.0
    for i in range(n):
        up = beta * climb[i]
        d = 1.0 if i == 0 else (1.0 - beta) + beta * fall[i] + up
        length[i], reach[i] = total, product
        weight[i] = product / d
        total += weight[i]
        product *= up / d
        if product < SMALLEST:  # denormal numbers are slow, and nothing so small is ever felt
            product = 0.0
    return weight, length, reach


@njit(nogil=True, cache=True, error_model="numpy")
def _smallest_slope(climb, fall, beta, upper, b, length, reach):
    n = b.shape[0]
    lower = 1 - upper
    sign = 1.0 if upper == 1 else -1.0
    smallest = 1.0
    longest = 0.0  # the largest 1 - e[H] over the thresholds up to i
    for i in range(1, n):
        longest = max(longest, length[i] / (length[i] + reach[i] * b[i]))
        steps, back = _moves(climb, fall, beta, i)
        phi = steps * _next_difference(climb[upper], fall[upper], beta, i, b[i + 1] if i + 1 < n else 0.0, 1.0) - back * b[i]
        smallest = min(smallest, 1.0 + sign * longest * phi)
    share = 0.0  # the largest e[H] / Pi[i] over the thresholds H above i
    for i in range(n - 2, -1, -1):
        up = beta * climb[lower, i]
        stays_out = (1.0 - beta) + beta * fall[lower, i] if i > 0 else 0.0
        d = stays_out + up if i > 0 else 1.0
        share = max(b[i + 1] / (length[i + 1] + reach[i + 1] * b[i + 1]), share) * (up / d)
        steps, back = _moves(climb, fall, beta, i)
        psi = steps * (stays_out * length[i] + reach[i]) / up - back * length[i]
        smallest = min(smallest, 1.0 + sign * share * psi)
    return smallest


@njit(nogil=True, cache=True)
def _moves(climb, fall, beta, i):
    """By how much acting changes the discounted probabilities of climbing and of falling."""
    return beta * (climb[1, i] - climb[0, i]), beta * (fall[1, i] - fall[0, i])


@njit(nogil=True, cache=True, error_model="numpy")
def _next_difference(climb, fall, beta, i, following, pay):
    """``h[i+1] - h[i]`` from ``h[i+1]`` and the net reward in ``i``, without subtracting the two."""
    out = (1.0 - beta) + beta * fall[i]
    return (out * following - pay) / (out + beta * climb[i])


@njit(nogil=True, cache=True, error_model="numpy")
def _indices(climb, fall, rewards, beta, upper, a, b, a_error, length, reach, weight, index, error):
    n = b.shape[0]
    low = rewards[1 - upper]
    act = float(upper)
    # Neumaier's compensated sum: a million rewards must not cost six digits
    total, lost, size = 0.0, 0.0, 0.0
    for i in range(n):
        cycle = length[i] + reach[i] * b[i]
        gain = (total + lost + reach[i] * a[i]) / cycle
        work = reach[i] * b[i] / cycle if upper == 1 else length[i] / cycle
        doubt = (EPS * (8.0 + 2.0 * np.sqrt(float(i))) * size + reach[i] * a_error[i]) / cycle + 8.0 * EPS * abs(gain)
        if i + 1 < n:
            h, hw = a[i + 1] - gain * b[i + 1], (act - work) * b[i + 1]
            far = a_error[i + 1] + doubt * b[i + 1]
        else:
            h, hw, far = 0.0, 0.0, 0.0
        here, here_w = (a[i] - gain * b[i], (act - work) * b[i]) if i > 0 else (0.0, 0.0)
        steps, back = _moves(climb, fall, beta, i)
        if i > 0:
            rise = _next_difference(climb[upper], fall[upper], beta, i, h, rewards[upper, i] - gain)
            rise_w = _next_difference(climb[upper], fall[upper], beta, i, hw, act - work)
        else:
            rise, rise_w = h, hw
        w = rewards[1, i] - rewards[0, i] + steps * rise - back * here
        slope = 1.0 + steps * rise_w - back * here_w
        near = a_error[i] + doubt * b[i] if i > 0 else 0.0
        index[i] = w / slope
        terms = 1.0 + abs(steps) * (abs(h) + abs(here)) + abs(back) * abs(here)
        terms_w = 1.0 + abs(steps) * (abs(hw) + abs(here_w)) + abs(back) * abs(here_w)
        error[i] = abs(steps) * (far + near) + abs(back) * near
        error[i] = (error[i] + 8.0 * EPS * (terms + abs(index[i]) * terms_w)) / slope
        part = weight[i] * low[i]
        following = total + part
        lost += (total - following) + part if abs(total) >= abs(part) else (part - following) + total
        total = following
        size += abs(part)
