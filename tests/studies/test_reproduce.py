"""Running a study: the table, the figure, the files, repeatability, and the command."""

import csv
import json
import warnings

import pytest

from rmab.cli.main import main
from rmab.errors import ModelError
from rmab.studies import gast
from rmab.studies.curves import POLICIES, run_curves
from rmab.studies.registry import STUDIES, reproduce
from rmab.studies.study import REPRODUCED, Scale


@pytest.fixture(scope="module")
def study():
    return reproduce("policies/gast", scale="glance", rng=3, threads=1)


def test_every_cell_is_there_once_with_an_ordered_interval(study):
    cells = [(row.instance, row.n_arms, row.policy) for row in study.rows]
    assert len(set(cells)) == len(cells) == 3 * 2 * len(POLICIES)
    for row in study.rows:
        assert row.low < row.mean < row.high
        assert row.low < row.bound  # nothing earns more than the bound beyond chance


def test_what_needs_no_simulation_is_reproduced(study):
    sure = [claim for claim in study.claims if "bound per arm" in claim.statement or "Whittle indices" in claim.statement]
    assert len(sure) == 6
    assert {claim.verdict for claim in sure} == {REPRODUCED}


def test_the_text_shows_each_claim_beside_its_verdict(study):
    lines = study.against_paper().splitlines()
    for claim in study.claims:
        assert any(line.startswith(claim.verdict) and line.endswith(claim.statement) for line in lines)
        assert any(line.endswith(f"found: {claim.found}") for line in lines)
    assert study.table() in str(study)
    assert "seed 3" in str(study)


def test_the_figure_has_a_panel_per_instance_and_a_curve_per_policy(study):
    figure = study.figure()
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(study.starts)
    for axes in figure.axes:
        assert [line.get_label() for line in axes.get_lines()] == ["bound", *POLICIES]
        assert axes.get_xscale() == "log"


def test_the_files_hold_the_same_numbers(study, tmp_path):
    names = study.save(tmp_path / "new" / "folder")
    assert names == ("policies-gast.json", "policies-gast.csv", "policies-gast.png")
    folder = tmp_path / "new" / "folder"
    fields = json.loads((folder / names[0]).read_text())
    table = list(csv.DictReader((folder / names[1]).read_text().splitlines()))
    assert [float(row["mean"]) for row in table] == [row["mean"] for row in fields["rows"]] == [row.mean for row in study.rows]
    assert fields["provenance"]["entropy"] == 3
    assert (folder / names[2]).read_bytes().startswith(b"\x89PNG")


def test_a_run_repeats_from_its_entropy_for_any_number_of_threads():
    scale = Scale((10,), steps=30, burn_in=10, replicates=3)
    first, second = (run_curves(gast.instances()[:1], scale, entropy=5, policies=("whittle", "id"), threads=n) for n in (1, 2))
    assert first == second
    assert first != run_curves(gast.instances()[:1], scale, entropy=6, policies=("whittle", "id"), threads=1)


def test_different_sizes_do_not_share_random_numbers_but_policies_do():
    """Whittle and LP-priority have one order on this arm, so on common random numbers they are one policy."""
    scale = Scale((20, 20), steps=30, burn_in=10, replicates=3)
    rows = run_curves(gast.instances()[:1], scale, entropy=5, policies=("whittle", "lp-priority"))
    assert rows[0].mean == rows[1].mean != rows[2].mean


def test_progress_counts_to_the_end():
    seen = []
    scale = Scale((10, 20), steps=5, burn_in=1, replicates=2)
    run_curves(
        gast.instances()[:2], scale, entropy=0, policies=("id",), progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_fluid_gap_warning_escapes(study):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gast.judge({instance.name: instance for instance in gast.instances()}, study.rows)


@pytest.mark.parametrize("definition", STUDIES.values(), ids=STUDIES)
def test_every_study_has_the_same_scales_and_a_plain_citation(definition):
    assert list(definition.scales) == ["glance", "quick", "full"]
    assert "arXiv:" in definition.citation
    assert all(scale.burn_in < scale.steps and scale.replicates >= 2 for scale in definition.scales.values())


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(ModelError, match="there are policies/gast, policies/conveyor, policies/flipped, pow/figure-2a"):
        reproduce("policies/nobody")
    with pytest.raises(ModelError, match="no scale 'huge'; choose one of glance, quick, full"):
        reproduce("policies/gast", scale="huge")


def test_the_command_lists_the_studies(capsys):
    for words in (["reproduce"], ["reproduce", "--list"]):
        main(words)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == list(STUDIES)


def test_the_command_refuses_a_file_as_folder_and_an_unknown_study(capsys, tmp_path):
    file = tmp_path / "file"
    file.write_text("kept")
    for words in (["policies/gast", "--out", str(file)], ["policies/nobody"], ["policies/gast", "--scale", "huge"]):
        with pytest.raises(SystemExit) as stop:
            main(["reproduce", *words])
        assert stop.value.code == 2
        assert capsys.readouterr().err.startswith("rmab: ")
    assert file.read_text() == "kept"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STUDIES if name.startswith("policies/")])
def test_quick_runs_reproduce_what_the_documentation_says(name):
    verdicts = {claim.verdict for claim in reproduce(name, scale="quick", rng=0).claims}
    assert "not reproduced" not in verdicts
