"""What a scenario is: variants of a base system of a few arms, and how that system is built.

There are two kinds of systems: of arms whose state is seen, with or without requirements of their own, and of arms whose state
is not.

A scenario's name ends in a version. Numbers of a published scenario never change under one name: whoever corrects them adds a
new file with the next version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import cleandoc
from math import prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Criterion
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem

MOST_STATES = 2000


@dataclass(frozen=True, eq=False)
class System:
    """The arms of a base system whose state is seen, before any scaling.

    Parameters
    ----------
    transitions : ndarray, shape (K, A, S, S)
        As in :class:`~rmab.models.arms.Arms`.
    rewards : ndarray, shape (K, A, S)
        As in :class:`~rmab.models.arms.Arms`.
    start : ndarray, shape (S,)
        Distribution of the state of every arm at the start.
    penalty : Penalty, optional
        What each arm owes on its own. Default: nothing.
    multiplicity : tuple of int, length K, optional
        How many arms of each type there are. Default: one.
    k : int
        How many arms are acted on in a period.
    """

    transitions: NDArray[np.float64]
    rewards: NDArray[np.float64]
    start: NDArray[np.float64]
    penalty: Penalty | None = None
    multiplicity: tuple[int, ...] | None = None
    k: int = 1

    def problem(self, scale: int, budget: TopK, criterion: Criterion) -> Problem:
        """The problem with ``scale`` times as many arms of each type."""
        counts = self.multiplicity or (1,) * len(self.rewards)
        arms = Arms(self.transitions, self.rewards, np.array([count * scale for count in counts]))
        return Problem(arms, budget, criterion, self.penalty, self.start)


@dataclass(frozen=True, eq=False)
class HiddenSystem:
    """The arms of a base system whose state is not seen, before any scaling.

    Parameters
    ----------
    arms : tuple of HiddenArms, length K
        The types.
    multiplicity : tuple of int, length K
        How many arms of each type there are.
    start : tuple of ndarray, optional
        Belief of each type at the start. Default: the law that waiting keeps.
    k : int
        How many arms are acted on in a period.
    """

    arms: tuple[HiddenArms, ...]
    multiplicity: tuple[int, ...]
    start: tuple[NDArray[np.float64], ...] | None = None
    k: int = 1

    def problem(self, scale: int, budget: TopK, criterion: Criterion) -> HiddenProblem:
        """The problem with ``scale`` times as many arms of each type."""
        counts = np.array([count * scale for count in self.multiplicity])
        return HiddenProblem(self.arms, budget, criterion, multiplicity=counts, start=self.start)


@dataclass(frozen=True)
class Scenario:
    """A published problem, by a versioned name.

    Parameters
    ----------
    name : str
        Versioned identifier, such as ``"remote-sensing-v1"``.
    title : str
        One line.
    citation : str
        Where it was published.
    page : str
        Its documentation: description, arms, requirement, budget, start, variants, assumptions and source.
    variants : mapping of str to mapping
        For each variant what the base system is built from: numbers, one per type, a number of arms, or words.
    parameters : mapping of str to int
        Whole numbers that may be changed, with their defaults. Where states are seen, the number of states of an arm grows
        with their product.
    build : callable
        Called with the parameters of a variant and those above, by name; returns a :class:`System`, or a
        :class:`HiddenSystem` if ``hidden``.
    hidden : bool
        Whether the states of the arms are not seen; the problem is then a :class:`~rmab.hidden.problem.HiddenProblem`.
    criterion : Discounted, Average or Horizon
        What is maximised unless told otherwise.
    """

    name: str
    title: str
    citation: str
    page: str
    variants: Mapping[str, Mapping[str, tuple[float, ...] | int | str]]
    parameters: Mapping[str, int]
    build: Callable[..., System | HiddenSystem]
    hidden: bool = False
    criterion: Criterion = field(default_factory=Average)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.variants)}): {self.title}\n  {self.citation}"

    def system(self, variant: str | None, parameters: Mapping[str, Any]) -> System | HiddenSystem:
        """The base system of a variant, the first one by default.

        Raises
        ------
        ModelError
            If there is no such variant or parameter, or a parameter is not a whole number from 1 on.
        """
        chosen = next(iter(self.variants)) if variant is None else variant
        if not isinstance(chosen, str) or chosen not in self.variants:
            raise ModelError(f"{self.name} has no variant {chosen!r}; it has {', '.join(self.variants)}")
        return self.build(**self.variants[chosen], **self._complete(parameters))

    def _complete(self, given: Mapping[str, Any]) -> dict[str, int]:
        for name, value in given.items():
            if name not in self.parameters:
                raise ModelError(f"{self.name} has no parameter {name!r}; it has {', '.join(self.parameters) or 'none'}")
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ModelError(f"{name} must be a whole number from 1 on, got {value!r}")
        complete = {name: int(given.get(name, default)) for name, default in self.parameters.items()}
        if not self.hidden and prod(complete.values()) > MOST_STATES:
            sizes = ", ".join(f"{name}={value}" for name, value in complete.items())
            raise ModelError(f"{sizes} make more than {MOST_STATES} states per arm; choose smaller numbers")
        return complete


def page(docstring: str | None) -> str:
    """A module's docstring as a page that can be printed.

    Examples
    --------
    >>> page("Title\\n\\nText.\\n")
    'Title\\n\\nText.'
    """
    return cleandoc(docstring or "")
