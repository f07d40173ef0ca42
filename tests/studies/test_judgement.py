"""The verdicts: each of the three must come out when the numbers say so, and a wrong expectation must be called out."""

from dataclasses import replace

import pytest

from rmab.studies import conveyor, flipped, gast
from rmab.studies.curves import closes, measured, near, near_all, stays_below
from rmab.studies.rows import Row
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED

GAST = gast.instances()[1]
BOUND = 0.1238


def rows(*points, policy="id", instance=GAST.name, bound=BOUND):
    """Rows from (N, mean, half width)."""
    return tuple(Row(instance, policy, n, mean, mean - half, mean + half, bound) for n, mean, half in points)


@pytest.mark.parametrize(
    ("last", "half", "verdict"),
    [(0.1228, 0.0001, REPRODUCED), (0.1200, 0.0001, NOT_REPRODUCED), (0.1200, 0.0020, AS_MEASURED)],
)
def test_closing_gap(last, half, verdict):
    """From 0.01 at N = 100, 1/sqrt(N) allows twice 0.001 at N = 10000, that is a reward of 0.1218."""
    assert closes(GAST, rows((100, 0.1138, 0.001), (1000, 0.12, 0.001), (10000, last, half)), "id").verdict == verdict


def test_closing_gap_ignores_the_order_of_the_rows():
    points = rows((10000, 0.1228, 0.0001), (100, 0.1138, 0.001), (1000, 0.12, 0.001))
    assert closes(GAST, points, "id").verdict == REPRODUCED


def test_staying_below_needs_the_interval_to_exclude_the_bound():
    for half, verdict in ((0.001, REPRODUCED), (0.02, NOT_REPRODUCED)):
        assert stays_below(GAST, rows((1000, 0.1142, half), policy="whittle"), "whittle").verdict == verdict


def test_staying_below_needs_the_fluid_limit_to_lose():
    """The Whittle index of this conveyor arm reaches the bound, so a low simulated number is no proof."""
    instance = conveyor.instances()[0]
    low = rows((1000, 0.001, 0.0001), policy="whittle", instance=instance.name, bound=0.0125)
    claim = stays_below(instance, low, "whittle")
    assert claim.verdict == NOT_REPRODUCED
    assert "fluid limit 0.01250" in claim.found


def test_numbers():
    assert near("x", 1.0000001, 1.0, 1e-6).verdict == REPRODUCED
    assert near("x", 1.1, 1.0, 1e-6).verdict == NOT_REPRODUCED
    assert near_all("x", [1.0, 2.0], [1.0, 2.1], 1e-3).verdict == NOT_REPRODUCED
    assert near_all("x", [1.0, 2.0], [1.0, 2.0], 1e-3).verdict == REPRODUCED


def test_what_has_no_claim_gets_no_verdict():
    assert measured(GAST, rows((1000, 0.12, 0.001)), "id", "no claim").verdict == AS_MEASURED


@pytest.mark.parametrize(
    ("mean", "half", "verdict"),
    [(0.1270, 0.0005, REPRODUCED), (0.1270, 0.0050, AS_MEASURED), (0.1200, 0.0005, NOT_REPRODUCED)],
)
def test_within_five_per_cent_is_judged_at_four_thousand_arms(mean, half, verdict):
    def policies(names, instance, bound, value):
        return [row for name in names for row in rows(*value, policy=name, instance=instance, bound=bound)]

    names = [
        *("whittle", "gain index", "lp-priority", "randomised-lp", "virtual-advice", "id"),
        "set-expansion",
        "two-set",
        "lp-update",
    ]
    made = policies(names, flipped.MANY, -17 / 30, [(4000, -0.567, 0.001)])
    made += policies(names, flipped.FEW, 0.13, [(50, 0.08, 0.01), (4000, mean, half), (10000, 0.0, 0.0)])
    claims = flipped.judge({instance.name: instance for instance in flipped.instances()}, tuple(made))
    assert [claim.verdict for claim in claims if "virtual-advice within 5 %" in claim.statement] == [verdict]


def test_a_wrong_expectation_is_called_out(monkeypatch):
    monkeypatch.setitem(gast.BOUNDS, "example 2", 0.2)
    instances = {instance.name: instance for instance in gast.instances()}
    row = Row("", "", 100, 0.1, 0.09, 0.11, 0.1238)
    table = tuple(
        replace(row, instance=name, policy=policy, n_arms=n)
        for name in instances
        for policy in ("whittle", "gain index", "lp-priority", "randomised-lp", *gast.CLOSING)
        for n in (100, 400)
    )
    wrong = [
        claim.statement
        for claim in gast.judge(instances, table)
        if claim.verdict == NOT_REPRODUCED and "bound per" in claim.statement
    ]
    assert wrong == ["example 2: the bound per arm is 0.2"]
