"""Randomised POW: the POW index with its ties drawn, so that the optimal policy of a single arm is met at every charge.

Where an arm meets its requirement by mixing two actions, the POW index (:mod:`rmab.policies.pow`) is a whole interval of
charges. Let rho(s; lambda) be the probability of acting in s of an arm that pays lambda per activation and chooses its own
multiplier. With U uniform on (0, 1), drawn afresh for every arm and period,

    W(s, U) = sup {lambda : rho(s; lambda) >= U}.

1. Compute rho by the exact path of the index (:func:`rmab.penalty_index`); W(s, .) is a step function.
2. Every period, draw U and rank the arms by W(s, U); under "at most" leave alone those below zero.

Guarantee: if rho falls with the charge, P(W(s, U) >= lambda) = rho(s; lambda) for every lambda at once. Under any charge the
arm does exactly what its relaxed optimum does, mixing included, so at the price of the whole problem all arms together meet the
budget and every requirement on average, up to O(1/sqrt(N)) by the fluctuations. Like POW the index belongs to the arm: neither
the budget nor the other arms enter, and arms may come and go.

It is bad where rho is not monotone: then P(W(s, U) >= lambda) exceeds rho, and arms are acted on too often. That may be so for
an arm that is indexable too: when another state stops acting, the state that mixes has to make up for it. ``monotone`` tells.
With few arms nothing looks at what an arm has incurred, so requirements are missed by as much as POW misses them.

Reference: N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101 (2026), for the index,
which this completes where the optimum mixes. Cost: that of the index, when it is made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.index.penalty import PenaltyIndex
from rmab.models.problem import Problem
from rmab.policies.pow import capped_types, check_owed, check_stationary, index_of
from rmab.policies.rules import RandomisedRule
from rmab.policies.scored import ScoredPolicy

ROUNDING = 1e-7


class RandomisedPow(ScoredPolicy):
    """Act on the arms whose drawn POW index is highest.

    Parameters
    ----------
    problem : Problem
        Two actions, at least one penalty; average or discounted criterion. The index is computed here, once.
    cap : float
        Largest multiplier, in reward per unit of penalty cost.
    index : PenaltyIndex, optional
        The index, where it is known already, with a cap of its own; it depends on the arms, the penalties and the criterion,
        not on the budget or on how many arms there are.

    Attributes
    ----------
    index : PenaltyIndex
        With its verdict on indexability.
    monotone : ndarray of bool, shape (K,)
        Whether the chance of acting falls with the charge in every state, which the guarantee needs; implies indexable.
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
    >>> policy = RandomisedPow(Problem(channel, TopK(8), Average(), penalties=often))
    >>> charges, chances = policy.index.levels()
    >>> charges[0, 0].round(6), chances[0, 0].round(6)
    (array([10.2,  0.2]), array([0.5, 1. ]))
    """

    def __init__(self, problem: Problem, *, cap: float = 10.0, index: PenaltyIndex | None = None) -> None:
        check_stationary(problem, "RandomisedPow")
        self.index = index_of(problem, cap, index)
        self.capped: NDArray[np.bool_] = capped_types(problem, self.index)
        charges, chances = self.index.levels()
        self._rule = RandomisedRule(charges, chances)
        self.monotone: NDArray[np.bool_] = _monotone(self.index, charges, chances)

    def rule(self, problem: Problem) -> RandomisedRule:
        """The index as levels with their chances; raises :class:`ModelError` when it does not fit the problem."""
        self._rule.check(problem)
        check_owed(problem, self.index)
        return self._rule


def _monotone(index: PenaltyIndex, charges: NDArray[np.float64], chances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the levels (K, S, L) give back the chance of acting wherever a state mixes, (K,)."""
    paths, monotone = index.paths, index.indexable.copy()
    segment, place = np.nonzero(paths.state >= 0)
    kind, state = paths.type_of_segment[segment], paths.state[segment, place]
    reached = charges[kind, state] >= paths.end[segment][:, np.newaxis]
    implied = np.where(reached, chances[kind, state], 0.0).max(axis=1)
    monotone[kind[implied > paths.chance[segment, place] + ROUNDING]] = False
    return monotone
