"""Baselines for six hidden arms, at four discounts, judged by discounted and by average reward.

1. Six random arms of three states (:mod:`rmab.scenarios.hidden_random`), one acted on, 100 periods as
   we are told; at a discount of 0.97 about 5 % of the bound lie beyond them.
2. Every policy is made for the discount. It is judged by the discounted reward, and then run again and judged by the reward of
   an average period: an index that is right for one metric need not be for the other.
3. Rollout: one-step look-ahead on the myopic policy, 20 paths of 16 further periods, discounted.
4. A *lead* is the paired difference to the index policy. Rollout *wins* where the whole interval of its lead is above zero.

QMDP and the fast informed bound are the myopic policy here, exactly: moves do not depend on the action and signals tell of the
state before the move, so that both value acting more than waiting by the reward less the price.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, figure 9, from a summary; its number by our reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.bound.hidden import hidden_bound
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.index.conservation import conservation_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Criterion, Discounted
from rmab.parallel import Progress
from rmab.policies.baselines import Myopic, RoundRobin, Uniform
from rmab.policies.belief import BeliefPolicy, HiddenPolicy
from rmab.policies.belief_advantage import LagrangianAdvantage
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.policies.belief_information import Information
from rmab.policies.belief_informed import Fib, Qmdp
from rmab.policies.belief_rollout import BeliefRollout
from rmab.policies.belief_rules import BeliefRule
from rmab.scenarios.hidden_random import build
from rmab.simulation.interval import student_half_width
from rmab.simulation.run import compare
from rmab.studies.hidden_rows import MetricRow
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Liu, Jia, General formulation and PCL-analysis for restless bandits with limited observability, arXiv:2307.03034"
N_ARMS, STATES, DEPTH, MERGE = 6, 3, 10, 0.03
PATHS, AHEAD = 20, 16
METRICS = ("discounted", "average")
INDEX, MYOPIC, ROLLOUT, INFORMED = "index", "myopic", "rollout", ("qmdp", "fib")
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Six:
    """Six random arms, judged by one metric."""

    seed: int
    metric: str

    @property
    def name(self) -> str:
        """Name in tables and panels."""
        return f"arms {self.seed}, {self.metric} reward"

    @property
    def beginning(self) -> str:
        """How many arms are acted on; all start in the law that waiting keeps."""
        return "one of six acted on"

    @property
    def arms(self) -> tuple[HiddenArms, ...]:
        """The arms."""
        return build("equal-mean", STATES, N_ARMS, self.seed).arms


@dataclass(frozen=True, eq=False)
class RuleOf(BeliefPolicy):
    """The rule that a policy has for one problem, for any other."""

    policy: BeliefPolicy
    problem: HiddenProblem

    def belief_rule(self, problem: HiddenProblem) -> BeliefRule:
        """The rule for the problem it was made for."""
        return self.policy.belief_rule(self.problem)


@dataclass(frozen=True, eq=False)
class ActionsOf:
    """The actions that a policy takes as if in one problem, in any other."""

    policy: HiddenPolicy
    problem: HiddenProblem

    def actions(
        self, problem: HiddenProblem, information: Information, *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in the problem the policy was made for."""
        return np.asarray(self.policy.actions(self.problem, information, step=step, rng=rng))


def run_baselines(
    instances: Sequence[Six], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[MetricRow, ...]:
    """Simulate the policies on every six arms and discount; both metrics of one cell have the same random numbers."""
    cells = [(six, beta) for six in instances for beta in scale.sizes]
    rows: list[MetricRow] = []
    for number, (six, beta) in enumerate(cells):
        made = HiddenProblem(six.arms, TopK(1, exactly=True), Discounted(beta))
        judged = made if six.metric == METRICS[0] else _with(made, Average())
        outcomes = compare(
            judged,
            {name: _tuned(policy, made) for name, policy in _policies(made).items()},
            steps=scale.steps,
            replicates=scale.replicates,
            rng=np.random.SeedSequence(entropy, spawn_key=(six.seed, round(1000 * beta))),
            threads=threads,
        ).outcomes
        unit = 100 / hidden_bound(judged, depth=DEPTH, merge=MERGE).value
        for name, outcome in outcomes.items():
            paired = unit * (outcome.rewards - outcomes[INDEX].rewards)
            lead, half = float(paired.mean()), float(student_half_width(paired))
            mean, low, high = (unit * value for value in (outcome.mean, *outcome.interval))
            rows.append(MetricRow(six.name, name, beta, mean, low, high, lead, lead - half, lead + half))
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(rows)


def _with(problem: HiddenProblem, criterion: Criterion) -> HiddenProblem:
    return HiddenProblem(problem.arms, problem.budget, criterion)


def _policies(problem: HiddenProblem) -> dict[str, HiddenPolicy]:
    arms = [arm for arm in problem.arms if isinstance(arm, HiddenArms)]
    spaces = [arm.reachable(arm.stationary(), depth=DEPTH, merge=MERGE) for arm in arms]
    price = hidden_bound(problem, spaces=spaces).price
    return {
        INDEX: BeliefIndexPolicy(
            spaces, [conservation_index(space.arms, problem.criterion) for space in spaces], lookup="nearest"
        ),
        "lagrangian advantage": LagrangianAdvantage(spaces, price=price, lookup="nearest"),
        ROLLOUT: BeliefRollout(Myopic(), horizon=AHEAD, paths=PATHS),
        MYOPIC: Myopic(),
        "qmdp": Qmdp(price=price),
        "fib": Fib(price=price),
        "round robin": RoundRobin(),
        "random": Uniform(),
    }


def _tuned(policy: HiddenPolicy, problem: HiddenProblem) -> HiddenPolicy:
    return RuleOf(policy, problem) if isinstance(policy, BeliefPolicy) else ActionsOf(policy, problem)


def judge(instances: Mapping[str, Six], rows: tuple[MetricRow, ...]) -> tuple[Claim, ...]:
    """Informed baselines against the myopic one, and rollout against the index."""
    claims = []
    for name in instances:
        found = {(row.policy, row.discount): row for row in rows if row.instance == name}
        claims += [_informed(name, found), _rollout(name, found), _advantage(name, found)]
    return tuple(claims)


def _informed(name: str, found: Mapping[tuple[str, float], MetricRow]) -> Claim:
    apart = max(abs(found[policy, b].mean - row.mean) for (p, b), row in found.items() if p == MYOPIC for policy in INFORMED)
    return Claim(
        f"{name}: QMDP and FIB are nearly identical to the myopic policy (here: the same policy)",
        f"largest difference {apart:.2g} % of the bound over all discounts",
        REPRODUCED if apart <= SAME else NOT_REPRODUCED,
    )


def _rollout(name: str, found: Mapping[tuple[str, float], MetricRow]) -> Claim:
    leads = [row for (policy, _), row in found.items() if policy == ROLLOUT]
    wins = [row for row in leads if row.lead_low > 0]
    words = ", ".join(f"{row.lead:+.2f} ({row.lead_low:+.2f} to {row.lead_high:+.2f}) at {row.discount}" for row in leads)
    where = f"; rollout wins at {', '.join(str(row.discount) for row in wins)}" if wins else ""
    return Claim(
        f"{name}: the index policy is consistently above rollout",
        f"lead of rollout in % of the bound: {words}{where}",
        NOT_REPRODUCED if wins else REPRODUCED if all(row.lead <= 0 for row in leads) else AS_MEASURED,
    )


def _advantage(name: str, found: Mapping[tuple[str, float], MetricRow]) -> Claim:
    leads = [row for (policy, _), row in found.items() if policy == "lagrangian advantage"]
    words = ", ".join(f"{row.lead:+.2f} ({row.lead_low:+.2f} to {row.lead_high:+.2f}) at {row.discount}" for row in leads)
    return Claim(f"{name}: lead of the Lagrangian advantage over the index policy", f"{words} % of the bound", AS_MEASURED)


STUDIES = (
    Definition(
        name="pcl/figure-9",
        title="Hidden arms: baselines at several discounts, by discounted and by average reward",
        citation=f"{CITATION}, figure 9, from a summary",
        instances=lambda: tuple(Six(seed, metric) for seed in (1, 2, 3) for metric in METRICS),
        run=run_baselines,
        scales={
            "glance": Scale((0.5, 0.9), steps=40, burn_in=0, replicates=10),
            "quick": Scale((0.5, 0.8, 0.9, 0.97), steps=100, burn_in=0, replicates=10),
            "full": Scale((0.5, 0.8, 0.9, 0.97), steps=100, burn_in=0, replicates=60),
        },
        judge=judge,
    ),
)
