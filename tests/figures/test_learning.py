"""Learning curves: what is drawn is what was measured."""

import numpy as np
import pytest

from rmab.figures.learning import learning_curves
from rmab.learn.result import Curves

PERIODS = np.array([10, 20, 50, 100])
SCORES = np.array([[-0.6, 0.2, 0.8, 0.95], [0.1, 0.3, 0.7, 0.9], [0.0, 0.4, 0.9, 1.02]])


def drawn(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines if not line.get_label().startswith("_")}


def test_every_seed_the_mean_and_the_interval_are_drawn():
    curves = Curves(PERIODS, SCORES, 10 * SCORES, -50.0, 0.0)
    (axes,) = learning_curves(curves, "costs in $").axes
    heights = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == len(PERIODS)]
    assert len(heights) == 4
    for seed in SCORES:
        assert any(np.array_equal(seed, height) for height in heights)
    assert drawn(axes)["mean of 3 seeds"] == pytest.approx(SCORES.mean(axis=0))
    (band,) = axes.collections
    low, high = curves.interval
    edge = band.get_paths()[0].vertices
    for period, ends in zip(PERIODS, zip(low, high, strict=True), strict=True):
        found = edge[edge[:, 0] == period, 1]
        assert found.min() == pytest.approx(ends[0]) and found.max() == pytest.approx(ends[1])
    assert axes.get_xscale() == "log" and axes.get_ylabel() == "score of the learned policy"
    assert axes.get_title(loc="left") == r"costs in \$"


def test_the_bound_and_random_choice_are_lines():
    (axes,) = learning_curves(Curves(PERIODS, SCORES, SCORES, -50.0, 0.0)).axes
    level = {text.get_text(): text.xy[1] for text in axes.texts}
    assert level == {"bound": 1.0, "random choice": 0.0}
    heights = {line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2}
    assert heights == {1.0, 0.0}
    bottom, top = axes.get_ylim()
    assert bottom == pytest.approx(-0.25) and top > 1.02  # far below random choice is cut off


def test_one_seed_has_no_interval_and_one_line():
    (axes,) = learning_curves(Curves(PERIODS, SCORES[:1], SCORES[:1], 0.0, 1.0)).axes
    assert list(drawn(axes)) == ["one seed"] and not axes.collections


def test_without_scores_the_rewards_are_drawn():
    (axes,) = learning_curves(Curves(PERIODS, None, 100 + SCORES, None, None)).axes
    assert drawn(axes)["mean of 3 seeds"] == pytest.approx(100 + SCORES.mean(axis=0))
    assert axes.get_ylabel() == "reward per period while learning" and not axes.texts
    assert axes.get_ylim()[0] > 90


@pytest.mark.parametrize("form", ["png", "svg"])
def test_a_single_period_can_be_drawn(form, tmp_path):
    figure = learning_curves(Curves(np.array([7]), SCORES[:, :1], SCORES[:, :1], 0.0, 1.0), "short")
    figure.savefig(tmp_path / f"figure.{form}")
    assert (tmp_path / f"figure.{form}").stat().st_size > 1_000
