"""The tables of a plan: this period's list with reasons, the whole cohort, and the cells of groups and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rmab.estimation.transitions import Model
from rmab.planning.choice import Choice
from rmab.planning.sensitivity import Sensitivity
from rmab.report.numbers import short


@dataclass(frozen=True, eq=False)
class Standing:
    """How the arms stand: what every cell is worth, where every arm is, and which arms were chosen.

    ``index``, ``worth`` and ``effect`` have shape ``(K, S)``; ``states`` holds the present state of each arm, shape ``(N,)``;
    ``threshold`` is the index below which arms are left alone.
    """

    model: Model
    states: NDArray[np.int64]
    index: NDArray[np.float64]
    worth: NDArray[np.float64]
    effect: NDArray[np.float64]
    threshold: float
    choice: Choice

    @property
    def grouped(self) -> bool:
        """Whether the arms were estimated by group."""
        return self.model.labels.groups != ("all",)

    def tie(self) -> str | None:
        """The tie at the cut in one sentence, or ``None``."""
        if not self.choice.places:
            return None
        tied = np.flatnonzero(self.choice.tied)
        value = self.index[self.model.type_of_arm[tied[0]], self.states[tied[0]]]
        return f"tie: {self.choice.places} of {len(tied)} arms {self._where(tied)} with index {short(value)} drawn at random"

    def reason(self, arm: int) -> str:
        """Why a chosen arm is on the list, in one sentence."""
        k, s = self.model.type_of_arm[arm], self.states[arm]
        value, cutoff = self.index[k, s], self.choice.cutoff
        if self.choice.tied[arm]:
            why = str(self.tie())
        elif cutoff is None:
            why = f"index {short(value)}; no arm had to be left out"
        elif cutoff < self.threshold:
            why = f"index {short(value)}; every arm worth acting on fits the budget"
        else:
            why = f"index {short(value)}, above {short(cutoff)} of the first arm left out"
        return f"Acting now adds {short(self.worth[k, s])} against waiting; {why}."

    def _where(self, arms: NDArray[np.int64]) -> str:
        types, states = np.unique(self.model.type_of_arm[arms]), np.unique(self.states[arms])
        if len(states) > 1:
            return "in several states"
        label = f"in '{self.model.labels.states[states[0]]}'"
        return label + (f" of group '{self.model.labels.groups[types[0]]}'" if self.grouped and len(types) == 1 else "")


def calls_table(standing: Standing) -> pl.DataFrame:
    """This period's list, one row per chosen arm."""
    chosen = standing.choice.arms
    columns: dict[str, Any] = {"rank": np.arange(1, len(chosen) + 1), **_who(standing, chosen)}
    columns |= {
        "cutoff_index": pl.Series([standing.choice.cutoff] * len(chosen), dtype=pl.Float64),
        "tied": standing.choice.tied[chosen],
        "reason": pl.Series([standing.reason(int(arm)) for arm in chosen], dtype=pl.String),
    }
    return pl.DataFrame(columns)


def cohort_table(standing: Standing) -> pl.DataFrame:
    """All arms in the order of the model."""
    everyone = np.arange(len(standing.states))
    columns = _who(standing, everyone)
    columns |= {"chosen": np.isin(everyone, standing.choice.arms), "tied": standing.choice.tied}
    return pl.DataFrame(columns)


def cells_table(standing: Standing, sensitivity: Sensitivity) -> pl.DataFrame:
    """All pairs of group and state, highest index first."""
    model, chosen = standing.model, standing.choice.arms
    shape = standing.index.shape
    order = np.argsort(-standing.index.ravel(), kind="stable")
    k, s = np.unravel_index(order, shape)
    cell = np.ravel_multi_index((model.type_of_arm, standing.states), shape)
    low, high = sensitivity.index_interval
    columns: dict[str, Any] = {"group": [model.labels.groups[i] for i in k]} if standing.grouped else {}
    columns |= {
        "state": [model.labels.states[j] for j in s],
        "arms": np.bincount(cell, minlength=order.size)[order],
        "chosen": np.bincount(cell[chosen], minlength=order.size)[order],
        "index": standing.index[k, s],
        "index_low": low[k, s],
        "index_high": high[k, s],
        "worth_of_acting": standing.worth[k, s],
        "next_period_effect": standing.effect[k, s],
        "chance_on_list": sensitivity.chance[k, s],
    }
    return pl.DataFrame(columns)


def _who(standing: Standing, arms: NDArray[np.int64]) -> dict[str, Any]:
    model = standing.model
    k, s = model.type_of_arm[arms], standing.states[arms]
    columns: dict[str, Any] = {
        "arm": pl.Series([model.arm_ids[arm] for arm in arms], dtype=pl.String),
        "state": pl.Series([model.labels.states[state] for state in s], dtype=pl.String),
    }
    if standing.grouped:
        columns["group"] = pl.Series([model.labels.groups[group] for group in k], dtype=pl.String)
    return columns | {"index": standing.index[k, s], "worth_of_acting": standing.worth[k, s]}
