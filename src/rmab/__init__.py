"""Restless multi-armed bandits: model the arms, index and bound them, choose under the budget, simulate, plan from data.

Public names are loaded when first used, so that ``import rmab`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Arms": "rmab.models.arms",
    "Average": "rmab.models.criterion",
    "Bound": "rmab.bound.result",
    "DirichletPrior": "rmab.estimation.transitions",
    "Discounted": "rmab.models.criterion",
    "Horizon": "rmab.models.criterion",
    "IndexPolicy": "rmab.policies.index",
    "IndexTable": "rmab.index.table",
    "InfeasibleBudget": "rmab.errors",
    "LogError": "rmab.errors",
    "ModelError": "rmab.errors",
    "Myopic": "rmab.policies.baselines",
    "NoAction": "rmab.policies.baselines",
    "NotConverged": "rmab.errors",
    "Outcome": "rmab.simulation.outcome",
    "Problem": "rmab.models.problem",
    "RmabError": "rmab.errors",
    "RoundRobin": "rmab.policies.baselines",
    "StoreError": "rmab.errors",
    "TopK": "rmab.models.budget",
    "Uniform": "rmab.policies.baselines",
    "compare": "rmab.simulation.run",
    "estimate": "rmab.estimation.transitions",
    "fluid_bound": "rmab.bound.fluid",
    "horizon_bound": "rmab.bound.horizon",
    "joint_optimum": "rmab.bound.joint",
    "lagrangian_bound": "rmab.bound.lagrangian",
    "load": "rmab.models.store",
    "one_price_bound": "rmab.bound.one_price",
    "plan": "rmab.planning.plan",
    "read_log": "rmab.estimation.log",
    "save": "rmab.models.store",
    "simulate": "rmab.simulation.run",
    "solve": "rmab.policies.solve",
    "whittle_index": "rmab.index.whittle",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rmab' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
