"""Users whose channels are of three qualities, estimated with errors before a rate is chosen.

Description
-----------
A base station serves some of its users in each slot. It estimates the signal to noise and interference ratio (SNIR) of each of
these users and sends at the rate of the estimate. If the channel is at least as good, the packet arrives.

Arms
----
states
    Quality of the channel, 0, 1 or 2; not seen.
actions
    0 waits, 1 estimates the quality and sends at that rate.
transitions
    The same under both actions; from quality 0 to (0, 1, 2) with probabilities 0.6, 0.3, 0.1, from 1 with 0.2, 0.6, 0.2, from 2
    with 0.1, 0.3, 0.6.
rewards
    The estimate ``j`` when it is at most the quality, 0 otherwise. Qualities 0, 1 and 2 are estimated as (0, 1, 2) with
    probabilities 0.8, 0.15, 0.05, then 0.1, 0.8, 0.1, and 0.05, 0.15, 0.8.
signals
    What the variant says, of the state before the move; nothing while waiting.

Requirement
-----------
None.

Budget
------
``k`` users per slot, exactly; at scale ``h`` there are ``h`` times as many users and ``h`` times as many are served. There are
10 users (``users``), all alike.

Start
-----
The law that waiting keeps.

Variants
--------
===========  ================================================================================
variant      what is seen
===========  ================================================================================
observation  observation: the estimate
reward       reward: the rate that arrived, 0 to 2
joint        observation and reward: the estimate, and whether the packet arrived
full         state: the quality
===========  ================================================================================

Assumptions
-----------
The paper describes the example; its numbers could not be read. We chose the moves, the errors and the rewards, the number of
users, and that they are alike. Ten users with one served are the default; the discount is 0.9.

Source
------
Liu and Jia, General Formulation and PCL-Analysis for Restless Bandits with Limited Observability, arXiv:2307.03034v4, the
example of several SNIR levels.
"""

from __future__ import annotations

from rmab.hidden.arms import HiddenArms
from rmab.models.criterion import Discounted
from rmab.scenarios.definition import HiddenSystem, Scenario, page

MOVES = ((0.6, 0.3, 0.1), (0.2, 0.6, 0.2), (0.1, 0.3, 0.6))
ERRORS = ((0.8, 0.15, 0.05), (0.1, 0.8, 0.1), (0.05, 0.15, 0.8))
RATES = ((0, 0, 0), (0, 1, 0), (0, 1, 2))


def build(seen: str, users: int) -> HiddenSystem:
    """Users who are all alike.

    Parameters
    ----------
    seen : str
        What is seen of a user who is served, a word of :class:`~rmab.hidden.information.Seen`.
    users : int
        Their number.

    Examples
    --------
    >>> build("observation", users=10).arms[0].rewards[1, 0]
    array([0.  , 0.8 , 1.75])
    """
    return HiddenSystem((HiddenArms.from_observations(MOVES, ERRORS, RATES, seen=seen),), (users,))


SCENARIO = Scenario(
    name="snir-v1",
    title="rates by the estimated quality of three-level channels",
    citation="Liu and Jia, arXiv:2307.03034v4, several SNIR levels",
    page=page(__doc__),
    variants={
        "observation": {"seen": "observation"},
        "reward": {"seen": "reward"},
        "joint": {"seen": "observation and reward"},
        "full": {"seen": "state"},
    },
    parameters={"users": 10},
    build=build,
    hidden=True,
    criterion=Discounted(0.9),
)
