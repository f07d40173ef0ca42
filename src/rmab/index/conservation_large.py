"""Index of one large sparse arm, such as a space of fifty thousand beliefs, with an interval for every state.

Pivoting needs a square array. This needs one number per state and charge:

1. Number the states so that transitions lead to near ones (Cuthill and McKee): a pass then finds most values in the cache.
2. Find the range of the indices: its top is the largest advantage of acting once when nobody acts otherwise, its bottom the
   smallest when everybody does. Both are read off at two charges beyond all indices.
3. Value iteration at COARSE charges, evenly spread, all at once (see :mod:`rmab._kernels.sweep`), gives a rough index.
4. Value iteration at FINE charges, half of them spread evenly and half like the rough indices, starts from the values of the
   coarse ones, interpolated.
5. Bounds on the values and their convexity in the charge give an interval that certainly holds the index of each state. The
   arm is not indexable if some advantage was certainly negative and is certainly positive at a higher charge.

Value iteration stops when the bounds are closer than TOLERANCE of the range of the indices, or after MOST_PASSES; the intervals
hold in either case. Bounds tighten as differences between states do, usually much faster than the discount.

References: see :mod:`rmab._kernels.sweep`. Cost: one multiplication per transition, charge and pass.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.sweep import advantages, enclose, sweep
from rmab._kernels.verdict import NOT_INDEXABLE, WEAK
from rmab.index.findings import Room
from rmab.models.sparse_arm import SparseArm

COARSE, FINE = 16, 64
ROUGH, TOLERANCE = 1e-3, 1e-5  # of the range of the indices
MOST_PASSES = 2000
ROUNDING = 4e-16  # of a value, per transition of a row

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]


class Chain(NamedTuple):
    """What every pass reads: the rows of both actions, rewards of scale 1, and the discount."""

    passive: Rows
    active: Rows
    rewards: NDArray[np.float64]
    beta: float


def unit_rows(rows: Any) -> Rows:
    """Start, column and probability of the entries of a sparse array, each row divided by its sum."""
    start, length = rows.indptr.astype(np.int64), np.diff(rows.indptr)
    sums = np.add.reduceat(rows.data, start[:-1])  # no row is empty
    return start, rows.indices.astype(np.int32), rows.data / np.repeat(sums, length)


def sweep_index(arm: SparseArm, beta: float, room: Room) -> tuple[int, float, int]:
    """Fill the room of one arm; return the code, a work that is not exceeded everywhere, and how many states act there."""
    scale = float(np.abs(arm.rewards).max()) or 1.0
    near = _neighbours_together(arm)
    passive, active = (unit_rows(rows[near][:, near]) for rows in (arm.passive, arm.active))
    chain = Chain(passive, active, arm.rewards[:, near] / scale, beta)
    charges, values = _coarse(chain)
    charges, values = _finer(chain, charges, values)
    values, unsure = _settle(chain, charges, values, TOLERANCE * np.ptp(charges))
    index, error, margin, witness = room
    low, high, root, least = np.empty_like(index), np.empty_like(index), np.empty_like(index), np.empty(2)
    indexable = enclose(*chain, charges, values, unsure, low, high, root, least, witness)
    index[near], error[near] = root * scale, np.maximum(high - root, root - low) * scale
    margin[:] = least[0], 0.0
    acting = advantages(*chain, charges, values, np.array([int(least[1])]))[:, 0] > 0.0
    if indexable:
        return WEAK, float(least[0]), int(acting.sum())
    margin[1] = _regained(chain, charges, values, unsure, int(witness[0]), witness[2]) * scale
    witness[:] = near[int(witness[0])], witness[1] * scale, witness[2] * scale
    return NOT_INDEXABLE, float(least[0]), int(acting.sum())


def _neighbours_together(arm: SparseArm) -> NDArray[np.int32]:
    """The states in an order in which those that a transition leads to are near, for the cache."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee  # loads in a third of a second

    return np.asarray(reverse_cuthill_mckee(arm.passive + arm.active, symmetric_mode=False))


def _regained(
    chain: Chain, charges: NDArray[np.float64], values: NDArray[np.float64], unsure: NDArray[np.float64], state: int, at: float
) -> float:
    """Advantage that a state certainly has at a charge of the sweep."""
    lane = int(np.searchsorted(charges, at * (1 - 1e-15)))
    found = advantages(*chain, charges, values, np.array([lane]))[state, 0]
    return float(found - 2 * unsure[lane])


def _coarse(chain: Chain) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Charges spread over the range of the indices, and values at them."""
    n = chain.rewards.shape[1]
    beyond = 2.0 * max(float(np.ptp(chain.rewards)), 1e-300) / (1.0 - chain.beta)
    charges, values = np.array([-beyond, beyond]), np.zeros((n, 2))
    values, unsure = _settle(chain, charges, values, ROUGH * np.ptp(chain.rewards))
    found = advantages(*chain, charges, values, np.arange(2)) + charges
    slack = 4.0 * float(unsure.max()) + 1e-9
    charges = np.linspace(found[:, 0].min() - slack, found[:, 1].max() + slack, COARSE)
    return charges, _settle(chain, charges, np.zeros((n, COARSE)), ROUGH * np.ptp(charges))[0]


def _finer(
    chain: Chain, charges: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """More charges where more indices are, one beyond either end of the range, and values interpolated to them."""
    acting = advantages(*chain, charges, values, np.arange(COARSE))
    rough = np.sort(charges[np.clip((acting > 0.0).sum(axis=1), 0, COARSE - 1)])
    places = np.linspace(charges[0], charges[-1], 4 * FINE)
    share = np.searchsorted(rough, places) / len(rough) + np.linspace(0.0, 1.0, len(places))
    inner = np.interp(np.linspace(share[0], share[-1], FINE - 2), share, places)
    finer = np.concatenate([[2 * inner[0] - inner[1]], inner, [2 * inner[-1] - inner[-2]]])
    at = np.clip(np.searchsorted(charges, finer) - 1, 0, COARSE - 2)
    part = (finer - charges[at]) / (charges[at + 1] - charges[at])
    return finer, values[:, at] * (1.0 - part) + values[:, at + 1] * part


def _settle(
    chain: Chain, charges: NDArray[np.float64], values: NDArray[np.float64], within: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Iterate from ``values``; the values reached, in the middle of their bounds, and how far off an action's may be, (L,)."""
    beta, better, change = chain.beta, np.empty_like(values), np.empty((2, len(charges)))
    passes = 0
    while True:
        sweep(*chain, charges, values, better, change)
        values, better = better, values
        passes += 1
        unsure = beta**2 / (1.0 - beta) * (change[1] - change[0]) / 2.0
        if unsure.max() <= within or passes >= MOST_PASSES:
            break
    values += beta / (1.0 - beta) * change.mean(axis=0)
    most_entries = max(int(np.diff(rows[0]).max()) for rows in (chain.passive, chain.active))
    return values, unsure + ROUNDING * (4 + most_entries) * np.abs(values).max() / (1.0 - beta)
