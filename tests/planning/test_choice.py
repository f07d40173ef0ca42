"""Who is on the list: the cut, the ties, and the chance of every cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmab.models.budget import TopK
from rmab.planning.choice import choose, chosen_share


def test_arms_above_the_cut_are_always_chosen_and_ties_are_drawn_evenly():
    index = np.array([0.5, 0.2, 0.9, 0.2, 0.2, 0.2])
    hits = np.zeros(6)
    for seed in range(4000):
        choice = choose(index, 0.0, TopK(4), np.random.default_rng(seed))
        hits[choice.arms] += 1
    assert hits[[0, 2]].tolist() == [4000, 4000]
    assert np.abs(hits[[1, 3, 4, 5]] / 4000 - 0.5).max() < 4 * np.sqrt(0.25 / 4000)


def test_an_exact_fit_is_no_tie():
    choice = choose(np.array([0.5, 0.5, 0.2]), 0.0, TopK(2), np.random.default_rng(0))
    assert choice.arms.tolist() == [0, 1]
    assert not choice.tied.any()
    assert choice.places == 0
    assert choice.cutoff == 0.2


def test_arms_that_are_not_worth_acting_on_are_left_alone_unless_the_budget_is_compulsory():
    index = np.array([0.5, -0.1, -0.2])
    assert choose(index, 0.0, TopK(2), np.random.default_rng(0)).arms.tolist() == [0]
    assert choose(index, 0.0, TopK(2, exactly=True), np.random.default_rng(0)).arms.tolist() == [0, 1]


@pytest.mark.parametrize(("budget", "chosen"), [(0, 0), (3, 3)])
def test_the_smallest_and_the_largest_budget(budget, chosen):
    choice = choose(np.array([0.3, 0.2, 0.1]), 0.0, TopK(budget), np.random.default_rng(0))
    assert len(choice.arms) == chosen
    assert (choice.cutoff is None) == (budget == 3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 3), st.integers(0, 4)), min_size=1, max_size=6),
    st.integers(0, 20),
    st.booleans(),
)
def test_the_share_of_a_cell_is_the_frequency_with_which_its_arms_are_chosen(cells, budget, exactly):
    levels, counts = (np.array(column) for column in zip(*cells, strict=True))
    budget = TopK(min(budget, int(counts.sum())), exactly=exactly)
    index = np.repeat(levels.astype(float), counts)
    cell = np.repeat(np.arange(len(levels)), counts)
    share = chosen_share(levels.astype(float), 0.0, counts, budget)
    if not len(index):
        assert not share.any()
        return
    choice = choose(index, 0.0, budget, np.random.default_rng(0))
    # all arms at one index share one fate on average: the chosen number of each level is fixed, only who is drawn varies
    for level in np.unique(levels):
        here = levels == level
        assert np.isin(cell[choice.arms], np.flatnonzero(here)).sum() == pytest.approx((share * counts)[here].sum())
