"""The report of a plan: which numbers go where on the page, and the sentences around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import rmab
from rmab.figures.cohort import cohort
from rmab.figures.indices import indices
from rmab.figures.policies import against_bound
from rmab.figures.transitions import MOST_GROUPS, transitions
from rmab.planning.facts import RECOMMENDED, PlanFacts
from rmab.report.html import inline_svg, render
from rmab.report.numbers import decimals, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNIT = "reward"
MOST_CALLS = 500
SHOWN_PERIODS = 26

LIMITS = (
    "The effects of acting are those seen in the log. They are causal only if what decided who was acted on (chance, ideally) "
    "did not also decide who would have got better anyway. The report cannot check this.",
    "Arms are taken to move independently of each other, by probabilities that depend on the present state and action only and "
    "stay as they were in the log.",
    "The simulation and both bounds live in the estimated model. A small gap says that the policy is close to the best "
    "possible there; the section on the estimates says how much they leave open.",
    "Posterior draws treat the pooled rows towards which groups are shrunk as known, so ranges are somewhat too narrow.",
)


def page(plan: PlanFacts) -> str:
    """The whole report as one HTML text."""
    calls = plan.calls.head(MOST_CALLS).to_dicts()
    n_groups = len(plan.labels.groups)
    return render(
        "plan.html",
        {
            "title": f"Act on {len(plan.calls)} of {len(plan.cohort)} arms this period",
            "kicker": f"Plan from {plan.source}",
            "lead": _lead(plan),
            "warnings": _warnings(plan),
            "tiles": _tiles(plan),
            "tie": _sentence(plan.tie),
            "calls": calls,
            "calls_left": len(plan.calls) - len(calls),
            "grouped": plan.grouped,
            "group_name": "group",
            "unit": UNIT,
            "digits": _digits(plan),
            "sure": _sure(plan),
            "shown_periods": min(plan.steps, SHOWN_PERIODS),
            "market": plan.long_run.price,
            "cells": plan.cells.to_dicts(),
            "draws": plan.sensitivity.draws,
            "steps": plan.steps,
            "replicates": f"{plan.replicates:,}",
            "outcomes": _outcomes(plan),
            "outcome_sentence": _outcome_sentence(plan),
            "observed": plan.observed is not None,
            "sensitivity": _sensitivity(plan),
            "thin": plan.thin_cells,
            "tables_left": max(0, n_groups - MOST_GROUPS),
            "figures": {name: inline_svg(figure, name=name, title=title) for name, title, figure in _figures(plan)},
            "method": _method(plan),
            "limits": LIMITS,
            "provenance": _provenance(plan),
        },
    )


def _lead(plan: PlanFacts) -> str:
    cells = plan.cells.filter(plan.cells["chosen"] > 0).to_dicts()
    parts = [f"{c['chosen']} in “{c['state']}”" + (f" of group “{c['group']}”" if plan.grouped else "") for c in cells]
    if not parts:
        return "No arm has an index at which acting pays."
    outcome = plan.outcomes[RECOMMENDED]
    gap = outcome.gap(plan.bound)
    share = f"{number(100 * gap.value, 1)} %" if gap.relative else f"{number(gap.value, _digits(plan))} {UNIT} per period"
    if gap.value <= 0:
        return f"The list holds {_joined(parts)}. In the estimated model the simulation shows no gap to the upper bound."
    return (
        f"The list holds {_joined(parts)}. In the estimated model the policy behind it earns {share} less than the upper bound "
        "on what any policy can earn."
    )


def _sure(plan: PlanFacts) -> str:
    cells = plan.cells
    listed, left = cells["chosen"], cells["arms"] - cells["chosen"]
    parts = [
        f"an arm {name} it would be chosen with a chance of {100 * np.average(cells['chance_on_list'], weights=arms):.0f} %"
        for name, arms in (("on", listed), ("left off", left))
        if arms.sum()
    ]
    worlds = f"{plan.sensitivity.draws} worlds that the log leaves open"
    return f"If the list were drawn up anew in each of {worlds}, {' and '.join(parts)}."


def _digits(plan: PlanFacts) -> int:
    return decimals(float(np.abs(plan.rewards).max()))


def _warnings(plan: PlanFacts) -> list[str]:
    if plan.index_status.startswith("all "):
        return list(plan.warnings)
    return [*plan.warnings, f"The index does not mean what it should: {plan.index_status}."]


def _tiles(plan: PlanFacts) -> list[dict[str, str]]:
    best = plan.outcomes[RECOMMENDED]
    gap, d = best.gap(plan.bound), _digits(plan)
    scale, mark, share = (100, " %", 1) if gap.relative else (1, "", d)
    tiles = [
        {
            "name": f"{UNIT} per period under this policy",
            "value": number(best.mean, d),
            "range": f"95 % CI {_span(best.interval, d)}",
        },
        {
            "name": "gap to the upper bound",
            "value": number(scale * gap.value, share) + mark,
            "range": f"95 % CI {_span([scale * end for end in gap.interval], share)}{mark}",
        },
    ]
    for name in (name for name in ("no action", "uniform") if name in plan.outcomes):
        lead = plan.comparison.difference(RECOMMENDED, name)
        label = "more per period than no action" if name == "no action" else "more per period than choosing at random"
        tiles.append({"name": label, "value": number(lead.mean, d), "range": f"95 % CI {_span(lead.interval, d)}"})
    return tiles


def _outcomes(plan: PlanFacts) -> list[dict[str, Any]]:
    rows, d = [], _digits(plan)
    for name, outcome in plan.outcomes.items():
        lead = plan.comparison.difference(RECOMMENDED, name)
        gap = outcome.gap(plan.bound)
        scale, mark, share = (100, " %", 1) if gap.relative else (1, "", d)
        rows.append(
            {
                "name": name,
                "mean": outcome.mean,
                "interval": outcome.interval,
                "gap": f"{number(scale * gap.value, share)}{mark} ({_span([scale * end for end in gap.interval], share)})",
                "lead": "–" if name == RECOMMENDED else f"{number(lead.mean, d)} ({_span(lead.interval, d)})",
                "activations": float(outcome.activations.mean()),
            }
        )
    return rows


def _outcome_sentence(plan: PlanFacts) -> str:
    d = _digits(plan)
    return (
        f"No policy can earn more than {number(plan.bound.value, d)} {UNIT} per period over these {plan.steps} periods from "
        f"these states, in the estimated model; all gaps refer to this bound. {_long_run(plan)}, at a market charge of "
        f"{number(plan.long_run.price, d + 1)} per activation."
    )


def _long_run(plan: PlanFacts) -> str:
    kind = "long-run average" if type(plan.criterion).__name__ == "Average" else "discounted reward"
    return (
        f"For the {kind}, which the policy was made for, the bound is {number(plan.long_run.value, _digits(plan))} per period"
    )


def _sensitivity(plan: PlanFacts) -> dict[str, str]:
    hang, mean, d = plan.sensitivity, plan.outcomes[RECOMMENDED].mean, _digits(plan)
    loss = float(hang.loss.mean())
    against = list(plan.outcomes)[-1]
    return {
        "order": (
            f"In {number(100 * hang.same_order, 0)} % of {hang.draws} worlds drawn from what the log leaves open, all kinds of "
            "arms come in the same order as in this plan; the table of the cohort gives the chance of each "
            "kind to be chosen."
        ),
        "gain": (
            f"In those worlds this policy earns {number(float(hang.gain.mean()), d)} more {UNIT} per period than {against} "
            f"(95 % range {_span(hang.gain_interval, d)}, some simulation noise included)."
        ),
        "loss": (
            f"A policy that knew each world would earn {number(loss, d)} more than this one on average (95 % range "
            f"{_span(hang.loss_interval, d)})"
            + (f", {number(100 * abs(loss / mean), 1)} % of its reward" if mean else "")
            + ": what is lost by not knowing the probabilities exactly."
        ),
    }


def _figures(plan: PlanFacts) -> list[tuple[str, str, Figure]]:
    labels, outcomes = plan.labels, list(plan.outcomes)
    results = list(plan.outcomes.values())
    order = np.argsort(plan.rewards[0, 0], kind="stable")
    states = [labels.states[s] for s in order]
    groups = [f"group {group}" for group in labels.groups] if plan.grouped else ["all arms"]
    actions = [f"{'acted on' if a else 'left alone'} ({label})" for a, label in enumerate(labels.actions)]
    shown = {"recommended policy": results[0].states, outcomes[-1]: results[-1].states}
    projected = {name: shares[:SHOWN_PERIODS, order] for name, shares in shown.items()}
    observed = results[0].states[:1] if plan.observed is None else plan.observed
    means, intervals = [o.mean for o in results], [o.interval for o in results]
    moves = np.ix_(np.arange(len(groups)), np.arange(len(actions)), order, order)
    finite = np.where(np.isfinite(plan.index), plan.index, np.nan)[:, order]
    ends = plan.sensitivity.index_interval
    ends = np.where(np.isfinite(ends), ends, np.nan)[:, :, order]
    digits = _digits(plan)
    return [
        (
            "indices",
            "Index of each group and state with its range",
            indices(finite, ends, groups, states, price=plan.long_run.price, unit=UNIT, digits=digits + 1),
        ),
        (
            "policies",
            "Reward of each policy against the bound",
            against_bound(outcomes, means, intervals, plan.bound.value, unit=UNIT, digits=digits),
        ),
        ("cohort", "Share of arms in each state over time", cohort(observed[:, order], projected, states)),
        (
            "transitions",
            "Estimated transition probabilities",
            transitions(plan.transitions[moves], plan.counts[moves], groups, actions, states),
        ),
    ]


def _method(plan: PlanFacts) -> list[str]:
    return [
        f"Policy: {plan.policy_reason}.",
        f"Budget: {'exactly' if plan.budget.exactly else 'at most'} {plan.budget.k} arms per period; ties are drawn at random.",
        "Transition probabilities: counts of observed moves with a Dirichlet prior; groups are shrunk towards the pooled rows.",
        "Gaps refer to a linear program that keeps the budget at every period in the mean over futures.",
        f"{plan.replicates:,} futures are simulated per policy; differences between policies are paired by future.",
        f"Sensitivity: {plan.sensitivity.draws} draws from the posterior, each with its own indices and simulated futures.",
    ]


def _provenance(plan: PlanFacts) -> dict[str, str]:
    return {
        "software": f"rmab {rmab.__version__}",
        "data": plan.source,
        "arms": f"{len(plan.cohort)} in {len(plan.labels.groups)} group{'s' * (len(plan.labels.groups) != 1)}",
        "rewards": ", ".join(
            f"{state} = {value:g}" for state, value in zip(plan.labels.states, plan.rewards[0, 0], strict=True)
        ),
        "criterion": repr(plan.criterion),
        "budget": repr(plan.budget),
        "simulation": f"{plan.steps} periods, {plan.replicates} futures, {plan.sensitivity.draws} posterior draws",
        "seed": str(plan.entropy),
        **plan.settings,
    }


def _sentence(text: str | None) -> str | None:
    return None if text is None else f"{text[0].upper()}{text[1:]}."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _span(ends: Any, digits: int) -> str:
    return f"{number(ends[0], digits)} to {number(ends[1], digits)}"
