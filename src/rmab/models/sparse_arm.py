"""One type of arm whose transitions are too many for a square array: ten thousand to a million states.

Where :class:`~rmab.models.arms.Arms` holds ``2 * S**2`` numbers, a sparse arm holds only the transitions that happen. Queues,
ages, stocks and machines that wear have a handful per state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arms import ROW_SUM_TOLERANCE, Arms
from rmab.models.arrays import float_array

MOST_DENSE_STATES = 20_000


@dataclass(frozen=True, eq=False)
class SparseArm:
    """Transitions and rewards of one type of arm with two actions.

    Parameters
    ----------
    passive, active : sparse or dense array, shape (S, S)
        ``passive[s, t]``: probability of moving from ``s`` to ``t`` while waiting; ``active`` likewise while acting. Anything
        that ``scipy.sparse.csr_array`` takes; entries given twice add up. Rows must sum to 1 within 1e-8; nothing is
        renormalised.
    rewards : array_like, shape (2, S)
        Expected reward of one period; row 0 while waiting.

    Raises
    ------
    ModelError
        If shapes disagree, a number is not finite, a probability is negative or a row does not sum to 1. The message names
        the first offending action and state.

    Examples
    --------
    >>> import scipy.sparse
    >>> older = scipy.sparse.csr_array(np.eye(4, k=1) + np.diag([0, 0, 0, 1.0]))
    >>> fresh = scipy.sparse.csr_array(np.eye(4)[[0, 0, 0, 0]])
    >>> SparseArm(older, fresh, -np.arange(4) * np.ones((2, 1)))
    SparseArm(4 states, 4 passive and 4 active transitions)
    """

    passive: Any
    active: Any
    rewards: NDArray[np.float64]

    def __init__(self, passive: Any, active: Any, rewards: ArrayLike) -> None:
        p0, p1 = _rows("passive", passive), _rows("active", active)
        if p1.shape != p0.shape:
            raise ModelError(f"passive and active must have one shape, got {p0.shape} and {p1.shape}")
        object.__setattr__(self, "passive", p0)
        object.__setattr__(self, "active", p1)
        object.__setattr__(self, "rewards", _rewards(rewards, p0.shape[0]))

    @property
    def n_types(self) -> int:
        """Number of types, always 1."""
        return 1

    @property
    def n_actions(self) -> int:
        """Number of actions, always 2; action 0 is passive."""
        return 2

    @property
    def n_states(self) -> int:
        """Number of states, ``S``."""
        return self.rewards.shape[1]

    def __repr__(self) -> str:
        return f"SparseArm({self.n_states} states, {self.passive.nnz} passive and {self.active.nnz} active transitions)"

    @classmethod
    def from_arms(cls, arms: Arms) -> SparseArm:
        """The sparse form of arms of one type with two actions; the multiplicity is not kept.

        Raises
        ------
        ModelError
            If there are several types or more than two actions.

        Examples
        --------
        >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.0, 1.0], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]])
        >>> SparseArm.from_arms(arms)
        SparseArm(2 states, 4 passive and 3 active transitions)
        """
        if arms.n_types != 1 or arms.n_actions != 2:
            raise ModelError(
                f"a sparse arm is one type with two actions, these arms have {arms.n_types} types and {arms.n_actions} "
                "actions; take one type at a time"
            )
        return cls(arms.transitions[0, 0], arms.transitions[0, 1], arms.rewards[0])

    def dense(self) -> Arms:
        """The same arm with square arrays, multiplicity 1.

        Raises
        ------
        ModelError
            Above 20,000 states, where the square arrays would take more than 6 GB.
        """
        if self.n_states > MOST_DENSE_STATES:
            raise ModelError(
                f"{self.n_states} states make a dense array of {2 * self.n_states**2 * 8 / 1e9:.0f} GB; "
                f"dense() stops at {MOST_DENSE_STATES} states: keep the sparse arm"
            )
        return Arms(np.stack([self.passive.toarray(), self.active.toarray()]), self.rewards)


def _rows(name: str, given: Any) -> Any:
    # scipy loads in a third of a second; whoever has no sparse arm should not wait for it
    from scipy.sparse import csr_array, issparse

    try:
        if np.iscomplexobj(given.data if issparse(given) else given):
            raise TypeError("complex numbers have no place in an arm")
        rows = csr_array(given, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} must be a sparse or rectangular array of numbers: {error}") from None
    if rows.ndim != 2 or rows.shape[0] != rows.shape[1] or rows.shape[0] == 0:
        raise ModelError(f"{name} must have shape (S, S) with at least one state, got {rows.shape}")
    rows.sum_duplicates()
    _check_entries(name, rows)
    rows.eliminate_zeros()
    for array in (rows.data, rows.indices, rows.indptr):
        array.setflags(write=False)
    return rows


def _check_entries(name: str, rows: Any) -> None:
    for bad, what in ((~np.isfinite(rows.data), "not a finite number"), (rows.data < 0, "below 0")):
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            state = int(np.searchsorted(rows.indptr, first, side="right")) - 1
            raise ModelError(
                f"{name}: state {state} moves to {rows.indices[first]} with probability {rows.data[first]}, {what}"
            )
    sums = np.asarray(rows.sum(axis=1)).ravel()
    off = np.flatnonzero(np.abs(sums - 1) > ROW_SUM_TOLERANCE)
    if len(off):
        raise ModelError(
            f"{name}: the row of state {off[0]} sums to {sums[off[0]]:.12g}, not 1; "
            "divide each row by its sum if that is what you mean"
        )


def _rewards(given: ArrayLike, n_states: int) -> NDArray[np.float64]:
    rewards = float_array("rewards", given)
    if rewards.shape != (2, n_states):
        raise ModelError(f"rewards must have shape {(2, n_states)} to match {n_states} states, got {rewards.shape}")
    bad = np.argwhere(~np.isfinite(rewards))
    if len(bad):
        action, state = bad[0]
        raise ModelError(f"rewards: action {action}, state {state} holds {rewards[action, state]}, not a finite number")
    rewards.setflags(write=False)
    return rewards
