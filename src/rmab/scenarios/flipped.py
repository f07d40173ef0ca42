"""An arm that is genuinely not indexable, at one budget where the gain index reaches the bound and one where no index does.

Description
-----------
The rewards of gino-v1 with the two actions exchanged, and the same rows of probabilities between other states. As the charge
for acting grows, state 0 goes from acting to waiting, back to acting, and to waiting again. Whoever looks for a Whittle index
of state 0 finds one of three roots.

Arms
----
states
    0, where the action decides; 1, which pays; 2 to 5.
actions
    0 waits, 1 acts.
transitions
    From 0 to 1 when waiting and to 2 when acting. Whatever is done, from 1 to 3, from 2 to 4 or 5 with probabilities 0.8 and
    0.2, from 4 to 2, and from 3 and from 5 to 0 or 1 with probabilities 0.4 and 0.6.
rewards
    -10, 4, 0, 0, 0, 0 when waiting and -4, 4, -2, -2, -2, -2 when acting.

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
20       acted            2
=======  ===============  ======

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
70          10   -56.667       -2      -56.77    -94.14
20          10        13     -0.6       -0.02    -17.37
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms. Acting and waiting tie in
state 0 at the charges -4, -0.6 and 2: between the last two and below the first the state is worth acting on. With 70 % acted
on, the gain index, (-14/3, 2, 0, 0, 0, 0) above the price, reaches the bound. With 20 % its path leads away from the relaxed
optimum however many arms there are, and policies that follow that optimum are needed; the study ``policies/flipped`` compares
them.

Assumptions
-----------
The arm is not in the paper. It came up in the search for the arm of gino-v1, among the assignments of its rows of probabilities
to states, and has what that arm lacks. The budgets are ours.

Source
------
After Chen, Liew and Gunduz, GINO-Q: Learning an Asymptotically Optimal Index Policy for Restless Multi-armed Bandits,
arXiv:2408.09882 (2024), the example of its first figure.
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page

ARMS = 10
WAITS = (
    (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.8, 0.2),
    (0.4, 0.6, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    (0.4, 0.6, 0.0, 0.0, 0.0, 0.0),
)
ACTS = ((0.0, 0.0, 1.0, 0.0, 0.0, 0.0), *WAITS[1:])
REWARDS = ((-10.0, 4.0, 0.0, 0.0, 0.0, 0.0), (-4.0, 4.0, -2.0, -2.0, -2.0, -2.0))


def build(acted: int) -> System:
    """Ten arms, all alike.

    Parameters
    ----------
    acted : int
        How many of them are acted on in a period.

    Examples
    --------
    >>> build(2).transitions[0, :, 0]
    array([[0., 1., 0., 0., 0., 0.],
           [0., 0., 1., 0., 0., 0.]])
    """
    return System(np.array([[WAITS, ACTS]]), np.array([REWARDS]), np.eye(6)[0], multiplicity=(ARMS,), k=acted)


SCENARIO = Scenario(
    name="flipped-v1",
    title="an arm without a Whittle index",
    citation="after Chen, Liew, Gunduz, arXiv:2408.09882 (2024), figure 1",
    page=page(__doc__),
    variants={"70": {"acted": 7}, "20": {"acted": 2}},
    parameters={},
    build=build,
)
