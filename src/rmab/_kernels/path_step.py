"""One step along the path of optimal policies of a two-action arm as the charge per activation grows.

Under a fixed policy the advantage of acting in state ``s`` is a line, ``worth[s] - charge * slope[s]``. The policy stays
optimal up to the charge at which the first state wants the other action. No advantage changes sign before, so one look
half-way decides who acts there. States that want to switch at one charge switch together: this is policy improvement just
beyond the charge.
"""

import numpy as np
from numba import njit

from rmab._kernels.verdict import NOT_INDEXABLE, STRICT, STRONG, WEAK

MARGIN = 1e-11  # smallest advantage, relative to the rewards, that double precision tells from zero
PATIENCE = 4.0  # steps at one charge after which what is left of wrong signs is taken for rounding
VISIBLE = 1e-12  # charges that are closer, relative to one or to themselves, are one


@njit(nogil=True, cache=True)
def start_track(n):
    """Per state: the lowest visible advantage so far, its charge, the first charge at which it was zero, whether it fell."""
    track = np.full((4, n), np.inf)
    track[1], track[3] = 0.0, 0.0
    return track


@njit(nogil=True, cache=True)
def step(policy, lines, base, unsure, limits, charge, track, exits, index, error, margin, witness):
    """Judge the policy from ``charge`` on; return the charge at which it ends (or infinity) and what was found.

    ``policy`` (n,), ``lines`` (3, n) slopes, worths, and advantages at the charge ``base``, from which others are reckoned;
    ``unsure``: error of the lines. ``limits``: the part of a line's size that is lost when an advantage is taken from it;
    slopes below the second are zero; advantages below the third are zero, those below the fourth do not count for the
    verdict; and last, how many steps have ended at ``charge`` already. Written: ``exits`` (n,), the charge at which each state
    wants to switch (at least ``charge``), and for states whose advantage has not been negative ``index`` and ``error``;
    updated: ``track`` (4, n), ``margin`` (2,), ``witness`` (3,).
    """
    n = len(policy)
    slope, worth = lines[0], lines[1]
    _, noise, fine, tolerance, _ = limits
    following, first, code = np.inf, 0, STRONG
    for s in range(n):
        exits[s] = _exit(policy[s], lines[:, s], base, charge, limits)
        if exits[s] < following:
            following, first = exits[s], s
    ends = charge == -np.inf or following == np.inf
    middle = 0.0 if ends else (charge + following) / 2.0
    length = np.inf if ends else (following - charge) / (1.0 + abs(middle))
    visible = length > max(tolerance, VISIBLE)
    for s in range(n):
        rise = 0.0 if ends else -slope[s] * (following - charge)
        if visible or rise > tolerance:
            margin[0] = min(margin[0], slope[s])
            if slope[s] <= tolerance + noise:
                code = max(code, STRICT)
        if not ends:
            code = max(code, _look(s, lines, base, middle, length, visible, limits, track, margin, witness))
        if following == np.inf:
            continue
        code = max(code, _touch(s, lines, base, following, limits, track))
        if track[3, s] == 0.0 and exits[s] <= following + 1e-15 * abs(following):
            # an advantage that only touches zero and rises again has not changed sign: acting again takes the index back
            index[s] = following if policy[s] == 1 else np.inf
            error[s] = unsure * (1.0 + abs(following)) / max(abs(slope[s]), noise)
        elif track[3, s] == 0.0 and policy[s] == 0 and abs(slope[s]) <= noise and abs(worth[s]) <= fine:
            # the advantage has been zero since it was left: the upper end of the interval is the index
            index[s] = following
            error[s] = unsure * (1.0 + abs(following)) / max(abs(slope[first]), noise)
    return following, code


@njit(nogil=True, cache=True)
def _exit(acts, line, base, charge, limits):
    """The charge, from ``charge`` on, at which a state with this line wants the other action."""
    _, noise, fine, _, stalled = limits
    slope, worth, _ = line
    if charge > -np.inf and stalled < PATIENCE:
        now, lost = _advantage(line, base, charge, limits)
        zero = fine + lost + 4e-16 * abs(charge * slope)
        if (now < -zero) if acts else (now > zero):  # two states that nearly tied have switched at once
            return charge
    if (slope > noise) if acts else (slope < -noise):
        return max(worth / slope, charge)
    return np.inf


@njit(nogil=True, cache=True)
def _advantage(line, base, charge, limits):
    """The advantage at ``charge``, and what rounding may have done to it."""
    drop = (charge - base) * line[0]
    return line[2] - drop, limits[0] * (abs(line[2]) + abs(drop))


@njit(nogil=True, cache=True)
def _look(s, lines, base, middle, length, visible, limits, track, margin, witness):
    """Compare the advantage in ``s`` at the charge ``middle`` with the lowest that it has had."""
    _, _, fine, tolerance, _ = limits
    value, lost = _advantage(lines[:, s], base, middle, limits)
    if value < -fine - lost and length > 1e-14:
        track[3, s] = 1.0
    if not visible or abs(value) <= tolerance + lost:
        return STRONG
    if value < track[0, s] and value < 0.0:
        track[0, s], track[1, s] = value, middle
    if value > 0.0 and track[0, s] < 0.0:
        if value > margin[1]:
            margin[1] = value
            witness[0], witness[1], witness[2] = s, track[1, s], middle
        return NOT_INDEXABLE
    return STRONG


@njit(nogil=True, cache=True)
def _touch(s, lines, base, charge, limits, track):
    """WEAK if the advantage in ``s`` is zero at ``charge`` and was zero at a lower one."""
    tolerance = limits[3]
    value, lost = _advantage(lines[:, s], base, charge, limits)
    if abs(value) > tolerance + lost:
        return STRONG
    if track[2, s] == np.inf:
        track[2, s] = charge
    return WEAK if charge - track[2, s] > max(tolerance, VISIBLE) * (1.0 + abs(charge)) else STRONG
