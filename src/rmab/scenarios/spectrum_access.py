"""Channels that others use, sensed with errors before they are used.

Description
-----------
A radio may use channels that their owners leave idle. In each slot it senses some channels, sends on those that it senses to be
idle, and gets an acknowledgement if the channel was. Sensing errs, so it never knows for sure which channels are idle.

Arms
----
states
    0 busy, 1 idle; not seen.
actions
    0 waits, 1 senses, and sends if the channel is sensed to be idle.
transitions
    The owner comes and goes whatever the radio does: from busy to idle with probability 0.3, from idle to busy with 0.2.
rewards
    1 for sending on an idle channel: 0.9 when idle, because a channel is sensed to be what it is with probability 0.9.
signals
    What the variant says, of the state before the move; nothing while waiting.

Requirement
-----------
None.

Budget
------
``k`` channels per slot, exactly; at scale ``h`` there are ``h`` times as many channels and ``h`` times as many are sensed.
There are 10 channels (``channels``), all alike.

Start
-----
The law that waiting keeps: every channel is idle with probability 0.6.

Variants
--------
===========  ======================================================================================
variant      what is seen
===========  ======================================================================================
ack          observation and feedback: sensed busy, sensed idle, sensed idle and acknowledged
observation  observation: sensed busy or sensed idle
reward       reward: an acknowledgement or none
full         state: whether the channel was idle
===========  ======================================================================================

Assumptions
-----------
The paper describes opportunistic spectrum access; its numbers could not be read. We chose the moves and the errors, the number
of channels, and that they are alike. Ten channels with one sensed are the default; the discount is 0.9.

Source
------
Liu and Jia, General Formulation and PCL-Analysis for Restless Bandits with Limited Observability, arXiv:2307.03034v4, the
example of opportunistic spectrum access.
"""

from __future__ import annotations

from rmab.hidden.arms import HiddenArms
from rmab.hidden.information import Seen
from rmab.models.criterion import Discounted
from rmab.scenarios.definition import HiddenSystem, Scenario, page

MOVES = ((0.7, 0.3), (0.2, 0.8))
ERRORS = ((0.9, 0.1), (0.1, 0.9))
ACKNOWLEDGED = ((0, 0), (0, 1))


def build(seen: str, channels: int) -> HiddenSystem:
    """Channels that are all alike.

    Parameters
    ----------
    seen : str
        What is seen of a channel that is sensed, a word of :class:`~rmab.hidden.information.Seen`.
    channels : int
        Their number.

    Examples
    --------
    >>> build("observation and feedback", channels=10).arms[0].signal_law([0.4, 0.6], action=1)
    array([[0.42, 0.04, 0.54]])
    """
    feedback = ACKNOWLEDGED if seen == Seen.FEEDBACK else None
    arms = HiddenArms.from_observations(MOVES, ERRORS, ACKNOWLEDGED, seen=seen, feedback=feedback)
    return HiddenSystem((arms,), (channels,))


SCENARIO = Scenario(
    name="spectrum-access-v1",
    title="idle channels of others, sensed with errors",
    citation="Liu and Jia, arXiv:2307.03034v4, opportunistic spectrum access",
    page=page(__doc__),
    variants={
        "ack": {"seen": "observation and feedback"},
        "observation": {"seen": "observation"},
        "reward": {"seen": "reward"},
        "full": {"seen": "state"},
    },
    parameters={"channels": 10},
    build=build,
    hidden=True,
    criterion=Discounted(0.9),
)
