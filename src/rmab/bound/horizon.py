"""The finite-horizon bound: a linear program over how often each state and action occur at each step.

Let x[t, k, a, s] be the share of arms that at step t are of type k, in state s, under action a, and mu[k, s] the start mass:

    maximise    1/T sum x[t, k, a, s] r[k, a, s]
    subject to  sum_a x[0, k, a, j]     = mu[k, j]
                sum_a x[t + 1, k, a, j] = sum x[t, k, a, s] p(j | s, a)
                sum over a != 0 of x[t, k, a, s] <= budget / N        at every step t

The budget is kept at every step in the mean over arms, not only in the mean over time, so the bound is the tighter one for a
short run from a known start, whatever criterion the policy was made for.

Reference: W. Hu, P. I. Frazier, An asymptotically optimal index policy for finite-horizon restless bandits (2017). Cost and
stopping rule: those of HiGHS on T K S equations and T budget rows.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, eye_array, kron

from rmab.bound.program import balance, solve_program, weighted
from rmab.bound.result import HorizonBound
from rmab.errors import ModelError
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_problem


def horizon_bound(problem: Problem, steps: int | None = None) -> HorizonBound:
    """Upper bound on the mean reward per period over the first ``steps`` periods from the problem's start.

    Parameters
    ----------
    problem : Problem
        Any number of actions; every action but 0 uses one unit of the budget.
    steps : int, optional
        Number of periods, at least 1; default the problem's own horizon. With another criterion it must be given; rewards
        are then summed without discount.

    Returns
    -------
    HorizonBound
        Value per period over all arms, one price per step (``prices``) and their mean (``price``), and the share of periods
        each type is acted on.

    Raises
    ------
    ModelError
        If the problem has no horizon and ``steps`` is not given, or ``steps`` is not a positive integer.
    NotConverged
        If the solver does not report an optimum; the message is the solver's own.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> bound = horizon_bound(Problem(arms, TopK(2), Horizon(4), start=0))
    >>> round(bound.value, 10), bound.prices.tolist()
    (1.5, [1.0, 1.0, 1.0, 0.0])
    """
    check_problem(problem)
    n_steps = _steps(problem, steps)
    arms = problem.arms
    reward, active, start = weighted(problem)
    p = arms.unit_rows
    here = balance(np.broadcast_to(np.eye(arms.n_states), p.shape))
    flow = kron(eye_array(n_steps), here) - kron(eye_array(n_steps, k=-1), balance(p))
    value, x, prices = solve_program(
        np.tile(reward.ravel(), n_steps),
        csr_array(flow),
        np.concatenate([start.ravel(), np.zeros((n_steps - 1) * start.size)]),
        csr_array(kron(eye_array(n_steps), csr_array(active.reshape(1, -1)))),
        problem.budget.k / arms.n_arms,
        problem.budget.exactly,
    )
    used = (x.reshape(n_steps, *reward.shape) * active).mean(axis=0).sum(axis=(1, 2))
    return HorizonBound(
        value=value * arms.n_arms / n_steps,
        price=float(prices.mean()),
        activation=used * arms.n_arms / arms.multiplicity,
        status="optimal",
        method="finite-horizon LP",
        prices=prices,
    )


def _steps(problem: Problem, steps: int | None) -> int:
    if steps is not None:
        return Horizon(steps).steps
    if not isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"the criterion {problem.criterion} has no horizon; say how many steps, as in horizon_bound(problem, 50)"
        )
    return problem.criterion.steps
