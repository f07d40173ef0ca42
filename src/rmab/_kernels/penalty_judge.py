"""What one segment of an arm's path says about its index: where acting and waiting tie, and whether acting ever returns.

In a state acting and waiting tie on a whole segment when it mixes, or when its advantage and the slope of it are zero. An arm
is indexable when no state in which waiting has been strictly better ties or acts at a higher charge.
"""

import numpy as np
from numba import njit

from rmab._kernels.verdict import NOT_INDEXABLE, STRICT, WEAK

ZERO = 1e-10
VISIBLE = 1e-9  # segments that are shorter, relative to one or to their charges, are rounding


@njit(nogil=True, cache=True)
def start_findings(n):
    """Per state: the most negative advantage so far and its charge; last row, first entry: the most that came back."""
    findings = np.zeros((3, n))
    findings[2, 0] = -1.0
    return findings


@njit(nogil=True, cache=True)
def judge(charge, following, policy, mixing, worth, margin, findings, ties, witness):
    """Update ``ties`` (3, n), ``findings`` and ``witness`` by the segment from ``charge`` to ``following``.

    Returns STRICT while no state ties over a segment, WEAK when one does, NOT_INDEXABLE when acting has come back.
    """
    ends = charge == -np.inf or following == np.inf
    visible = ends or following - charge > VISIBLE * (1.0 + abs(charge))
    middle = 0.5 * (charge + following) if not ends else (following - 1.0 if charge == -np.inf else charge + 1.0)
    if charge == -np.inf and following == np.inf:
        middle = 0.0
    code = STRICT
    for s in range(len(policy)):
        advantage = worth[s] - middle * margin[s]
        size = ZERO * (1.0 + abs(worth[s]))
        mixed = mixes(mixing, s)
        tied = mixed or (abs(margin[s]) <= ZERO and abs(advantage) <= size)
        if tied:
            code = max(code, WEAK)
        if tied or policy[s] == 0:
            ties[0, s] = min(ties[0, s], charge)
        if tied or policy[s] == 1:
            ties[1, s] = following
        if policy[s] == 1 and not mixed:
            ties[2, s] = following
        if not visible:
            continue
        if not tied and policy[s] == 0 and advantage < findings[0, s]:
            findings[0, s], findings[1, s] = advantage, middle
        elif (tied or policy[s] == 1) and findings[0, s] < -size:
            code = NOT_INDEXABLE
            regained = 0.0 if tied else advantage
            if regained > findings[2, 0]:
                findings[2, 0] = regained
                witness[0], witness[1], witness[2] = s, findings[1, s], middle
    return code


@njit(nogil=True, cache=True)
def mixes(mixing, s):
    """Whether state ``s`` is one of the few that mix."""
    found = False
    for m in mixing:
        found |= m == s
    return found
