"""An arm that waiting sends on a long detour: the example with which GINO-Q was introduced, as far as its figure can be read.

Description
-----------
In one state it matters where an arm goes. Acted on, it mostly reaches the state that pays; left alone, it first walks through
four states in which waiting costs. Acting there is dear at once and worth it later, so rules that look one step ahead fail, and
putting that state first is worse than acting at random.

Arms
----
states
    0, where the action decides; 1, which pays; 2, 3, 4, 5, the detour, in this order.
actions
    0 waits, 1 acts.
transitions
    From 0 to 2 when waiting, and to 0 or 1 with probabilities 0.2 and 0.8 when acting. Whatever is done, from 1 to 0 or 1 with
    probabilities 0.4 and 0.6, from 2 to 3, from 3 to 4, from 4 to 5, and from 5 to 0 or 1 with probabilities 0.6 and 0.4.
rewards
    -4, 4, -2, -2, -2, -2 when waiting and -10, 4, 0, 0, 0, 0 when acting.

Requirement
-----------
None.

Budget
------
Of ten arms, all alike, as many as the variant says, exactly; at scale ``h`` of ten times ``h`` arms ``h`` times as many.

Start
-----
Every arm is in state 0.

Variants
--------
=======  ===============  ======
variant  parameter        value
=======  ===============  ======
70       acted            7
30       acted            3
50       acted            5
90       acted            9
=======  ===============  ======

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
70          10         0        0       -1.17    -54.36
30          10   -73.333        2      -73.11    -88.63
50          10   -33.333        2      -33.16    -66.67
90          10   -26.667       -4      -26.71    -56.97
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms. With half of the arms acted
on, state 0 ties with the detour at the price, and the ties decide: with state 0 after the detour the bound is reached, with
state 0 before it the policy earns -66.7, as much as chance. The column has ties broken by what they earn in the fluid limit.

Assumptions
-----------
The paper draws the arm; it could be read which rows of probabilities there are (four sure, two of 0.4 and 0.6, one of 0.8 and
0.2), but not from which state to which. This assignment is a reconstruction and no quotation: it fits the drawing, acting and
waiting tie in state 0 at the charges -4 and 2 as in the paper, the bound with 70 % acted on is 0, and there the order that
begins with state 0 earns less than chance, as the paper plots.

The paper calls the arm not indexable, as state 0 would be worth acting on again above a charge of 2. That cannot be: at such
charges every other state waits, and the advantage of acting in state 0 falls with the charge whatever the transitions are. The
advantage touches 0 at the charge 2 and is negative beyond; the arm is indexable, with the index (-4, 0, 2, 2, 2, 2). For an arm
that is not, see flipped-v1.

With 70 % acted on the price is 0, where many learners begin: the other variants are there to see whether a price is learned.

Source
------
Chen, Liew and Gunduz, GINO-Q: Learning an Asymptotically Optimal Index Policy for Restless Multi-armed Bandits,
arXiv:2408.09882 (2024), the example of its first figure.
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page

ARMS = 10
WAITS = (
    (0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    (0.4, 0.6, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    (0.6, 0.4, 0.0, 0.0, 0.0, 0.0),
)
ACTS = ((0.2, 0.8, 0.0, 0.0, 0.0, 0.0), *WAITS[1:])
REWARDS = ((-4.0, 4.0, -2.0, -2.0, -2.0, -2.0), (-10.0, 4.0, 0.0, 0.0, 0.0, 0.0))


def build(acted: int) -> System:
    """Ten arms, all alike.

    Parameters
    ----------
    acted : int
        How many of them are acted on in a period.

    Examples
    --------
    >>> build(7).transitions[0, :, 0]
    array([[0. , 0. , 1. , 0. , 0. , 0. ],
           [0.2, 0.8, 0. , 0. , 0. , 0. ]])
    """
    return System(np.array([[WAITS, ACTS]]), np.array([REWARDS]), np.eye(6)[0], multiplicity=(ARMS,), k=acted)


SCENARIO = Scenario(
    name="gino-v1",
    title="acting is dear at once and spares a detour",
    citation="Chen, Liew, Gunduz, arXiv:2408.09882 (2024), figure 1, reconstructed",
    page=page(__doc__),
    variants={"70": {"acted": 7}, "30": {"acted": 3}, "50": {"acted": 5}, "90": {"acted": 9}},
    parameters={},
    build=build,
)
