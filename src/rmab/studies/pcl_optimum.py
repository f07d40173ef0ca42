"""Four hidden arms of two states against the exact optimum of the product of their chains.

1. Four random arms of two states (:mod:`rmab.scenarios.hidden_random`), one acted on. Each becomes a chain of at most MOST
   nodes by the linear closure; depth 8, merged within MERGE, or half as much again until the nodes fit.
2. Relative value iteration on the product of the four chains: the optimum, and the value of the index and the myopic policy,
   all from the start of the arms. In iteration an action is one axis of an array of four axes.
3. Interpolation keeps the mean of one belief while the others stand still, and the joint value is convex in each belief. So the
   optimum of the product is an upper bound on that of the hidden arms, and a sharper one than the Lagrangian bound.
4. So few nodes are coarse for arms that move slowly, and the optimum of the product may be well above that of the hidden arms.
   Hence also, on belief spaces merged within FINE: the index policy, simulated on the hidden arms, and the Lagrangian bound.
   The optimum of the hidden arms is between the two, and below that of the product.

No claim of the text is known to us but that exact dynamic programming is expensive. What is judged is ours: the order
policy <= optimum <= Lagrangian bound, and that the index policy is within NEAR per cent of the optimum.

Reference: K. Liu, Q. Jia, arXiv:2307.03034v4, figure 10, from a summary; its number by our reading. Cost: each
sweep takes 16 products of the array with a chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rmab.bound.hidden import hidden_bound
from rmab.bound.relative import Relative, iterate
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.index.conservation import conservation_index
from rmab.index.mesh import space_within
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted
from rmab.parallel import Progress
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.scenarios.hidden_random import build
from rmab.simulation.run import simulate
from rmab.studies.hidden_rows import OptimumRow
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Liu, Jia, General formulation and PCL-analysis for restless bandits with limited observability, arXiv:2307.03034"
N_ARMS, DEPTH, MERGE, MOST, FINE = 4, 8, 0.03, 14, 0.005
NEAR, EXACT = 1.0, 1e-7
INDEX, MYOPIC, LAGRANGIAN = "index", "myopic", "Lagrangian bound"
SIMULATED, CERTIFIED = "index, simulated", "bound, fine mesh"


@dataclass(frozen=True, eq=False)
class Four:
    """Which four arms, at one discount."""

    discount: float

    @property
    def name(self) -> str:
        """Name in tables and panels."""
        return f"discount {self.discount}"

    @property
    def beginning(self) -> str:
        """How many arms are acted on; all start in the law that waiting keeps."""
        return "one of four acted on"


@dataclass(frozen=True, eq=False)
class Product:
    """The product of the chains of four arms, of which exactly one is acted on in every period."""

    spaces: tuple[BeliefSpace, ...]
    beta: float

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Nodes of each chain."""
        return tuple(len(space.nodes) for space in self.spaces)

    def ahead(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What acting on each arm is worth in each joint node, shape ``(4, joint nodes)``, if ``values`` follow."""
        worth = []
        for acted in range(len(self.spaces)):
            after, paid = values.reshape(self.shape), np.zeros(self.shape)
            for axis, space in enumerate(self.spaces):
                action = int(axis == acted)
                moved = np.tensordot(space.arms.transitions[0, action], after, axes=(1, axis))
                after = np.moveaxis(moved, 0, axis)
                paid = paid + _along(space.rewards[action], axis, len(self.shape))
            worth.append((paid + self.beta * after).ravel())
        return np.stack(worth)

    def optimum(self) -> float:
        """Best reward per period from the start, times ``1 - beta``."""
        return self._value(iterate(lambda v: self.ahead(v[:, 0]).max(axis=0)[:, np.newaxis], *self._settings))

    def of_scores(self, scores: Sequence[NDArray[np.float64]]) -> float:
        """Reward per period of acting on the arm of the highest score, the first of several."""
        joint = [np.broadcast_to(_along(score, axis, len(self.shape)), self.shape) for axis, score in enumerate(scores)]
        chosen = np.stack([score.ravel() for score in joint]).argmax(axis=0)[np.newaxis]
        step = lambda v: np.take_along_axis(self.ahead(v[:, 0]), chosen, axis=0).T  # noqa: E731
        return self._value(iterate(step, *self._settings))

    @property
    def _settings(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        return np.zeros((int(np.prod(self.shape)), 1)), np.ones(1), self.beta, EXACT * 1e-2

    def _value(self, found: Relative) -> float:
        # all arms start in the first nodes of their chains
        return (found.low + found.high) / 2 + (1 - self.beta) * float(found.values[0, 0])


def _along(values: NDArray[np.float64], axis: int, dimensions: int) -> NDArray[np.float64]:
    """An array that varies along one axis of several."""
    return values.reshape([-1 if place == axis else 1 for place in range(dimensions)])


def _chain(arm: HiddenArms) -> BeliefSpace:
    merge, space = MERGE, None
    while space is None:
        space = space_within(arm, arm.stationary(), depth=DEPTH, merge=merge, closure="linear", modes=None, most=MOST)
        merge *= 1.5
    return space


def run_optimum(
    instances: Sequence[Four], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[OptimumRow, ...]:
    """The optimum of the product, policies on it and in simulation, and the Lagrangian bound, for every four arms."""
    cells = [(four, seed) for four in instances for seed in scale.sizes]
    rows: list[OptimumRow] = []
    for number, (four, seed) in enumerate(cells):
        arms = build("equal-mean", 2, N_ARMS, seed).arms
        spaces = tuple(_chain(arm) for arm in arms)
        criterion, product = Discounted(four.discount), Product(spaces, four.discount)
        problem = HiddenProblem(arms, TopK(1, exactly=True), criterion)
        tables = [conservation_index(space.arms, criterion) for space in spaces]
        fine = [arm.reachable(arm.stationary(), depth=2 * DEPTH, merge=FINE) for arm in arms]
        policy = BeliefIndexPolicy(fine, [conservation_index(space.arms, criterion) for space in fine], lookup="nearest")
        run = simulate(
            problem,
            policy,
            steps=scale.steps,
            replicates=scale.replicates,
            rng=np.random.SeedSequence(entropy, spawn_key=(number,)),
            threads=threads,
        )
        found = {
            INDEX: product.of_scores([table.values[0] for table in tables]),
            MYOPIC: product.of_scores([space.rewards[1] - space.rewards[0] for space in spaces]),
            SIMULATED: run.mean,
            LAGRANGIAN: hidden_bound(problem, spaces=spaces).value,
            CERTIFIED: hidden_bound(problem, spaces=fine).value,
        }
        best, half = product.optimum(), (run.interval[1] - run.interval[0]) / 2
        rows += [OptimumRow(four.name, k, seed, v, half if k == SIMULATED else 0.0, best) for k, v in found.items()]
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(rows)


def judge(instances: Mapping[str, Four], rows: tuple[OptimumRow, ...]) -> tuple[Claim, ...]:
    """The order of policies, optimum and bound; how far the index and the myopic policy are from the optimum."""
    claims = []
    for name in instances:
        found = {policy: [row for row in rows if (row.instance, row.policy) == (name, policy)] for policy in _names(rows)}
        claims += _claims(name, found)
    return tuple(claims)


def _names(rows: Sequence[OptimumRow]) -> list[str]:
    return list(dict.fromkeys(row.policy for row in rows))


def _claims(name: str, found: Mapping[str, Sequence[OptimumRow]]) -> list[Claim]:
    slack = 100 * EXACT
    above = max(row.excess for policy in (INDEX, MYOPIC) for row in found[policy])
    below = min(row.excess for row in found[LAGRANGIAN])
    lost = [-row.excess for row in found[INDEX]]
    run = found[SIMULATED]
    top = [min(0.0, row.excess) for row in found[CERTIFIED]]
    chance = max(row.excess - most - 2 * row.margin for row, most in zip(run, top, strict=True))
    return [
        Claim(
            f"{name}: policies <= optimum of the product <= Lagrangian bound (ours)",
            f"policies at most {above:+.2g} %, bound at least {below:+.2g} %",
            REPRODUCED if above <= slack and below >= -slack else NOT_REPRODUCED,
        ),
        Claim(
            f"{name}: the simulated index policy is above neither the optimum nor the fine bound, beyond chance (ours)",
            f"at most {max(row.excess for row in run):+.3f} %, half-widths at most {max(row.margin for row in run):.3f} %",
            REPRODUCED if chance <= 0 else NOT_REPRODUCED,
        ),
        Claim(
            f"{name}: what the simulated index policy loses at most, against the smaller of optimum and fine bound",
            f"{_list([most - row.excess for row, most in zip(run, top, strict=True)])} %",
            AS_MEASURED,
        ),
        Claim(
            f"{name}: the index policy is within {NEAR:g} % of the exact optimum of the product (ours)",
            f"{_list(lost)} % lost",
            REPRODUCED if max(lost) <= NEAR else NOT_REPRODUCED,
        ),
        Claim(f"{name}: what the myopic policy loses", f"{_list([-row.excess for row in found[MYOPIC]])} %", AS_MEASURED),
        Claim(f"{name}: Lagrangian bound above the optimum", f"{_list([r.excess for r in found[LAGRANGIAN]])} %", AS_MEASURED),
    ]


def _list(numbers: Sequence[float]) -> str:
    return ", ".join(f"{abs(number) if abs(number) < 5e-4 else number:.3f}" for number in numbers)


STUDIES = (
    Definition(
        name="pcl/figure-10",
        title="Four hidden arms against the exact optimum of the product of their chains",
        citation=f"{CITATION}, figure 10, from a summary",
        instances=lambda: (Four(0.9), Four(0.97)),
        run=run_optimum,
        scales={
            "glance": Scale((1,), steps=200, burn_in=0, replicates=200),
            "quick": Scale((1, 2, 3), steps=300, burn_in=0, replicates=1000),
            "full": Scale((1, 2, 3, 4, 5, 6, 7, 8), steps=500, burn_in=0, replicates=2000),
        },
        judge=judge,
    ),
)
