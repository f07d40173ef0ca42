"""Upper values of a charged hidden arm by interpolation between beliefs.

The value ``V`` of a charged hidden arm is convex in the belief. If a belief is the mean of some nodes, its value is therefore
at most the same mean of their values, and a chain that jumps from a belief to the nodes around it, keeping the mean, is worth
at least as much as the arm. That chain is a :class:`rmab.BeliefSpace` with a linear or Freudenthal closure; one with the
nearest closure does not keep the mean and bounds nothing.

1. Value iteration on the chain (:mod:`rmab.bound.relative`), for reward and activations at once, so that the value at the
   optimum is a line in the charge.
2. Add what is not certain: the largest change that the last sweep would still make; the rounding of one sweep; and how far the
   interpolated beliefs are from their own, in the sum of absolute differences, times half the spread of what a plan may earn
   from one hidden state and from another (the Lipschitz constant of ``V``), where the closure is not exact.

References: W. S. Lovejoy, "Computationally feasible bounds for partially observed Markov decision processes", Operations
Research 39 (1991); M. Hauskrecht, JAIR 13 (2000). Cost: the transitions of the chain per sweep. Stopping rule: that of
:mod:`rmab.bound.relative`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.charged_chain import sweep
from rmab.bound.lookahead import successors
from rmab.bound.relative import iterate
from rmab.errors import ModelError
from rmab.hidden.closure import Closure
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.reachable import MOST_LINEAR_STATES, reachable
from rmab.hidden.space import BeliefSpace

TOLERANCE = 1e-11
KEEP = 1e-13
DEPTH, MOST_BELIEFS = 20, 200_000
MERGE = {1: 1.0, 2: 0.002, 3: 0.02, 4: 0.05, 5: 0.2, 6: 0.2}
COARSE = 1.0 / 3.0
EPS = float(np.finfo(np.float64).eps)


class Start(NamedTuple):
    """Where an arm starts on a chain: the nodes that stand for its belief, their weights, and the nodes that it can reach."""

    ids: NDArray[np.int64]
    weights: NDArray[np.float64]
    reached: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ChainValue:
    """The optimum of the interpolated chain at one charge, from every node in the order of ``space.nodes``.

    Attributes
    ----------
    per_period : ndarray, shape (m,)
        Upper value per period: ``(1 - beta) V``, or the value of the horizon divided by its steps. On average, of any plan that
        stays among nodes whose numbers here are no larger.
    estimate : ndarray, shape (m, 2)
        Reward and activations per period of the policy that was found, without anything added.
    error : float
        What was added per period for rounding and inexact interpolation; what the last sweep would still change is added too.
    sweeps : int
        Applications of the operator.
    """

    per_period: NDArray[np.float64]
    estimate: NDArray[np.float64]
    error: float
    sweeps: int
    average: bool = False

    def upper(self, start: Start) -> float:
        """Upper value per period from a start; on average, of the best recurrent class that can be reached from it."""
        if self.average:
            return float(self.per_period[start.reached].max())
        return float(start.weights @ self.per_period[start.ids])


class Chain:
    """The interpolated chain of a belief space, ready for value iteration at any charge.

    Parameters
    ----------
    space : BeliefSpace
        Of linear or Freudenthal closure.
    beta : float
        The discount, 1 for the average.

    Raises
    ------
    ModelError
        If the closure is the nearest node.
    """

    def __init__(self, space: BeliefSpace, beta: float) -> None:
        if space.closure is Closure.NEAREST:
            raise ModelError(
                "a belief space with the nearest closure bounds nothing, since it does not keep the mean of a belief; "
                'use closure="linear" or "freudenthal"'
            )
        self.space, self.beta = space, beta
        counts = [len(part) for part in space.indices]
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.indptr = np.stack([part + offset for part, offset in zip(space.indptr, offsets, strict=True)]).astype(np.int64)
        self.indices = np.concatenate(space.indices).astype(np.int64)
        self.data = np.concatenate(space.data)
        self.rewards = np.ascontiguousarray(space.rewards)
        self.allowed = np.ascontiguousarray(space.hidden.allowed[space.node_modes])
        self.policy = np.zeros(len(space.nodes), dtype=np.int64)
        self.values = np.zeros((len(space.nodes), 2))
        self.astray = self._astray()

    def start(self, belief: NDArray[np.float64], mode: int) -> Start:
        """Where an arm of a belief (S,) and a mode starts; how far the nodes are from it counts as an error from now on."""
        rows, modes = belief[np.newaxis], np.array([mode])
        self.astray = max(self.astray, distance(self.space, rows, modes))
        ids, weights = (part[0] for part in self.space.lookup.weights(rows, modes))
        return Start(ids, weights, self._reached(ids[weights > 0.0]))

    def _reached(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The nodes that some plan leads to from the nodes ``ids``, shape ``(m,)``; with a discount, where it is idle, all."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order

        m = len(self.space.nodes)
        if self.beta < 1.0:
            return np.ones(m, dtype=np.bool_)
        reached = np.zeros(m, dtype=np.bool_)
        space = self.space
        moves = sum(csr_array(parts, shape=(m, m)) for parts in zip(space.data, space.indices, space.indptr, strict=True))
        for i in ids:
            if not reached[i]:
                reached[breadth_first_order(moves, i, return_predecessors=False)] = True
        return reached

    def step(self, values: NDArray[np.float64], charge: float, keep: float) -> NDArray[np.float64]:
        """One sweep from ``values`` (m, 2); the policy is kept for the next."""
        out = np.empty_like(values)
        given = (self.indptr, self.indices, self.data, self.rewards, self.allowed, charge, self.beta, keep)
        sweep(*given, np.ascontiguousarray(values), self.policy, out)
        return out

    def solve(self, charge: float, tolerance: float = TOLERANCE) -> ChainValue:
        """The chain's optimum at a charge, from where the last one ended.

        ``tolerance`` is relative to the spread of the charged rewards.
        """
        scale, weights = self.scale(charge), np.array([1.0, -charge])
        found = iterate(lambda v: self.step(v, charge, KEEP * scale), self.values, weights, self.beta, tolerance * scale)
        self.values = found.values
        relative = found.values @ weights
        lipschitz = scale / (1.0 - self.beta) if self.beta < 1 else float(np.ptp(relative))
        error = self._rounding(relative, charge) + self.beta * self.astray * lipschitz / 2.0
        estimate = found.change + (1.0 - self.beta) * found.values
        if self.beta < 1.0:
            return ChainValue(found.high + error + (1.0 - self.beta) * relative, estimate, error, found.sweeps)
        return ChainValue(found.change @ weights + error, estimate, error, found.sweeps, average=True)

    def horizon(self, charge: float, steps: int) -> ChainValue:
        """The chain's optimum over a number of periods, without discount, by backward induction."""
        values, rounding = np.zeros_like(self.values), 0.0
        for _ in range(steps):
            values = self.step(values, charge, 0.0)
            rounding += self._rounding(values @ np.array([1.0, -charge]), charge)
        # the spread of what plans earn grows by one period's per period
        error = rounding / steps + self.astray * self.scale(charge) * (steps - 1) / 4.0
        estimate = values / steps
        return ChainValue(estimate @ np.array([1.0, -charge]) + error, estimate, error, steps)

    def scale(self, charge: float) -> float:
        """Spread of what one period may earn under the charge."""
        charged = self.rewards - charge * (np.arange(len(self.rewards)) > 0)[:, np.newaxis]
        return float(np.ptp(charged)) or max(float(np.abs(charged).max()), 1.0)

    def _rounding(self, relative: NDArray[np.float64], charge: float) -> float:
        """Rounding of one sweep."""
        longest = int(np.diff(self.indptr, axis=1).max())
        size = float(np.abs(relative).max()) + float(np.abs(self.rewards).max()) + abs(charge)
        return 2.0 * (longest + 4) * EPS * size

    def _astray(self) -> float:
        """Largest distance, in the sum of absolute differences, of a successor from the mean of the nodes that stand for it."""
        after = successors(self.space.hidden, self.space.nodes, self.space.node_modes)
        return distance(self.space, after.beliefs, after.modes)


def grown(
    hidden: HiddenKernel,
    starts: NDArray[np.float64],
    modes: NDArray[np.int64],
    *,
    depth: int = DEPTH,
    merge: float | None = None,
) -> BeliefSpace:
    """A space whose closure keeps the mean: linear up to four hidden states, Freudenthal above.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    starts : ndarray, shape (m, S)
        Beliefs to grow from.
    modes : ndarray of int, shape (m,)
        Their modes.
    depth : int
        Periods to grow for.
    merge : float, optional
        Distance within which beliefs are merged, or spacing of the lattice; default by the number of hidden states, for some
        tens to some hundreds of nodes.
    """
    closure = Closure.LINEAR if hidden.n_states <= MOST_LINEAR_STATES else Closure.FREUDENTHAL
    return reachable(
        hidden,
        starts,
        depth=depth,
        merge=MERGE.get(hidden.n_states, COARSE) if merge is None else merge,
        closure=closure,
        modes=modes,
        same_generation=True,
        most=MOST_BELIEFS,
    )


def distance(space: BeliefSpace, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> float:
    """Largest distance of a belief from the mean of the nodes that stand for it, in the sum of absolute differences.

    Rounding, where the closure keeps the mean.
    """
    ids, weights = space.lookup.weights(beliefs, modes)
    mean = np.einsum("qc,qcs->qs", weights, space.nodes[ids])
    return float(np.abs(mean - beliefs).sum(axis=1).max(initial=0.0))
