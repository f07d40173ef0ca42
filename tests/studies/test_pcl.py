"""The studies of hidden arms: what they measure against independent computations, and that every claim can fail."""

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from rmab.bound.joint import joint_optimum
from rmab.hidden.problem import HiddenProblem
from rmab.index.conservation import conservation_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic, RoundRobin
from rmab.policies.belief_information import Information
from rmab.scenarios.hidden_random import build
from rmab.studies import pcl_baselines, pcl_examples, pcl_mesh, pcl_optimum, pcl_tables
from rmab.studies.hidden_rows import DepthRow, GainRow, HiddenRow, MergeRow, MetricRow, OptimumRow
from rmab.studies.registry import STUDIES, reproduce
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Scale

NAMES = [name for name in STUDIES if name.startswith("pcl/")]
FEW = {
    "pcl/table-4": Scale((4,), steps=20, burn_in=0, replicates=5),
    "pcl/figure-6": Scale((10, 20), steps=20, burn_in=0, replicates=5),
    "pcl/figure-9": Scale((0.5,), steps=8, burn_in=0, replicates=3),
    "pcl/figure-10": Scale((1,), steps=50, burn_in=0, replicates=20),
    "pcl/figure-11": Scale((1, 3), steps=50, burn_in=0, replicates=2),
    "pcl/figure-12": Scale((0.2, 0.1), steps=50, burn_in=0, replicates=2),
}


def few(name, entropy=3, threads=1):
    definition = STUDIES[name]
    return definition.run(definition.instances()[:2], FEW[name], entropy=entropy, threads=threads, progress=None)


def test_all_tables_and_figures_are_there():
    assert [f"pcl/table-{n}" for n in (2, 4, 5)] + [f"pcl/figure-{n}" for n in range(6, 13)] == NAMES
    assert all("from a summary" in STUDIES[name].citation for name in NAMES)


@pytest.mark.parametrize("name", FEW)
def test_a_run_repeats_from_its_entropy_for_any_number_of_threads(name):
    first = few(name)
    assert first == few(name, threads=2)
    assert first != few(name, entropy=4)


@pytest.mark.parametrize("name", ["pcl/table-4", "pcl/figure-9", "pcl/figure-12"])
def test_progress_counts_to_the_end(name):
    seen = []
    definition = STUDIES[name]
    definition.run(
        definition.instances()[:1], FEW[name], entropy=0, threads=1, progress=lambda done, total: seen.append((done, total))
    )
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_glance_gives_the_text_the_table_the_figure_and_the_files(name, tmp_path):
    study = reproduce(name, scale="glance", rng=3, threads=1)
    for claim in study.claims:
        assert claim.verdict in (REPRODUCED, NOT_REPRODUCED, AS_MEASURED)
        assert claim.found
    assert all(start in study.table() for start in study.starts)
    assert len(study.figure().axes) == len(study.starts) * len(study.rows[0].measures)
    assert len(study.save(tmp_path)) == 3


def test_the_figure_names_its_axis_and_its_line():
    definition = STUDIES["pcl/figure-12"]
    rows = few("pcl/figure-12")
    mesh = replace_study(definition, rows)
    assert {axes.get_xlabel() for axes in mesh.figure().axes} == {"merge distance"}
    assert {axes.get_xscale() for axes in mesh.figure().axes} == {"log"}
    labels = [[line.get_label() for line in axes.get_lines()] for axes in mesh.figure().axes]
    assert labels == [["nearest closure", "linear closure"]] * 2 + [["zero", "nearest closure", "linear closure"]] * 2


def replace_study(definition, rows):
    from rmab.studies.study import Study

    starts = {instance.name: instance.beginning for instance in definition.instances()[:2]}
    return Study(definition.name, definition.title, definition.citation, "few", FEW[definition.name], starts, rows, (), 3)


# what is computed


def test_the_paired_gain_is_the_ratio_of_means_with_the_interval_of_its_linearisation():
    rng = np.random.default_rng(1)
    base = 2 + rng.random(4000)
    rewards = 1.1 * base + 0.01 * rng.standard_normal(4000)
    gain, half = pcl_tables.paired_gain(rewards, base)
    assert gain == pytest.approx(100 * (rewards.mean() / base.mean() - 1))
    redrawn = [rewards[i].mean() / base[i].mean() for i in rng.integers(4000, size=(400, 4000))]
    assert half == pytest.approx(100 * 1.96 * np.std(redrawn), rel=0.12)


def test_a_filtered_family_holds_the_first_draws_that_pass():
    draws = pcl_tables.Draws(4)
    kept = pcl_tables.Family("kept", draws, 2, True, "").numbers(3)
    assert [number for number in range(kept[-1] + 1) if draws[number].passes] == kept
    assert pcl_tables.Family("all", draws, 2, False, "").numbers(3) == [0, 1, 2]


def test_the_filter_is_that_of_the_nearest_closure_and_meshes_stay_small():
    for number in range(4):
        drawn = pcl_tables.Draws(3)[number]
        near = drawn.space_of("nearest")
        assert len(near.nodes) <= pcl_tables.MOST
        assert near.closure == "nearest"
        assert drawn.space.closure == "linear"
        assert drawn.passes == bool(conservation_index(near.arms, Discounted(0.9)).pcl_indexable[0])


def small_chain(seed=1):
    arm = build("equal-mean", 2, 1, seed).arms[0]
    return arm.reachable(arm.stationary(), depth=1, merge=0.05, closure="linear")


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_the_optimum_of_a_product_is_that_of_joint_dynamic_programming(beta):
    space = small_chain()
    arms = Arms(space.arms.transitions, space.arms.rewards, multiplicity=[3])
    exact = joint_optimum(Problem(arms, TopK(1, exactly=True), Discounted(beta), start=0))
    assert pcl_optimum.Product((space,) * 3, beta).optimum() == pytest.approx(exact.value, abs=1e-7)


def test_the_value_of_scores_on_a_product_solves_its_linear_equations():
    beta, spaces = 0.9, (small_chain(1), small_chain(2))
    scores = [conservation_index(space.arms, Discounted(beta)).values[0] for space in spaces]
    p = [space.arms.transitions[0] for space in spaces]
    r = [space.rewards for space in spaces]
    both = [reduce(np.kron, (p[0][1 - u], p[1][u])) for u in (0, 1)]
    paid = [np.add.outer(r[0][1 - u], r[1][u]).ravel() for u in (0, 1)]
    second = (scores[1][np.newaxis] > scores[0][:, np.newaxis]).ravel()
    rows, reward = np.where(second[:, np.newaxis], both[1], both[0]), np.where(second, paid[1], paid[0])
    value = (1 - beta) * np.linalg.solve(np.eye(len(rows)) - beta * rows, reward)[0]
    assert pcl_optimum.Product(spaces, beta).of_scores(scores) == pytest.approx(value, abs=1e-7)


def test_a_policy_made_for_one_problem_keeps_its_actions_in_another():
    arms = build("equal-mean", 3, 6, 1).arms
    discounted = HiddenProblem(arms, TopK(2), Discounted(0.5))
    average = HiddenProblem(arms, TopK(2), Average())
    seen = Information.at_start(average)
    for policy in (Myopic(), RoundRobin(), pcl_baselines._policies(HiddenProblem(arms, TopK(1), Discounted(0.5)))["index"]):
        tuned = pcl_baselines._tuned(policy, discounted)
        there = tuned.actions(average, seen, step=4, rng=np.random.default_rng(1))
        assert there.tolist() == policy.actions(discounted, seen, step=4, rng=np.random.default_rng(1)).tolist()


def test_informed_baselines_are_the_myopic_policy_run_by_run():
    rows = {row.policy: row for row in few("pcl/figure-9")}
    assert rows["qmdp"].mean == rows["fib"].mean == rows["myopic"].mean
    assert rows["index"].lead == 0.0


def test_meshes_have_the_sizes_of_a_plain_enumeration():
    """Nodes of the examples at depth 20, merged within 0.05, from an enumeration that compared all pairs."""
    arms = {mesh.name: pcl_mesh._tested(mesh, FEW["pcl/figure-12"], 0) for mesh in pcl_mesh.ARMS[:3]}
    sizes = [tested.on_mesh(20, 0.05, "nearest").nodes for tested in arms.values()]
    assert sizes == [9, 10, 14]


def test_a_mesh_has_no_error_against_itself():
    rows = pcl_mesh.run_depths(pcl_mesh.ARMS[:1], Scale((20, 3), steps=50, burn_in=0, replicates=2), entropy=0)
    errors = {(row.policy, row.depth): row.mean_error for row in rows}
    assert errors["nearest closure", 20] == errors["linear closure", 20] == 0.0
    assert errors["nearest closure", 3] > 0.0
    assert all(row.mean_error <= row.largest_error for row in rows)


def test_examples_are_bounded_per_arm_whatever_their_number():
    rows = few("pcl/figure-6")
    for name in {row.instance for row in rows}:
        bounds = {row.bound for row in rows if row.instance == name}
        assert max(bounds) == pytest.approx(min(bounds), rel=1e-8)
    assert all(row.gain == 0.0 for row in rows if row.policy == "myopic")


# how it is judged


def verdict_of(claims, words):
    found = [claim.verdict for claim in claims if words in claim.statement]
    assert len(found) == 1, [claim.statement for claim in claims]
    return found[0]


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(1.0, 3.0, REPRODUCED), (-1.0, 3.0, AS_MEASURED), (-3.0, -1.0, NOT_REPRODUCED)]
)
def test_gains_are_judged_by_their_intervals(low, high, verdict):
    family = pcl_tables.Family("S = 3", pcl_tables.Draws(3), 2, False, "4 %")
    rows = tuple(GainRow("S = 3", policy, 2, 2.0, 1.9, 2.1, (low + high) / 2, low, high) for policy in pcl_tables.MAKERS)
    assert verdict_of(pcl_tables.judge_table_4({"S = 3": family}, rows), "gains over the myopic") == verdict


@pytest.mark.parametrize(
    ("low", "lead", "high", "verdict"),
    [(-2.0, -1.0, 0.0, REPRODUCED), (-1.0, 0.5, 2.0, AS_MEASURED), (0.5, 1.0, 1.5, NOT_REPRODUCED)],
)
def test_rollout_wins_where_its_interval_is_above_zero(low, lead, high, verdict):
    six = pcl_baselines.Six(1, "discounted")
    names = ("index", "lagrangian advantage", "rollout", "myopic", "qmdp", "fib")
    rows = tuple(MetricRow(six.name, name, 0.9, 95.0, 94.0, 96.0, lead, low, high) for name in names)
    claims = pcl_baselines.judge({six.name: six}, rows)
    assert verdict_of(claims, "consistently above rollout") == verdict
    assert verdict_of(claims, "nearly identical") == REPRODUCED
    apart = tuple(replace(row, mean=95.1) if row.policy == "fib" else row for row in rows)
    assert verdict_of(pcl_baselines.judge({six.name: six}, apart), "nearly identical") == NOT_REPRODUCED


@pytest.mark.parametrize(
    ("policy", "value", "words"),
    [
        ("index", 1.01, "policies <= optimum"),
        ("myopic", 1.01, "policies <= optimum"),
        ("Lagrangian bound", 0.99, "policies <= optimum"),
        ("index", 0.98, "within 1 %"),
        ("index, simulated", 1.03, "beyond chance"),
        ("bound, fine mesh", 0.98, "beyond chance"),
    ],
)
def test_the_order_of_policies_optimum_and_bound_can_fail(policy, value, words):
    four = pcl_optimum.Four(0.9)
    ideal = {"index": 0.999, "myopic": 0.97, "index, simulated": 0.996, "Lagrangian bound": 1.01, "bound, fine mesh": 0.997}

    def claims(values):
        rows = (OptimumRow(four.name, name, 1, v, 0.001 if "sim" in name else 0.0, 1.0) for name, v in values.items())
        return pcl_optimum.judge({four.name: four}, tuple(rows))

    assert verdict_of(claims(ideal), words) == REPRODUCED
    assert verdict_of(claims(ideal | {policy: value}), words) == NOT_REPRODUCED


def example_rows(gain, mean):
    example = pcl_examples.STUDIES[0].instances()[0]
    return example, tuple(
        HiddenRow(example.name, policy, n, mean, mean - 0.01, mean + 0.01, 0.9, gain, gain - 0.5, gain + 0.5)
        for policy in ("index", "lagrangian advantage", "myopic")
        for n in (10, 20)
    )


@pytest.mark.parametrize(
    ("gain", "mean", "ahead", "bounded"),
    [
        (1.0, 0.8, REPRODUCED, REPRODUCED),
        (0.1, 0.905, AS_MEASURED, REPRODUCED),
        (-1.1, 0.95, NOT_REPRODUCED, NOT_REPRODUCED),
        (-0.9, 0.915, AS_MEASURED, REPRODUCED),
    ],
)
def test_examples_are_judged_by_intervals(gain, mean, ahead, bounded):
    example, rows = example_rows(gain, mean)
    claims = pcl_examples.judge_examples({example.name: example}, rows)
    assert verdict_of(claims, "earns more than the myopic one") == ahead
    assert verdict_of(claims, "no policy earns more") == bounded


def depth_row(policy, error):
    return DepthRow("arm", policy, 10, error, error, 0.2, True, True, 5)


def test_saturation_fails_when_one_closure_has_not_settled():
    mesh = {"arm": pcl_mesh.ARMS[0]}
    for errors, verdict in (((0.5, 0.1), REPRODUCED), ((1.5, 0.1), NOT_REPRODUCED)):
        rows = tuple(depth_row(f"{name} closure", e) for name, e in zip(("nearest", "linear"), errors, strict=True))
        assert verdict_of(pcl_mesh.judge_depth(mesh, rows), "suffices") == verdict


def merge_rows(**changes):
    return tuple(
        replace(
            MergeRow("arm", f"{name} closure", 10, factor * merge, factor * merge, 0.2, True, True, merge),
            **changes.get(f"{name}{i}", {}),
        )
        for name, factor in (("nearest", 10.0), ("linear", 1.0))
        for i, merge in enumerate((0.1, 0.05))
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"linear1": {"mean_error": 3.0}}, "falls with the merge distance"),
        ({"linear0": {"mean_error": 3.0}}, "linear closure errs less"),
        ({"nearest1": {"pcl": False}}, "what one mesh says"),
    ],
)
def test_claims_about_meshes_can_fail(changes, words):
    mesh = {"arm": pcl_mesh.ARMS[0]}
    assert verdict_of(pcl_mesh.judge_merge(mesh, merge_rows()), words) == REPRODUCED
    assert verdict_of(pcl_mesh.judge_merge(mesh, merge_rows(**changes)), words) == NOT_REPRODUCED


def test_every_verdict_on_an_arm_tells_its_margin():
    claims = pcl_mesh.judge_merge({"arm": pcl_mesh.ARMS[0]}, merge_rows())
    assert any("least work" in claim.found for claim in claims if "four meshes" in claim.statement)
    assert all("0.20" in claim.found for claim in claims if "what one mesh says" in claim.statement)
