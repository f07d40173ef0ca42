"""Scenarios by name, and how a problem is made of one.

At scale ``h`` every arm of the base system is there ``h`` times and ``h`` times as many may be acted on, so the fluid bound is
``h`` times that of the base system: the larger the scale, the less chance is left.
"""

from __future__ import annotations

from numbers import Integral

from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem
from rmab.models.budget import TopK
from rmab.models.criterion import Criterion
from rmab.models.problem import Problem
from rmab.scenarios import (
    adherence,
    age_of_information,
    channel_allocation,
    circulant,
    cyber_monitoring,
    flipped,
    gino,
    hidden_random,
    mentoring,
    patrol,
    remote_sensing,
    restart,
    snir,
    spectrum_access,
    throughput_activation,
    throughput_regularity,
)
from rmab.scenarios.definition import Scenario

_FILES = (
    throughput_activation,
    remote_sensing,
    throughput_regularity,
    spectrum_access,
    snir,
    cyber_monitoring,
    adherence,
    hidden_random,
    gino,
    flipped,
    circulant,
    restart,
    mentoring,
    channel_allocation,
    patrol,
    age_of_information,
)
SCENARIOS = {file.SCENARIO.name: file.SCENARIO for file in _FILES}


def scenario(
    name: str,
    *,
    variant: str | None = None,
    scale: int = 1,
    k: int | None = None,
    exactly: bool = True,
    criterion: Criterion | None = None,
    **parameters: int,
) -> Problem | HiddenProblem:
    """A published problem by name.

    Parameters
    ----------
    name : str
        One of :func:`list_scenarios`, such as ``"remote-sensing-v1"``.
    variant : str, optional
        Which of its variants; the first one by default.
    scale : int
        How many times each arm of the base system is there, from 1 on; the budget grows with it.
    k : int, optional
        Arms acted on per period in the base system, so ``k * scale`` in all. Default: as on the scenario's page.
    exactly : bool
        Whether the budget must be used in full, as in the papers; False for "at most".
    criterion : Discounted, Average or Horizon, optional
        What is maximised. Default: as on the scenario's page.
    **parameters : int
        What the scenario lets you change, such as ``levels``; see its page.

    Returns
    -------
    Problem or HiddenProblem
        Where states are seen: a problem, with one :class:`~rmab.models.penalty.Penalty` if the arms owe something. Where they
        are not: a :class:`~rmab.hidden.problem.HiddenProblem`.

    Raises
    ------
    ModelError
        If there is no such scenario, variant or parameter, naming those there are, or a number is not a whole one.
    InfeasibleBudget
        If the budget is negative or above the number of arms.

    Examples
    --------
    >>> problem = scenario("remote-sensing-v1", variant="RS4", scale=20)
    >>> problem.arms, problem.budget
    (Arms(80 arms of 4 types, 2 actions, 30 states), TopK(k=20, exactly=True))
    >>> problem.penalties.bound
    array([0.9, 0.9, 0.1, 0.1])

    Seventy of a hundred arms, as the base system has ten of which seven are acted on:

    >>> problem = scenario("gino-v1", variant="70", scale=10)
    >>> problem.arms, problem.budget
    (Arms(100 arms of 1 types, 2 actions, 6 states), TopK(k=70, exactly=True))

    Arms whose state is not seen:

    >>> scenario("spectrum-access-v1", channels=20, k=4)
    HiddenProblem(20 arms of 1 types, TopK(k=4, exactly=True), Discounted(beta=0.9))
    """
    one = find(name)
    system = one.system(variant, parameters)
    k = system.k if k is None else k
    for option, number, least in (("scale", scale, 1), ("k", k, 0)):
        if not isinstance(number, Integral) or isinstance(number, bool) or number < least:
            raise ModelError(f"{option} must be a whole number from {least} on, got {number!r}")
    budget = TopK(int(k) * int(scale), exactly=exactly)
    return system.problem(int(scale), budget, one.criterion if criterion is None else criterion)


def find(name: str) -> Scenario:
    """The scenario of a name.

    Raises
    ------
    ModelError
        If there is none, naming those there are.

    Examples
    --------
    >>> find("remote-sensing-v1").parameters
    {'oldest': 30}
    """
    if not isinstance(name, str) or name not in SCENARIOS:
        raise ModelError(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def list_scenarios() -> tuple[Scenario, ...]:
    """All scenarios: name, variants, one line and citation; ``page`` is the documentation.

    Examples
    --------
    >>> print(list_scenarios()[1])
    remote-sensing-v1 (RS4, RS8): fresh measurements over unreliable links, each sensor within its energy
      Zamir and Hou, arXiv:2604.04101 (2026), Table 1
    """
    return tuple(SCENARIOS.values())
