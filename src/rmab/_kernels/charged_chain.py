"""One sweep of value iteration for a charged chain in compressed rows, with reward and activations in two columns.

The value of a plan under a charge per activation is ``reward - charge * activation``: both parts are carried, so that a value
is a line in the charge. All actions share one ``indices`` and ``data``; row ``i`` of action ``a`` is
``indptr[a, i]:indptr[a, i + 1]``.
"""

from numba import njit


@njit(nogil=True, cache=True)
def sweep(indptr, indices, data, rewards, allowed, charge, beta, keep, values, policy, out):
    """Write the best one-step value of every state into ``out`` (m, 2), and where it is attained into ``policy`` (m,).

    ``indptr`` (A, m + 1), ``rewards`` (A, m), ``allowed`` (m, A), ``values`` (m, 2). The present action of a state is kept
    unless another is better by more than ``keep``, so that ties do not flicker.
    """
    n_actions, n_states = rewards.shape
    for i in range(n_states):
        best = 0.0
        found = -1
        own = policy[i]
        for turn in range(n_actions):
            # the present action first
            a = own if turn == 0 else (turn - 1 if turn <= own else turn)
            if not allowed[i, a]:
                continue
            reward, activation = rewards[a, i], 1.0 if a > 0 else 0.0
            for p in range(indptr[a, i], indptr[a, i + 1]):
                j = indices[p]
                reward += beta * data[p] * values[j, 0]
                activation += beta * data[p] * values[j, 1]
            worth = reward - charge * activation
            if found < 0 or worth > best + keep:
                best, found = worth, a
                out[i, 0], out[i, 1] = reward, activation
        policy[i] = found
