"""Arms with several recurrent classes under the average criterion: right or marked, never wrong in silence."""

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.path_bound import PathBound
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.index.penalty import penalty_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem

CHARGES = (-1.3, 0.2, 0.77, 1.9)


@pytest.mark.parametrize("bound", [0.25, 9.0])
@pytest.mark.parametrize("reward", [2.0, 2.1])
def test_a_loose_requirement_on_two_absorbing_states(bound, reward):
    """Waiting in state 0 keeps the arm there; a penalty that never binds has no multiplier."""
    arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[1, -3], [reward, 2]])
    index = penalty_index(arms, Penalty([[0, -1], [-1, -1]], bound), Average())
    assert not index.exact[0]
    assert index.dual(1.1) == pytest.approx(1.0, abs=1e-5)
    assert index.activation(1.1) == pytest.approx(0.0, abs=1e-5)
    assert index.multiplier(1.1) == 0.0


def deterministic(rng):
    """One arm that never leaves anything to chance, under one or two requirements, as a problem."""
    n = int(rng.integers(2, 6))
    moves = np.eye(n)[rng.integers(n, size=(2, n))]
    owed = [Penalty(rng.integers(-1, 2, (2, n)), rng.uniform(-0.5, 1.0)) for _ in range(rng.integers(1, 3))]
    return Problem(Arms(moves, rng.integers(-3, 4, (2, n))), TopK(1), Average(), owed)


def test_what_is_called_exact_is_the_linear_program_on_deterministic_chains():
    rng, compared = np.random.default_rng(5), 0
    for _ in range(150):
        problem = deterministic(rng)
        index = penalty_index(problem.arms, problem.penalties, Average(), 1000.0)
        if not index.exact[0]:
            continue
        for charge in CHARGES:
            charged = problem.arms.rewards - charge * np.array([[0.0], [1.0]])
            try:
                expected = fluid_bound(Problem(Arms(problem.arms.transitions, charged), TopK(1), Average(), problem.penalties))
            except InfeasiblePenalty:
                continue
            compared += 1
            assert index.dual(charge)[0] == pytest.approx(expected.value, abs=1e-6)
        activation = index.activation(np.linspace(-9, 9, 50)[:, np.newaxis])
        assert ((activation >= 0) & (activation <= 1)).all()
        assert (np.diff(activation, axis=0) <= 1e-9).all()
    assert compared > 100


def test_a_path_that_is_not_exact_bounds_nothing():
    arms = Arms([[[1.0, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1.0], [-1e5, 1]], multiplicity=[100])
    index = penalty_index(arms, Penalty([[0, 0], [1, 1]], 0.5), Average(), start=0)
    assert index.verdict == ("unsettled",)
    with pytest.raises(ModelError, match="type 0, which has several recurrent classes"):
        PathBound(index, [100])


def test_infinite_charges():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.5, 0.0], [1.0, 2.0]])
    index = penalty_index(arms, Penalty([[0.0, 0.0], [-1.0, -1.0]], -0.25), Average())
    assert index.dual(np.inf) == pytest.approx(0.25 - 10.0 * 0.25)
    assert index.dual(-np.inf) == np.inf
    assert index.multiplier([np.inf]) == 10.0
    assert index.activation(-np.inf) == 1.0


@pytest.mark.parametrize("wrong", ["a", [1.0, 2.0], np.nan])
def test_charges_and_luck_of_another_kind(wrong):
    arms = Arms(np.full((2, 3, 3), 1 / 3), [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    index = penalty_index(arms, Penalty([[0.0] * 3, [-1.0] * 3], -0.25), Average())
    with pytest.raises(ModelError, match="charge"):
        index.multiplier(wrong)
    with pytest.raises(ModelError, match="u must be"):
        index.random(wrong)
