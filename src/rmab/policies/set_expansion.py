"""The set-expansion policy: a set of arms that follows the relaxed optimum undisturbed, and grows.

Let pi be the single-arm policy of the fluid LP (see :mod:`rmab.policies.randomised_lp`), mu its distribution over states, k the
budget, and x(D) the number of arms of a set D in each state. If D holds a share z of every type, its wishes drawn from pi can
be granted as long as what D asks for leaves the other arms room to meet the budget, which is sure in the mean when

    1/2 |x(D) - z x*|_1  <=  slack(z),    x* = multiplicity times mu,
    slack(z) = (1 - z) min(k, N - k)        for an exact budget,
    slack(z) = k - z k*                     for "at most", with k* <= k the activations of the relaxed optimum.

1. If the last period's set still meets the condition, enlarge it to the largest set around it that does; otherwise reduce it
   to the largest set inside it that does. Only the number of arms per type and state matters: for a share z the closest such
   numbers to z x* are found by cutting z x* to what is available, and the shares that meet the condition form an interval,
   which is searched to one part in 1024.
2. Every arm draws a wish from pi. Wishes inside the set are granted first, then those of the others, as far as possible.

Inside the set every arm follows pi, so x(D) tends to z x*, which lets the set grow, until it holds all but O(sqrt(N)) arms: the
gap is O(1/sqrt(N)) per arm if the chain under pi is unichain and aperiodic. With several types the set holds each in
proportion, so there should be many arms of each type; with few of each use :class:`IdPolicy` or :class:`VirtualAdvice`.

The set starts empty at step 0; a policy asked for anything but the next period, or shown states that cannot follow the last
ones, raises.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Unichain and aperiodicity are sufficient for asymptotic optimality of
average-reward restless bandits, Mathematics of Operations Research (2025). The form of the slack for "at most", for several
types and the search by shares are ours. Cost: one linear program when it is made; O(N + 100 K S) per period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.models.budget import Budget
from rmab.models.problem import Problem
from rmab.policies.advice import Memory
from rmab.policies.base import checked_states
from rmab.policies.id_policy import check_average, mixed_order
from rmab.policies.randomised_lp import SingleArmPlan, check_same, follow, pick, single_arm_plan

GRID = np.linspace(0.0, 1.0, 33)
ROUNDS = 2


class SetExpansion:
    """Wishes drawn from the single-arm policy of the LP; those of a growing set of arms come first.

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
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average())
    >>> policy = SetExpansion(problem)
    >>> actions = policy.actions(problem, np.array([0] * 6 + [1] * 4), rng=np.random.default_rng(1))
    >>> int(actions.sum()), int(policy.members.sum())
    (2, 9)
    """

    def __init__(self, problem: Problem) -> None:
        check_average(problem, "SetExpansion")
        self.problem = problem
        self.plan = single_arm_plan(problem)
        self.members = np.zeros(problem.arms.n_arms, dtype=bool)
        self._focus = Focus.of(problem, self.plan)
        self._order = mixed_order(problem, self.plan)
        self._memory = Memory.blank()

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; ``members`` then says which arms are in the set.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the policy was made for another problem, or ``step`` or ``states`` do not
            follow those of the last call.
        """
        check_same(problem, self.problem)
        given = checked_states(problem, states)
        self._memory.check(problem, given, step)
        cells = self.plan.cells(given)
        before = self.members if step else np.zeros(len(given), dtype=bool)
        self.members = self._focus.update(cells, before, np.ones(len(given), dtype=bool), self._order)
        wish = self.plan.wishes(cells, np.random.default_rng(rng))
        inside = self.members[self._order]
        order = np.concatenate([self._order[inside], self._order[~inside]])
        actions = follow(wish, order, problem.budget, self.plan.useful(cells))
        self._memory = Memory(step, given, actions)
        return actions


@dataclass(frozen=True, eq=False)
class Focus:
    """The condition of the module docstring, and the largest sets that meet it.

    Parameters
    ----------
    target : ndarray, shape (K, S)
        Arms in each state in the relaxed optimum, ``x*``.
    activations : float
        Activations of the relaxed optimum per period, ``k*``.
    budget : TopK
        The budget, ``k``.
    """

    target: NDArray[np.float64]
    activations: float
    budget: Budget

    @classmethod
    def of(cls, problem: Problem, plan: SingleArmPlan) -> Focus:
        """The condition for a problem and the single-arm policy of its LP."""
        target = plan.occupancy * problem.arms.multiplicity[:, np.newaxis]
        return cls(target, float((target * plan.act).sum()), problem.budget)

    def slack(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Arms in wrong states that sets with these ``shares`` of every type may hold; both of shape (Z,)."""
        if self.budget.exactly:
            return (1.0 - shares) * min(self.budget.k, self.target.sum() - self.budget.k)
        return self.budget.k - shares * self.activations

    def update(
        self,
        cells: NDArray[np.int64],
        before: NDArray[np.bool_],
        available: NDArray[np.bool_],
        order: NDArray[np.int64],
        taken: float = 0.0,
    ) -> NDArray[np.bool_]:
        """The largest set around ``before``, or inside it, that meets the condition.

        Parameters
        ----------
        cells : ndarray of int, shape (N,)
            Cell of each arm.
        before, available : ndarray of bool, shape (N,)
            The set of the last period, and the arms it may hold now; it must hold the former.
        order : ndarray of int, shape (N,)
            Which arms of a cell come into the set first.
        taken : float
            Share of the arms that are in another set, which uses its share of the budget.

        Returns
        -------
        ndarray of bool, shape (N,)
        """
        held = np.bincount(cells[before], minlength=self.target.size)
        share = held.sum() / len(cells)
        if self._meets(held.reshape(1, *self.target.shape), np.array([share]), taken)[0]:
            there = np.bincount(cells[available], minlength=self.target.size)
            wanted = self._largest(held, there, (share, 1.0 - taken), taken)
            return before | pick(cells, wanted - held, order[(available & ~before)[order]])
        wanted = self._largest(np.zeros_like(held), held, (0.0, share), taken)
        return pick(cells, wanted, order[before[order]])

    def _meets(self, counts: NDArray, shares: NDArray[np.float64], taken: float) -> NDArray[np.bool_]:
        off = np.abs(counts - shares[:, np.newaxis, np.newaxis] * self.target).sum(axis=(1, 2)) / 2.0
        return off <= self.slack(shares + taken)

    def _largest(
        self, low: NDArray[np.int64], high: NDArray[np.int64], between: tuple[float, float], taken: float
    ) -> NDArray[np.int64]:
        """Arms per cell (C,) of the largest set, to one part in 1024; the first of the shares ``between`` is known to do."""
        shape, (first, last) = self.target.shape, between
        for _ in range(ROUNDS):
            shares = first + GRID * (last - first)
            counts = closest(shares, low.reshape(shape), high.reshape(shape), self.target)
            fails = ~self._meets(counts, shares, taken)
            fails[0] = False
            at = int(fails.argmax()) - 1 if fails.any() else len(GRID) - 1
            first, last = shares[at], shares[min(at + 1, len(GRID) - 1)]
        return np.rint(counts[at]).astype(np.int64).ravel()


def closest(shares: NDArray[np.float64], low: NDArray, high: NDArray, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arms per type and state, between ``low`` and ``high``, as close as possible to each share of ``target``.

    Parameters
    ----------
    shares : ndarray, shape (Z,)
        Shares of every type.
    low, high : ndarray, shape (K, S)
        Fewest and most arms.
    target : ndarray, shape (K, S)
        Arms in each state in the relaxed optimum.

    Returns
    -------
    ndarray, shape (Z, K, S)
        For each share the arms per type sum to that share of the type, if there are as many.

    Examples
    --------
    >>> closest(np.array([0.5]), np.array([[0, 0]]), np.array([[8, 2]]), np.array([[4.0, 6.0]]))
    array([[[3., 2.]]])
    """
    wanted = shares[:, np.newaxis, np.newaxis] * target
    counts = np.minimum(np.maximum(wanted, low), high)
    missing = (wanted - counts).sum(axis=2, keepdims=True)
    room = np.where(missing > 0, high - counts, counts - low)
    total = room.sum(axis=2, keepdims=True)
    part = np.minimum(np.abs(missing) / np.where(total > 0, total, 1.0), 1.0)
    return counts + np.sign(missing) * part * room
