"""The studies of learning: what they measure against independent computations, and that every claim can fail."""

from dataclasses import replace

import numpy as np
import pytest

from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.learn.evaluation import Evaluation
from rmab.learn.trainer import train
from rmab.models.arms import Arms
from rmab.models.criterion import Average
from rmab.studies import (
    constant_step,
    faster_q_aggregation,
    faster_q_fixed_charge,
    faster_q_index,
    gino_figure_1,
    gino_figure_2,
    gino_flipped,
    gino_learners,
    gino_problems,
)
from rmab.studies.faster_q_arms import averaged_and_discounted, discounted
from rmab.studies.learning_claims import at_least, at_most, better, reached
from rmab.studies.learning_rows import LOWEST, SCORE, ClusterRow, PeriodRow, SampleRow, ScoreRow, StepRow
from rmab.studies.registry import STUDIES, reproduce
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Scale

NAMES = [name for name in STUDIES if name.startswith(("gino/", "faster-q/", "constant-step/"))]
FEW = {
    "gino/figure-1": Scale((-3.0, 3.0), steps=60, burn_in=20, replicates=2),
    "gino/figure-2": Scale((10, 20), steps=20, burn_in=0, replicates=2),
    "gino/flipped": Scale((10, 20), steps=20, burn_in=0, replicates=2),
    "gino/problems": Scale((10, 20), steps=20, burn_in=0, replicates=2),
    "faster-q/fixed-charge": Scale((20, 40), steps=40, burn_in=0, replicates=2),
    "faster-q/index": Scale((20, 40), steps=40, burn_in=0, replicates=2),
    "faster-q/aggregation": Scale((4, 8), steps=80, burn_in=0, replicates=2),
    "constant-step/floor": Scale((0.1, 0.2), steps=60, burn_in=0, replicates=2),
    "constant-step/curves": Scale((20, 40), steps=40, burn_in=0, replicates=2),
}


def few(name, entropy=3, threads=1, progress=None):
    definition = STUDIES[name]
    chosen = definition.instances()[:2]
    return definition.run(chosen, FEW[name], entropy=entropy, threads=threads, progress=progress)


def flat(kind, instances, policies, places, mean, half=0.0, **more):
    """Rows that say the same everywhere, to be contradicted in places."""
    return [kind(i, p, at, mean, mean - half, mean + half, **more) for i in instances for p in policies for at in places]


def changed(rows, mean, half=0.0, instance=None, policy=None, at=None, **more):
    """The rows with other numbers where they match."""
    asked = {"instance": instance, "policy": policy, "at": at}
    wanted = {name: value for name, value in asked.items() if value is not None}
    return tuple(
        replace(row, mean=mean, low=mean - half, high=mean + half, **more)
        if all(getattr(row, name) == value for name, value in wanted.items())
        else row
        for row in rows
    )


def verdicts(claims, *words):
    return [claim.verdict for claim in claims if all(word in claim.statement for word in words)]


def test_all_studies_are_there():
    assert list(FEW) == NAMES


@pytest.mark.parametrize("name", FEW)
def test_a_run_repeats_from_its_entropy_for_any_number_of_threads(name):
    first = few(name)
    assert first == few(name, threads=2)
    assert first != few(name, entropy=4)


@pytest.mark.parametrize("name", ["gino/figure-1", "gino/figure-2", "faster-q/fixed-charge", "constant-step/floor"])
def test_progress_counts_to_the_end(name):
    seen = []
    few(name, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


@pytest.mark.parametrize("name", ["faster-q/fixed-charge", "faster-q/aggregation"])
def test_a_glance_leaves_verdicts_tables_figures_and_files(name, tmp_path):
    study = reproduce(name, scale="glance", rng=1, threads=1)
    assert all(claim.verdict in (REPRODUCED, NOT_REPRODUCED, AS_MEASURED) for claim in study.claims)
    assert study.table() in str(study)
    labels = list(study.rows[0].measures)
    assert len(study.figure().axes) == len(study.starts) * len(labels)
    assert len(study.save(tmp_path)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_glance_runs_and_judges(name, tmp_path):
    study = reproduce(name, scale="glance", rng=1)
    assert all(claim.verdict in (REPRODUCED, NOT_REPRODUCED, AS_MEASURED) for claim in study.claims)
    assert len(study.save(tmp_path)) == 3


def test_what_was_not_available_is_said():
    modules = [gino_figure_1, gino_figure_2, gino_learners, gino_problems, faster_q_fixed_charge, faster_q_index]
    modules += [faster_q_aggregation, constant_step]
    assert all("not available" in module.__doc__.replace("\n", " ") for module in modules)


# --- verdicts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "half", "least", "most"),
    [
        (0.95, 0.01, REPRODUCED, NOT_REPRODUCED),
        (0.80, 0.01, NOT_REPRODUCED, REPRODUCED),
        (0.91, 0.05, AS_MEASURED, AS_MEASURED),
    ],
)
def test_levels(mean, half, least, most):
    row = ScoreRow("x", "y", 10, mean, mean - half, mean + half, 0, 2)
    assert at_least("", row, 0.9).verdict == least
    assert at_most("", row, 0.9).verdict == most


@pytest.mark.parametrize(
    ("gain", "half", "verdict"),
    [(0.1, 0.01, REPRODUCED), (0.0, 0.01, NOT_REPRODUCED), (0.05, 0.1, AS_MEASURED), (-0.1, 0.01, NOT_REPRODUCED)],
)
def test_better(gain, half, verdict):
    first, second = (ScoreRow("x", "y", 10, mean, mean - half, mean + half, 0, 2) for mean in (0.5 + gain, 0.5))
    assert better("", first, second, 0.02).verdict == verdict
    assert better("", second, first, 0.02, lower=True).verdict == verdict


def test_a_level_is_reached_only_where_it_is_kept():
    scores = {10: 0.95, 100: 0.5, 1000: 0.9, 10_000: 0.92}
    rows = [ScoreRow("x", "y", at, mean, mean, mean, 0, 2) for at, mean in scores.items()]
    assert reached(rows, "x", "y", 0.9) == 1000
    assert reached(rows, "x", "y", 0.93) is None


def test_scores_far_below_chance_are_drawn_at_the_edge_and_told_in_full():
    row = ScoreRow("x", "y", 10, -3.0, -3.5, 0.2, 0, 2)
    assert row.measures[SCORE] == (LOWEST, LOWEST, 0.2, 1.0)
    assert row.cell == "-3.00 ± 1.85"


# --- gino/figure-1 --------------------------------------------------------------------------------------------------------


def test_gain_and_advantages_at_a_charge_solve_the_optimality_equation():
    """Relative value iteration, an independent method, on the aperiodic version of the chain."""
    arms, charge = gino_figure_1.ChargedArm("", "flipped-v1").problem().arms, -1.3
    p, r = 0.5 * arms.transitions[0] + 0.5 * np.eye(6), 0.5 * (arms.rewards[0] - charge * np.array([[0.0], [1.0]]))
    v = np.zeros(6)
    for _ in range(20_000):
        q = r + p @ v
        v = q.max(axis=0) - q.max(axis=0)[0]
    gain, advantage = gino_figure_1.charged(arms, charge)
    assert gain == pytest.approx(2 * (r + p @ v).max(axis=0)[0], abs=1e-9)
    assert advantage == pytest.approx(2 * (r[1] - r[0] + (p[1] - p[0]) @ v), abs=1e-7)


def test_the_arm_is_indexable_and_its_orders_agree():
    problem = gino_figure_1.ChargedArm("", "gino-v1").problem()
    table = whittle_index(problem.arms, Average())
    assert table.indexable[0]
    assert table.values[0] == pytest.approx([-4, 0, 2, 2, 2, 2], abs=1e-9)
    assert gain_index(problem).advantage[0] == pytest.approx([-2, 0, 2, 2, 2, 2], abs=1e-9)


def test_figure_1_finds_the_printed_claim_impossible():
    instances = {instance.name: instance for instance in gino_figure_1.STUDY.instances()}
    rows = gino_figure_1.STUDY.run(tuple(instances.values()), FEW["gino/figure-1"], entropy=0)
    claims = gino_figure_1.judge(instances, rows)
    refuted = [claim.statement for claim in claims if claim.verdict == NOT_REPRODUCED]
    assert refuted == [
        "state 0 (1 in the paper) is worth acting on at all charges above 2 (paper)",
        "the arm is not indexable (paper)",
    ]


def test_figure_1_would_notice_an_active_state_and_a_wrong_simulation():
    instances = {instance.name: instance for instance in gino_figure_1.STUDY.instances()}
    rows = gino_figure_1.STUDY.run(tuple(instances.values()), FEW["gino/figure-1"], entropy=0)
    active = changed(rows, 0.5, instance=gino_figure_1.GINO, policy=gino_figure_1.DECIDING, at=3.0)
    assert verdicts(gino_figure_1.judge(instances, active), "at all charges above 2") == [REPRODUCED]
    wrong = changed(rows, 9.0, 0.1, policy=gino_figure_1.SIMULATED)
    assert verdicts(gino_figure_1.judge(instances, wrong), "simulated gain") == [NOT_REPRODUCED]


def test_figure_1_would_notice_transitions_that_depend_on_the_action(monkeypatch):
    """Where acting in other states leads elsewhere, the advantage of state 0 may rise with the charge: the check sees it."""

    def tampered(arms, charge):
        return 0.0, np.full(6, charge)

    monkeypatch.setattr(gino_figure_1, "charged", tampered)
    assert gino_figure_1._whatever_the_transitions().verdict == NOT_REPRODUCED


# --- the other gino studies -----------------------------------------------------------------------------------------------


def test_rows_are_the_scores_of_the_training():
    scale = FEW["gino/problems"]
    stage = gino_problems.instances()[2]
    make = gino_learners.LEARNERS[gino_learners.OURS]
    judged = Evaluation(steps=100, replicates=2, burn_in=20)
    rows = gino_learners.run_scores(
        [stage], scale, entropy=5, learners={gino_learners.OURS: make}, known={}, evaluation=judged, threads=1
    )
    problem = stage.problem()
    source = np.random.SeedSequence(5, spawn_key=(0,))
    curves = train(make(problem), problem, steps=20, seeds=2, rng=source, evaluation=judged, threads=1).curves
    assert [row.at for row in rows] == [10, 20]
    assert [row.mean for row in rows] == pytest.approx(curves.mean)
    assert [row.low for row in rows] == pytest.approx(curves.interval[0])


def test_known_policies_share_the_random_numbers_of_what_was_learned():
    """A learner that has the exact order scores exactly what the known index scores."""
    stage = gino_problems.instances()[2]
    certain = {gino_learners.CERTAIN: gino_learners.LEARNERS[gino_learners.CERTAIN]}
    rows = gino_learners.run_scores([stage], Scale((500,), 500, 0, 2), entropy=5, learners=certain, threads=1)
    assert {row.mean for row in rows} == {rows[0].mean}
    assert rows[0].mean > 0.9


def test_ginos_price_step_follows_range_and_size():
    small, large = (stage.problem() for stage in gino_figure_2.instances()[:2])
    assert gino_learners.published(small).pace == pytest.approx(10 * gino_learners.published(large).pace)
    assert gino_learners.published(large).pace == pytest.approx(0.07 * 14)


def scores(study, policies, good=0.95):
    names = [stage.name for stage in study.instances()]
    return tuple(flat(ScoreRow, names, policies, (10, 100), good, alarmed=0, seeds=2))


POLICIES = (*gino_learners.LEARNERS, *gino_learners.KNOWN)


def test_figure_2_can_say_either():
    study = gino_figure_2.STUDY
    instances = {stage.name: stage for stage in study.instances()}
    rows = scores(study, (*POLICIES, gino_figure_2.FIRST))
    claims = study.judge(instances, rows)
    assert set(verdicts(claims, "exact gain index")) == {REPRODUCED}
    assert verdicts(claims, "no better than chance") == [NOT_REPRODUCED] * 2
    assert verdicts(claims, "worse than chance") == [NOT_REPRODUCED] * 2
    assert verdicts(claims, "rings on no seed") == [REPRODUCED]
    assert verdicts(claims, "do not depend on the number of arms") == [REPRODUCED] * 2
    assert set(verdicts(claims, "fewer periods")) == {AS_MEASURED}
    bad = changed(rows, -0.2, policy=gino_learners.WHITTLE, alarmed=1)
    bad = changed(bad, -0.2, policy=gino_figure_2.FIRST)
    bad = changed(bad, 0.1, instance=gino_figure_2.SMALL, policy=gino_learners.PUBLISHED, at=10)
    claims = study.judge(instances, bad)
    assert set(verdicts(claims, "Whittle Q ends within")) == {NOT_REPRODUCED}
    assert verdicts(claims, "no better than chance") == [REPRODUCED] * 2
    assert verdicts(claims, "worse than chance") == [REPRODUCED] * 2
    assert verdicts(claims, "rings on no seed") == [NOT_REPRODUCED]
    assert verdicts(claims, "do not depend on the number of arms") == [NOT_REPRODUCED, REPRODUCED]
    assert verdicts(claims, gino_figure_2.SMALL, "fewer periods") == [NOT_REPRODUCED]  # WIQL was there first
    alone = changed(bad, 0.0, policy=gino_learners.WIQL_)
    assert verdicts(study.judge(instances, alone), gino_figure_2.SMALL, "fewer periods") == [REPRODUCED]


def test_flipped_can_say_either():
    study = gino_flipped.STUDY
    instances = {stage.name: stage for stage in study.instances()}
    rows = scores(study, (*POLICIES, gino_flipped.ONE_END))
    claims = study.judge(instances, rows)
    assert set(verdicts(claims, "fails")) == set(verdicts(claims, "alarm")) == {NOT_REPRODUCED}
    assert set(verdicts(claims, "exact gain index")) == {REPRODUCED}
    for policy in gino_flipped.FAILING:
        rows = changed(rows, 0.1, policy=policy, alarmed=2)
    rows = changed(rows, 0.5, policy=gino_learners.OURS)
    claims = study.judge(instances, rows)
    assert set(verdicts(claims, "fails")) == set(verdicts(claims, "alarm")) == {REPRODUCED}
    assert set(verdicts(claims, "GINO-Q, ours ends")) == {NOT_REPRODUCED}
    assert verdicts(study.judge(instances, changed(rows, 0.1, policy=gino_learners.WHITTLE, alarmed=1)), "alarm") == (
        [NOT_REPRODUCED] * 3
    )


def test_problems_can_say_either():
    study = gino_problems.STUDY
    instances = {stage.name: stage for stage in study.instances()}
    rows = scores(study, POLICIES, good=0.87)
    claims = study.judge(instances, rows)
    assert verdicts(claims, gino_problems.AGES, "or more") == [REPRODUCED] * 2
    assert verdicts(claims, "or more").count(NOT_REPRODUCED) == 14
    assert set(verdicts(claims, "better than Whittle")) == {NOT_REPRODUCED}
    assert len(verdicts(claims, "better than Whittle")) == 14  # not for the flipped arm
    claims = study.judge(instances, changed(rows, 0.95, 0.01, policy=gino_learners.PUBLISHED))
    assert verdicts(claims, "published is better") == [REPRODUCED] * 7
    assert verdicts(claims, "ours is better") == [NOT_REPRODUCED] * 7


# --- faster-q -------------------------------------------------------------------------------------------------------------


def test_fixed_charge_can_say_either():
    study = faster_q_fixed_charge.STUDY
    names = [instance.name for instance in discounted()]
    rows = tuple(flat(SampleRow, names, faster_q_fixed_charge.RULES, (20, 100, 400, 2000), 1.0, 0.01))
    claims = study.judge(dict.fromkeys(names), rows)
    assert {claim.verdict for claim in claims} == {AS_MEASURED}
    late = changed(rows, 0.1, 0.01, policy=faster_q_fixed_charge.PHASED, at=2000)
    claims = study.judge(dict.fromkeys(names), late)
    assert set(verdicts(claims, "phased")) == {REPRODUCED}
    fast = changed(late, 0.05, 0.01, policy=faster_q_fixed_charge.SPEEDY)
    claims = study.judge(dict.fromkeys(names), fast)
    assert set(verdicts(claims, "phased")) == {NOT_REPRODUCED}
    assert set(verdicts(claims, ": speedy has")) == {REPRODUCED}
    slow = changed(fast, 2.0, 0.01, policy=faster_q_fixed_charge.SPEEDY)
    assert set(verdicts(study.judge(dict.fromkeys(names), slow), ": speedy has")) == {NOT_REPRODUCED}


def test_index_learning_can_say_either():
    study = faster_q_index.STUDY
    names = [instance.name for instance in discounted()]
    rows = tuple(flat(PeriodRow, names, faster_q_index.LEARNERS, (100, 1000), 0.1, 0.01))
    for rule in faster_q_index.RULES:
        rows = changed(rows, 0.3, 0.01, policy=f"{rule}, {faster_q_index.BOUNDS}")
    claims = study.judge(dict.fromkeys(names), rows)
    assert set(verdicts(claims, "with UCB has")) == {NOT_REPRODUCED}
    assert set(verdicts(claims, "phased, ε has the smallest")) == {AS_MEASURED}
    for rule in faster_q_index.RULES:
        rows = changed(rows, 0.05, 0.01, policy=f"{rule}, {faster_q_index.BOUNDS}")
    rows = changed(rows, 0.01, 0.001, policy="phased, UCB")
    claims = study.judge(dict.fromkeys(names), rows)
    assert set(verdicts(claims, "with UCB has")) == {REPRODUCED}
    assert verdicts(claims, "phased, UCB has the smallest") == [REPRODUCED] * 4


def test_aggregation_can_say_either():
    study, module = faster_q_aggregation.STUDY, faster_q_aggregation
    name = study.instances()[0].name
    policies = [f"{learner}, {run}" for learner in (module.WHITTLE, module.ROUNDS) for run in (module.SHORT, module.LONG)]
    rows = tuple(flat(ClusterRow, [name], policies, (4, 20), 0.2, 0.01, correlation=0.5))
    claims = study.judge({name: None}, rows)
    assert set(verdicts(claims, "is learned")) == {NOT_REPRODUCED}
    assert set(verdicts(claims, "no more than a fifth")) == {REPRODUCED}
    for learner in (module.WHITTLE, module.ROUNDS):
        rows = changed(rows, 0.02, 0.01, policy=f"{learner}, {module.LONG}")
    claims = study.judge({name: None}, rows)
    assert set(verdicts(claims, "is learned")) == {REPRODUCED}
    assert set(verdicts(claims, "no more than a fifth")) == {NOT_REPRODUCED}


def test_the_arm_of_three_states_has_its_published_index():
    arm = discounted()[-1]
    assert arm.index() == pytest.approx([0.183129, 0.8033, 0.571305], abs=1e-5)
    assert isinstance(arm.arms, Arms)


# --- constant-step --------------------------------------------------------------------------------------------------------


def floor_rows(power, turned=100.0):
    names = [instance.name for instance in averaged_and_discounted()]
    return tuple(
        StepRow(name, f"{ratio}, {way}", at, at**power, at**power, at**power, at ** (2 * power), turned)
        for name in names
        for ratio in constant_step.RATIOS
        for way in constant_step.AVERAGING
        for at in (0.02, 0.1, 0.2)
    )


@pytest.mark.parametrize(
    ("power", "turned", "error", "square"),
    [
        (1.0, 100.0, REPRODUCED, REPRODUCED),
        (0.5, 100.0, NOT_REPRODUCED, REPRODUCED),
        (0.2, 100.0, NOT_REPRODUCED, NOT_REPRODUCED),
        (1.0, 5.0, AS_MEASURED, AS_MEASURED),
    ],
)
def test_the_floor_is_judged_by_how_it_scales(power, turned, error, square):
    study = constant_step.STUDIES[0]
    claims = study.judge(dict.fromkeys(instance.name for instance in averaged_and_discounted()), floor_rows(power, turned))
    assert set(verdicts(claims, ": the error of")) == {error}
    assert set(verdicts(claims, "mean square")) == {square}
    assert set(verdicts(claims, "worse with")) == {NOT_REPRODUCED}


def test_ratio_and_averaging_can_matter():
    study = constant_step.STUDIES[0]
    rows = changed(floor_rows(1.0), 0.5, policy=f"γ = α / 2, {constant_step.LAST}")
    claims = study.judge(dict.fromkeys(instance.name for instance in averaged_and_discounted()), rows)
    assert set(verdicts(claims, "worse with")) == set(verdicts(claims, "better than the last")) == {REPRODUCED}


def test_constant_curves_can_say_either():
    study = constant_step.STUDIES[1]
    instances = {instance.name: instance for instance in averaged_and_discounted()}
    policies = list(constant_step._learners(next(iter(instances.values()))))
    rows = tuple(flat(PeriodRow, instances, policies, (100, 1000), 0.2, 0.01))
    claims = study.judge(instances, rows)
    assert set(verdicts(claims, "learn the index")) == {NOT_REPRODUCED}
    assert set(verdicts(claims, "falling steps")) == {AS_MEASURED}
    better_now = changed(changed(rows, 0.03, 0.01), 0.001, 0.0, policy=f"{constant_step.FALLING}, {constant_step.MEAN}")
    claims = study.judge(instances, better_now)
    assert set(verdicts(claims, "learn the index")) == set(verdicts(claims, "falling steps")) == {REPRODUCED}
