"""The finite-horizon bound: a linear program over how often each state and action occur at each step.

Let x[t, k, a, s] be the share of arms that at step t are of type k, in state s, under action a, and mu[k, s] the start mass:

    maximise    1/T sum x[t, k, a, s] r[k, a, s]
    subject to  sum_a x[0, k, a, j]     = mu[k, j]
                sum_a x[t + 1, k, a, j] = sum x[t, k, a, s] p(j | s, a)
                sum over a != 0 of x[t, k, a, s] <= budget / N        at every step t
                1/T sum x[t, k, a, s] (c[k, a, s] - d[k]) <= 0        for every penalty and type k

The budget is kept at every step in the mean over arms, not only in the mean over time, so the bound is the tighter one for a
short run from a known start, whatever criterion the policy was made for. What an arm owes on its own is kept in the mean over
the horizon.

Reference: W. Hu, P. I. Frazier, An asymptotically optimal index policy for finite-horizon restless bandits (2017). Cost and
stopping rule: those of HiGHS on T K S equations, T R budget rows and J K requirements.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, kron

from rmab.bound.elastic import solve_with_penalties
from rmab.bound.program import Program, balance, excess_rows, per_arm, resource_rows, start_mass, weights
from rmab.bound.result import HorizonBound
from rmab.errors import ModelError
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_problem


def horizon_bound(problem: Problem, steps: int | None = None) -> HorizonBound:
    """Upper bound on the mean reward per period over the first ``steps`` periods from the problem's start.

    Parameters
    ----------
    problem : Problem
        Any number of actions; every action but 0 uses one unit of the budget, or what its type costs. With any number of
        penalties.
    steps : int, optional
        Number of periods, at least 1; default the problem's own horizon. With another criterion it must be given; rewards
        are then summed without discount.

    Returns
    -------
    HorizonBound
        Value per period over all arms, one price per step (``prices``) and their mean (``price``), the share of periods
        each type is acted on, ``occupancy`` (T, K, A, S), and the ``multipliers`` (J, K) of penalties. With several resources
        ``prices`` has shape (T, R).

    Raises
    ------
    ModelError
        If the problem has no horizon and ``steps`` is not given, or ``steps`` is not a positive integer.
    InfeasiblePenalty
        If no policy meets the penalties over these periods; the message says by how much.
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
    value, occupancy, prices, multipliers = horizon_program(problem, problem.start_distribution, rewards)
    return HorizonBound(
        value=value * arms.n_arms / n_steps,
        price=float((prices if prices.ndim == 1 else prices[:, 0]).mean()),
        activation=occupancy[:, :, 1:].sum(axis=(2, 3)).mean(axis=0),
        status="optimal",
        method="finite-horizon LP",
        prices=prices,
        occupancy=occupancy,
        multipliers=multipliers if len(multipliers) else None,
    )


def horizon_program(
    problem: Problem, start: NDArray[np.float64], rewards: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Solve the program of the module docstring from any start, with any reward at each step.

    Parameters
    ----------
    problem : Problem
        Gives the transitions, the budget and the penalties.
    start : ndarray, shape (K, S)
        Share of each type's arms in each state; rows sum to 1.
    rewards : ndarray, shape (T, K, A, S)
        Reward of each step.

    Returns
    -------
    tuple
        Total reward over the ``T`` steps per arm of the cohort; occupancies (T, K, A, S) of one arm of each type; price of an
        activation at each step (T,), or of each resource (T, R) if there are several; multipliers (J, K) of the penalties, as
        in :class:`rmab.Bound`.

    Raises
    ------
    InfeasiblePenalty
        If no policy meets the penalties.
    NotConverged
        If the solver does not report an optimum; the message is the solver's own.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> value, occupancy, prices, _ = horizon_program(
    ...     Problem(arms, TopK(2), Average()), np.array([[1.0, 0.0]]), np.array([[[[0.0, 1.0], [0.0, 1.0]]]] * 2)
    ... )
    >>> round(value, 10), occupancy[0, 0, :, 0].round(10).tolist()
    (0.2, [0.8, 0.2])
    """
    n_steps, arms = len(rewards), problem.arms
    p = arms.unit_rows
    here = balance(np.broadcast_to(np.eye(arms.n_states), p.shape))
    flow = kron(eye_array(n_steps), here) - kron(eye_array(n_steps, k=-1), balance(p))
    mass, scale = start_mass(problem, start), weights(problem)[0]
    resources, limits, cost_units = resource_rows(problem)
    owed, penalty_units = excess_rows(problem)
    program = Program(
        csr_array(flow),
        np.concatenate([mass.ravel(), np.zeros((n_steps - 1) * mass.size)]),
        csr_array(kron(eye_array(n_steps), resources)),
        np.tile(limits, n_steps),
        problem.budget.exactly,
        csr_array(kron(np.full((1, n_steps), 1.0 / n_steps), owed)),
    )
    found = solve_with_penalties(problem, program, (rewards * scale[:, np.newaxis, np.newaxis]).ravel(), penalty_units)
    prices = found.prices.reshape(n_steps, -1) / cost_units
    # a unit of the mean over T periods is T units of the sum, which the rewards are
    multipliers = found.multipliers / n_steps
    return (
        found.value,
        per_arm(problem, found.x.reshape(rewards.shape)),
        prices.squeeze(axis=1) if len(limits) == 1 else prices,
        multipliers,
    )


def _steps(problem: Problem, steps: int | None) -> int:
    if steps is not None:
        return Horizon(steps).steps
    if not isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"the criterion {problem.criterion} has no horizon; say how many steps, as in horizon_bound(problem, 50)"
        )
    return problem.criterion.steps
