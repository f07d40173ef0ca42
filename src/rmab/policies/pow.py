"""The POW index policy: act on the arms that would pay most for acting, given what each of them owes on its own.

Every arm has a requirement: the mean of its excess cost g(s, a), cost less bound, must not be positive. Charge each activation
lambda and each unit of excess mu. A single arm chooses its own mu,

    g(lambda) = min over 0 <= mu <= cap of the best value of r(s, a) - lambda a - mu g(s, a),

and its POW index W(s) is the largest charge at which acting is optimal in s. It is the Whittle index of an arm whose multiplier
moves along with the charge, and depends on nothing but the arm.

1. Compute the index by its exact path (:func:`rmab.penalty_index`).
2. Act on the arms of highest index; under "at most" leave alone those below zero.

An arm that meets its requirement by mixing two actions does so in one state, where acting and waiting tie on a whole interval
of charges. ``ties="upper"`` takes its upper end, which is the definition of the paper, ``ties="lower"`` the lower one; they
differ by up to ``cap``. The paper's claim that the policy is optimal as arms are added holds only where no arm mixes: with the
upper end a mixing arm comes too early in that state, with the lower end too late, at any number of arms; which of them acts on
it too often or too seldom is for the other arms to say.
:class:`rmab.RandomisedPow` mixes and is free of this. It is also bad where arms are not indexable, and with few arms: nothing
in it looks at what an arm has incurred, so requirements that the relaxation meets on average are missed by O(1/sqrt(N)).

Reference: N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints: a new near-optimal index policy and how to
learn it, arXiv:2604.04101 (2026). Cost: that of the index, when it is made.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from rmab.bound.path_bound import PathBound
from rmab.errors import CapWarning, ModelError
from rmab.index.penalty import PenaltyIndex, penalty_index
from rmab.models.criterion import Horizon
from rmab.models.penalty import listed
from rmab.models.problem import Problem, check_counted, check_problem
from rmab.policies.base import PriorityPolicy, PriorityRule, check_shape
from rmab.policies.randomised_lp import check_same

TIES = ("upper", "lower")


class Pow(PriorityPolicy):
    """Act on the arms of highest POW index.

    Parameters
    ----------
    problem : Problem
        Two actions, at least one penalty; average or discounted criterion. The index is computed here, once.
    ties : str
        ``"upper"`` takes the largest charge at which an arm still acts at times, as in the paper; ``"lower"`` the smallest at
        which it does not always act.
    cap : float
        Largest multiplier, in reward per unit of penalty cost.
    index : PenaltyIndex, optional
        The index, where it is known already, with a cap of its own; it depends on the arms, the penalties and the criterion,
        not on the budget or on how many arms there are.

    Attributes
    ----------
    index : PenaltyIndex
        With its verdict on indexability.
    values : ndarray, shape (K, S)
        The index of every state, with the ties settled.
    capped : ndarray of bool, shape (K,)
        Whether ``cap`` binds at the price of the whole problem, so that the requirement is not kept.

    Warns
    -----
    CapWarning
        If it does for some type.

    Raises
    ------
    ModelError
        If the problem has no penalties, a finite horizon or more than two actions, or the index does not fit it.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> channel = Arms([[[0.5, 0.5], [0.5, 0.5]]] * 2, [[0.0, 0.0], [0.2, 0.4]], multiplicity=[10])
    >>> often = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.75)
    >>> problem = Problem(channel, TopK(8), Average(), penalties=often)
    >>> Pow(problem).values.round(6), Pow(problem, ties="lower").values.round(6)
    (array([[10.2, 10.4]]), array([[ 0.2, 10.4]]))
    """

    def __init__(self, problem: Problem, *, ties: str = "upper", cap: float = 10.0, index: PenaltyIndex | None = None) -> None:
        check_stationary(problem, "Pow")
        if ties not in TIES:
            raise ModelError(f"unknown ties {ties!r}; choose one of {', '.join(TIES)}")
        self.index = index_of(problem, cap, index)
        self.capped: NDArray[np.bool_] = capped_types(problem, self.index)
        self.values: NDArray[np.float64] = self.index.upper if ties == "upper" else self.index.lower

    def rule(self, problem: Problem) -> PriorityRule:
        """The index as a priority rule; raises :class:`ModelError` when the problem has another shape or other penalties."""
        check_shape(problem, self.values, "index values")
        check_owed(problem, self.index)
        return PriorityRule(self.values)


def index_of(problem: Problem, cap: float, index: PenaltyIndex | None) -> PenaltyIndex:
    """The given index, checked against the problem, or else the problem's own.

    Raises
    ------
    ModelError
        If the shape of the given index does not fit the problem.
    """
    if index is not None:
        if not isinstance(index, PenaltyIndex):
            raise ModelError(f"the index must be the result of penalty_index, got {type(index).__name__}")
        check_shape(problem, index.upper, "index values")
        check_owed(problem, index)
        return index
    assert problem.penalties is not None  # the caller has checked it
    return penalty_index(problem.arms, problem.penalties, problem.criterion, cap, start=problem.start_distribution)


def check_owed(problem: Problem, index: PenaltyIndex) -> None:
    """Raise :class:`ModelError` unless the index is for the penalties of ``problem``."""
    if not np.array_equal(index.excess, problem.excess_costs):
        raise ModelError("the index is for other penalties than the problem has; make one with penalty_index for these")


def capped_types(problem: Problem, index: PenaltyIndex) -> NDArray[np.bool_]:
    """Whether the cap binds at the price of the problem, for each type (K,); with a :class:`CapWarning` if it does.

    Not looked at where some path is not exact, which leaves the price open.
    """
    if not index.exact.all():
        return np.zeros(len(index.exact), dtype=bool)
    cohort = PathBound(index, problem.arms.multiplicity)
    capped = index.capped(cohort.prices(problem.budget.k, exactly=problem.budget.exactly))
    if capped.any():
        warnings.warn(
            f"at the price of this problem {int(capped.sum())} of {len(capped)} types pay the cap of {index.cap:g} instead of "
            f"keeping their bounds (first: type {np.argmax(capped)}); raise the cap, or see fluid_bound(problem) whether the "
            "bounds can be met at all",
            CapWarning,
            stacklevel=3,
        )
    return capped


def check_penalised(problem: Problem, name: str) -> None:
    """Raise :class:`ModelError` unless the policy called ``name`` suits: penalties, two actions, activations counted."""
    check_problem(problem)
    if problem.penalties is None:
        raise ModelError(
            f"{name} is for arms with their own requirements, and this problem has no penalties; "
            "give it some, Problem(..., penalties=Penalty(cost, bound)), or use solve(problem)"
        )
    check_counted(problem)
    if problem.arms.n_actions != 2:
        raise ModelError(f"{name} needs two actions, these arms have {problem.arms.n_actions}; fluid_bound takes any number")


def check_stationary(problem: Problem, name: str) -> None:
    """As :func:`check_penalised`, and raise :class:`ModelError` for a finite horizon."""
    check_penalised(problem, name)
    if isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"{name} needs Average() or Discounted(beta), got {problem.criterion!r}: its numbers do not change in time"
        )


def check_same_penalties(problem: Problem, own: Problem) -> None:
    """Raise :class:`ModelError` when a policy that was made for the problem ``own`` is used on another."""
    check_same(problem, own)
    mine, given = listed(own.penalties), listed(problem.penalties)
    if len(mine) != len(given) or any(one is not other for one, other in zip(mine, given, strict=True)):
        raise ModelError("this policy was made for other penalties; make one for this problem")


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with infinite ones set just outside of all others, so that meters can be weighed against them.

    Examples
    --------
    >>> finite(np.array([1.0, np.inf, 3.0]))
    array([1., 5., 3.])
    """
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (-1.0, 1.0)
    room = (high - low) or 1.0
    return np.clip(values, low - room, high + room)
