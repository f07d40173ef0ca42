"""UCWhittle: act by the index of the best arms that the data do not exclude (optimism in the face of uncertainty).

Write n for how often action a was taken in state s by arms of a type, and q for where they went. With probability
``confidence`` at least, for all rows and at all times at once, the true row p fulfils

    |p - q|_1 <= radius(n) = min(2, sqrt(2 log((2^S - 2) K A S n (n + 1) / (1 - confidence)) / n)),

by the bound of Weissman et al. for one n, and a share 1 / (n (n + 1)) of the allowed failures for each n: the n at which a look
is taken may then depend on anything. (Radii that divide the failures among epochs only, as in the published code, hold for a
number of visits that was fixed beforehand, which no number of visits of a learner is.)

1. At the end of each epoch (:mod:`rmab.learn.tabular.model_based`) collect the *plausible* arms: all within these balls.
2. f(price) = sum_k m_k max over plausible arms of V_k(price), + price * budget. As a maximum of convex functions it is convex,
   and where the true arms are plausible it is above the true dual. Minimise it by intersecting tangents
   (:mod:`rmab.index.price`); each is an extended policy iteration of every type (:mod:`rmab._kernels.optimism`). The minimum
   bounds what any policy earns.
3. The score is Q(s, 1) - Q(s, 0) + price there, each action with the plausible row that is best for it.

How it differs from what is published: Wang et al. choose, for each state, the plausible transitions of largest *Whittle index*,
a bilinear program; their fast version takes extreme points, the best row for acting and the worst for waiting, which is
optimistic about the difference and not about the arm, and right only where acting always helps. Neither is an upper bound on
what can be earned. Here both actions are optimistic in one model at one price, which needs no indexability and gives an honest
bound; what is uncertain in both actions alike does not raise the score.

Rewards are taken as what was seen on average, exact where they are a function of state and action; what was never seen earns
the best that was seen of its type. Prior counts are no observations and do not enter the balls, or the promise would not hold.

``policy`` and ``estimate`` are of the posterior mean, prior counts included, and not optimistic: they are what one would use
when learning is over. Before the first epoch the score is theirs, too, if there is a prior.

Measured by ``train``, 100 arms, 40 seeds, exactly the stated number acted on: mean score (0 random, 1 the bound; noise of one
evaluation 0.04) after so many periods, and the lowest of the 40 at the end. Near the tie of gino 50 a single run can end on
the wrong side.

    arms              10     20     50    100    200   1000  10000   lowest
    gino 70          0.94   0.97   0.97   0.97   0.97   0.97   0.97     0.97
    gino 50          0.95   0.91   0.96   0.96   0.96   0.96   0.96    -0.02
    gino 30          0.93   0.98   0.98   0.99   0.99   0.98   0.98     0.97
    gino 90          0.43   0.85   0.90   0.95   0.98   1.03   1.03     1.03
    flipped 70       0.61   0.78   0.90   1.01   1.01   1.01   1.01     1.01
    circulant 20     1.01   1.01   1.01   1.01   1.01   1.01   1.01     1.01
    restart 20       1.00   1.00   1.00   1.00   1.00   1.00   1.00     1.00
    mentoring 10     0.41   0.43   0.59   0.65   0.73   0.85   0.95     0.94
    patrol 30        0.87   0.95   0.95   0.96   0.96   0.97   0.98     0.56
    ages 20         -2.48  -0.18   0.86   0.91   0.95   0.99   1.00     0.99

References: K. Wang, L. Xu, A. Taneja, M. Tambe, "Optimistic Whittle index policy: online learning for restless bandits",
arXiv:2205.15372 (2022); T. Weissman et al., "Inequalities for the L1 deviation of the empirical distribution", HP Labs (2003);
T. Jaksch, R. Ortner, P. Auer, JMLR 11 (2010). Cost: O(N) per period; per epoch some ten prices, each a few rounds of S^3 / 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.optimism import respond_optimistically
from rmab.errors import ModelError, NotConverged
from rmab.index.price import FLAT, MOST_EVALUATIONS, Tangent, minimise
from rmab.learn.exploration import share
from rmab.learn.learner import Memory, Setting
from rmab.learn.tabular.model_based import ModelBased, Priced
from rmab.models.problem import Problem


@dataclass(frozen=True, eq=False)
class UCWhittle(ModelBased):
    """Act by the optimistic index of the plausible arms.

    Parameters
    ----------
    strength : float
        Observations that the even prior of a row is worth in ``policy`` and ``estimate``, above 0; not in the balls.
    growth : float
        Length of an epoch as a share of all periods before it, above 0.
    shortest : int
        Fewest periods of an epoch.
    doubling : bool
        Whether an epoch also ends when some row was seen twice as often as when it began.
    exploration : Exploration
        How unknown actions are tried besides; a random period in fifty by default.
    prior : PriorCounts, optional
        What is believed beforehand; it moves ``policy``, ``estimate`` and the first score.
    confidence : float
        Probability that all true rows are in their balls at all times, above 0 and below 1.

    Raises
    ------
    ModelError
        If an option is not of its kind.

    Examples
    --------
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> learner, setting = UCWhittle(), Setting(np.array([100]), 2, 2, TopK(20), Average())
    >>> memory = learner.memory(setting)
    >>> memory["counts"][:] = [[900, 100], [500, 500]]
    >>> memory["seen"][:], memory["paid"][..., 1] = 1000, 1000.0
    >>> learner.radius(memory)[0, 0].round(3)
    array([0.194, 0.194])
    >>> found = learner.optimum(memory, setting)
    >>> bool(found.bound > 100 / 6)
    True
    """

    confidence: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        share("the confidence", self.confidence)
        if not 0 < self.confidence < 1:
            raise ModelError(f"the confidence must lie strictly between 0 and 1, got {self.confidence!r}")

    def solve(self, memory: Memory, setting: Setting, rng: np.random.Generator) -> Priced:
        """The optimistic index; no luck is needed."""
        if not memory["counts"].any():
            return self.best(memory, setting)
        found = self.optimum(memory, setting)
        return Priced(found.values, found.price)

    def radius(self, memory: Memory) -> NDArray[np.float64]:
        """Radius of the ball around each row, in the L1 norm, shape ``(K, A, S)``."""
        n = memory["counts"].sum(axis=-1)
        return radius(n, n.size, memory["score"].shape[1], 1.0 - self.confidence)

    def optimum(self, memory: Memory, setting: Setting) -> Optimum:
        """The optimistic index, its price, and the bound on what any policy earns per period while the balls hold."""
        held = memory["counts"]
        n = held.sum(axis=-1, keepdims=True)
        centre = np.where(n > 0, held / np.where(n > 0, n, 1.0), 1.0 / setting.n_states)
        return optimistic_index(self.problem(centre, memory, setting), self.radius(memory))


@dataclass(frozen=True, eq=False)
class Optimum:
    """What is found over plausible arms.

    Attributes
    ----------
    values : ndarray, shape (K, S)
        Optimistic index, before this activation is paid for.
    price : float
        Charge per activation at which it holds.
    bound : float
        No policy earns more per period on any plausible arms.
    """

    values: NDArray[np.float64]
    price: float
    bound: float


def radius(n: NDArray[np.integer], n_rows: int, n_states: int, failure: float) -> NDArray[np.float64]:
    """Radii of L1 balls that hold all ``n_rows`` true rows after any ``n`` visits but for a chance of ``failure``.

    Examples
    --------
    >>> radius(np.array([0.0, 100.0, 10_000.0]), 10, 5, 0.05).round(3)
    array([2.   , 0.599, 0.074])
    """
    visits = np.maximum(n, 1.0)
    corners = n_states * np.log(2.0) + np.log1p(-(2.0 ** (1 - n_states))) if n_states > 1 else -np.inf
    inside = np.maximum(corners + np.log(n_rows * visits * (visits + 1.0) / failure), 0.0)
    return np.where(n > 0, np.minimum(np.sqrt(2.0 * inside / visits), 2.0), 2.0)


def optimistic_index(centre: Problem, radii: NDArray[np.float64]) -> Optimum:
    """Optimistic index over the arms whose rows are within ``radii`` (K, 2, S) of those of the problem ``centre``.

    Raises
    ------
    NotConverged
        If a policy iteration or the search for the price does not end.
    """
    dual = OptimisticDual(centre, radii)
    best = minimise(dual).tangent
    return Optimum(dual.advantage(best.price) + best.price, best.price, best.at(best.price))


class OptimisticDual:
    """The dual over plausible arms; it remembers the values at the last price, to start from."""

    def __init__(self, centre: Problem, radii: NDArray[np.float64]) -> None:
        arms = centre.arms
        # the kernel is compiled for writable arrays only, hence the copies
        self.centre, self.rewards, self.radii = np.array(arms.unit_rows), np.array(arms.rewards), np.array(radii)
        self.start = centre.start_distribution
        self.beta = Setting.of(centre).beta
        self.weight = arms.multiplicity.astype(np.float64)
        self.budget, self.exactly = centre.capacity, centre.budget.exactly
        self.level = FLAT * float(self.weight.sum())
        self.bias = np.zeros((arms.n_types, arms.n_states, 2))
        self.gain = np.zeros((arms.n_types, 2))
        self.action_value = np.zeros(arms.rewards.shape)
        self.evaluations = 0

    def tangent(self, price: float) -> Tangent:
        """The tangent at ``price``, by extended policy iteration of every type."""
        self.evaluations += 1
        if self.evaluations > MOST_EVALUATIONS:
            raise NotConverged(f"the optimistic dual was not minimised in {MOST_EVALUATIONS} evaluations")
        for k in range(len(self.weight)):
            given = (self.centre[k], self.radii[k], self.rewards[k], price, self.beta)
            if not respond_optimistically(*given, self.bias[k], self.gain[k], self.action_value[k]):
                raise NotConverged(f"extended policy iteration of type {k} at price {price:.6g} did not end")
        line = self.gain + (1.0 - self.beta) * np.einsum("ks,ksc->kc", self.start, self.bias)
        worth, activation = line[:, 0], line[:, 1]
        used = float(self.weight @ activation)
        size = float(self.weight @ np.abs(worth)) + abs(price) * (used + self.budget)
        return Tangent(price, float(self.weight @ worth), self.budget - used, size, activation)

    def advantage(self, price: float) -> NDArray[np.float64]:
        """Advantage of acting, charge subtracted, shape ``(K, S)``."""
        self.tangent(price)
        return self.action_value[:, 1] - self.action_value[:, 0]
