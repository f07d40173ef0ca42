"""Policies by the names that the command line knows."""

from __future__ import annotations

from collections.abc import Callable

from rmab.errors import ModelError
from rmab.models.problem import Problem
from rmab.policies.base import Policy

NAMES = ("recommended", "whittle", "myopic", "uniform", "round-robin", "none")


def named_policy(name: str, problem: Problem) -> Policy:
    """The policy called ``name`` for a problem.

    Parameters
    ----------
    name : str
        ``recommended`` (what ``rmab.solve`` picks), ``whittle``, ``myopic``, ``uniform``, ``round-robin`` or ``none``.
    problem : Problem
        What it will act on.

    Raises
    ------
    ModelError
        If there is no such policy.
    """
    from rmab.index.whittle import whittle_index
    from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
    from rmab.policies.index import IndexPolicy
    from rmab.policies.solve import solve

    makers: dict[str, Callable[[], Policy]] = {
        "recommended": lambda: solve(problem),
        "whittle": lambda: IndexPolicy(whittle_index(problem.arms, problem.criterion)),
        "myopic": Myopic,
        "uniform": Uniform,
        "round-robin": RoundRobin,
        "none": NoAction,
    }
    if name not in makers:
        raise ModelError(f"there is no policy {name!r}; choose among {', '.join(NAMES)}")
    return makers[name]()


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
