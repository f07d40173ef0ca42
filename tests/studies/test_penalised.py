"""The studies of POW: what they simulate, what they show, and how their claims are judged."""

from dataclasses import replace

import pytest

from rmab.bound.fluid import fluid_bound
from rmab.studies import pow
from rmab.studies.penalised import POLICIES, Variant, judge, run_penalised
from rmab.studies.registry import STUDIES, reproduce
from rmab.studies.rows import PenalisedRow
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Scale

NAMES = tuple(study.name for study in pow.STUDIES)
TP4 = Variant("throughput-activation-v1", "TP4")


@pytest.fixture(scope="module")
def study():
    return reproduce("pow/figure-2a", scale="glance", rng=3, threads=1)


def test_the_three_figures_are_there():
    assert NAMES == ("pow/figure-2a", "pow/figure-2c", "pow/figure-2e")
    assert set(NAMES) <= set(STUDIES)


def test_the_full_scale_is_the_papers():
    full = pow.SCALES["full"]
    assert (full.sizes, full.steps, full.replicates, full.burn_in) == ((1, 2, 5, 10, 20, 50, 100), 10_000, 20, 0)


def test_every_cell_is_there_once_with_ordered_intervals(study):
    cells = [(row.instance, row.n_arms, row.policy) for row in study.rows]
    assert len(set(cells)) == len(cells) == 2 * 2 * len(POLICIES)
    assert {row.n_arms for row in study.rows} == {4, 80, 6, 120}
    for row in study.rows:
        assert row.low < row.mean < row.high
        assert 0 <= row.violation_low <= row.violation <= row.violation_high


def test_bounds_and_gaps_are_per_arm(study):
    for row in study.rows:
        variant = next(instance for instance in pow.STUDIES[0].instances() if instance.name == row.instance)
        assert row.bound * row.n_arms == pytest.approx(fluid_bound(variant.problem(row.n_arms // int(row.instance[2:]))).value)
        assert row.gap == pytest.approx(100 * (row.mean / row.bound - 1))


def test_the_table_the_figure_and_the_text(study):
    assert "TP4: reward above the bound of 0.121500 per arm, and violation" in study.table()
    assert all(name in study.table() for name in POLICIES)
    figure = study.figure()
    assert [axes.get_ylabel() for axes in figure.axes] == ["reward above the bound, %"] * 2 + ["violation"] * 2
    assert [axes.get_yscale() for axes in figure.axes] == ["linear"] * 2 + ["symlog"] * 2
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["TP4", "TP6"] * 2
    assert "arXiv:2604.04101" in str(study)


def test_the_csv_has_the_violation(study):
    head = study.to_csv().splitlines()[0]
    assert head == "instance,policy,n_arms,mean,low,high,bound,violation,violation_low,violation_high"


def test_a_run_repeats_for_any_number_of_threads():
    scale = Scale((1, 2), steps=20, burn_in=0, replicates=3)
    chosen = ("feedback pow", "randomised pow", "whittle")
    first, second = (run_penalised((TP4,), scale, entropy=5, policies=chosen, threads=n) for n in (1, 2))
    assert first == second


def rows_of(**changes):
    """Rows for TP4 at scales 1 and 100: as the paper has them, but for ``changes`` (gap, violation) by policy."""
    ideal = dict.fromkeys(POLICIES, (0.0, 0.0)) | {
        "whittle": (30.0, 0.1),
        "fawt": (-20.0, 0.0),
        "drift, V = 1": (-20.0, 0.0),
    }
    ideal |= {f"drift, V = {v}": (-20.0, 0.0) for v in (10, 100, 1000)} | changes
    rows = []
    for n_arms in (4, 400):
        for name, (gap, violation) in ideal.items():
            mean = 0.1215 * (1 + gap / 100)
            rows.append(
                PenalisedRow("TP4", name, n_arms, mean, mean - 1e-4, mean + 1e-4, 0.1215, violation, violation, violation)
            )
    return tuple(rows)


def verdicts(rows):
    return {claim.statement.removeprefix("TP4: "): claim.verdict for claim in judge({"TP4": TP4}, rows)}


def test_a_world_as_in_the_paper_reproduces_every_claim():
    assert set(verdicts(rows_of()).values()) == {REPRODUCED, AS_MEASURED}


@pytest.mark.parametrize(
    ("changes", "starts"),
    [
        ({"whittle": (-1.0, 0.1)}, ["Whittle earns most"]),
        ({"whittle": (30.0, 0.005)}, ["Whittle earns most"]),
        ({"fawt": (-20.0, 0.01)}, ["FaWT is feasible"]),
        ({"fawt": (0.5, 0.0)}, ["FaWT is feasible"]),
        ({"drift, V = 1": (-20.0, 0.01)}, ["drift-plus-penalty (V = 1)"]),
        ({"drift, V = 100": (-0.5, 0.001)}, ["drift-plus-penalty does worse"]),
        ({"pow": (-8.0, 0.0)}, ["POW earns what", "POW is asymptotically"]),
        ({"pow": (0.0, 0.006)}, ["the violation of POW vanishes", "POW is asymptotically"]),
        ({"randomised pow": (0.0, 0.006)}, ["randomised POW (ours)"]),
        ({"feedback pow": (0.0, 0.0011)}, ["feedback POW (ours)"]),
        ({"feedback pow": (-2.0, 0.0)}, ["feedback POW (ours)"]),
    ],
)
def test_each_claim_can_fail(changes, starts):
    failed = [statement for statement, verdict in verdicts(rows_of(**changes)).items() if verdict == NOT_REPRODUCED]
    for start in starts:
        assert any(statement.startswith(start) for statement in failed), failed
    assert len(failed) >= len(starts)


def test_a_violation_that_shrinks_to_a_quarter_vanishes():
    rows = rows_of(pow=(0.0, 0.02))
    shrunk = tuple(replace(row, violation=0.004) if (row.policy, row.n_arms) == ("pow", 400) else row for row in rows)
    key = "the violation of POW vanishes as the scale grows"
    assert verdicts(rows)[key] == NOT_REPRODUCED
    assert verdicts(shrunk)[key] == REPRODUCED


def test_arms_that_are_not_indexable_are_found():
    sr4 = Variant("throughput-regularity-v1", "SR4")
    rows = tuple(replace(row, instance="SR4") for row in rows_of())
    claim = judge({"SR4": sr4}, rows)[0]
    assert claim.statement == "SR4: every arm is indexable"
    assert claim.verdict == NOT_REPRODUCED
    assert "4 of 4 types are not indexable" in claim.found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_runs_bear_out_what_is_claimed_for_feedback_pow(name):
    ours = [claim for claim in reproduce(name, scale="quick", rng=0).claims if "feedback POW (ours)" in claim.statement]
    assert [claim.verdict for claim in ours] == [REPRODUCED, REPRODUCED]
