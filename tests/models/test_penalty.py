"""What an arm owes: the shapes that are taken, the excess that follows, and what is refused."""

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.penalty import Penalty, excess_costs, listed
from rmab.models.problem import Problem

ARMS = Arms(np.full((2, 2, 3, 3), 1 / 3), np.zeros((2, 2, 3)))
COST = np.arange(12.0).reshape(2, 2, 3)


def test_one_type_may_leave_its_axis_out_and_one_bound_holds_for_all():
    assert Penalty(COST[0], 1.0).cost.shape == (1, 2, 3)
    assert Penalty(COST, 1.0).bound.tolist() == [1.0, 1.0]


def test_excess_is_cost_less_bound_and_nothing_where_there_is_no_requirement():
    excess = excess_costs(ARMS, [Penalty(COST, [1.0, np.inf]), Penalty(-COST, -2.0)])
    assert (excess[0, 0] == COST[0] - 1.0).all()
    assert (excess[0, 1] == 0.0).all()
    assert (excess[1] == 2.0 - COST).all()
    assert excess_costs(ARMS, None).shape == (0, 2, 2, 3)


def test_a_penalty_keeps_its_own_numbers():
    given = COST.copy()
    penalty = Penalty(given, [1.0, 2.0])
    given[:] = 0.0
    assert (penalty.cost == COST).all()
    with pytest.raises(ValueError, match="read-only"):
        penalty.bound[0] = 3.0


def test_a_problem_keeps_what_it_was_given():
    one = Penalty(COST, 5.0)
    assert Problem(ARMS, TopK(1), Average(), one).penalties is one
    assert Problem(ARMS, TopK(1), Average(), [one, one]).penalties == (one, one)
    assert Problem(ARMS, TopK(1), Average(), []).penalties is None
    assert listed(one) == (one,)


@pytest.mark.parametrize(
    ("cost", "bound", "words"),
    [
        ([1.0, 2.0], 1.0, r"shape \(K, A, S\), or \(A, S\) for one type, got \(2,\)"),
        (np.zeros((0, 2, 3)), 1.0, r"got \(0, 2, 3\)"),
        ([[0.0, 1.0], [np.nan, 1.0]], 1.0, "type 0, action 1, state 0 is nan; costs must be finite"),
        (COST, [1.0, 2.0, 3.0], r"one for each of its 2 types, got shape \(3,\)"),
        (COST, [1.0, -np.inf], "bound of type 1 is -inf; give a number, or inf for none"),
        (COST, np.nan, "bound of type 0 is nan"),
        ([["a", "b"]], 1.0, "a penalty's cost must be numbers"),
        (COST, "high", "a penalty's bound must be numbers"),
        (COST + 0j, 1.0, "a penalty's cost must be numbers: complex numbers"),
    ],
)
def test_what_is_no_penalty_is_refused(cost, bound, words):
    with pytest.raises(ModelError, match=words):
        Penalty(cost, bound)


def test_a_penalty_for_other_arms_is_refused():
    with pytest.raises(ModelError, match=r"shape \(1, 2, 3\), but these arms need \(types, actions, states\) = \(2, 2, 3\)"):
        Problem(ARMS, TopK(1), Average(), Penalty(COST[0], 1.0))
