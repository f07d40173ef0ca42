"""What would pass over penalties refuses them, and what acts anyway does not."""

import numpy as np
import pytest

from rmab.bound.joint import joint_optimum
from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.one_price import one_price_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.advice import VirtualAdvice
from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
from rmab.policies.horizon_lp import HorizonLp
from rmab.policies.id_policy import IdPolicy
from rmab.policies.index import IndexPolicy
from rmab.policies.lp_priority import LpPriority
from rmab.policies.lp_update import LpUpdate
from rmab.policies.mean_field import gap_check
from rmab.policies.priced import priced_policy
from rmab.policies.randomised_lp import RandomisedLp
from rmab.policies.set_expansion import SetExpansion
from rmab.policies.two_set import TwoSet


def owing(criterion):
    arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[4])
    return Problem(arms, TopK(1), criterion, Penalty([[0, 0], [-1, -1]], -0.1), start=0)


@pytest.mark.parametrize(
    ("use", "criterion", "remedy"),
    [
        (lagrangian_bound, Average(), "use fluid_bound"),
        (lambda problem: one_price_bound(problem, 3), Average(), r"use horizon_bound\(problem, steps\)"),
        (joint_optimum, Average(), "bound the problem with fluid_bound"),
        (gain_index, Average(), "use penalty_index"),
        (lambda problem: gap_check(problem, Uniform(), tolerance=1.0), Average(), "beside fluid_bound"),
        *((make, Average(), "let solve") for make in (priced_policy, LpPriority, RandomisedLp, IdPolicy, VirtualAdvice)),
        *((make, Average(), "let solve") for make in (SetExpansion, TwoSet, LpUpdate)),
        *((make, Horizon(4), "let solve") for make in (priced_policy, LpPriority, HorizonLp, LpUpdate)),
    ],
)
def test_refused_with_a_remedy(use, criterion, remedy):
    with pytest.raises(ModelError, match=f"takes no account of penalties; .*{remedy}.*, or leave the penalties out"):
        use(owing(criterion))
    problem = owing(criterion)
    use(Problem(problem.arms, problem.budget, criterion, start=0))


@pytest.mark.parametrize("policy", [IndexPolicy([[1.0, 2.0]]), Myopic(), Uniform(), RoundRobin(), NoAction()])
def test_what_acts_anyway(policy):
    assert policy.actions(owing(Average()), np.zeros(4, dtype=int), rng=np.random.default_rng(0)).sum() <= 1
