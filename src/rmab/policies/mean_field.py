"""Whether a priority rule reaches the bound in the fluid limit: a check before it is trusted.

Index policies are asymptotically optimal only where their mean-field map is drawn to the relaxed optimum. It may be drawn to a
worse fixed point or cycle instead, and then no number of arms closes the gap to the bound. The check runs the map:

1. Rewards of the rule, and of acting on arms at random, in the fluid limit from several starts
   (:mod:`rmab.index.mean_field`), each against the bound from the same start.
2. The gap is (bound - reward) / (bound - reward at random), the share of what choosing well can gain that is lost. It does not
   change when a constant is added to all rewards, and makes sense where bounds are negative or zero. Where the bound is hardly
   above random, no choice matters; the denominator is then a thousandth of the range of the rewards.
3. The worst start counts. Above the tolerance, warn.

Under a discount the bound lets activations be saved for later, which no policy can do; a part of the gap may then be the
bound's own.

References: R. Weber and G. Weiss, "On an index policy for restless bandits", Journal of Applied Probability 27 (1990); N. Gast,
B. Gaujal, C. Yan, "Exponential asymptotic optimality of Whittle index policy", Queueing Systems (2023). Cost: that of the bound
and of :mod:`rmab.index.mean_field`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import FluidGapWarning, ModelError
from rmab.index.mean_field import MeanField, starts
from rmab.index.price import Dual
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem, check_counted, check_unpenalised
from rmab.policies.base import PriorityPolicy, PriorityRule, check_shape
from rmab.policies.baselines import Uniform

SMALLEST_STAKE = 1e-3


@dataclass(frozen=True, eq=False)
class GapCheck:
    """What a priority rule earns in the fluid limit, against the bound.

    Attributes
    ----------
    reward, bound : float
        Reward per period and arm in the fluid limit from the worst start, and the bound from there.
    gap : float
        The worst ``(bound - reward) / (bound - reward of acting at random)``.
    starts : tuple of str, length n
        Where the map was started from.
    rewards, bounds, gaps : ndarray, shape (n,)
        The same from each start.
    settled : bool
        Whether every path was followed until it repeated itself (or to the end of the horizon).
    tolerance : float
        The largest gap that passes.
    status : str
        One sentence, with what to do when the check fails.
    """

    reward: float
    bound: float
    gap: float
    starts: tuple[str, ...]
    rewards: NDArray[np.float64]
    bounds: NDArray[np.float64]
    gaps: NDArray[np.float64]
    settled: bool
    tolerance: float
    status: str

    @property
    def passed(self) -> bool:
        """Whether the gap is within the tolerance from every start."""
        return self.gap <= self.tolerance

    def __str__(self) -> str:
        rows = zip(self.starts, self.rewards, self.bounds, self.gaps, strict=True)
        each = [
            f"  from {name}: {_rounded(reward, bound):.6g} of at most {bound:.6g} (gap {gap:.2%})"
            for name, reward, bound, gap in rows
        ]
        return "\n".join([self.status, *each])


def gap_check(problem: Problem, policy: PriorityPolicy, *, tolerance: float = 0.01) -> GapCheck:
    """Compare a priority policy with the bound in the fluid limit; warn where it falls short.

    Parameters
    ----------
    problem : Problem
        ``K`` types with two actions, any criterion. Average: from the problem's start, the uniform one and the relaxed optimum.
        Discounted, or a horizon: from the problem's start.
    policy : PriorityPolicy
        An index policy, for example.
    tolerance : float
        Largest share of what choosing well can gain that may be lost.

    Returns
    -------
    GapCheck

    Warns
    -----
    FluidGapWarning
        If the gap is above the tolerance.

    Raises
    ------
    ModelError
        If the policy is no priority policy or does not fit the problem, the arms have more than two actions, or the tolerance
        is not a number from 0 on.
    NotConverged
        If the bound cannot be found.

    Examples
    --------
    >>> from rmab.index.whittle import whittle_index
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.policies.index import IndexPolicy
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20), Average(), start=0)
    >>> print(gap_check(problem, IndexPolicy(whittle_index(arms, Average()))))
    reaches the bound in the fluid limit: 0.333333 per period and arm of at most 0.333333
      from start: 0.333333 of at most 0.333333 (gap 0.00%)
      from uniform: 0.333333 of at most 0.333333 (gap 0.00%)
      from relaxed optimum: 0.333333 of at most 0.333333 (gap 0.00%)
    """
    check = fluid_check(problem, policy, tolerance=tolerance)
    if not check.passed:
        warnings.warn(check.status, FluidGapWarning, stacklevel=2)
    return check


def fluid_check(problem: Problem, policy: PriorityPolicy, *, tolerance: float = 0.01) -> GapCheck:
    """:func:`gap_check` without the warning."""
    rule = _rule(problem, policy, tolerance)
    field, points = MeanField(problem), _starts(problem)
    rewards, bounds, gaps, settled = [], [], [], True
    random = Uniform().rule(problem)
    for start in points.values():
        limit, chance = (field.limit(r.ranks(), r.eligible(exactly=problem.budget.exactly), start) for r in (rule, random))
        moved = Problem(problem.arms, problem.budget, problem.criterion, start=start)
        bound = lagrangian_bound(moved).value / problem.arms.n_arms
        rewards.append(limit.reward)
        bounds.append(bound)
        gaps.append(max(bound - limit.reward, 0.0) / max(bound - chance.reward, SMALLEST_STAKE * _range(problem)))
        settled &= limit.settled
    worst = int(np.argmax(gaps))
    found = (rewards[worst], bounds[worst], gaps[worst])
    status = _status(problem, *found, settled, tolerance)
    return GapCheck(*found, tuple(points), np.array(rewards), np.array(bounds), np.array(gaps), settled, tolerance, status)


def _rule(problem: Problem, policy: PriorityPolicy, tolerance: float) -> PriorityRule:
    check_counted(problem)
    check_unpenalised(problem, "simulate the policy beside fluid_bound")
    if problem.arms.n_actions != 2:
        raise ModelError(f"the fluid check needs two actions, these arms have {problem.arms.n_actions}")
    if not isinstance(policy, PriorityPolicy):
        raise ModelError(
            f"the fluid check needs a priority policy, got {type(policy).__name__}; simulate it instead and look at the gap"
        )
    if not tolerance >= 0:
        raise ModelError(f"the tolerance must be a number from 0 on, got {tolerance!r}")
    rule = policy.rule(problem)
    check_shape(problem, rule.priority, "priorities")
    return rule


def _starts(problem: Problem) -> dict[str, NDArray[np.float64]]:
    if isinstance(problem.criterion, Horizon):
        return {"start": problem.start_distribution}
    return starts(problem, Dual(problem), lagrangian_bound(problem).price)


def _range(problem: Problem) -> float:
    """Mean range of an arm's rewards, or 1 where no reward differs from another."""
    arms = problem.arms
    return float(np.ptp(arms.rewards, axis=(1, 2)) @ arms.multiplicity) / arms.n_arms or 1.0


def _rounded(reward: float, bound: float) -> float:
    # what is nothing beside the bound is shown as nothing, not as its rounding
    return 0.0 if abs(reward) < 1e-12 * max(abs(bound), 1e-300) else reward


def _status(problem: Problem, reward: float, bound: float, gap: float, settled: bool, tolerance: float) -> str:
    amounts = f"{_rounded(reward, bound):.6g} per period and arm of at most {bound:.6g}"
    end = "" if settled else "; the path did not settle, so this is a mean over its last part"
    if gap <= tolerance:
        return f"reaches the bound in the fluid limit: {amounts}{end}"
    if isinstance(problem.criterion, Average):
        advice = "use VirtualAdvice, IdPolicy or SetExpansion, which need no attractor"
    elif isinstance(problem.criterion, Discounted):
        advice = "a part of it may be the bound's, which lets activations be saved for later; simulate it beside VirtualAdvice"
    else:
        advice = "simulate it beside a policy that solves the linear program anew in every period"
    return f"the index policy loses {gap:.1%} of what choosing well can gain, in the fluid limit: {amounts}{end}; {advice}"
