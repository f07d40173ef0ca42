"""The fluid bound from the stored paths of the arms, by table look-up: any budget, any number of arms of each type.

The dual of the relaxed problem splits into arms. With ``m[k]`` arms of type ``k``, value ``g[k](charge)`` of one of them and
capacity ``C``,

    bound = min over charges of   charge * C + sum_k m[k] g[k](charge),

over charges from 0 on for "at most", over all of them for "exactly". The paths of :func:`rmab.penalty_index` hold every
``g[k]`` with its breakpoints and slopes, minus the activation.

1. Merge the breakpoints of all types, and sum the activations between them; done once.
2. The minimum is where the total activation falls to the capacity: one bisection per budget.

A requirement that is not met at its cap is paid for, not kept; the value is then a bound all the same, and the status names the
type. Cost: one sort of all breakpoints, then O(log) per value and O(K) for a full :class:`rmab.Bound`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.bound.result import Bound
from rmab.errors import InfeasibleBudget, ModelError
from rmab.index.penalty import PenaltyIndex
from rmab.models.arrays import float_array
from rmab.models.budget import TopK


@dataclass(frozen=True, eq=False, init=False)
class PathBound:
    """Bounds of one cohort for any budget.

    Parameters
    ----------
    index : PenaltyIndex
        Paths of ``K`` types.
    multiplicity : array_like of int, shape (K,), optional
        Arms of each type; default one.

    Attributes
    ----------
    charge : ndarray, shape (B,)
        All breakpoints, ascending.
    activation : ndarray, shape (B + 1,)
        Activations per period of the cohort below the first breakpoint, between them, and above the last.
    value : ndarray, shape (B,)
        Value of the cohort at the breakpoints, charges subtracted.

    Raises
    ------
    ModelError
        If the multiplicity does not fit the index, or a type's path is not exact (see ``PenaltyIndex.exact``).
    NotConverged
        If a type has no path.

    Examples
    --------
    >>> from rmab.index.penalty import penalty_index
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [1.0, 2.0]])
    >>> index = penalty_index(arms, Penalty([[0.0, 0.0], [-1.0, -1.0]], -0.25), Average())
    >>> cohort = PathBound(index, [100])
    >>> cohort.values([25, 50, 100]).round(6).tolist()
    [50.0, 100.0, 150.0]
    >>> print(cohort.bound(TopK(50)))
    upper bound 100 per period over all arms (paths: optimal)
    price 1 per activation; arms are acted on in 50.0 % to 50.0 % of periods (1 types)
    penalties: 0 of 1 requirements bind, multipliers from 0 to 0
    """

    index: PenaltyIndex
    multiplicity: NDArray[np.int64]
    charge: NDArray[np.float64]
    activation: NDArray[np.float64]
    value: NDArray[np.float64]

    def __init__(self, index: PenaltyIndex, multiplicity: ArrayLike | None = None) -> None:
        if not isinstance(index, PenaltyIndex):
            raise ModelError(f"a path bound needs the result of penalty_index, got {type(index).__name__}")
        n_types = len(index.codes)
        inexact = np.flatnonzero(~index.exact)
        if len(inexact):
            raise ModelError(
                f"the path of type {inexact[0]}, which has several recurrent classes, is that at a discount just below 1 and "
                "bounds nothing; use fluid_bound, or a discount"
            )
        arms = np.ones(n_types, dtype=np.int64) if multiplicity is None else np.array(multiplicity)
        if arms.shape != (n_types,) or arms.dtype.kind not in "iu" or (arms < 1).any():
            raise ModelError(f"give {n_types} whole numbers of arms, one per type, at least 1 each, got {multiplicity!r}")
        paths = index.paths
        inner = np.isfinite(paths.charge)
        order = np.argsort(paths.charge[inner], kind="stable")
        charge = paths.charge[inner][order]
        drop = (np.append(0.0, np.diff(paths.activation)) * arms[paths.type_of_segment])[inner][order]
        activation = arms.sum() + np.append(0.0, np.cumsum(drop))
        start = float(index.dual(charge[0]) @ arms)
        value = start - np.append(0.0, np.cumsum(activation[1:-1] * np.diff(charge)))
        for name, part in (("multiplicity", arms), ("charge", charge), ("activation", activation), ("value", value)):
            part.setflags(write=False)
            object.__setattr__(self, name, part)
        object.__setattr__(self, "index", index)

    def values(self, capacity: ArrayLike, *, exactly: bool = False) -> NDArray[np.float64]:
        """Bounds for many capacities at once.

        Parameters
        ----------
        capacity : array_like
            Activations per period, from 0 to the number of arms; need not be whole.
        exactly : bool
            Whether all of them must be made.

        Returns
        -------
        ndarray, of the shape of ``capacity``

        Raises
        ------
        InfeasibleBudget
            If a capacity is not between 0 and the number of arms.
        """
        given = self._checked(capacity)
        price = self.prices(given, exactly=exactly)
        place = np.searchsorted(self.charge, price, side="right") - 1
        below = np.maximum(place, 0)
        drift = self.activation[place + 1] * (price - self.charge[below])
        return np.asarray(price * given + self.value[below] - drift)

    def prices(self, capacity: ArrayLike, *, exactly: bool = False) -> NDArray[np.float64]:
        """The charges at which the bounds are reached, the lowest if there are several; arguments as for :meth:`values`."""
        given = self._checked(capacity)
        # the activation falls along the path, and rounding must not carry the search past a capacity that is met exactly
        slack = 1e-12 * self.multiplicity.sum()
        place = np.searchsorted(-self.activation[1:], -given - slack, side="left")
        price = self.charge[np.minimum(place, len(self.charge) - 1)]
        return np.asarray(price if exactly else np.maximum(price, 0.0))

    def bound(self, budget: TopK) -> Bound:
        """The bound for one budget with all that goes with it; raises :class:`InfeasibleBudget` if it is above the cohort."""
        if not isinstance(budget, TopK):
            raise ModelError(f"a path bound needs a TopK(k), got {budget!r}")
        price = float(self.prices(budget.k, exactly=budget.exactly))
        above, below = (self.index.activation(side) for side in (price, np.nextafter(price, -np.inf)))
        free, spread = budget.k - float(above @ self.multiplicity), float((below - above) @ self.multiplicity)
        share = min(max(free / spread, 0.0), 1.0) if spread > 0 and (price > 0 or budget.exactly) else 0.0
        capped = np.flatnonzero(self.index.capped(price))
        status = f"optimal; type {capped[0]} pays its cap instead of keeping its bound" if len(capped) else "optimal"
        return Bound(
            float(self.values(budget.k, exactly=budget.exactly)),
            price,
            above + share * (below - above),
            status,
            "paths",
            multipliers=self.index.paths.multipliers(np.full(len(above), price)).T,
        )

    def _checked(self, capacity: ArrayLike) -> NDArray[np.float64]:
        given = float_array("capacities", capacity, "numbers")
        arms = self.multiplicity.sum()
        if not ((given >= 0) & (given <= arms)).all():
            raise InfeasibleBudget(f"a capacity must be between 0 and the {arms} arms, got {capacity!r}")
        return given
