"""Policies played period by period in plain numpy, with what every arm has incurred, and small problems to play them on."""

from dataclasses import dataclass

import numpy as np

from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.scenarios.registry import scenario

FILES = {"TP": "throughput-activation-v1", "RS": "remote-sensing-v1", "SR": "throughput-regularity-v1"}
# average fluid bounds per base system
FLUID = {"TP4": 0.48600, "TP6": 0.62400, "RS4": -0.89753, "RS8": -2.65029, "SR4": 0.55921, "SR6": 0.73435}


def published(variant, **options):
    """A published problem by the name of its variant."""
    return scenario(FILES[variant[:2]], variant=variant, **options)


def drawn(seed, *, penalties=1, types=3, states=4, copies=4, exactly=False, criterion=None):
    """Random arms whose requirements all hold if every action is drawn by a coin, so that any such problem is feasible."""
    rng = np.random.default_rng(seed)
    arms = Arms(rng.dirichlet(np.ones(states), (types, 2, states)), rng.normal(size=(types, 2, states)), [copies] * types)
    mean = arms.transitions.mean(axis=1)
    given = []
    for _ in range(penalties):
        cost = rng.normal(size=arms.rewards.shape)
        each = [cost[k].mean(axis=0) @ stationary(mean[k]) for k in range(types)]
        given.append(Penalty(cost, np.array(each) + 0.01))
    budget = TopK(types * copies // 2, exactly=exactly)
    return Problem(arms, budget, criterion or Average(), given[0] if penalties == 1 else given)


def stationary(p):
    """Share of periods in each state of a chain with one recurrent class."""
    n = len(p)
    return np.linalg.lstsq(np.vstack([p.T - np.eye(n), np.ones(n)]), np.r_[np.zeros(n), 1.0], rcond=None)[0]


def single_arm(problem, act, *, beta=None):
    """Reward (K,), activations (K,) and excess (J, K) per period of arms that act with probability ``act`` (K, S)."""
    arms, excess = problem.arms, problem.excess_costs
    reward, acts, owed = np.empty(arms.n_types), np.empty(arms.n_types), np.empty(excess.shape[:2])
    for k in range(arms.n_types):
        choice = np.stack([1 - act[k], act[k]])
        p = np.einsum("as,ast->st", choice, arms.transitions[k])
        if beta is None:
            share = stationary(p)
        else:
            share = np.linalg.solve(np.eye(len(p)) - beta * p.T, (1 - beta) * problem.start_distribution[k])
        x = choice * share
        reward[k], acts[k] = (x * arms.rewards[k]).sum(), x[1].sum()
        owed[:, k] = (x * excess[:, k]).sum(axis=(1, 2))
    return reward, acts, owed


@dataclass(frozen=True)
class Period:
    """What happened in one period; ``owed`` (J, N) is the sum of excess before it."""

    step: int
    states: np.ndarray
    actions: np.ndarray
    owed: np.ndarray
    incurred: np.ndarray


def periods(problem, policy, steps, seed):
    """Play a policy, one :class:`Period` at a time."""
    rng, arms = np.random.default_rng(seed), problem.arms
    kind, excess = arms.type_of_arm, problem.excess_costs
    rows = np.cumsum(arms.unit_rows, axis=-1)

    def draw(cumulative):
        return (rng.random(len(kind))[:, np.newaxis] >= cumulative[:, :-1]).sum(axis=1)

    given = problem.start_states
    states = draw(np.cumsum(problem.start_distribution, axis=1)[kind]) if given is None else given.copy()
    owed = np.zeros((len(excess), len(kind)))
    for step in range(steps):
        actions = policy.actions(problem, states, step=step, rng=rng)
        incurred = excess[:, kind, actions, states]
        yield Period(step, states, actions, owed.copy(), incurred)
        owed = owed + incurred
        states = draw(rows[kind, actions, states])
