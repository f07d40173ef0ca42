"""The ID policy: arms in a fixed order of importance do what the relaxed optimum would have them do.

Every arm draws a wish from the single-arm policy pi of the fluid LP (see :mod:`rmab.policies.randomised_lp`). Wishes are
granted in the order of fixed identities, for as long as the budget allows; the arms after that take what is left.

The first n arms ask for about n/N of the budget, so for any n < N they are hardly ever refused in the long run: they follow pi
and settle into its distribution. Then the arms after them are hardly ever refused either. So ever more arms, in the order of
their identities, come to the relaxed optimum, and the gap is O(1/sqrt(N)) per arm for any arm whose chain under pi is unichain
and aperiodic.

The order has to make every prefix a fair sample of the types. Here the arms are laid out by how often their type acts in the
relaxed optimum, and number i of that layout gets the place of the fractional part of i (sqrt(5) - 1)/2 among all arms, a
sequence without clusters: each prefix holds each type in proportion, up to O(log N) arms, also if every arm is of its own type.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Unichain and aperiodicity are sufficient for asymptotic optimality of
average-reward restless bandits, Mathematics of Operations Research (2025). Cost: one linear program when it is made; O(N) per
period.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem, check_problem
from rmab.policies.base import checked_states
from rmab.policies.randomised_lp import SingleArmPlan, check_same, follow, single_arm_plan

GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


class IdPolicy:
    """Wishes drawn from the single-arm policy of the LP, granted in a fixed order of the arms.

    Parameters
    ----------
    problem : Problem
        Two actions; average criterion. The program is solved here, once.

    Raises
    ------
    ModelError
        If the criterion is not the average one or there are more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average())
    >>> IdPolicy(problem).actions(problem, np.zeros(10, dtype=int), rng=np.random.default_rng(1)).sum()
    np.int64(2)
    """

    def __init__(self, problem: Problem) -> None:
        check_average(problem, "IdPolicy")
        self.problem = problem
        self.plan = single_arm_plan(problem)
        self._order = mixed_order(problem, self.plan)

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; the policy has no memory, so ``step`` does not matter.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, or the policy was made for another problem.
        """
        check_same(problem, self.problem)
        cells = self.plan.cells(checked_states(problem, states))
        wish = self.plan.wishes(cells, np.random.default_rng(rng))
        return follow(wish, self._order, problem.budget, self.plan.useful(cells))


def mixed_order(problem: Problem, plan: SingleArmPlan) -> NDArray[np.int64]:
    """All arms in an order of which every prefix holds the types in proportion.

    Parameters
    ----------
    problem : Problem
        ``N`` arms.
    plan : SingleArmPlan
        Says how often each type acts in the relaxed optimum.

    Returns
    -------
    ndarray of int64, shape (N,)

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)), multiplicity=[4, 4])
    >>> problem = Problem(arms, TopK(4), Average())
    >>> mixed_order(problem, single_arm_plan(problem)) // 4  # the type of each
    array([0, 1, 0, 1, 1, 0, 1, 0])
    """
    rate = (plan.act * plan.occupancy).sum(axis=1)
    layout = np.argsort(rate[plan.type_of_arm], kind="stable")
    place = np.arange(problem.arms.n_arms) * GOLDEN % 1.0
    return layout[np.argsort(place, kind="stable")]


def check_average(problem: Problem, name: str) -> None:
    """Raise :class:`ModelError` unless the criterion is the average one, which policy ``name`` needs."""
    check_problem(problem)
    if not isinstance(problem.criterion, Average):
        other = "HorizonLp" if isinstance(problem.criterion, Horizon) else "LpUpdate"
        raise ModelError(
            f"{name} steers the arms to a long-run distribution, which {problem.criterion!r} does not ask for; "
            f"use {other}(problem)"
        )
