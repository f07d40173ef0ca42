"""Arms that pay less and less until they are restarted, which costs a period.

Description
-----------
Left alone, an arm pays a little less each period, and once in a while renews itself. Acting renews it for sure, but earns
nothing in that period: this is worth it only in the last state, and in all others one would have to be paid to act.

Arms
----
states
    Periods since the last renewal, ``0, 1, ..., states - 1``; it stays in the last.
actions
    0 waits, 1 restarts.
transitions
    Waiting, an arm goes on by one state, or falls back to 0 with probability 0.1; acting, it goes to 0.
rewards
    ``0.9 ** (i + 1)`` in state ``i`` when waiting, 0 when acting.

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
20          10    64.849  -0.2588       64.83     59.87
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms, with the default of five
states. The price is negative: the budget must be used, and there are more activations than are worth having.

Assumptions
-----------
The arm of five states is as published. The number of arms differs between the papers that use it; we chose a fifth acted on,
the start, and what another number of states means.

Source
------
Avrachenkov and Borkar, Whittle index based Q-learning for restless bandits with average reward, arXiv:2004.14427.
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page

ARMS, RENEWED, FADING = 10, 0.1, 0.9


def build(acted: int, states: int) -> System:
    """Ten arms, all alike.

    Parameters
    ----------
    acted : int
        How many of them are acted on in a period.
    states : int
        Number of states of an arm.

    Examples
    --------
    >>> build(2, states=3).transitions[0, 0]
    array([[0.1, 0.9, 0. ],
           [0.1, 0. , 0.9],
           [0.1, 0. , 0.9]])
    """
    here = np.arange(states)
    waits, acts = np.zeros((states, states)), np.zeros((states, states))
    waits[here, np.minimum(here + 1, states - 1)] = 1.0 - RENEWED
    waits[:, 0] += RENEWED
    acts[:, 0] = 1.0
    rewards = np.array([[FADING ** (here + 1), np.zeros(states)]])
    return System(np.array([[waits, acts]]), rewards, np.eye(states)[0], multiplicity=(ARMS,), k=acted)


SCENARIO = Scenario(
    name="restart-v1",
    title="arms that fade until they are restarted",
    citation="Avrachenkov, Borkar, arXiv:2004.14427",
    page=page(__doc__),
    variants={"20": {"acted": 2}},
    parameters={"states": 5},
    build=build,
)
