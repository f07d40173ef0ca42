"""Random hidden arms, and the value of one charged arm by backward induction over the tree of its beliefs."""

import numpy as np

from rmab.hidden.arms import HiddenArms


def random_hidden(rng, n_states=2, n_signals=2, *, one_law=False, shows=False, n_actions=2):
    """An arm whose waiting shows nothing unless ``shows``; with ``one_law`` the state moves alike under all actions."""
    moves = rng.dirichlet(np.full(n_states, 0.7), (n_actions, n_states)) * 0.6 + 0.4 * np.eye(n_states)
    if one_law:
        moves[:] = moves[0]
    letters = rng.dirichlet(np.full(n_signals, 0.5), (n_actions, n_states))
    rewards = rng.random((n_actions, n_states))
    rewards[0] *= 0.3
    if not shows:
        letters[0] = np.eye(n_signals)[0]
    return HiddenArms(moves, rewards, letters)


def random_modes(rng, n_states=2, n_signals=2):
    """An arm that is available in mode 0 only; modes move on their own, rewards depend on the mode."""
    plain = random_hidden(rng, n_states, n_signals)
    moves = rng.dirichlet(np.ones(2), (2, 2))
    kernel = np.einsum("ayx,azst->ayxzst", moves, plain.kernel[:, 0, 0])
    rewards = rng.random((2, 2, n_states))
    return HiddenArms.from_kernel(kernel, rewards, allowed=[[True, True], [True, False]])


def charged_value(hidden, charge, beta, belief, mode, steps):
    """Lower and upper value (not times 1 - beta) by ``steps`` exact periods and the best and worst of what may follow."""
    choices = [(y, a) for y in range(hidden.n_modes) for a in np.flatnonzero(hidden.allowed[y])]
    front, levels = np.array([[mode, *belief]], dtype=float), []
    for _ in range(steps):
        found = []  # (choice, parent, chance, child)
        for y, a in choices:
            own = np.flatnonzero(front[:, 0] == y)
            for x, z in np.ndindex(hidden.n_modes, hidden.n_signals):
                v = front[own, 1:] @ hidden.kernel[a, y, x, z]
                chance = v.sum(axis=1)
                keep = chance > 1e-14
                child = np.column_stack([np.full(keep.sum(), x), v[keep] / chance[keep, np.newaxis]])
                found.append((a, own[keep], chance[keep], child))
        children, number = np.unique(np.concatenate([part[3] for part in found]).round(13), axis=0, return_inverse=True)
        splits = np.split(number.ravel(), np.cumsum([len(part[1]) for part in found])[:-1])
        levels.append((front, [(*part[:3], ids) for part, ids in zip(found, splits, strict=True)]))
        front = children
    paid = np.array([hidden.rewards[a, y] - charge * (a > 0) for y, a in choices])
    values = np.tile([paid.min() / (1 - beta), paid.max() / (1 - beta)], (len(front), 1))
    for nodes, moves in reversed(levels):
        q = np.full((hidden.n_actions, len(nodes), 2), -np.inf)
        for y, a in choices:
            own = nodes[:, 0] == y
            q[a, own] = (nodes[own, 1:] @ hidden.rewards[a, y] - charge * (a > 0))[:, np.newaxis]
        for a, parent, chance, child in moves:
            np.add.at(q[a], parent, beta * chance[:, np.newaxis] * values[child])
        values = q.max(axis=0)
    return tuple(values[0])


def informed_loops(hidden, charge, beta, sweeps, delayed):
    """QMDP or the fast informed bound (A, Y, S) by loops over everything."""
    n_actions, n_modes, n_states = hidden.rewards.shape
    q = np.zeros((n_actions, n_modes, n_states))
    for _ in range(sweeps):
        new = np.empty_like(q)
        for a, y, s in np.ndindex(*q.shape):
            total = hidden.rewards[a, y, s] - charge * (a > 0)
            for x in range(n_modes):
                may = np.flatnonzero(hidden.allowed[x])
                for z in range(hidden.n_signals):
                    row = hidden.kernel[a, y, x, z, s]
                    if delayed:
                        total += beta * max(float(row @ q[b, x]) for b in may)
                    else:
                        total += beta * sum(row[t] * max(q[b, x, t] for b in may) for t in range(n_states))
            new[a, y, s] = total
        q = new
    return q
