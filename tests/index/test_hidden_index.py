"""Index of hidden arms: every kind of signal against independent routes, and the laws that an index obeys."""

import numpy as np
import pytest

from rmab.hidden.arms import HiddenArms
from rmab.hidden.information import Seen
from rmab.index.belief_index import belief_index
from rmab.index.conservation import conservation_index
from rmab.index.whittle import whittle_index
from rmab.models.criterion import Discounted

SEEN = list(Seen)


def draw(size, seen, rng, signals=None):
    """A random arm: two laws of moving, errors of observation, and rewards of what is observed."""
    moves = 0.6 * np.eye(size) + 0.4 * rng.dirichlet(np.ones(size), (2, size))
    signals = size if signals is None else signals
    errors = 0.7 * np.eye(size, signals) + 0.3 * rng.dirichlet(np.ones(signals), size)
    errors /= errors.sum(axis=1, keepdims=True)
    rewards = rng.random((size, signals)).round(1)
    feedback = rng.integers(2, size=(size, signals)) if seen == Seen.FEEDBACK else None
    return HiddenArms.from_observations(moves, errors, rewards, seen=seen, feedback=feedback)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("closure", ["nearest", "linear"])
def test_every_kind_of_signal_has_the_index_of_the_generic_routine(size, seen, closure):
    """The belief chain is an ordinary arm, so the routine that follows optimal policies over all charges must agree."""
    rng = np.random.default_rng([size, SEEN.index(seen)])
    for _ in range(3):
        arm = draw(size, seen, rng)
        space = arm.reachable(arm.stationary(), depth=5, merge=0.06, closure=closure)
        laws = conservation_index(space.arms, Discounted(0.9))
        generic = whittle_index(space.arms, Discounted(0.9))
        assert laws.indexable == generic.indexable
        if generic.indexable[0]:
            np.testing.assert_allclose(laws.values, generic.values, rtol=1e-9, atol=1e-10)


def fine_grid_index(arm, beta, beliefs, points=2001):
    """Index of a two-state arm by bisection over the charge, values on a fine grid by linear interpolation."""
    grid = np.linspace(0.0, 1.0, points)
    rows = np.stack([1.0 - grid, grid], axis=1)

    def branches(rows):
        for action in range(2):
            found = []
            for z in range(arm.n_signals):
                v = rows @ arm.kernel[action, 0, 0, z]
                chance = v.sum(axis=1)
                found.append((chance, np.divide(v[:, 1], chance, out=np.zeros_like(chance), where=chance > 0)))
            yield rows @ arm.rewards[action, 0], found

    on_grid = list(branches(rows))
    at = list(branches(np.stack([1.0 - beliefs, beliefs], axis=1)))

    def ahead(parts, value, charge):
        total = []
        for action, (paid, found) in enumerate(parts):
            total.append(paid - charge * action + beta * sum(p * np.interp(b, grid, value) for p, b in found))
        return total

    def advantage(charge, value):
        while True:
            better = np.maximum(*ahead(on_grid, value, charge))
            if np.abs(better - value).max() < 1e-8:
                break
            value = better
        waits, acts = ahead(at, value, charge)
        return acts - waits, value

    index = np.empty(len(beliefs))
    for i in range(len(beliefs)):
        low, high = -2.0, 3.0
        value = np.zeros(points)
        while high - low > 1e-7:
            middle = (low + high) / 2
            found, value = advantage(middle, value)
            low, high = (middle, high) if found[i] > 0 else (low, middle)
        index[i] = (low + high) / 2
    return index


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("seen", [Seen.OBSERVATION, Seen.REWARD])
def test_two_states_agree_with_bisection_on_a_fine_grid(seed, seen):
    """The grid of 2,001 points and a space merged within .0005 differ by the interpolation of either, about 1e-4."""
    arm = draw(2, seen, np.random.default_rng([7, seed]))
    start = arm.stationary()
    space = arm.reachable(start, depth=25, merge=5e-4, closure="linear")
    values = conservation_index(space.arms, Discounted(0.8)).values[0]
    chosen = np.arange(0, len(space.beliefs), max(1, len(space.beliefs) // 3))[:3]
    expected = fine_grid_index(arm, 0.8, space.beliefs[chosen, 1])
    np.testing.assert_allclose(values[chosen], expected, atol=3e-4 * max(1.0, np.ptp(values)))


def test_names_of_hidden_states_do_not_matter():
    rng = np.random.default_rng(11)
    moves, seen, paid = rng.dirichlet(np.ones(4), (2, 4)), rng.dirichlet(np.ones(3), (2, 4)), rng.random((2, 4))
    order = rng.permutation(4)
    renamed = HiddenArms(moves[:, order][:, :, order], paid[:, order], seen[:, order])
    arm = HiddenArms(moves, paid, seen)
    start = rng.dirichlet(np.ones(4))
    first, second = (
        conservation_index(a.reachable(b, depth=4, merge=0.05, closure="nearest").arms, Discounted(0.9)).values[0]
        for a, b in ((arm, start), (renamed, start[order]))
    )
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_scale_and_constant_of_the_rewards():
    rng = np.random.default_rng(12)
    moves, seen = rng.dirichlet(np.ones(3), (2, 3)), rng.dirichlet(np.ones(3), (2, 3))
    paid = np.stack([np.zeros(3), rng.random(3)])

    def index(rewards):
        arm = HiddenArms(moves, rewards, seen)
        return conservation_index(arm.reachable(np.full(3, 1 / 3), depth=4, merge=0.05).arms, Discounted(0.9)).values[0]

    base = index(paid)
    np.testing.assert_allclose(index(7.5 * paid), 7.5 * base, rtol=1e-9)
    np.testing.assert_allclose(index(np.stack([paid[0], paid[1] + 0.25])), base + 0.25, rtol=1e-9)


def test_one_state_is_worth_what_it_pays():
    arm = HiddenArms([[[1.0]], [[1.0]]], [[0.0], [0.7]], [[[1.0]], [[1.0]]])
    space = arm.reachable([1.0], depth=5, merge=0.01)
    np.testing.assert_allclose(conservation_index(space.arms, Discounted(0.9)).values, 0.7)


def test_an_arm_that_shows_nothing_is_worth_its_mean_where_it_settles():
    rng = np.random.default_rng(13)
    moves, paid = rng.dirichlet(np.ones(3), 3), rng.random(3)
    blind = np.ones((2, 3, 1))
    arm = HiddenArms([moves, moves], [np.zeros(3), paid], blind)
    space = arm.reachable(arm.stationary(), depth=6, merge=1e-6, closure="nearest")
    assert len(space.beliefs) == 1
    np.testing.assert_allclose(conservation_index(space.arms, Discounted(0.9)).values[0, 0], paid @ arm.stationary())


def test_without_a_future_the_index_is_what_is_earned_now():
    rng = np.random.default_rng(14)
    arm = draw(3, Seen.OBSERVATION, rng)
    space = arm.reachable(arm.stationary(), depth=5, merge=0.05)
    values = conservation_index(space.arms, Discounted(1e-12)).values[0]
    np.testing.assert_allclose(values, space.nodes @ (arm.rewards[1, 0] - arm.rewards[0, 0]), atol=1e-9)


def test_signals_that_say_the_same_are_one():
    rng = np.random.default_rng(15)
    moves, paid = rng.dirichlet(np.ones(3), (2, 3)), rng.random((2, 3))
    seen = rng.dirichlet(np.ones(2), (2, 3))
    split = np.stack([seen[..., 0], 0.3 * seen[..., 1], 0.7 * seen[..., 1]], axis=-1)
    one, two = (
        conservation_index(
            HiddenArms(moves, paid, law).reachable(np.full(3, 1 / 3), depth=5, merge=0.03, closure="nearest").arms,
            Discounted(0.9),
        ).values[0]
        for law in (seen, split)
    )
    np.testing.assert_allclose(one, two, rtol=1e-10)


def test_a_settled_index_at_the_start_is_that_of_a_much_finer_mesh():
    arm = draw(3, Seen.FEEDBACK, np.random.default_rng(16))
    found = belief_index(arm, Discounted(0.9), tolerance=0.005)
    fine = arm.reachable(arm.stationary(), depth=15, merge=0.002)
    exact = conservation_index(fine.arms, Discounted(0.9)).values[0, 0]
    spread = np.ptp(found.values)
    assert found.converged
    assert abs(found.at([arm.stationary()])[0] - exact) < 0.02 * spread
