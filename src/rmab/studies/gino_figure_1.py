"""Figure 1 of the GINO-Q paper: the arm that is said to be not indexable, charge by charge.

Let g be the best long-run reward per period of one arm that pays a charge for every activation, and W(s) its advantage of
acting in state s, the charge subtracted. W(s) = 0 is where the Whittle index is looked for. States are numbered from 0 here, so
state 0 is the paper's state 1.

1. g and W are computed exactly, by policy iteration at every charge (:mod:`rmab.index.price`).
2. g is also simulated: many copies of the arm that pays the charge, each acting where W is at least 0.
3. The paper says that its state 1 is active for all charges above 2. At such charges every other state waits, as acting there
   earns at most 2 more and leads nowhere else; what the charge still reaches is the reward of acting in the one state, so its
   advantage does not rise with the charge *whatever the transitions are*. This is checked on arms of the form drawn at random.

The probabilities of the arm are a reconstruction from the figure (see the scenario gino-v1), and the appendix of the paper was
not available; 3 does not depend on either. The flipped arm, the same numbers with the actions exchanged, is what a state that
is acted on again looks like.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024), figure 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rmab.index.gain import gain_index
from rmab.index.price import Dual
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.policies.index import IndexPolicy
from rmab.scenarios.gino import ACTS, REWARDS, WAITS
from rmab.scenarios.registry import scenario
from rmab.simulation.run import simulate
from rmab.studies.curves import near, near_all
from rmab.studies.gino_learners import CITATION
from rmab.studies.learning_rows import ChargeRow
from rmab.studies.study import NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

GINO, FLIPPED = "the paper's arm", "the flipped arm"
EXACT, SIMULATED, DECIDING = "gain, exact", "gain, simulated", "W, state 0"
COPIES, RANDOM_ARMS, ABOVE = 500, 200, (2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
GAINS = {-6.0: 16 / 3, -4.0: 10 / 3, -1.0: 5 / 6, 0.0: 0.0, 1.0: -2 / 3, 2.0: -4 / 3, 6.0: -4 / 3}
SMALL = 1e-9


@dataclass(frozen=True, eq=False)
class ChargedArm:
    """One arm, and what it earns and where it acts at a charge."""

    name: str
    scenario: str

    @property
    def beginning(self) -> str:
        """What is drawn."""
        return "one arm that pays the charge"

    def problem(self, acted: int = 7) -> Problem:
        """Ten copies, of which ``acted`` are acted on."""
        return cast(Problem, scenario(self.scenario, k=acted))

    def at(self, charge: float) -> tuple[float, NDArray[np.float64]]:
        """Gain, and advantage of acting in every state, shape ``(S,)``."""
        return charged(self.problem().arms, charge)

    def advantage(self, state: int, charge: float) -> float:
        """Advantage of acting in one state, without the noise of rounding."""
        return round(float(self.at(charge)[1][state]), 12) + 0.0


def charged(arms: Arms, charge: float) -> tuple[float, NDArray[np.float64]]:
    """Gain and advantages of acting, shape ``(S,)``, of the single type of ``arms`` at a charge, by policy iteration.

    Examples
    --------
    >>> gain, advantage = charged(ChargedArm(GINO, "gino-v1").problem().arms, 2.0)
    >>> round(gain, 4), (advantage.round(6) + 0.0).tolist()
    (-1.3333, [0.0, -2.0, 0.0, 0.0, 0.0, 0.0])
    """
    alone = Arms(arms.transitions, arms.rewards, multiplicity=[1])
    dual = Dual(Problem(alone, TopK(1, exactly=True), Average()))
    worth = dual.tangent(charge).at(charge) - charge
    return float(worth), dual.beside(charge, 0).advantage[0]


def run(
    instances: Sequence[ChargedArm], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[ChargeRow, ...]:
    """Gain, exact and simulated, and advantages, at every charge."""
    cells = [(instance, charge) for instance in instances for charge in scale.sizes]
    rows: list[ChargeRow] = []
    for number, (instance, charge) in enumerate(cells):
        gain, advantage = instance.at(charge)
        found = {EXACT: gain, DECIDING: advantage[0], "W, state 1": advantage[1], "W, states 2 to 5": advantage[2]}
        rows += [ChargeRow(instance.name, name, charge, *3 * (float(value),)) for name, value in found.items()]
        arms = instance.problem().arms
        paying = Arms(arms.transitions, arms.rewards - charge * np.array([[[0.0], [1.0]]]), multiplicity=[COPIES])
        outcome = simulate(
            Problem(paying, TopK(COPIES), Average()),
            IndexPolicy(advantage[np.newaxis]),
            steps=scale.steps,
            burn_in=scale.burn_in,
            replicates=scale.replicates,
            rng=np.random.SeedSequence(entropy, spawn_key=(number,)),
            threads=threads,
        )
        rows.append(ChargeRow(instance.name, SIMULATED, charge, *(x / COPIES for x in (outcome.mean, *outcome.interval))))
        if progress is not None:
            progress(number + 1, len(cells))
    return tuple(rows)


def judge(instances: Mapping[str, ChargedArm], rows: tuple[ChargeRow, ...]) -> tuple[Claim, ...]:
    """The paper's claims about its arm, and what follows from the definition."""
    gino, flipped = instances[GINO], instances[FLIPPED]
    deciding = {row.at: row.mean for row in rows if (row.instance, row.policy) == (GINO, DECIDING)}
    table = whittle_index(gino.problem().arms, Average())
    gain = gain_index(gino.problem(), tie_break="fluid")
    other = whittle_index(flipped.problem().arms, Average())
    return (
        near_all("W of state 0 at the charges -4 and 2 (paper)", [gino.advantage(0, c) for c in (-4, 2)], (0, 0), SMALL),
        _active_above(deciding),
        _whatever_the_transitions(),
        _judged("the arm is not indexable (paper)", str(table.verdict[0]), not table.indexable[0]),
        near_all("Whittle index (derived)", table.values[0], (-4, 0, 2, 2, 2, 2), 1e-6),
        near_all(f"gain at the charges {_list(GAINS)} (derived)", [gino.at(c)[0] for c in GAINS], [*GAINS.values()], 1e-6),
        _simulation_agrees(rows),
        near("70 % acted on: the price", gain.price, 0.0, 1e-6),
        near_all("70 % acted on: gain index (derived)", gain.advantage[0], (-2, 0, 2, 2, 2, 2), 1e-6),
        near("70 % acted on: the bound per arm", round(gain.bound / 10, 12), 0.0, 1e-6),
        _one_order(gain.values[0], table.values[0]),
        *(near(f"{10 * acted} % acted on: the price (derived)", gain_index(gino.problem(acted)).price, price, 1e-6)
          for acted, price in ((3, 2.0), (5, 2.0), (9, -4.0))),
        _judged(f"{FLIPPED} is not indexable (derived)", str(other.verdict[0]), not other.indexable[0]),
        _acts_again(flipped),
    )  # fmt: skip


def _judged(statement: str, found: str, holds: bool) -> Claim:
    return Claim(statement, found, REPRODUCED if holds else NOT_REPRODUCED)


def _active_above(deciding: Mapping[float, float]) -> Claim:
    above = {charge: value for charge, value in deciding.items() if charge > 2.0}
    found = ", ".join(f"W = {value:.3g} at {charge:g}" for charge, value in above.items())
    return _judged(
        "state 0 (1 in the paper) is worth acting on at all charges above 2 (paper)", found, min(above.values()) >= 0
    )


def _whatever_the_transitions() -> Claim:
    """W of state 0 at rising charges above 2, on arms of the paper's form with rows drawn at random."""
    random, rises = np.random.default_rng(0), -np.inf
    for _ in range(RANDOM_ARMS):
        transitions = np.array([[WAITS, ACTS]])
        transitions[0, :, 1:] = random.dirichlet(np.ones(6), size=5)
        transitions[0, :, 0] = random.dirichlet(np.ones(6), size=2)
        arms = Arms(transitions, np.array([REWARDS]))
        rises = max(rises, float(np.diff([charged(arms, charge)[1][0] for charge in ABOVE]).max()))
    statement = "above a charge of 2, W of state 0 does not rise with the charge, whatever the transitions (derived)"
    return _judged(statement, f"rises by at most {rises:.2g} on {RANDOM_ARMS} random arms of the form", rises <= SMALL)


def _simulation_agrees(rows: Sequence[ChargeRow]) -> Claim:
    exact = {(row.instance, row.at): row.mean for row in rows if row.policy == EXACT}
    run = [row for row in rows if row.policy == SIMULATED]
    apart = max(abs(row.mean - exact[row.instance, row.at]) / max(row.half, SMALL) for row in run)
    found = f"at most {apart:.2f} half-widths apart at {len(run)} charges"
    return _judged("the simulated gain is within three half-widths of the exact one (ours)", found, apart <= 3.0)


def _one_order(gain: NDArray[np.float64], whittle: NDArray[np.float64]) -> Claim:
    first, second = (np.sign(np.subtract.outer(index, index).round(6)) for index in (gain, whittle))
    return _judged(
        "70 % acted on: the Whittle order is the gain order (derived)", f"{whittle} and {gain}", bool((first == second).all())
    )


def _acts_again(flipped: ChargedArm) -> Claim:
    signs = [bool(flipped.at(charge)[1][0] > 0) for charge in (-5.0, -2.0, 1.0, 3.0)]
    found = ", ".join(
        f"{'acts' if acts else 'waits'} at {charge:g}" for charge, acts in zip((-5, -2, 1, 3), signs, strict=True)
    )
    return _judged(
        f"{FLIPPED}: state 0 acts, waits, acts again and waits as the charge rises (derived)",
        found,
        signs == [True, False, True, False],
    )


def _list(numbers: Iterable[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _charges(step: float) -> tuple[float, ...]:
    return tuple(float(charge) for charge in np.arange(-6.0, 6.0 + step / 2, step))


STUDY = Definition(
    name="gino/figure-1",
    title="The arm of GINO-Q charge by charge: it is indexable",
    citation=f"{CITATION}, figure 1, reconstructed",
    instances=lambda: (ChargedArm(GINO, "gino-v1"), ChargedArm(FLIPPED, "flipped-v1")),
    run=run,
    scales={
        "glance": Scale(_charges(3.0), steps=150, burn_in=50, replicates=4),
        "quick": Scale(_charges(1.0), steps=600, burn_in=100, replicates=10),
        "full": Scale(_charges(1.0), steps=2000, burn_in=200, replicates=20),
    },
    judge=judge,
)
