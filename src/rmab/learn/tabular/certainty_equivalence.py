"""Certainty equivalence: act by the exact index of the estimated arms, as if the estimate were the truth.

At the end of each epoch (:mod:`rmab.learn.tabular.model_based`) the gain index of the problem whose transitions are the
posterior means and whose rewards are the means seen becomes the score. It is the exact index of a problem near the true one, so
it inherits what is true of the gain index: no indexability is needed, and types compare. Estimated rows are never quite equal,
so there are no exact ties to break; that near ties fall either way is what costs, and more data is what helps.

It does not explore on purpose: what it has not tried earns the best that was seen, the rest is left to the small chance of a
random period. It can stay with a wrong index for a while where acting by it hides the error (below: ``flipped`` at 100
periods); :class:`rmab.learn.tabular.thompson.Thompson` gets away sooner.

Measured by ``train``, 100 arms, 40 seeds, exactly the stated number acted on: mean score (0 random, 1 the bound; noise of one
evaluation 0.04) after so many periods, and the lowest of the 40 at the end. Near the tie of gino 50 a single run can end on
the wrong side.

    arms              10     20     50    100    200   1000  10000   lowest
    gino 70          0.90   0.95   0.96   0.96   0.96   0.97   0.97     0.97
    gino 50          0.93   0.93   0.96   0.96   0.91   0.96   0.94    -0.02
    gino 30          0.90   0.98   0.98   0.97   0.98   0.98   0.97     0.97
    gino 90          0.76   0.95   1.03   1.03   1.03   1.03   1.03     1.03
    flipped 70       0.67   0.74   0.75   0.80   0.87   0.96   1.01     1.01
    circulant 20     1.01   1.01   1.01   1.01   1.01   1.01   1.01     1.01
    restart 20       1.00   1.00   1.00   1.00   1.00   1.00   1.00     1.00
    mentoring 10     0.45   0.54   0.67   0.75   0.83   0.94   0.95     0.94
    patrol 30        0.94   0.94   0.98   0.99   0.99   0.99   1.00     1.00
    ages 20         -2.58  -0.21   0.84   0.87   0.91   0.96   0.99     0.97

References: P. R. Kumar, P. Varaiya, *Stochastic Systems: Estimation, Identification and Adaptive Control* (1986), chapter 12,
for certainty equivalence and how it locks in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmab.learn.learner import Memory, Setting
from rmab.learn.tabular.model_based import Forgetting, Priced


@dataclass(frozen=True, eq=False)
class CertaintyEquivalence(Forgetting):
    """Act by the gain index of the estimated arms: the learner to begin with.

    Parameters
    ----------
    strength : float
        Observations that the even prior of a row of transitions is worth, above 0.
    growth : float
        Length of an epoch as a share of all periods before it, above 0.
    shortest : int
        Fewest periods of an epoch.
    doubling : bool
        Whether an epoch also ends when some row was seen twice as often as when it began.
    exploration : Exploration
        How unknown actions are tried; a random period in fifty by default.
    prior : PriorCounts, optional
        What is believed beforehand.
    change : ChangeDetection, optional
        Look for types that have changed, and forget what was known of them.

    Raises
    ------
    ModelError
        If an option is not of its kind.

    Examples
    --------
    >>> from rmab.index.gain import gain_index
    >>> from rmab.learn.experience import new_crowd, world_of
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20), Average())
    >>> learner, setting = CertaintyEquivalence(), Setting.of(problem)
    >>> memory = learner.memory(setting)
    >>> learner.learn(world_of(problem), new_crowd(problem, setting, seed=0), memory, setting, 0, 10_000)
    >>> (learner.policy(memory, setting).values - gain_index(problem).values).round(1) + 0.0
    array([[0., 0.]])
    """

    def solve(self, memory: Memory, setting: Setting, rng: np.random.Generator) -> Priced:
        """The index that is acted on in the next epoch; no luck is needed."""
        return self.best(memory, setting)
