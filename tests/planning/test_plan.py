"""A plan from a real log and from small ones made for the purpose."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rmab.errors import InfeasibleBudget, ModelError
from rmab.estimation.log import read_log
from rmab.estimation.transitions import DirichletPrior, estimate
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.planning.plan import plan

RESPIRATORY = Path(__file__).parents[2] / "examples" / "respiratory.csv"
SIZE = {"steps": 12, "replicates": 60, "draws": 12}


@pytest.fixture(scope="module")
def log():
    return read_log(RESPIRATORY, arm="arm", time="time", state="state", action="action", group="center", passive=0)


@pytest.fixture(scope="module")
def model(log):
    return estimate(log, prior=DirichletPrior(strength=2), groups="center", rewards={"good": 1, "poor": 0})


@pytest.fixture(scope="module")
def week(model, log):
    return plan(model, log.latest(), budget=TopK(20), log=log, rng=7, **SIZE)


def test_the_list_holds_twenty_different_patients_of_the_highest_indices(week, model, log):
    assert week.calls["arm"].n_unique() == len(week.calls) == 20
    table = whittle_index(model.arms, Average()).values
    latest = log.latest()
    state = dict(zip(latest.arms, latest.states, strict=True))
    value = np.array([table[k, state[arm]] for arm, k in zip(model.arm_ids, model.type_of_arm, strict=True)])
    best = np.sort(value)[::-1]
    assert np.allclose(week.calls["index"], best[:20], rtol=0, atol=1e-12)
    assert week.calls["rank"].to_list() == list(range(1, 21))
    assert week.calls["cutoff_index"].unique().to_list() == [pytest.approx(best[20])]


def test_ties_are_marked_and_put_into_words(week):
    cell = week.cells.row(0, named=True)
    assert cell["arms"] > 20, "the example must have more equal arms than places"
    assert week.calls["tied"].all()
    assert week.tie == f"tie: 20 of {cell['arms']} arms in 'poor' of group '1' with index {cell['index']:.3f} drawn at random"
    assert all(week.tie in reason for reason in week.calls["reason"])
    assert week.cohort["tied"].sum() == cell["arms"]
    assert week.cohort.filter(pl.col("chosen"))["arm"].sort().to_list() == week.calls["arm"].sort().to_list()


def test_without_a_tie_the_reason_names_the_first_arm_left_out(model, log):
    week = plan(model, log.latest(), budget=TopK(35), rng=7, **SIZE)
    assert week.tie is None
    assert not week.calls["tied"].any()
    assert f"above {week.cells['index'][1]:.3f} of the first arm left out" in week.calls["reason"][0]


def test_a_tie_above_which_others_are_sure(model, log):
    week = plan(model, log.latest(), budget=TopK(40), rng=7, **SIZE)
    assert week.calls["tied"].to_list() == [False] * 35 + [True] * 5
    assert week.calls["reason"][39].count("tie: 5 of 18 arms in 'poor' of group '2'") == 1


def test_worth_and_effect_have_the_meaning_that_is_written_down(week, model):
    """With two states, both are the change in the chance of the good state times what a good state is worth."""
    p = model.transitions
    good = model.labels.states.index("good")
    change = p[:, 1, :, good] - p[:, 0, :, good]
    price = week.long_run.price
    for row in week.cells.to_dicts():
        k, s = model.labels.groups.index(row["group"]), model.labels.states.index(row["state"])
        assert row["next_period_effect"] == pytest.approx(change[k, s])
        value = _value_at(p[k], good, price)
        assert row["worth_of_acting"] == pytest.approx(change[k, s] * value, abs=1e-6)


def _value_at(p, good, price):
    """What the good state is worth above the other, by plain value iteration with a charge for acting."""
    reward = np.zeros(2)
    reward[good] = 1
    h = np.zeros(2)
    for _ in range(2000):
        h = np.maximum(reward + p[0] @ h, reward - price + p[1] @ h)
        h = h - h[0]
    return h[good] - h[1 - good]


def test_gaps_refer_to_the_bound_of_the_simulated_periods(week):
    for outcome in week.outcomes.values():
        assert outcome.mean - (outcome.interval[1] - outcome.mean) * 3 < week.bound.value
    assert list(week.outcomes) == ["recommended", "myopic", "uniform", "no action"]
    assert week.outcomes["no action"].activations.sum() == 0
    assert week.comparison.difference("recommended", "no action").interval[0] > 0
    start = week.outcomes["recommended"].states[0]
    assert np.allclose(start, week.observed[-1]), "the simulation starts where the log ends"


def test_sensitivity_knows_how_many_arms_fit(week):
    assert (week.cells["chance_on_list"] * week.cells["arms"]).sum() == pytest.approx(20, abs=0.5)
    assert (week.cells["index_low"] <= week.cells["index_high"]).all()
    assert 0 <= week.sensitivity.same_order <= 1
    assert len(week.sensitivity.gain) == len(week.sensitivity.loss) == 12


def test_a_log_ten_times_as_long_narrows_the_ranges(model, log, week):
    from dataclasses import replace

    more = replace(model, counts=model.counts * 100, concentration=model.concentration * 100)
    sure = plan(more, log.latest(), budget=TopK(20), rng=7, **SIZE)
    width = (sure.cells["index_high"] - sure.cells["index_low"]).mean()
    assert width < 0.3 * (week.cells["index_high"] - week.cells["index_low"]).mean()


def test_the_same_seed_gives_the_same_plan_and_another_seed_another_tie(week, model, log):
    again = plan(model, log.latest(), budget=TopK(20), log=log, rng=7, **SIZE)
    assert again.to_json() == week.to_json()
    assert again.to_html() == week.to_html()
    assert plan(model, log.latest(), budget=TopK(20), rng=8, **SIZE).calls["arm"].to_list() != week.calls["arm"].to_list()
    assert plan(model, log.latest(), budget=TopK(20), log=log, rng=week.entropy, **SIZE).to_json() == week.to_json()


def test_json_and_table_agree(week):
    fields = json.loads(week.to_json())
    assert fields["calls"] == week.calls.to_dicts()
    assert len(fields["cohort"]) == 111
    assert fields["outcomes"]["recommended"]["mean"] == week.outcomes["recommended"].mean
    assert fields["bound"]["value"] == week.bound.value
    assert fields["provenance"]["entropy"] == 7


def test_text_says_what_matters(week):
    text = str(week)
    assert text.startswith("act on 20 of 111 arms this period")
    assert "gap to the bound" in text
    assert "more than no action" in text


def test_a_compulsory_budget_leaves_out_no_action(model, log):
    week = plan(model, log.latest(), budget=TopK(20, exactly=True), rng=7, **SIZE)
    assert list(week.outcomes) == ["recommended", "myopic", "uniform"]
    assert "no action" not in week.to_html()


def test_a_budget_of_nothing(model, log):
    week = plan(model, log.latest(), budget=TopK(0), rng=7, **SIZE)
    assert week.calls.is_empty()
    assert "No arm" in week.to_html()


def test_discounted_and_ungrouped(log):
    model = estimate(log, rewards={"good": 1, "poor": 0})
    week = plan(model, log.latest(), budget=TopK(20), criterion=Discounted(0.9), rng=7, **SIZE)
    assert "group" not in week.calls.columns
    assert "'poor'" in week.calls["reason"][0]
    assert "discounted" in week.to_html()


def test_states_by_hand_and_in_any_order(model, log, week):
    latest = log.latest()
    by_hand = {arm: latest.labels[s] for arm, s in reversed(list(zip(latest.arms, latest.states, strict=True)))}
    other = plan(model, by_hand, budget=TopK(20), rng=7, **SIZE)
    assert other.calls.equals(week.calls)
    del by_hand[model.arm_ids[3]]
    with pytest.raises(ModelError, match=f"arm '{model.arm_ids[3]}' has no present state"):
        plan(model, by_hand, budget=TopK(20), **SIZE)
    with pytest.raises(ModelError, match="unknown state 'fair'"):
        plan(model, dict.fromkeys(model.arm_ids, "fair"), budget=TopK(20), **SIZE)
    with pytest.raises(ModelError, match="'nobody' is not in the model"):
        plan(model, dict.fromkeys((*model.arm_ids, "nobody"), "good"), budget=TopK(20), **SIZE)


def test_what_cannot_be_planned_is_refused(model, log):
    with pytest.raises(InfeasibleBudget, match="above the cohort of 111"):
        plan(model, log.latest(), budget=TopK(112), **SIZE)
    with pytest.raises(ModelError, match="Average"):
        plan(model, log.latest(), budget=TopK(20), criterion=Horizon(5), **SIZE)
    with pytest.raises(ModelError, match="draws must be at least 1"):
        plan(model, log.latest(), budget=TopK(20), **{**SIZE, "draws": 0})
    with pytest.raises(ModelError, match="no rewards"):
        plan(estimate(log), log.latest(), budget=TopK(20), **SIZE)
    with pytest.raises(ModelError, match="needs a Model"):
        plan(model.arms, log.latest(), budget=TopK(20), **SIZE)


def test_rewards_may_be_given_late(log):
    week = plan(estimate(log), log.latest(), budget=TopK(2), rewards={"good": 1000, "poor": 0}, rng=1, **SIZE)
    assert week.cells["index"].max() > 100


def test_arms_last_seen_long_ago_are_named(tmp_path):
    rows = ["id,t,s,a"] + [
        f"{arm},{t},{'good' if (t + n) % 2 else 'poor'},{n % 2}" for n, arm in enumerate("ABCD") for t in range(4)
    ]
    (tmp_path / "log.csv").write_text("\n".join(rows[:-1]))
    log = read_log(tmp_path / "log.csv", arm="id", time="t", state="s", action="a")
    week = plan(estimate(log, rewards={"good": 1, "poor": 0}), log.latest(), budget=TopK(1), rng=1, **SIZE)
    assert week.warnings == (
        "1 of 4 arms were last seen before the last period of the log ('D'); the plan takes their last known state",
    )
    assert week.warnings[0].split("(")[0] in week.to_html()


def test_progress_ends_at_the_end(model, log):
    seen = []
    plan(model, log.latest(), budget=TopK(20), rng=7, progress=lambda done, total: seen.append((done, total)), **SIZE)
    assert seen[-1] == (12, 12)


def test_save_leaves_all_files_or_none(week, tmp_path):
    week.save(tmp_path / "new" / "plan")
    folder = tmp_path / "new" / "plan"
    assert sorted(file.name for file in folder.iterdir()) == ["calls.csv", "plan.json", "report.html"]
    assert pl.read_csv(folder / "calls.csv")["arm"].to_list() == week.calls["arm"].to_list()
    blocked = tmp_path / "blocked"
    (blocked / "report.html").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        week.save(blocked)
    assert [file.name for file in blocked.iterdir()] == ["report.html"]
