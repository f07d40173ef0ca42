"""Policies on the three examples of hidden arms, against the certified bound, as the number of arms grows.

1. Arms are all alike, one in ten is acted on in every period, and all start in the law that waiting keeps.
2. The index is that of the belief space (depth 12, merged within MERGE, linear closure); exact beliefs are looked up.
3. The bound is that of :func:`rmab.bound.hidden.hidden_bound`; per arm it does not depend on N. Rewards are discounted.
4. Round robin is simulated in a twentieth of the replicates: it hardly varies, and is no rule that compiled code runs.

The numbers of the examples are ours (see the pages of the scenarios), so none of the paper's can be expected to come out, and
no claim of the text about these figures is known to us. What is judged is our own: nothing earns more than the certified bound,
and the index policy earns more than the myopic one for every number of arms. The rest is measured, with the margin of what the
meshes say about each arm. Since there are many intervals, a claim is only refuted by one that lies SURE times its half-width
beyond.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, figures 6 to 8, from a summary; their numbers by our reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np

from rmab.bound.hidden import hidden_bound
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.index.conservation import conservation_index
from rmab.index.mesh import mesh_report
from rmab.models.criterion import Discounted
from rmab.parallel import Progress
from rmab.policies.baselines import Myopic, RoundRobin, Uniform
from rmab.policies.belief import HiddenPolicy
from rmab.policies.belief_advantage import LagrangianAdvantage
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.scenarios.registry import scenario
from rmab.simulation.outcome import Outcome
from rmab.simulation.run import simulate
from rmab.studies.hidden_rows import HiddenRow
from rmab.studies.pcl_tables import paired_gain
from rmab.studies.run import series
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Liu, Jia, General formulation and PCL-analysis for restless bandits with limited observability, arXiv:2307.03034"
DEPTH, BASE, MOST = 12, 10, 1500
SLOW, FEWER = "round robin", 20
SURE = 2.0
MERGE = {2: 0.005, 3: 0.02, 4: 0.07}


@dataclass(frozen=True, eq=False)
class Example:
    """A scenario of hidden arms that are all alike, at one discount."""

    name: str
    scenario: str
    variant: str
    discount: float

    @property
    def beginning(self) -> str:
        """How many arms are acted on; all start in the law that waiting keeps."""
        return "one arm in ten acted on"

    def problem(self, n_arms: int) -> HiddenProblem:
        """``n_arms`` copies, a multiple of ten."""
        made = scenario(self.scenario, variant=self.variant, scale=n_arms // BASE, criterion=Discounted(self.discount))
        return cast(HiddenProblem, made)

    @property
    def hidden(self) -> HiddenArms:
        """The arm."""
        return cast(HiddenArms, self.problem(BASE).arms[0])

    @cached_property
    def space(self) -> BeliefSpace:
        """Its belief space."""
        arm = self.hidden
        return arm.reachable(arm.stationary(), depth=DEPTH, merge=MERGE[arm.n_states])

    def policies(self, price: float) -> dict[str, HiddenPolicy]:
        """The policies that are compared, by name; ``price`` is that of the bound."""
        index = conservation_index(self.space.arms, Discounted(self.discount))
        return {
            "index": BeliefIndexPolicy(self.space, index, lookup="nearest"),
            "lagrangian advantage": LagrangianAdvantage(self.space, price=price, lookup="nearest"),
            "myopic": Myopic(),
            "round robin": RoundRobin(),
            "random": Uniform(),
        }


def run_examples(
    instances: Sequence[Example], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[HiddenRow, ...]:
    """Simulate the policies on every example and number of arms, on common random numbers."""
    cells = [(example, size) for example in instances for size in scale.sizes]
    rows: list[HiddenRow] = []
    for number, (example, size) in enumerate(cells):
        problem = _own(example, size)
        bound = hidden_bound(problem, spaces=[example.space])
        policies = example.policies(bound.price)
        outcomes = _simulated(problem, policies, scale, np.random.SeedSequence(entropy, spawn_key=(number,)), threads)
        for name in policies:
            outcome = outcomes[name]
            mean, low, high, most = (value / size for value in (outcome.mean, *outcome.interval, bound.value))
            gain, half = paired_gain(outcome.rewards, outcomes["myopic"].rewards[: len(outcome.rewards)])
            rows.append(HiddenRow(example.name, name, size, mean, low, high, most, gain, gain - half, gain + half))
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(rows)


def _simulated(
    problem: HiddenProblem, policies: Mapping[str, HiddenPolicy], scale: Scale, rng: np.random.SeedSequence, threads: int | None
) -> dict[str, Outcome]:
    """All policies on the same random numbers; the one that is no rule on beliefs in fewer replicates, for time."""
    each = {False: scale.replicates, True: max(2, scale.replicates // FEWER)}
    return {
        name: simulate(problem, policy, steps=scale.steps, replicates=each[name == SLOW], rng=rng, threads=threads)
        for name, policy in policies.items()
    }


def _own(example: Example, size: int) -> HiddenProblem:
    """The problem, with the very arm that the belief space is of."""
    made = example.problem(size)
    return HiddenProblem(example.space.hidden, made.budget, made.criterion, multiplicity=[size])


def judge_examples(instances: Mapping[str, Example], rows: tuple[HiddenRow, ...]) -> tuple[Claim, ...]:
    """Our own claims on the bound and on the index policy, what the others earn, and what the meshes say."""
    return tuple(claim for example in instances.values() for claim in _claims(example, rows))


def _claims(example: Example, rows: Sequence[HiddenRow]) -> list[Claim]:
    own = [row for row in rows if row.instance == example.name]
    above = [row for row in own if row.mean - SURE * (row.high - row.low) / 2 > row.bound]
    index = series(own, example.name, "index")
    ahead = all(row.gain_low > 0 for row in index)
    behind = any(row.gain + SURE * (row.gain_high - row.gain_low) / 2 < 0 for row in index)
    words = partial(_words, own, example.name)
    return [
        Claim(
            f"{example.name}: no policy earns more than the certified bound (ours)",
            f"at most {max(100 * row.mean / row.bound for row in own):.2f} % of it",
            NOT_REPRODUCED if above else REPRODUCED,
        ),
        Claim(
            f"{example.name}: the index policy earns more than the myopic one for every number of arms (ours)",
            ", ".join(f"{row.gain:+.2f} ({row.gain_low:+.2f} to {row.gain_high:+.2f}) % at N = {row.n_arms}" for row in index),
            REPRODUCED if ahead else NOT_REPRODUCED if behind else AS_MEASURED,
        ),
        Claim(f"{example.name}: index policy in % of the bound", words("index"), AS_MEASURED),
        Claim(f"{example.name}: Lagrangian advantage", words("lagrangian advantage"), AS_MEASURED),
        Claim(f"{example.name}: what meshes say of the arm", _meshes(example), AS_MEASURED),
    ]


def _words(rows: Sequence[HiddenRow], instance: str, policy: str) -> str:
    found = series(rows, instance, policy)
    return " and ".join(
        f"{100 * row.mean / row.bound:.2f} % (N = {row.n_arms})" for row in dict.fromkeys([found[0], found[-1]])
    )


def _meshes(example: Example) -> str:
    arm = example.hidden
    report = mesh_report(arm, arm.stationary(), Discounted(example.discount), depth=DEPTH, merge=MERGE[arm.n_states], most=MOST)
    return str(report).splitlines()[0]


def _examples(scenario: str, variants: Mapping[str, str]) -> Callable[[], tuple[Example, ...]]:
    return lambda: tuple(
        Example(f"{words}, discount {discount}", scenario, variant, discount)
        for variant, words in variants.items()
        for discount in (0.9, 0.97)
    )


SCALES = {
    "glance": Scale((10, 20), steps=60, burn_in=0, replicates=20),
    "quick": Scale((10, 20, 40, 80), steps=300, burn_in=0, replicates=100),
    "full": Scale((10, 20, 40, 80, 160), steps=300, burn_in=0, replicates=600),
}
FIGURES = {
    6: ("spectrum access", "spectrum-access-v1", {"ack": "acknowledged", "observation": "observed"}),
    7: ("rates on three-level channels", "snir-v1", {"observation": "observed", "joint": "observed with reward"}),
    8: ("monitoring of computers", "cyber-monitoring-v1", {"observation": "observed", "joint": "observed with reward"}),
}


def _definition(number: int) -> Definition:
    title, name, variants = FIGURES[number]
    return Definition(
        name=f"pcl/figure-{number}",
        title=f"Hidden arms against the certified bound: {title}",
        citation=f"{CITATION}, figure {number}, from a summary",
        instances=_examples(name, variants),
        run=run_examples,
        scales=SCALES,
        judge=judge_examples,
    )


STUDIES = tuple(_definition(number) for number in FIGURES)
