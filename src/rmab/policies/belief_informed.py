"""Policies that value an action as if hidden states were seen later: QMDP and the fast informed bound.

With ``Q`` the values of :func:`rmab.bound.informed.qmdp` or :func:`rmab.bound.informed.fib` of an arm that is charged the price
of the problem for every activation, the score of a belief is ``b @ (Q[1] - Q[0])``: what acting is worth more than waiting. It
is linear in the belief, so these policies never act to learn more than the next period shows. What is left of the budget is
worth nothing, so under "at most" arms are left alone only if they score below minus the price.

Where the moves of the hidden state do not depend on the action, and signals tell of the state before the move, both are the
myopic policy.

References: M. L. Littman, A. R. Cassandra, L. P. Kaelbling, "Learning policies for partially observable environments", ICML
(1995); M. Hauskrecht, "Value-function approximations for partially observable Markov decision processes", JAIR 13 (2000). Cost:
one fixed point over the hidden states of every type, and the price unless it is given.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.bound.hidden import hidden_bound
from rmab.bound.informed import fib, qmdp
from rmab.hidden.checks import finite_number
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.problem import HiddenProblem
from rmab.models.criterion import Criterion
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_rules import LinearScore, check_acting, check_lasting


@dataclass(frozen=True)
class InformedPolicy(BeliefPolicy):
    """A linear score from values that know more than the belief.

    Parameters
    ----------
    price : float, optional
        Charge per activation; default that of :func:`rmab.bound.hidden.hidden_bound`.

    Raises
    ------
    ModelError
        If the price is not a finite number, or, once used, the criterion is a horizon or there are more than two actions.

    Examples
    --------
    >>> issubclass(Qmdp, InformedPolicy)
    True
    """

    price: float | None = None

    def __post_init__(self) -> None:
        """Refuse a price that is no finite number."""
        if self.price is not None:
            finite_number("price", self.price)

    @staticmethod
    @abstractmethod
    def values(hidden: HiddenKernel, charge: float, criterion: Criterion) -> NDArray[np.float64]:
        """The value of each action in each mode and state, shape ``(A, Y, S)``, of an arm that is charged."""

    def belief_rule(self, problem: HiddenProblem) -> LinearScore:
        """What acting is worth more than waiting; raises :class:`ModelError` for a horizon or more than two actions."""
        check_lasting(problem, type(self).__name__)
        check_acting(problem, type(self).__name__)
        price = hidden_bound(problem).price if self.price is None else self.price
        known: dict[int, NDArray[np.float64]] = {}
        for arm in problem.arms:
            if id(arm) not in known:
                q = self.values(arm, price, problem.criterion)
                may = arm.allowed[:, 1]
                known[id(arm)] = np.zeros(q.shape[1:])
                known[id(arm)][may] = q[1, may] - q[0, may]
        return LinearScore([known[id(arm)] for arm in problem.arms], -price)


@dataclass(frozen=True)
class Qmdp(InformedPolicy):
    """Act as if all hidden states were seen from the next period on.

    Parameters
    ----------
    price : float, optional
        Charge per activation; default that of :func:`rmab.bound.hidden.hidden_bound`.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> problem = HiddenProblem(channel, TopK(1), Discounted(0.9), multiplicity=[3])
    >>> Qmdp(price=0.4).belief_rule(problem).weights[0].round(9)
    array([[-0.4,  0.6]])
    """

    @staticmethod
    def values(hidden: HiddenKernel, charge: float, criterion: Criterion) -> NDArray[np.float64]:
        """Those of :func:`rmab.bound.informed.qmdp`."""
        return qmdp(hidden, charge, criterion)


@dataclass(frozen=True)
class Fib(InformedPolicy):
    """Act as if all hidden states were seen one period late.

    Parameters
    ----------
    price : float, optional
        Charge per activation; default that of :func:`rmab.bound.hidden.hidden_bound`.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> problem = HiddenProblem(channel, TopK(1), Discounted(0.9), multiplicity=[3])
    >>> Fib(price=0.4).belief_rule(problem).weights[0].round(9)
    array([[-0.4,  0.6]])
    """

    @staticmethod
    def values(hidden: HiddenKernel, charge: float, criterion: Criterion) -> NDArray[np.float64]:
        """Those of :func:`rmab.bound.informed.fib`."""
        return fib(hidden, charge, criterion)
