"""LP-update: plan ahead from the present state by a linear program, act on the plan, and plan again.

A fixed policy of the relaxed problem does not know where the arms are. The program over a window of T periods does: its start
is the number of arms that *are* in each state. With gamma the discount (1 for the average criterion), and x[t] occupancies,

    maximise   sum over t < T of gamma^t x[t] r  +  gamma^T x[T] h,     budget kept in every period,

where h(k, s) is what being in a state is worth to a single arm that goes on for ever at the price of the relaxed problem: a
window without it would waste its end.

1. Every ``every`` periods solve the program from the present states.
2. In between, act in the shares the plan has for the period, brought to the budget; see :mod:`rmab.policies.horizon_lp`.
3. For a finite horizon the window is all the time that is left, and h = 0.

The policy knows the transient, so it is the one to use for discounted problems and for starts far from the long run. It is
asymptotically optimal over any finite horizon; for a long enough window also on average, without an attractor. Its price is the
linear program: with K types and S states 2 T K S variables, some milliseconds for small arms, shared by ``every`` periods.

The plan is made afresh at step 0; a policy asked for anything but the next period, or shown states that cannot follow the last
ones, raises.

References: N. Gast, B. Gaujal, C. Yan, The LP-update policy for weakly coupled Markov decision processes (2022); D. B. Brown,
J. Zhang, Fluid policies, reoptimization, and performance guarantees in dynamic resource allocation, Operations Research 73
(2025); N. Gast, D. Narasimha, Model predictive control is almost optimal for restless bandits (2024), on the average criterion.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from rmab.bound.horizon import horizon_program
from rmab.errors import ModelError
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem, check_problem
from rmab.policies.advice import Memory
from rmab.policies.base import checked_states
from rmab.policies.horizon_lp import act_in_shares, planned_shares, worth_of_acting
from rmab.policies.randomised_lp import check_same, check_suited, single_arm_plan


class LpUpdate:
    """Act on a plan over a window of periods, and plan again from where the arms are.

    Parameters
    ----------
    problem : Problem
        Two actions; any criterion.
    window : int
        Periods that are planned ahead, at least ``every``; for a finite horizon the time left is used instead.
    every : int
        Periods between two plans, at least 1.

    Raises
    ------
    ModelError
        If there are more than two actions, or ``window`` or ``every`` is not such a number.
    NotConverged
        If a program cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Discounted(0.5), start=0)
    >>> LpUpdate(problem).actions(problem, np.zeros(10, dtype=int), rng=np.random.default_rng(0)).sum()
    np.int64(2)
    """

    def __init__(self, problem: Problem, *, window: int = 30, every: int = 10) -> None:
        check_problem(problem)
        check_suited(problem)
        self.problem = problem
        self.every = _whole("every", every, 1)
        self.window = _whole("window", window, self.every)
        self._gamma = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
        self._end = _worth_of_states(problem)
        self._memory = Memory.blank()
        self._plan: tuple[NDArray[np.float64], ...] = ()

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; periods must be asked for in order, from 0.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the policy was made for another problem, the horizon is over, or ``step``
            or ``states`` do not follow those of the last call.
        """
        check_same(problem, self.problem)
        given = checked_states(problem, states)
        self._memory.check(problem, given, step)
        if step % self.every == 0:
            self._plan = self._solve(given, step)
        share, advantage, worth = (table[step % self.every] for table in self._plan)
        actions = act_in_shares(problem, given, share, advantage, worth, np.random.default_rng(rng))
        self._memory = Memory(step, given, actions)
        return actions

    def _solve(self, states: NDArray[np.int64], step: int) -> tuple[NDArray[np.float64], ...]:
        """Shares, advantages and worth of acting in every period of the window from ``step`` on, (T, K, S) each."""
        arms, n_steps = self.problem.arms, self._length(step)
        here = np.bincount(arms.type_of_arm * arms.n_states + states, minlength=arms.n_types * arms.n_states)
        start = here.reshape(arms.n_types, arms.n_states) / arms.multiplicity[:, np.newaxis]
        weight = self._gamma ** np.arange(n_steps)
        rewards = weight[:, np.newaxis, np.newaxis, np.newaxis] * arms.rewards
        rewards[-1] += self._gamma**n_steps * np.einsum("kast,kt->kas", arms.unit_rows, self._end)
        _, occupancy, prices, _ = horizon_program(self.problem, start, rewards)
        worth = worth_of_acting(self.problem, prices / weight, self._gamma, self._end)
        advantage = worth - (prices / weight)[:, np.newaxis, np.newaxis]
        return planned_shares(occupancy, advantage), advantage, worth

    def _length(self, step: int) -> int:
        if not isinstance(self.problem.criterion, Horizon):
            return self.window
        left = self.problem.criterion.steps - step
        if left < 1:
            raise ModelError(f"period {step} is beyond the horizon of {self.problem.criterion.steps} periods")
        return left


def _worth_of_states(problem: Problem) -> NDArray[np.float64]:
    """What being in each state is worth to an arm of each type (K, S) that goes on at the relaxed problem's price.

    On average it is the bias, up to a constant: the solution of least norm, also where several recurrent classes leave it open.
    """
    arms = problem.arms
    if isinstance(problem.criterion, Horizon):
        return np.zeros((arms.n_types, arms.n_states))
    plan = single_arm_plan(problem)
    p, act = arms.unit_rows, plan.act[..., np.newaxis]
    under_pi = p[:, 0] * (1.0 - act) + p[:, 1] * act
    reward = arms.rewards[:, 0] * (1.0 - plan.act) + (arms.rewards[:, 1] - plan.price) * plan.act
    if isinstance(problem.criterion, Discounted):
        left = np.eye(arms.n_states) - problem.criterion.beta * under_pi
        return np.asarray(np.linalg.solve(left, reward[..., np.newaxis])[..., 0], dtype=np.float64)
    bias = np.empty(reward.shape)
    for k, row in enumerate(under_pi):
        equations = np.hstack([np.eye(arms.n_states) - row, np.ones((arms.n_states, 1))])
        bias[k] = np.linalg.lstsq(equations, reward[k], rcond=None)[0][:-1]
    return bias


def _whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ModelError(f"{name} must be a whole number of periods, at least {least}, got {value!r}")
    return int(value)
