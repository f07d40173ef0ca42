"""From experience to an index: learners, and the one trainer that runs them all.

This is the one folder whose names are reached through it, as ``rmab.learn.train``: a library of learners, loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Aggregation": "rmab.learn.tabular.aggregation",
    "CertaintyEquivalence": "rmab.learn.tabular.certainty_equivalence",
    "ChangeDetection": "rmab.learn.change",
    "ChargedError": "rmab.learn.tabular.charged_error",
    "CredibleIndex": "rmab.learn.credible",
    "Curves": "rmab.learn.result",
    "Environment": "rmab.learn.environment",
    "EpsilonGreedy": "rmab.learn.exploration",
    "EpsilonSoftmax": "rmab.learn.exploration",
    "Evaluation": "rmab.learn.evaluation",
    "GeneralisedSpeedy": "rmab.learn.tabular.generalised_speedy",
    "GinoQ": "rmab.learn.tabular.gino_q",
    "LPQL": "rmab.learn.tabular.lpql",
    "Learner": "rmab.learn.learner",
    "LinearQ": "rmab.learn.tabular.linear_features",
    "MAIQL": "rmab.learn.tabular.maiql",
    "Phased": "rmab.learn.tabular.phased",
    "PlainSweeps": "rmab.learn.tabular.plain_sweeps",
    "PriorCounts": "rmab.learn.tabular.prior_counts",
    "PublishedGinoQ": "rmab.learn.tabular.published_gino_q",
    "QLearningIndex": "rmab.learn.tabular.q_learning",
    "Reading": "rmab.learn.seed_run",
    "Setting": "rmab.learn.learner",
    "Softmax": "rmab.learn.exploration",
    "Speedy": "rmab.learn.tabular.speedy",
    "Steps": "rmab.learn.steps",
    "Thompson": "rmab.learn.tabular.thompson",
    "Training": "rmab.learn.result",
    "UCWhittle": "rmab.learn.tabular.uc_whittle",
    "UpperConfidence": "rmab.learn.exploration",
    "WIQL": "rmab.learn.tabular.wiql",
    "WhittleQ": "rmab.learn.tabular.whittle_q",
    "charged_error": "rmab.learn.tabular.charged_error",
    "credible_index": "rmab.learn.credible",
    "load_policies": "rmab.learn.result",
    "train": "rmab.learn.trainer",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rmab.learn' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
