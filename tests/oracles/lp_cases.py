"""Problems and a plain simulator for policies that follow a linear program; nothing borrowed from the library's engines."""

import json
from pathlib import Path

import numpy as np

from oracles.learning_arms import flipped
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem

ARMS = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())


def named(name, n_arms, *, exactly=True, criterion=None, start=None):
    """``n_arms`` copies of a published arm at its published budget; "flipped" at one fifth."""
    if name == "flipped":
        transitions, rewards, share = *flipped(), 0.2
    else:
        arm = ARMS[name]
        transitions, rewards, share = arm["transitions"], arm["rewards"], arm["activation_fraction"]
    budget = TopK(round(share * n_arms), exactly=exactly)
    return Problem(Arms(transitions, rewards, [n_arms]), budget, criterion or Average(), start=start)


def drawn(seed, *, exactly, criterion=None, copies=(1, 9), types=3, states=4, share=0.3):
    """Several random types, some arms with zeros in their rows."""
    rng = np.random.default_rng([seed, 77])
    p = rng.dirichlet(np.full(states, 0.5), (types, 2, states)) + 1e-3 * (seed % 2)
    rewards = rng.normal(size=(types, 2, states))
    multiplicity = rng.integers(copies[0], copies[1] + 1, size=types)
    budget = TopK(int(share * multiplicity.sum()), exactly=exactly)
    return Problem(Arms(p / p.sum(axis=-1, keepdims=True), rewards, multiplicity), budget, criterion or Average())


def run(problem, policy, steps, seed, *, watch=None):
    """Reward per period (T,) of one run that checks every budget; ``watch(step, states, actions)`` may look on."""
    rng, advice = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    arms, budget, kind = problem.arms, problem.budget, problem.arms.type_of_arm
    if problem.start_states is None:
        states = np.array([rng.choice(arms.n_states, p=row) for row in problem.start_distribution[kind]])
    else:
        states = np.array(problem.start_states)
    cumulative = arms.unit_rows.cumsum(axis=-1)
    rewards = np.empty(steps)
    for t in range(steps):
        actions = policy.actions(problem, states, step=t, rng=advice)
        assert actions.shape == (arms.n_arms,)
        assert actions.dtype == np.int64
        assert set(np.unique(actions)) <= {0, 1}
        assert actions.sum() == budget.k if budget.exactly else actions.sum() <= budget.k
        if watch:
            watch(t, states, actions)
        rewards[t] = arms.rewards[kind, actions, states].sum()
        rows = cumulative[kind, actions, states]
        states = (rng.random((arms.n_arms, 1)) >= rows[:, :-1]).sum(axis=1)
    return rewards
