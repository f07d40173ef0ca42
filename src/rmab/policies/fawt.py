"""FaWT: the Whittle index, but arms that fall behind their requirement come first.

The Whittle index W(s) knows nothing of what an arm owes. This policy adds it, in one of two ways.

*Running*: every arm keeps the sum of its excess, cost less bound, so far; it has to be at most 0 in the long run.

1. Where acting lowers the cost ("first"): arms whose sum is positive come first, by W; then the others, by W.
2. Where acting raises the cost ("eligible"): only arms whose sum is at most 0 may act, by W. Under a budget that must be used
   exactly the others fill the places that are left.
3. With several requirements, arms behind in more of those of kind 1 come earlier, and kind 2 is stronger than all of them.

Kind 2 is a requirement on an arm's type if acting raises its cost at once, on balance over its states; a cost that acting
does not change at once (the age of the last visit) is of kind 1. Kind 1 on a limit of energy, or kind 2 on a least share of
activations, is meaningless: that is why one rule cannot serve both.

*Window*: an arm must be acted on at least once in every ``window`` periods. Each arm counts the periods left until it must act,
afresh from every activation; arms whose count has run out come first, by W, then the others by W. This needs

    sum over arms of 1 / window  <=  k,

and then arms that ran out at once wait for one another: windows can be missed by up to N / k periods, at the start above all.

The running mode keeps sums near 0, so requirements hold up to O(1/T), where serving whoever is behind at once makes up for it
and the budget has room for all of them: shares of activations and limits on them. Ages are another matter: among those behind
the least valuable may starve. Reward plays no part: who falls behind is served in whatever state it is, so the policy is far
from the bound, also with many arms.

Reference: D. Li, P. Varakantham, Efficient resource allocation with fairness constraints in restless multi-armed bandits, UAI
(2022), for the window; N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101 (2026), for
the running form. Cost: that of the Whittle index when it is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import InfeasiblePenalty, ModelError
from rmab.index.whittle import whittle_index
from rmab.models.arrays import float_array
from rmab.models.problem import Problem
from rmab.policies.pow import check_same_penalties, check_stationary, finite
from rmab.policies.rules import FeedbackRule
from rmab.policies.scored import ScoredPolicy

MODES = ("running", "window")
DIRECTIONS = ("first", "eligible")
ROUNDING = 1e-9


class FaWT(ScoredPolicy):
    """The Whittle index, overruled for arms that fall behind.

    Parameters
    ----------
    problem : Problem
        Two actions, at least one penalty; average or discounted criterion. The Whittle index is computed here, once.
    mode : str
        ``"running"`` or ``"window"``.
    direction : str, optional
        In running mode, for all requirements: ``"first"`` or ``"eligible"``. Default: from the cost, for each
        requirement and type, as described above.
    window : int or array_like of int, shape (K,), optional
        In window mode: periods in which an arm of each type must be acted on once, at least 1. Default: the longest that keeps
        the problem's least share of activations, for a penalty that is one.

    Attributes
    ----------
    index : IndexTable
        The Whittle index, without the penalties.
    eligible : ndarray of bool, shape (J, K)
        In running mode, which requirements are of the kind "eligible".
    window : ndarray, shape (K,)
        In window mode; infinite for types without a requirement.

    Raises
    ------
    ModelError
        If the problem has no penalties, a finite horizon or more than two actions, or an option does not fit it.
    InfeasiblePenalty
        If the windows ask for more activations than the budget has.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> channel = Arms([[[0.5, 0.5], [0.5, 0.5]]] * 2, [[0.0, 0.0], [0.2, 0.4]], multiplicity=[10])
    >>> often = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.3)
    >>> problem = Problem(channel, TopK(5), Average(), penalties=often)
    >>> FaWT(problem).eligible, FaWT(problem, mode="window").window
    (array([[False]]), array([3.]))
    """

    def __init__(
        self, problem: Problem, *, mode: str = "running", direction: str | None = None, window: ArrayLike | None = None
    ) -> None:
        check_stationary(problem, "FaWT")
        if mode not in MODES:
            raise ModelError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
        if direction not in (None, *DIRECTIONS) or (direction is not None and mode == "window"):
            raise ModelError(f'direction must be one of {", ".join(DIRECTIONS)}, in mode "running" only, got {direction!r}')
        if window is not None and mode == "running":
            raise ModelError('a window is for mode="window" only')
        self.problem, self.mode = problem, mode
        self.index = whittle_index(problem.arms, problem.criterion)
        if mode == "window":
            self.window: NDArray[np.float64] = _windows(problem, window)
            self._rule = _window_rule(problem, finite(self.index.values), self.window)
        else:
            self.eligible: NDArray[np.bool_] = _eligible(problem.excess_costs, direction)
            self._rule = _running_rule(problem, finite(self.index.values), self.eligible)

    def rule(self, problem: Problem) -> FeedbackRule:
        """Meters of excess, or of periods since the last activation; raises :class:`ModelError` for another problem."""
        check_same_penalties(problem, self.problem)
        return self._rule


def _eligible(excess: NDArray[np.float64], direction: str | None) -> NDArray[np.bool_]:
    """Whether only arms that are not behind may act, by requirement and type, (J, K)."""
    if direction is not None:
        return np.full(excess.shape[:2], direction == "eligible")
    return (excess[:, :, 1] - excess[:, :, 0]).sum(axis=2) > 0


def _running_rule(problem: Problem, index: NDArray[np.float64], eligible: NDArray[np.bool_]) -> FeedbackRule:
    """The index, lifted or lowered by ranges of the index where the sum of excess is positive."""
    excess = problem.excess_costs
    n_sums = len(excess)
    # a requirement of kind 2 weighs more than all of kind 1 together
    lift = np.where(eligible, -(n_sums + 1.0), 1.0) * _rung(index)
    behind = np.indices((4,) * n_sums) >= 2
    table = index.reshape(*index.shape, *(1,) * n_sums) + np.einsum("j...,jk->k...", behind, lift)[:, np.newaxis]
    unit = np.abs(excess).max(axis=(1, 2, 3))
    grid = np.where(unit > 0, unit, 1.0)[:, np.newaxis] * np.array([-1.0, ROUNDING, 2 * ROUNDING, 1.0])
    free = np.full(n_sums, np.inf)
    return FeedbackRule(grid, table, excess, np.zeros(excess.shape[:2]), -free, free)


def _window_rule(problem: Problem, index: NDArray[np.float64], window: NDArray[np.float64]) -> FeedbackRule:
    """The index, lifted where a window ends; the meter is time since activation, scaled so that this is at 1 for all types."""
    pace = 1.0 / np.maximum(window - 1.5, 0.5)
    table = np.repeat(index[..., np.newaxis], 4, axis=2)
    table[..., 2:] += np.where(np.isfinite(window), _rung(index), 0.0)[:, np.newaxis, np.newaxis]
    table[window == 1, :, :2] = table[window == 1, :, 2:]
    increments = np.empty((1, *problem.arms.rewards.shape))
    increments[0] = np.array([1.0, 0.0])[:, np.newaxis] * pace[:, np.newaxis, np.newaxis]
    half = 0.25 * pace[pace > 0].min(initial=0.5)
    start = np.zeros((1, problem.arms.n_types))
    # an activation sends the meter back to 0 from anywhere: no meter ever needs to pass 2
    increments[0, :, 1] = -2.0
    return FeedbackRule([[0.0, 1.0 - half, 1.0 + half, 2.0]], table, increments, start, [0.0], [2.0])


def _rung(index: NDArray[np.float64]) -> float:
    """More than any difference of two indices, and more than any index."""
    return 3.0 * float(np.abs(index).max()) or 1.0


def _windows(problem: Problem, given: ArrayLike | None) -> NDArray[np.float64]:
    """The window of each type, (K,); raises unless they are whole numbers that the budget can meet."""
    arms = problem.arms
    if given is None:
        windows = _windows_of_shares(problem.excess_costs)
    else:
        windows = float_array("window", given, "numbers")
        whole = np.isfinite(windows) & (windows >= 1) & (np.floor(windows) == windows)
        if windows.shape not in ((), (arms.n_types,)) or not whole.all():
            raise ModelError(f"window must be a whole number of periods, at least 1, for all or for each type, got {given!r}")
        windows = np.broadcast_to(windows, arms.n_types).copy()
    needed = float((arms.multiplicity / windows).sum())
    if needed > problem.budget.k * (1 + ROUNDING):
        raise InfeasiblePenalty(
            f"acting once per window on every arm takes {needed:.6g} activations per period, the budget allows "
            f"{problem.budget.k}; use longer windows or a larger budget"
        )
    return windows


def _windows_of_shares(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Windows that keep a single least share of activations; raises :class:`ModelError` if the penalty is none."""
    waits, acts = excess[0, :, 0], excess[0, :, 1]
    steady = (np.ptp(waits, axis=1) == 0) & (np.ptp(acts, axis=1) == 0)
    drop = waits[:, 0] - acts[:, 0]
    bad = np.flatnonzero(~steady | ((drop <= 0) & (waits[:, 0] != 0)))
    if len(excess) > 1 or len(bad):
        trouble = "there are several penalties" if len(excess) > 1 else f"that of type {bad[0]} is not one"
        raise ModelError(f"a window follows from one penalty that is a least share of activations, but {trouble}; give window=")
    share = np.where(drop > 0, waits[:, 0] / np.where(drop > 0, drop, 1.0), 0.0)
    bad = np.flatnonzero(share > 1)
    if len(bad):
        raise InfeasiblePenalty(
            f"type {bad[0]} must be acted on in {share[bad[0]]:.1%} of periods; lower that to 100 % at most"
        )
    return np.where(share > 0, np.floor((1.0 + ROUNDING) / np.where(share > 0, share, 1.0)), np.inf)
