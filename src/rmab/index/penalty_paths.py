"""The stored paths of optimal randomised policies of every type, and what can be read off them without solving anything again.

A path is cut into segments. On each one the policy does not change, so the reward, the activation and the excesses per period
are constants, the multipliers are lines in the charge, and as many states as there are active penalties mix both actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import NotConverged


@dataclass(frozen=True, eq=False)
class PenaltyPaths:
    """Segments of ``K`` paths, one type after the other; ``E`` in all, ``J`` penalties.

    Attributes
    ----------
    first : ndarray of int, shape (K + 1,)
        Number of the first segment of each type, and ``E``.
    charge : ndarray, shape (E,)
        Charge from which on the segment holds; minus infinity for the first of a type. It ends where the next one starts.
    reward, activation : ndarray, shape (E,)
        Reward and share of periods in which the arm is acted on, weighted like the value.
    excess : ndarray, shape (E, J)
        Mean cost less bound; zero where the penalty is active.
    multiplier, slope : ndarray, shape (E, J)
        Multiplier at the start of the segment, and its rate of change with the charge.
    state : ndarray of int, shape (E, J)
        The states that mix, -1 for none.
    chance : ndarray, shape (E, J)
        Their probability of acting.
    """

    first: NDArray[np.int64]
    charge: NDArray[np.float64]
    reward: NDArray[np.float64]
    activation: NDArray[np.float64]
    excess: NDArray[np.float64]
    multiplier: NDArray[np.float64]
    slope: NDArray[np.float64]
    state: NDArray[np.int64]
    chance: NDArray[np.float64]

    @classmethod
    def from_rows(cls, rows: NDArray[np.float64], counts: NDArray[np.int64]) -> PenaltyPaths:
        """From rows (E, 3 + 5 J) as the kernel writes them, and the number of rows of each type (K,)."""
        n_penalties = (rows.shape[1] - 3) // 5
        excess, multiplier, slope, state, chance = np.split(rows[:, 3:], 5, axis=1) if n_penalties else [rows[:, 3:]] * 5
        first = np.concatenate([[0], np.cumsum(counts)])
        return cls(first, rows[:, 0], rows[:, 1], rows[:, 2], excess, multiplier, slope, state.astype(np.int64), chance)

    @property
    def end(self) -> NDArray[np.float64]:
        """Charge up to which each segment holds, shape ``(E,)``; infinity for the last of a type."""
        end = np.append(self.charge[1:], np.inf)
        end[self.first[1:] - 1] = np.inf
        return end

    @property
    def type_of_segment(self) -> NDArray[np.int64]:
        """Type of each segment, shape ``(E,)``."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def at(self, charge: NDArray[np.float64]) -> NDArray[np.int64]:
        """The segment of each type at its charge, both of shape ``(..., K)``; at a breakpoint the segment that starts there.

        Raises
        ------
        NotConverged
            If a type has no path.
        """
        missing = np.flatnonzero(np.diff(self.first) == 0)
        if len(missing):
            raise NotConverged(
                f"type {missing[0]} has no path: its numbers did not settle; use a discount below 1, or fluid_bound for a bound"
            )
        columns = charge.reshape(-1, len(self.first) - 1).T
        found = [
            self.charge[begin:end].searchsorted(column, side="right")
            for begin, end, column in zip(self.first[:-1], self.first[1:], columns, strict=True)
        ]
        return (np.stack(found, axis=-1) - 1 + self.first[:-1]).reshape(charge.shape)

    def multipliers(self, charge: NDArray[np.float64]) -> NDArray[np.float64]:
        """Multipliers of each type at its charge, shape ``(..., K, J)``."""
        here = self.at(charge)
        begin = self.charge[here]
        slope = self.slope[here]
        since = np.where(np.isfinite(begin) & slope.any(axis=-1), charge, begin) - np.where(np.isfinite(begin), begin, 0.0)
        return self.multiplier[here] + slope * np.where(np.isfinite(since), since, 0.0)[..., np.newaxis]

    def dual(self, charge: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value of each type at its charge, shape ``(..., K)``: reward less charges less multipliers times excesses."""
        here = self.at(charge)
        # what is in excess has a multiplier that does not change with the charge
        net = self.reward - (self.multiplier * self.excess).sum(axis=1)
        activation = self.activation[here]
        return net[here] - np.where(activation == 0.0, 0.0, charge) * activation

    def levels(self, acting: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``sup{charge: chance of acting >= u}`` as a step function of ``u`` in every state.

        Parameters
        ----------
        acting : ndarray, shape (K, S)
            Charge up to which each state acts without mixing.

        Returns
        -------
        tuple of ndarray, each of shape (K, S, L)
            Charges, descending, and up to which ``u`` each one holds, ascending to 1; the last is repeated to fill ``L``.
        """
        n_types, n_states = acting.shape
        segment, place = np.nonzero(self.state >= 0)
        mixed = self.type_of_segment[segment] * n_states + self.state[segment, place]
        cell = np.concatenate([mixed, np.arange(acting.size)])
        charge = np.concatenate([self.end[segment], acting.ravel()])
        chance = np.concatenate([self.chance[segment, place], np.ones(acting.size)])
        order = np.lexsort((-chance, -charge, cell))
        cell, charge, chance = cell[order], charge[order], chance[order]
        most = np.maximum.accumulate(2.0 * cell + chance)
        kept = np.append(True, most[1:] > most[:-1]) & (chance > 0.0)
        cell, charge, chance = cell[kept], charge[kept], chance[kept]
        counts = np.bincount(cell, minlength=acting.size)
        begin = np.cumsum(counts) - counts
        take = begin[:, np.newaxis] + np.minimum(np.arange(counts.max()), counts[:, np.newaxis] - 1)
        shape = (n_types, n_states, -1)
        return charge[take].reshape(shape), chance[take].reshape(shape)
