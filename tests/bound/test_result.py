"""The result types."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from rmab.bound.result import Bound, HorizonBound


def test_a_bound_is_frozen_and_says_what_it_is():
    bound = Bound(12.5, 0.25, np.array([0.1, 0.3]), "optimal", "fluid LP")
    with pytest.raises(FrozenInstanceError):
        bound.value = 0.0
    text = str(bound)
    for part in ("12.5", "0.25", "fluid LP", "optimal", "10.0 %", "30.0 %", "2 types"):
        assert part in text


def test_a_horizon_bound_is_a_bound_with_prices():
    bound = HorizonBound(1.0, 1.5, np.array([0.5]), "optimal", "finite-horizon LP", prices=np.array([1.0, 2.0]))
    assert isinstance(bound, Bound)
    assert "2 steps, priced from 1 to 2" in str(bound)
