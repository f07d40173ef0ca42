"""The index of a hidden arm against the mesh it is computed on: depth, merge distance and closure.

1. Test beliefs: two paths of an arm that is acted on at random, half of the time.
2. *Error* of a mesh: how far its index at the test beliefs is from a reference, in per cent of the range of the reference
   there. The closure of the mesh carries its index over from nodes to beliefs.
3. Against the depth ``k`` the reference is the mesh of the same closure and merge distance at depth DEEPEST; against the merge
   distance, the one of the linear closure at that depth merged within FINEST.

*Suffices*: at k = SUFFICIENT the mean error of both closures is at most ENOUGH per cent. *Verdict of a mesh*: whether the
partial conservation laws hold on it, with the least work as margin. That a failure on a mesh disproves the laws would need the
verdict to be the same on all finer ones; this is judged by whether it changes at all.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, figures 11 and 12, from a summary; their numbers by our reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.belief_path import belief_path
from rmab.hidden.arms import HiddenArms
from rmab.hidden.closure import Closure
from rmab.hidden.problem import HiddenProblem
from rmab.index.conservation import conservation_index
from rmab.index.mesh import mesh_report
from rmab.models.criterion import Discounted
from rmab.parallel import Progress
from rmab.scenarios.registry import scenario
from rmab.studies.hidden_rows import DepthRow, MergeRow
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Liu, Jia, General formulation and PCL-analysis for restless bandits with limited observability, arXiv:2307.03034"
CRITERION = Discounted(0.9)
CLOSURES = (Closure.NEAREST, Closure.LINEAR)
DEEPEST, FINEST, ACTIVITY = 20, 0.002, 0.5
SUFFICIENT, ENOUGH = 5, 1.0
MOST = 2000


@dataclass(frozen=True, eq=False)
class Mesh:
    """An arm of a scenario, and the merge distance at which the depth is varied."""

    name: str
    scenario: str
    variant: str
    merge: float

    @property
    def beginning(self) -> str:
        """What the errors are measured on."""
        return f"discount {CRITERION.beta}, acted on half of the time"

    @property
    def hidden(self) -> HiddenArms:
        """The arm."""
        return cast(HiddenArms, cast(HiddenProblem, scenario(self.scenario, variant=self.variant)).arms[0])


class OnMesh(NamedTuple):
    """The index at the test beliefs on one mesh, its size, and what it says of the arm."""

    at_beliefs: NDArray[np.float64]
    nodes: int
    least_work: float
    pcl: bool
    indexable: bool


@dataclass(frozen=True, eq=False)
class Tested:
    """An arm with test beliefs."""

    hidden: HiddenArms
    beliefs: NDArray[np.float64]

    def on_mesh(self, depth: int, merge: float, closure: Closure) -> OnMesh:
        """The index at the test beliefs on one mesh, and what the mesh says of the arm."""
        space = self.hidden.reachable(self.hidden.stationary(), depth=depth, merge=merge, closure=closure)
        table = conservation_index(space.arms, CRITERION, threads=1)
        said = float(table.least_work[0]), bool(table.pcl_indexable[0]), bool(table.indexable[0])
        return OnMesh(space.interpolate(table.values[0], self.beliefs), len(space.nodes), *said)


def _tested(mesh: Mesh, scale: Scale, entropy: int) -> Tested:
    arm = mesh.hidden
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    paths = []
    for _ in range(scale.replicates):
        uniforms = rng.random((scale.steps, 2))
        paths.append(belief_path(arm.kernel, arm.allowed, arm.stationary(), 0, ACTIVITY, uniforms)[0][scale.burn_in :])
    return Tested(arm, np.concatenate(paths))


def run_depths(
    instances: Sequence[Mesh], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[DepthRow, ...]:
    """The error of every depth, against the deepest space of the same closure and merge distance."""
    rows: list[DepthRow] = []
    for mesh in instances:
        tested = _tested(mesh, scale, entropy)
        for closure in CLOSURES:
            reference = tested.on_mesh(DEEPEST, mesh.merge, closure).at_beliefs
            for depth in scale.sizes:
                found = tested.on_mesh(depth, mesh.merge, closure)
                mean, largest = _errors(found.at_beliefs, reference)
                said = found.least_work, found.pcl, found.indexable
                rows.append(DepthRow(mesh.name, f"{closure} closure", found.nodes, mean, largest, *said, depth))
                _tell(progress, len(rows), len(instances) * len(CLOSURES) * len(scale.sizes))
    return tuple(rows)


def run_merges(
    instances: Sequence[Mesh], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[MergeRow, ...]:
    """The error of every merge distance, against the finest space of the linear closure."""
    rows: list[MergeRow] = []
    for mesh in instances:
        tested = _tested(mesh, scale, entropy)
        reference = tested.on_mesh(DEEPEST, FINEST, Closure.LINEAR).at_beliefs
        for closure in CLOSURES:
            for merge in scale.sizes:
                found = tested.on_mesh(DEEPEST, merge, closure)
                mean, largest = _errors(found.at_beliefs, reference)
                said = found.least_work, found.pcl, found.indexable
                rows.append(MergeRow(mesh.name, f"{closure} closure", found.nodes, mean, largest, *said, merge))
                _tell(progress, len(rows), len(instances) * len(CLOSURES) * len(scale.sizes))
    return tuple(rows)


def _errors(found: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and largest distance from the reference, in per cent of its range."""
    errors = 100 * np.abs(found - reference) / np.ptp(reference)
    return float(errors.mean()), float(errors.max())


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def judge_depth(instances: Mapping[str, Mesh], rows: tuple[DepthRow, ...]) -> tuple[Claim, ...]:
    """Whether the index saturates where the paper says."""
    claims = []
    for name in instances:
        at = [row for row in rows if row.instance == name and row.depth == SUFFICIENT]
        found = "; ".join(f"{row.policy} {row.mean_error:.2g} % (largest {row.largest_error:.2g} %)" for row in at)
        holds = all(row.mean_error <= ENOUGH for row in at)
        statement = f"{name}: a depth of 4 to 5 suffices (mean error at k = {SUFFICIENT} at most {ENOUGH:g} %)"
        claims.append(Claim(statement, found, REPRODUCED if holds else NOT_REPRODUCED))
    return tuple(claims)


def judge_merge(instances: Mapping[str, Mesh], rows: tuple[MergeRow, ...]) -> tuple[Claim, ...]:
    """Whether errors fall with the merge distance, which closure errs less, and whether verdicts of meshes are stable."""
    claims = []
    for name, mesh in instances.items():
        by = {
            closure: [row for row in rows if (row.instance, row.policy) == (name, f"{closure} closure")] for closure in CLOSURES
        }
        claims += [_falls(name, by), _linear_errs_less(name, by), _stable(name, by)]
        claims += [_report(mesh, merge) for merge in sorted({row.merge for row in rows}, reverse=True)[::2]]
    return tuple(claims)


def _falls(name: str, by: Mapping[Closure, Sequence[MergeRow]]) -> Claim:
    ends = {closure: _ends(rows) for closure, rows in by.items()}
    found = "; ".join(
        f"{c}: {a.mean_error:.2g} % at {a.merge:g}, {b.mean_error:.2g} % at {b.merge:g}" for c, (a, b) in ends.items()
    )
    holds = all(fine.mean_error < coarse.mean_error for coarse, fine in ends.values())
    statement = f"{name}: the error of the index falls with the merge distance"
    return Claim(statement, found, REPRODUCED if holds else NOT_REPRODUCED)


def _ends(rows: Sequence[MergeRow]) -> tuple[MergeRow, MergeRow]:
    return max(rows, key=lambda row: row.merge), min(rows, key=lambda row: row.merge)


def _linear_errs_less(name: str, by: Mapping[Closure, Sequence[MergeRow]]) -> Claim:
    near, linear = ({row.merge: row.mean_error for row in by[closure]} for closure in CLOSURES)
    times = {merge: near[merge] / linear[merge] for merge in near}
    found = ", ".join(f"{ratio:.1f} times at {merge:g}" for merge, ratio in times.items())
    holds = all(ratio > 1 for ratio in times.values())
    statement = f"{name}: the linear closure errs less than the nearest at every merge distance (ours)"
    return Claim(statement, f"mean error smaller {found}", REPRODUCED if holds else NOT_REPRODUCED)


def _stable(name: str, by: Mapping[Closure, Sequence[MergeRow]]) -> Claim:
    words = "; ".join(
        f"{closure}: " + ", ".join(f"{'PCL' if row.pcl else 'no PCL'} ({row.least_work:.2f}) at {row.merge:g}" for row in rows)
        for closure, rows in by.items()
    )
    verdicts = {row.pcl for rows in by.values() for row in rows}
    statement = f"{name}: what one mesh says of the conservation laws holds on all (least work)"
    return Claim(statement, words, REPRODUCED if len(verdicts) == 1 else NOT_REPRODUCED)


def _report(mesh: Mesh, merge: float) -> Claim:
    arm = mesh.hidden
    report = mesh_report(arm, arm.stationary(), CRITERION, depth=DEEPEST, merge=merge, most=MOST)
    return Claim(f"{mesh.name}: what four meshes say from merge {merge:g}", str(report).splitlines()[0], AS_MEASURED)


ARMS = (
    Mesh("spectrum access, acknowledged", "spectrum-access-v1", "ack", 0.005),
    Mesh("spectrum access, observed", "spectrum-access-v1", "observation", 0.005),
    Mesh("three levels, observed", "snir-v1", "observation", 0.01),
    Mesh("three levels, with reward", "snir-v1", "joint", 0.01),
)
COMPUTERS = Mesh("computers, observed", "cyber-monitoring-v1", "observation", 0.05)


def _scales(glance: tuple[float, ...], quick: tuple[float, ...], full: tuple[float, ...]) -> dict[str, Scale]:
    return {
        "glance": Scale(glance, steps=200, burn_in=0, replicates=2),
        "quick": Scale(quick, steps=1000, burn_in=0, replicates=2),
        "full": Scale(full, steps=5000, burn_in=0, replicates=2),
    }


STUDIES = (
    Definition(
        name="pcl/figure-11",
        title="Hidden arms: the index saturates in the depth of the belief space",
        citation=f"{CITATION}, figure 11, from a summary",
        instances=lambda: (*ARMS[1:], COMPUTERS),
        run=run_depths,
        scales=_scales((2, 5), (1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 4, 5, 6, 8, 10, 12)),
        judge=judge_depth,
    ),
    Definition(
        name="pcl/figure-12",
        title="Hidden arms: error of the index and verdict of the conservation laws against the merge distance",
        citation=f"{CITATION}, figure 12, from a summary",
        instances=lambda: ARMS,
        run=run_merges,
        scales=_scales((0.1, 0.05), (0.1, 0.05, 0.02), (0.1, 0.05, 0.02, 0.01, 0.005)),
        judge=judge_merge,
    ),
)
