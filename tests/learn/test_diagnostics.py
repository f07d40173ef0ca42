"""What is watched while learning, against its description."""

import numpy as np
import pytest

from rmab.learn.diagnostics import coverage, diverged, new_notes, settled, sides, take_notes
from rmab.learn.learner import Setting
from rmab.models.budget import TopK
from rmab.models.criterion import Average

SETTING = Setting(np.array([60, 40]), 2, 3, TopK(30, exactly=True), Average())


def by_hand(score, share, budget):
    """One cell after the other, best first; the budget runs out in one of them."""
    found, left = np.zeros(score.size, dtype=int), budget
    for cell in sorted(range(score.size), key=lambda cell: -score.ravel()[cell]):
        here = share.ravel()[cell]
        if here > 0:
            found[cell] = 1 if here <= left else -1 if left <= 0 else 0
            left = max(left - here, 0) if found[cell] == 1 else 0
    return found.reshape(score.shape)


def test_sides_are_those_of_spending_the_budget_cell_by_cell():
    rng = np.random.default_rng(2)
    for _ in range(300):
        score, share = rng.normal(size=(2, 3)), rng.integers(0, 5, size=(2, 3)) / 16
        budget = rng.integers(1, 16) / 16
        assert np.array_equal(sides(score, share, budget), by_hand(score, share, budget))


def visits(*cells):
    """Visits (K, S, A), half of them acting, from those of every state."""
    total = np.array(cells, dtype=np.int64)
    return np.stack([total - total // 2, total // 2], axis=-1)


def test_a_flip_is_a_cell_that_goes_from_one_side_of_the_cut_to_the_other():
    notes = new_notes(SETTING)
    even = np.array([[200, 200, 200], [200, 100, 100]])
    order = np.array([[3.0, 2.0, 1.0], [0.0, -1.0, -2.0]])
    for period in (100, 200):
        take_notes(notes, visits(*(period // 100 * even)), order, SETTING, period)
    assert notes["flips"][0] == 0 and notes["last_flip"][0] == 0
    # far from the cut nothing flips; the cell at the cut is on neither side
    take_notes(notes, visits(*(3 * even)), order[:, ::1] * np.array([[1], [2]]), SETTING, 300)
    assert notes["flips"][0] == 0
    swapped = np.array([[0.5, 2.0, 1.0], [3.0, -1.0, -2.0]])  # the best of the first type and the best of the second
    take_notes(notes, visits(*(4 * even)), swapped, SETTING, 400)
    assert notes["flips"][0] == 2 and notes["last_flip"][0] == 400
    take_notes(notes, visits(*(5 * even)), swapped, SETTING, 500)
    assert notes["flips"][0] == 2 and notes["last_flip"][0] == 400
    take_notes(notes, visits(*(6 * even)), order, SETTING, 600)
    assert notes["flips"][0] == 4 and notes["last_flip"][0] == 600


def test_a_cell_that_passes_the_cut_slowly_is_a_flip_as_well():
    notes = new_notes(SETTING)
    even = np.array([[200, 200, 200], [200, 100, 100]])
    last = np.array([[4.0, 2.0, 1.0], [0.0, -1.0, -2.0]])
    for period, score in ((100, 4.0), (200, 1.5), (300, 0.5)):  # above, at the cut, below
        last[0, 0] = score
        take_notes(notes, visits(*(period // 100 * even)), last, SETTING, period)
        last = last.copy()
    assert notes["side"][0, 0] == -1
    assert notes["last_flip"][0] == 300


def test_shares_follow_the_arms_of_late():
    notes = new_notes(SETTING)
    first, then = np.array([[1000, 0, 0], [0, 0, 0]]), np.array([[0, 1000, 0], [0, 0, 0]])
    take_notes(notes, visits(*first), np.zeros((2, 3)), SETTING, 100)
    assert notes["share"][0].tolist() == [1, 0, 0]
    for n in range(1, 101):
        take_notes(notes, visits(*(first + n * then)), np.zeros((2, 3)), SETTING, 100 * (n + 1))
    assert notes["share"][0, 0] == pytest.approx(0.95**100)
    assert notes["share"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("last_flip", "rarest", "imbalance", "period", "expected"),
    [
        (0, 10_000, 0.0, 999, False),  # not long enough
        (0, 10_000, 0.0, 1_000, True),
        (500, 10_000, 0.0, 1_400, False),
        (500, 10_000, 0.0, 1_500, True),
        (0, 20, 0.0, 5_000, True),  # twenty visits of the rarest cell take the whole run
        (1, 20, 0.0, 5_000, False),
        (0, 19, 0.0, 5_000, False),
        (0, 10_000, 0.01, 5_000, False),  # the price does not balance the budget
        (0, 10_000, 0.0099, 5_000, True),
    ],
)
def test_when_a_learner_has_settled(last_flip, rarest, imbalance, period, expected):
    notes = new_notes(SETTING) | {"last_flip": np.array([last_flip])}
    tried = np.full((2, 3, 2), 50_000)
    tried[1, 1, 1], tried[0, 0, 0] = rarest, 0  # what was never tried is not waited for
    assert settled(notes, {"visits": tried}, imbalance, period) is expected


def test_nothing_tried_is_not_settled():
    assert not settled(new_notes(SETTING), {"visits": np.zeros((2, 3, 2), dtype=int)}, 0.0, 10**9)


@pytest.mark.parametrize(
    ("memory", "most", "words"),
    [
        ({"score": np.array([1.0, np.nan])}, 1.0, "score is not a number"),
        ({"q": np.array([[np.inf]])}, 1.0, "q reached inf"),
        ({"q": np.array([[-np.inf]])}, 0.0, "q reached inf"),
        ({"level": np.array([-2e6])}, 1.0, "level reached 2e+06"),
        ({"level": np.array([-2e6])}, 3.0, ""),
        ({"level": np.array([5.0])}, 0.0, ""),
        ({"visits": np.array([10**9]), "td": np.array([np.inf])}, 1.0, ""),
        ({}, 1.0, ""),
    ],
)
def test_what_counts_as_divergence(memory, most, words):
    said = diverged(memory, [name for name in memory if name in ("score", "q", "level")], most)
    assert said.startswith(words) and bool(said) == bool(words)


def test_coverage_counts_cells_of_visited_states():
    seen = np.zeros((2, 3, 2), dtype=int)
    assert coverage({"visits": seen}) == {"fewest_visits": 0.0, "never_tried": 0.0}
    seen[0, 0], seen[1, 2] = (5, 3), (0, 9)
    assert coverage({"visits": seen}) == {"fewest_visits": 0.0, "never_tried": 1.0}
    seen[1, 2, 0] = 4
    assert coverage({"visits": seen}) == {"fewest_visits": 3.0, "never_tried": 0.0}
