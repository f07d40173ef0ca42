"""``rmab plan``: this period's list from a log, with its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rmab.cli.options import LogOptions, Seed, Whole
from rmab.cli.output import progress_bar
from rmab.errors import ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted


def plan(
    file: Path,
    *,
    log: LogOptions,
    budget: Whole,
    out: Path,
    seed: Seed = 0,
    criterion: str = "average",
    steps: Whole = 52,
    replicates: Whole = 1000,
    draws: Whole = 200,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """This period's list from a log of states and actions, with a report.

    Leaves calls.csv (the list), plan.json (all numbers) and report.html (to read) in the folder of --out.

    Parameters
    ----------
    file : Path
        The log: a .csv or .parquet file, one row per arm and period.
    budget : int
        Arms that may be acted on per period.
    out : Path
        Folder for the results; made when it does not exist.
    seed : int
        Seed of all randomness; the same seed gives the same plan.
    criterion : str
        "average", or a discount factor such as 0.95.
    steps : int
        Simulated periods.
    replicates : int
        Simulated futures.
    draws : int
        Posterior draws for the sensitivity to the estimates.
    json : bool
        Print plan.json as well instead of a summary.
    """
    from rmab.planning.plan import plan as make

    wanted, limit = _criterion(criterion), TopK(budget)
    if out.exists() and not out.is_dir():
        raise ModelError(f"--out: {out} is a file; name a folder")
    history, model = log.read(file)
    with progress_bar("posterior draws") as progress:
        result = make(
            model, history.latest(), budget=limit, criterion=wanted, log=history,
            steps=steps, replicates=replicates, draws=draws, rng=seed, progress=progress,
        )  # fmt: skip
    result.save(out)
    text = f"{result}\nwrote calls.csv, plan.json and report.html in {out}\n"
    print(result.to_json() if json else text, end="")


def _criterion(text: str) -> Average | Discounted:
    if text == "average":
        return Average()
    try:
        discount = float(text)
    except ValueError:
        raise ModelError(f'--criterion: {text!r} is neither "average" nor a discount factor such as 0.95') from None
    if discount == 1:
        raise ModelError('--criterion: a discount of 1 has no discounted value; write "average"')
    return Discounted(discount)
