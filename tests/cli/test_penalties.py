"""The command line and arms with requirements of their own: problem files, scenarios, index, bound, simulation."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rmab
from rmab.cli.main import main
from rmab.index.penalty import penalty_index
from rmab.policies.pow import Pow
from rmab.scenarios.registry import list_scenarios, scenario
from rmab.studies.registry import STUDIES

SENSORS = {"variant": "RS4", "scale": 5, "oldest": 8}
MOVES, REWARDS = [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]]
TWO_STATES = {
    "transitions": MOVES,
    "rewards": REWARDS,
    "multiplicity": [50],
    "penalties": [{"cost": [[0, 0], [1, 1]], "bound": 0.15}],
}
RUN = ["--steps", "40", "--replicates", "5", "--seed", "4"]


@pytest.fixture
def sensors(tmp_path):
    """A saved scenario."""
    file = tmp_path / "sensors.safetensors"
    rmab.save(file, scenario("remote-sensing-v1", **SENSORS))
    return file


@pytest.fixture
def written(tmp_path):
    """Write fields to a problem file in JSON."""

    def write(**fields):
        file = tmp_path / "problem.json"
        file.write_text(json.dumps({**TWO_STATES, **fields}))
        return file

    return write


@pytest.fixture
def answer(capsys):
    """Run a command with --json; what it printed."""

    def run(*arguments):
        main([*map(str, arguments), "--json"])
        return json.loads(capsys.readouterr().out)

    return run


def two_states(budget=None, criterion=None, **more):
    """The problem of the JSON file."""
    arms = rmab.Arms(MOVES, REWARDS, [50])
    energy = rmab.Penalty([[0, 0], [1, 1]], 0.15)
    return rmab.Problem(arms, budget or rmab.TopK(20), criterion or rmab.Average(), **{"penalties": energy, **more})


def test_the_list_of_scenarios(capsys, answer):
    main(["scenarios"])
    assert capsys.readouterr().out == "".join(f"{one}\n" for one in list_scenarios())
    fields = answer("scenarios")["scenarios"]
    assert [one["name"] for one in fields] == [one.name for one in list_scenarios()]
    assert fields[1]["variants"]["RS4"]["success"] == [0.2, 0.4, 0.6, 0.8]
    assert fields[2]["parameters"] == {"levels": 5, "oldest": 30}


def test_the_page_of_a_scenario(capsys, answer):
    main(["scenarios", "throughput-regularity-v1"])
    page = capsys.readouterr().out
    assert page == f"{list_scenarios()[2].page}\n"
    assert "Assumptions\n-----------\n" in page
    assert answer("scenarios", "throughput-regularity-v1")["variants"].keys() == {"SR4", "SR6"}


@pytest.mark.parametrize("name", ["sensors.safetensors", "sensors.json"])
def test_a_scenario_written_to_a_file_is_the_scenario(name, tmp_path, capsys, answer):
    file = tmp_path / name
    main(["scenarios", "remote-sensing-v1", "--variant", "RS8", "--scale", "5", "--out", str(file)])
    seen = capsys.readouterr().out
    assert "remote-sensing-v1 RS8: Arms(40 arms of 8 types" in seen
    assert f"wrote {file}" in seen
    problem = scenario("remote-sensing-v1", variant="RS8", scale=5)
    fields = answer("bound", file)
    bound = rmab.fluid_bound(problem)
    assert (fields["value"], fields["price"]) == (bound.value, bound.price)
    assert fields["multipliers"] == bound.multipliers.tolist()
    assert fields["provenance"]["budget"] == "TopK(k=5, exactly=True)"
    assert fields["provenance"]["criterion"] == "Average()"
    assert fields["provenance"]["penalties"] == 1
    assert fields["provenance"]["start"] == "as in the file"


def test_a_saved_scenario_says_where_it_comes_from(tmp_path, capsys):
    file = tmp_path / "tp.safetensors"
    main(["scenarios", "throughput-activation-v1", "--scale", "3", "--out", str(file), "--json"])
    about = {"scenario": "throughput-activation-v1", "variant": "TP4", "scale": 3, "rmab": rmab.__version__}
    assert json.loads(capsys.readouterr().out)["about"] == about
    assert rmab.models.store.provenance(file).about == about


def test_every_option_of_a_scenario_reaches_it(tmp_path, capsys):
    file = tmp_path / "sr.safetensors"
    options = ["--variant", "SR6", "--scale", "2", "--budget", "3", "--at-most", "--levels", "2", "--oldest", "7"]
    main(["scenarios", "throughput-regularity-v1", *options, "--discount", "0.9", "--out", str(file)])
    wanted = scenario(
        "throughput-regularity-v1", variant="SR6", scale=2, k=3, exactly=False, levels=2, oldest=7,
        criterion=rmab.Discounted(0.9),
    )  # fmt: skip
    found = rmab.load(file)
    assert found.arms.transitions.tobytes() == wanted.arms.transitions.tobytes()
    assert found.arms.multiplicity.tolist() == [2] * 6
    assert (found.budget, found.criterion) == (wanted.budget, wanted.criterion)
    assert found.excess_costs.tobytes() == wanted.excess_costs.tobytes()
    assert found.start.tobytes() == wanted.start.tobytes()


def test_the_penalties_of_a_json_file_count(written, answer):
    file = written()
    plain, owed = rmab.fluid_bound(two_states(penalties=None)).value, rmab.fluid_bound(two_states()).value
    assert owed < plain - 0.1
    assert answer("bound", file, "--average", "--budget", "20")["value"] == owed


@pytest.mark.parametrize(
    ("penalty", "same"),
    [
        ({"cost": [[[0, 0], [1, 1]]], "bound": [0.15]}, True),
        ({"cost": [[[0, 0], [1, 1]]], "bound": 0.15}, True),
        ({"cost": [[0, 0], [1, 1]], "bound": ["infinity"]}, False),
    ],
)
def test_penalties_may_be_written_in_several_ways(penalty, same, written, answer):
    value = answer("bound", written(penalties=[penalty]), "--average", "--budget", "20")["value"]
    wanted = rmab.fluid_bound(two_states(**({} if same else {"penalties": None}))).value
    assert value == pytest.approx(wanted, rel=1e-9)


def test_several_penalties(written, answer):
    both = [*TWO_STATES["penalties"], {"cost": [[1, 0], [1, 0]], "bound": 0.75}]
    fields = answer("bound", written(penalties=both), "--average", "--budget", "20")
    penalties = [rmab.Penalty([[0, 0], [1, 1]], 0.15), rmab.Penalty([[1, 0], [1, 0]], 0.75)]
    bound = rmab.fluid_bound(two_states(penalties=penalties))
    assert fields["value"] == bound.value
    assert fields["multipliers"] == bound.multipliers.tolist()
    assert np.shape(fields["multipliers"]) == (2, 1)
    assert fields["provenance"]["penalties"] == 2


def test_what_the_file_says_holds_unless_the_options_say_otherwise(written, answer):
    said = {"budget": {"k": 20, "exactly": True}, "criterion": {"name": "Discounted", "beta": 0.9}, "start": 1}
    file = written(**said)
    cases = {
        (): (rmab.TopK(20, exactly=True), rmab.Discounted(0.9), 1),
        ("--at-most",): (rmab.TopK(20), rmab.Discounted(0.9), 1),
        ("--budget", "5"): (rmab.TopK(5, exactly=True), rmab.Discounted(0.9), 1),
        ("--budget", "5", "--at-most"): (rmab.TopK(5), rmab.Discounted(0.9), 1),
        ("--horizon", "6"): (rmab.TopK(20, exactly=True), rmab.Horizon(6), 1),
        ("--discount", "0.8", "--start", "0"): (rmab.TopK(20, exactly=True), rmab.Discounted(0.8), 0),
    }
    loose = {"penalties": [{"cost": [[0, 0], [1, 1]], "bound": 0.5}]}
    file = written(**said, **loose)
    for options, (budget, criterion, start) in cases.items():
        fields = answer("bound", file, *options)
        problem = two_states(budget, criterion, start=start, penalties=rmab.Penalty([[0, 0], [1, 1]], 0.5))
        assert fields["value"] == rmab.fluid_bound(problem).value, options
        assert fields["provenance"]["budget"] == repr(budget)
        assert fields["provenance"]["criterion"] == repr(criterion)
    assert fields["provenance"]["start"] == 0


@pytest.mark.parametrize("start", [1, [0, 1] * 25, [0.25, 0.75], [[0.25, 0.75]]])
def test_every_kind_of_start(start, written, answer):
    file = written(start=start, budget={"k": 20}, criterion={"name": "Discounted", "beta": 0.9})
    assert answer("bound", file)["value"] == rmab.fluid_bound(two_states(criterion=rmab.Discounted(0.9), start=start)).value


def test_a_knapsack_of_several_resources_from_a_file(written, tmp_path, answer):
    file = written(budget={"capacity": [9.0, 2.0], "costs": [[1.0], [0.5]]}, penalties=None)
    problem = two_states(rmab.Knapsack([9.0, 2.0], [[1.0], [0.5]]), penalties=None)
    value = rmab.fluid_bound(problem).value
    assert answer("bound", file, "--average")["value"] == value
    rmab.save(tmp_path / "saved.safetensors", problem)
    assert answer("bound", tmp_path / "saved.safetensors")["value"] == value
    # a number of activations replaces the knapsack
    assert answer("bound", file, "--average", "--budget", "20")["provenance"]["budget"] == "TopK(k=20, exactly=False)"


def test_bounds_by_kind(written, answer):
    file = written(penalties=None)
    values = {kind: answer("bound", file, "--average", "--budget", "20", "--kind", kind) for kind in ("lagrangian", "fluid")}
    assert [fields["method"] for fields in values.values()] == ["Lagrangian dual", "fluid LP"]
    assert values["fluid"]["value"] == pytest.approx(values["lagrangian"]["value"], rel=1e-9)
    assert values["fluid"]["multipliers"] is None
    assert answer("bound", file, "--average", "--budget", "20")["method"] == "Lagrangian dual"


def test_the_penalty_index_is_what_the_library_gives(sensors, capsys, answer, tmp_path):
    problem = scenario("remote-sensing-v1", **SENSORS)
    found = penalty_index(problem.arms, problem.penalties, rmab.Average())
    fields = answer("index", sensors, "--kind", "penalty")
    assert fields["lower"] == found.lower.tolist()
    assert fields["upper"] == found.upper.tolist()
    assert (fields["cap"], fields["indexable"], fields["witness"]) == (10, [True] * 4, [None] * 4)
    assert fields["provenance"]["criterion"] == "Average()"
    main(["index", str(sensors), "--kind", "penalty"])
    assert capsys.readouterr().out == f"{found}\n"
    main(["index", str(sensors), "--kind", "penalty", "--out", str(tmp_path / "index.json")])
    assert json.loads((tmp_path / "index.json").read_text()) == fields


def test_the_cap_the_criterion_and_the_start_of_the_penalty_index(tmp_path, answer):
    problem = scenario("throughput-regularity-v1", levels=2, oldest=6)
    rmab.save(tmp_path / "users.safetensors", problem)
    command = ["index", tmp_path / "users.safetensors", "--kind", "penalty", "--discount", "0.9", "--cap", "0.5"]
    fields = answer(*command, "--start", "5")
    found = penalty_index(problem.arms, problem.penalties, rmab.Discounted(0.9), 0.5, start=5)
    assert fields["upper"] == found.upper.tolist()
    assert fields["provenance"]["start"] == 5
    as_saved = answer(*command)
    assert as_saved["upper"] != fields["upper"]
    own = penalty_index(problem.arms, problem.penalties, rmab.Discounted(0.9), 0.5, start=problem.start)
    assert as_saved["upper"] == own.upper.tolist()
    assert as_saved["provenance"]["start"] == "as in the file"
    assert answer(*command[:-2])["upper"] != as_saved["upper"]


def test_an_arm_that_is_not_indexable_comes_with_its_witness(tmp_path, answer, capsys):
    file = tmp_path / "sr.safetensors"
    rmab.save(file, scenario("throughput-regularity-v1", variant="SR4"))
    fields = answer("index", file, "--kind", "penalty")
    assert fields["indexable"] == [False] * 4
    for witness in fields["witness"]:
        assert 0 <= witness["state"] < 150
        assert witness["passive_at"] < witness["active_at"]
    main(["index", str(file), "--kind", "penalty"])
    assert "not indexable" in capsys.readouterr().out


def test_the_whittle_index_says_that_it_passes_over_penalties(sensors, capsys, answer):
    main(["index", str(sensors)])
    assert "takes no account of the penalties" in capsys.readouterr().out
    assert "--kind penalty" in answer("index", sensors)["note"]


def test_a_bar_shows_the_progress_of_the_penalty_index(sensors, capsys, monkeypatch):
    monkeypatch.setattr("rmab.cli.output.PATIENCE_S", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    main(["index", str(sensors), "--kind", "penalty"])
    assert "indices" in capsys.readouterr().err


def test_a_simulation_reports_what_each_type_violates(sensors, capsys, answer):
    problem = scenario("remote-sensing-v1", **SENSORS)
    fields = answer("simulate", sensors, "--policy", "pow", *RUN)
    outcome = rmab.simulate(problem, Pow(problem), steps=40, replicates=5, rng=4)
    bound = rmab.fluid_bound(problem)
    assert fields["mean"] == outcome.mean
    assert fields["violation"] == outcome.violation.tolist()
    assert fields["violation_interval"] == outcome.violation_interval.tolist()
    assert fields["excess"] == outcome.excess.tolist()
    assert fields["bound"] == bound.value
    assert fields["gap"]["value"] == outcome.gap(bound).value
    main(["simulate", str(sensors), "--policy", "pow", *RUN])
    assert "violation" in capsys.readouterr().out


def test_violations_are_left_out_without_penalties(written, answer):
    fields = answer("simulate", written(penalties=None), "--policy", "whittle", "--average", "--budget", "20", *RUN)
    assert "violation" not in fields


@pytest.mark.parametrize("form", ["safetensors", "json"])
def test_every_policy_for_penalties_runs_by_name(form, tmp_path, capsys):
    file, table = tmp_path / f"sensors.{form}", tmp_path / "table.json"
    main(["scenarios", "remote-sensing-v1", "--scale", "2", "--oldest", "8", "--out", str(file)])
    names = ["whittle", "pow", "pow-lower", "randomised-pow", "feedback-pow", "constrained-lagrangian", "fawt",
             "drift-plus-penalty", "recommended"]  # fmt: skip
    main(["compare", str(file), "--policies", ",".join(names), *RUN, "--out", str(table)])
    fields = json.loads(table.read_text())["policies"]
    assert list(fields) == names
    for one in fields.values():
        assert np.shape(one["violation"]) == (4,)
        assert np.shape(one["excess"]) == (1, 4)
        assert one["activations"] == 2
    assert fields["pow"]["mean"] != fields["pow-lower"]["mean"]
    main(["compare", str(file), "--policies", "pow,fawt", *RUN])
    assert "violation" in capsys.readouterr().out


def test_the_cap_reaches_the_policies(sensors, answer):
    capped = answer("simulate", sensors, "--policy", "pow", "--cap", "0", *RUN)
    assert capped["mean"] == answer("simulate", sensors, "--policy", "whittle", *RUN)["mean"]
    assert capped["mean"] != answer("simulate", sensors, "--policy", "pow", *RUN)["mean"]


def test_policies_that_are_compared_by_default_fit_the_budget(sensors, written, answer):
    assert list(answer("compare", sensors, *RUN)["policies"]) == ["recommended", "myopic", "uniform"]
    assert [*answer("compare", sensors, "--at-most", *RUN)["policies"]][-1] == "none"


def test_the_list_of_studies_as_json(answer):
    for command in (["reproduce", "--list"], ["reproduce"]):
        fields = answer(*command)["studies"]
        assert [one["name"] for one in fields] == list(STUDIES)
        assert all(one["title"] and one["citation"] and "quick" in one["scales"] for one in fields)


def short(**change):
    """One faulty penalty."""
    return {"penalties": [{**TWO_STATES["penalties"][0], **change}]}


BAD_FIELDS = {
    "a cost of another shape": (short(cost=[[0, 0, 0], [1, 1, 1]]), ["penalties[0]", "shape", "(1, 2, 3)"]),
    "a cost that is no number": (short(cost=[[0, 0], [1, "much"]]), ["penalties[0].cost[0][1][1]"]),
    "a bound for two types": (short(bound=[0.1, 0.2]), ["penalties[0]", "1 types"]),
    "no bound": ({"penalties": [{"cost": [[0, 0], [1, 1]]}]}, ["penalties[0].bound", "required"]),
    "a bound that is a word": (short(bound="none"), ["penalties[0].bound"]),
    "a misspelt field": (short(costs=1), ["penalties[0].costs"]),
    "one penalty without its list": ({"penalties": TWO_STATES["penalties"][0]}, ["penalties", "array"]),
    "a misspelt budget": ({"budget": {"kk": 20}}, ["budget", '{"k": 20}', "'kk'"]),
    "a number as the budget": ({"budget": 20}, ["budget"]),
    "a broken budget": ({"budget": {"k": 2.5}}, ["2.5", "whole number"]),
    "an unknown criterion": ({"criterion": {"name": "Median"}}, ["criterion", '{"name": "Average"}', "Median"]),
    "a criterion with another's field": ({"criterion": {"name": "Average", "beta": 1}}, ["criterion", "Average"]),
    "a start of words": ({"start": "here"}, ["start"]),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_bad_fields_of_a_problem_file_are_refused(name, written, refused):
    fields, words = BAD_FIELDS[name]
    file = written(**fields)
    line = refused("bound", file, "--average")
    assert str(file) in line
    for word in words:
        assert word in line


LOG = ["--arm", "arm", "--time", "time", "--state", "state", "--action", "action", "--passive", "0"]
MISTAKES = [
    (["scenarios", "remote-sensing"], ["'remote-sensing'", "remote-sensing-v1"]),
    (["scenarios", "remote-sensing-v1", "--variant", "TP4", "--out", "new.json"], ["'TP4'", "RS4, RS8"]),
    (["scenarios", "remote-sensing-v1", "--scale", "2"], ["--scale", "--out FILE"]),
    (["scenarios", "remote-sensing-v1", "--variant", "RS8"], ["--variant", "--out FILE"]),
    (["scenarios", "snir-v1", "--variant", "foo"], ["snir-v1 has no variant 'foo'", "observation, reward, joint, full"]),
    (["scenarios", "snir-v1", "--variant", "joint"], ["--variant", "not seen, which no problem file holds", "rmab.scenario"]),
    (["scenarios", "snir-v1", "--out", "new.json"], ["snir-v1", "not seen, which no problem file holds", "rmab.scenario"]),
    (["scenarios", "nowhere", "--variant", "foo"], ["no scenario 'nowhere'", "snir-v1"]),
    (["scenarios", "--variant", "foo"], ["--variant", "name a scenario"]),
    (["scenarios", "--out", "new.json"], ["--out", "name a scenario"]),
    (["scenarios", "remote-sensing-v1", "--levels", "3", "--out", "new.json"], ["'levels'", "oldest"]),
    (["scenarios", "remote-sensing-v1", "--scale", "0", "--out", "new.json"], ["scale", "0"]),
    (["scenarios", "remote-sensing-v1", "--scale", "two", "--out", "new.json"], ["--scale", "'two'", "whole number"]),
    (["scenarios", "remote-sensing-v1", "--budget", "5", "--out", "new.json"], ["budget of 5", "at most 4"]),
    (["scenarios", "remote-sensing-v1", "--out", "no/such/folder/new.json"], ["--out", "create it first"]),
    (["scenarios", "remote-sensing-v1", "--average", "--discount", "0.9", "--out", "new.json"], ["exactly one"]),
    (["index", "FILE", "--kind", "penalties"], ["--kind", "'penalties'", "penalty"]),
    (["index", "FILE", "--kind", "penalty", "--cap", "-1"], ["cap", "-1"]),
    (["index", "FILE", "--kind", "penalty", "--budget", "2"], ["--budget", "--kind gain", "penalty index"]),
    (["index", "FILE", "--cap", "2"], ["--cap", "--kind penalty"]),
    (["index", "FILE", "--kind", "whittle", "--start", "0"], ["--start", "--kind gain and --kind penalty"]),
    (["index", "FILE", "--kind", "penalty", "--horizon", "4"], ["Horizon"]),
    (["index", "PLAIN", "--kind", "penalty", "--average"], ["PLAIN", "no penalties", "--kind whittle"]),
    (["index", "FILE", "--kind", "gain"], ["penalties"]),
    (["bound", "FILE", "--kind", "tight"], ["--kind", "'tight'", "lagrangian, fluid"]),
    (["bound", "FILE", "--kind", "lagrangian"], ["penalties", "fluid_bound"]),
    (["bound", "FILE", "--budget", "21"], ["21", "20"]),
    (["bound", "PLAIN", "--budget", "20"], ["exactly one", "--average"]),
    (["bound", "PLAIN", "--average"], ["--budget K"]),
    (["bound", "PLAIN", "--average", "--exactly"], ["--budget K"]),
    (["simulate", "FILE", "--policy", "power"], ["'power'", "pow-lower", "feedback-pow"]),
    (["simulate", "FILE", "--policy", "pow", "--cap", "-2"], ["cap", "-2"]),
    (["simulate", "PLAIN", "--average", "--budget", "9", "--policy", "feedback-pow"], ["no penalties"]),
    (["simulate", "FILE", "--policy", "lp-update"], ["penalties"]),
    (["simulate", "FILE"], ["--policy"]),
    (["compare", "FILE", "--policies", "pow,power"], ["'power'", "pow-lower"]),
    (["compare", "FILE", "--policies", "pow,pow"], ["'pow'", "twice"]),
    (["compare", "FILE", "--policies", ""], ["''", "choose among"]),
    (["compare", "FILE", "--replicates", "many"], ["--replicates", "'many'"]),
    (["reproduce", "pow/figure-1"], ["'pow/figure-1'", "policies/gast"]),
    (["reproduce", "policies/gast", "--scale", "huge"], ["'huge'", "quick"]),
    (["reproduce", "policies/gast", "--threads", "1.5"], ["--threads", "'1.5'"]),
    (["estimate", "PLAIN"], ["--arm"]),
    (["estimate", "PLAIN", *LOG, "--rewards", "good"], ["--rewards", "LABEL=NUMBER"]),
    (["estimate", "none.csv", *LOG, "--rewards", "good=1"], ["none.csv"]),
]


@pytest.mark.parametrize(("command", "words"), MISTAKES)
def test_mistakes_are_refused_in_one_line(command, words, sensors, tmp_path, refused, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "PLAIN").write_text(json.dumps({**TWO_STATES, "penalties": None}))
    line = refused(*(sensors if part == "FILE" else part for part in command))
    for word in words:
        assert word in line
    assert not (tmp_path / "new.json").exists()


def test_a_penalty_that_no_policy_meets_is_refused_with_its_reason(tmp_path, refused, capsys):
    file = tmp_path / "sensors.safetensors"
    main(["scenarios", "remote-sensing-v1", "--variant", "RS8", "--budget", "2", "--out", str(file)])
    capsys.readouterr()
    with pytest.raises(rmab.InfeasiblePenalty) as reason:
        rmab.fluid_bound(scenario("remote-sensing-v1", variant="RS8", k=2))
    assert " ".join(str(reason.value).split()) in refused("bound", file)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_ten_thousand_different_arms_in_one_command(tmp_path):
    rng, types, states = np.random.default_rng(3), 10_000, 30
    arms = rmab.Arms(rng.dirichlet(np.ones(states), size=(types, 2, states)), rng.random((types, 2, states)))
    cost = np.broadcast_to([[0.0], [1.0]], arms.rewards.shape)
    energy = rmab.Penalty(cost, rng.uniform(0.1, 0.6, types))
    file, out = tmp_path / "large.safetensors", tmp_path / "large.json"
    rmab.save(file, rmab.Problem(arms, rmab.TopK(2000), rmab.Average(), energy))
    command = f"from rmab.cli.main import main; main(['index', {str(file)!r}, '--kind', 'penalty', '--out', {str(out)!r}])"
    penalty_index(rmab.Arms(arms.transitions[0], arms.rewards[0]), rmab.Penalty(cost[0], 0.5), rmab.Average())  # compile
    # the largest resident set since the start of the program; that of getrusage would count this process too
    command += "; print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    ran = subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path; {command}"], check=True, capture_output=True, text=True
    )
    assert int(ran.stdout.split()[-1]) * 1024 < 5 * file.stat().st_size
    fields = json.loads(out.read_text())
    assert np.shape(fields["lower"]) == np.shape(fields["upper"]) == (types, states)
    some = [0, 4321, 9999]
    few = penalty_index(
        rmab.Arms(arms.transitions[some], arms.rewards[some]), rmab.Penalty(cost[some], energy.bound[some]), rmab.Average()
    )
    np.testing.assert_allclose(np.array(fields["upper"])[some], few.upper, rtol=0, atol=1e-12)


def test_a_cap_that_binds_is_said_in_one_line(sensors, capsys):
    main(["simulate", str(sensors), "--policy", "pow", "--cap", "1", *RUN])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("rmab: warning: at the price of this problem ")
    assert "pay the cap of 1 instead of keeping their bounds" in said[0]
