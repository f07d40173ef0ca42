"""The two-set policy: arms close to the relaxed optimum are steered together, the others are brought there.

Let pi be the single-arm policy of the fluid LP (see :mod:`rmab.policies.randomised_lp`), y(c) its activations and x*(c) its
arms in each cell c (a type in a state). Wishes drawn arm by arm make noise of order sqrt(N). A set of arms that is close to x*
can be controlled without noise: it acts in the cells where pi acts, waits where pi waits, and uses the *neutral* cells, in
which pi randomises, to meet its share of the budget exactly. For a set with counts n and activations T due,

    a(c) = n(c) p(c) + w(c) (T - sum n p),       p = pi(1|.), w > 0 on neutral cells with sum 1,

moves the mean deviation e = n - z x* to e Phi, with Phi = P_pi - 1 mu - p (w (P1 - P0)). If the spectral radius of Phi is below
1 (*local stability*), U = I + Phi U Phi' exists, and sets with |e|_U = sqrt(e U e') <= eta z, where every a(c) is between 0 and
n(c), get closer to x* by themselves.

1. The controlled set: if the last one still has |e|_U <= eta z, the largest set around it, otherwise the largest inside it.
2. The focus set: the largest set among the other arms whose wishes are sure to fit (see :mod:`rmab.policies.set_expansion`).
3. The controlled set acts as above, rounded at random; its arms come first, then the wishes of the focus set, then the others.

The focus set tends to x*, and joins the controlled one. Under local stability the gap to the bound vanishes exponentially fast
in N; without it, or without a neutral cell, there is no controlled set and this is the set-expansion policy.

Both sets start empty at step 0; a policy asked for anything but the next period, or shown states that cannot follow the last
ones, raises. As for the set-expansion policy, there should be many arms of each type.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Achieving exponential asymptotic optimality in average-reward restless bandits
without global attractor assumption (2024). Several neutral cells, the value of eta (the largest for which the ellipsoid keeps
every a(c) feasible) and the search for sets by shares are ours. Cost: one linear program and O((K S)^3) when it is made;
O(N + 100 K S + K^2 S^2) per period.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov

from rmab.models.problem import Problem
from rmab.policies.advice import Memory
from rmab.policies.base import checked_states
from rmab.policies.id_policy import check_average, mixed_order
from rmab.policies.randomised_lp import EMPTY, SingleArmPlan, check_same, follow, pick, single_arm_plan
from rmab.policies.set_expansion import GRID, Focus, closest

MOST_RADIUS = 1.0 - 1e-6


class TwoSet:
    """A set of arms under local control, a focus set that joins it, and the others.

    Parameters
    ----------
    problem : Problem
        Two actions; average criterion. The program is solved here, once.

    Attributes
    ----------
    controlled, focused : ndarray of bool, shape (N,)
        Members of the two sets in the last period.
    control : LocalControl
        Says whether the relaxed optimum is locally stable (``control.radius``, ``control.eta``).

    Raises
    ------
    ModelError
        If the criterion is not the average one or there are more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average())
    >>> policy = TwoSet(problem)
    >>> actions = policy.actions(problem, np.array([0] * 7 + [1] * 3), rng=np.random.default_rng(1))
    >>> int(actions.sum()), int(policy.controlled.sum())
    (2, 10)
    """

    def __init__(self, problem: Problem) -> None:
        check_average(problem, "TwoSet")
        self.problem = problem
        self.plan = single_arm_plan(problem)
        self.control = LocalControl(problem, self.plan)
        self.controlled = np.zeros(problem.arms.n_arms, dtype=bool)
        self.focused = np.zeros(problem.arms.n_arms, dtype=bool)
        self._focus = Focus.of(problem, self.plan)
        self._order = mixed_order(problem, self.plan)
        self._memory = Memory.blank()

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; ``controlled`` and ``focused`` then say which arms are in the sets.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the policy was made for another problem, or ``step`` or ``states`` do not
            follow those of the last call.
        """
        check_same(problem, self.problem)
        rng = np.random.default_rng(rng)
        given = checked_states(problem, states)
        self._memory.check(problem, given, step)
        cells = self.plan.cells(given)
        self._choose_sets(cells, fresh=step == 0)
        wish = self.plan.wishes(cells, rng)
        if self.controlled.any():
            steered = rng.permutation(np.flatnonzero(self.controlled))
            quota = self.control.activations(np.bincount(cells[steered], minlength=self.plan.act.size), rng)
            wish = np.where(self.controlled, pick(cells, quota, steered), wish)
        order = self._order[np.argsort((2 - 2 * self.controlled - self.focused)[self._order].astype(np.uint16), kind="stable")]
        actions = follow(wish, order, problem.budget, self.plan.useful(cells))
        self._memory = Memory(step, given, actions)
        return actions

    def _choose_sets(self, cells: NDArray[np.int64], *, fresh: bool) -> None:
        none = np.zeros(len(cells), dtype=bool)
        controlled = self.control.update(cells, none if fresh else self.controlled, self._order)
        others = ~controlled
        before = none if fresh else self.focused & others
        taken = 1.0 - np.count_nonzero(others) / len(cells)
        self.focused = self._focus.update(cells, before, others, self._order, taken) if others.any() else none
        self.controlled = controlled


class LocalControl:
    """The control law of the module docstring, where it is feasible, and whether it is stable.

    Parameters
    ----------
    problem : Problem
        Two actions.
    plan : SingleArmPlan
        The single-arm policy of its LP.

    Attributes
    ----------
    radius : float
        Spectral radius of the deviations' mean dynamics; infinite where no cell is neutral.
    eta : float
        Largest deviation, in arms of the full cohort; 0 where the control is not stable.
    """

    def __init__(self, problem: Problem, plan: SingleArmPlan) -> None:
        size = plan.act.size
        self.target = plan.occupancy * problem.arms.multiplicity[:, np.newaxis]
        self.act = plan.act.ravel()
        self.rate = np.repeat((plan.act * plan.occupancy).sum(axis=1), plan.act.shape[1])
        neutral = self.target.ravel() * self.act * (1.0 - self.act)
        self.weight = neutral / (neutral.sum() or 1.0)
        self.radius, self.eta, self._root = np.inf, 0.0, np.zeros((size, size))
        if not neutral.any():
            return
        phi = self._dynamics(problem, plan)
        self.radius = float(np.abs(np.linalg.eigvals(phi)).max())
        if self.radius <= MOST_RADIUS:
            shape = solve_discrete_lyapunov(phi, np.eye(size))
            self._root = np.linalg.cholesky((shape + shape.T) / 2.0)
            self.eta = self._feasible(np.linalg.inv(shape))

    def _dynamics(self, problem: Problem, plan: SingleArmPlan) -> NDArray[np.float64]:
        p = problem.arms.unit_rows
        n_types, n_states = plan.act.shape
        under_pi = p[:, 0] + plan.act[:, :, np.newaxis] * (p[:, 1] - p[:, 0]) - plan.occupancy[:, np.newaxis]
        phi = np.zeros((n_types, n_states, n_types, n_states))
        phi[np.arange(n_types), :, np.arange(n_types)] = under_pi
        steer = np.einsum("ks,kst->kt", self.weight.reshape(n_types, n_states), p[:, 1] - p[:, 0])
        return phi.reshape(self.act.size, self.act.size) - np.outer(self.act, steer.ravel())

    def _feasible(self, inverse: NDArray[np.float64]) -> float:
        """The largest eta with 0 <= a(c) <= n(c) on neutral cells: both are linear in e, so their extremes are known."""
        cells = np.flatnonzero(self.weight)
        unit = np.eye(len(self.act))[cells]
        turned = self.weight[cells, np.newaxis] * self.act
        act = self.act[cells, np.newaxis]
        room = np.concatenate([self.target.ravel()[cells] * act[:, 0], self.target.ravel()[cells] * (1.0 - act[:, 0])])
        slope = np.concatenate([turned - act * unit, (1.0 - act) * unit + turned])
        steepest = np.sqrt(np.einsum("is,st,it->i", slope, inverse, slope))
        return float((room / np.maximum(steepest, EMPTY)).min())

    def update(self, cells: NDArray[np.int64], before: NDArray[np.bool_], order: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The largest set around the last one, or inside it, that can be controlled; masks and cells of shape (N,)."""
        if self.eta == 0.0:
            return np.zeros(len(cells), dtype=bool)
        held = np.bincount(cells[before], minlength=self.act.size)
        there = np.bincount(cells, minlength=self.act.size)
        share = held.sum() / len(cells)
        if self._near(there[np.newaxis], np.ones(1))[0]:
            return np.ones(len(cells), dtype=bool)
        if self._near(held[np.newaxis], np.array([share]))[0]:
            return before | pick(cells, self._largest(held, there, share, 1.0) - held, order[~before[order]])
        return pick(cells, self._largest(np.zeros_like(held), held, 0.0, share), order[before[order]])

    def _near(self, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.bool_]:
        off = counts - shares[:, np.newaxis] * self.target.ravel()
        return np.linalg.norm(off @ self._root, axis=1) <= self.eta * shares

    def _largest(self, low: NDArray[np.int64], high: NDArray[np.int64], first: float, last: float) -> NDArray[np.int64]:
        """Arms per cell (C,), to one part in 32 of the shares from ``first``, which is known to do, to ``last``."""
        shares, shape = first + GRID * (last - first), self.target.shape
        counts = closest(shares, low.reshape(shape), high.reshape(shape), self.target)
        whole = np.rint(counts).astype(np.int64).reshape(len(GRID), -1)
        near = self._near(whole, whole.sum(axis=1) / self.target.sum())
        return whole[np.flatnonzero(near)[-1]] if near.any() else low

    def activations(self, counts: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """How many arms of each cell act, shape (C,), for a set with ``counts`` (C,); rounded at random to the right mean."""
        wanted = counts * self.act + self.weight * (counts @ (self.rate - self.act))
        total = np.cumsum(np.clip(wanted, 0.0, counts))
        return np.diff(np.floor(total + rng.random()), prepend=0.0).astype(np.int64)
