"""Policies against the number of arms: the run that the studies of policies share, and how their claims are judged.

1. For every instance and number of arms N, each policy is made anew and simulated on common random numbers; the first periods
   do not count. Different N use different random numbers.
2. The bound per arm is that of the long run, which does not depend on N as long as the fraction does not.
3. *Stays below*: a priority policy loses a positive share of the bound in the fluid limit (:func:`rmab.gap_check`), and the
   interval at the largest N excludes the bound. Both are needed: the first is no simulation, the second no limit.
4. *Closes*: a gap of order 1 / sqrt(N) shrinks by sqrt(N0 / N1) from the smallest N to the largest. Within twice that, the
   claim is reproduced; when the whole interval is above that, it is not; in between the run is too short to tell, and the claim
   is "as measured".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rmab.bound.lagrangian import lagrangian_bound
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.policies.advice import VirtualAdvice
from rmab.policies.base import Policy, PriorityPolicy
from rmab.policies.id_policy import IdPolicy
from rmab.policies.index import IndexPolicy
from rmab.policies.lp_priority import LpPriority
from rmab.policies.lp_update import LpUpdate
from rmab.policies.mean_field import fluid_check
from rmab.policies.randomised_lp import RandomisedLp
from rmab.policies.set_expansion import SetExpansion
from rmab.policies.two_set import TwoSet
from rmab.simulation.outcome import Outcome
from rmab.studies.rows import Row
from rmab.studies.run import run_policies, series
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Instance, Scale

SLACK = 2.0
LOST = 1e-3

PRIORITIES: dict[str, Callable[[Problem], PriorityPolicy]] = {
    "whittle": lambda problem: IndexPolicy(whittle_index(problem.arms, problem.criterion)),
    "gain index": lambda problem: IndexPolicy(gain_index(problem, tie_break="fluid")),
    "lp-priority": LpPriority,
}
POLICIES: dict[str, Callable[[Problem], Policy]] = {
    **PRIORITIES,
    "randomised-lp": RandomisedLp,
    "virtual-advice": VirtualAdvice,
    "id": IdPolicy,
    "set-expansion": SetExpansion,
    "two-set": TwoSet,
    "lp-update": LpUpdate,
}


def bound_per_arm(instance: Instance, n_arms: int) -> float:
    """Upper bound on the long-run reward per period and arm."""
    return lagrangian_bound(instance.problem(n_arms)).value / n_arms


def run_curves(
    instances: Sequence[Instance],
    scale: Scale,
    *,
    entropy: int,
    policies: Sequence[str] = tuple(POLICIES),
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[Row, ...]:
    """Simulate the policies called ``policies`` on every instance and number of arms; see :func:`run_policies`."""
    makers = {name: POLICIES[name] for name in policies}
    return run_policies(
        instances, scale, makers, bound=lagrangian_bound, row=_row, entropy=entropy, threads=threads, progress=progress
    )


def _row(instance: str, policy: str, problem: Problem, outcome: Outcome, bound: float) -> Row:
    n_arms, (low, high) = problem.arms.n_arms, outcome.interval
    return Row(instance, policy, n_arms, outcome.mean / n_arms, low / n_arms, high / n_arms, bound)


def near(statement: str, found: float, expected: float, tolerance: float) -> Claim:
    """A number of the paper against ours."""
    agrees = abs(found - expected) <= tolerance
    return Claim(f"{statement} is {expected:.6g}", f"{found:.8g}", REPRODUCED if agrees else NOT_REPRODUCED)


def near_all(statement: str, found: Sequence[float], expected: Sequence[float], tolerance: float) -> Claim:
    """Several numbers of the paper against ours."""
    agrees = bool(np.allclose(found, expected, rtol=0, atol=tolerance))
    shown, wanted = (", ".join(f"{value:.4f}" for value in values) for values in (found, expected))
    return Claim(f"{statement}: {wanted}", shown, REPRODUCED if agrees else NOT_REPRODUCED)


def stays_below(instance: Instance, rows: Sequence[Row], policy: str) -> Claim:
    """Whether a priority policy stays away from the bound, see the module docstring."""
    last = series(rows, instance.name, policy)[-1]
    problem = instance.problem(last.n_arms)
    check = fluid_check(problem, PRIORITIES[policy](problem))
    lost = float((check.bounds - check.rewards).max()) / abs(check.bound)
    found = f"{last.mean:.5f} ({last.low:.5f} to {last.high:.5f}) of {last.bound:.5f} at N = {last.n_arms}"
    limits = f"fluid limit {check.rewards.min():.5f}"
    holds = lost > LOST and last.high < last.bound
    statement = f"{instance.name}: {policy} stays below the bound as N grows"
    return Claim(statement, f"{found}; {limits}", REPRODUCED if holds else NOT_REPRODUCED)


def closes(instance: Instance, rows: Sequence[Row], policy: str) -> Claim:
    """Whether the gap of a policy shrinks like 1 / sqrt(N), see the module docstring."""
    first, *_, last = series(rows, instance.name, policy)
    gap, smallest = last.bound - last.mean, last.bound - last.high
    allowed = SLACK * max(first.bound - first.mean, 0.0) * (first.n_arms / last.n_arms) ** 0.5
    verdict = REPRODUCED if gap <= allowed else NOT_REPRODUCED if smallest > allowed else AS_MEASURED
    unit = 100 / abs(last.bound)
    found = (
        f"gap {unit * (first.bound - first.mean):.2f} % of the bound at N = {first.n_arms}, {unit * gap:.2f} % "
        f"(at least {unit * max(smallest, 0.0):.2f} %) at N = {last.n_arms}; {unit * allowed:.2f} % would do"
    )
    return Claim(f"{instance.name}: the gap of {policy} closes like 1/sqrt(N)", found, verdict)


def measured(instance: Instance, rows: Sequence[Row], policy: str, remark: str) -> Claim:
    """What a policy does that the paper makes no claim about."""
    last = series(rows, instance.name, policy)[-1]
    found = f"{last.mean:.5f} ({last.low:.5f} to {last.high:.5f}) of {last.bound:.5f} at N = {last.n_arms}"
    return Claim(f"{instance.name}: {policy}, {remark}", found, AS_MEASURED)
