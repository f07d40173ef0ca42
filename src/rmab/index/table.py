"""The result of an index method: the index of every state of every type, and whether it means what it should."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Verdict(StrEnum):
    """What is known about one type of arm."""

    INDEXABLE = "indexable"
    NOT_INDEXABLE = "not indexable"
    DIVERGENT = "divergent"
    UNSETTLED = "unsettled"
    UNDECIDED = "undecided"


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


@dataclass(frozen=True, eq=False)
class IndexTable:
    """Index of every state of every type.

    Attributes
    ----------
    values : ndarray, shape (K, S)
        The charge per activation at which acting and waiting tie: higher is more worth acting on. For a type that is not
        indexable, the lowest charge at which acting stops being optimal. Infinite where acting (or waiting) is optimal at every
        charge in the vanishing-discount limit. Never NaN.
    verdict : tuple of Verdict, length K
        ``indexable``; ``not indexable`` (see ``witness``); ``divergent`` (indexable, but some index grows without bound as
        discounting vanishes); ``unsettled`` (indexable at discounts close to 1, but the index still moves there: the values are
        those at discount 1 - 1e-7); ``undecided`` (the numbers are not to be relied on).
    witness : tuple of (Witness or None), length K
        Two charges that prove that a type is not indexable.
    criterion : str
        The criterion for which the indices hold.
    """

    values: NDArray[np.float64]
    verdict: tuple[Verdict, ...]
    witness: tuple[Witness | None, ...]
    criterion: str

    @property
    def indexable(self) -> NDArray[np.bool_]:
        """Whether each type is indexable, shape ``(K,)``."""
        return np.array([verdict not in (Verdict.NOT_INDEXABLE, Verdict.UNDECIDED) for verdict in self.verdict])

    @property
    def status(self) -> str:
        """One sentence on all types, with the remedy when something is wrong."""
        for verdict, sentence in _TROUBLE.items():
            found = [k for k, other in enumerate(self.verdict) if other is verdict]
            if found:
                proof = self.witness[found[0]]
                example = f"type {found[0]}" + (f": {proof}" if proof else "")
                return f"{len(found)} of {len(self.verdict)} types {sentence} (first: {example})"
        return f"all {len(self.verdict)} types are indexable"

    def __str__(self) -> str:
        shown = np.array2string(self.values, precision=6, threshold=60)
        return f"index of {len(self.values)} types, {self.criterion}: {self.status}\n{shown}"


_TROUBLE = {
    Verdict.UNDECIDED: "are undecided: the indices did not settle; use a discount below 1 or rescale the rewards",
    Verdict.NOT_INDEXABLE: "are not indexable: their index is a heuristic; prefer a policy from solve(problem)",
    Verdict.UNSETTLED: "have several nearly closed classes: the average index does not settle; prefer a discount below 1",
    Verdict.DIVERGENT: "have an infinite index in the vanishing-discount limit: they outrank every finite index",
}
