"""Every scenario of arms whose state is seen is well formed and documented; those with requirements have the fluid values that
were measured elsewhere.
"""

import re
from itertools import pairwise

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.errors import InfeasibleBudget, ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.penalty import Penalty
from rmab.scenarios import throughput_activation
from rmab.scenarios.registry import list_scenarios, scenario

SEEN = [one for one in list_scenarios() if not one.hidden]
EVERY = [(one.name, variant) for one in SEEN for variant in one.variants]
PENALISED = [(name, variant) for name, variant in EVERY if scenario(name, variant=variant).penalties is not None]
HEADINGS = ["Description", "Arms", "Requirement", "Budget", "Start", "Variants", "Assumptions", "Source"]
# per base system, exactly one activation: average value and price, discounted value at 0.99
FLUID = {
    "TP4": (0.48600, 0.72, 0.486),
    "TP6": (0.62400, 0.72, 0.624),
    "RS4": (-0.89753, 0.30, -0.83797),
    "RS8": (-2.65029, 1.68, -2.37732),
    "SR4": (0.55921, 0.48, 0.55988),
    "SR6": (0.73435, 0.64, 0.73725),
}


@pytest.mark.parametrize("one", SEEN, ids=lambda one: one.name)
def test_every_scenario_is_documented_under_fixed_headings(one):
    assert re.fullmatch(r"[a-z-]+-v[1-9]\d*", one.name)
    lines = one.page.splitlines()
    found = [line for line, rule in pairwise(lines) if rule and rule == "-" * len(line)]
    assert found == HEADINGS
    arms = one.page.partition("Arms\n----\n")[2].partition("Requirement\n")[0]
    assert re.findall(r"^\w+$", arms, re.MULTILINE) == ["states", "actions", "transitions", "rewards"]
    assert one.title in str(one) and one.citation in str(one)
    for named in re.findall(r"arXiv:\d{4}\.\d{5}|[A-Z]\w+ and|[A-Z]\w+(?=[,)])", one.citation):
        assert named in one.page.partition("Source\n")[2]
    for variant, columns in one.variants.items():
        lists = [column for column in columns.values() if isinstance(column, tuple)]
        assert {len(column) for column in lists} <= {scenario(one.name, variant=variant).arms.n_types}
        assert variant in str(one)
        for parameter, column in columns.items():  # the table of the page holds the numbers that are used
            numbers = ", ".join(f"{number:g}" for number in (column if isinstance(column, tuple) else (column,)))
            words = parameter.replace("_", " ")
            assert re.search(rf"^{variant} +{words} +{numbers}$", one.page, re.MULTILINE), (variant, parameter, numbers)
    for parameter in one.parameters:
        assert re.search(rf"\b{parameter}\b", one.page)


def test_those_with_requirements_are_of_one_paper():
    assert {name for name, _ in PENALISED} == {one.name for one in SEEN if "arXiv:2604.04101" in one.citation}
    assert len(PENALISED) == 6


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_every_variant_is_a_problem(name, variant):
    problem = scenario(name, variant=variant)
    arms = problem.arms
    np.testing.assert_allclose(arms.transitions.sum(axis=-1), 1.0, rtol=0, atol=1e-14)
    assert (arms.transitions >= 0).all()
    np.testing.assert_allclose(problem.start_distribution.sum(axis=1), 1.0, rtol=0, atol=1e-14)
    assert problem.budget.exactly
    assert problem.criterion == Average()


@pytest.mark.parametrize(("name", "variant"), PENALISED)
def test_every_requirement_fits_one_arm_of_each_type(name, variant):
    problem = scenario(name, variant=variant)
    arms = problem.arms
    assert arms.multiplicity.tolist() == [1] * arms.n_types == [1] * int(variant[-1])
    assert isinstance(problem.penalties, Penalty)
    assert problem.penalties.cost.shape == arms.rewards.shape
    assert np.isfinite(problem.penalties.bound).all()
    assert problem.budget == TopK(1, exactly=True)


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_the_scale_multiplies_arms_and_activations_and_nothing_else(name, variant):
    one, many = scenario(name, variant=variant, k=2), scenario(name, variant=variant, scale=7, k=2)
    assert many.arms.multiplicity.tolist() == (7 * one.arms.multiplicity).tolist()
    assert (one.budget.k, many.budget.k) == (2, 14)
    for part in ("transitions", "rewards"):
        assert getattr(one.arms, part).tobytes() == getattr(many.arms, part).tobytes()
    assert one.excess_costs.tobytes() == many.excess_costs.tobytes()
    assert one.start_distribution.tobytes() == many.start_distribution.tobytes()
    plain, more = scenario(name, variant=variant), scenario(name, variant=variant, scale=7)
    assert more.budget.k == 7 * plain.budget.k


@pytest.mark.parametrize(("name", "variant"), PENALISED)
def test_fluid_values(name, variant):
    value, price, discounted = FLUID[variant]
    bound = fluid_bound(scenario(name, variant=variant))
    assert bound.value == pytest.approx(value, abs=5.1e-6)  # given to five decimals, the price to two
    assert bound.price == pytest.approx(price, abs=5.1e-3)
    early = fluid_bound(scenario(name, variant=variant, criterion=Discounted(0.99)))
    assert early.value == pytest.approx(discounted, abs=5.1e-6)
    many = fluid_bound(scenario(name, variant=variant, scale=20))
    assert many.value == pytest.approx(20 * bound.value, rel=1e-9)


def test_fluid_optimum_of_random_channels_in_closed_form():
    # each of the four users meets its floor on its best channels, and the rest of the slots goes to 0.9 at its best: by hand
    # user by user: reward of the best 35 %, 35 %, 5 % and 25 % of the levels 0.1, ..., 1
    best = [0.1 * (1 + 0.9 + 0.8) + 0.05 * 0.7] * 2 + [0.05 * 1.0, 0.1 * (1 + 0.9) + 0.05 * 0.8]
    by_hand = np.dot([0.3, 0.5, 0.7, 0.9], best)
    assert fluid_bound(scenario("throughput-activation-v1", variant="TP4")).value == pytest.approx(by_hand, abs=1e-9)


def test_throughput_with_activation_moves_and_pays_as_its_page_says():
    problem = scenario("throughput-activation-v1", variant="TP6", levels=4)
    assert (problem.arms.transitions == 0.25).all()
    np.testing.assert_allclose(problem.arms.rewards[2], [[0, 0, 0, 0], [0.15, 0.3, 0.45, 0.6]], rtol=1e-15)
    np.testing.assert_allclose(problem.excess_costs[0, 0], [[0.2] * 4, [-0.8] * 4], rtol=1e-15)
    assert (problem.start_distribution == 0.25).all()


def test_remote_sensing_moves_and_pays_as_its_page_says():
    problem = scenario("remote-sensing-v1", variant="RS8")
    arms = problem.arms
    ages = np.arange(1, 31)
    for sensor, success in enumerate([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]):
        for age in ages:
            older = min(age + 1, 30)
            assert arms.transitions[sensor, 0, age - 1, older - 1] == 1.0
            assert arms.transitions[sensor, 1, age - 1, 0] == success
            assert arms.transitions[sensor, 1, age - 1, older - 1] == 1 - success
    np.testing.assert_array_equal(arms.rewards, np.broadcast_to(-ages / 30, arms.rewards.shape))
    np.testing.assert_allclose(problem.excess_costs[0, 2], [[-0.2] * 30, [0.8] * 30], rtol=1e-15)
    assert (problem.start_distribution == np.eye(30)[0]).all()


def test_throughput_with_regularity_moves_and_pays_as_its_page_says():
    problem = scenario("throughput-regularity-v1", variant="SR4", levels=3, oldest=4)
    arms = problem.arms
    for state in range(12):
        level, age = divmod(state, 4)
        for target in range(12):
            age_then = target % 4
            assert arms.transitions[1, 0, state, target] == (1 / 3 if age_then == min(age + 1, 3) else 0)
            assert arms.transitions[1, 1, state, target] == (1 / 3 if age_then == 0 else 0)
        assert arms.rewards[1, :, state].tolist() == pytest.approx([0, 0.5 * (level + 1) / 3], rel=1e-15)
        assert problem.excess_costs[0, 1, :, state].tolist() == pytest.approx([(age + 1) / 4 - 0.2] * 2, rel=1e-12)
    assert problem.start_distribution[0].tolist() == [1 / 3, 0, 0, 0] * 3
    assert scenario("throughput-regularity-v1").arms.n_states == 150


def test_options():
    problem = scenario("remote-sensing-v1", exactly=False, criterion=Discounted(0.9), oldest=5)
    assert problem.budget == TopK(1)
    assert problem.criterion == Discounted(0.9)
    assert (problem.arms.n_types, problem.arms.n_states) == (4, 5)
    assert scenario("remote-sensing-v1", oldest=1).arms.transitions.tolist() == [[[[1.0]], [[1.0]]]] * 4


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("remote-sensing", {}, ["'remote-sensing'", "throughput-activation-v1, remote-sensing-v1, throughput-regularity-v1"]),
        (None, {}, ["None", "remote-sensing-v1"]),
        ("remote-sensing-v1", {"variant": "TP4"}, ["'TP4'", "RS4, RS8"]),
        ("remote-sensing-v1", {"variant": 4}, ["4", "RS4, RS8"]),
        ("remote-sensing-v1", {"levels": 5}, ["'levels'", "oldest"]),
        ("remote-sensing-v1", {"oldest": 0}, ["oldest", "whole number from 1", "0"]),
        ("remote-sensing-v1", {"oldest": 2.5}, ["oldest", "2.5"]),
        ("remote-sensing-v1", {"scale": 0}, ["scale", "whole number from 1", "0"]),
        ("remote-sensing-v1", {"scale": True}, ["scale", "True"]),
        ("remote-sensing-v1", {"scale": 10**30}, ["multiplicity"]),
        ("remote-sensing-v1", {"k": 1.5}, ["k must be", "1.5"]),
        ("remote-sensing-v1", {"criterion": 0.99}, ["criterion", "Discounted"]),
        ("throughput-regularity-v1", {"levels": 1000}, ["levels=1000, oldest=30", "2000 states"]),
    ],
)
def test_mistakes_are_refused_naming_what_there_is(name, options, words):
    with pytest.raises(ModelError) as refusal:
        scenario(name, **options)
    for word in words:
        assert word in str(refusal.value)


def test_more_activations_than_arms_are_refused():
    with pytest.raises(InfeasibleBudget, match="budget of 10 arms per period is above the cohort of 8"):
        scenario("remote-sensing-v1", scale=2, k=5)


def test_names_have_one_home():
    assert throughput_activation.SCENARIO in list_scenarios()
    assert len({one.name for one in list_scenarios()}) == len(list_scenarios())
