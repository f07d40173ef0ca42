"""Scenarios of arms whose state is not seen: documented, well formed, and as their pages say."""

import re
from itertools import pairwise

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.scenarios.hidden_random import STRUCTURES, draw
from rmab.scenarios.registry import find, list_scenarios, scenario

HIDDEN = [one for one in list_scenarios() if one.hidden]
EVERY = [(one.name, variant) for one in HIDDEN for variant in one.variants]
HEADINGS = ["Description", "Arms", "Requirement", "Budget", "Start", "Variants", "Assumptions", "Source"]


@pytest.mark.parametrize("one", HIDDEN, ids=lambda one: one.name)
def test_every_scenario_is_documented_under_fixed_headings(one):
    assert re.fullmatch(r"[a-z-]+-v[1-9]\d*", one.name)
    lines = one.page.splitlines()
    found = [line for line, rule in pairwise(lines) if rule and rule == "-" * len(line)]
    assert found == HEADINGS
    arms = one.page.partition("Arms\n----\n")[2].partition("Requirement\n")[0]
    assert re.findall(r"^\w+$", arms, re.MULTILINE) == ["states", "actions", "transitions", "rewards", "signals"]
    assert one.title in str(one) and one.citation in str(one)
    number = re.search(r"arXiv:\d{4}\.\d{5}", one.citation)[0]
    assert number in one.page
    for variant, columns in one.variants.items():
        assert variant in str(one)
        for column in columns.values():  # the table of the page holds what is used
            used = column if isinstance(column, str) else ", ".join(f"{value:g}" for value in column)
            assert re.search(rf"^{variant} .*{used}", one.page, re.MULTILINE) or used == variant, (variant, used)
        assert re.search(rf"^{variant} ", one.page, re.MULTILINE)
    for parameter in one.parameters:
        assert f"``{parameter}``" in one.page


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_every_variant_is_a_problem(name, variant):
    problem = scenario(name, variant=variant)
    assert isinstance(problem, HiddenProblem)
    assert problem.budget == TopK(1, exactly=True)
    assert problem.criterion == (Average() if name == "adherence-v1" else Discounted(0.9))
    for arm, start in zip(problem.arms, problem.start, strict=True):
        np.testing.assert_allclose(arm.kernel.sum(axis=(2, 3, 5)), 1.0, rtol=0, atol=1e-14)
        waiting = arm.kernel[0, 0, 0].sum(axis=0)
        np.testing.assert_allclose(start @ waiting, start, rtol=0, atol=1e-13)
        assert arm.signal_law(start, 0)[0, 0] == pytest.approx(1.0, rel=1e-14)  # waiting shows nothing
        assert arm.n_modes == 1


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_the_scale_multiplies_arms_and_activations_and_nothing_else(name, variant):
    one, many = scenario(name, variant=variant, k=2), scenario(name, variant=variant, scale=7, k=2)
    assert many.multiplicity.tolist() == [7 * count for count in one.multiplicity]
    assert (one.budget.k, many.budget.k) == (2, 14)
    for first, second in zip(one.arms, many.arms, strict=True):
        assert first.kernel.tobytes() == second.kernel.tobytes()


def sensed(errors, pays):
    """Expected reward of acting in each state."""
    return (np.array(errors) * np.array(pays)).sum(axis=1)


@pytest.mark.parametrize(
    ("name", "moves", "errors", "pays"),
    [
        ("spectrum-access-v1", [[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [0.1, 0.9]], np.diag([0, 1])),
        (
            "snir-v1",
            [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]],
            [[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]],
            np.tril([[0, 1, 2]] * 3),
        ),
        (
            "cyber-monitoring-v1",
            [[0.7, 0.1, 0.1, 0.1], [0.05, 0.7, 0.1, 0.15], [0.05, 0.1, 0.65, 0.2], [0.05, 0.05, 0.1, 0.8]],
            [[0.8, 0.1, 0.05, 0.05], [0.1, 0.75, 0.1, 0.05], [0.05, 0.1, 0.75, 0.1], [0.05, 0.05, 0.1, 0.8]],
            np.diag([4, 3, 2, 0]),
        ),
    ],
)
def test_examples_move_pay_and_show_as_their_pages_say(name, moves, errors, pays):
    for variant in find(name).variants:
        arm = scenario(name, variant=variant).arms[0]
        np.testing.assert_allclose(arm.kernel.sum(axis=3)[:, 0, 0], [moves, moves], rtol=0, atol=1e-15)
        np.testing.assert_allclose(arm.rewards[:, 0], [np.zeros(len(moves)), sensed(errors, pays)], rtol=1e-14)
    if "observation" in find(name).variants:
        arm = scenario(name, variant="observation").arms[0]
        belief = np.full(len(moves), 1 / len(moves))
        np.testing.assert_allclose(arm.signal_law(belief, 1)[0], belief @ np.array(errors), rtol=1e-14)
    assert scenario(name).n_arms == 10


@pytest.mark.parametrize(
    ("name", "variant", "signals"),
    [
        ("spectrum-access-v1", "ack", 3),
        ("spectrum-access-v1", "reward", 2),
        ("snir-v1", "reward", 3),
        ("snir-v1", "joint", 5),
        ("cyber-monitoring-v1", "reward", 4),
        ("cyber-monitoring-v1", "joint", 7),
        ("cyber-monitoring-v1", "full", 4),
    ],
)
def test_numbers_of_signals(name, variant, signals):
    assert scenario(name, variant=variant).arms[0].n_signals == signals


def test_sizes_of_the_belief_spaces():
    # of the unmerged trees within a distance, at depths 4, 6, 8 and 20; computed independently
    for name, variant, merge, sizes in (
        ("spectrum-access-v1", "ack", 0.01, (23, 27, 27, 27)),
        ("spectrum-access-v1", "observation", 0.01, (37, 41, 41, 41)),
        ("snir-v1", "observation", 0.05, (14, 14, 14, 14)),
        ("cyber-monitoring-v1", "observation", 0.05, (97, 100, 100, 100)),
    ):
        problem = scenario(name, variant=variant)
        for depth, size in zip((4, 6, 8, 20), sizes, strict=True):
            space = problem.arms[0].reachable(problem.start[0], depth=depth, merge=merge, closure="nearest")
            assert len(space.beliefs) == size


def test_patients_as_the_page_says():
    problem = scenario("adherence-v1", variant="sexes", scale=20, k=2)
    assert (problem.multiplicity.tolist(), problem.budget.k) == ([100, 100], 40)
    for arm, alone in zip(problem.arms, ([0.351, 0.853], [0.214, 0.791]), strict=True):
        for state, chance in enumerate(alone):
            assert arm.filter(np.eye(2)[state], 0, 0)[1] == pytest.approx(chance, rel=1e-14)
            assert arm.filter([0.5, 0.5], 1, state)[1] == pytest.approx(1.1 * chance, rel=1e-14)  # a call tells the state
        assert arm.rewards[:, 0].tolist() == [[0, 1], [0, 1]]
    adhering = scenario("adherence-v1", variant="clusters").arms[0]
    assert adhering.filter([0.5, 0.5], 1, 0).tolist() == [0.0, 1.0]


def test_index_of_patients_by_days_since_the_call():
    # by bisection on the chain of days since the last call, at discount 0.95
    arm = scenario("adherence-v1").arms[0]
    called, alone = (arm.kernel[action, 0, 0].sum(axis=0) for action in (1, 0))
    space = arm.reachable(called, depth=60, merge=1e-6)
    index = whittle_index(space.arms, Discounted(0.95)).values[0]
    days = [called @ np.linalg.matrix_power(alone, day) for day in range(3)]
    found = np.array([index[space.nearest(beliefs)] for beliefs in days])
    np.testing.assert_allclose(found[:, 0], [0.09924, 0.12349, 0.13650], rtol=0, atol=1.1e-5)  # not adhering when called
    np.testing.assert_allclose(found[:, 1], [0.15764, 0.15532, 0.15371], rtol=0, atol=1.1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("states", [2, 3, 5, 9])
def test_random_arms_as_the_page_says(structure, states):
    rng = np.random.default_rng(states)
    rates = []
    for _ in range(40):
        arm = draw(states, rng, errors=structure)
        np.testing.assert_array_equal(arm.kernel.sum(axis=3)[0], arm.kernel[0, :, :, 0])
        moves = arm.kernel[0, 0, 0, 0]
        assert (np.diag(moves) >= 0.3).all()
        assert 0.8 <= arm.rewards[1, 0] @ arm.stationary() <= 1.2
        errors = arm.kernel[1, 0, 0].sum(axis=2).T
        np.testing.assert_allclose(errors.sum(axis=1), 1.0, rtol=0, atol=1e-13)
        worth = arm.rewards[1, 0] / np.diag(errors)
        assert (np.diff(worth) >= -1e-12 * worth.max()).all()
        off = errors[~np.eye(states, dtype=bool)].reshape(states, -1)
        rates.append(1 - np.diag(errors))
        if structure == "symmetric":
            np.testing.assert_allclose(off, off[0, 0], rtol=0, atol=1e-13)
        if structure in ("symmetric", "constant"):
            np.testing.assert_allclose(np.diag(errors), errors[0, 0], rtol=0, atol=1e-13)
        if structure == "constant" and states > 2:
            assert np.ptp(off, axis=1).min() > 1e-3
        if structure == "asymmetric":
            assert np.ptp(np.diag(errors)) > 1e-3
    if structure in ("symmetric", "constant", "asymmetric"):
        assert 0.05 <= np.min(rates) < 0.1 < 0.3 < np.max(rates) <= 0.35
    else:  # the largest part of a point that is uniform on a simplex is anyone's: the mean error is known
        share = (states - 1) / states
        assert np.mean(rates) == pytest.approx(share if structure == "random" else 0.2 * share, rel=0.2)


def test_a_seed_names_the_same_arms_for_ever():
    problem = scenario("hidden-random-v1", states=3, arms=4, seed=7)
    again, longer = (scenario("hidden-random-v1", states=3, arms=count, seed=7) for count in (4, 6))
    for one, two, three in zip(problem.arms, again.arms, longer.arms, strict=False):
        assert one.kernel.tobytes() == two.kernel.tobytes() == three.kernel.tobytes()
    other = scenario("hidden-random-v1", states=3, arms=4, seed=8)
    assert problem.arms[0].kernel.tobytes() != other.arms[0].kernel.tobytes()
    rng = np.random.Generator(np.random.PCG64(7))
    stay, waits = 0.3 + 0.6 * rng.random(), -np.log(1 - rng.random((3, 3)))
    moves = stay * np.eye(3) + (1 - stay) * waits / waits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(problem.arms[0].kernel[0, 0, 0, 0], moves, rtol=0, atol=1e-14)
    np.testing.assert_allclose(problem.arms[3].rewards[1, 0], [0.205499053, 0.796137962, 1.296673363], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("hidden-random-v1", {"states": 1}, ["states", "2 to 40", "1"]),
        ("hidden-random-v1", {"states": 41}, ["states", "2 to 40", "41"]),
        ("hidden-random-v1", {"seed": 0}, ["seed", "from 1 on"]),
        ("hidden-random-v1", {"variant": "gaussian"}, ["'gaussian'", "equal-mean"]),
        ("snir-v1", {"channels": 3}, ["'channels'", "users"]),
        ("snir-v1", {"scale": 10**30}, ["multiplicity"]),
    ],
)
def test_mistakes_are_refused_naming_what_there_is(name, options, words):
    with pytest.raises(ModelError) as refusal:
        scenario(name, **options)
    for word in words:
        assert word in str(refusal.value)


def test_an_unknown_structure_of_errors():
    with pytest.raises(ModelError, match=r"'none'; there are equal-mean, .*random"):
        draw(3, np.random.default_rng(0), errors="none")


def test_hidden_arms_fit_into_no_problem_file(tmp_path, capsys):
    from rmab.cli.main import main

    with pytest.raises(SystemExit) as end:
        main(["scenarios", "snir-v1", "--out", str(tmp_path / "new.json")])
    assert end.value.code == 2
    assert "snir-v1 has arms whose state is not seen" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
