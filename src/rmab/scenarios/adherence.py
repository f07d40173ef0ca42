"""Patients who use their breathing aid at night or do not, and of whom one learns only by calling.

Description
-----------
People with sleep apnoea get a device for continuous positive airway pressure (CPAP) and many stop using it. A health worker may
call a few of them each day: the call encourages, and tells whether the patient adheres. Of all others nothing is learned that
day, so what is known of a patient collapses to one of two beliefs with each call, and fades from there.

Arms
----
states
    0 does not adhere, 1 adheres; seen only when called.
actions
    0 waits, 1 calls.
transitions
    Without a call a patient adheres the next day with the probability of the variant, after a day of not adhering and after one
    of adhering. A call multiplies both by 1.1, up to at most 1.
rewards
    1 for a day of adhering, called or not.
signals
    A call tells the state of its day, before the move; waiting tells nothing.

Requirement
-----------
None.

Budget
------
``k`` calls per day, exactly; at scale ``h`` there are ``h`` times as many patients and calls. There are 5 patients
(``patients``) of each group, so that ``scale=20`` with one group gives the published 100 patients and 20 calls.

Start
-----
The law that waiting keeps.

Variants
--------
========  ===================  ==================
variant   parameter            groups
========  ===================  ==================
general   after not adhering   0.269
general   after adhering       0.828
sexes     after not adhering   0.351, 0.214
sexes     after adhering       0.853, 0.791
clusters  after not adhering   0.98, 0.234
clusters  after adhering       0.95, 0.666
========  ===================  ==================

``general`` is one group of all patients; ``sexes`` are men and women; ``clusters`` are those who adhere and those who do not.

Assumptions
-----------
Published are the probabilities of the groups, the factor 1.1, that a call tells the state, the reward, and 100 patients, 20
calls and 180 days. The published experiments also disturb the probabilities of every patient at random; here the patients of a
group are alike. We chose the cap at 1, which only the adhering cluster reaches (there a call makes sure that the patient
adheres the next day), the start, and the average as the criterion.

Source
------
Kang, Prabhu, Sawyer and Griffin, Markov models for treatment adherence in obstructive sleep apnea, IIE Annual Conference
(2013), and Kang, Sawyer, Griffin and Prabhu, Modelling adherence behaviour for the treatment of obstructive sleep apnoea,
European Journal of Operational Research 249 (2016); as arms with calls in Herlihy, Prins, Srinivasan and Dickerson, Planning to
Fairly Allocate, arXiv:2106.07677.
"""

from __future__ import annotations

import numpy as np

from rmab.hidden.arms import HiddenArms
from rmab.scenarios.definition import HiddenSystem, Scenario, page

EFFECT = 1.1


def build(after_not_adhering: tuple[float, ...], after_adhering: tuple[float, ...], patients: int) -> HiddenSystem:
    """Some patients of each group.

    Parameters
    ----------
    after_not_adhering, after_adhering : tuple of float, length K
        Probability of adhering the next day, without a call.
    patients : int
        Number of patients of each group.

    Examples
    --------
    >>> arms = build((0.269,), (0.828,), patients=5).arms[0]
    >>> arms.filter([0.5, 0.5], action=1, signal=1).round(4)
    array([0.0892, 0.9108])
    """
    arms = []
    for group in zip(after_not_adhering, after_adhering, strict=True):
        alone = np.array(group)
        adheres = np.stack([alone, np.minimum(EFFECT * alone, 1.0)])
        moves = np.stack([1.0 - adheres, adheres], axis=-1)
        arms.append(HiddenArms.observed(moves, [[0.0, 1.0]] * 2, timing="before", blind=[0]))
    return HiddenSystem(tuple(arms), (patients,) * len(arms))


SCENARIO = Scenario(
    name="adherence-v1",
    title="patients whose adherence is learned only by calling them",
    citation="Kang et al. (2013, 2016); Herlihy et al., arXiv:2106.07677",
    page=page(__doc__),
    variants={
        "general": {"after_not_adhering": (0.269,), "after_adhering": (0.828,)},
        "sexes": {"after_not_adhering": (0.351, 0.214), "after_adhering": (0.853, 0.791)},
        "clusters": {"after_not_adhering": (0.98, 0.234), "after_adhering": (0.95, 0.666)},
    },
    parameters={"patients": 5},
    build=build,
    hidden=True,
)
