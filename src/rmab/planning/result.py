"""A plan and the ways to hand it on: text, JSON, a web page, or a folder with all of them."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from rmab.planning.facts import PlanFacts
from rmab.planning.page import page
from rmab.report.files import write_whole
from rmab.report.json_text import json_text


@dataclass(frozen=True, eq=False)
class Plan(PlanFacts):
    """This period's list and all that stands behind it; see :class:`~rmab.planning.facts.PlanFacts` for the numbers."""

    def to_json(self) -> str:
        """The plan as JSON text; infinite numbers are the words ``"infinity"`` and ``"-infinity"``."""
        return json_text(self.to_dict())

    def to_html(self, path: str | PathLike[str] | None = None) -> str:
        """The report as one HTML page that needs no network.

        Parameters
        ----------
        path : path-like, optional
            Where to write it as well.

        Returns
        -------
        str
            The page.
        """
        html = page(self)
        if path is not None:
            write_whole({Path(path): html})
        return html

    def save(self, directory: str | PathLike[str]) -> None:
        """Write ``calls.csv``, ``plan.json`` and ``report.html``: all three or none.

        Parameters
        ----------
        directory : path-like
            Made when it does not exist.

        Raises
        ------
        OSError
            If the folder cannot be made or written to.
        """
        folder = Path(directory)
        texts = {
            folder / "calls.csv": self.calls.write_csv(),
            folder / "plan.json": self.to_json(),
            folder / "report.html": page(self),
        }
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(texts)
