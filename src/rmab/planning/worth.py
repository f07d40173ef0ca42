"""What acting now is worth against waiting, in the unit of the reward.

Let activations be sold at the market charge ``lam``, the price of the Lagrangian bound: at this charge the budget is used up
in the long run. Write ``V`` for the optimal value of one arm that pays ``lam`` for every activation.

* ``worth[k, s] = r[k, 1, s] - r[k, 0, s] + beta * (P[k, 1, s] - P[k, 0, s]) @ V[k]``: the reward, over all the future, that
  acting in this period adds to waiting in this period. The charge of this activation is not subtracted; every later one is
  paid at ``lam``. Acting pays at the market where ``worth >= lam``. (``beta = 1`` under the average criterion.) These are the
  values of the gain index (:mod:`rmab.policies.priced`).
* ``effect[k, s] = (P[k, 1, s] - P[k, 0, s]) @ r[k, 0]``: the change in the expected reward of the next period alone, when the
  arm is left alone then. With reward 1 in a good state and 0 elsewhere it is the change in the probability of the good state.

The worth is a statement at one charge, and the Whittle index is the charge at which worth and charge agree: they are equal
where the index is ``lam``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.models.arms import Arms
from rmab.models.problem import Problem
from rmab.policies.priced import priced_policy


def worth_of_acting(problem: Problem) -> NDArray[np.float64]:
    """Reward that acting now adds to waiting, later activations paid at the market charge; shape ``(K, S)``.

    Examples
    --------
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[10])
    >>> worth_of_acting(Problem(arms, TopK(2), Average())).round(4)
    array([[0.8333, 0.6667]])
    """
    return priced_policy(problem).values


def next_period_effect(arms: Arms) -> NDArray[np.float64]:
    """Change in the expected reward of the next period alone, shape ``(K, S)``, when the arm is left alone then.

    Examples
    --------
    >>> next_period_effect(Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]])).round(4)
    array([[0.5, 0.4]])
    """
    return np.einsum("kst,kt->ks", arms.transitions[:, 1] - arms.transitions[:, 0], arms.rewards[:, 0])
