"""Scenarios for learning: their arms, true indices, bounds and prices, and what policies earn in them."""

import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from oracles import learning_arms as named
from rmab.bound.fluid import fluid_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic, Uniform
from rmab.policies.index import IndexPolicy
from rmab.scenarios.registry import find, scenario
from rmab.simulation.run import simulate

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())
CHANNELS = (0.25, 0.9, 1, 0.02), (0.25, 0.9, 0.25, 0.2), (0.25, 0.7, 1, 0.02), (0.25, 0.7, 0.25, 0.2)


def link(arrival, stay, value, holding, longest=5):
    """One link from its page, event by event."""
    n = longest + 1
    p, r = np.zeros((2, 2 * n, 2 * n)), np.zeros((2, 2 * n))
    for action, fading, waiting in np.ndindex(2, 2, n):
        state = fading * n + waiting
        delivered = (0.4, 0.95)[fading] if action and waiting else 0.0
        r[action, state] = value * delivered - holding * waiting
        for sent, come, then in product((0, 1), repeat=3):
            chance = (delivered if sent else 1 - delivered) * (arrival if come else 1 - arrival)
            chance *= stay if then == fading else 1 - stay
            p[action, state, then * n + min(max(waiting - sent, 0) + come, longest)] += chance
    return p, r


# name, variant, scale, arms, their numbers, acted on, bound, price; what the gain index and chance earn, as measured elsewhere
PROBLEMS = [
    ("gino-v1", "70", 10, [named.gino()], [100], 70, 0.0, 0.0, -1.28, -54.6),
    ("gino-v1", "30", 10, [named.gino()], [100], 30, -73.333, 2.0, -73.36, -88.7),
    ("gino-v1", "50", 10, [named.gino()], [100], 50, -33.333, 2.0, -33.0, -67.0),
    ("gino-v1", "90", 10, [named.gino()], [100], 90, -26.667, -4.0, -26.74, -57.0),
    ("flipped-v1", "70", 10, [named.flipped()], [100], 70, -56.667, -2.0, -56.73, -94.0),
    ("flipped-v1", "20", 10, [named.flipped()], [100], 20, 13.0, -0.6, -0.05, -17.3),
    ("circulant-v1", "20", 10, [named.circulant()], [100], 20, 20.0, 1.0, 20.0, 0.08),
    ("restart-v1", "20", 10, [named.restart()], [100], 20, 64.849, -0.2588, 64.84, 59.86),
    ("mentoring-v1", "10", 10, [named.mentoring()], [100], 10, 49.431, 0.9254, 49.17, 43.11),
    ("channel-allocation-v1", "25", 25, [link(*one) for one in CHANNELS], [25] * 4, 25, 0.537, 1.2343, 0.21, -31.19),
    ("patrol-v1", "30", 1, named.PATROLS, [34, 33, 33], 30, 3.988, 0.2320, 3.937, -8.74),
    ("patrol-v1", "40", 1, named.PATROLS, [4, 3, 3], 4, 0.4614, -0.0229, 0.4334, -0.407),
    ("age-of-information-v1", "20", 5, named.AGES, [25] * 4, 20, -532.71, 22.0, -535.44, -904.6),
    ("age-of-information-v1", "50", 1, named.AGES, [1] * 4, 2, -10.731, 2.9, -11.124, -15.50),
]
NAMES = sorted({row[0] for row in PROBLEMS})
INDICES = {
    ("circulant-v1", 1.0): (-0.5, 0.5, 1, -1),
    ("circulant-v1", 0.9): (-0.45, 0.45, 0.891089, -0.891089),
    ("circulant-v1", 0.99): (-0.495, 0.495, 0.989901, -0.989901),
    ("restart-v1", 1.0): (-0.9, -0.729, -0.50949, -0.258787, 0.0098926),
    ("restart-v1", 0.9): (-0.9, -0.7371, -0.537346, -0.318825, -0.093914),
    ("restart-v1", 0.99): (-0.9, -0.72981, -0.512335, -0.265041, -0.001126),
    ("mentoring-v1", 1.0): (
        *(0.450075, 0.766806, 0.866840, 0.900645, 0.915012, 0.925435, 0.935849, 0.937759, 0.459081, 0.053742),
    ),
    ("mentoring-v1", 0.9): (0.1842, 0.2966, 0.3414, 0.3654, 0.3781, 0.3839, 0.3826, 0.3273, 0.1984, 0.0372),
    ("gino-v1", 1.0): (-4, 0, 2, 2, 2, 2),
}


def case(row):
    return f"{row[0]} {row[1]}"


def value_and_advantage(arm, charge):
    """Best average reward of an arm that pays ``charge``, and the advantage of acting in each state: by trying all policies."""
    p, r = arm.transitions[0], arm.rewards[0] - np.array([[0.0], [charge]])
    n = r.shape[1]
    for policy in product((0, 1), repeat=n):
        rows, earned = p[policy, np.arange(n)], r[policy, np.arange(n)]
        system = np.block([[np.eye(n) - rows, np.ones((n, 1))], [np.eye(n)[:1], np.zeros((1, 1))]])
        if np.linalg.matrix_rank(system) <= n:
            continue  # several recurrent classes
        *bias, gain = np.linalg.solve(system, [*earned, 0.0])
        ahead = r + p @ np.array(bias)
        if (ahead.max(axis=0) - gain - bias <= 1e-10).all():
            return gain, ahead[1] - ahead[0]
    raise AssertionError("no policy of one class is optimal")


@pytest.mark.parametrize("row", PROBLEMS, ids=case)
def test_problem(row):
    name, variant, scale, kinds, each, k, value, price, *_ = row
    problem = scenario(name, variant=variant, scale=scale)
    assert problem.budget == TopK(k, exactly=True)
    assert problem.criterion == Average()
    assert problem.arms.multiplicity.tolist() == each
    assert problem.penalties is None
    assert (problem.start_distribution == np.eye(problem.arms.n_states)[0]).all()
    for found, (transitions, rewards) in zip(range(len(kinds)), kinds, strict=True):
        np.testing.assert_allclose(problem.arms.transitions[found], transitions, rtol=0, atol=1e-15)
        np.testing.assert_allclose(problem.arms.rewards[found], rewards, rtol=1e-15, atol=0)
    bound = lagrangian_bound(problem)
    assert bound.value == pytest.approx(value, abs=5.1e-3 if "age" in name and k == 20 else 5.1e-4)
    assert gain_index(problem).price == pytest.approx(price, abs=5.1e-5)
    assert fluid_bound(problem).value == pytest.approx(bound.value, rel=1e-9, abs=1e-9)  # scipy's linear program


def by_chance(problem):
    """Reward of acting on arms drawn uniformly: each arm is acted on with one probability, whatever happened before."""
    arms, share = problem.arms, problem.budget.k / problem.arms.n_arms
    rows, earned = ((1 - share) * part[:, 0] + share * part[:, 1] for part in (arms.transitions, arms.rewards))
    total = 0.0
    for p, r, count in zip(rows, earned, arms.multiplicity, strict=True):
        system = np.vstack([(np.eye(len(r)) - p).T, np.ones(len(r))])
        law, *_ = np.linalg.lstsq(system, np.append(np.zeros(len(r)), 1.0), rcond=None)
        total += count * float(law @ r)
    return total


def measured(name):
    """The table of measurements on a page: by variant, scale, bound, price, gain index and random, as printed."""
    table = find(name).page.partition("gain index    random\n")[2].partition("\n\n")[0].splitlines()
    return {row[0]: row[1:] for row in map(str.split, table[1:-1])}


def rounds_to(found, printed):
    digits = len(printed.partition(".")[2])
    return abs(found - float(printed)) <= 0.51 * 10.0**-digits


@pytest.mark.parametrize("row", PROBLEMS, ids=case)
def test_what_policies_earn(row):
    name, variant, scale, *_, index, chance = row
    problem = scenario(name, variant=variant, scale=scale)
    assert measured(name).keys() == find(name).variants.keys()
    shown, bound, price, printed, random = measured(name)[variant]
    table = gain_index(problem, tie_break="fluid")
    assert int(shown) == scale and rounds_to(table.bound, bound) and rounds_to(gain_index(problem).price, price)
    exact = by_chance(problem)
    assert rounds_to(exact, random)
    stake = table.bound - exact
    # what was measured elsewhere is one evaluation each; of four arms that age, chance makes twice as much
    assert exact == pytest.approx(chance, abs=(0.04 if problem.arms.n_arms == 4 else 0.02) * stake)
    steps = 12_000 if problem.arms.n_arms < 20 else 1_200
    for policy, expected in ((IndexPolicy(table), float(printed)), (Uniform(), exact)):
        outcome = simulate(problem, policy, steps=steps, burn_in=200, replicates=12, rng=5)
        noise = 2 * (outcome.interval[1] - outcome.mean)
        assert outcome.mean == pytest.approx(expected, abs=noise + 0.006), policy
        if not isinstance(policy, Uniform):
            assert outcome.mean == pytest.approx(index, abs=noise + 0.02 * stake)


@pytest.mark.parametrize(("name", "beta"), INDICES)
def test_true_indices(name, beta):
    table = whittle_index(scenario(name).arms, Average() if beta == 1 else Discounted(beta))
    digits = 5.1e-5 if (name, beta) == ("mentoring-v1", 0.9) else 5.1e-7 if name != "gino-v1" else 1e-9
    assert table.indexable.all()
    np.testing.assert_allclose(table.values[0], INDICES[name, beta], rtol=0, atol=digits)


@pytest.mark.parametrize(
    ("name", "published"), [("circulant-v1", "circulant4"), ("restart-v1", "restart5"), ("mentoring-v1", "mentoring10")]
)
def test_arms_are_the_published_ones(name, published):
    problem = scenario(name)
    np.testing.assert_allclose(problem.arms.transitions[0], PUBLISHED[published]["transitions"], rtol=0, atol=1e-15)
    np.testing.assert_allclose(problem.arms.rewards[0], PUBLISHED[published]["rewards"], rtol=0, atol=1e-15)
    assert problem.budget.k / problem.arms.n_arms == PUBLISHED[published]["activation_fraction"]


def test_the_index_of_mentoring_rises_and_falls():
    index = whittle_index(scenario("mentoring-v1").arms, Average()).values[0]
    assert (np.diff(index[:8]) > 0).all() and (np.diff(index[7:]) < 0).all()
    assert index[9] < index[0] < index[8] < index[1]


def test_gino_arm_at_every_charge():
    arm = scenario("gino-v1").arms
    gains = {-6: 16 / 3, -4: 10 / 3, -1: 5 / 6, 0: 0, 1: -2 / 3, 2: -4 / 3, 5: -4 / 3}
    for charge, gain in gains.items():
        assert value_and_advantage(arm, charge)[0] == pytest.approx(gain, abs=1e-10)
    for charge in np.arange(-7, 7.1, 0.25):
        there = value_and_advantage(arm, charge)[1]
        at_first = (
            -4 - charge if charge <= -4 else -2 - charge / 2 if charge <= 0 else charge - 2 if charge <= 2 else 2 - charge
        )
        np.testing.assert_allclose(there, [at_first, -charge, *[2 - charge] * 4], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("variant", "advantage"), [("70", (-2, 0, 2, 2, 2, 2)), ("30", (0, -2, 0, 0, 0, 0)), ("90", (0, 4, 6, 6, 6, 6))]
)
def test_gain_index_of_the_gino_arm(variant, advantage):
    np.testing.assert_allclose(gain_index(scenario("gino-v1", variant=variant)).advantage, [advantage], rtol=0, atol=1e-9)


def test_orders_of_the_gino_arm():
    first, last = IndexPolicy([[2, 0, 1, 1, 1, 1]]), IndexPolicy([[0.5, 0, 1, 1, 1, 1]])
    for variant, policy, earned in (("70", first, -66.7), ("50", first, -66.7), ("50", last, -33.3)):
        problem = scenario("gino-v1", variant=variant, scale=10)
        outcome = simulate(problem, policy, steps=1_200, burn_in=200, replicates=12, rng=7)
        noise = outcome.interval[1] - outcome.mean
        assert outcome.mean == pytest.approx(earned, abs=2 * noise + 0.05)
        assert variant != "70" or outcome.mean + noise < by_chance(problem)


@pytest.mark.parametrize(("variant", "advantage"), [("70", (-14 / 3, 2, 0, 0, 0, 0)), ("20", (0, 0.6, -1.4, -1.4, -1.4, -1.4))])
def test_gain_index_of_the_flipped_arm(variant, advantage):
    np.testing.assert_allclose(gain_index(scenario("flipped-v1", variant=variant)).advantage, [advantage], rtol=0, atol=1e-9)


def test_the_flipped_arm_has_three_roots_and_no_index():
    arm = scenario("flipped-v1").arms
    table = whittle_index(arm, Average())
    assert not table.indexable[0] and table.witness[0] is not None
    for root, sign_below in ((-4.0, 1), (-0.6, -1), (2.0, 1)):
        below, there, above = (value_and_advantage(arm, root + step)[1][0] for step in (-1e-4, 0, 1e-4))
        assert there == pytest.approx(0, abs=1e-9)
        assert below * sign_below > 1e-6 and above * sign_below < -1e-6
    signs = [np.sign(value_and_advantage(arm, charge)[1][0]) for charge in (-9, -5, -3.5, -1, 0, 1.5, 2.5, 9)]
    assert signs == [1, 1, -1, -1, 1, 1, -1, -1]
    at_zero = value_and_advantage(arm, 0.0)[1]
    np.testing.assert_allclose(at_zero[1:], [0, -2, -2, -2, -2], rtol=0, atol=1e-9)


def test_ages_have_the_closed_form():
    oldest, ages = 64, np.arange(1.0, 21)
    table = whittle_index(scenario("age-of-information-v1", oldest=oldest).arms, Average())
    assert table.indexable.all()
    for values, chance in zip(table.values, (0.9, 0.7, 0.5, 0.3), strict=True):
        # the closed form has no largest age; an arm that is updated from some age on gets that far with this probability
        beyond = (1 - chance) ** (oldest - ages)
        wrong = np.abs(values[:20] - chance / 2 * ages * (ages + 2 / chance - 1))
        assert (wrong <= oldest**2 * beyond + 1e-11).all()


def test_allocating_channels_takes_an_index():
    problem = scenario("channel-allocation-v1", scale=25)
    arms, bound = problem.arms, lagrangian_bound(problem).value
    assert whittle_index(arms, Average()).indexable.all()
    free = Problem(arms, TopK(100), Average())
    assert gain_index(free).price == 0.0
    policies = {
        "the Whittle index earns": IndexPolicy(whittle_index(arms, Average())),
        "the myopic rule": Myopic(),
        "price,": IndexPolicy(gain_index(free)),
    }
    page = " ".join(find("channel-allocation-v1").page.split())
    earned, chance = {}, by_chance(problem)
    for words, policy in policies.items():
        printed = float(re.search(rf"{words} (-?\d+\.\d+)", page)[1])
        outcome = simulate(problem, policy, steps=1_200, burn_in=200, replicates=12, rng=8)
        half = outcome.interval[1] - outcome.mean
        assert outcome.mean == pytest.approx(printed, abs=2.5 * half + 0.006), words
        earned[words] = (outcome.mean - chance) / (bound - chance)
    assert earned["the Whittle index earns"] > 0.98
    assert earned["the myopic rule"] < 0
    assert 0.6 < earned["price,"] < 0.7


def test_sizes():
    assert scenario("restart-v1", states=8).arms.n_states == 8
    assert scenario("mentoring-v1", states=3).arms.rewards[0, 0].tolist() == pytest.approx(np.sqrt([1 / 3, 2 / 3, 1]).tolist())
    assert scenario("patrol-v1", levels=4).arms.n_states == 4
    assert scenario("age-of-information-v1", oldest=7).arms.n_states == 7
    assert scenario("channel-allocation-v1", longest=2).arms.n_states == 6


def test_an_arm_of_one_state_where_that_makes_sense():
    for name, size in (("restart-v1", "states"), ("mentoring-v1", "states"), ("age-of-information-v1", "oldest")):
        assert (scenario(name, **{size: 1}).arms.transitions == 1.0).all()
    with pytest.raises(ModelError, match="levels must be at least 2, got 1"):
        scenario("patrol-v1", levels=1)


def test_the_number_acted_on_may_be_chosen():
    problem = scenario("gino-v1", variant="70", scale=10, k=2)
    assert (problem.budget.k, problem.arms.n_arms) == (20, 100)
    assert scenario("gino-v1", variant="70", scale=10, k=0).budget.k == 0
    with pytest.raises(ModelError, match="gino-v1 has no parameter 'states'; it has none"):
        scenario("gino-v1", states=3)
    with pytest.raises(ModelError, match=r"k must be a whole number from 0 on, got -1"):
        scenario("gino-v1", k=-1)


@pytest.mark.parametrize("name", NAMES)
def test_a_problem_file_holds_the_problem(name, tmp_path):
    from rmab.cli.main import main
    from rmab.models.store import load

    file = tmp_path / "problem.safetensors"
    main(["scenarios", name, "--scale", "2", "--out", str(file)])
    wanted, found = scenario(name, scale=2), load(file)
    assert found.arms.transitions.tobytes() == wanted.arms.transitions.tobytes()
    assert found.arms.multiplicity.tolist() == wanted.arms.multiplicity.tolist()
    assert (found.budget, found.criterion, found.penalties) == (wanted.budget, wanted.criterion, None)
    assert found.start.tobytes() == wanted.start.tobytes()


@pytest.mark.parametrize(
    ("name", "size"), [("restart-v1", "states"), ("channel-allocation-v1", "longest"), ("patrol-v1", "levels")]
)
def test_sizes_on_the_command_line(name, size, tmp_path):
    from rmab.cli.main import main
    from rmab.models.store import load

    file = tmp_path / "problem.safetensors"
    main(["scenarios", name, f"--{size}", "3", "--out", str(file)])
    assert load(file).arms.transitions.tolist() == scenario(name, **{size: 3}).arms.transitions.tolist()
