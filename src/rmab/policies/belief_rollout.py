"""One-step rollout where states are hidden: try first actions, let a base policy take over, keep what earned most.

With b the beliefs of all arms and m the number of arms that the base policy would act on now,

    Q(c) = mean over L paths of [ sum_{h <= H} beta**h (mean reward given the beliefs) + beta**(H + 1) sum_n V(b_n) ]

is the value of acting first on arm c and the m - 1 best others by the base score, and then for H periods as the base policy.
The policy acts on the m arms of highest Q.

1. *Common random numbers*: path, period and arm determine what is seen, for all choices alike.
2. *Expected rewards*: only signals are drawn.
3. *Candidates*: only the arms of highest base score are tried, if a number of them is given.
4. *Quiet arms*: an arm that is left alone and of which nothing is seen meanwhile is the same on all paths; its beliefs are
   computed once (:mod:`rmab._kernels.hidden_rollout`). The numbers are those of following every arm.
5. *Terminal value* V: without one, a rollout that looks a few periods ahead can be worse than its base policy.

The discount is 1 unless the criterion is discounted. Over a finite horizon no path goes beyond it, and what comes after is
worth nothing. The largest of several estimates is biased upwards; the policy does not report it.

References: D. P. Bertsekas, D. A. Castanon, "Rollout algorithms for stochastic scheduling problems", Journal of Heuristics 5
(1999); R. Meshram, K. Kaza, "Monte Carlo rollout policy for recommendation systems with dynamic user behavior" (2021). Cost per
period: C L H times the arms followed times S**2, and N H S**2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.hidden_rollout import roll_out
from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem, check_hidden_problem
from rmab.models.arrays import whole_number
from rmab.models.criterion import Discounted, Horizon
from rmab.policies.belief import BeliefPolicy, checked_belief_rule
from rmab.policies.belief_arrays import Laws, Scorer, compilable, pack_laws, pack_rule, places_of
from rmab.policies.belief_information import Information, available, check_information
from rmab.policies.belief_rules import BeliefRule, LinearScore, check_acting


class BeliefRollout:
    """Act on the arms that are best to act on now if a base policy takes over.

    Parameters
    ----------
    base : BeliefPolicy
        The policy that takes over, such as :class:`rmab.Myopic` or :class:`BeliefIndexPolicy`.
    horizon : int
        Periods ``H`` of the base policy that each path follows after the first.
    paths : int
        Paths ``L`` per candidate.
    candidates : int, optional
        How many arms of the highest base score are tried; default all that reach the base policy's threshold.
    terminal : LinearScore or TableScore, optional
        What each arm's belief is worth at the end of a path, such as :meth:`LagrangianAdvantage.worth`; default nothing.

    Raises
    ------
    ModelError
        If a number is out of range or a part of the wrong kind, or, once used, there are more than two actions.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.policies.baselines import Myopic
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> problem = HiddenProblem(channel, TopK(1), Discounted(0.9), multiplicity=[3])
    >>> seen = Information(np.zeros(3, dtype=int), np.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]]))
    >>> BeliefRollout(Myopic(), horizon=3, paths=20).actions(problem, seen, rng=np.random.default_rng(1))
    array([0, 1, 0])
    """

    def __init__(
        self,
        base: BeliefPolicy,
        *,
        horizon: int = 5,
        paths: int = 30,
        candidates: int | None = None,
        terminal: BeliefRule | None = None,
    ) -> None:
        if not isinstance(base, BeliefPolicy):
            raise ModelError(f"the base policy must be a BeliefPolicy, got {base!r}")
        if terminal is not None and not isinstance(terminal, BeliefRule):
            raise ModelError(f"the terminal value must be a LinearScore or a TableScore, got {terminal!r}")
        self.base = base
        self.horizon = whole_number("horizon", horizon, 0)
        self.paths = whole_number("paths", paths, 1)
        self.candidates = None if candidates is None else whole_number("candidates", candidates, 1)
        self.terminal = terminal
        self._known: HiddenProblem | None = None
        self._packed: tuple[Laws, BeliefRule, BeliefRule, Scorer, Scorer]

    def actions(
        self, problem: HiddenProblem, information: Information, *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``: 1 for the chosen arms, else 0.

        Parameters and errors are those of :meth:`BeliefPolicy.actions`; ``rng`` draws the paths.
        """
        check_hidden_problem(problem)
        check_information(problem, information)
        rule = self._prepared(problem)[1]
        chosen = np.zeros(problem.n_arms, dtype=np.int64)
        ranked = _ranked(problem, information, rule)
        m = min(problem.budget.k, len(ranked))
        if m == 0:
            return chosen
        tried = ranked if self.candidates is None else ranked[: max(self.candidates, m)]
        if len(tried) > m:
            value = self.estimates(problem, information, tried, step=step, rng=rng)
            tried = tried[np.argsort(-value, kind="stable")]
        chosen[tried[:m]] = 1
        return chosen

    def estimates(
        self,
        problem: HiddenProblem,
        information: Information,
        tried: NDArray[np.int64],
        *,
        step: int = 0,
        rng: np.random.Generator | None = None,
    ) -> NDArray[np.float64]:
        """``Q(c)`` of acting first on each of the arms ``tried`` (C,), shape ``(C,)``; not multiplied by (1 - beta)."""
        laws, rule, end, base, worth = self._prepared(problem)
        ranked = _ranked(problem, information, rule)
        m = min(problem.budget.k, len(ranked))
        choices = np.array([[c, *ranked[ranked != c][: m - 1]] for c in tried])
        left = problem.criterion.steps - step if isinstance(problem.criterion, Horizon) else np.inf
        steps = int(min(self.horizon + 1, left))
        ending = self.terminal is not None and steps < left
        beta = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
        threshold = -np.inf if problem.budget.exactly else rule.threshold
        words = np.random.default_rng(rng).integers(2**32, size=2, dtype=np.uint64)
        return roll_out(
            tuple(laws),
            tuple(base),
            tuple(worth),
            problem.type_of_arm,
            np.ascontiguousarray(information.modes),
            np.ascontiguousarray(information.beliefs),
            np.stack([places_of(problem, information, rule), places_of(problem, information, end)]),
            choices,
            steps,
            self.paths,
            beta,
            max(threshold, np.finfo(np.float64).min),
            ending,
            words[0],
            words[1],
        )

    def _prepared(self, problem: HiddenProblem) -> tuple[Laws, BeliefRule, BeliefRule, Scorer, Scorer]:
        if self._known is problem:
            return self._packed
        check_acting(problem, "BeliefRollout")
        rule = checked_belief_rule(problem, self.base)
        nothing = LinearScore([np.zeros((arm.n_modes, arm.n_states)) for arm in problem.arms])
        end = nothing if self.terminal is None else self.terminal
        end.check(problem)
        for each in (rule, end):
            if not compilable(each):
                raise ModelError('a rollout interpolates on triangulations only; use closure="linear", or lookup="nearest"')
        self._packed = pack_laws(problem), rule, end, pack_rule(problem, rule), pack_rule(problem, end)
        self._known = problem
        return self._packed


def _ranked(problem: HiddenProblem, information: Information, rule: BeliefRule) -> NDArray[np.int64]:
    """The arms that the base policy could act on, best first; of equal ones the lowest number first."""
    score = rule.score(problem, information)
    may = available(problem, information.modes)
    if not problem.budget.exactly:
        may &= score >= rule.threshold
    order = np.argsort(-score, kind="stable")
    return order[may[order]]
