"""What one segment of an arm's path says about its index: where acting and waiting tie, and whether acting ever returns.

In a state acting and waiting tie on a whole segment when it mixes, or when its advantage and the slope of it are zero. An arm
is indexable when no state in which waiting has been strictly better ties or acts at a higher charge.
"""

import numpy as np
from numba import njit

from rmab._kernels.mixture import CHANCE, MARGIN, WORTH
from rmab._kernels.verdict import NOT_INDEXABLE, STRICT, WEAK

ZERO = 1e-10
CLEAR = 1e-3  # an advantage that came back and is as large as this is witness enough
VISIBLE = 1e-9  # segments that are shorter, relative to one or to their charges, are rounding


@njit(nogil=True, cache=True)
def start_findings(size):
    """Per state: the most negative advantage so far and its charge; and the ties, of which none has been seen."""
    ties = np.full((3, size), -np.inf)
    ties[0] = np.inf
    return np.zeros((2, size)), ties


@njit(nogil=True, cache=True)
def judge(charge, following, cells, mixes, chance, findings, regained, ties, witness):
    """Update ``ties``, ``findings`` and ``witness`` by the segment from ``charge`` to ``following``.

    ``cells`` as in :mod:`rmab._kernels.mixture`, of which the columns of mixing states are changed; ``mixes`` (J,) the mixing
    states, then -1, and their ``chance`` of acting. ``regained``: the largest advantage that came back so far, -1 for none.
    Returns STRICT while no state ties over a segment, WEAK when one does, NOT_INDEXABLE when acting has come back; and
    ``regained``.
    """
    ends = charge == -np.inf or following == np.inf
    middle = 0.5 * (charge + following) if not ends else (following - 1.0 if charge == -np.inf else charge + 1.0)
    if charge == -np.inf and following == np.inf:
        middle = 0.0
    visible = ends or following - charge > VISIBLE * (1.0 + abs(charge))
    code = STRICT
    for i in range(len(chance)):
        m = mixes[i]
        if m >= 0:  # not tied if one action is sure; where that is waiting, it has not been strictly better
            cells[CHANCE, m], cells[WORTH, m], cells[MARGIN, m] = chance[i], middle, 1.0
            if 0.0 < chance[i] < 1.0:
                code = WEAK
    tied, back = _look(charge, following, middle, visible, cells, findings, ties)
    if tied:
        code = WEAK
    if back:
        code = NOT_INDEXABLE
        if regained < CLEAR:
            regained = _returned(middle, cells, findings, regained, witness)
    return code, regained


@njit(nogil=True, cache=True)
def _look(charge, following, middle, visible, cells, findings, ties):
    """Whether a state ties, and whether one acts or ties in which waiting was strictly better; without branches."""
    tied, back = False, False
    for s in range(cells.shape[1]):
        chance, worth, margin = cells[CHANCE, s], cells[WORTH, s], cells[MARGIN, s]
        advantage, size = worth - middle * margin, ZERO * (1.0 + abs(worth))
        here = (abs(margin) <= ZERO) & (abs(advantage) <= size)
        ties[0, s] = charge if (here | (chance < 1.0)) & (charge < ties[0, s]) else ties[0, s]
        ties[1, s] = following if here | (chance > 0.0) else ties[1, s]
        ties[2, s] = following if chance == 1.0 else ties[2, s]
        lowest = findings[0, s]
        lower = visible & (not here) & (chance == 0.0) & (advantage < lowest)
        tied |= here
        back |= visible & (here | (chance > 0.0)) & (lowest < -size)
        findings[0, s] = advantage if lower else lowest
        findings[1, s] = middle if lower else findings[1, s]
    return tied, back


@njit(nogil=True, cache=True)
def _returned(middle, cells, findings, regained, witness):
    """Keep the witness of the largest advantage that came back; a tie counts as 0."""
    for s in range(cells.shape[1]):
        advantage, size = cells[WORTH, s] - middle * cells[MARGIN, s], ZERO * (1.0 + abs(cells[WORTH, s]))
        acts = cells[CHANCE, s] > 0.0 or abs(advantage) <= size
        if findings[0, s] < -size and acts and max(advantage, 0.0) > regained:
            regained = max(advantage, 0.0)
            witness[0], witness[1], witness[2] = s, findings[1, s], middle
    return regained
