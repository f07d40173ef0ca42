"""The exact optimum of a tiny problem, by dynamic programming over the states of all arms together.

The joint state of N arms is one of S^N, in C order (the last arm changes fastest); the joint action is one of the U ways to
act that the budget admits. Arms move independently, so joint transitions are Kronecker products of the arms' own.

1. Discounted and average: the joint problem is one big arm with U actions; policy iteration as in
   :mod:`rmab._kernels.dual`, at no charge. Several recurrent classes are handled there, so the average is the one that is
   reached from the problem's start.
2. Horizon: backward induction, v_t = max_u r_u + P_u v_{t+1}.

The start of each arm is drawn independently of the others.

Reference: M. L. Puterman, Markov Decision Processes (1994), chapters 4, 6, 9. Cost: U S^2N numbers of memory, S^3N / 3
multiplications per improvement; problems with more than 2^24 numbers are refused. Stopping rule: no action improves on the
policy by more than a relative 1e-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.dual import respond
from rmab.errors import ModelError, NotConverged
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem, check_counted, check_unpenalised

MOST_NUMBERS = 2**24


@dataclass(frozen=True, eq=False)
class JointOptimum:
    """The exact optimum of a problem.

    Parameters
    ----------
    value : float
        Best reward per period over all arms from the problem's start; discounted: times (1 - beta), horizon: divided by T.
    policy : ndarray of int, shape (S**N, N) or (T, S**N, N)
        Optimal action of each arm in each joint state (C order: the last arm's state changes fastest); with a horizon, at
        each step.
    status : str
        How the computation ended, in words.

    Examples
    --------
    >>> print(JointOptimum(0.5, np.zeros((4, 2), dtype=np.int64), "optimal"))
    joint optimum 0.5 per period over 2 arms (optimal)
    """

    value: float
    policy: NDArray[np.int64]
    status: str

    def __str__(self) -> str:
        return f"joint optimum {self.value:.8g} per period over {self.policy.shape[-1]} arms ({self.status})"


def joint_optimum(problem: Problem) -> JointOptimum:
    """Solve a tiny problem exactly.

    Parameters
    ----------
    problem : Problem
        ``N`` arms of ``S`` states with ``U`` admissible joint actions, ``U * S**(2 * N)`` at most 2**24: six arms of two
        states, four of five, two of thirty.

    Returns
    -------
    JointOptimum
        The value per period from the problem's start and an optimal policy.

    Raises
    ------
    ModelError
        If the problem has penalties, or the joint problem is too large; the message names its size.
    NotConverged
        If policy iteration does not end.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[2])
    >>> optimum = joint_optimum(Problem(arms, TopK(1), Discounted(0.5), start=0))
    >>> round(optimum.value, 10), int(optimum.policy[0].sum())
    (0.5, 1)
    """
    check_counted(problem)
    check_unpenalised(problem, "bound the problem with fluid_bound")
    actions = _admissible(problem)
    transitions, rewards = _join(problem, actions)
    start = _joint_start(problem)
    if isinstance(problem.criterion, Horizon):
        steps = problem.criterion.steps
        value, choice = _induce(transitions, rewards, start, steps)
        return JointOptimum(value / steps, actions[choice], f"optimal by backward induction over {steps} steps")
    beta = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
    value, choice = _iterate(transitions, rewards, start, beta)
    return JointOptimum(value, actions[choice], "optimal by policy iteration")


def _admissible(problem: Problem) -> NDArray[np.int64]:
    """Every joint action that the budget admits, shape (U, N), fewest activations first."""
    arms, budget = problem.arms, problem.budget
    numbers = float(arms.n_states) ** (2 * arms.n_arms)
    if numbers > MOST_NUMBERS or arms.n_actions**arms.n_arms > MOST_NUMBERS:
        raise ModelError(_too_large(problem, "too many joint actions to list"))
    every = np.array(list(product(range(arms.n_actions), repeat=arms.n_arms)), dtype=np.int64)
    used = (every > 0).sum(axis=1)
    admitted = every[used == budget.k] if budget.exactly else every[used <= budget.k]
    if numbers * len(admitted) > MOST_NUMBERS:
        raise ModelError(_too_large(problem, f"{len(admitted)} admissible joint actions"))
    return admitted[np.argsort((admitted > 0).sum(axis=1), kind="stable")]


def _too_large(problem: Problem, actions: str) -> str:
    n_arms, n_states = problem.arms.n_arms, problem.arms.n_states
    return (
        f"{n_arms} arms of {n_states} states are {n_states**n_arms:.3g} joint states, with {actions}: exact dynamic "
        "programming would not fit; take fewer arms, or bound the problem with lagrangian_bound"
    )


def _join(problem: Problem, actions: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transitions (U, S^N, S^N) and rewards (U, S^N) of the joint problem."""
    arms = problem.arms
    p = arms.unit_rows
    transitions = np.array([reduce(np.kron, p[arms.type_of_arm, action]) for action in actions])
    rewards = np.array([reduce(_outer_sum, arms.rewards[arms.type_of_arm, action]) for action in actions])
    return transitions, rewards


def _outer_sum(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.add.outer(left, right).ravel()


def _joint_start(problem: Problem) -> NDArray[np.float64]:
    states = problem.start_states
    if states is None:
        each = problem.start_distribution[problem.arms.type_of_arm]
        each = each / each.sum(axis=1, keepdims=True)
    else:
        each = np.eye(problem.arms.n_states)[states]
    return reduce(np.kron, each)


def _induce(
    transitions: NDArray[np.float64], rewards: NDArray[np.float64], start: NDArray[np.float64], steps: int
) -> tuple[float, NDArray[np.int64]]:
    value = np.zeros(len(start))
    choice = np.empty((steps, len(start)), dtype=np.int64)
    for t in range(steps - 1, -1, -1):
        worth = rewards + transitions @ value
        choice[t] = worth.argmax(axis=0)
        value = worth.max(axis=0)
    return float(start @ value), choice


def _iterate(
    transitions: NDArray[np.float64], rewards: NDArray[np.float64], start: NDArray[np.float64], beta: float
) -> tuple[float, NDArray[np.int64]]:
    policy = np.zeros((1, len(start)), dtype=np.int64)
    line, anchor = np.zeros((1, 2)), np.zeros((1, 2))
    advantage = np.zeros((1, *rewards.shape, 2))
    failed = respond(transitions[None], rewards[None], start[None], 0.0, beta, policy, line, advantage, anchor)
    if failed >= 0:
        raise NotConverged("policy iteration over joint states did not end; take fewer arms or states")
    return float(line[0, 0]), policy[0]
