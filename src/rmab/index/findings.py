"""Room for what the kernels find out about every type, and the table that is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.verdict import NOT_INDEXABLE, UNDECIDED, UNSETTLED
from rmab.errors import ModelError
from rmab.hidden.kernel import HiddenKernel
from rmab.index.table import IndexTable, Witness
from rmab.models.arms import Arms
from rmab.models.criterion import Average, Criterion, Discounted

Room = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Findings:
    """Arrays for kernels to fill: ``values`` and ``error`` (K, S), ``margin`` (K, 2), ``witness`` (K, 3), ``codes`` (K,)."""

    values: NDArray[np.float64]
    error: NDArray[np.float64]
    margin: NDArray[np.float64]
    witness: NDArray[np.float64]
    codes: NDArray[np.int8]

    @classmethod
    def room(cls, n_types: int, n_states: int) -> Findings:
        """Empty arrays for ``n_types`` types of ``n_states`` states."""
        shape = (n_types, n_states)
        return cls(
            np.empty(shape), np.empty(shape), np.empty((n_types, 2)), np.zeros((n_types, 3)), np.empty(n_types, dtype=np.int8)
        )

    @property
    def arrays(self) -> tuple[NDArray, ...]:
        """Values, error, margin, witness and codes, in the order in which kernels take them."""
        return self.values, self.error, self.margin, self.witness, self.codes

    def of_type(self, k: int) -> Room:
        """Values, error, margin and witness of one type, to be written into."""
        return self.values[k], self.error[k], self.margin[k], self.witness[k]

    def table(self, criterion: Criterion) -> IndexTable:
        """The result; the arrays become read-only, and numbers that are not to be relied on have an infinite error."""
        proofs = {
            int(k): Witness(int(self.witness[k, 0]), float(self.witness[k, 1]), float(self.witness[k, 2]))
            for k in np.flatnonzero(self.codes == NOT_INDEXABLE)
        }
        self.error[(self.codes == UNSETTLED) | (self.codes == UNDECIDED)] = np.inf
        for array in (self.values, self.error, self.margin, self.codes):
            array.setflags(write=False)
        return IndexTable(self.values, self.error, self.margin, self.codes, proofs, repr(criterion))


def discount_of(criterion: Criterion, name: str) -> float:
    """The discount of the criterion, 1 for the average; raises :class:`ModelError` for a finite horizon.

    Examples
    --------
    >>> discount_of(Average(), "Whittle")
    1.0
    """
    if not isinstance(criterion, Discounted | Average):
        raise ModelError(f"the {name} index needs Discounted(beta) or Average(), got {criterion!r}")
    return criterion.beta if isinstance(criterion, Discounted) else 1.0


def check_two_actions(arms: Arms, name: str) -> None:
    """Raise :class:`ModelError` unless ``arms`` are two-action arms."""
    if isinstance(arms, HiddenKernel):
        raise ModelError(
            f"the {name} index needs states that are seen; grow the beliefs with reachable(...) and pass its .arms"
        )
    if not isinstance(arms, Arms):
        raise ModelError(f"the {name} index needs an Arms, got {type(arms).__name__}")
    if arms.n_actions != 2:
        raise ModelError(f"the {name} index needs two actions, these arms have {arms.n_actions}")
