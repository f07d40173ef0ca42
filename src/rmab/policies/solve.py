"""A good policy for a problem, chosen by rule, with the reason.

1. Discounted or average, every type indexable: the Whittle index, if it reaches the bound in the fluid limit.
2. Discounted or average, otherwise: the gain index, which needs no indexability, its ties broken by the fluid limit. Where both
   indices fall short of the bound there, the better one, and the reason says how much is lost and what to use instead.
3. Finite horizon: the gain index of each period. An index that ignores how much time is left is wrong near the end.

With more than 300,000 nonzero transition probabilities the fluid limit is not looked at: it would take longer than the indices.

Reference for 1 and 2: R. Weber and G. Weiss, "On an index policy for restless bandits", Journal of Applied Probability 27
(1990). Whether the choice is good for a given problem is for the bound to say: simulate it and look at the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_counted
from rmab.policies.base import PriorityPolicy, PriorityRule
from rmab.policies.index import IndexPolicy
from rmab.policies.mean_field import fluid_check
from rmab.policies.priced import priced_policy

MOST_CHECKED = 300_000
CLEARLY_BETTER = 1e-6


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
    check_counted(problem)
    arms, criterion = problem.arms, problem.criterion
    if arms.n_actions != 2:
        raise ModelError(f"solve needs two actions, these arms have {arms.n_actions}; write a policy and simulate it")
    if isinstance(criterion, Horizon):
        reason = f"gain index of each period: over {criterion.steps} periods the time left matters, a Whittle index ignores it"
        return Choice(priced_policy(problem), reason)
    index = whittle_index(arms, criterion)
    if index.indexable.all():
        return _indexable(problem, IndexPolicy(index))
    first = int(np.flatnonzero(~index.indexable)[0])
    count = int((~index.indexable).sum())
    why = f"gain index: {count} of {arms.n_types} types have no proper Whittle index (type {first}: {index.verdict[first]})"
    policy = IndexPolicy(gain_index(problem, tie_break="fluid"))
    if _too_large(problem):
        return Choice(policy, why)
    check = fluid_check(problem, policy)
    return Choice(policy, why if check.passed else f"{why}; {check.status}")


def _indexable(problem: Problem, whittle: IndexPolicy) -> Choice:
    why = f"Whittle index: every type is indexable under {problem.criterion!r}"
    if _too_large(problem):
        return Choice(whittle, why)
    check = fluid_check(problem, whittle)
    if check.passed:
        return Choice(whittle, why)
    gain = IndexPolicy(gain_index(problem, tie_break="fluid"))
    other = fluid_check(problem, gain)
    if other.passed:
        return Choice(
            gain, f"gain index: it reaches the bound in the fluid limit, where the Whittle index loses {check.gap:.1%}"
        )
    if other.gap < check.gap - CLEARLY_BETTER:
        return Choice(gain, f"gain index: better in the fluid limit than the Whittle index; {other.status}")
    return Choice(whittle, f"{why}; {check.status}")


def _too_large(problem: Problem) -> bool:
    return int(np.count_nonzero(problem.arms.transitions)) > MOST_CHECKED
