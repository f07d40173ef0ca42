"""What a study is, and what it leaves: a table of policies against the number of arms, and a verdict on each claim.

A study is defined in one file by its instances, its scales and a function that judges the claims. Running it gives a
:class:`Study`. A claim that does not reproduce is a result like any other, and is printed as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from io import BytesIO, StringIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.report.files import write_whole
from rmab.report.json_text import json_text
from rmab.studies.rows import Entry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPRODUCED, NOT_REPRODUCED, AS_MEASURED = "reproduced", "not reproduced", "as measured"


@dataclass(frozen=True, eq=False)
class Instance:
    """One arm, how large a share of its copies is acted on, exactly, and where they start.

    Parameters
    ----------
    name : str
        Name in tables and panels.
    arm : Arms
        One type; its multiplicity does not matter.
    fraction : float
        Activations per arm and period.
    start : int or tuple of float
        State of all arms, or the distribution of the states, in period 0.
    """

    name: str
    arm: Arms
    fraction: float
    start: int | tuple[float, ...] = 0

    @property
    def beginning(self) -> str:
        """Where the arms start, in words."""
        return (
            f"all arms start in state {self.start}" if isinstance(self.start, int) else "states drawn from the relaxed optimum"
        )

    def problem(self, n_arms: int) -> Problem:
        """``n_arms`` copies, of which the whole number nearest to ``fraction * n_arms`` is acted on in every period."""
        arms = Arms(self.arm.transitions, self.arm.rewards, multiplicity=[n_arms])
        return Problem(arms, TopK(round(self.fraction * n_arms), exactly=True), Average(), start=self.start)


@dataclass(frozen=True)
class Scale:
    """How much is simulated: the numbers of arms (or of copies of a base system, or whatever else the study runs over), the
    periods, of which ``burn_in`` do not count, and the replicates.
    """

    sizes: tuple[Any, ...]
    steps: int
    burn_in: int
    replicates: int


@dataclass(frozen=True)
class Claim:
    """What is claimed, what was found, and whether they agree."""

    statement: str
    found: str
    verdict: str


class Run(Protocol):
    """How the rows of a study come about."""

    def __call__(
        self, instances: Any, scale: Scale, *, entropy: int, threads: int | None, progress: Progress | None
    ) -> tuple[Entry, ...]: ...


@dataclass(frozen=True)
class Definition:
    """A study before it has run.

    Parameters
    ----------
    name, title, citation : str
        Its name for :func:`reproduce`, one line about it, and where the claims come from.
    instances : callable
        Makes the instances.
    run : callable
        From the instances, the scale and ``entropy``, ``threads`` and ``progress`` to the rows.
    scales : mapping of str to Scale
        By name: ``"glance"``, ``"quick"`` and ``"full"``.
    judge : callable
        From the instances and the rows to the claims.
    """

    name: str
    title: str
    citation: str
    instances: Callable[[], tuple[Any, ...]]
    run: Run
    scales: Mapping[str, Scale]
    judge: Callable[[Mapping[str, Any], tuple[Any, ...]], tuple[Claim, ...]]

    def scale(self, name: str) -> Scale:
        """The scale of that name; raises :class:`ModelError` when there is none."""
        if name not in self.scales:
            raise ModelError(f"the study {self.name} has no scale {name!r}; choose one of {', '.join(self.scales)}")
        return self.scales[name]


@dataclass(frozen=True, eq=False)
class Study:
    """A study that has run.

    Attributes
    ----------
    name, title, citation : str
        As defined.
    scale : str
        Name of the scale that was run.
    settings : Scale
        What it stands for.
    starts : mapping of str to str
        Where the arms of each instance start, in words.
    rows : tuple of Row or another Entry
        One per instance, number of arms and policy, in this order.
    claims : tuple of Claim
        The claims with their verdicts.
    entropy : int
        Given as ``rng``, repeats the run bit for bit.
    """

    name: str
    title: str
    citation: str
    scale: str
    settings: Scale
    starts: Mapping[str, str]
    rows: tuple[Any, ...]
    claims: tuple[Claim, ...]
    entropy: int

    def against_paper(self) -> str:
        """Each claim beside what was found, with the verdict first."""
        width = max(len(claim.verdict) for claim in self.claims)
        lines = [f"{claim.verdict:{width}}  {claim.statement}\n{'':{width}}  found: {claim.found}" for claim in self.claims]
        return "\n".join([f"{self.title}\n{self.citation}", *lines])

    def table(self) -> str:
        """What was measured, with its 95 % interval: a line per policy, a column per number of arms or what stands for it."""
        return "\n\n".join(_table(name, [row for row in self.rows if row.instance == name]) for name in self.starts)

    def figure(self) -> Figure:
        """What was measured against the number of arms or what stands for it, a panel per instance and measure, with intervals
        and the bound.
        """
        from rmab.figures.curves import Panel, curves

        panels: dict[tuple[str, str], Panel] = {}
        first: Entry = self.rows[0]
        for label in first.measures:
            for name, start in self.starts.items():
                panels[name, label] = Panel(
                    name,
                    start,
                    label,
                    stretched=label in first.stretched,
                    axis=first.axis,
                    logarithmic=first.logarithmic,
                    reference=first.reference,
                )
        for row in self.rows:
            for label, (mean, low, high, line) in row.measures.items():
                panels[row.instance, label].add(row.policy, row.at, mean, low, high, line)
        return curves(list(panels.values()))

    def to_json(self) -> str:
        """Everything as JSON text."""
        import rmab

        fields: dict[str, Any] = {name: getattr(self, name) for name in ("name", "title", "citation", "scale", "starts")}
        fields |= {"settings": asdict(self.settings), "claims": [asdict(claim) for claim in self.claims]}
        fields |= {
            "rows": [asdict(row) for row in self.rows],
            "provenance": {"rmab": rmab.__version__, "entropy": self.entropy},
        }
        return json_text(fields)

    def to_csv(self) -> str:
        """The rows as CSV text."""
        import csv

        text = StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(self.rows[0])], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in self.rows)
        return text.getvalue()

    def save(self, directory: str | PathLike[str]) -> tuple[str, ...]:
        """Write the numbers (``.json``), the table (``.csv``) and the figure (``.png``), named after the study.

        Parameters
        ----------
        directory : path-like
            Made when it does not exist.

        Returns
        -------
        tuple of str
            Names of the files.

        Raises
        ------
        OSError
            If the folder cannot be made or written to.
        """
        folder, stem, picture = Path(directory), self.name.replace("/", "-"), BytesIO()
        self.figure().savefig(picture, format="png", dpi=150, facecolor="white")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole({folder / f"{stem}.json": self.to_json(), folder / f"{stem}.csv": self.to_csv()})
        (folder / f"{stem}.png").write_bytes(picture.getvalue())
        return tuple(f"{stem}.{ending}" for ending in ("json", "csv", "png"))

    def __str__(self) -> str:
        size = self.settings
        how = (
            f"scale {self.scale}: {size.replicates} replicates of {size.steps} periods, "
            f"the first {size.burn_in} do not count; seed {self.entropy}"
        )
        return f"{self.against_paper()}\n\n{self.table()}\n\n{how}"


def _table(instance: str, rows: list[Entry]) -> str:
    sizes = sorted({row.at for row in rows})
    cells = {(row.policy, row.at): row.cell for row in rows}
    names = list(dict.fromkeys(row.policy for row in rows))
    first, width = max(map(len, names)), max(map(len, cells.values()))
    head = "  ".join([f"{'':{first}}", *(f"{f'{rows[0].symbol} = {size:g}':<{width}}" for size in sizes)]).rstrip()
    body = ["  ".join([f"{name:{first}}", *(f"{cells[name, size]:<{width}}" for size in sizes)]).rstrip() for name in names]
    return "\n".join([f"{instance}: {rows[0].heading}", head, *body])
