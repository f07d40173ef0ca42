"""Independent oracle for arms too large for rationals: policy iteration in double precision at one charge."""

import numpy as np


class FloatingArm:
    """One two-action arm under a discount below 1."""

    def __init__(self, transitions, rewards, discount):
        self.p, self.r, self.beta = np.array(transitions), np.array(rewards), discount
        self.policy = np.zeros(self.r.shape[1], dtype=int)

    def advantage(self, charge):
        """Advantage of acting over waiting in every state under an optimal policy at this charge."""
        charged = self.r - charge * np.array([[0.0], [1.0]])
        states = np.arange(len(self.policy))
        while True:
            system = np.eye(len(states)) - self.beta * self.p[self.policy, states]
            q = charged + self.beta * self.p @ np.linalg.solve(system, charged[self.policy, states])
            advantage = q[1] - q[0]
            better = np.where(np.abs(advantage) > 1e-12, advantage > 0, self.policy)
            if (better == self.policy).all():
                return advantage
            self.policy = better.astype(int)
