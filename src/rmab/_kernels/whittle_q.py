"""One period of learning the Whittle index: a table per reference state at that state's charge, and the charges moved slower.

Lane z of the tables has the charge of reference state z, from the low end; if there are two ends, lane C + z has it from the
high end (C clusters, or states).

1. Q-learning of all lanes from every transition (:mod:`rmab._kernels.charged_q`).
2. In the first ``warm`` periods the ends are held at minus and plus ``spread`` times the range of the rewards seen.
3. Then each charge moves by ``pace / (1 + moves / horizon)^power`` times the gap q(z, 1) - q(z, 0) of its own lane, but only if
   both actions were taken in z since its last move, and stays within ``clip`` times the range of the rewards.
4. The running mean of each charge gets the new one with weight ``(1 + eta) / (n + eta)`` after n moves; infinite ``eta`` is no
   mean. The running mean of the gap gets it with weight 4 / (n + 3).
5. Score of a cell: the mean of its ends; what has not moved is worth ``spread`` times the range, so that it is tried.
"""

import numpy as np
from numba import njit

from rmab._kernels.charged_q import refresh_gain, update
from rmab._kernels.crowd import act, move, settle

OLD = 3.0


@njit(nogil=True, cache=True)
def learn_whittle(world, crowd, actor, first, last, score, level, visits, label, tables, ends, steps, beta):
    """Periods ``first <= t < last`` in the simulator; the rest as for ``absorb_whittle``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        absorb_whittle(crowd, step, score, visits, label, tables, ends, steps, beta)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_whittle(crowd, step, score, visits, label, tables, ends, steps, beta):
    """Learn from one period.

    ``tables``: q (K, C, 2, L), charge (K, L), cost of the actions (2,), gain (K, C, 2), offset (K, L), TD error (K, C, 2).
    ``ends``: mean charge (K, E, C), mean gap (K, E, C), moves (K, C), visits at the last move (K, C, 2), range of the
    rewards seen (1,); E is 1 or 2.
    ``steps``: scale, horizon and power of the table's steps and of the charges'; then warm, spread, clip and eta.
    """
    q, charge, cost, gain, offset, td = tables
    scale, horizon, power, pace, pace_horizon, pace_power, warm, spread, clip, eta = steps
    refresh_gain(crowd, visits, label, scale, horizon, power, gain)
    update(crowd, step, label, q, charge, cost, gain, beta, offset, td)
    span = max(crowd.earned[2] - crowd.earned[1], 0.0)
    ends[4][0] = span
    if step < warm:
        _hold(spread * span, charge, ends[0])
    else:
        _move_charges(label, visits, q, charge, ends, (pace, pace_horizon, pace_power), clip * span, eta)
    _rate(label, ends, spread * span, score)


@njit(nogil=True, cache=True)
def _hold(width, charge, mean):
    """The low end at minus ``width``, the high end at plus; a single end stays at 0."""
    _, n_ends, n_clusters = mean.shape
    if n_ends == 2:
        charge[:, :n_clusters] = -width
        charge[:, n_clusters:] = width
        mean[:, 0] = -width
        mean[:, 1] = width


@njit(nogil=True, cache=True)
def _move_charges(label, visits, q, charge, ends, pace, clip, eta):
    """Move the charges of the reference states in which both actions were taken since their last move."""
    mean, gap, moves, mark, _ = ends
    n_types, n_ends, n_clusters = mean.shape
    scale, horizon, power = pace
    seen = np.zeros((n_types, n_clusters, 2), dtype=np.int64)
    for k in range(n_types):
        for s in range(len(label)):
            seen[k, label[s], 0] += visits[k, s, 0]
            seen[k, label[s], 1] += visits[k, s, 1]
        for z in range(n_clusters):
            if seen[k, z, 0] == mark[k, z, 0] or seen[k, z, 1] == mark[k, z, 1]:
                continue
            mark[k, z] = seen[k, z]
            size = scale if power == 0.0 else scale / (1.0 + moves[k, z] / horizon) ** power
            moves[k, z] += 1
            weight = 1.0 if eta == np.inf else (1.0 + eta) / (moves[k, z] + eta)
            recent = (1.0 + OLD) / (moves[k, z] + OLD)
            for end in range(n_ends):
                lane = end * n_clusters + z
                ahead = q[k, z, 1, lane] - q[k, z, 0, lane]
                charge[k, lane] = min(max(charge[k, lane] + size * ahead, -clip), clip)
                mean[k, end, z] += weight * (charge[k, lane] - mean[k, end, z])
                gap[k, end, z] += recent * (ahead - gap[k, end, z])


@njit(nogil=True, cache=True)
def _rate(label, ends, unknown, score):
    """The mean of the ends into ``score`` (K, S), ``unknown`` where no charge has moved."""
    mean, _, moves, _, _ = ends
    n_types, n_ends, _ = mean.shape
    for k in range(n_types):
        for s in range(len(label)):
            z = label[s]
            if moves[k, z] == 0:
                score[k, s] = unknown
            elif n_ends == 2:
                score[k, s] = 0.5 * (mean[k, 0, z] + mean[k, 1, z])
            else:
                score[k, s] = mean[k, 0, z]
