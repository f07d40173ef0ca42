"""Conveyor arms, on which priority policies can lose everything (Hong, Xie, Chen and Wang).

S states on a circle, and in each state one right action. Taken, it moves the arm one state on with probability p; the wrong
one moves it one state back with probability q(s), where q(0) = 0. The right action is to act in the first half and to wait in
the second, so with half of the arms acted on every arm can go its way. The last state pays when its right action is taken.

In the relaxed optimum the arms are spread over the circle, half of them in each half. When too many are in one half, a wrong
rule for who is turned away keeps them there, and nothing is earned.

1. *action gap*: p = 0.1, q(s) = 0.5 - s / 100, q(1) = 1, reward 0.1; bound 0.0125 per arm.
2. The same from the relaxed optimum instead of all arms in state 0. In the fluid limit the LP-priority stays there, but it is a
   fixed point that repels: however many arms, chance moves them off it. A check that starts only there would pass the policy.
3. *not indexable*: a reward of 0.005 for acting in state 0 makes the arm not indexable; the bound is 0.013125.
4. *uniform*: p = 1/6, q = 0.9, reward 1/6; bound 0.0208333.

The minimisers of the dual are an interval, so the order of the LP-priority depends on the price within it, and so does the
claim: it holds for the middle, which this library takes. The Whittle index of the indexable arms leads to the bound; the paper
proves nothing about it, so it is measured here, not judged.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Restless bandits with average reward: breaking the uniform global attractor
assumption, arXiv:2306.00196 (2023), and the programs published with it, where these arms have the names eg4action-gap-tb and
eg4unif-tb.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.criterion import Average
from rmab.policies.randomised_lp import single_arm_plan
from rmab.studies.curves import bound_per_arm, closes, measured, near, run_curves, stays_below
from rmab.studies.rows import Row
from rmab.studies.study import NOT_REPRODUCED, REPRODUCED, Claim, Definition, Instance, Scale

FRACTION = 0.5
STATES = 8
GAP, GOOD_START, NOT_INDEXABLE, UNIFORM = "action gap", "action gap, good start", "not indexable", "uniform"
BOUNDS = {GAP: 0.0125, NOT_INDEXABLE: 0.013125, UNIFORM: 1 / 48}
CLOSING = ("virtual-advice", "id", "set-expansion", "two-set", "lp-update")


def conveyor(forward: float, back: ArrayLike, reward: float, extra: float = 0.0) -> Arms:
    """A conveyor arm.

    Parameters
    ----------
    forward : float
        Probability of moving on when the right action is taken.
    back : array_like, shape (S,)
        Probability of falling back when it is not.
    reward : float
        Reward of the right action in the last state.
    extra : float
        Reward of acting in state 0.

    Examples
    --------
    >>> arm = conveyor(0.1, [0.0, 1.0, 0.4, 0.4], 0.1)
    >>> arm.transitions[0, 1, :2].tolist()
    [[0.9, 0.1, 0.0, 0.0], [0.0, 0.9, 0.1, 0.0]]
    """
    back = np.asarray(back, dtype=np.float64)
    n = len(back)
    p, r = np.zeros((2, n, n)), np.zeros((2, n))
    for s in range(n):
        right = int(s < n // 2)
        p[right, s, [s, (s + 1) % n]] = 1 - forward, forward
        p[1 - right, s, s] += 1 - back[s]
        p[1 - right, s, max(s - 1, 0)] += back[s]
    r[0, -1], r[1, 0] = reward, extra
    return Arms(p, r)


def instances() -> tuple[Instance, ...]:
    """The four cases of the module docstring."""
    back = 0.5 - 0.01 * np.arange(STATES)
    back[:2] = 0.0, 1.0
    steady = np.where(np.arange(STATES) > 0, 0.9, 0.0)
    gap = Instance(GAP, conveyor(0.1, back, 0.1), FRACTION)
    optimum = single_arm_plan(gap.problem(10)).occupancy[0]
    return (
        gap,
        Instance(GOOD_START, gap.arm, FRACTION, tuple((optimum / optimum.sum()).tolist())),
        Instance(NOT_INDEXABLE, conveyor(0.1, back, 0.1, extra=0.04 / STATES), FRACTION),
        Instance(UNIFORM, conveyor(1 / 6, steady, 1 / 6), FRACTION),
    )


def judge(instances: Mapping[str, Instance], rows: tuple[Row, ...]) -> tuple[Claim, ...]:
    """The bounds, indexability, the priorities that fail, and the policies that do without an attractor."""
    claims = []
    for name, instance in instances.items():
        if name in BOUNDS:
            claims += [near(f"{name}: the bound per arm", bound_per_arm(instance, 10), BOUNDS[name], 1e-6), _verdict(instance)]
        if name == GOOD_START:
            claims.append(measured(instance, rows, "lp-priority", "whose fluid limit from there is the bound"))
        else:
            claims.append(stays_below(instance, rows, "lp-priority"))
        claims += [
            *(closes(instance, rows, policy) for policy in CLOSING),
            measured(instance, rows, "whittle", "a heuristic here" if name == NOT_INDEXABLE else "no claim"),
            measured(instance, rows, "gain index", "no claim"),
            measured(instance, rows, "randomised-lp", "random arms turned away"),
        ]
    return tuple(claims)


def _verdict(instance: Instance) -> Claim:
    expected = instance.name != NOT_INDEXABLE
    table = whittle_index(instance.arm, Average())
    agrees = bool(table.indexable[0]) == expected
    statement = f"{instance.name}: the arm is {'' if expected else 'not '}indexable"
    return Claim(statement, str(table.verdict[0]), REPRODUCED if agrees else NOT_REPRODUCED)


STUDY = Definition(
    name="policies/conveyor",
    title="Conveyor arms: without a global attractor, priority policies can earn next to nothing",
    citation="Hong, Xie, Chen, Wang, Restless bandits with average reward: breaking the uniform global attractor assumption, "
    "arXiv:2306.00196",
    instances=instances,
    run=run_curves,
    scales={
        "glance": Scale((20, 320), steps=300, burn_in=200, replicates=2),
        "quick": Scale((20, 80, 320, 1280), steps=500, burn_in=250, replicates=4),
        "full": Scale((20, 80, 320, 1280, 5120), steps=1500, burn_in=500, replicates=5),
    },
    judge=judge,
)
