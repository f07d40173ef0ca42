"""The arms of the studies of index learning: single arms whose exact index and value are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Criterion, Discounted
from rmab.models.problem import Problem
from rmab.scenarios.registry import scenario

CITATION = "Kakarapalli, Kayande, Meshram, Faster Q-learning algorithms for restless bandits, arXiv:2409.05908, abstract"
COPIES = 100
ACTING = ((0.1719, 0.1749, 0.6532), (0.0547, 0.9317, 0.0136), (0.1547, 0.6271, 0.2182))
WAITING = ((0.3629, 0.5028, 0.1343), (0.0823, 0.7534, 0.1643), (0.2460, 0.0294, 0.7246))
PAID = (0.44138, 0.8033, 0.14257)


@dataclass(frozen=True, eq=False)
class Learned:
    """A hundred copies of one arm, and how many of them are acted on while its index is learned."""

    name: str
    arms: Arms
    criterion: Criterion
    acted: int

    @property
    def beginning(self) -> str:
        """The criterion, and what is acted on."""
        law = f"discount {self.criterion.beta:g}" if isinstance(self.criterion, Discounted) else "long-run average"
        return f"{law}, {self.acted} of {COPIES} acted on"

    def problem(self) -> Problem:
        """The copies, exactly so many acted on."""
        copies = Arms(self.arms.transitions, self.arms.rewards, multiplicity=[COPIES])
        return Problem(copies, TopK(self.acted, exactly=True), self.criterion)

    def index(self) -> NDArray[np.float64]:
        """The exact Whittle index, shape ``(S,)``."""
        return whittle_index(self.arms, self.criterion).values[0]


def learned(name: str, criterion: Criterion, *, title: str | None = None, states: int | None = None) -> Learned:
    """The arm of a scenario with one type.

    Examples
    --------
    >>> learned("circulant", Average()).index().round(6)
    array([-0.5,  0.5,  1. , -1. ])
    """
    make = partial(scenario, f"{name}-v1", scale=10, criterion=criterion)
    problem = cast(Problem, make() if states is None else make(states=states))
    return Learned(title or name, problem.arms, criterion, problem.budget.k)


def three_states(criterion: Discounted) -> Learned:
    """An arm of three states after J. Niño-Mora; only acting is paid for.

    Examples
    --------
    >>> three_states(Discounted(0.9)).index().round(6)
    array([0.183129, 0.8033  , 0.571305])
    """
    arms = Arms(np.array([[WAITING, ACTING]]), np.array([[(0.0, 0.0, 0.0), PAID]]))
    return Learned("three states", arms, criterion, 20)


def discounted() -> tuple[Learned, ...]:
    """Circulant, restart, three states and mentoring, at a discount of 0.9."""
    criterion = Discounted(0.9)
    named = (learned(name, criterion) for name in ("circulant", "restart", "mentoring"))
    return *named, three_states(criterion)


def averaged_and_discounted() -> tuple[Learned, ...]:
    """Circulant and restart, under both criteria."""
    return tuple(
        learned(name, criterion, title=f"{name}, {title}")
        for name in ("circulant", "restart")
        for criterion, title in ((Average(), "average"), (Discounted(0.9), "discounted"))
    )
