"""Links that share a few channels, some with urgent and some with bulky traffic, over fading that is slow or fast.

Description
-----------
In each slot a base station gives its channels to some of the links. A link whose fading is good delivers a packet almost
surely, one whose fading is bad less than half of the time. Files are worth much and can wait; calls are worth little and
cannot. Whether it pays to wait for good fading depends on the backlog and on how long bad fading lasts.

Arms
----
states
    Fading, 0 bad or 1 good, and packets that wait, ``0, 1, ..., longest``. State ``x (longest + 1) + n`` is the fading ``x``
    with ``n`` packets: all backlogs under bad fading come first.
actions
    0 waits, 1 sends on a channel.
transitions
    A packet is delivered with probability 0.4 under bad fading and 0.95 under good if the link has a channel and a packet. Then
    a packet arrives with probability ``arrival``; one that finds ``longest`` others is lost. Independently the fading stays
    what it is with probability ``stay``.
rewards
    ``value`` for a packet delivered, as expected, less ``holding`` for each packet that waits at the start of the slot.

Requirement
-----------
None.

Budget
------
One channel for four links, one of each kind, exactly; at scale ``h`` there are ``h`` links of each kind and ``h`` channels.

Start
-----
Every link is under bad fading and has no packet.

Variants
--------
=======  ===============  ======================
variant  parameter        links
=======  ===============  ======================
25       arrival          0.25, 0.25, 0.25, 0.25
25       stay             0.9, 0.9, 0.7, 0.7
25       value            1, 0.25, 1, 0.25
25       holding          0.02, 0.2, 0.02, 0.2
=======  ===============  ======================

In order: a file and a call over slow fading, a file and a call over fast fading.

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
25          25     0.537   1.2343        0.21    -31.20
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms, with the default ``longest``.
At the same size the Whittle index earns 0.16, the myopic rule -32.42, and the gain index at price 0, which is what learners
find that know no price, -11.00.

Assumptions
-----------
The paper has a problem of allocating channels; its parameters could not be read, and this one is ours from beginning to end. It
was chosen so that it takes an index to solve it:

* there is one packet per slot and channel on average, more than can be delivered, so that the price is clearly positive;
* in the slot itself a file earns most, and the myopic rule serves files until calls have choked: it does worse than chance;
* who knows no price counts on a channel in every later slot, and loses a third of what choosing well can gain;
* the kinds of links differ, so they must be compared with one another.

Five packets are the default of ``longest``.

Source
------
After Chen, Liew and Gunduz, GINO-Q: Learning an Asymptotically Optimal Index Policy for Restless Multi-armed Bandits,
arXiv:2408.09882 (2024), channel allocation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.scenarios.definition import Scenario, System, page

DELIVERED = (0.4, 0.95)


def build(
    arrival: tuple[float, ...],
    stay: tuple[float, ...],
    value: tuple[float, ...],
    holding: tuple[float, ...],
    longest: int,
) -> System:
    """One link of each kind.

    Parameters
    ----------
    arrival : tuple of float, length K
        Probability that a packet arrives in a slot.
    stay : tuple of float, length K
        Probability that the fading stays what it is.
    value, holding : tuple of float, length K
        What a delivered packet earns, and what a waiting one costs in a slot.
    longest : int
        Packets beyond which arriving ones are lost.

    Examples
    --------
    >>> build((0.25,), (0.9,), (1.0,), (0.02,), longest=1).transitions[0, 1]  # bad fading first
    array([[0.675  , 0.225  , 0.075  , 0.025  ],
           [0.27   , 0.63   , 0.03   , 0.07   ],
           [0.075  , 0.025  , 0.675  , 0.225  ],
           [0.07125, 0.02875, 0.64125, 0.25875]])
    """
    served = np.outer(DELIVERED, np.arange(longest + 1) > 0)
    moves = np.stack([_moves(*chances, served) for chances in zip(arrival, stay, strict=True)])
    waiting = np.outer(holding, np.tile(np.arange(longest + 1), 2))
    rewards = np.stack([-waiting, np.outer(value, served) - waiting], axis=1)
    return System(moves, rewards, np.eye(moves.shape[-1])[0])


def _moves(arrival: float, stay: float, served: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transitions of a link, from the probability that it delivers a packet when it has a channel, per fading and backlog."""
    waiting = np.arange(served.shape[1])
    fading = np.where(np.eye(2) > 0, stay, 1.0 - stay)
    moves = np.zeros((2, 2, len(waiting), 2, len(waiting)))
    for action, x in np.ndindex(2, 2):
        gone = action * served[x]
        for sent, delivers in ((0, 1.0 - gone), (1, gone)):
            for come, arrives in ((0, 1.0 - arrival), (1, arrival)):
                left = np.clip(waiting - sent + come, 0, waiting[-1])
                moves[action, x, waiting, :, left] += (delivers * arrives)[:, np.newaxis] * fading[x]
    return moves.reshape(2, served.size, served.size)


SCENARIO = Scenario(
    name="channel-allocation-v1",
    title="a few channels for links with urgent and with bulky traffic",
    citation="after Chen, Liew, Gunduz, arXiv:2408.09882 (2024), channel allocation",
    page=page(__doc__),
    variants={
        "25": {
            "arrival": (0.25, 0.25, 0.25, 0.25),
            "stay": (0.9, 0.9, 0.7, 0.7),
            "value": (1.0, 0.25, 1.0, 0.25),
            "holding": (0.02, 0.2, 0.02, 0.2),
        }
    },
    parameters={"longest": 5},
    build=build,
)
