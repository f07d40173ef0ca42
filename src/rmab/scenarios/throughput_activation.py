"""Wireless links with random channels, each of which must be served in a least share of all slots.

Description
-----------
A base station serves users over fading channels. In every slot it sees the channel of each user and serves one of them; a good
channel carries more data. Each user has been promised a least share of the slots, whatever its channel.

Arms
----
states
    Channel level ``x = 1/m, 2/m, ..., 1``; state ``i`` is the level ``(i + 1) / m``, with ``m = levels``.
actions
    0 waits, 1 serves.
transitions
    The next level is drawn uniformly, independent of the present one and of the action.
rewards
    ``v x`` when served, 0 otherwise, with ``v`` the throughput of the user at its best channel.

Requirement
-----------
The mean of ``-a`` is at most ``-eta``: the user is served in at least a share ``eta`` of the slots.

Budget
------
One user per slot in the base system, exactly; at scale ``h`` there are ``h`` users of each kind and ``h`` are served.

Start
-----
Every channel starts at a level drawn uniformly.

Variants
--------
=======  ===============  ====================================
variant  parameter        users
=======  ===============  ====================================
TP4      throughput       0.3, 0.5, 0.7, 0.9
TP4      least share      0.35, 0.35, 0.05, 0.05
TP6      throughput       0.4, 0.5, 0.6, 0.7, 0.8, 0.9
TP6      least share      0.2, 0.2, 0.1, 0.1, 0.05, 0.05
=======  ===============  ====================================

Assumptions
-----------
The paper does not say, or not in a form that could be read, and we chose:

* ten channel levels (``levels``);
* one activation per slot in the base system: the only number at which all settings of the paper are feasible when the budget
  must be used in full;
* the first list of numbers is the throughput, the second the least share. For TP6 the first list is printed with seven numbers
  for six users, ".3, .4, ..., .9"; we use 0.4 to 0.9;
* no throughput at level 0: a part of the reward per activation that all users share changes nothing.

Source
------
Zamir and Hou, Restless Bandits with Individual Penalty Constraints: A New Near-Optimal Index Policy and How to Learn It,
arXiv:2604.04101 (2026), Table 1, throughput with activation constraints.
"""

from __future__ import annotations

import numpy as np

from rmab.models.penalty import Penalty
from rmab.scenarios.definition import Scenario, System, page


def build(throughput: tuple[float, ...], least_share: tuple[float, ...], levels: int) -> System:
    """One user of each kind.

    Parameters
    ----------
    throughput : tuple of float, length K
        Reward of each user for a slot on its best channel.
    least_share : tuple of float, length K
        Share of slots in which each user must be served.
    levels : int
        Channel levels.

    Examples
    --------
    >>> build((0.5,), (0.2,), levels=2).rewards
    array([[[0.  , 0.  ],
            [0.25, 0.5 ]]])
    """
    users = len(throughput)
    level = np.arange(1, levels + 1) / levels
    served = np.multiply.outer(np.array(throughput), level)
    cost = np.zeros((users, 2, levels))
    cost[:, 1] = -1.0
    return System(
        transitions=np.full((users, 2, levels, levels), 1.0 / levels),
        rewards=np.stack([np.zeros_like(served), served], axis=1),
        penalty=Penalty(cost, -np.array(least_share)),
        start=np.full(levels, 1.0 / levels),
    )


SCENARIO = Scenario(
    name="throughput-activation-v1",
    title="random channels, each user served in a least share of slots",
    citation="Zamir and Hou, arXiv:2604.04101 (2026), Table 1",
    page=page(__doc__),
    variants={
        "TP4": {"throughput": (0.3, 0.5, 0.7, 0.9), "least_share": (0.35, 0.35, 0.05, 0.05)},
        "TP6": {"throughput": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "least_share": (0.2, 0.2, 0.1, 0.1, 0.05, 0.05)},
    },
    parameters={"levels": 10},
    build=build,
)
