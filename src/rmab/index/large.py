"""Index of one large dense arm: by its structure, by elimination, or along its path of optimal policies.

1. From STRUCTURED states on, look for structure: a banded chain has a solver of its own; where waiting is certain, or acting
   always restarts alike, the set-up of the elimination costs O(n^2) instead of (8/3) n^3.
2. Elimination with matrix products (see :mod:`rmab._kernels.elimination`), which gives up any arm that is not plain.
3. The path of optimal policies with an exchange per switch (see :mod:`rmab._kernels.exchange_path`), once more with a better
   reference state where the first spoils the set-up, and up to CAREFUL states with fresh evaluations in double-double
   arithmetic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab._kernels import elimination, exchange_path, whittle_path
from rmab._kernels.scaling import power_of_two
from rmab._kernels.verdict import IRREGULAR, UNDECIDED
from rmab.index.findings import Room
from rmab.index.structure import StructuredIndex, detect, functional_setup, restart_setup, structured_index
from rmab.models.sparse_arm import SparseArm

STRUCTURED = 200
CAREFUL = 200


def index_large(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, room: Room) -> int:
    """Fill the room of one arm, ``p`` (2, S, S) and ``r`` (2, S); return the code."""
    code = _by_structure(p, r, beta, room) if p.shape[-1] >= STRUCTURED else IRREGULAR
    if code in (IRREGULAR, UNDECIDED):
        code = elimination.index_arm(p, r, beta, *room[:3])
    if code == IRREGULAR:
        code = exchange_path.index_arm(p, r, beta, *room)
    if code == UNDECIDED:
        code = _repinned(p, r, beta, room)
    if code == UNDECIDED and p.shape[-1] <= CAREFUL:
        code = whittle_path.index_arm(p, r, beta, *room)
    return code


def copy_found(found: StructuredIndex, room: Room) -> int:
    """Copy the index of a structured arm into its room; return its code."""
    values, error, margin, witness = room
    values[:], error[:], margin[:] = found.values, found.error, found.margin
    if found.witness is not None:
        witness[:] = found.witness
    return found.code


def _by_structure(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, room: Room) -> int:
    structure = detect(p[0], p[1])
    if structure is None:
        return IRREGULAR
    if structure.name == "banded":
        found = structured_index(SparseArm(p[0], p[1], r), beta)
        return IRREGULAR if found is None else copy_found(found, room)
    if structure.name == "restart":
        code = _eliminate(restart_setup(p[0], p[1], beta), r[::-1], 1.0, room)
        np.negative(room[0], out=room[0])  # it was the charge for waiting
        return code
    return _eliminate(functional_setup(p[0], p[1], beta), r, 1.0 - beta, room) if beta < 1.0 else IRREGULAR


def _eliminate(rows: NDArray[np.float64], r: NDArray[np.float64], condition: float, room: Room) -> int:
    """Elimination from a set-up that is known; ``condition`` stands for the smallest pivot of finding it."""
    scale = power_of_two(np.ascontiguousarray(r))
    advantage = np.stack([np.ones(len(rows)), r[1] - r[0] + rows @ r[0]])
    advantage[1] /= scale
    values, error, margin, _ = room
    code = elimination.eliminate(np.ascontiguousarray(rows.T), advantage, condition, True, values, error, margin)
    values *= scale
    error *= scale
    return code


def _repinned(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, room: Room) -> int:
    """The same with another reference state: the one that is visited most by the policy from which the path starts.

    A reference that is hardly ever visited spoils the set-up, for all biases are relative to it.
    """
    n = p.shape[-1]
    values, error, _, witness = room
    for start, path in ((0, elimination.index_arm), (1, exchange_path.index_arm)):
        try:
            often = np.linalg.solve((np.eye(n) - p[start] + 1.0).T, np.ones(n))
        except np.linalg.LinAlgError:  # several recurrent classes: no state will do
            continue
        order, reference = np.arange(n), int(np.argmax(often))
        order[reference], order[-1] = n - 1, reference
        swapped = np.ascontiguousarray(p[:, order][:, :, order]), np.ascontiguousarray(r[:, order])
        code = path(*swapped, beta, *(room if start else room[:3]))
        if code not in (IRREGULAR, UNDECIDED):
            values[:], error[:], witness[0] = values[order], error[order], order[int(witness[0])]
            return code
    return UNDECIDED
