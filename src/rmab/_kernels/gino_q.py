"""One period of learning the gain index: a table at one common price, and the price moved by what the arms would do at it.

1. Q-learning of every type's table at the price (:mod:`rmab._kernels.charged_q`, one lane).
2. At this price ``active`` arms want to act where they are; ``y = budget - active`` is the slope of the dual as it is seen now.
3. After ``warm`` periods the price moves down the slope, by ``pace * range * y / N / (1 + (t - warm) / horizon)^power``: per
   arm, so that a hundred arms move it no faster than ten, and in units of the range of the rewards that have been seen. Under
   an "at most" budget it does not fall below 0.
4. Score of a cell: the advantage of acting there, plus the price.
5. The mean of the scores with weights that grow like t^eta: ``mean += (eta + 1) / (t + 1 + eta) * (score - mean)``.

``watch`` (2,) keeps the moving average of y / N over about a thousand periods, and the mean of the prices as of the scores.
"""

from numba import njit

from rmab._kernels.charged_q import refresh_gain, update
from rmab._kernels.crowd import act, move, settle

FOLLOW = 0.001


@njit(nogil=True, cache=True)
def learn_gino(world, crowd, actor, first, last, score, level, visits, label, tables, steps, beta, pricing):
    """Periods ``first <= t < last`` in the simulator; the others as for ``absorb_gino``."""
    for step in range(first, last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        absorb_gino(crowd, actor.k, actor.exactly, step, score, level, visits, label, tables, steps, beta, pricing)
        settle(crowd)


@njit(nogil=True, cache=True)
def absorb_gino(crowd, budget, exactly, step, score, level, visits, label, tables, steps, beta, pricing):
    """Learn from one period.

    ``tables``: q (K, C, 2, 1), price per type (K, 1), cost of the actions (2,), gain (K, C, 2), offset (K, 1), TD error (K, C,
    2); ``steps``: scale, horizon and power of the table's steps; ``pricing`` as for ``absorb_price``.
    """
    q, charge, cost, gain, offset, td = tables
    scale, horizon, power = steps
    refresh_gain(crowd, visits, label, scale, horizon, power, gain)
    update(crowd, step, label, q, charge, cost, gain, beta, offset, td)
    rate(q, label, 0.0, score)
    absorb_price(crowd, budget, exactly, step, score, level, pricing)
    charge[:] = level[0]


@njit(nogil=True, cache=True)
def absorb_price(crowd, budget, exactly, step, score, level, pricing):
    """Move the price ``level`` by how many arms would act at it; ``score`` is what acting gains after the charge, then before.

    ``pricing``: pace, warm, horizon and power of the price's steps, and eta; the mean of the scores; ``watch``.
    """
    (pace, warm, horizon, power, eta), mean, watch = pricing
    line = score.ravel()
    eager = 0
    for cell in range(len(line)):
        if line[cell] > 0.0:
            eager += crowd.counts[cell]
    slope = (budget - eager) / len(crowd.state)
    if step > warm:
        level[0] -= pace * (crowd.earned[2] - crowd.earned[1]) * slope / (1.0 + (step - warm) / horizon) ** power
        if not exactly:
            level[0] = max(level[0], 0.0)
    score += level[0]
    spare = slope > 0.0 and not exactly and level[0] == 0.0
    watch[0] += FOLLOW * ((0.0 if spare else slope) - watch[0])
    weight = (eta + 1.0) / (step + 1.0 + eta)
    mean += weight * (score - mean)
    watch[1] += weight * (level[0] - watch[1])


@njit(nogil=True, cache=True)
def rate(q, label, price, score):
    """The advantage of acting in the one lane of ``q``, before the charge, into ``score`` (K, S)."""
    for k in range(len(q)):
        for s in range(len(label)):
            score[k, s] = q[k, label[s], 1, 0] - q[k, label[s], 0, 0] + price
