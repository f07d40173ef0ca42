"""Index against myopic policy on random hidden arms: the tables on families, on error structures, and on many arms.

1. Arms are drawn one after the other from :mod:`rmab.scenarios.hidden_random`, each from a seed of its own, so the first 30 of
   50 arms are those of the problem with 30.
2. The index of an arm is that of its reachable beliefs: depth 6, merged within a distance that grows with the number of states;
   where that gives more than MOST nodes, the distance grows by half until it does not. Closure: linear up to four states, else
   nearest. In simulation the exact belief is looked up; *nodes followed* is the published way, which drifts.
3. *Kept by the filter*: draws are left out until enough have passed the test of partial conservation laws, on the nearest
   closure as published; how many passed is reported, since leaving arms out may bias the comparison.
4. All policies run on common random numbers. The gain is the ratio of means, its interval that of the paired differences
   ``index - (1 + gain) myopic``.

The paper's generator is not known, so its percentages cannot be expected to come out. What is judged is the sign: *gains* means
that the whole interval is above zero for every number of arms.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, tables 2, 4 and 5, from a summary; their numbers by our reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import process_time

import numpy as np
from numpy.typing import NDArray

from rmab.hidden.arms import HiddenArms
from rmab.hidden.closure import Closure
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.reachable import MOST_LINEAR_STATES
from rmab.hidden.space import BeliefSpace
from rmab.index.conservation import ConservationIndex, conservation_index
from rmab.index.mesh import space_within
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted
from rmab.parallel import Progress
from rmab.policies.baselines import Myopic
from rmab.policies.belief import HiddenPolicy
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.scenarios.hidden_random import draw
from rmab.simulation.interval import student_half_width
from rmab.simulation.outcome import Outcome
from rmab.simulation.run import compare
from rmab.studies.hidden_rows import GainRow
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Liu, Jia, General formulation and PCL-analysis for restless bandits with limited observability, arXiv:2307.03034"
DISCOUNT, DEPTH, MOST = 0.9, 6, 200
MERGE = {3: 0.02, 4: 0.05, 5: 0.07, 6: 0.09, 7: 0.12, 8: 0.14, 9: 0.16}
INDEX, FOLLOWED, MYOPIC = "index", "index, nodes followed", "myopic"


@dataclass(frozen=True, eq=False)
class Drawn:
    """One random arm, its belief space and its index."""

    hidden: HiddenArms

    def space_of(self, closure: Closure) -> BeliefSpace:
        """The reachable beliefs, merged so that there are at most MOST nodes."""
        merge, space = MERGE[self.hidden.n_states], None
        start = self.hidden.stationary()
        while space is None:
            space = space_within(self.hidden, start, depth=DEPTH, merge=merge, closure=closure, modes=None, most=MOST)
            merge *= 1.5
        return space

    @cached_property
    def _indexed(self) -> tuple[BeliefSpace, ConservationIndex, float]:
        begin = process_time()
        space = self.space_of(Closure.LINEAR if self.hidden.n_states <= MOST_LINEAR_STATES else Closure.NEAREST)
        table = conservation_index(space.arms, Discounted(DISCOUNT), threads=1)
        return space, table, process_time() - begin

    @property
    def space(self) -> BeliefSpace:
        """The belief space that the index policy uses."""
        return self._indexed[0]

    @property
    def table(self) -> ConservationIndex:
        """The index of its nodes."""
        return self._indexed[1]

    @property
    def seconds(self) -> float:
        """Processor time that both took."""
        return self._indexed[2]

    @cached_property
    def passes(self) -> bool:
        """Whether the partial conservation laws hold on the nearest closure, the filter as published."""
        if self.space.closure is Closure.NEAREST:
            return bool(self.table.pcl_indexable[0])
        near = self.space_of(Closure.NEAREST)
        return bool(conservation_index(near.arms, Discounted(DISCOUNT), threads=1).pcl_indexable[0])


@dataclass(frozen=True, eq=False)
class Draws:
    """Random arms of one kind, made when they are asked for."""

    states: int
    errors: str = "equal-mean"
    made: dict[int, Drawn] = field(default_factory=dict)

    def __getitem__(self, number: int) -> Drawn:
        if number not in self.made:
            seed = np.random.SeedSequence([self.states, number])
            self.made[number] = Drawn(draw(self.states, np.random.Generator(np.random.PCG64(seed)), errors=self.errors))
        return self.made[number]


@dataclass(frozen=True, eq=False)
class Family:
    """Random arms of which ``k`` are acted on, and what the paper has for them."""

    name: str
    draws: Draws
    k: int
    filtered: bool
    paper: str

    @property
    def beginning(self) -> str:
        """How many arms are acted on; all start in the law that waiting keeps."""
        return f"{self.k} acted on"

    def numbers(self, n_arms: int) -> list[int]:
        """Which draws the ``n_arms`` arms are."""
        chosen: list[int] = []
        number = 0
        while len(chosen) < n_arms:
            if not self.filtered or self.draws[number].passes:
                chosen.append(number)
            number += 1
        return chosen

    def arms(self, n_arms: int) -> list[Drawn]:
        """The arms, with their indices."""
        return [self.draws[number] for number in self.numbers(n_arms)]


MAKERS: dict[str, Callable[[Sequence[Drawn]], HiddenPolicy]] = {
    MYOPIC: lambda arms: Myopic(),
    INDEX: lambda arms: _index_policy(arms, "nearest"),
    FOLLOWED: lambda arms: _index_policy(arms, "merged"),
}


def _index_policy(arms: Sequence[Drawn], lookup: str) -> BeliefIndexPolicy:
    return BeliefIndexPolicy([arm.space for arm in arms], [arm.table for arm in arms], lookup=lookup)


def run_families(
    instances: Sequence[Family], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[GainRow, ...]:
    """Simulate the policies on every family and number of arms, on common random numbers."""
    cells = [(family, size) for family in instances for size in scale.sizes]
    rows: list[GainRow] = []
    for number, (family, size) in enumerate(cells):
        arms = family.arms(size)
        problem = HiddenProblem([arm.hidden for arm in arms], TopK(family.k, exactly=True), Discounted(DISCOUNT))
        outcomes = compare(
            problem,
            {name: make(arms) for name, make in MAKERS.items()},
            steps=scale.steps,
            replicates=scale.replicates,
            rng=np.random.SeedSequence(entropy, spawn_key=(number,)),
            threads=threads,
        ).outcomes
        rows += [_row(family.name, name, size, outcome, outcomes[MYOPIC]) for name, outcome in outcomes.items()]
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(rows)


def _row(instance: str, policy: str, size: int, outcome: Outcome, myopic: Outcome) -> GainRow:
    gain, half = paired_gain(outcome.rewards, myopic.rewards)
    return GainRow(instance, policy, size, outcome.mean, *outcome.interval, gain, gain - half, gain + half)


def paired_gain(rewards: NDArray[np.float64], base: NDArray[np.float64]) -> tuple[float, float]:
    """Gain of the mean of ``rewards`` over that of ``base``, paired by replicate, in per cent, and half its 95 % interval.

    Examples
    --------
    >>> gain, half = paired_gain(np.array([2.2, 1.1]), np.array([2.0, 1.0]))
    >>> round(gain, 9), round(half, 9)
    (10.0, 0.0)
    """
    ratio, mean = float(rewards.mean() / base.mean()), float(base.mean())
    return 100 * (ratio - 1), 100 * float(student_half_width(rewards - ratio * base)) / mean


def judge_table_2(instances: Mapping[str, Family], rows: tuple[GainRow, ...]) -> tuple[Claim, ...]:
    """The sign of the gains, how many draws pass the filter, and what following nodes costs."""
    claims = [_gains(family, rows) for family in instances.values()]
    most = max(row.n_arms for row in rows)
    claims += [_acceptance(family, most) for family in instances.values() if family.filtered]
    return (*claims, *(_followed(family, rows) for family in instances.values()))


def judge_table_4(instances: Mapping[str, Family], rows: tuple[GainRow, ...]) -> tuple[Claim, ...]:
    """The sign of the gains, and what an index costs."""
    most = max(row.n_arms for row in rows)
    timed = (_time(family, most) for family in instances.values())
    return (*(_gains(family, rows) for family in instances.values()), *timed)


def judge_table_5(instances: Mapping[str, Family], rows: tuple[GainRow, ...]) -> tuple[Claim, ...]:
    """The sign of the gains, what following nodes costs, and what the indices cost."""
    most = max(row.n_arms for row in rows)
    told = [(_gains(family, rows), _followed(family, rows), _time(family, most)) for family in instances.values()]
    return tuple(claim for claims in told for claim in claims)


def _of(rows: Sequence[GainRow], family: Family, policy: str) -> list[GainRow]:
    return [row for row in rows if (row.instance, row.policy) == (family.name, policy)]


def _words(rows: Sequence[GainRow]) -> str:
    return ", ".join(f"{row.gain:+.1f} ({row.gain_low:+.1f} to {row.gain_high:+.1f}) % at N = {row.n_arms}" for row in rows)


def _gains(family: Family, rows: Sequence[GainRow]) -> Claim:
    found = _of(rows, family, INDEX)
    lost = any(row.gain_high < 0 for row in found)
    verdict = REPRODUCED if all(row.gain_low > 0 for row in found) else NOT_REPRODUCED if lost else AS_MEASURED
    return Claim(f"{family.name}: the index policy gains over the myopic one (paper: {family.paper})", _words(found), verdict)


def _followed(family: Family, rows: Sequence[GainRow]) -> Claim:
    statement = f"{family.name}: gain when merged nodes are followed instead of beliefs looked up"
    return Claim(statement, _words(_of(rows, family, FOLLOWED)), AS_MEASURED)


def _acceptance(family: Family, n_arms: int) -> Claim:
    drawn = [family.draws[number] for number in range(family.numbers(n_arms)[-1] + 1)]
    linear = [arm.table.pcl_indexable[0] for arm in drawn if arm.space.closure is Closure.LINEAR]
    found = f"{n_arms} of {len(drawn)} draws ({100 * n_arms / len(drawn):.0f} %) on the nearest closure"
    if linear:
        found += f", {sum(map(int, linear))} of them on the linear one"
    return Claim(f"{family.name}: draws that pass the test of partial conservation laws", found, AS_MEASURED)


def _time(family: Family, n_arms: int) -> Claim:
    arms = family.arms(n_arms)
    each = 1e3 * float(np.median([arm.seconds for arm in arms]))
    nodes = int(np.median([len(arm.space.nodes) for arm in arms]))
    found = f"median {each:.2f} ms of processor time and {nodes} nodes per arm, on this run's machine"
    return Claim(f"{family.name}: belief space and index of an arm, for information", found, AS_MEASURED)


def _table_2() -> tuple[Family, ...]:
    paper = {3: "4.1, 9.1, 5.1 %", 4: "10.2, 4.9, 13.4 %", 5: "7.7, 7.3, 9.6 %", 6: "7.9, 8.2, 7.6 %"}
    draws = {states: Draws(states) for states in paper}
    return tuple(
        Family(f"S = {states}, {which}", draws[states], 2, filtered, paper[states])
        for states in paper
        for which, filtered in (("kept by the filter", True), ("all draws", False))
    )


def _table_4() -> tuple[Family, ...]:
    names = {
        "symmetric": "symmetric errors",
        "constant": "state-independent rate",
        "asymmetric": "asymmetric errors",
        "random": "random errors",
    }
    return tuple(Family(name, Draws(3, errors), 2, False, "6.2 to 6.7 %") for errors, name in names.items())


def _table_5() -> tuple[Family, ...]:
    draws = {states: Draws(states) for states in (6, 7, 8, 9)}
    return tuple(Family(f"S = {s}, K = {k}", draws[s], k, False, "6.0 to 8.9 %") for s in draws for k in (2, 10))


def _scales(glance: Sequence[int], full: Sequence[int], runs: int) -> dict[str, Scale]:
    return {
        "glance": Scale(tuple(glance), steps=60, burn_in=0, replicates=50),
        "quick": Scale(tuple(full), steps=200, burn_in=0, replicates=runs // 10),
        "full": Scale(tuple(full), steps=200, burn_in=0, replicates=runs),
    }


STUDIES = (
    Definition(
        name="pcl/table-2",
        title="Hidden arms: the index against the myopic policy on random families",
        citation=f"{CITATION}, table 2, from a summary",
        instances=_table_2,
        run=run_families,
        scales=_scales((5,), (30, 40, 50), 4000),
        judge=judge_table_2,
    ),
    Definition(
        name="pcl/table-4",
        title="Hidden arms: the index against the myopic policy under four structures of errors",
        citation=f"{CITATION}, table 4, from a summary",
        instances=_table_4,
        run=run_families,
        scales=_scales((6,), (30,), 4000),
        judge=judge_table_4,
    ),
    Definition(
        name="pcl/table-5",
        title="Hidden arms: the index against the myopic policy on many arms of many states",
        citation=f"{CITATION}, table 5, from a summary",
        instances=_table_5,
        run=run_families,
        scales=_scales((12,), (100,), 2000),
        judge=judge_table_5,
    ),
)
