"""Policies by the names that the command line knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rmab.cli.options import DEFAULT_CAP
from rmab.errors import ModelError
from rmab.models.problem import Problem
from rmab.policies.base import Policy

LEARNED = ".safetensors"
NAMES = (
    "recommended",
    "whittle",
    "pow",
    "pow-lower",
    "randomised-pow",
    "feedback-pow",
    "constrained-lagrangian",
    "fawt",
    "drift-plus-penalty",
    "lp-priority",
    "randomised-lp",
    "virtual-advice",
    "id",
    "set-expansion",
    "two-set",
    "lp-update",
    "myopic",
    "uniform",
    "round-robin",
    "none",
)


def named_policy(name: str, problem: Problem, cap: float = DEFAULT_CAP) -> Policy:
    """The policy called ``name`` for a problem.

    Parameters
    ----------
    name : str
        One of ``NAMES``; ``recommended`` is what ``rmab.solve`` picks. Or what ``rmab train`` left: FILE.safetensors for what
        the first seed learned, FILE.safetensors:3 for seed 3.
    problem : Problem
        What it will act on.
    cap : float
        Largest multiplier of the policies that have one.

    Raises
    ------
    ModelError
        If there is no such policy, or it does not fit the problem.
    """
    from rmab.index.whittle import whittle_index
    from rmab.policies.advice import VirtualAdvice
    from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
    from rmab.policies.constrained_lagrangian import ConstrainedLagrangian
    from rmab.policies.drift_plus_penalty import DriftPlusPenalty
    from rmab.policies.fawt import FaWT
    from rmab.policies.feedback_pow import FeedbackPow
    from rmab.policies.id_policy import IdPolicy
    from rmab.policies.index import IndexPolicy
    from rmab.policies.lp_priority import LpPriority
    from rmab.policies.lp_update import LpUpdate
    from rmab.policies.pow import Pow
    from rmab.policies.randomised_lp import RandomisedLp
    from rmab.policies.randomised_pow import RandomisedPow
    from rmab.policies.set_expansion import SetExpansion
    from rmab.policies.solve import solve
    from rmab.policies.two_set import TwoSet

    makers: dict[str, Callable[[Problem], Policy]] = {
        "recommended": solve,
        "whittle": lambda given: IndexPolicy(whittle_index(given.arms, given.criterion)),
        "pow": lambda given: Pow(given, cap=cap),
        "pow-lower": lambda given: Pow(given, ties="lower", cap=cap),
        "randomised-pow": lambda given: RandomisedPow(given, cap=cap),
        "feedback-pow": lambda given: FeedbackPow(given, cap=cap),
        "constrained-lagrangian": ConstrainedLagrangian,
        "fawt": FaWT,
        "drift-plus-penalty": DriftPlusPenalty,
        "lp-priority": LpPriority,
        "randomised-lp": RandomisedLp,
        "virtual-advice": VirtualAdvice,
        "id": IdPolicy,
        "set-expansion": SetExpansion,
        "two-set": TwoSet,
        "lp-update": LpUpdate,
        "myopic": lambda _: Myopic(),
        "uniform": lambda _: Uniform(),
        "round-robin": lambda _: RoundRobin(),
        "none": lambda _: NoAction(),
    }
    if name and name not in makers and Path(name).is_dir():
        file = Path(name) / "training.safetensors"
        raise ModelError(f"{name} is a folder; the policies of a finished checkpoint are in {file}")
    if name not in makers and LEARNED in name:
        return learned_policy(name)
    if name not in makers:
        raise ModelError(f"there is no policy {name!r}; choose among {', '.join(NAMES)}, or name a file that rmab train left")
    return makers[name](problem)


def learned_policy(name: str) -> Policy:
    """What one seed of a training has learned, from ``FILE.safetensors`` or ``FILE.safetensors:SEED``."""
    from rmab.learn.result import load_policies

    file, _, rest = name.rpartition(LEARNED)
    seed = rest.removeprefix(":") or "0"
    policies = load_policies(file + LEARNED)
    if not seed.isdecimal() or int(seed) >= len(policies):
        raise ModelError(f"{file}{LEARNED} holds the seeds 0 to {len(policies) - 1}, not {rest.removeprefix(':')!r}")
    return policies[int(seed)]


def several(text: str) -> list[str]:
    """Names from ``"whittle,myopic"``, each once.

    Examples
    --------
    >>> several("whittle, myopic")
    ['whittle', 'myopic']
    """
    names = [name.strip() for name in text.split(",")]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ModelError(f"--policies names {twice[0]!r} twice")
    return names
