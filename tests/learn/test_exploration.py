"""What may be said of exploration and of step sizes, and what is refused."""

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.learn.exploration import EpsilonGreedy, EpsilonSoftmax, Softmax, UpperConfidence
from rmab.learn.steps import Steps
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.published_gino_q import PublishedGinoQ
from rmab.learn.tabular.wiql import WIQL


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EpsilonGreedy(1.1), ["start", "from 0 to 1", "1.1"]),
        (lambda: EpsilonGreedy(-0.1), ["start", "-0.1"]),
        (lambda: EpsilonGreedy(np.nan), ["start", "nan"]),
        (lambda: EpsilonGreedy("much"), ["start", "'much'"]),
        (lambda: EpsilonGreedy(True), ["start", "True"]),
        (lambda: EpsilonGreedy(floor=2), ["floor", "2"]),
        (lambda: EpsilonGreedy(decay=0), ["decay", "above 0", "0"]),
        (lambda: EpsilonGreedy(decay=np.nan), ["decay", "nan"]),
        (lambda: Softmax(0.0), ["temperature", "above 0"]),
        (lambda: Softmax(np.inf), ["temperature", "finite", "inf"]),
        (lambda: EpsilonSoftmax(-1.0), ["temperature", "-1.0"]),
        (lambda: EpsilonSoftmax(1.0, floor=-1), ["floor", "-1"]),
        (lambda: UpperConfidence(0), ["width", "above 0"]),
        (lambda: UpperConfidence(1.0, floor=1.5), ["floor", "1.5"]),
        (lambda: Steps(0.0), ["scale", "above 0"]),
        (lambda: Steps(0.1, horizon=-1), ["horizon", "-1"]),
        (lambda: Steps(0.1, power=-0.5), ["power", "-0.5"]),
        (lambda: Steps(0.1, power=np.inf), ["power", "inf"]),
        (lambda: GinoQ(exploration="ucb"), ["EpsilonGreedy", "'ucb'"]),
        (lambda: GinoQ(table=0.1), ["table", "Steps(0.1)"]),
        (lambda: GinoQ(price=None), ["price", "Steps"]),
        (lambda: GinoQ(warm=-1), ["warm", "-1"]),
        (lambda: GinoQ(warm=1.5), ["warm", "1.5"]),
        (lambda: PublishedGinoQ(fast=0), ["fast", "0"]),
        (lambda: PublishedGinoQ(every=0), ["every", "0"]),
        (lambda: PublishedGinoQ(reference=-1), ["reference", "-1"]),
        (lambda: WIQL(discount=1), ["1"]),
        (lambda: WIQL(exploration=0.1), ["EpsilonGreedy", "0.1"]),
    ],
)
def test_bad_options_are_refused_by_name(make, words):
    with pytest.raises(ModelError) as error:
        make()
    for word in words:
        assert word in str(error.value)


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match="temperature"):
        GinoQ(temperature=0.1)


@pytest.mark.parametrize("power", [0.0, 0.6, 1.0])
def test_step_sizes_fall_from_their_scale(power):
    steps = Steps(0.3, horizon=50, power=power)
    sizes = np.array([steps.at(n) for n in (0, 50, 500, 5000)])
    assert sizes == pytest.approx(0.3 * np.array([1, 2, 11, 101.0]) ** -power)
    assert steps.numbers == (0.3, 50.0, power)
