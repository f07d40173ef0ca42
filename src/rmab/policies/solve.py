"""A good policy for a problem, chosen by rule, with the reason.

Without penalties:

1. Discounted or average, every type indexable: the Whittle index, if it reaches the bound in the fluid limit.
2. Discounted or average, otherwise: the gain index, which needs no indexability, its ties broken by the fluid limit. Where both
   indices fall short of the bound there, the better one, and the reason says how much is lost and what to use instead.
3. Finite horizon: the gain index of each period. An index that ignores how much time is left is wrong near the end.

With more than 300,000 nonzero transition probabilities the fluid limit is not looked at: it would take longer than the indices.

Where arms have their own requirements:

4. Average, up to three penalties, and an index at every multiplier of the grid: feedback POW, which keeps every arm's
   requirement on every path while its multiplier stays below the cap.
5. Discounted, every type acting less at a higher charge: randomised POW. The requirement is on the discounted mean, which
   feedback over time does not keep, but the randomised index does in expectation where the budget suits one price.
6. Otherwise: the constrained Lagrangian index, which needs no indexability.

No policy here knows the time left and the requirements both, so a finite horizon with penalties is refused.

Reference for 1 and 2: R. Weber and G. Weiss, "On an index policy for restless bandits", Journal of Applied Probability 27
(1990). Whether the choice is good for a given problem is for the bound to say: simulate it and look at the gap.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem, check_counted
from rmab.policies.base import PriorityPolicy, PriorityRule
from rmab.policies.constrained_lagrangian import ConstrainedLagrangian
from rmab.policies.feedback_pow import POINTS, FeedbackPow
from rmab.policies.index import IndexPolicy
from rmab.policies.mean_field import fluid_check
from rmab.policies.priced import priced_policy
from rmab.policies.randomised_pow import RandomisedPow
from rmab.policies.rules import ScoredRule
from rmab.policies.scored import ScoredPolicy

MOST_CHECKED = 300_000
CLEARLY_BETTER = 1e-6
STEP, CAP = 0.02, 10.0


class Choice(ABC):
    """A policy and why it was chosen; it acts like the policy, and runs on the same engines.

    Attributes
    ----------
    policy : PriorityPolicy or ScoredPolicy
        The policy.
    reason : str
        One sentence.
    """

    policy: PriorityPolicy | ScoredPolicy
    reason: str

    @abstractmethod
    def rule(self, problem: Problem) -> PriorityRule | ScoredRule:
        """The rule of the chosen policy."""

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The actions of the chosen policy, shape ``(N,)``."""
        return self.policy.actions(problem, states, step=step, rng=rng)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class PriorityChoice(Choice, PriorityPolicy):
    """A chosen policy that is a priority rule."""

    policy: IndexPolicy
    reason: str

    def rule(self, problem: Problem) -> PriorityRule:
        """The rule of the chosen policy."""
        return self.policy.rule(problem)


@dataclass(frozen=True)
class ScoredChoice(Choice, ScoredPolicy):
    """A chosen policy whose arms carry meters or draw luck."""

    policy: ScoredPolicy
    reason: str

    def rule(self, problem: Problem) -> ScoredRule:
        """The rule of the chosen policy."""
        return self.policy.rule(problem)


def solve(problem: Problem) -> PriorityChoice | ScoredChoice:
    """Choose a policy for a problem.

    Parameters
    ----------
    problem : Problem
        ``K`` types with two actions; with or without penalties.

    Returns
    -------
    PriorityChoice or ScoredChoice
        A policy with a ``reason``; a ``ScoredChoice`` for problems with penalties.

    Raises
    ------
    ModelError
        If the arms have more than two actions, or the problem has penalties and a finite horizon.
    InfeasiblePenalty
        If no policy meets the penalties under the budget.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> print(solve(Problem(arms, TopK(2), Average())))
    Whittle index: every type is indexable under Average()

    Every arm must be acted on in a tenth of all periods:

    >>> from rmab.models.penalty import Penalty
    >>> floor = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.1)
    >>> print(solve(Problem(arms, TopK(2), Average(), penalties=floor)).reason.partition(";")[0])
    feedback POW: arms keep what they owe while their multipliers are below the cap
    """
    check_counted(problem)
    arms, criterion = problem.arms, problem.criterion
    if arms.n_actions != 2:
        raise ModelError(f"solve needs two actions, these arms have {arms.n_actions}; write a policy and simulate it")
    if problem.penalties is not None:
        return _with_penalties(problem)
    if isinstance(criterion, Horizon):
        reason = f"gain index of each period: over {criterion.steps} periods the time left matters, a Whittle index ignores it"
        return PriorityChoice(priced_policy(problem), reason)
    index = whittle_index(arms, criterion)
    if index.indexable.all():
        return _indexable(problem, IndexPolicy(index))
    first = int(np.flatnonzero(~index.indexable)[0])
    count = int((~index.indexable).sum())
    why = f"gain index: {count} of {arms.n_types} types have no proper Whittle index (type {first}: {index.verdict[first]})"
    policy = IndexPolicy(gain_index(problem, tie_break="fluid"))
    if _too_large(problem):
        return PriorityChoice(policy, why)
    check = fluid_check(problem, policy)
    return PriorityChoice(policy, why if check.passed else f"{why}; {check.status}")


def _with_penalties(problem: Problem) -> ScoredChoice:
    if isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"no policy here keeps requirements over {problem.criterion!r}; use Average(), whose policy watches every arm"
        )
    if isinstance(problem.criterion, Discounted):
        multipliers = fluid_bound(problem).multipliers
        assert multipliers is not None  # a linear program with penalties has them
        randomised = RandomisedPow(problem, cap=max(CAP, 2.0 * float(multipliers.max())))
        if randomised.monotone.all():
            return ScoredChoice(
                randomised,
                "randomised POW: every type acts less at a higher charge, so requirements on discounted means hold on average "
                "as far as the budget lets the arms do what is best at one price; Outcome.excess tells",
            )
        return _by_prices(problem, f"type {np.argmin(randomised.monotone)} does not act less at a higher charge")
    if len(problem.excess_costs) > max(POINTS):
        return _by_prices(problem, f"{len(problem.excess_costs)} penalties are too many for a table over multipliers")
    feedback = _feedback(problem)
    if not feedback.indexable.all():
        return _by_prices(problem, feedback.status)
    return ScoredChoice(
        feedback, f"feedback POW: arms keep what they owe while their multipliers are below the cap; {feedback.status}"
    )


def _feedback(problem: Problem) -> FeedbackPow:
    """Feedback POW with its default step and cap for rewards and excess costs of order one, and no cap that binds."""
    size = np.abs(problem.excess_costs).max(axis=(1, 2, 3))
    unit = (float(np.ptp(problem.arms.rewards)) or 1.0) / np.where(size > 0, size, 1.0)
    step, cap = STEP * unit / np.where(size > 0, size, 1.0), CAP * unit
    found = FeedbackPow(problem, step=step, cap=cap)
    if not found.capped.any():
        return found
    return FeedbackPow(problem, step=step, cap=np.maximum(cap, 2.0 * found.multipliers.max(axis=1)))


def _by_prices(problem: Problem, why: str) -> ScoredChoice:
    return ScoredChoice(
        ConstrainedLagrangian(problem), f"constrained Lagrangian index, which keeps requirements in the fluid limit: {why}"
    )


def _indexable(problem: Problem, whittle: IndexPolicy) -> PriorityChoice:
    why = f"Whittle index: every type is indexable under {problem.criterion!r}"
    if _too_large(problem):
        return PriorityChoice(whittle, why)
    check = fluid_check(problem, whittle)
    if check.passed:
        return PriorityChoice(whittle, why)
    gain = IndexPolicy(gain_index(problem, tie_break="fluid"))
    other = fluid_check(problem, gain)
    if other.passed:
        return PriorityChoice(
            gain, f"gain index: it reaches the bound in the fluid limit, where the Whittle index loses {check.gap:.1%}"
        )
    if other.gap < check.gap - CLEARLY_BETTER:
        return PriorityChoice(gain, f"gain index: better in the fluid limit than the Whittle index; {other.status}")
    return PriorityChoice(whittle, f"{why}; {check.status}")


def _too_large(problem: Problem) -> bool:
    return int(np.count_nonzero(problem.arms.transitions)) > MOST_CHECKED
