"""Everything that a plan states, as numbers and tables; how it is shown is left to the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmab.bound.result import Bound, HorizonBound
from rmab.estimation.transitions import Labels
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.planning.sensitivity import Sensitivity
from rmab.policies.base import Policy
from rmab.report.json_text import plain
from rmab.simulation.comparison import Comparison
from rmab.simulation.outcome import Outcome

if TYPE_CHECKING:
    import polars as pl

RECOMMENDED = "recommended"


@dataclass(frozen=True, eq=False)
class PlanFacts:
    """This period's list and all that stands behind it.

    Attributes
    ----------
    calls : polars.DataFrame
        This period's list, one row per chosen arm, highest index first: ``rank``, ``arm``, ``state``, ``group`` (if any),
        ``index``, ``worth_of_acting`` (see :mod:`rmab.planning.worth`), ``cutoff_index`` (of the first arm left out),
        ``tied`` (whether the place was drawn among equals) and ``reason``.
    cohort : polars.DataFrame
        All arms in the order of the model: ``arm``, ``state``, ``group``, ``index``, ``worth_of_acting``, ``chosen``, ``tied``.
    cells : polars.DataFrame
        All pairs of group and state, highest index first, with counts, the 95 % range of the index, the worth and effect of
        acting, and ``chance_on_list``: how likely an arm of the cell would be chosen in a world drawn from the posterior.
    tie : str or None
        The tie at the cut in one sentence.
    bound : HorizonBound
        Upper bound over the simulated periods from the present states: what gaps refer to.
    long_run : Bound
        Upper bound of the plan's own criterion (long-run average, or discounted); its price is the market charge.
    comparison : Comparison
        The recommended policy and the baselines, simulated in the estimated model from the present states.
    sensitivity : Sensitivity
        What posterior draws say.
    policy : Policy
        The recommended policy.
    policy_reason, index_status : str
        Which it is and why it was picked, and whether the indices mean what they should.
    labels : Labels
        States, actions and groups in words.
    index : ndarray, shape (K, S)
        The index of every group in every state.
    grouped : bool
        Whether the arms were estimated by group.
    transitions, counts : ndarray, shape (K, A, S, S)
        Estimates and the observed moves behind them.
    rewards : ndarray, shape (K, A, S)
        Rewards per period.
    observed : ndarray, shape (H, S), or None
        Share of the arms seen in each state in the periods of the log.
    warnings, thin_cells : tuple of str
        What a reader must know before trusting the list.
    criterion : Average or Discounted
        What is maximised.
    budget : TopK
        How many arms may be acted on.
    steps, replicates : int
        Size of the simulation.
    entropy : int
        Given as ``rng``, repeats the plan.
    source : str
        Where the data came from.
    settings : mapping of str to str
        How the arms were estimated.
    """

    calls: pl.DataFrame
    cohort: pl.DataFrame
    cells: pl.DataFrame
    tie: str | None
    bound: HorizonBound
    long_run: Bound
    comparison: Comparison
    sensitivity: Sensitivity
    policy: Policy
    policy_reason: str
    index_status: str
    labels: Labels
    index: NDArray[np.float64]
    grouped: bool
    transitions: NDArray[np.float64]
    counts: NDArray[np.int64]
    rewards: NDArray[np.float64]
    observed: NDArray[np.float64] | None
    warnings: tuple[str, ...]
    thin_cells: tuple[str, ...]
    criterion: Average | Discounted
    budget: TopK
    steps: int
    replicates: int
    entropy: int
    source: str
    settings: Mapping[str, str]

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Simulated outcomes by the name of the policy, the recommended one first."""
        return self.comparison.outcomes

    def to_dict(self) -> dict[str, Any]:
        """The plan as nested lists and dictionaries that JSON can hold; infinite numbers become words."""
        import rmab

        facts = {
            "calls": self.calls.to_dicts(),
            "cohort": self.cohort.to_dicts(),
            "cells": self.cells.to_dicts(),
            "tie": self.tie,
            "policy": {"reason": self.policy_reason, "index_status": self.index_status},
            "outcomes": {name: self._outcome(name) for name in self.outcomes},
            "bound": _bound(self.bound) | {"horizon": self.steps},
            "long_run_bound": _bound(self.long_run),
            "sensitivity": {
                "draws": self.sensitivity.draws,
                "same_order": self.sensitivity.same_order,
                "gain": [float(self.sensitivity.gain.mean()), *self.sensitivity.gain_interval],
                "loss": [float(self.sensitivity.loss.mean()), *self.sensitivity.loss_interval],
            },
            "model": {
                **asdict(self.labels),
                "transitions": self.transitions.tolist(),
                "rewards": self.rewards.tolist(),
                "counts": self.counts.tolist(),
                "thin_cells": list(self.thin_cells),
            },
            "warnings": list(self.warnings),
            "provenance": {
                "rmab": rmab.__version__,
                "source": self.source,
                "entropy": self.entropy,
                "criterion": repr(self.criterion),
                "budget": repr(self.budget),
                "steps": self.steps,
                "replicates": self.replicates,
                "draws": self.sensitivity.draws,
                **self.settings,
            },
        }
        return dict(plain(facts))

    def _outcome(self, name: str) -> dict[str, Any]:
        outcome = self.outcomes[name]
        gap = outcome.gap(self.bound)
        lead = self.comparison.difference(RECOMMENDED, name)
        return {
            "mean": outcome.mean,
            "interval": outcome.interval,
            "gap": {"value": gap.value, "interval": gap.interval, "relative": gap.relative},
            "recommended_earns_more": {"mean": lead.mean, "interval": lead.interval},
            "activations": float(outcome.activations.mean()),
        }

    def __str__(self) -> str:
        best = self.outcomes[RECOMMENDED]
        lines = [f"act on {len(self.calls)} of {len(self.cohort)} arms this period"]
        lines += [f"  {row['rank']:>3}  {row['arm']}  {row['reason']}" for row in self.calls.head(10).to_dicts()]
        if len(self.calls) > 10:
            lines.append(f"  ... and {len(self.calls) - 10} more")
        low, high = best.interval
        lines.append(f"{best.mean:.4g} reward per period over {self.steps} periods (95 % CI {low:.4g} to {high:.4g})")
        lines.append(f"gap to the bound: {best.gap(self.bound)}")
        for name in list(self.outcomes)[1:]:
            lines.append(f"more than {name}: {self.comparison.difference(RECOMMENDED, name)}")
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])


def _bound(bound: Bound) -> dict[str, Any]:
    return {"value": bound.value, "price": bound.price, "method": bound.method, "status": bound.status}
