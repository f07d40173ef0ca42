"""The result type of every upper bound.

The budget ``sum_n a_n(t) <= k`` in every period is relaxed to its mean over time. No policy that keeps the budget earns more
than the relaxed optimum, whose Lagrange multiplier is the price of one activation. What each arm owes on its own
(:class:`rmab.Penalty`) holds in the mean already; each requirement has a multiplier of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NOTHING = 1e-9  # of the largest multiplier, which is rounding


@dataclass(frozen=True, eq=False)
class Bound:
    """An upper bound on what any policy can earn.

    Parameters
    ----------
    value : float
        Reward per period, summed over all arms. A discounted value is multiplied by (1 - beta), a finite-horizon value is
        divided by the number of steps.
    price : float
        Charge per activation at which the relaxed problem meets the budget (the Lagrange multiplier): what one more
        activation per period would add to ``value`` at most. Never negative for "at most"; of any sign for "exactly". Under a
        :class:`rmab.Knapsack` it is per unit of cost; with several resources it is the price of the first.
    activation : ndarray, shape (K,)
        Share of periods in which an arm of each type is acted on in the relaxed optimum (weighted like the value), so that
        ``activation @ multiplicity`` is at most the budget, and equal to it where the price is not zero.
    status : str
        How the computation ended, in words.
    method : str
        What computed it.
    occupancy : ndarray, shape (K, A, S) or (T, K, A, S), or None
        How often an arm of each type is in each state under each action in the relaxed optimum, weighted like the value: sums
        to 1 for every type (and step of a horizon). ``None`` where the bound was found without it.
    multipliers : ndarray, shape (J, K), or None
        What each arm's own requirements cost, in reward per unit of the penalty's cost: one more unit of the bound of a single
        arm of the type would add this to ``value`` at most. Never negative; 0 where the requirement does not bind. ``None``
        without penalties.
    prices : ndarray, shape (R,), or None
        Charge per unit of each of several resources, of which an activation pays ``prices @ costs``. ``None`` with one.

    Examples
    --------
    >>> print(Bound(7.25, 0.5, np.array([0.2, 0.4]), "optimal", "fluid LP"))
    upper bound 7.25 per period over all arms (fluid LP: optimal)
    price 0.5 per activation; arms are acted on in 20.0 % to 40.0 % of periods (2 types)
    >>> print(Bound(7.25, 0.5, np.array([0.2, 0.4]), "optimal", "fluid LP", multipliers=np.array([[0.0, 1.5]])))
    upper bound 7.25 per period over all arms (fluid LP: optimal)
    price 0.5 per activation; arms are acted on in 20.0 % to 40.0 % of periods (2 types)
    penalties: 1 of 2 requirements bind, multipliers from 0 to 1.5
    """

    value: float
    price: float
    activation: NDArray[np.float64]
    status: str
    method: str
    occupancy: NDArray[np.float64] | None = field(default=None, kw_only=True)
    multipliers: NDArray[np.float64] | None = field(default=None, kw_only=True)
    prices: NDArray[np.float64] | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        share = self.activation * 100
        text = (
            f"upper bound {self.value:.8g} per period over all arms ({self.method}: {self.status})\n"
            f"{self._priced()}; "
            f"arms are acted on in {share.min():.1f} % to {share.max():.1f} % of periods ({len(share)} types)"
        )
        if self.multipliers is None:
            return text
        low, high = self.multipliers.min(), self.multipliers.max()
        bind = np.count_nonzero(self.multipliers > NOTHING * high)
        return (
            f"{text}\npenalties: {bind} of {self.multipliers.size} requirements bind, multipliers from {low:.6g} to {high:.6g}"
        )

    def _priced(self) -> str:
        if self.prices is None:
            return f"price {self.price:.6g} per activation"
        return f"prices {', '.join(f'{price:.6g}' for price in self.prices)} per unit of {len(self.prices)} resources"


@dataclass(frozen=True, eq=False)
class HorizonBound(Bound):
    """An upper bound over a finite horizon, where each step has its own price.

    Parameters
    ----------
    value, activation, status, method, occupancy, multipliers
        As in :class:`Bound`.
    price : float
        The mean of ``prices``; with several resources, of the prices of the first.
    prices : ndarray, shape (T,) or (T, R)
        Charge per activation at each step: what one more activation at that step would add to the total reward. With several
        resources, charge per unit of each.

    Examples
    --------
    >>> bound = HorizonBound(7.25, 0.5, np.array([0.2]), "optimal", "finite-horizon LP", prices=np.array([1.0, 0.0]))
    >>> print(bound)
    upper bound 7.25 per period over all arms (finite-horizon LP: optimal)
    price 0.5 per activation; arms are acted on in 20.0 % to 20.0 % of periods (1 types)
    2 steps, priced from 0 to 1
    """

    prices: NDArray[np.float64]

    def _priced(self) -> str:
        return f"price {self.price:.6g} per {'activation' if self.prices.ndim == 1 else 'unit of the first resource'}"

    def __str__(self) -> str:
        return f"{super().__str__()}\n{len(self.prices)} steps, priced from {self.prices.min():.6g} to {self.prices.max():.6g}"
