"""Computers that may be under attack, broken or overloaded, and are inspected with errors.

Description
-----------
An operator inspects some computers in each period. An inspection takes a computer for attacked, malfunctional, overloaded or
normal; if it is right about a trouble, the trouble is dealt with and earns a reward, the more the worse it is.

Arms
----
states
    0 attacked, 1 malfunctional, 2 overloaded, 3 normal; not seen.
actions
    0 waits, 1 inspects.
transitions
    The same under both actions; to (0, 1, 2, 3) from 0 with probabilities 0.7, 0.1, 0.1, 0.1, from 1 with 0.05, 0.7, 0.1, 0.15,
    from 2 with 0.05, 0.1, 0.65, 0.2, from 3 with 0.05, 0.05, 0.1, 0.8.
rewards
    4, 3 and 2 for finding an attack, a malfunction and an overload; nothing for a wrong finding or a normal computer. The
    states 0, 1, 2, 3 are taken for (0, 1, 2, 3) with probabilities 0.8, 0.1, 0.05, 0.05, then 0.1, 0.75, 0.1, 0.05, then 0.05,
    0.1, 0.75, 0.1, and 0.05, 0.05, 0.1, 0.8.
signals
    What the variant says, of the state before the move; nothing while waiting.

Requirement
-----------
None.

Budget
------
``k`` computers per period, exactly; at scale ``h`` there are ``h`` times as many computers and ``h`` times as many are
inspected. There are 10 computers (``computers``), all alike.

Start
-----
The law that waiting keeps.

Variants
--------
===========  ================================================================================
variant      what is seen
===========  ================================================================================
observation  observation: what the computer is taken for
reward       reward: 4, 3, 2 or 0
joint        observation and reward: what it is taken for, and whether that was right
full         state: what it is
===========  ================================================================================

Assumptions
-----------
The paper describes the example; its numbers could not be read. We chose the moves, the errors and the rewards, the number of
computers, and that they are alike. A trouble does not end because it was found: moves are the same under both actions, as
throughout the paper. Ten computers with one inspected are the default; the discount is 0.9.

Source
------
Liu and Jia, General Formulation and PCL-Analysis for Restless Bandits with Limited Observability, arXiv:2307.03034v4, the
example of monitoring for cybersecurity.
"""

from __future__ import annotations

from rmab.hidden.arms import HiddenArms
from rmab.models.criterion import Discounted
from rmab.scenarios.definition import HiddenSystem, Scenario, page

MOVES = ((0.7, 0.1, 0.1, 0.1), (0.05, 0.7, 0.1, 0.15), (0.05, 0.1, 0.65, 0.2), (0.05, 0.05, 0.1, 0.8))
ERRORS = ((0.8, 0.1, 0.05, 0.05), (0.1, 0.75, 0.1, 0.05), (0.05, 0.1, 0.75, 0.1), (0.05, 0.05, 0.1, 0.8))
FOUND = ((4, 0, 0, 0), (0, 3, 0, 0), (0, 0, 2, 0), (0, 0, 0, 0))


def build(seen: str, computers: int) -> HiddenSystem:
    """Computers that are all alike.

    Parameters
    ----------
    seen : str
        What is seen of a computer that is inspected, a word of :class:`~rmab.hidden.information.Seen`.
    computers : int
        Their number.

    Examples
    --------
    >>> build("reward", computers=10).arms[0].signal_law([0.25, 0.25, 0.25, 0.25], action=1)  # of 0, 2, 3 and 4
    array([[0.425 , 0.1875, 0.1875, 0.2 ]])
    """
    return HiddenSystem((HiddenArms.from_observations(MOVES, ERRORS, FOUND, seen=seen),), (computers,))


SCENARIO = Scenario(
    name="cyber-monitoring-v1",
    title="troubled computers, found by inspections that err",
    citation="Liu and Jia, arXiv:2307.03034v4, monitoring for cybersecurity",
    page=page(__doc__),
    variants={
        "observation": {"seen": "observation"},
        "reward": {"seen": "reward"},
        "joint": {"seen": "observation and reward"},
        "full": {"seen": "state"},
    },
    parameters={"computers": 10},
    build=build,
    hidden=True,
    criterion=Discounted(0.9),
)
