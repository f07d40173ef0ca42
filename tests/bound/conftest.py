"""Random problems of every shape, and slow independent arithmetic on joint chains."""

from itertools import product

import numpy as np
import pytest

from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def random_transitions(rng, shape, structure):
    """Transitions of ``shape`` (K, A, S, S): dense, or with zeros that make several recurrent classes likely."""
    n_states = shape[-1]
    p = rng.dirichlet(np.ones(n_states), size=shape[:-1])
    if structure == "sparse":
        p = np.where(rng.random(shape) < 0.3, p, 0.0)
    elif structure == "blocks":
        half = n_states // 2
        p[..., :half, half:] = 0.0
        p[..., half:, :half] = 0.0
    elif structure == "deterministic":
        p = np.zeros(shape)
    elif structure == "absorbing":
        p = np.where(rng.random(shape) < 0.5, p, 0.0)
        p[..., 0, :] = np.eye(n_states)[0]
    empty = p.sum(axis=-1) == 0
    p[empty] = np.eye(n_states)[rng.integers(0, n_states, size=empty.sum())]
    return p / p.sum(axis=-1, keepdims=True)


def random_start(rng, n_types, n_states, n_arms):
    """A start of one of the kinds that a problem accepts."""
    kinds = (
        None,
        int(rng.integers(n_states)),
        rng.integers(0, n_states, size=n_arms),
        rng.dirichlet(np.ones(n_states)),
        rng.dirichlet(np.ones(n_states), size=n_types),
    )
    return kinds[rng.integers(len(kinds))]


@pytest.fixture
def random_problem():
    """A function that draws a problem; sizes, criterion and budget are drawn unless given."""

    def draw(rng, *, structure="dense", types=(1, 6), states=(2, 8), actions=2, copies=(1, 5), whole=False, criterion=None):
        n_types, n_states = (int(rng.integers(low, high + 1)) for low, high in (types, states))
        shape = (n_types, actions, n_states)
        rewards = rng.integers(0, 3, size=shape).astype(float) if whole else rng.normal(size=shape)
        multiplicity = rng.integers(copies[0], copies[1] + 1, size=n_types)
        arms = Arms(random_transitions(rng, (*shape, n_states), structure), rewards, multiplicity)
        budget = TopK(int(rng.integers(0, arms.n_arms + 1)), exactly=bool(rng.integers(2)))
        if criterion is None:
            criterion = Average() if rng.integers(2) else Discounted(rng.uniform(0.5, 0.99))
        return Problem(arms, budget, criterion, start=random_start(rng, n_types, n_states, arms.n_arms))

    return draw


class JointChain:
    """The joint problem written out state by state, with nothing borrowed from the library."""

    def __init__(self, problem):
        arms, budget = problem.arms, problem.budget
        self.kinds = np.repeat(np.arange(arms.n_types), arms.multiplicity)
        self.states = list(product(range(arms.n_states), repeat=arms.n_arms))
        self.actions = [
            u
            for u in product(range(arms.n_actions), repeat=arms.n_arms)
            if (np.count_nonzero(u) == budget.k if budget.exactly else np.count_nonzero(u) <= budget.k)
        ]
        self.arms = arms
        if problem.start_states is None:
            rows = problem.start_distribution[self.kinds]
            self.start = np.array([np.prod([rows[i, s] for i, s in enumerate(state)]) for state in self.states])
        else:
            self.start = np.array([float(state == tuple(problem.start_states)) for state in self.states])

    def move(self, state, action):
        """Probability of every next joint state, and the reward."""
        p = [self.arms.transitions[k, a, s] for k, a, s in zip(self.kinds, action, state, strict=True)]
        row = [np.prod([p[i][t] for i, t in enumerate(following)]) for following in self.states]
        return row, sum(self.arms.rewards[k, a, s] for k, a, s in zip(self.kinds, action, state, strict=True))

    def value(self, choice, criterion):
        """Value per period of the stationary policy ``choice``: the joint action of each joint state."""
        moves = [self.move(state, action) for state, action in zip(self.states, choice, strict=True)]
        p, r = np.array([row for row, _ in moves]), np.array([reward for _, reward in moves])
        if isinstance(criterion, Discounted):
            return (1 - criterion.beta) * self.start @ np.linalg.solve(np.eye(len(r)) - criterion.beta * p, r)
        # half a step of laziness changes no long-run share and removes periods; 2^40 steps are for ever
        p = (p + np.eye(len(r))) / 2
        for _ in range(40):
            p = p @ p
            p /= p.sum(axis=1, keepdims=True)
        return self.start @ p @ r


@pytest.fixture
def joint_chain():
    """The class of joint chains that were written out by hand."""
    return JointChain
