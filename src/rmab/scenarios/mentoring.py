"""Students who rise with a mentor and sink without one.

Description
-----------
Few of the students have a mentor in each period. What they know changes by one level, up mostly with and down mostly without
mentoring. The higher the level, the less another one is worth, and at the top it is enough to be held there.

Arms
----
states
    Levels ``0, 1, ..., states - 1``.
actions
    0 waits, 1 mentors.
transitions
    Up by one level with probability 0.3 when waiting and 0.7 when mentored, otherwise down by one; who would leave the levels
    stays.
rewards
    ``sqrt((i + 1) / states)`` in state ``i``, whatever is done.

Requirement
-----------
None.

Budget
------
One of ten students, all alike, exactly; at scale ``h`` of ten times ``h`` students ``h``.

Start
-----
Every student is in state 0.

Variants
--------
=======  ===============  ======
variant  parameter        value
=======  ===============  ======
10       acted            1
=======  ===============  ======

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
10          10    49.431   0.9254       49.18     43.10
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms, with the default of ten
states. The Whittle index rises up to state 7 and falls after it: the best are mentored last, and those who stand lowest next to
last. No rule with one threshold fits.

Assumptions
-----------
The levels, the moves and the rewards are as published. We chose a tenth mentored, all alike, and the start.

Source
------
Fu, Nazarathy, Moka and Taylor, Towards Q-learning the Whittle Index for Restless Bandits, Australian and New Zealand Control
Conference (2019), the example of mentoring.
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page

ARMS, RISES = 10, (0.3, 0.7)


def build(acted: int, states: int) -> System:
    """Ten students, all alike.

    Parameters
    ----------
    acted : int
        How many of them are mentored in a period.
    states : int
        Number of levels.

    Examples
    --------
    >>> build(1, states=3).transitions[0, 1]
    array([[0.3, 0.7, 0. ],
           [0.3, 0. , 0.7],
           [0. , 0.3, 0.7]])
    """
    here, moves = np.arange(states), np.zeros((2, states, states))
    for action, rises in enumerate(RISES):
        moves[action, here, np.minimum(here + 1, states - 1)] += rises
        moves[action, here, np.maximum(here - 1, 0)] += 1.0 - rises
    rewards = np.array([[np.sqrt((here + 1) / states)] * 2])
    return System(moves[np.newaxis], rewards, np.eye(states)[0], multiplicity=(ARMS,), k=acted)


SCENARIO = Scenario(
    name="mentoring-v1",
    title="students who rise with a mentor and sink without",
    citation="Fu, Nazarathy, Moka, Taylor (2019), mentoring",
    page=page(__doc__),
    variants={"10": {"acted": 1}},
    parameters={"states": 10},
    build=build,
)
