"""What several verbs ask for: the columns of a log, the criterion, where results go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token

from rmab.errors import ModelError
from rmab.models.budget import Budget, Knapsack, TopK
from rmab.models.criterion import Average, Criterion, Discounted, Horizon
from rmab.models.problem import Problem

if TYPE_CHECKING:
    from rmab.cli.problem_file import Given
    from rmab.estimation.log import Log
    from rmab.estimation.transitions import Model

DEFAULT_STEPS = 1000
DEFAULT_CAP = 10.0


def whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it was typed; anything else is refused, never rounded."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is not a whole number") from None


def seed_number(kind: Any, tokens: Sequence[Token]) -> int:
    """A whole number from 0 on."""
    number = whole_number(kind, tokens)
    if number < 0:
        raise ValueError(f"{tokens[0].value!r} is below 0; seeds are whole numbers from 0 on")
    return number


Whole = Annotated[int, Parameter(converter=whole_number)]
Seed = Annotated[int, Parameter(converter=seed_number)]
MaybeWhole = Annotated[int | None, Parameter(converter=whole_number)]
Flag = Annotated[bool, Parameter(negative=())]
Exactly = Annotated[bool | None, Parameter(negative="--at-most")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """How a log is read and its arms estimated.

    Parameters
    ----------
    arm : str
        Column that names the arm.
    time : str
        Column with the period: whole numbers or ISO dates.
    state : str
        Column with the state.
    action : str
        Column with the action taken.
    passive : str
        The action label that means "left alone".
    rewards : str
        Reward per period of every state, as "good=1,poor=0".
    group : str, optional
        Column whose values are estimated apart; without it all arms are of one type.
    prior_strength : float
        Weight of the pooled estimate, in observations per group, action and state.
    """

    arm: str
    time: str
    state: str
    action: str
    passive: str
    rewards: str
    group: str | None = None
    prior_strength: float = 2.0

    def read(self, file: Path) -> tuple[Log, Model]:
        """The log in ``file`` and the arms estimated from it."""
        from rmab.estimation.log import read_log
        from rmab.estimation.transitions import DirichletPrior, estimate

        rewards = label_values(self.rewards)
        prior = DirichletPrior(self.prior_strength)
        log = read_log(
            file, arm=self.arm, time=self.time, state=self.state, action=self.action, group=self.group, passive=self.passive
        )
        return log, estimate(log, prior=prior, groups=self.group, rewards=rewards)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CriterionOptions:
    """What is maximised; say exactly one, or none for what the problem file says.

    Parameters
    ----------
    discount : float, optional
        Discounted reward with this factor per period, strictly between 0 and 1.
    average : bool
        Long-run average reward.
    horizon : int, optional
        Mean reward over this many first periods.
    """

    discount: float | None = None
    average: Annotated[bool, Parameter(negative=())] = False
    horizon: MaybeWhole = None

    def criterion(self, saved: Criterion | None = None) -> Criterion:
        """The criterion that was asked for, or else the one that was ``saved`` with the problem."""
        asked = (self.discount is not None) + self.average + (self.horizon is not None)
        if asked == 0 and saved is not None:
            return saved
        if asked != 1:
            raise ModelError("say what is maximised with exactly one of --discount B, --average and --horizon T")
        if self.discount == 1:
            raise ModelError("--discount 1 has no discounted value; use --average for the long-run average")
        if self.discount is not None:
            return Discounted(self.discount)
        return Average() if self.horizon is None else Horizon(self.horizon)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BudgetOptions:
    """How much may be done per period, and where the arms start.

    Parameters
    ----------
    budget : int, optional
        Arms that may be acted on per period. Default: what the problem file says.
    exactly : bool, optional
        Whether the whole budget must be used in every period. Default: what the problem file says, or at most.
    start : int, optional
        State in which every arm starts. Default: what the problem file says, or uniform over the states.
    """

    budget: MaybeWhole = None
    exactly: Exactly = None
    start: MaybeWhole = None

    def problem(self, given: Given, criterion: CriterionOptions | None) -> Problem:
        """What the file says, where these options and those on the criterion do not say otherwise."""
        wanted = (criterion or CriterionOptions()).criterion(given.criterion)
        start = given.start if self.start is None else self.start
        return Problem(given.arms, self._budget(given.budget), wanted, given.penalties, start)

    def configuration(self, given: Given, problem: Problem) -> dict[str, Any]:
        """What ``problem`` was made of, for the provenance of a result."""
        return {
            "criterion": repr(problem.criterion),
            "budget": repr(problem.budget),
            "penalties": len(problem.excess_costs),
            "start": self.started(given),
        }

    def started(self, given: Given) -> int | str | None:
        """Where the arms start, for the provenance of a result; ``None`` is uniform over the states."""
        saved = None if given.start is None else "as in the file"
        return saved if self.start is None else self.start

    def _budget(self, saved: Budget | None) -> Budget:
        count = saved.k if self.budget is None and isinstance(saved, TopK) else self.budget
        if count is not None:
            as_saved = isinstance(saved, TopK) and saved.exactly
            return TopK(count, exactly=as_saved if self.exactly is None else self.exactly)
        if isinstance(saved, Knapsack):
            if self.exactly is not None:
                raise ModelError("--exactly and --at-most need a number of arms, --budget K; the file's budget is a knapsack")
            return saved
        raise ModelError("say how many arms may be acted on per period with --budget K; the problem file does not")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where the result goes.

    Parameters
    ----------
    json : bool
        Print the result as JSON instead of text.
    out : Path, optional
        Write the result as JSON to this file instead of printing it.
    """

    json: Annotated[bool, Parameter(negative=())] = False
    out: Path | None = None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SimulationOptions:
    """How long and how often to simulate.

    Parameters
    ----------
    steps : int, optional
        Periods per replicate. Default: 1000, or the horizon.
    replicates : int
        Independent replicates; at least 2 for an interval.
    burn_in : int
        First periods that do not count; with --average only.
    seed : int
        Seed of all randomness; the same seed gives the same numbers.
    threads : int, optional
        Threads to use; the result does not depend on it. Default: one per core.
    """

    steps: MaybeWhole = None
    replicates: Whole = 100
    burn_in: Whole = 0
    seed: Seed = 0
    threads: MaybeWhole = None

    def arguments(self, criterion: Criterion) -> dict[str, Any]:
        """What ``simulate`` and ``compare`` are called with."""
        default = None if isinstance(criterion, Horizon) else DEFAULT_STEPS
        return {
            "steps": default if self.steps is None else self.steps,
            "replicates": self.replicates,
            "burn_in": self.burn_in,
            "rng": self.seed,
            "threads": self.threads,
        }


def label_values(text: str) -> dict[str, float]:
    """Numbers by label from ``"good=1,poor=0"``.

    Examples
    --------
    >>> label_values("good=1, poor=0")
    {'good': 1.0, 'poor': 0.0}
    """
    values: dict[str, float] = {}
    for part in text.split(","):
        label, equals, number = part.rpartition("=")
        label = label.strip()
        if not equals or not label:
            raise ModelError(f'--rewards: {part.strip()!r} is not LABEL=NUMBER; write for example "good=1,poor=0"')
        if label in values:
            raise ModelError(f"--rewards names {label!r} twice")
        values[label] = _number(label, number)
    return values


def _number(label: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ModelError(f"--rewards: the reward of {label!r} is {text.strip()!r}, not a number") from None
    if not math.isfinite(value):
        raise ModelError(f"--rewards: the reward of {label!r} is {text.strip()!r}; rewards must be finite")
    return value
