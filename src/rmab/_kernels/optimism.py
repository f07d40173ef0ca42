"""Best response of one arm whose transitions may be any in balls around a centre, the best of them for the arm.

The row of action a in state s may be any distribution p with ``|p - centre[a, s]|_1 <= radius[a, s]``. Choosing an action *and*
a row is a Markov decision process with finitely many choices, for the best row is a vertex of the ball: with values h, move
half the radius of mass to the state of highest h (as far as it goes to 1), and take what is too much from the states of lowest
h.

1. Order the states by the present values; in every state and for both actions take the best row; choose the better action.
2. Evaluate exactly: one linear system with two right-hand sides, reward and activation.
3. Repeat until no choice improves on its value by more than the tolerance. The improvement bounds how far the value per period
   is below the optimum.

All rows of a round put mass on one state, so every chain has one recurrent class.

References: T. Jaksch, R. Ortner, P. Auer, "Near-optimal regret bounds for reinforcement learning", JMLR 11 (2010), section
3.1.2 and figure 2, for the best row; here within policy iteration instead of value iteration. Cost: A S^2 + S^3 / 3 per round,
about five rounds.
"""

import numpy as np
from numba import njit

from rmab._kernels.evaluation import evaluate

TOLERANCE = 1e-10
MOST_ROUNDS = 1000


@njit(nogil=True, cache=True)
def best_row(centre, radius, order, row):
    """Write the best row of one ball into ``row`` (S,); ``order`` lists the states from the lowest value to the highest."""
    row[:] = centre
    top = order[-1]
    row[top] = min(1.0, centre[top] + radius / 2.0)
    excess = row.sum() - 1.0
    for t in order:
        if excess <= 0.0:
            break
        if t != top:
            taken = min(row[t], excess)
            row[t] -= taken
            excess -= taken


@njit(nogil=True, cache=True)
def respond_optimistically(centre, radius, rewards, price, beta, bias, gain, action_value):
    """Bring ``bias`` (S, 2), ``gain`` (2,) and ``action_value`` (2, S) of one arm to the optimum at ``price``.

    ``centre`` (2, S, S), ``radius`` (2, S), ``rewards`` (2, S). Columns are of reward without the charge and of activations:
    the value per period from start mu is ``gain + (1 - beta) * mu @ bias``. Returns whether it ended.
    """
    n_states = rewards.shape[1]
    row = np.empty(n_states)
    rows = np.empty((1, n_states, n_states))
    policy = np.zeros(n_states, dtype=np.int64)
    stay = np.zeros(n_states, dtype=np.int64)
    rhs = np.empty((1, n_states, 2))
    advantage = np.empty((1, n_states, 2))
    scale = max(np.abs(rewards).max(), abs(price), 1e-300)
    for sweep in range(MOST_ROUNDS):
        value = bias[:, 0] - price * bias[:, 1]
        order = np.argsort(value, kind="mergesort")
        improvement = -np.inf
        for s in range(n_states):
            for a in range(2):
                best_row(centre[a, s], radius[a, s], order, row)
                action_value[a, s] = rewards[a, s] - price * a + beta * np.dot(row, value)
            chosen = policy[s]
            if action_value[1 - chosen, s] > action_value[chosen, s] + TOLERANCE * scale:
                policy[s] = 1 - chosen
            gap = max(action_value[0, s], action_value[1, s]) - value[s] - (gain[0] - price * gain[1])
            improvement = max(improvement, gap)
            best_row(centre[policy[s], s], radius[policy[s], s], order, rows[0, s])
            rhs[0, s, 0], rhs[0, s, 1] = rewards[policy[s], s], policy[s]
        if sweep > 0 and improvement <= TOLERANCE * max(scale, np.abs(value).max()):
            return True
        if evaluate(rows, stay, rhs, beta, False, 0.0, gain, bias, advantage) == 0.0:
            return False
    return False
