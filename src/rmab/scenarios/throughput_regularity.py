"""Wireless links with random channels, each of which must be served regularly.

Description
-----------
A base station serves users over fading channels, as in throughput-activation-v1. What each user has been promised is not a
number of slots but regular service: the time since it was last served must be short on average.

Arms
----
states
    Channel level ``x = 1/m, 2/m, ..., 1`` with ``m = levels``, and slots since the user was last served,
    ``tau = 1, 2, ..., oldest``. State ``i * oldest + (tau - 1)`` is the level ``(i + 1) / m`` at the age ``tau``: all ages of
    the worst channel come first. An age never passes ``oldest``.
actions
    0 waits, 1 serves.
transitions
    The next level is drawn uniformly, independent of all else. Serving brings the age to 1, waiting lets it grow by one up to
    ``oldest``.
rewards
    ``v x`` when served, 0 otherwise, with ``v`` the throughput of the user at its best channel.

Requirement
-----------
The mean of ``tau / oldest`` is at most ``b``.

Budget
------
One user per slot in the base system, exactly; at scale ``h`` there are ``h`` users of each kind and ``h`` are served.

Start
-----
Every user is of age 1, at a channel level drawn uniformly.

Variants
--------
=======  ===============  ====================================
variant  parameter        users
=======  ===============  ====================================
SR4      throughput       0.4, 0.5, 0.6, 0.7
SR4      most age         0.2, 0.2, 0.1, 0.1
SR6      throughput       0.4, 0.5, 0.6, 0.7, 0.8, 0.9
SR6      most age         0.4, 0.4, 0.8, 0.8, 1, 1
=======  ===============  ====================================

Assumptions
-----------
The paper does not say, or not in a form that could be read, and we chose:

* five channel levels (``levels``);
* the penalty is the age as a share of ``oldest``, which is 30 as in remote-sensing-v1. The bounds of the paper lie between 0
  and 1, and 1 never binds; with ages up to 10 or fewer SR4 would be infeasible;
* one activation per slot in the base system;
* the first list of numbers is the throughput, the second the bound;
* no throughput at level 0: a part of the reward per activation that all users share changes nothing.

In this reading all four arms of SR4 and two of SR6 are not indexable: as the charge grows the requirement weighs more, and
states in which waiting was better become worth serving again.

Source
------
Zamir and Hou, Restless Bandits with Individual Penalty Constraints: A New Near-Optimal Index Policy and How to Learn It,
arXiv:2604.04101 (2026), Table 1, throughput with service regularity constraints.
"""

from __future__ import annotations

import numpy as np

from rmab.models.penalty import Penalty
from rmab.scenarios.definition import Scenario, System, page


def build(throughput: tuple[float, ...], most_age: tuple[float, ...], levels: int, oldest: int) -> System:
    """One user of each kind.

    Parameters
    ----------
    throughput : tuple of float, length K
        Reward of each user for a slot on its best channel.
    most_age : tuple of float, length K
        Most that the slots since the user was last served may be on average, as a share of ``oldest``.
    levels : int
        Channel levels.
    oldest : int
        Age at which users stop ageing.

    Examples
    --------
    >>> build((0.5,), (0.2,), levels=1, oldest=3).transitions[0]
    array([[[0., 1., 0.],
            [0., 0., 1.],
            [0., 0., 1.]],
           [[1., 0., 0.],
            [1., 0., 0.],
            [1., 0., 0.]]])
    """
    users, channel = len(throughput), np.full((levels, levels), 1.0 / levels)
    ageing, reset = np.eye(oldest, k=1), np.zeros((oldest, oldest))
    ageing[-1, -1] = reset[:, 0] = 1.0
    moves = np.stack([np.kron(channel, ageing), np.kron(channel, reset)])
    level, age = np.repeat(np.arange(1, levels + 1) / levels, oldest), np.tile(np.arange(1, oldest + 1) / oldest, levels)
    served = np.multiply.outer(np.array(throughput), level)
    return System(
        transitions=np.broadcast_to(moves, (users, *moves.shape)),
        rewards=np.stack([np.zeros_like(served), served], axis=1),
        penalty=Penalty(np.broadcast_to(age, (users, 2, len(age))), np.array(most_age)),
        start=np.where(age == age[0], 1.0 / levels, 0.0),
    )


SCENARIO = Scenario(
    name="throughput-regularity-v1",
    title="random channels, each user served regularly",
    citation="Zamir and Hou, arXiv:2604.04101 (2026), Table 1",
    page=page(__doc__),
    variants={
        "SR4": {"throughput": (0.4, 0.5, 0.6, 0.7), "most_age": (0.2, 0.2, 0.1, 0.1)},
        "SR6": {"throughput": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "most_age": (0.4, 0.4, 0.8, 0.8, 1.0, 1.0)},
    },
    parameters={"levels": 5, "oldest": 30},
    build=build,
)
