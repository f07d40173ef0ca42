"""Pages that open from disk without a network: templates, styles and drawings all end up in one file.

Text from the outside (labels, file names) is escaped by the template engine. Drawings are inlined as SVG; their identifiers are
numbered anew, because the drawing library makes random ones: the same plan gives the same page, byte for byte, and two drawings
on one page never share an identifier.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rmab.report.numbers import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(template: str, context: dict[str, Any]) -> str:
    """Fill a template of the package.

    Parameters
    ----------
    template : str
        Name of a file in ``report/templates``.
    context : dict
        What the template uses; a name that it needs and does not find is an error.

    Returns
    -------
    str
        The whole page.

    Examples
    --------
    >>> render("base.html", {"title": "<Plan>"}).count("&lt;Plan&gt;")
    1
    """
    pages = Environment(
        loader=PackageLoader("rmab.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["number"] = number
    return pages.get_template(template).render(context)


def inline_svg(figure: Figure, *, name: str, title: str) -> Markup:
    """A figure as an SVG element for an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw.
    name : str
        Prefix of all identifiers, another one for each figure of a page.
    title : str
        What a reader who cannot see the drawing is told.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> svg = inline_svg(Figure((1, 1)), name="blank", title="nothing")
    >>> svg.startswith("<svg"), "http" in svg
    (True, False)
    """
    stream = StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = text.replace('<style type="text/css">*{', '<style type="text/css">svg *{')  # styles of a page hold for all of it
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', text))
    new = {old: f"{name}-{position}" for position, old in enumerate(found)}
    text = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{new[match[1]]}"', text)
    text = re.sub(r'"#([^"]+)"', lambda match: f'"#{new[match[1]]}"', text)
    text = re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{new[match[1]]})", text)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1).strip())
