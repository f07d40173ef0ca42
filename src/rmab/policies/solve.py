"""A good policy for a problem, chosen by rule, with the reason.

1. Discounted or average, every type indexable: the Whittle index.
2. Discounted or average, some type not indexable (or undecided): the priced index, which needs no indexability.
3. Finite horizon: the priced index of each period. An index that ignores how much time is left is wrong near the end.

Reference for 1 and 2: R. Weber and G. Weiss, "On an index policy for restless bandits", Journal of Applied Probability 27
(1990). Whether the choice is good for a given problem is for the bound to say: simulate it and look at the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmab.errors import ModelError
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_problem
from rmab.policies.base import PriorityPolicy, PriorityRule
from rmab.policies.index import IndexPolicy
from rmab.policies.priced import priced_policy


@dataclass(frozen=True)
class Choice(PriorityPolicy):
    """A policy and why it was chosen.

    Attributes
    ----------
    policy : IndexPolicy
        The policy; this object acts like it.
    reason : str
        One sentence.
    """

    policy: IndexPolicy
    reason: str

    def rule(self, problem: Problem) -> PriorityRule:
        """The rule of the chosen policy."""
        return self.policy.rule(problem)

    def __str__(self) -> str:
        return self.reason


def solve(problem: Problem) -> Choice:
    """Choose a policy for a problem.

    Parameters
    ----------
    problem : Problem
        ``K`` types with two actions.

    Returns
    -------
    Choice
        A policy with a ``reason``.

    Raises
    ------
    ModelError
        If the arms have more than two actions.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> print(solve(Problem(arms, TopK(2), Average())))
    Whittle index: every type is indexable under Average()
    """
    check_problem(problem)
    arms, criterion = problem.arms, problem.criterion
    if arms.n_actions != 2:
        raise ModelError(f"solve needs two actions, these arms have {arms.n_actions}; write a policy and simulate it")
    if isinstance(criterion, Horizon):
        reason = (
            f"priced index of each period: over {criterion.steps} periods the time left matters, a Whittle index ignores it"
        )
        return Choice(priced_policy(problem), reason)
    index = whittle_index(arms, criterion)
    if index.indexable.all():
        return Choice(IndexPolicy(index), f"Whittle index: every type is indexable under {criterion!r}")
    first = int(np.flatnonzero(~index.indexable)[0])
    count = int((~index.indexable).sum())
    reason = (
        f"priced index: {count} of {arms.n_types} types have no proper Whittle index (type {first}: {index.verdict[first]})"
    )
    return Choice(priced_policy(problem), reason)
