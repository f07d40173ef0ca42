"""``rmab index``: the Whittle index of every type and state of a problem file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rmab.cli.options import CriterionOptions, OutputOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.problem_file import read_arms


def index(file: Path, *, criterion: CriterionOptions | None = None, output: OutputOptions | None = None) -> None:
    """Whittle index of every type and state of a problem file.

    Parameters
    ----------
    file : Path
        JSON with transitions, rewards and optionally multiplicity, or arms saved as safetensors.
    """
    from rmab.index.whittle import whittle_index

    wanted, output = (criterion or CriterionOptions()).criterion(), output or OutputOptions()
    check_writable(output.out, file)
    arms = read_arms(file)
    with progress_bar("indices") as progress:
        table = whittle_index(arms, wanted, progress=progress)
    fields = {
        "values": table.values.tolist(),
        "indexable": table.indexable.tolist(),
        "verdict": [str(verdict) for verdict in table.verdict],
        "witness": [None if proof is None else asdict(proof) for proof in table.witness],
        "status": table.status,
        "provenance": provenance(file, criterion=table.criterion),
    }
    answer(str(table), fields, output)
