"""The command ``rmab``: parse, run one verb, and report what went wrong in one line.

Verbs are registered by name and imported when they run, so ``rmab --help`` loads neither numba nor polars. Every error that a
user can cause (a :class:`~rmab.errors.RmabError`, a file that cannot be read or written, an option that cannot be parsed) ends
in one line on standard error and exit code 2, every warning of the library in one such line; anything else is a defect of the
library and keeps its traceback.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError

import rmab
from rmab.errors import CapWarning, FluidGapWarning, RmabError

_LOG = """examples/respiratory.csv --arm arm --time time --state state \\
    --action action --passive 0 --rewards "good=1,poor=0" --group center"""
_ESTIMATE = f"rmab estimate {_LOG} \\\n    --out model.json"
_SCENARIO = "rmab scenarios remote-sensing-v1 --variant RS4 --scale 20 \\\n    --out sensors.safetensors"

VERBS = {
    "plan": (
        "This period's list from a log of states and actions, with a report.",
        [f"rmab plan {_LOG} \\\n    --budget 20 --out plan --seed 1"],
    ),
    "estimate": ("Estimate arms from a log of states and actions.", [_ESTIMATE]),
    "index": (
        "Index of a problem file: Whittle, conservation-law, Gittins, gain or POW.",
        [
            _ESTIMATE,
            "rmab index model.json --average",
            "rmab index model.json --average --kind gain --budget 20",
            _SCENARIO,
            "rmab index sensors.safetensors --kind penalty",
        ],
    ),
    "bound": (
        "Upper bound on what any policy can earn.",
        [_ESTIMATE, "rmab bound model.json --budget 20 --average", _SCENARIO, "rmab bound sensors.safetensors"],
    ),
    "simulate": (
        "Simulate one policy and report its gap to the bound.",
        [
            _ESTIMATE,
            "rmab simulate model.json --budget 20 --average \\\n    --policy whittle --seed 1",
            _SCENARIO,
            "rmab simulate sensors.safetensors --policy pow --replicates 20",
        ],
    ),
    "compare": (
        "Simulate several policies on common random numbers.",
        [
            _ESTIMATE,
            "rmab compare model.json --budget 20 --average \\\n    --policies whittle,myopic,none --seed 1",
            _SCENARIO,
            "rmab compare sensors.safetensors --replicates 20 \\\n    --policies whittle,pow,randomised-pow,feedback-pow",
        ],
    ),
    "train": (
        "Learn an index policy without being told the transitions and rewards.",
        [
            "rmab scenarios circulant-v1 --scale 10 --out circle.json",
            "rmab train circle.json --learner gino-q --steps 2000 \\\n    --seeds 3 --checkpoint learned",
            "rmab simulate circle.json --replicates 20 --burn-in 100 \\\n    --policy learned/training.safetensors",
        ],
    ),
    "scenarios": (
        "Published problems: list them, read about one, write it to a problem file.",
        ["rmab scenarios", "rmab scenarios remote-sensing-v1", _SCENARIO],
    ),
    "reproduce": (
        "Run a published study again and hold it against its paper.",
        ["rmab reproduce --list", "rmab reproduce policies/flipped --scale glance --out study"],
    ),
}


def build() -> App:
    """The command-line application."""
    app = App(
        name="rmab",
        help="Decide each period which of many slowly changing things to act on, and how far that is from the best possible.",
        help_epilogue="Start with: rmab plan --help",
        help_format="plaintext",
        version=rmab.__version__,
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
    for verb, (summary, lines) in VERBS.items():
        epilogue = "Example:\n\n" + "\n".join(f"  {line}" for line in "\n".join(lines).splitlines())
        app.command(f"rmab.cli.{verb}:{verb}", name=verb, help=summary, help_epilogue=epilogue)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``rmab`` with the given arguments, or those of the process.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``rmab`` on the command line.

    Raises
    ------
    SystemExit
        With code 2 after bad input; the one line on standard error says what to change.

    Examples
    --------
    >>> main(["--version"])
    0.1.0
    """
    try:
        with warnings.catch_warnings():
            for kind in (CapWarning, FluidGapWarning):
                warnings.simplefilter("always", kind)
            warnings.showwarning = _show
            build()(sys.argv[1:] if arguments is None else list(arguments))
    except (RmabError, OSError, CycloptsError) as error:
        print(f"rmab: {one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"rmab: warning: {message}", file=sys.stderr)


def one_line(error: Exception) -> str:
    """The message of ``error`` on one line; a system error says which file and what the system answered.

    Examples
    --------
    >>> one_line(ValueError("first\\n  second"))
    'first second'
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
