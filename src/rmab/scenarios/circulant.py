"""Four states on a circle, round which acting pushes forwards and waiting backwards.

Description
-----------
The rewards do not depend on what is done, so all that an activation is good for is where it leads, and rules that look at the
reward of now know nothing. The index is highest in the state from which a push reaches the state that pays.

Arms
----
states
    0, 1, 2, 3, on a circle.
actions
    0 waits, 1 acts.
transitions
    Acting, an arm stays or goes on to the next state, waiting it stays or goes back to the one before, each with probability
    0.5.
rewards
    -1, 0, 0, 1, whatever is done.

Requirement
-----------
None.

Budget
------
Two of ten arms, all alike, exactly; at scale ``h`` of ten times ``h`` arms two times ``h``.

Start
-----
Every arm is in state 0.

Variants
--------
=======  ===============  ======
variant  parameter        value
=======  ===============  ======
20       acted            2
=======  ===============  ======

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
20          10        20        1       19.99         0
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms. The Whittle index is (-0.5,
0.5, 1, -1) under the average criterion.

Assumptions
-----------
The arm is as published. The number of arms differs between the papers that use it; we chose a fifth acted on, and the start.

Source
------
Fu, Nazarathy, Moka and Taylor, Towards Q-learning the Whittle Index for Restless Bandits, Australian and New Zealand Control
Conference (2019); also in Avrachenkov and Borkar, Whittle index based Q-learning for restless bandits with average reward,
arXiv:2004.14427.
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page

ARMS = 10
REWARDS = (-1.0, 0.0, 0.0, 1.0)


def build(acted: int) -> System:
    """Ten arms, all alike.

    Parameters
    ----------
    acted : int
        How many of them are acted on in a period.

    Examples
    --------
    >>> build(2).transitions[0, :, 0]
    array([[0.5, 0. , 0. , 0.5],
           [0.5, 0.5, 0. , 0. ]])
    """
    forwards = 0.5 * (np.eye(4) + np.roll(np.eye(4), 1, axis=1))
    return System(np.array([[forwards.T, forwards]]), np.array([[REWARDS] * 2]), np.eye(4)[0], multiplicity=(ARMS,), k=acted)


SCENARIO = Scenario(
    name="circulant-v1",
    title="states on a circle, pushed forwards or falling back",
    citation="Fu, Nazarathy, Moka, Taylor (2019); Avrachenkov, Borkar, arXiv:2004.14427",
    page=page(__doc__),
    variants={"20": {"acted": 2}},
    parameters={},
    build=build,
)
