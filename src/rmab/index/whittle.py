"""Whittle index of two-action arms, discounted and average, on every arm: one with ten thousand states or a million small ones.

Problem
-------
An arm pays ``r[a, s]`` and moves by ``P[a, s, .]``; acting (``a = 1``) costs a charge ``c`` per period. Write ``A(s, c)`` for
the advantage of acting over waiting in ``s`` under the optimal policy at charge ``c``. The arm is *indexable* when, for every
``s``, ``A(s, .)`` never turns positive again once it has been negative; the Whittle index of ``s`` is the charge at which it
changes sign. (Where it stays at zero over an interval, that is the upper end. An arm whose advantage only touches zero is
indexable: this is the weak definition. ``IndexTable.strict`` tells the strict one.)

Under the average criterion the index is the limit of the discounted ones as the discount tends to 1; it may be infinite, and
anywhere in an interval on which the limit of ``A(s, .)`` vanishes.

Algorithm
---------
Under a fixed policy every advantage is a line in the charge, so the policies that are optimal at some charge form a finite
path.

1. Two states: the closed form. Up to LANES states: elimination, eight arms at a time in the lanes of the vector registers. Both
   assume that states start to act one by one as the charge falls, check that and the loss of digits at every step, and give
   up an arm that fails.
2. Arms that were given up are done with care: parametric policy iteration from charge minus infinity with a fresh evaluation of
   every policy, in double-double arithmetic where needed, and under the average criterion as the limit of vanishing discount
   where a policy has several recurrent classes.
3. More than LANES states: one arm at a time, see :mod:`rmab.index.large`. A sparse arm: see :mod:`rmab.index.structure`.
4. A state whose advantage was negative and becomes positive is a witness against indexability.

Cost: (11/3) S^3 operations for steps 1 and 3, and S^4/3 multiplications for step 2.

References: P. Whittle, "Restless bandits: activity allocation in a changing world", Journal of Applied Probability 25A (1988);
N. Gast, B. Gaujal, K. Khun, "Testing indexability and computing Whittle and Gittins index in subcubic time", Mathematical
Methods of Operations Research 97 (2023).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from rmab._kernels import lanes, whittle_path
from rmab._kernels.two_states import closed_form
from rmab._kernels.verdict import IRREGULAR, UNDECIDED
from rmab.index.findings import Findings, check_two_actions, discount_of
from rmab.index.large import copy_found, index_large
from rmab.index.structure import structured_index
from rmab.index.table import IndexTable
from rmab.models.arms import Arms
from rmab.models.criterion import Criterion
from rmab.models.sparse_arm import SparseArm
from rmab.parallel import Progress, map_chunks

LANES = 64


def whittle_index(
    arms: Arms | SparseArm, criterion: Criterion, *, threads: int | None = None, progress: Progress | None = None
) -> IndexTable:
    """Whittle index of every state of every type.

    Parameters
    ----------
    arms : Arms or SparseArm
        ``K`` types with two actions, or one large arm whose transitions are sparse.
    criterion : Discounted or Average
        Discounted indices are charges per activation, not multiplied by (1 - beta).
    threads : int, optional
        Threads over which the types are spread; default one per core. Results do not depend on it. Within one large arm, matrix
        products use as many threads as the BLAS library is set to.
    progress : callable, optional
        Called as ``progress(types_done, types)``.

    Returns
    -------
    IndexTable
        ``values`` and ``error`` (K, S), a verdict for each type, and a witness for each type that is not indexable.

    Raises
    ------
    ModelError
        If the arms have more than two actions, the criterion is a finite horizon, or a sparse arm has no structure that helps
        and is too large to be made dense.

    Examples
    --------
    >>> from rmab.models.criterion import Average, Discounted
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]])
    >>> table = whittle_index(arms, Discounted(0.95))
    >>> table.values.round(4)
    array([[0.7661, 0.5315]])
    >>> print(table.status)
    all 1 types are indexable
    """
    beta = discount_of(criterion, "Whittle")
    if isinstance(arms, SparseArm):
        return _of_sparse_arm(arms, criterion, beta)
    check_two_actions(arms, "Whittle")
    p, r = arms.unit_rows, arms.rewards
    found = Findings.room(arms.n_types, arms.n_states)
    work = partial(_large if arms.n_states > LANES else _small, p, r, beta, found)
    map_chunks(work, arms.n_types, chunk=_chunk(arms.n_states), threads=threads, progress=progress)
    return found.table(criterion)


def _chunk(n_states: int) -> int:
    # about four million operations: long enough to hide the hand-over, short enough for the cache, progress and balance
    return 1 if n_states > LANES else max(64, min(65_536, 4_000_000 // n_states**3))


def _small(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, found: Findings, first: int, last: int) -> None:
    if p.shape[-1] == 1:
        found.codes[first:last] = IRREGULAR  # the kernels in lanes need two states
    else:
        fast = closed_form if p.shape[-1] == 2 else lanes.eliminate
        fast(p, r, beta, first, last, found.values, found.error, found.margin, found.codes)
    which = first + np.flatnonzero(found.codes[first:last] == IRREGULAR)
    whittle_path.index_types(p, r, beta, which, *found.arrays)


def _large(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, found: Findings, first: int, last: int) -> None:
    for k in range(first, last):
        found.codes[k] = index_large(p[k], r[k], beta, found.of_type(k))


def _of_sparse_arm(arm: SparseArm, criterion: Criterion, beta: float) -> IndexTable:
    shortcut = structured_index(arm, beta)
    if shortcut is None:
        return whittle_index(arm.dense(), criterion)
    found = Findings.room(1, arm.n_states)
    code = copy_found(shortcut, found.of_type(0))
    found.codes[0] = UNDECIDED if code == IRREGULAR else code
    return found.table(criterion)
