"""The arms of the studies against the tables that were published with the papers."""

import json
from pathlib import Path

import numpy as np
import pytest

from oracles.learning_arms import flipped as reference_flipped
from rmab.studies import conveyor, flipped, gast

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())
NAMES = {
    "example 1": "gast20_1",
    "example 2": "gast20_2",
    "example 3": "gast20_3",
    conveyor.GAP: "conveyor_action_gap8",
    conveyor.GOOD_START: "conveyor_action_gap8",
    conveyor.NOT_INDEXABLE: "conveyor_action_gap8_nonindexable",
    conveyor.UNIFORM: "conveyor_unif_tb8",
}


@pytest.mark.parametrize("instance", gast.instances() + conveyor.instances(), ids=lambda instance: instance.name)
def test_arm_is_the_published_one(instance):
    published = PUBLISHED[NAMES[instance.name]]
    np.testing.assert_allclose(instance.arm.transitions[0], published["transitions"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(instance.arm.rewards[0], published["rewards"], rtol=0, atol=1e-12)
    assert instance.fraction == published["activation_fraction"]


def test_flipped_arm_is_the_reference_one():
    transitions, rewards = reference_flipped()
    for instance, fraction in zip(flipped.instances(), (0.7, 0.2), strict=True):
        np.testing.assert_array_equal(instance.arm.transitions[0], transitions)
        np.testing.assert_array_equal(instance.arm.rewards[0], rewards)
        assert (instance.fraction, instance.start) == (fraction, 0)


def test_the_budget_is_used_exactly():
    problem = gast.instances()[0].problem(80)
    assert (problem.budget.k, problem.budget.exactly, problem.arms.n_arms) == (32, True, 80)


def test_the_good_start_is_the_stationary_distribution_of_half_the_arms_acting():
    start = np.array(conveyor.instances()[1].start)
    assert start[:4].sum() == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(start, 1 / 8, atol=1e-9)
