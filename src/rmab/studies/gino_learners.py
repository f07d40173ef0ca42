"""The run that the studies of GINO-Q share: learners on problems, scored against random choice and the bound as they learn.

1. Every learner runs with all its options at their defaults, but GINO-Q as published: its constants are not printed in what
   we have of the paper, and its price step is the best that we found (:mod:`rmab.learn.tabular.published_gino_q`), which knows
   the range of the rewards. It acts decoupled, every arm for itself, as in the paper; all others keep the budget while they
   learn.
2. At fixed periods the policy learned so far is simulated and scored, under the budget; see :mod:`rmab.learn.evaluation`. Means
   and 95 % intervals are over seeds. All learners of a problem share the entropy.
3. Known policies, such as the exact gain index, are scored in the same way, once: their score is the same throughout. All
   scores of a problem are simulated on the same random numbers. One such simulation is off by some hundredths, alike for
   policies that are alike, so differences are sharper than levels, and a level may be above 1.
4. *Learns the gain index* means: at the end, the score is at most NEAR below that of the exact gain index.
5. *Faster* compares the first periods from which on a learner is within NEAR of the exact gain index; where the best two tie at
   the periods that are looked at, the verdict is "as measured".

The channel allocation, patrol and other problems of the paper are in an appendix that was not available; the scenarios of these
names are ours.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rmab.learn.evaluation import Evaluation, Yardstick
from rmab.learn.learner import Learner
from rmab.learn.tabular.certainty_equivalence import CertaintyEquivalence
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.published_gino_q import PublishedGinoQ
from rmab.learn.tabular.thompson import Thompson
from rmab.learn.tabular.uc_whittle import UCWhittle
from rmab.learn.tabular.whittle_q import SEVERAL_ROOTS, WhittleQ
from rmab.learn.tabular.wiql import WIQL
from rmab.learn.trainer import train
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.policies.base import Policy
from rmab.scenarios.registry import scenario
from rmab.simulation.streams import entropy as number_of
from rmab.studies.curves import PRIORITIES
from rmab.studies.learning_claims import at_least, last, periods, reached
from rmab.studies.learning_rows import ScoreRow, interval
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Scale

CITATION = "Chen, Liew, Gunduz, GINO-Q, arXiv:2408.09882"
PUBLISHED, OURS = "GINO-Q, published", "GINO-Q, ours"
WHITTLE, WIQL_, CERTAIN = "Whittle Q", "WIQL", "certainty eq."
GAIN, INDEX = "gain index", "Whittle index"
NEAR, TWICE = 0.05, 2.0
BEST_PACE, RATED_ARMS = 0.07, 100
JUDGED = Evaluation(steps=1_200, replicates=4, burn_in=200)


def published(problem: Problem) -> PublishedGinoQ:
    """GINO-Q with the price step that its documentation recommends for the size and the rewards of a problem."""
    spread = float(problem.arms.rewards.max() - problem.arms.rewards.min())
    return PublishedGinoQ(pace=BEST_PACE * spread * RATED_ARMS / problem.arms.n_arms)


LEARNERS: dict[str, Callable[[Problem], Learner]] = {
    PUBLISHED: published,
    OURS: lambda problem: GinoQ(),
    WHITTLE: lambda problem: WhittleQ(),
    WIQL_: lambda problem: WIQL(),
    CERTAIN: lambda problem: CertaintyEquivalence(),
    "Thompson": lambda problem: Thompson(),
    "UCWhittle": lambda problem: UCWhittle(),
}
KNOWN: dict[str, Callable[[Problem], Policy]] = {GAIN: PRIORITIES["gain index"], INDEX: PRIORITIES["whittle"]}


@dataclass(frozen=True)
class Stage:
    """A problem to learn, by scenario."""

    name: str
    scenario: str
    variant: str
    scale: int

    @property
    def beginning(self) -> str:
        """How many arms there are, and how many are acted on."""
        problem = self.problem()
        return f"{problem.arms.n_arms} arms, {problem.budget.k} acted on"

    def problem(self) -> Problem:
        """The problem, under the long-run average."""
        return cast(Problem, scenario(self.scenario, variant=self.variant, scale=self.scale))


def run_scores(
    instances: Sequence[Stage],
    scale: Scale,
    *,
    entropy: int,
    learners: Mapping[str, Callable[[Problem], Learner]] = LEARNERS,
    known: Mapping[str, Callable[[Problem], Policy]] = KNOWN,
    evaluation: Evaluation | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[ScoreRow, ...]:
    """Train the learners, and simulate the known policies, on every instance.

    Parameters
    ----------
    instances : sequence of Stage
        The problems.
    scale : Scale
        ``sizes`` are the periods that are looked at, ``steps`` those of learning, ``replicates`` the seeds.
    entropy : int
        Repeats the run.
    learners : mapping of str to callable
        How each learner is made for a problem; the one called PUBLISHED acts decoupled.
    known : mapping of str to callable
        How each known policy is made for a problem.
    evaluation : Evaluation, optional
        How scores are simulated.
    threads, progress
        As for :func:`rmab.simulate`.

    Returns
    -------
    tuple of ScoreRow
        One per instance, learner or known policy, and period, in this order.
    """
    rows: list[ScoreRow] = []
    judged = JUDGED if evaluation is None else evaluation
    total, done = len(instances) * (len(learners) + len(known)), 0
    for number, instance in enumerate(instances):
        problem, source = instance.problem(), partial(np.random.SeedSequence, entropy, spawn_key=(number,))
        runs = [partial(_learned, name, make(problem)) for name, make in learners.items()]
        runs += [partial(_known, name, make(problem)) for name, make in known.items()]
        for run in runs:
            rows += run(instance.name, problem, scale, judged, source(), threads)
            done += 1
            if progress is not None:
                progress(done, total)
    return tuple(rows)


def _learned(
    name: str,
    learner: Learner,
    instance: str,
    problem: Problem,
    scale: Scale,
    judged: Evaluation,
    source: np.random.SeedSequence,
    threads: int | None,
) -> list[ScoreRow]:
    training = train(
        learner,
        problem,
        steps=scale.steps,
        seeds=scale.replicates,
        rng=source,
        decoupled=name == PUBLISHED,
        evaluation=judged,
        threads=threads,
    )
    curves, alarmed = training.curves, sum(SEVERAL_ROOTS in " ".join(alarms) for alarms in training.alarms)
    scores = cast(NDArray[np.float64], curves.scores)[:, np.searchsorted(curves.periods, scale.sizes)]
    return [
        ScoreRow(instance, name, at, *interval(scores[:, i]), alarmed, scale.replicates) for i, at in enumerate(scale.sizes)
    ]


def _known(
    name: str,
    policy: Policy,
    instance: str,
    problem: Problem,
    scale: Scale,
    judged: Evaluation,
    source: np.random.SeedSequence,
    threads: int | None,
) -> list[ScoreRow]:
    number = number_of(source)  # as in the training
    yardstick = Yardstick.of(problem, judged, number)
    score = yardstick.score(*judged.reward(problem, policy, number)).value
    return [ScoreRow(instance, name, at, score, score, score, 0, scale.replicates) for at in scale.sizes]


def target(rows: Sequence[ScoreRow], instance: str) -> float:
    """The score from which on the gain index counts as learned."""
    return last(rows, instance, GAIN).mean - NEAR


def learns(rows: Sequence[ScoreRow], instance: str, policy: str, whose: str) -> Claim:
    """Whether a learner ends near the exact gain index."""
    end = last(rows, instance, policy)
    statement = f"{instance}: {policy} ends within {NEAR:g} of the exact gain index ({whose})"
    return at_least(statement, end, target(rows, instance))


def faster(rows: Sequence[ScoreRow], instance: str) -> Claim:
    """Whether GINO-Q as published is near the gain index sooner than the learners it is compared with."""
    level = target(rows, instance)
    found = {name: reached(rows, instance, name, level) for name in (PUBLISHED, OURS, WHITTLE, WIQL_)}
    mine, others = found[PUBLISHED], (found[WHITTLE], found[WIQL_])
    best = min((other for other in others if other is not None), default=np.inf)
    verdict = NOT_REPRODUCED if mine is None or mine > best else REPRODUCED if mine < best else AS_MEASURED
    told = ", ".join(f"{name} {periods(when)}" for name, when in found.items())
    statement = f"{instance}: GINO-Q is within {NEAR:g} of the gain index in fewer periods than Whittle Q and WIQL (paper)"
    return Claim(statement, told, verdict)


def unaffected(rows: Sequence[ScoreRow], instances: Sequence[str], policy: str) -> Claim:
    """Whether the periods that a learner takes are the same, within a factor of two, for all numbers of arms."""
    found = [reached(rows, instance, policy, target(rows, instance)) for instance in instances]
    times = [when for when in found if when is not None]
    same = len(times) == len(found) and max(times) <= TWICE * min(times)
    told = ", ".join(f"{periods(when)} ({instance})" for when, instance in zip(found, instances, strict=True))
    statement = f"{policy}: the periods it takes do not depend on the number of arms, within a factor of two (paper)"
    return Claim(statement, told, REPRODUCED if same else NOT_REPRODUCED)
