"""Sites where threats grow until a patrol catches them.

Description
-----------
A few patrols are sent to many sites. At each site a threat grows or fades by itself and does damage in proportion to its level.
A patrol catches it with some probability and brings the site back to rest; the higher the level, the more a catch is worth. A
patrol at a quiet site is lost, one that comes late has let the damage happen.

Arms
----
states
    Level of the threat, ``0, 1, ..., levels - 1``.
actions
    0 waits, 1 patrols.
transitions
    Without a patrol the level grows by one with probability ``up`` and falls by one with probability ``down``; at the ends it
    stays instead. A patrol brings it to 0 with probability ``catch``; otherwise the level moves as without one.
rewards
    With ``x = level / (levels - 1)``, ``-loss x`` when waiting and ``catch bonus x - (1 - catch) loss x`` when patrolled.

Requirement
-----------
None.

Budget
------
As many sites as the variant says, exactly; at scale ``h`` there are ``h`` times as many sites and patrols.

Start
-----
Every site is at level 0.

Variants
--------
=======  ===============  ======================
variant  parameter        sites
=======  ===============  ======================
30       up               0.4, 0.6, 0.2
30       down             0.1, 0.1, 0.05
30       catch            0.8, 0.6, 0.9
30       bonus            1, 1, 2
30       loss             0.5, 1, 0.5
30       arms             34, 33, 33
30       acted            30
40       up               0.4, 0.6, 0.2
40       down             0.1, 0.1, 0.05
40       catch            0.8, 0.6, 0.9
40       bonus            1, 1, 2
40       loss             0.5, 1, 0.5
40       arms             4, 3, 3
40       acted            4
=======  ===============  ======================

=======  =====  ========  =======  ==========  ========
variant  scale     bound    price  gain index    random
=======  =====  ========  =======  ==========  ========
30           1     3.988   0.2320       3.935     -8.75
40           1    0.4614  -0.0229       0.434     -0.41
=======  =====  ========  =======  ==========  ========

Bound, price and random are exact, the gain index is simulated, all per period and over all arms, with the default of six
levels. A threat that is let grow earns a larger bonus, so with four patrols for ten sites there are more than one wants: the
price is negative.

Assumptions
-----------
The paper has a problem of scheduling patrols; its parameters could not be read. The states, the moves, the rewards, three kinds
of sites with their numbers, the budgets and the start are ours.

Source
------
After Chen, Liew and Gunduz, GINO-Q: Learning an Asymptotically Optimal Index Policy for Restless Multi-armed Bandits,
arXiv:2408.09882 (2024), patrol scheduling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.scenarios.definition import Scenario, System, page


def build(
    up: tuple[float, ...],
    down: tuple[float, ...],
    catch: tuple[float, ...],
    bonus: tuple[float, ...],
    loss: tuple[float, ...],
    arms: tuple[int, ...],
    acted: int,
    levels: int,
) -> System:
    """Sites of several kinds.

    Parameters
    ----------
    up, down : tuple of float, length K
        Probability that the threat grows, and that it falls.
    catch : tuple of float, length K
        Probability that a patrol ends it.
    bonus, loss : tuple of float, length K
        What a catch earns, and what a period without one costs, at the highest level.
    arms : tuple of int, length K
        How many sites there are of each kind.
    acted : int
        Number of patrols.
    levels : int
        Number of levels, at least 2.

    Raises
    ------
    ModelError
        If there is only one level.

    Examples
    --------
    >>> build((0.4,), (0.1,), (0.8,), (1.0,), (0.5,), (10,), acted=3, levels=3).rewards
    array([[[-0.  , -0.25, -0.5 ],
            [ 0.  ,  0.35,  0.7 ]]])
    """
    if levels < 2:
        raise ModelError(f"levels must be at least 2, got {levels}: a threat needs a level above rest")
    caught, bonuses, losses = (np.array(column)[:, np.newaxis] for column in (catch, bonus, loss))
    alone = np.stack([_drift(*chances, levels) for chances in zip(up, down, strict=True)])
    patrolled = (1.0 - caught)[:, :, np.newaxis] * alone
    patrolled[:, :, 0] += caught
    share = np.arange(levels) / (levels - 1)
    return System(
        transitions=np.stack([alone, patrolled], axis=1),
        rewards=np.stack([-losses * share, (caught * bonuses - (1.0 - caught) * losses) * share], axis=1),
        start=np.eye(levels)[0],
        multiplicity=arms,
        k=acted,
    )


def _drift(up: float, down: float, levels: int) -> NDArray[np.float64]:
    """How a threat moves that is left alone."""
    here, moves = np.arange(levels), (1.0 - up - down) * np.eye(levels)
    moves[here, np.minimum(here + 1, levels - 1)] += up
    moves[here, np.maximum(here - 1, 0)] += down
    return moves


SITES = {
    "up": (0.4, 0.6, 0.2),
    "down": (0.1, 0.1, 0.05),
    "catch": (0.8, 0.6, 0.9),
    "bonus": (1.0, 1.0, 2.0),
    "loss": (0.5, 1.0, 0.5),
}
SCENARIO = Scenario(
    name="patrol-v1",
    title="patrols for sites where threats grow",
    citation="after Chen, Liew, Gunduz, arXiv:2408.09882 (2024), patrol scheduling",
    page=page(__doc__),
    variants={
        "30": {**SITES, "arms": (34, 33, 33), "acted": 30},
        "40": {**SITES, "arms": (4, 3, 3), "acted": 4},
    },
    parameters={"levels": 6},
    build=build,
)
