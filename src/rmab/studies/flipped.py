"""An arm that is genuinely not indexable, at two budgets: one where the gain index reaches the bound, one where no index does.

The arm is that of the scenario flipped-v1 (:mod:`rmab.scenarios.flipped`). Its state 0 is worth acting on at charges below -4,
not between -4 and -0.6, again between -0.6 and 2, and not above.

1. 70 % acted on: the price is -2, the gain index (above the price) is (-14/3, 2, 0, 0, 0, 0), the bound -0.56667 per arm, and
   the gain index reaches it.
2. 20 % acted on: the price is -0.6, the bound 0.13, and the index policies drift to 0: the fluid check must warn. Policies that
   follow the relaxed optimum come close to the bound.

Reference: G. Chen, S. C. Liew, D. Gunduz, GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits, arXiv:2408.09882 (2024), for the original, which is indexable; the numbers expected here follow from the definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.mean_field import fluid_check
from rmab.scenarios.registry import scenario
from rmab.studies.curves import PRIORITIES, bound_per_arm, measured, near, near_all, run_curves, stays_below
from rmab.studies.rows import Row
from rmab.studies.run import series
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Instance, Scale

MANY, FEW = "70 % acted on", "20 % acted on"
JUDGED_AT = 4000


def instances() -> tuple[Instance, ...]:
    """Both budgets, all arms in state 0."""
    return _instance(MANY, "70"), _instance(FEW, "20")


def _instance(name: str, variant: str) -> Instance:
    base = cast(Problem, scenario("flipped-v1", variant=variant))
    return Instance(name, base.arms, base.budget.k / base.arms.n_arms)


def judge(instances: Mapping[str, Instance], rows: tuple[Row, ...]) -> tuple[Claim, ...]:
    """The numbers of the module docstring, then the policies."""
    many, few = instances[MANY], instances[FEW]
    index = gain_index(many.problem(100), tie_break="fluid")
    table = whittle_index(many.arm, Average())
    return (
        Claim(
            "the arm is not indexable",
            str(table.verdict[0]),
            NOT_REPRODUCED if table.indexable[0] else REPRODUCED,
        ),
        near(f"{MANY}: the price", index.price, -2.0, 1e-6),
        near_all(f"{MANY}: gain index above the price", index.advantage[0], (-14 / 3, 2.0, 0, 0, 0, 0), 1e-6),
        near(f"{MANY}: the bound per arm", bound_per_arm(many, 100), -17 / 30, 1e-6),
        _warns(many, expected=False),
        _within(rows, MANY, "gain index", 0.02),
        near(f"{FEW}: the price", gain_index(few.problem(100)).price, -0.6, 1e-6),
        near(f"{FEW}: the bound per arm", bound_per_arm(few, 100), 0.13, 1e-6),
        _warns(few, expected=True),
        *(stays_below(few, rows, policy) for policy in PRIORITIES),
        _within(rows, FEW, "virtual-advice", 0.05),
        *(
            measured(few, rows, policy, "no claim")
            for policy in ("randomised-lp", "id", "set-expansion", "two-set", "lp-update")
        ),
    )


def _warns(instance: Instance, *, expected: bool) -> Claim:
    problem = instance.problem(100)
    check = fluid_check(problem, PRIORITIES["gain index"](problem))
    statement = f"{instance.name}: the fluid check of the gain index {'fails' if expected else 'passes'}"
    found = f"gap {100 * check.gap:.1f} % of what choosing well can gain"
    return Claim(statement, found, REPRODUCED if check.passed != expected else NOT_REPRODUCED)


def _within(rows: tuple[Row, ...], instance: str, policy: str, share: float) -> Claim:
    """Whether the gap at N = 4000 is at most ``share`` of the bound: a verdict only where the whole interval says the same."""
    row = next(row for row in series(rows, instance, policy) if row.n_arms == JUDGED_AT)
    allowed = row.bound - share * abs(row.bound)
    verdict = REPRODUCED if row.low >= allowed else NOT_REPRODUCED if row.high < allowed else AS_MEASURED
    found = f"{row.mean:.5f} ({row.low:.5f} to {row.high:.5f}) of {row.bound:.5f}; at least {allowed:.5f} would do"
    return Claim(f"{instance}: {policy} within {100 * share:.0f} % of the bound at N = {JUDGED_AT}", found, verdict)


STUDY = Definition(
    name="policies/flipped",
    title="An arm that is not indexable: the gain index at two budgets",
    citation="Chen, Liew, Gunduz, GINO-Q, arXiv:2408.09882, example with the actions exchanged; expected numbers derived",
    instances=instances,
    run=run_curves,
    scales={
        "glance": Scale((50, 4000), steps=120, burn_in=60, replicates=2),
        "quick": Scale((50, 500, 4000), steps=500, burn_in=150, replicates=4),
        "full": Scale((50, 500, 4000, 10000), steps=1000, burn_in=200, replicates=24),
    },
    judge=judge,
)
