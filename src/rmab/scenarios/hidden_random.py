"""Random arms whose state is observed with errors when they are acted on.

Description
-----------
Arms of about the same long-run worth, all different. Where single arms are much better than the others every sensible policy
serves these, and policies can hardly be told apart; here the myopic reward of every arm in its long run is between 0.8 and 1.2.

Arms
----
states
    ``states`` of them, 3 by default; not seen.
actions
    0 waits, 1 acts.
transitions
    ``a I + (1 - a) D`` under both actions, with the rows of ``D`` uniform on the simplex and ``a`` uniform on [0.3, 0.9].
rewards
    ``B[s]`` if the state is observed as what it is, 0 otherwise. ``B`` holds uniform numbers on [0, 1] to a power that is
    uniform on [0.5, 4], in increasing order, times what makes the expected reward of acting under the law that waiting keeps
    uniform on [0.8, 1.2].
signals
    The observation, of the state before the move, when acted on; nothing while waiting.

Requirement
-----------
None.

Budget
------
``k`` arms per period, exactly; at scale ``h`` there are ``h`` arms of each of the ``arms`` types, 30 by default, and ``h``
times as many are acted on.

Start
-----
The law that waiting keeps.

Variants
--------
==========  ===========================================================================================================
variant     probabilities ``E[s, j]`` of observing state ``s`` as ``j``
==========  ===========================================================================================================
equal-mean  ``0.8 I + 0.2 D``, with the rows of ``D`` uniform on the simplex
symmetric   one rate of errors, uniform on [0.05, 0.35], for the arm; all wrong observations are equally likely
constant    one rate of errors as above for the arm; wrong observations are shared out uniformly on their simplex
asymmetric  a rate of errors for each state, uniform on [0.05, 0.35]; wrong observations shared out in the same way
random      rows uniform on the simplex
==========  ===========================================================================================================

Assumptions
-----------
The generator of the paper could not be read; this one is ours. The paper tells apart error structures that are symmetric, with
a state-independent rate (``constant``), asymmetric and random; the rates are ours. Arms whose partial conservation laws fail
are kept here: whoever leaves them out should say how many those were.

All numbers come from the ``random()`` of NumPy's PCG64, seeded by ``seed``, in the order: ``a``, ``D`` of the moves, the
errors, the power, ``B``, the expected reward; type after type. A point that is uniform on a simplex is made of the logarithms
of uniform numbers. So an arm depends on the seed, the number of states and the variant, and not on how many arms follow it.

Source
------
After Liu and Jia, General Formulation and PCL-Analysis for Restless Bandits with Limited Observability, arXiv:2307.03034v4, the
comparisons of policies on random arms of 3 to 9 states.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.models.criterion import Discounted
from rmab.scenarios.definition import HiddenSystem, Scenario, page

MOST_STATES = 40
STRUCTURES = ("equal-mean", "symmetric", "constant", "asymmetric", "random")


def build(errors: str, states: int, arms: int, seed: int) -> HiddenSystem:
    """One arm of each of ``arms`` types.

    Parameters
    ----------
    errors : str
        Structure of the errors, as in the table of variants.
    states, arms : int
        Hidden states of an arm, 2 to 40, and number of arms.
    seed : int
        Which of them.

    Raises
    ------
    ModelError
        If there are too few or too many states.

    Examples
    --------
    >>> build("equal-mean", states=3, arms=30, seed=1).arms[0]
    HiddenArms(3 hidden states, 2 actions, 3 signals)
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    return HiddenSystem(tuple(draw(states, rng, errors=errors) for _ in range(arms)), (1,) * arms)


def draw(states: int, rng: np.random.Generator, *, errors: str = "equal-mean") -> HiddenArms:
    """One random arm.

    Parameters
    ----------
    states : int
        Hidden states, 2 to 40.
    rng : Generator
        Where the numbers come from.
    errors : str
        Structure of the errors, as in the table of variants.

    Raises
    ------
    ModelError
        If there is no such structure, or there are too few or too many states.

    Examples
    --------
    >>> arm = draw(3, np.random.default_rng(1), errors="symmetric")
    >>> 0.8 <= float(arm.rewards[1, 0] @ arm.stationary()) <= 1.2
    True
    """
    if errors not in STRUCTURES:
        raise ModelError(f"there is no error structure {errors!r}; there are {', '.join(STRUCTURES)}")
    if not 2 <= states <= MOST_STATES:
        raise ModelError(f"states must be from 2 to {MOST_STATES}, got {states}")
    stay = _between(rng, 0.3, 0.9)
    moves = stay * np.eye(states) + (1.0 - stay) * _simplex(rng, states, states)
    seen_as = _errors(states, rng, errors)
    power = _between(rng, 0.5, 4.0)
    worth = np.diag(np.sort(rng.random(states) ** power))
    mean = _between(rng, 0.8, 1.2)
    plain = HiddenArms.from_observations(moves, seen_as, worth)
    return HiddenArms.from_observations(moves, seen_as, worth * (mean / (plain.rewards[1, 0] @ plain.stationary())))


def _errors(states: int, rng: np.random.Generator, structure: str) -> NDArray[np.float64]:
    if structure == "equal-mean":
        return 0.8 * np.eye(states) + 0.2 * _simplex(rng, states, states)
    if structure == "random":
        return _simplex(rng, states, states)
    rates = _between(rng, 0.05, 0.35, states if structure == "asymmetric" else 1)
    shares = (
        np.full((states, states - 1), 1.0 / (states - 1)) if structure == "symmetric" else _simplex(rng, states, states - 1)
    )
    wrong = np.zeros((states, states))
    wrong[~np.eye(states, dtype=bool)] = shares.ravel()
    return np.diag(np.broadcast_to(1.0 - rates, states)) + rates[:, np.newaxis] * wrong


def _between(rng: np.random.Generator, low: float, high: float, size: int | None = None) -> NDArray[np.float64]:
    return low + (high - low) * np.asarray(rng.random(size))


def _simplex(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Rows that are uniform on the simplex."""
    waits = -np.log1p(-rng.random((rows, columns)))
    return waits / waits.sum(axis=1, keepdims=True)


SCENARIO = Scenario(
    name="hidden-random-v1",
    title="random arms of about the same worth, observed with errors",
    citation="after Liu and Jia, arXiv:2307.03034v4",
    page=page(__doc__),
    variants={structure: {"errors": structure} for structure in STRUCTURES},
    parameters={"states": 3, "arms": 30, "seed": 1},
    build=build,
    hidden=True,
    criterion=Discounted(0.9),
)
