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
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, kron

from rmab.bound.program import balance, per_arm, solve_program, weighted
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
        Value per period over all arms, one price per step (``prices``) and their mean (``price``), the share of periods
        each type is acted on, and ``occupancy`` (T, K, A, S).

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
    rewards = np.broadcast_to(arms.rewards, (n_steps, *arms.rewards.shape))
    value, occupancy, prices = horizon_program(problem, problem.start_distribution, rewards)
    return HorizonBound(
        value=value * arms.n_arms / n_steps,
        price=float(prices.mean()),
        activation=occupancy[:, :, 1:].sum(axis=(2, 3)).mean(axis=0),
        status="optimal",
        method="finite-horizon LP",
        prices=prices,
        occupancy=occupancy,
    )


def horizon_program(
    problem: Problem, start: NDArray[np.float64], rewards: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Solve the program of the module docstring from any start, with any reward at each step.

    Parameters
    ----------
    problem : Problem
        Gives the transitions and the budget.
    start : ndarray, shape (K, S)
        Share of each type's arms in each state; rows sum to 1.
    rewards : ndarray, shape (T, K, A, S)
        Reward of each step.

    Returns
    -------
    tuple
        Total reward over the ``T`` steps per arm of the cohort; occupancies (T, K, A, S) of one arm of each type; price of an
        activation at each step (T,).

    Raises
    ------
    NotConverged
        If the solver does not report an optimum; the message is the solver's own.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> value, occupancy, prices = horizon_program(
    ...     Problem(arms, TopK(2), Average()), np.array([[1.0, 0.0]]), np.array([[[[0.0, 1.0], [0.0, 1.0]]]] * 2)
    ... )
    >>> round(value, 10), occupancy[0, 0, :, 0].round(10).tolist()
    (0.2, [0.8, 0.2])
    """
    n_steps, arms = len(rewards), problem.arms
    _, active, _ = weighted(problem)
    p = arms.unit_rows
    here = balance(np.broadcast_to(np.eye(arms.n_states), p.shape))
    flow = kron(eye_array(n_steps), here) - kron(eye_array(n_steps, k=-1), balance(p))
    mass = start / start.sum(axis=1, keepdims=True) * (arms.multiplicity / arms.n_arms)[:, np.newaxis]
    value, x, prices = solve_program(
        rewards.ravel(),
        csr_array(flow),
        np.concatenate([mass.ravel(), np.zeros((n_steps - 1) * mass.size)]),
        csr_array(kron(eye_array(n_steps), csr_array(active.reshape(1, -1)))),
        problem.budget.k / arms.n_arms,
        problem.budget.exactly,
    )
    return value, per_arm(problem, x.reshape(rewards.shape)), prices


def _steps(problem: Problem, steps: int | None) -> int:
    if steps is not None:
        return Horizon(steps).steps
    if not isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"the criterion {problem.criterion} has no horizon; say how many steps, as in horizon_bound(problem, 50)"
        )
    return problem.criterion.steps
