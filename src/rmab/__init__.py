"""Restless multi-armed bandits: model the arms, index and bound them, choose under the budget, simulate, plan from data.

Public names are loaded when first used, so that ``import rmab`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "ActionIndexPolicy": "rmab.policies.action_index",
    "ActionValuePolicy": "rmab.policies.action_values",
    "Arms": "rmab.models.arms",
    "Average": "rmab.models.criterion",
    "BeliefIndex": "rmab.index.belief_index",
    "BeliefIndexPolicy": "rmab.policies.belief_index",
    "BeliefPolicy": "rmab.policies.belief",
    "BeliefRollout": "rmab.policies.belief_rollout",
    "BeliefSpace": "rmab.hidden.space",
    "BeliefTracker": "rmab.hidden.tracker",
    "Bound": "rmab.bound.result",
    "CapWarning": "rmab.errors",
    "ChargedValuePolicy": "rmab.policies.charged_values",
    "ConservationIndex": "rmab.index.conservation",
    "ConstrainedLagrangian": "rmab.policies.constrained_lagrangian",
    "DirichletPrior": "rmab.estimation.transitions",
    "Discounted": "rmab.models.criterion",
    "DriftPlusPenalty": "rmab.policies.drift_plus_penalty",
    "FaWT": "rmab.policies.fawt",
    "FeedbackPow": "rmab.policies.feedback_pow",
    "FeedbackRule": "rmab.policies.rules",
    "Fib": "rmab.policies.belief_informed",
    "FluidGapWarning": "rmab.errors",
    "GainIndex": "rmab.index.gain",
    "GapCheck": "rmab.policies.mean_field",
    "HiddenArms": "rmab.hidden.arms",
    "HiddenProblem": "rmab.hidden.problem",
    "Horizon": "rmab.models.criterion",
    "HorizonLp": "rmab.policies.horizon_lp",
    "IdPolicy": "rmab.policies.id_policy",
    "IndexInterval": "rmab.bound.index_interval",
    "IndexPolicy": "rmab.policies.index",
    "IndexTable": "rmab.index.table",
    "InfeasibleBudget": "rmab.errors",
    "InfeasiblePenalty": "rmab.errors",
    "Knapsack": "rmab.models.budget",
    "KnapsackPolicy": "rmab.policies.knapsack",
    "LagrangianAdvantage": "rmab.policies.belief_advantage",
    "LinearScore": "rmab.policies.belief_rules",
    "LogError": "rmab.errors",
    "LpPriority": "rmab.policies.lp_priority",
    "LpUpdate": "rmab.policies.lp_update",
    "MeshReport": "rmab.index.mesh",
    "ModelError": "rmab.errors",
    "Myopic": "rmab.policies.baselines",
    "NoAction": "rmab.policies.baselines",
    "NotConverged": "rmab.errors",
    "Outcome": "rmab.simulation.outcome",
    "PathBound": "rmab.bound.path_bound",
    "Penalty": "rmab.models.penalty",
    "PenaltyIndex": "rmab.index.penalty",
    "Pow": "rmab.policies.pow",
    "Problem": "rmab.models.problem",
    "Qmdp": "rmab.policies.belief_informed",
    "RandomisedLp": "rmab.policies.randomised_lp",
    "RandomisedPow": "rmab.policies.randomised_pow",
    "RandomisedRule": "rmab.policies.rules",
    "RmabError": "rmab.errors",
    "RoundRobin": "rmab.policies.baselines",
    "ScoredPolicy": "rmab.policies.scored",
    "SetExpansion": "rmab.policies.set_expansion",
    "SparseArm": "rmab.models.sparse_arm",
    "StoreError": "rmab.errors",
    "TableScore": "rmab.policies.belief_rules",
    "TooManyBeliefs": "rmab.errors",
    "TopK": "rmab.models.budget",
    "TwoSet": "rmab.policies.two_set",
    "Uniform": "rmab.policies.baselines",
    "VirtualAdvice": "rmab.policies.advice",
    "belief_index": "rmab.index.belief_index",
    "compare": "rmab.simulation.run",
    "conservation_index": "rmab.index.conservation",
    "estimate": "rmab.estimation.transitions",
    "fluid_bound": "rmab.bound.fluid",
    "gain_index": "rmab.index.gain",
    "gap_check": "rmab.policies.mean_field",
    "gittins_index": "rmab.index.gittins",
    "hidden_bound": "rmab.bound.hidden",
    "horizon_bound": "rmab.bound.horizon",
    "index_interval": "rmab.bound.index_interval",
    "joint_optimum": "rmab.bound.joint",
    "lagrangian_bound": "rmab.bound.lagrangian",
    "lagrangian_index": "rmab.index.gain",
    "list_scenarios": "rmab.scenarios.registry",
    "load": "rmab.models.store",
    "mesh_report": "rmab.index.mesh",
    "one_price_bound": "rmab.bound.one_price",
    "penalty_index": "rmab.index.penalty",
    "plan": "rmab.planning.plan",
    "read_log": "rmab.estimation.log",
    "reproduce": "rmab.studies.registry",
    "save": "rmab.models.store",
    "scenario": "rmab.scenarios.registry",
    "simulate": "rmab.simulation.run",
    "solve": "rmab.policies.solve",
    "whittle_index": "rmab.index.whittle",
    "write_pomdp": "rmab.hidden.pomdp",
}

_NAMESPACES = ("learn",)

__all__ = ["__version__", *_NAMESPACES, *_HOME]


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return import_module(f"rmab.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'rmab' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
