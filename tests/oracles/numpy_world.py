"""An environment that simulates a problem in plain NumPy, and can say and take back all that it remembers."""

import numpy as np


class NumpyWorld:
    """The arms of a problem with random numbers of its own; ``bad`` replaces what it returns in one period."""

    def __init__(self, problem, bad=None, when=-1):
        self.problem, self.bad, self.when = problem, bad, when
        self.multiplicity = problem.arms.multiplicity
        self.n_actions, self.n_states = problem.arms.n_actions, problem.arms.n_states
        self.budget, self.criterion = problem.budget, problem.criterion
        self.kind = np.repeat(np.arange(len(self.multiplicity)), self.multiplicity)

    def reset(self, seed):
        self.seed, self.period = seed, 0
        rows = self.problem.start_distribution[self.kind]
        self.states = self._draw(np.random.default_rng([seed, 0]), rows)
        return self._spoilt("reset", self.states)

    def step(self, actions):
        if self.budget.exactly:
            assert actions.sum() == self.budget.k
        else:
            assert actions.sum() <= self.budget.k
        self.period += 1
        rewards = self.problem.arms.rewards[self.kind, actions, self.states]
        rows = self.problem.arms.transitions[self.kind, actions, self.states]
        self.states = self._draw(np.random.default_rng([self.seed, self.period]), rows)
        return self._spoilt("step", (self.states, rewards))

    def _spoilt(self, where, answer):
        return self.bad(answer) if self.bad and (where == "reset") == (self.when == 0) and self.period == self.when else answer

    @staticmethod
    def _draw(rng, rows):
        past = rows.cumsum(axis=1) < rng.random(len(rows))[:, None]
        return np.minimum(past.sum(axis=1), rows.shape[1] - 1)


class SavedWorld(NumpyWorld):
    """The same with ``state`` and ``restore``, numbers without a shape among them."""

    def state(self):
        return {"states": self.states, "seed": np.array(self.seed), "period": np.array(self.period)}

    def restore(self, arrays):
        self.states, self.seed, self.period = arrays["states"].copy(), int(arrays["seed"]), int(arrays["period"])
