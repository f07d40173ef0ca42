"""A crowd of arms with several actions of different cost: explore or follow a plan, within the budget.

* Exploring, with a chance of epsilon drawn once a period: arms in random order get a random action among those that can still
  be paid for, action 0 not among them, until none can.
* Otherwise the arms of each cell (type, state) get the actions of a plan, uniformly at random.

Both count the visits of every cell and action, as :mod:`rmab._kernels.crowd` does for two actions. Cost of a period: O(N).
"""

import numpy as np
from numba import njit

from rmab._kernels.action_plan import ROUNDING
from rmab._kernels.crowd import count, luck
from rmab._kernels.philox import LUCK, TIE


@njit(nogil=True, cache=True)
def hand_out(crowd, step, spend, room, visits):
    """Random actions for arms in random order, as long as the ``room`` pays for what they ``spend`` (A,)."""
    crowd.action[:] = 0
    order = np.arange(len(crowd.state))
    left = room
    for place in range(len(order)):
        able = 0
        while able + 1 < len(spend) and spend[able + 1] <= left * (1.0 + ROUNDING):
            able += 1
        if able == 0:
            break
        other = place + int(luck(crowd, step, 2 * place, LUCK) * (len(order) - place))
        order[place], order[other] = order[other], order[place]
        a = 1 + int(luck(crowd, step, 2 * place + 1, LUCK) * able)
        crowd.action[order[place]] = a
        left -= spend[a]
    count(crowd, visits)


@njit(nogil=True, cache=True)
def shuffled(crowd, step):
    """The cells in a random order, so that ties between them are not settled by their numbers."""
    order = np.arange(len(crowd.counts))
    for i in range(len(order) - 1, 0, -1):
        j = int(luck(crowd, step, i, LUCK) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


@njit(nogil=True, cache=True)
def follow(crowd, step, order, plan, visits):
    """Give the arms of cell ``order[c]`` the actions of ``plan[c]`` (A,), uniformly at random."""
    n_states = len(order) // (len(crowd.first_arm) - 1)
    rest = np.empty_like(plan)
    for c in range(len(order)):
        rest[order[c]] = plan[c]
    for k in range(len(crowd.first_arm) - 1):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            row = rest[k * n_states + crowd.state[i]]
            a, total = 0, 0
            for b in range(len(row)):
                total += row[b]
            while row[a] == 0:
                a += 1
            if row[a] < total:
                place = luck(crowd, step, i, TIE) * total - row[a]
                while place >= 0.0:
                    a += 1
                    place -= row[a]
            row[a] -= 1
            crowd.action[i] = a
    count(crowd, visits)
