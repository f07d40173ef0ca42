"""Sensors that report over unreliable links, each with an energy budget of its own.

Description
-----------
A monitor polls sensors. A poll costs the sensor energy and delivers a fresh measurement with some probability; otherwise the
newest measurement of the sensor grows one slot older. The monitor wants fresh measurements from all, and no sensor can afford
more polls than its energy allows.

Arms
----
states
    Age of the newest measurement, ``1, 2, ..., oldest``; state ``i`` is the age ``i + 1``. An age never passes ``oldest``.
actions
    0 waits, 1 polls.
transitions
    A poll brings the age to 1 with probability ``p``; otherwise, and without a poll, it grows by one up to ``oldest``.
rewards
    ``-age / oldest``, whatever is done.

Requirement
-----------
The mean of ``a`` is at most ``e``: the sensor is polled in at most a share ``e`` of the slots.

Budget
------
One sensor per slot in the base system, exactly; at scale ``h`` there are ``h`` sensors of each kind and ``h`` are polled.

Start
-----
Every measurement is of age 1.

Variants
--------
=======  ===============  ==============================================
variant  parameter        sensors
=======  ===============  ==============================================
RS4      success          0.2, 0.4, 0.6, 0.8
RS4      energy           0.9, 0.9, 0.1, 0.1
RS8      success          0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9
RS8      energy           0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05
=======  ===============  ==============================================

Assumptions
-----------
The paper states the ages up to 30, the moves, the reward and the start. It does not say, or not in a form that could be read,
and we chose:

* one activation per slot in the base system. With RS8 the energies sum to 1.5: exactly two polls per slot are infeasible;
* the first list of numbers is the probability of success, the second the energy;
* with another ``oldest`` the reward is divided by that age, so that it stays between -1 and 0.

Source
------
Zamir and Hou, Restless Bandits with Individual Penalty Constraints: A New Near-Optimal Index Policy and How to Learn It,
arXiv:2604.04101 (2026), Table 1, remote sensing with energy constraints.
"""

from __future__ import annotations

import numpy as np

from rmab.models.penalty import Penalty
from rmab.scenarios.definition import Scenario, System, page


def build(success: tuple[float, ...], energy: tuple[float, ...], oldest: int) -> System:
    """One sensor of each kind.

    Parameters
    ----------
    success : tuple of float, length K
        Probability that a poll of each sensor delivers a measurement.
    energy : tuple of float, length K
        Share of slots in which each sensor may be polled.
    oldest : int
        Age at which measurements stop ageing.

    Examples
    --------
    >>> build((0.5,), (0.1,), oldest=3).transitions[0, 1]
    array([[0.5, 0.5, 0. ],
           [0.5, 0. , 0.5],
           [0.5, 0. , 0.5]])
    """
    sensors, chance = len(success), np.array(success)
    ageing = np.eye(oldest, k=1)
    ageing[-1, -1] = 1.0
    polled = (1.0 - chance)[:, np.newaxis, np.newaxis] * ageing
    polled[:, :, 0] += chance[:, np.newaxis]
    cost = np.zeros((sensors, 2, oldest))
    cost[:, 1] = 1.0
    return System(
        transitions=np.stack([np.broadcast_to(ageing, polled.shape), polled], axis=1),
        rewards=np.broadcast_to(-np.arange(1, oldest + 1) / oldest, cost.shape),
        penalty=Penalty(cost, np.array(energy)),
        start=np.eye(oldest)[0],
    )


SCENARIO = Scenario(
    name="remote-sensing-v1",
    title="fresh measurements over unreliable links, each sensor within its energy",
    citation="Zamir and Hou, arXiv:2604.04101 (2026), Table 1",
    page=page(__doc__),
    variants={
        "RS4": {"success": (0.2, 0.4, 0.6, 0.8), "energy": (0.9, 0.9, 0.1, 0.1)},
        "RS8": {
            "success": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
            "energy": (0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05),
        },
    },
    parameters={"oldest": 30},
    build=build,
)
