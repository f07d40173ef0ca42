"""The result of an index method: the index of every state of every type, how exact it is, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.verdict import DIVERGENT, NOT_INDEXABLE, STRICT, STRONG, UNDECIDED, UNSETTLED, WEAK


class Verdict(StrEnum):
    """What is known about one type of arm."""

    STRONGLY_INDEXABLE = "strongly indexable"
    STRICTLY_INDEXABLE = "strictly indexable"
    INDEXABLE = "indexable"
    NOT_INDEXABLE = "not indexable"
    DIVERGENT = "divergent"
    UNSETTLED = "unsettled"
    UNDECIDED = "undecided"


_VERDICTS = {
    STRONG: Verdict.STRONGLY_INDEXABLE,
    STRICT: Verdict.STRICTLY_INDEXABLE,
    WEAK: Verdict.INDEXABLE,
    NOT_INDEXABLE: Verdict.NOT_INDEXABLE,
    DIVERGENT: Verdict.DIVERGENT,
    UNSETTLED: Verdict.UNSETTLED,
    UNDECIDED: Verdict.UNDECIDED,
}

_TROUBLE = {
    UNDECIDED: "are undecided: the indices did not settle; use a discount below 1 or rescale the rewards",
    NOT_INDEXABLE: "are not indexable: their index is a heuristic; prefer a policy from solve(problem)",
    UNSETTLED: "have several nearly closed classes: the average index does not settle; prefer a discount below 1",
    DIVERGENT: "have an infinite index in the vanishing-discount limit: above or below every finite one, as its sign says",
}


@dataclass(frozen=True)
class Witness:
    """Two charges that show that an arm is not indexable.

    In ``state``, waiting is strictly better at the charge ``passive_at``, yet acting is strictly better at the higher charge
    ``active_at``. Both are in the unit of the rewards.
    """

    state: int
    passive_at: float
    active_at: float

    def __str__(self) -> str:
        low, high = f"{self.passive_at:.6g}", f"{self.active_at:.6g}"
        return f"in state {self.state} waiting is best at charge {low} but acting at the higher {high}"


class Judged:
    """One verdict per type, from their ``codes`` and the ``proofs`` of those that are not indexable."""

    codes: NDArray[np.int8]
    proofs: dict[int, Witness]

    @property
    def verdict(self) -> tuple[Verdict, ...]:
        """One verdict per type.

        ``strongly indexable`` (every advantage of acting falls strictly with the charge); ``strictly indexable`` (every
        advantage is zero at a single charge); ``indexable`` (no advantage that was negative turns positive again); ``not
        indexable`` (see ``witness``); ``divergent`` (indexable, but some index grows without bound as discounting vanishes);
        ``unsettled`` (indexable at discounts close to 1, but the index still moves there: the values are those at discount 1 -
        1e-7); ``undecided`` (the numbers are not to be relied on). Each of the first three implies the next.
        """
        return tuple(_VERDICTS[code] for code in self.codes.tolist())

    @property
    def witness(self) -> tuple[Witness | None, ...]:
        """Two charges that prove that a type is not indexable, or None; one entry per type."""
        return tuple(self.proofs.get(k) for k in range(len(self.codes)))

    @property
    def indexable(self) -> NDArray[np.bool_]:
        """Whether each type is indexable (in the weak sense, which suffices for the index to exist), shape ``(K,)``."""
        return (self.codes != NOT_INDEXABLE) & (self.codes != UNDECIDED)

    @property
    def status(self) -> str:
        """One sentence on all types, with the remedy when something is wrong."""
        for code, sentence in _TROUBLE.items():
            found = np.flatnonzero(self.codes == code)
            if len(found):
                proof = self.proofs.get(int(found[0]))
                example = f"type {found[0]}" + (f": {proof}" if proof else "")
                return f"{len(found)} of {len(self.codes)} types {sentence} (first: {example})"
        return f"all {len(self.codes)} types are indexable"


@dataclass(frozen=True, eq=False)
class IndexTable(Judged):
    """Index of every state of every type.

    Attributes
    ----------
    values : ndarray, shape (K, S)
        The charge per activation at which acting and waiting tie: higher is more worth acting on. For a type that is not
        indexable, the lowest charge at which acting stops being optimal. Under the average criterion, the limit of the
        discounted indices. Infinite where acting (or waiting) is optimal at every
        charge, or grows to be so in the vanishing-discount limit. Never NaN.
    error : ndarray, shape (K, S)
        The exact index lies within ``values - error`` and ``values + error``: a bound on rounding that grows with the
        cancellation met on the way. Infinite for a type that is ``unsettled`` or ``undecided``.
    margin : ndarray, shape (K, 2)
        How clear the verdict is. First the smallest rate at which an advantage of acting falls with the charge; it is positive
        for a ``strongly indexable`` type. Second the largest advantage that a state regained after it had been negative, in
        the unit of the rewards; it is zero for an indexable type.
    codes : ndarray of int8, shape (K,)
        The verdicts as numbers, see ``verdict``.
    proofs : dict of int to Witness
        The witness of every type that is not indexable.
    criterion : str
        The criterion for which the indices hold.
    """

    values: NDArray[np.float64]
    error: NDArray[np.float64]
    margin: NDArray[np.float64]
    codes: NDArray[np.int8]
    proofs: dict[int, Witness]
    criterion: str

    @property
    def strict(self) -> NDArray[np.bool_]:
        """Whether each type is indexable in the strict sense, with one zero per advantage, shape ``(K,)``."""
        return self.codes <= STRICT

    def __str__(self) -> str:
        shown = np.array2string(self.values, precision=6, threshold=60)
        return f"index of {len(self.values)} types, {self.criterion}: {self.status}\n{shown}"
