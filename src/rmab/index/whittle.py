"""Whittle index of two-action arms, discounted and average, on every arm.

Problem
-------
An arm pays ``r[a, s]`` and moves by ``P[a, s, .]``; acting (``a = 1``) costs a charge ``c`` per period. Write ``A(s, c)`` for
the advantage of acting over waiting in ``s`` under the optimal policy at charge ``c``. The arm is *indexable* when, for every
``s``, ``A(s, .)`` never turns positive again once it has been negative; the Whittle index of ``s`` is the charge at which it
changes sign. (Where it stays at zero over an interval, the upper end is reported. An arm whose advantage only touches zero is
indexable: this is the weak definition.)

Algorithm
---------
1. At charge minus infinity acting everywhere is optimal.
2. Evaluate the policy; every advantage is a line ``a - c w`` in the charge.
3. The next charge is the smallest at which a state wants the other action; the states that want it switch.
4. Remember the lowest advantage of every state; one that was negative and becomes positive is a witness against indexability.
5. Stop when no state wants to switch at any higher charge.

The path is that of parametric policy iteration and holds for arms that are not indexable too. Under the average criterion a
policy with several recurrent classes has no single gain; such arms are followed at three discounts close to 1
in double-double arithmetic and extrapolated: the limit of vanishing discount. An index that grows like 1 / (1 - beta) there
is reported as infinite.

Cost: one linear system, S^3/3 multiplications, per switch; S switches for a strongly indexable arm.

Reference: P. Whittle, "Restless bandits: activity allocation in a changing world", Journal of Applied Probability 25A (1988).
"""

from __future__ import annotations

import numpy as np

from rmab._kernels.whittle_path import DIVERGENT, INDEXABLE, NOT_INDEXABLE, UNDECIDED, UNSETTLED, whittle_range
from rmab.errors import ModelError
from rmab.index.table import IndexTable, Verdict, Witness
from rmab.models.arms import Arms
from rmab.models.criterion import Average, Criterion, Discounted
from rmab.parallel import Progress, map_chunks

_VERDICTS = {
    INDEXABLE: Verdict.INDEXABLE,
    NOT_INDEXABLE: Verdict.NOT_INDEXABLE,
    DIVERGENT: Verdict.DIVERGENT,
    UNSETTLED: Verdict.UNSETTLED,
    UNDECIDED: Verdict.UNDECIDED,
}


def whittle_index(
    arms: Arms, criterion: Criterion, *, threads: int | None = None, progress: Progress | None = None
) -> IndexTable:
    """Whittle index of every state of every type.

    Parameters
    ----------
    arms : Arms
        ``K`` types with two actions.
    criterion : Discounted or Average
        Discounted indices are charges per activation, not multiplied by (1 - beta).
    threads : int, optional
        Threads over which the types are spread; default one per core. Results do not depend on it.
    progress : callable, optional
        Called as ``progress(types_done, types)``.

    Returns
    -------
    IndexTable
        ``values`` (K, S), a verdict for each type, and a witness for each type that is not indexable.

    Raises
    ------
    ModelError
        If the arms have more than two actions, or the criterion is a finite horizon.

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
    if not isinstance(arms, Arms):
        raise ModelError(f"the Whittle index needs an Arms, got {type(arms).__name__}")
    if arms.n_actions != 2:
        raise ModelError(f"the Whittle index needs two actions, these arms have {arms.n_actions}")
    if not isinstance(criterion, Discounted | Average):
        raise ModelError(f"the Whittle index needs Discounted(beta) or Average(), got {criterion!r}")
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    values = np.empty((arms.n_types, arms.n_states))
    verdict = np.empty(arms.n_types, dtype=np.int64)
    witness = np.zeros((arms.n_types, 3))

    def work(first: int, last: int) -> None:
        whittle_range(arms.transitions, arms.rewards, beta, first, last, values, verdict, witness)

    map_chunks(work, arms.n_types, chunk=_chunk(arms), threads=threads, progress=progress)
    values.setflags(write=False)
    proofs = tuple(
        Witness(int(state), float(low), float(high)) if code == NOT_INDEXABLE else None
        for code, (state, low, high) in zip(verdict, witness, strict=True)
    )
    return IndexTable(values, tuple(_VERDICTS[int(code)] for code in verdict), proofs, repr(criterion))


def _chunk(arms: Arms) -> int:
    # about ten million multiplications: long enough to hide the hand-over, short enough for progress and balance
    return max(1, min(10_000, 10_000_000 // arms.n_states**4))
