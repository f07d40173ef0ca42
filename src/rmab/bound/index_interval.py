"""Intervals for the index of a hidden arm, certified by a lower and an upper value.

At a charge, let ``V_lo <= V <= V_up`` be values of plans (:mod:`rmab.bound.point_based`) and of the interpolated chain
(:mod:`rmab.bound.upper`). One period of exact filtering from belief ``b`` gives ``Q_lo <= Q <= Q_up`` of both actions, hence
bounds on the advantage ``D`` of acting over waiting,

    Q_lo(b, 1) - Q_up(b, 0)  <=  D(b)  <=  Q_up(b, 1) - Q_lo(b, 0).

What is certified: at the charge ``low`` acting is strictly better, and at the charge ``high`` waiting is. The index is the
lowest charge at which acting is no longer better, so it is at most ``high`` for every arm, and at least ``low`` for an
indexable one. If ``low`` is above ``high``, the arm is proved not to be indexable, with the two charges as witness; no mesh is
involved in that.

1. Widen a range of charges until acting is certified below and waiting above for all beliefs.
2. At the middle of the widest bracket of a sign change of either bound, solve for both values, and look at all beliefs.
3. Stop when every bracket is within the tolerance: what is left between ``low`` and ``high`` is the distance of the two
   values.

References: J. Pineau, G. Gordon, S. Thrun, IJCAI 2003; W. S. Lovejoy, Operations Research 39 (1991); P. Whittle, "Restless
bandits" (1988) for the index. Cost: some 30 charges, each a value iteration and a few rounds of plans from those of the
nearest charge."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.bound.lookahead import Successors, successors
from rmab.bound.point_based import Plans, point_based
from rmab.bound.upper import Chain, distance, grown
from rmab.errors import ModelError
from rmab.hidden.checks import checked_beliefs, checked_modes
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.space import BeliefSpace, check_space
from rmab.index.table import Witness
from rmab.models.criterion import Criterion, Discounted

MOST_DOUBLINGS = 20
MOST_CHARGES = 400
MARGIN = 1e-11


@dataclass(frozen=True, eq=False)
class IndexInterval:
    """Where the index of some beliefs lies.

    Attributes
    ----------
    low : ndarray, shape (Q,)
        Largest tested charge at which acting is certified to be strictly better; the index is at least this if the arm is
        indexable. Minus infinity if no tested charge is.
    high : ndarray, shape (Q,)
        Smallest tested charge at which waiting is certified to be strictly better; the index is at most this, indexable or
        not. Infinity if no tested charge is.
    witness : Witness or None
        Two charges that prove that the arm is not indexable, if there are; ``state`` is the number of the belief.
    charges : int
        Charges tested.
    settled : bool
        Whether the ends were brought to within the tolerance; if not, they hold but more charges would move them.
    nodes : int
        Beliefs that carry the two values.
    criterion : str
        The criterion for which the intervals hold.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    witness: Witness | None
    charges: int
    settled: bool
    nodes: int
    criterion: str

    @property
    def width(self) -> NDArray[np.float64]:
        """``high - low``, shape ``(Q,)``; what a finer belief space would narrow."""
        return self.high - self.low

    def __str__(self) -> str:
        means = f"{len(self.low)} beliefs by {self.nodes} nodes and {self.charges} charges, {self.criterion}"
        if self.witness is not None:
            return f"index intervals of {means}: not indexable (as belief {self.witness.state}: {self.witness})"
        widest = int(self.width.argmax())
        if not self.settled:
            means += f", cut off at {self.charges} charges"
        return (
            f"index intervals of {means}: widest is [{self.low[widest]:.6g}, {self.high[widest]:.6g}] "
            f"(belief {widest}); certified, the lower ends if the arm is indexable"
        )


def index_interval(
    hidden: HiddenKernel,
    beliefs: ArrayLike,
    criterion: Criterion,
    *,
    modes: ArrayLike | None = None,
    space: BeliefSpace | None = None,
    tolerance: float = 1e-4,
) -> IndexInterval:
    """Certified intervals for the index of some beliefs.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm with two actions.
    beliefs : array_like, shape (Q, S) or (S,)
        Beliefs to find the index of.
    criterion : Discounted
        The discount.
    modes : array_like of int, shape (Q,), optional
        Their modes, in which acting must be allowed; default 0.
    space : BeliefSpace, optional
        Nodes that carry the lower and the upper value, of linear or Freudenthal closure; intervals are narrower with more of
        them. Default: those that ``beliefs`` reach, merged as for :func:`rmab.hidden_bound`.
    tolerance : float
        How near the ends are brought to where the bounds change sign, relative to the spread of the rewards.

    Returns
    -------
    IndexInterval

    Raises
    ------
    ModelError
        If the criterion is not discounted, the arm has more than two actions, a belief is no law over the states, acting is not
        allowed in a mode, or the closure of the space is the nearest node.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> found = index_interval(channel, [0.4, 0.6], Discounted(0.9))
    >>> found.low.round(3).tolist(), found.high.round(3).tolist()
    ([0.706], [0.707])
    """
    rows, where, discounted = _checked(hidden, beliefs, modes, criterion)
    if space is not None:
        check_space(space, hidden, "the space")
    if not isinstance(tolerance, Real) or isinstance(tolerance, bool) or not 0 < tolerance < np.inf:
        raise ModelError(f"tolerance must be a number above 0, got {tolerance!r}")
    tests = _Tests(hidden, rows, where, discounted, grown(hidden, rows, where) if space is None else space)
    tests.widen()
    settled = tests.narrow(tolerance * tests.scale)
    low, high = tests.ends()
    crossed = np.flatnonzero(low > high)
    witness = Witness(int(crossed[0]), float(high[crossed[0]]), float(low[crossed[0]])) if len(crossed) else None
    return IndexInterval(low, high, witness, len(tests.charges), settled, len(tests.chain.space.nodes), repr(criterion))


class _Tests:
    """Charges tested so far, and the bounds on the advantage of every belief at each."""

    def __init__(
        self,
        hidden: HiddenKernel,
        rows: NDArray[np.float64],
        where: NDArray[np.int64],
        criterion: Discounted,
        space: BeliefSpace,
    ) -> None:
        self.hidden, self.criterion = hidden, criterion
        self.chain = Chain(space, criterion.beta)
        self.after: Successors = successors(hidden, rows, where)
        self.ids, self.weights = space.lookup.weights(self.after.beliefs, self.after.modes)
        self.chain.astray = max(self.chain.astray, distance(space, self.after.beliefs, self.after.modes))
        difference = hidden.rewards[1] - hidden.rewards[0]
        self.scale = float(np.ptp(hidden.rewards)) or 1.0
        self.range = float(difference.min()), float(difference.max())
        self.charges: list[float] = []
        self.bounds: list[NDArray[np.float64]] = []
        self.plans: list[Plans] = []

    def test(self, charge: float) -> NDArray[np.float64]:
        """Bounds on the advantage at a charge, shape ``(2, Q)``, with a margin for rounding."""
        space, beta = self.chain.space, self.criterion.beta
        upper = self.chain.solve(charge).per_period / (1.0 - beta)
        near = self.plans[int(np.argmin(np.abs(np.array(self.charges) - charge)))] if self.plans else None
        plans = point_based(
            self.hidden, charge, self.criterion, beliefs=space.nodes, modes=space.node_modes, start=near, tolerance=1e-7
        )
        lower = plans.value(self.after.beliefs, self.after.modes, charge=charge)
        most = self.after.action_values((upper[self.ids] * self.weights).sum(axis=1), charge, beta)
        least = self.after.action_values(lower, charge, beta)
        margin = MARGIN * (1.0 + float(np.abs(most).max()))
        found = np.stack([least[1] - most[0] - margin, most[1] - least[0] + margin])
        self.charges.append(charge)
        self.bounds.append(found)
        self.plans.append(plans)
        return found

    def widen(self) -> None:
        """Test outwards until acting is certified below and waiting above, or 20 doublings were in vain."""
        low, high = self.range
        step = 0.1 * self.scale
        for _ in range(MOST_DOUBLINGS):
            if (self.test(low - step)[0] > 0).all():
                break
            step *= 2.0
        step = 0.1 * self.scale
        for _ in range(MOST_DOUBLINGS):
            if (self.test(high + step)[1] < 0).all():
                break
            step *= 2.0

    def narrow(self, tolerance: float) -> bool:
        """Halve the widest bracket until all are within the tolerance; whether that took no more than MOST_CHARGES."""
        while len(self.charges) < MOST_CHARGES:
            left, right = self._brackets()
            width = np.where(np.isfinite(left) & np.isfinite(right), right - left, 0.0)
            widest = np.unravel_index(int(width.argmax()), width.shape)
            if width[widest] <= tolerance:
                return True
            self.test(float(left[widest] + right[widest]) / 2.0)
        return False

    def ends(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Largest charge where acting is certified, and smallest where waiting is, per belief."""
        charges, bounds = self._sorted()
        low = np.where(bounds[:, 0] > 0, charges[:, np.newaxis], -np.inf).max(axis=0)
        high = np.where(bounds[:, 1] < 0, charges[:, np.newaxis], np.inf).min(axis=0)
        return low, high

    def _brackets(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tested charges on both sides of each end: shapes ``(2, Q)``, the rows for ``low`` and ``high``."""
        charges, _ = self._sorted()
        low, high = self.ends()
        above = np.append(charges, np.inf)[np.searchsorted(charges, low, side="right")]
        below = np.concatenate([[-np.inf], charges])[np.searchsorted(charges, high, side="left")]
        return np.stack([low, below]), np.stack([above, high])

    def _sorted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        order = np.argsort(self.charges)
        return np.array(self.charges)[order], np.stack(self.bounds)[order]


def _checked(
    hidden: HiddenKernel, beliefs: ArrayLike, modes: ArrayLike | None, criterion: Criterion
) -> tuple[NDArray[np.float64], NDArray[np.int64], Discounted]:
    if not isinstance(criterion, Discounted):
        raise ModelError(f"index intervals need Discounted(beta), got {criterion!r}; use a discount near 1")
    if hidden.n_actions != 2:
        raise ModelError(f"index intervals need two actions, this arm has {hidden.n_actions}")
    rows = checked_beliefs(np.atleast_2d(np.asarray(beliefs, dtype=np.float64)), hidden.n_states)
    where = checked_modes(modes, len(rows), hidden.n_modes)
    forbidden = np.flatnonzero(~hidden.allowed[where, 1])
    if len(forbidden):
        raise ModelError(f"belief {forbidden[0]} is in mode {where[forbidden[0]]}, where acting is not allowed; leave it out")
    return rows, where, criterion
