"""Lagrangian bound for arms whose states are not seen.

Charge every activation a price and let each arm go its own way, as in :mod:`rmab.index.price`; the value of a charged hidden
arm is replaced by an upper value, so that at every price, and hence at the best one,

    sum_k m_k U_k(price) + price budget   >=   sum_k m_k V_k(price) + price budget   >=   the optimum.

``U_k`` is the optimum of the chain that interpolates between beliefs and keeps their mean (:mod:`rmab.bound.upper`). It is
worth at least as much as the hidden arm, so the bound never comes below the optimum, and approaches the Lagrangian bound of
the hidden arms from above as the mesh is refined. Values of plans are lower values and bound nothing here.

1. Grow a belief space for every distinct arm, from the starts of all types that share it. Closure: linear up to four hidden
   states, Freudenthal above.
2. Minimise over the price by intersecting tangents. A price below zero is admitted only if exactly the budget must be used and
   acting is always allowed; otherwise fewer arms than the budget may be acted on.
3. At the best price take for each type the smaller of ``U_k`` and the fast informed bound; where the closure is not linear,
   also of the sawtooth.
4. The value is that at the best price met, plus what rounding, unfinished iteration and inexact interpolation may have hidden.

With a horizon, values are by backward induction and there is one price for all steps. On average a chain has the gain of its
best recurrent class among those that can be reached from the start: where an arm cannot leave a worse one, the bound is loose,
and the status says by how much.

References: P. Whittle, "Restless bandits" (1988); W. S. Lovejoy, Operations Research 39 (1991). Cost: 4 to 18 value iterations
for every distinct arm. Stopping rule: that of :mod:`rmab.index.price`, to the accuracy of the values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmab.bound.result import Bound
from rmab.bound.sawtooth import sawtooth
from rmab.bound.upper import DEPTH, Chain, grown
from rmab.errors import ModelError, NotConverged
from rmab.hidden.closure import Closure
from rmab.hidden.problem import HiddenProblem, check_hidden_problem
from rmab.hidden.space import BeliefSpace, check_space
from rmab.index.price import MOST_EVALUATIONS, RELATIVE_GAP, Tangent, minimise
from rmab.models.criterion import Discounted, Horizon

ACCURACY = 1e-10
LOOSE = 1e-6  # share of the rewards from which on what was added is no rounding


def hidden_bound(
    problem: HiddenProblem,
    *,
    spaces: BeliefSpace | Sequence[BeliefSpace] | None = None,
    depth: int = DEPTH,
    merge: float | None = None,
) -> Bound:
    """Upper bound on what any policy can earn that sees signals but not states.

    Parameters
    ----------
    problem : HiddenProblem
        Any number of actions, of which every one but 0 uses one unit of the budget.
    spaces : BeliefSpace or sequence of K BeliefSpace, optional
        Nodes to interpolate between, type by type, of linear or Freudenthal closure; the bound is tighter with more of them.
        Types may share one. Default: grown from the starts.
    depth : int
        Periods to grow spaces for.
    merge : float, optional
        Distance within which beliefs are merged, or spacing of the lattice; default by the number of hidden states, 0.002 for
        two, 0.02 for three, 0.05 for four.

    Returns
    -------
    Bound
        Value per period over all arms, price per activation, and the share of periods each type is acted on. ``status`` says
        what was added to the value for numerical error, or on average for an arm that may not leave a worse recurrent class.

    Raises
    ------
    ModelError
        If the problem is no :class:`HiddenProblem`, or spaces do not fit its arms or have the nearest closure.
    NotConverged
        If the dual is not minimised in 500 evaluations.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> bound = hidden_bound(HiddenProblem(channel, TopK(2), Discounted(0.9), multiplicity=[10]))
    >>> round(bound.value, 3), bound.method
    (1.413, 'Lagrangian dual, linear closure')
    """
    check_hidden_problem(problem)
    chosen = _grown(problem, depth, merge) if spaces is None else _given(problem, spaces)
    dual = HiddenDual(problem, chosen)
    best = minimise(dual)
    value, price, error = dual.best
    kinds = list(dict.fromkeys(space.closure.value for space in chosen))
    method = f"Lagrangian dual, {' and '.join(kinds)} closure"
    smaller = _smallest(problem, dual, price)
    if smaller < value - error:
        value, method = smaller, f"{method} or informed"
    nodes = sorted({len(space.nodes) for space in chosen})
    sizes = f"{nodes[0]}" if len(nodes) == 1 else f"{nodes[0]} to {nodes[-1]}"
    slight = error <= LOOSE * float(dual.weight.sum() * np.abs(dual.rewards).max())
    cause = "numerical error" if slight else "what recurrent classes differ by, and numerical error"
    status = f"upper value on {sizes} nodes per arm after {dual.evaluations} evaluations, {error:.1g} added for {cause}"
    return Bound(value, price, np.clip(best.activation, 0.0, 1.0), status, method)


class HiddenDual:
    """The dual function with upper values of hidden arms in place of the values of arms.

    Parameters
    ----------
    problem : HiddenProblem
        The problem.
    spaces : sequence of K BeliefSpace
        Nodes of each type; types with one space are solved once.

    Attributes
    ----------
    best : tuple of float
        The smallest certified value so far, its price, and the numerical error that is part of it.
    """

    def __init__(self, problem: HiddenProblem, spaces: Sequence[BeliefSpace]) -> None:
        criterion = problem.criterion
        self.steps = criterion.steps if isinstance(criterion, Horizon) else 0
        self.beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
        self.weight = problem.multiplicity.astype(np.float64)
        self.budget = float(problem.budget.k)
        self.exactly = problem.budget.exactly and all(bool(arm.allowed.all()) for arm in problem.arms)
        self.rewards = np.array([[[arm.rewards.min(), arm.rewards.max()]] for arm in problem.arms])
        self.level = ACCURACY * float(self.weight.sum())
        self.evaluations = 0
        self.best = (np.inf, 0.0, 0.0)
        self.chains: dict[int, Chain] = {}
        self.types: dict[int, list[int]] = {}
        self.starts = []
        for k, space in enumerate(spaces):
            if id(space) not in self.chains:
                self.chains[id(space)] = Chain(space, self.beta)
            self.types.setdefault(id(space), []).append(k)
            self.starts.append(self.chains[id(space)].start(problem.start[k], int(problem.start_modes[k])))

    def tangent(self, price: float) -> Tangent:
        """The tangent at ``price``; the certified value there is kept if it is the smallest."""
        if self.evaluations >= MOST_EVALUATIONS:
            raise NotConverged(f"the dual was not minimised in {MOST_EVALUATIONS} evaluations; use a larger merge")
        self.evaluations += 1
        line, certified, error = np.empty((len(self.weight), 2)), np.empty(len(self.weight)), 0.0
        for key, chain in self.chains.items():
            found = chain.horizon(price, self.steps) if self.steps else chain.solve(price)
            for k in self.types[key]:
                line[k] = self.starts[k].weights @ found.estimate[self.starts[k].ids]
                certified[k] = found.upper(self.starts[k])
                error += self.weight[k] * (certified[k] - line[k] @ (1.0, -price))
        value = float(self.weight @ certified) + price * self.budget
        if value < self.best[0]:
            self.best = (value, price, float(error))
        worth, activation = line.T
        used = float(self.weight @ activation)
        size = float(self.weight @ np.abs(worth)) + abs(price) * (used + self.budget)
        # what the values are exact to is what tangents may differ by
        return Tangent(price, float(self.weight @ worth), self.budget - used, size * ACCURACY / RELATIVE_GAP, activation.copy())


def _smallest(problem: HiddenProblem, dual: HiddenDual, price: float) -> float:
    """The bound at a price with the smallest of several upper values for each type; infinity with a horizon."""
    if dual.steps:
        return np.inf
    total = price * dual.budget
    for key, chain in dual.chains.items():
        plain = chain.solve(price)
        points = chain.space.closure is not Closure.LINEAR
        # where the mesh is a triangulation, it needs no help from pyramids over single points
        where = (chain.space.nodes, chain.space.node_modes) if points else (np.empty((0, chain.space.nodes.shape[1])), None)
        other = sawtooth(chain.space.hidden, price, problem.criterion, beliefs=where[0], modes=where[1])
        for k in dual.types[key]:
            known = other.per_period(problem.start[k][np.newaxis], problem.start_modes[k : k + 1])[0]
            total += dual.weight[k] * min(plain.upper(dual.starts[k]), float(known))
    return float(total)


def _grown(problem: HiddenProblem, depth: int, merge: float | None) -> list[BeliefSpace]:
    """One space per distinct arm, from all its starts."""
    spaces: dict[int, BeliefSpace] = {}
    for arm in problem.arms:
        if id(arm) not in spaces:
            own = [k for k, other in enumerate(problem.arms) if other is arm]
            starts = np.stack([problem.start[k] for k in own])
            spaces[id(arm)] = grown(arm, starts, problem.start_modes[own], depth=depth, merge=merge)
    return [spaces[id(arm)] for arm in problem.arms]


def _given(problem: HiddenProblem, spaces: BeliefSpace | Sequence[BeliefSpace]) -> list[BeliefSpace]:
    each = [spaces] * problem.n_types if isinstance(spaces, BeliefSpace) else list(spaces)
    if len(each) != problem.n_types:
        raise ModelError(f"spaces must hold one belief space per type, {problem.n_types} of them; got {len(each)}")
    for k, (space, arm) in enumerate(zip(each, problem.arms, strict=True)):
        check_space(space, arm, f"the space of type {k}")
    return each
