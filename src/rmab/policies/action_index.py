"""The index policy of several actions: raise arms action by action, highest index first.

W(a, s) is the charge per unit of cost at which actions a and a - 1 tie in state s, a = 1, ..., A - 1. In each period all arms
start at action 0, and:

1. Among the arms' next actions take the one of highest W; ties at random.
2. If the difference of costs fits what is left of the budget, raise the arm by one action; otherwise pass it over for good.
3. Stop when nothing is left, or, as the budget need not be spent, when the highest W is below the threshold.

Where W falls in the action this is what an optimal charge would make the arms do. Where it does not, a poor first action stands
before a good second one, and the arm waits for it: :class:`rmab.ActionValuePolicy` sees both.

References: J. A. Killian, A. Biswas, S. Shah, M. Tambe, "Q-learning Lagrange policies for multi-action restless bandits", KDD
(2021), arXiv:2106.12024; K. D. Glazebrook, D. J. Hodge, C. Kirkbride, "General notions of indexability for queueing control and
asset management", Annals of Applied Probability 21 (2011). Cost of a period: O(N log N).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.action_plan import plan_by_index
from rmab.errors import ModelError
from rmab.models.arrays import float_array
from rmab.models.problem import Problem
from rmab.policies.action_values import Cells, action_costs, check_fits
from rmab.policies.base import checked_states


@dataclass(frozen=True, eq=False, init=False)
class ActionIndexPolicy:
    """Raise arms action by action in order of their index, while the budget lasts.

    Parameters
    ----------
    index : array_like, shape (K, A - 1, S)
        ``index[k, a - 1, s]``: charge per unit of cost at which actions ``a`` and ``a - 1`` tie; higher is raised first. May
        hold infinities.
    costs : array_like, shape (A,), optional
        What an action takes of the budget's ``k``: 0 for action 0, rising, at least 1 from action 1 on. Default 0, 1, 2, ...
    threshold : float
        No arm is raised by a lower index, unless the budget must be used exactly.

    Raises
    ------
    ModelError
        If index, costs or threshold are not of this form, or, once used, do not fit the problem, or the budget must be used
        exactly and there is more than one way to act.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> still = np.broadcast_to(np.eye(2), (3, 2, 2))
    >>> problem = Problem(Arms(still, np.zeros((3, 2)), multiplicity=[4]), TopK(4), Average())
    >>> ActionIndexPolicy([[[3.0, 1.0], [2.0, -0.5]]]).actions(problem, np.array([0, 1, 0, 1]))
    array([2, 0, 2, 0])
    """

    index: NDArray[np.float64]
    costs: NDArray[np.float64]
    threshold: float

    def __init__(self, index: ArrayLike, costs: ArrayLike | None = None, *, threshold: float = 0.0) -> None:
        table, limit = float_array("the index", index), float_array("the threshold", threshold, "a number")
        if table.ndim != 3 or 0 in table.shape:
            raise ModelError(f"the index of several actions must have shape (K, A - 1, S), got {table.shape}")
        bad = np.argwhere(np.isnan(table))
        if len(bad):
            k, a, s = bad[0]
            raise ModelError(f"the index of type {k}, action {a + 1}, state {s} is not a number")
        if limit.ndim or np.isnan(limit):
            raise ModelError(f"the threshold must be a number, got {threshold!r}")
        table.setflags(write=False)
        object.__setattr__(self, "index", table)
        object.__setattr__(self, "costs", action_costs(costs, table.shape[1] + 1))
        object.__setattr__(self, "threshold", float(limit))

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``; ``rng`` breaks ties."""
        k, raises, s = self.index.shape
        check_fits(problem, (k, raises + 1, s), self.costs, "index with action 0")
        cells = Cells(problem, checked_states(problem, states), np.random.default_rng(rng))
        rows = cells.rows(self.index)
        plan = np.empty((len(rows), raises + 1), dtype=np.int64)
        threshold = -np.inf if problem.budget.exactly else self.threshold
        plan_by_index(cells.counts, rows, self.costs.copy(), float(problem.budget.k), threshold, plan)
        return cells.deal(plan)
