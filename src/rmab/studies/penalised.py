"""Policies under penalties against the scale: the run that the studies of POW share, and how their claims are judged.

1. At every scale each policy is made anew and simulated on common random numbers; different scales use different ones.
2. The reward is held against the long-run fluid bound. A violation is that of single arms, ``max(0, mean cost - bound)`` over
   the whole run, and then the mean over all arms; a policy that is right on average shows a small one by chance alone.
3. *Feasible*: the violation is at most FEASIBLE, about what chance alone makes of it in 10,000 periods. *At the bound*: the
   reward is within CLOSE per cent of it, on either side. *Large*: the violation is above LARGE. *Vanishes*: at the largest
   scale the violation is at most GONE, or a quarter of that at the smallest. Claims about a limit are judged at the largest.

What is not to be found in the paper's text, such as the weight of drift-plus-penalty, is tried at several values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from rmab.bound.fluid import fluid_bound
from rmab.index.penalty import penalty_index
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.policies.base import Policy
from rmab.policies.constrained_lagrangian import ConstrainedLagrangian
from rmab.policies.drift_plus_penalty import DriftPlusPenalty
from rmab.policies.fawt import FaWT
from rmab.policies.feedback_pow import FeedbackPow
from rmab.policies.index import IndexPolicy
from rmab.policies.pow import Pow
from rmab.policies.randomised_pow import RandomisedPow
from rmab.scenarios.registry import scenario
from rmab.simulation.outcome import Outcome
from rmab.studies.rows import PenalisedRow
from rmab.studies.run import run_policies, series
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Scale

FEASIBLE, LARGE, GONE = 2e-3, 1e-2, 5e-4
CLOSE = 1.0
DISCOUNT = 0.99
TRADE_OFFS = (1, 10, 100, 1000)


def _discounted_pow(problem: Problem) -> Pow:
    criterion = Discounted(DISCOUNT)
    assert problem.penalties is not None  # every variant has some
    return Pow(problem, index=penalty_index(problem.arms, problem.penalties, criterion, start=problem.start))


POLICIES: dict[str, Callable[[Problem], Policy]] = {
    "whittle": lambda problem: IndexPolicy(whittle_index(problem.arms, problem.criterion)),
    "pow": Pow,
    "pow, lower ties": lambda problem: Pow(problem, ties="lower"),
    f"pow, discount {DISCOUNT}": _discounted_pow,
    "randomised pow": RandomisedPow,
    "feedback pow": FeedbackPow,
    "constrained lagrangian": ConstrainedLagrangian,
    "fawt": FaWT,
    **{f"drift, V = {v}": partial(DriftPlusPenalty, trade_off=float(v)) for v in TRADE_OFFS},
}


@dataclass(frozen=True)
class Variant:
    """A variant of a scenario, as published."""

    scenario: str
    name: str

    @property
    def beginning(self) -> str:
        """Where the arms start, in words."""
        return f"{self.scenario}, started as published"

    def problem(self, scale: int) -> Problem:
        """``scale`` copies of the base system."""
        return cast(Problem, scenario(self.scenario, variant=self.name, scale=scale))  # these have penalties: seen states


def run_penalised(
    instances: Sequence[Variant],
    scale: Scale,
    *,
    entropy: int,
    policies: Sequence[str] = tuple(POLICIES),
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[PenalisedRow, ...]:
    """Simulate the policies called ``policies`` on every variant and scale; see :func:`run_policies`."""
    makers = {name: POLICIES[name] for name in policies}
    return run_policies(
        instances, scale, makers, bound=fluid_bound, row=_row, entropy=entropy, threads=threads, progress=progress
    )


def _row(instance: str, policy: str, problem: Problem, outcome: Outcome, bound: float) -> PenalisedRow:
    n_arms, (low, high), (least, most) = problem.arms.n_arms, outcome.interval, outcome.mean_violation_interval
    reward = (outcome.mean / n_arms, low / n_arms, high / n_arms)
    return PenalisedRow(instance, policy, n_arms, *reward, bound, outcome.mean_violation, least, most)


def judge(instances: Mapping[str, Variant], rows: tuple[PenalisedRow, ...]) -> tuple[Claim, ...]:
    """The paper's claims about indexability, POW and the policies it is compared with, and ours about our own."""
    return tuple(
        claim
        for name, instance in instances.items()
        for claim in _claims(instance, {policy: series(rows, name, policy) for policy in POLICIES})
    )


def _claims(instance: Variant, found: Mapping[str, list[PenalisedRow]]) -> list[Claim]:
    name, last = instance.name, {policy: series[-1] for policy, series in found.items()}
    pow_, whittle, fawt, drift = (last[policy] for policy in ("pow", "whittle", "fawt", "drift, V = 1"))
    others = [last[policy] for policy in ("pow", "fawt", "drift, V = 1")]
    tuned = min((last[f"drift, V = {v}"] for v in TRADE_OFFS), key=lambda row: (row.violation > FEASIBLE, _distance(row)))
    return [
        _indexable(instance),
        _claim(
            f"{name}: Whittle earns most and violates the requirements by far",
            whittle.low > max(row.high for row in others) and whittle.violation_low > LARGE,
            [whittle, *others],
        ),
        _claim(
            f"{name}: FaWT is feasible and earns less than POW",
            fawt.violation <= FEASIBLE and fawt.high < pow_.low,
            [fawt, pow_],
        ),
        _claim(
            f"{name}: drift-plus-penalty (V = 1) is feasible and earns less than POW",
            drift.violation <= FEASIBLE and drift.high < pow_.low,
            [drift, pow_],
        ),
        _claim(
            f"{name}: drift-plus-penalty does worse than POW with any weight (V = {', '.join(map(str, TRADE_OFFS))})",
            not (tuned.violation <= FEASIBLE and _distance(tuned) <= max(_distance(pow_), CLOSE)),
            [tuned, pow_],
        ),
        _claim(f"{name}: POW earns what the bound allows, at every scale", *_all_close(found["pow"])),
        _claim(f"{name}: the violation of POW vanishes as the scale grows", _vanishes(found["pow"]), [found["pow"][0], pow_]),
        _claim(f"{name}: POW is asymptotically optimal", _distance(pow_) <= CLOSE and _vanishes(found["pow"]), [pow_]),
        _measured(f"{name}: POW with the lower index where acting and waiting tie", last["pow, lower ties"]),
        _measured(f"{name}: POW from requirements discounted by {DISCOUNT}", last[f"pow, discount {DISCOUNT}"]),
        _claim(
            f"{name}: randomised POW (ours) is at the bound and feasible in the limit",
            _distance(last["randomised pow"]) <= CLOSE and last["randomised pow"].violation <= FEASIBLE,
            [last["randomised pow"]],
        ),
        _claim(
            f"{name}: feedback POW (ours) violates by less than 0.001 at every scale and is at the bound in the limit",
            all(row.violation < 1e-3 for row in found["feedback pow"]) and _distance(last["feedback pow"]) <= CLOSE,
            [found["feedback pow"][0], last["feedback pow"]],
        ),
        _measured(f"{name}: constrained Lagrangian index (ours)", last["constrained lagrangian"]),
    ]


def _distance(row: PenalisedRow) -> float:
    """How far from the bound, in per cent, on either side."""
    return abs(row.gap)


def _vanishes(series: Sequence[PenalisedRow]) -> bool:
    return series[-1].violation <= max(GONE, series[0].violation / 4)


def _all_close(series: Sequence[PenalisedRow]) -> tuple[bool, list[PenalisedRow]]:
    furthest = max(series, key=_distance)
    return _distance(furthest) <= CLOSE, [furthest]


def _indexable(instance: Variant) -> Claim:
    problem = instance.problem(1)
    assert problem.penalties is not None  # every variant has some
    index = penalty_index(problem.arms, problem.penalties, problem.criterion)
    verdict = REPRODUCED if index.indexable.all() else NOT_REPRODUCED
    return Claim(f"{instance.name}: every arm is indexable", index.status, verdict)


def _claim(statement: str, holds: bool, rows: Sequence[PenalisedRow]) -> Claim:
    return Claim(statement, "; ".join(_words(row) for row in rows), REPRODUCED if holds else NOT_REPRODUCED)


def _measured(statement: str, row: PenalisedRow) -> Claim:
    return Claim(statement, _words(row), AS_MEASURED)


def _words(row: PenalisedRow) -> str:
    return f"{row.policy} {row.gap:+.2f} % of the bound, violation {row.violation:.4f} (N = {row.n_arms})"
