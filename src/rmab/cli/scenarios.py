"""``rmab scenarios``: published problems, as a list, as a page to read, or as a problem file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rmab
from rmab.cli.options import CriterionOptions, Exactly, Flag, MaybeWhole
from rmab.cli.output import check_writable
from rmab.cli.problem_file import problem_fields, write_problem
from rmab.errors import ModelError
from rmab.report.json_text import json_text

if TYPE_CHECKING:
    from rmab.scenarios.definition import Scenario

NOT_HELD = "arms whose state is not seen, which no problem file holds; use rmab.scenario in Python"


def scenarios(
    name: str | None = None,
    *,
    variant: str | None = None,
    scale: MaybeWhole = None,
    budget: MaybeWhole = None,
    exactly: Exactly = None,
    levels: MaybeWhole = None,
    oldest: MaybeWhole = None,
    states: MaybeWhole = None,
    longest: MaybeWhole = None,
    criterion: CriterionOptions | None = None,
    out: Path | None = None,
    json: Flag = False,
) -> None:
    """Published problems: list them, print the page of the one called NAME, or write it to a problem file with --out.

    The file carries the budget, the criterion, the start and what arms owe, so that the other verbs need not be told them.

    Parameters
    ----------
    name : str, optional
        Name of the scenario.
    variant : str, optional
        Which of its variants. Default: the first one.
    scale : int, optional
        How many times the arms of the base system; the budget grows with it. Default: 1.
    budget : int, optional
        Arms acted on per period at scale 1. Default: as on its page.
    exactly : bool, optional
        Whether the whole budget must be used in every period. Default: exactly, as in the papers.
    levels : int, optional
        Levels of a channel or a threat, for scenarios that have some.
    oldest : int, optional
        Largest age, for scenarios that have one.
    states : int, optional
        Number of states of an arm, for scenarios in which it may be chosen.
    longest : int, optional
        Largest backlog, for scenarios that have one.
    out : Path, optional
        Problem file to write: .safetensors, or JSON with any other ending.
    json : bool
        Print the list, the scenario or the problem file as JSON instead of text.
    """
    from rmab.scenarios.registry import list_scenarios

    sizes = {"levels": levels, "oldest": oldest, "states": states, "longest": longest}
    given = {"variant": variant, "scale": scale, "budget": budget, "exactly": exactly, **sizes}
    asked: dict[str, Any] = {option: value for option, value in given.items() if value is not None}
    if criterion is not None:
        asked["criterion"] = criterion.criterion()
    if name is None or out is None:
        if asked or out is not None:
            raise ModelError(f"--{next(iter(asked), 'out')} is about a problem file; {_missing(name, variant)}")
        fields, text = _page(name) if name is not None else _list(list_scenarios())
        print(json_text(fields) if json else text, end="" if json else "\n")
        return
    check_writable(out)
    _write(name, asked, out, json)


def _missing(name: str | None, variant: str | None) -> str:
    """What is missing for a problem file to be written; raises :class:`ModelError` if there is no such variant."""
    from rmab.scenarios.registry import find

    if name is None:
        return "name a scenario"
    find(name).system(variant, {})  # a misspelt variant is the first thing to be told
    return f"{name} has {NOT_HELD}" if find(name).hidden else "say with --out FILE where the problem goes"


def _list(known: tuple[Scenario, ...]) -> tuple[dict[str, Any], str]:
    return {"scenarios": [_fields(one) for one in known]}, "\n".join(map(str, known))


def _page(name: str) -> tuple[dict[str, Any], str]:
    from rmab.scenarios.registry import find

    return _fields(find(name)), find(name).page


def _write(name: str, asked: dict[str, Any], out: Path, json: bool) -> None:
    """Write the problem file, and say what is in it."""
    from rmab.hidden.problem import HiddenProblem
    from rmab.scenarios.registry import find, scenario

    options = {("k" if option == "budget" else option): value for option, value in asked.items()}
    problem = scenario(name, **options)
    if isinstance(problem, HiddenProblem):
        raise ModelError(f"{name} has {NOT_HELD}")
    variant = asked.get("variant", next(iter(find(name).variants)))
    about = {"scenario": name, "variant": variant, "scale": asked.get("scale", 1), "rmab": rmab.__version__}
    write_problem(out, problem, about)
    text = f"{name} {variant}: {problem.arms}, {problem.budget}, {problem.criterion}\nwrote {out}\n"
    print(json_text(problem_fields(problem, about)) if json else text, end="")


def _fields(one: Scenario) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "citation": one.citation,
        "variants": {variant: dict(columns) for variant, columns in one.variants.items()},
        "parameters": dict(one.parameters),
    }
