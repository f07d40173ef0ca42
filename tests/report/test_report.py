"""The report: one page that needs nothing else, holds the list, and treats labels as text."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from rmab.estimation.log import read_log
from rmab.estimation.transitions import estimate
from rmab.models.budget import TopK
from rmab.planning.plan import plan
from rmab.report.files import write_whole
from rmab.report.html import inline_svg

NASTY = "<script>alert('&')</script>"
VOID = {"meta", "br", "path", "use", "rect", "circle", "line"}


class Page(HTMLParser):
    """All tags with their attributes, and what is left open."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.data = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "log.csv"
    chance = np.random.default_rng(3)
    rows = ["arm,time,state,action,ward"]
    for n in range(12):
        for t in range(6):
            state = ["<poor>", "fair & so", NASTY][chance.integers(3)]
            rows.append(f"patient <{n}>,{t},{state},{n % 2},{'north <b>' if n < 6 else 'south'}")
    file.write_text("\n".join(rows))
    log = read_log(file, arm="arm", time="time", state="state", action="action", group="ward", passive=0)
    model = estimate(log, groups="ward", rewards={"<poor>": 0, "fair & so": 1, NASTY: 2})
    return plan(model, log.latest(), budget=TopK(3), log=log, steps=6, replicates=20, draws=5, rng=2)


@pytest.fixture(scope="module")
def html(week):
    return week.to_html()


def test_nothing_is_fetched(html):
    assert not re.search(r"https?:|//\w|@import|url\((?!#)", html)
    for tag, attributes in Page(html).tags:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)


def test_labels_are_text(html, week):
    assert "<script" not in html
    assert "<b>" not in html
    page = "".join(Page(html).data)
    assert all(call["arm"] in page and call["reason"] in page for call in week.calls.to_dicts())


def test_every_tag_is_closed_and_every_identifier_is_unique(html):
    page = Page(html)
    assert page.open == []
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    referred = set(re.findall(r'href="#([^"]+)"', html)) | set(re.findall(r"url\(#([^)]+)\)", html))
    assert referred <= set(names)


def test_the_answer_comes_first_and_the_rest_is_there(html, week):
    order = [html.index(f'id="{name}"') for name in ("list", "cohort", "future", "sensitivity", "estimates", "method")]
    assert order == sorted(order)
    page = " ".join("".join(Page(html).data).split())
    assert "Act on 3 of 12 arms this period" in page
    for words in (
        str(week.entropy),
        "Little evidence",
        "upper bound",
        "What this cannot tell",
        "market charge",
        week.policy_reason,
    ):
        assert words in page
    assert html.count("<svg") == 4


def test_drawing_leaves_no_trace_in_matplotlib(week):
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    before = dict(matplotlib.rcParams)
    week.to_html()
    assert dict(matplotlib.rcParams) == before
    assert Gcf.get_num_fig_managers() == 0


def test_drawings_keep_their_references():
    figure = Figure((2, 2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "o-")
    svg = inline_svg(figure, name="line", title='says "hello" & more')
    assert 'aria-label="says &#34;hello&#34; &amp; more"' in svg
    names = set(re.findall(r'\bid="([^"]+)"', svg))
    assert all(name.startswith("line-") for name in names)
    assert set(re.findall(r'href="#([^"]+)"', svg)) <= names
    assert svg == inline_svg(figure, name="line", title='says "hello" & more')


def test_a_set_of_files_appears_whole_or_not_at_all(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole({tmp_path / "a.txt": "one", tmp_path / "b.txt": "two"})
    assert [file.name for file in tmp_path.iterdir()] == ["b.txt"]
