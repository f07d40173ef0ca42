"""Several policies on the same arms and the same random numbers, and the paired differences between them.

The random numbers of an arm do not depend on the policy, so replicate ``r`` of one policy is compared with replicate ``r`` of
the other; the difference varies less than either value wherever the policies leave the arms in much the same states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rmab.errors import ModelError
from rmab.simulation.gap import Gap
from rmab.simulation.interval import student_half_width
from rmab.simulation.outcome import Outcome


@dataclass(frozen=True)
class Difference:
    """Mean paired difference of two policies in reward per period, with its 95 % confidence interval."""

    mean: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.mean:+.6g} (95 % CI {self.interval[0]:+.6g} to {self.interval[1]:+.6g})"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Outcomes of several policies under common random numbers.

    Attributes
    ----------
    outcomes : mapping of str to Outcome
        One per policy, in the order given.
    """

    outcomes: Mapping[str, Outcome]

    @property
    def best(self) -> str:
        """Name of the policy with the highest mean reward."""
        return max(self.outcomes, key=lambda name: self.outcomes[name].mean)

    def difference(self, name: str, other: str | None = None) -> Difference:
        """Mean reward of policy ``name`` less that of ``other`` (default: the best), paired by replicate.

        Raises
        ------
        ModelError
            If there is no policy of that name.
        """
        paired = self._outcome(name).rewards - self._outcome(self.best if other is None else other).rewards
        mean, half = float(paired.mean()), float(student_half_width(paired))
        return Difference(mean, (mean - half, mean + half))

    def gap(self, bound: Any) -> dict[str, Gap]:
        """The gap of every policy to an upper bound, a number or an object with a ``value``."""
        return {name: outcome.gap(bound) for name, outcome in self.outcomes.items()}

    def _outcome(self, name: str) -> Outcome:
        if name not in self.outcomes:
            raise ModelError(f"no policy {name!r} was compared; there are {', '.join(self.outcomes)}")
        return self.outcomes[name]

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("policy", "reward", "95 % CI", "activations", f"less {self.best}", "95 % CI")]
        for name, outcome in self.outcomes.items():
            paired = self.difference(name)
            rows.append(
                (
                    name,
                    f"{outcome.mean:.6g}",
                    f"{outcome.interval[0]:.6g} to {outcome.interval[1]:.6g}",
                    f"{outcome.activations.mean():.6g}",
                    "best" if name == self.best else f"{paired.mean:+.6g}",
                    "" if name == self.best else f"{paired.interval[0]:+.6g} to {paired.interval[1]:+.6g}",
                )
            )
        rows = [row + owed for row, owed in zip(rows, self._owed(), strict=True)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join(lines)

    def _owed(self) -> list[tuple[str, ...]]:
        """Further cells of every row, on the violation of penalties, if there are any."""
        outcomes = self.outcomes.values()
        if not any(len(outcome.excess) for outcome in outcomes):
            return [()] * (1 + len(outcomes))
        rows: list[tuple[str, ...]] = [("violation", "95 % CI", "worst type")]
        for outcome in outcomes:
            low, high = outcome.mean_violation_interval
            rows.append((f"{outcome.mean_violation:.3g}", f"{low:.3g} to {high:.3g}", f"{outcome.violation.max():.3g}"))
        return rows
