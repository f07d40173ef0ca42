"""The index policy: act on the arms of highest index.

With a charge-type index (Whittle's, for example) a negative index says that acting is worth less than nothing, so under an
"at most" budget arms with a negative index are left alone.

Reference: P. Whittle, "Restless bandits: activity allocation in a changing world", Journal of Applied Probability 25A (1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.index.gain import GainIndex
from rmab.index.penalty import PenaltyIndex
from rmab.index.table import IndexTable
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy, PriorityRule, check_shape


@dataclass(frozen=True, eq=False, init=False)
class IndexPolicy(PriorityPolicy):
    """Act on the arms of highest index, at most (or exactly) as many as the budget allows.

    Parameters
    ----------
    index : IndexTable, GainIndex, PenaltyIndex or array_like, shape (K, S) or (T, K, S)
        The index of every type in every state: what an index function returns (of a penalty index its upper
        ends, see :class:`rmab.Pow`), or plain numbers. With a leading axis there is one table per period, and the last one
        holds for all later periods.
    threshold : float
        Arms with a lower index are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If the index is not a table of numbers, or, once used, does not fit the problem.

    Examples
    --------
    >>> IndexPolicy([[0.1, 0.7]]).values
    array([[0.1, 0.7]])
    """

    values: NDArray[np.float64]
    threshold: float

    def __init__(self, index: IndexTable | GainIndex | PenaltyIndex | ArrayLike, *, threshold: float = 0.0) -> None:
        table = index.values if isinstance(index, IndexTable | GainIndex | PenaltyIndex) else index
        rule = PriorityRule(table, threshold)
        object.__setattr__(self, "values", rule.priority)
        object.__setattr__(self, "threshold", rule.threshold)

    def rule(self, problem: Problem) -> PriorityRule:
        """The index as a priority rule; raises :class:`ModelError` when its shape does not fit the problem."""
        check_shape(problem, self.values, "index values")
        return PriorityRule(self.values, self.threshold)
