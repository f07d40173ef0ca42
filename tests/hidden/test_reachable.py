"""The belief space: published sizes, the quadratic rule as oracle, several starts, modes, and its limits."""

import numpy as np
import pytest

from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.index.conservation import conservation_index
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted

BUSY_IDLE = np.array([[0.7, 0.3], [0.2, 0.8]])
SENSED = np.array([[0.9, 0.1], [0.1, 0.9]])
ACKNOWLEDGED = np.array([[0.9, 0.1, 0.0], [0.1, 0.0, 0.9]])
LEVELS = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
LEVEL_SEEN = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
HOSTS = np.array([[0.7, 0.1, 0.1, 0.1], [0.05, 0.7, 0.1, 0.15], [0.05, 0.1, 0.65, 0.2], [0.05, 0.05, 0.1, 0.8]])
HOST_SEEN = np.array([[0.8, 0.1, 0.05, 0.05], [0.1, 0.75, 0.1, 0.05], [0.05, 0.1, 0.75, 0.1], [0.05, 0.05, 0.1, 0.8]])


def arm(moves, seen):
    """Waiting shows nothing; acting shows ``seen`` of the state that is acted in."""
    blind = np.zeros_like(seen)
    blind[:, 0] = 1.0
    return HiddenArms([moves, moves], np.zeros((2, len(moves))), [blind, seen])


CASES = {
    "channel, acknowledged": (BUSY_IDLE, ACKNOWLEDGED),
    "channel, sensed": (BUSY_IDLE, SENSED),
    "levels": (LEVELS, LEVEL_SEEN),
    "hosts": (HOSTS, HOST_SEEN),
}
SIZES = {
    "channel, acknowledged": {
        0.1: (6, 6, 6, 6),
        0.05: (9, 9, 9, 9),
        0.01: (23, 27, 27, 27),
        0.005: (29, 42, 43, 43),
        0.001: (37, 87, 116, 118),
    },
    "channel, sensed": {
        0.1: (5, 5, 5, 5),
        0.05: (10, 10, 10, 10),
        0.01: (37, 41, 41, 41),
        0.005: (56, 76, 77, 77),
        0.001: (77, 288, 349, 350),
    },
    "levels": {
        0.1: (6, 6, 6, 6),
        0.05: (14, 14, 14, 14),
        0.01: (75, 83, 83, 83),
        0.005: (129, 177, 177, 177),
        0.001: (240, 912, 1071, 1079),
    },
    "hosts": {0.1: (26, 26, 26, 26), 0.05: (97, 100, 100, 100)},
}


def by_comparing_all(hidden, starts, depth, merge, same_generation=True, start_modes=None):
    """The merge rule word for word, without hashing."""
    kept, generation = [], []
    modes = [0] * len(starts) if start_modes is None else list(start_modes)

    def offer(belief, mode, g, before):
        if all(m != mode or np.linalg.norm(belief - b) >= merge for b, m in kept[:before]):
            kept.append((belief, mode))
            generation.append(g)

    for b, y in zip(starts, modes, strict=True):
        offer(np.asarray(b, dtype=float), y, 0, len(kept))
    first = 0
    for g in range(1, depth + 1):
        last = len(kept)
        for b, y in kept[first:last]:
            for a in range(hidden.n_actions):
                if not hidden.allowed[y, a]:
                    continue
                for y2 in range(hidden.n_modes):
                    for z in range(hidden.n_signals):
                        v = b @ hidden.kernel[a, y, y2, z]
                        if v.sum() > 1e-14:
                            offer(v / v.sum(), y2, g, len(kept) if same_generation else last)
        first = last
    return np.array([b for b, _ in kept]), np.array([y for _, y in kept]), np.array(generation)


@pytest.mark.parametrize("name", CASES)
def test_published_sizes(name):
    hidden = arm(*CASES[name])
    for merge, sizes in SIZES[name].items():
        for depth, size in zip((4, 6, 8, 20), sizes, strict=True):
            space = hidden.reachable(hidden.stationary(), depth=depth, merge=merge, closure="nearest")
            assert len(space.beliefs) == size, (merge, depth)


@pytest.mark.parametrize(("name", "size"), list(zip(CASES, (5461, 1093, 5461, 19531), strict=True)))
def test_the_whole_tree_without_merging(name, size):
    hidden = arm(*CASES[name])
    space = hidden.reachable(hidden.stationary(), depth=6, merge=0.0, closure="nearest")
    assert len(space.beliefs) == size
    assert not space.closed


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("same_generation", [True, False])
def test_the_hashed_set_is_that_of_comparing_all(seed, same_generation):
    rng = np.random.default_rng(seed)
    size, letters = int(rng.integers(2, 7)), int(rng.integers(2, 4))
    moves, seen = rng.dirichlet(np.ones(size), (2, size)), rng.dirichlet(np.ones(letters), (2, size))
    hidden = HiddenArms(moves, np.zeros((2, size)), seen, timing=("before", "after")[seed % 2])
    starts = rng.dirichlet(np.ones(size), int(rng.integers(1, 4)))
    merge = float(rng.choice([0.02, 0.05, 0.1]))
    space = hidden.reachable(starts, depth=4, merge=merge, closure="nearest", same_generation=same_generation)
    beliefs, modes, generation = by_comparing_all(hidden, starts, 4, merge, same_generation)
    np.testing.assert_allclose(space.beliefs, beliefs, atol=1e-14)
    assert np.array_equal(space.modes, modes)
    assert np.array_equal(space.generation, generation)


def test_modes_are_kept_apart():
    rng = np.random.default_rng(5)
    moves, seen = rng.dirichlet(np.ones(3), (2, 3)), rng.dirichlet(np.ones(2), (2, 3))
    chain = np.array([[[0.8, 0.2], [0.6, 0.4]], [[0.1, 0.9], [0.5, 0.5]]])
    kernel = np.einsum("ayx,asz,ast->ayxzst", chain, seen, moves)
    hidden = HiddenArms.from_kernel(kernel, np.zeros((2, 2, 3)), allowed=[[True, True], [True, False]])
    space = hidden.reachable(np.full(3, 1 / 3), depth=5, merge=0.03, closure="nearest", modes=[1])
    beliefs, modes, generation = by_comparing_all(hidden, [np.full(3, 1 / 3)], 5, 0.03, start_modes=[1])
    np.testing.assert_allclose(space.beliefs, beliefs, atol=1e-14)
    assert np.array_equal(space.modes, modes)
    assert np.array_equal(space.generation, generation)
    assert set(modes) == {0, 1}


def test_the_start_comes_first_and_growth_may_close():
    hidden = arm(LEVELS, LEVEL_SEEN)
    start = np.array([0.2, 0.3, 0.5])
    space = hidden.reachable(start, depth=50, merge=0.05)
    np.testing.assert_array_equal(space.beliefs[0], start)
    np.testing.assert_array_equal(space.nodes[: len(space.beliefs)], space.beliefs)
    assert space.closed
    assert space.generation.max() < 50
    assert not hidden.reachable(start, depth=1, merge=0.05).closed


def test_many_beliefs_and_the_limit():
    hidden = arm(HOSTS, HOST_SEEN)
    space = hidden.reachable(hidden.stationary(), depth=20, merge=0.0023, closure="nearest")
    gaps = np.linalg.norm(space.beliefs[:300, np.newaxis] - space.beliefs[np.newaxis], axis=2)
    gaps[np.arange(300), np.arange(300)] = 1.0
    assert len(space.beliefs) > 30_000
    assert gaps.min() >= 0.0023
    with pytest.raises(ModelError, match="more than 1000 beliefs"):
        hidden.reachable(hidden.stationary(), depth=20, merge=0.0023, most=1000)


def test_functions_for_states_that_are_seen_say_what_to_do():
    hidden = arm(BUSY_IDLE, SENSED)
    for index in (whittle_index, conservation_index):
        with pytest.raises(ModelError, match="reachable"):
            index(hidden, Discounted(0.9))
    with pytest.raises(ModelError, match="hidden_bound"):
        lagrangian_bound(HiddenProblem(hidden, TopK(1), Discounted(0.9)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": [0.5, 0.5, 0.0]}, "shape"),
        ({"start": [0.5, 0.6]}, "sum to 1"),
        ({"depth": -1}, "depth"),
        ({"depth": 2.5}, "depth"),
        ({"merge": -0.1}, "merge"),
        ({"merge": np.nan}, "merge"),
        ({"closure": "cubic"}, "linear, nearest, freudenthal"),
        ({"modes": [1]}, "modes"),
    ],
)
def test_bad_input_is_named(change, words):
    hidden = arm(BUSY_IDLE, SENSED)
    good = {"start": [0.4, 0.6], "depth": 3, "merge": 0.1}
    given = good | change
    with pytest.raises(ModelError, match=words):
        hidden.reachable(given.pop("start"), **given)
