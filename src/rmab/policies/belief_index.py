"""The index policy where states are hidden: act on the arms whose beliefs have the highest index.

1. Build a belief space of every type (:meth:`rmab.HiddenArms.reachable`), an ordinary arm, and compute an index on it.
2. In each period look the exact belief of every arm up, and act on the arms of highest index.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, algorithm 2, where nodes are followed instead of beliefs looked up; see the
look-up ``"merged"`` of :class:`rmab.policies.belief_rules.TableScore`. Cost per period: one look-up per arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from rmab.errors import ModelError
from rmab.hidden.checks import items_of
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.index.table import IndexTable
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_rules import TableScore, checked_spaces


@dataclass(frozen=True, eq=False, init=False)
class BeliefIndexPolicy(BeliefPolicy):
    """Act on the arms whose beliefs have the highest index, at most (or exactly) as many as the budget allows.

    Parameters
    ----------
    spaces : BeliefSpace or sequence of K BeliefSpace
        The belief space of each type; one for all types if a single one is given.
    index : IndexTable, array_like of shape (m,), or sequence of K of them
        The index of every node of the space, or of each space: what an index function makes of ``space.arms`` or
        ``space.sparse_arm``, or numbers.
    lookup : str, optional
        ``"nearest"`` node, or ``"interpolate"`` by the closure of the space, the default where that is linear; see
        :class:`rmab.TableScore`.
    threshold : float
        Arms with a lower index are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If a space is no :class:`~rmab.BeliefSpace`, there is not one number per node, or, once used, the spaces do not fit the
        problem or there are more than two actions.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.index.whittle import whittle_index
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> space = channel.reachable([0.4, 0.6], depth=20, merge=0.05)
    >>> policy = BeliefIndexPolicy(space, whittle_index(space.arms, Discounted(0.9)))
    >>> policy.rule.values[0].shape == (len(space.nodes),)
    True
    """

    rule: TableScore

    def __init__(
        self,
        spaces: BeliefSpace | Sequence[BeliefSpace],
        index: IndexTable | ArrayLike | Sequence[IndexTable | ArrayLike],
        *,
        lookup: str | None = None,
        threshold: float = 0.0,
    ) -> None:
        every = checked_spaces(spaces)
        kind = f"a list of {len(every)} tables of numbers, one for each belief space"
        each = [index] if isinstance(spaces, BeliefSpace) else items_of("the index", index, kind)
        tables = [_numbers(k, table) for k, table in enumerate(each)]
        object.__setattr__(self, "rule", TableScore(every, tables, lookup, threshold))

    def belief_rule(self, problem: HiddenProblem) -> TableScore:
        """The index as a score, the same for every problem."""
        return self.rule


def _numbers(kind: int, table: IndexTable | ArrayLike) -> ArrayLike:
    if not isinstance(table, IndexTable):
        return table
    if len(table.values) != 1:
        raise ModelError(f"the index of type {kind} is of {len(table.values)} types; give one table per belief space")
    return table.values[0]
