"""Clients who want fresh updates over links of different quality.

Description
-----------
A station sends updates to some of its clients in each slot, over links that lose some of them. What a client holds grows older
until the next update arrives. Old information on a bad link is the hardest to judge: it costs most, and an update may be lost.

Arms
----
states
    Age of the newest update, ``1, 2, ..., oldest``; state ``i`` is the age ``i + 1``. An age never passes ``oldest``.
actions
    0 waits, 1 sends an update.
transitions
    Sending brings the age to 1 with probability ``p``; otherwise, and without an update, it grows by one up to ``oldest``.
rewards
    ``-age``, whatever is done.

Requirement
-----------
None.

Budget
------
As many clients as the variant says, exactly; at scale ``h`` there are ``h`` times as many clients and updates.

Start
-----
Every update is of age 1.

Variants
--------
=======  ===============  ======================
variant  parameter        clients
=======  ===============  ======================
20       success          0.9, 0.7, 0.5, 0.3
20       arms             5, 5, 5, 5
20       acted            4
50       success          0.9, 0.7, 0.5, 0.3
50       arms             1, 1, 1, 1
50       acted            2
=======  ===============  ======================

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
20           5  -532.714       22     -535.34   -906.13
50           1   -10.731      2.9      -11.18    -15.69
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms, with the default ``oldest``.
The smaller variant has four clients only: there the bound is not reached. Without a largest age the Whittle index of age ``h``
is ``p h (h + 2 / p - 1) / 2``; with a large ``oldest`` the first ages have those numbers.

Long ages are hardly ever seen under a good policy, and what is learned of them stays poor.

Assumptions
-----------
The model and the closed form of its index are published; the qualities of the links, how many clients there are of each, the
budgets, the largest age and the start are ours.

Source
------
Kadota, Sinha, Uysal-Biyikoglu, Singh and Modiano, Scheduling Policies for Minimizing Age of Information in Broadcast Wireless
Networks, IEEE/ACM Transactions on Networking 26(6) (2018).
"""

from __future__ import annotations

import numpy as np

from rmab.scenarios.definition import Scenario, System, page


def build(success: tuple[float, ...], arms: tuple[int, ...], acted: int, oldest: int) -> System:
    """Clients on links of different quality.

    Parameters
    ----------
    success : tuple of float, length K
        Probability that an update arrives.
    arms : tuple of int, length K
        How many clients there are on such a link.
    acted : int
        How many clients are sent an update in a slot.
    oldest : int
        Age at which updates stop ageing.

    Examples
    --------
    >>> build((0.5,), (2,), acted=1, oldest=3).transitions[0, 1]
    array([[0.5, 0.5, 0. ],
           [0.5, 0. , 0.5],
           [0.5, 0. , 0.5]])
    """
    chance, ages = np.array(success)[:, np.newaxis], np.arange(1.0, oldest + 1)
    ageing = np.eye(oldest, k=1)
    ageing[-1, -1] = 1.0
    sent = (1.0 - chance)[:, :, np.newaxis] * ageing
    sent[:, :, 0] += chance
    return System(
        transitions=np.stack([np.broadcast_to(ageing, sent.shape), sent], axis=1),
        rewards=np.broadcast_to(-ages, (len(success), 2, oldest)),
        start=np.eye(oldest)[0],
        multiplicity=arms,
        k=acted,
    )


LINKS = (0.9, 0.7, 0.5, 0.3)
SCENARIO = Scenario(
    name="age-of-information-v1",
    title="fresh updates over links of different quality",
    citation="Kadota, Sinha, Uysal-Biyikoglu, Singh, Modiano (2018)",
    page=page(__doc__),
    variants={
        "20": {"success": LINKS, "arms": (5, 5, 5, 5), "acted": 4},
        "50": {"success": LINKS, "arms": (1, 1, 1, 1), "acted": 2},
    },
    parameters={"oldest": 30},
    build=build,
)
