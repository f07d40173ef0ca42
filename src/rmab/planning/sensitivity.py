"""How much of the plan hangs on the estimates.

The log leaves the transition probabilities open; the posterior says how far. For each of ``D`` draws from it:

1. compute the draw's own indices, and with them the chance that an arm of each cell (type and state) would be on the list;
2. see whether the occupied cells come in the same order as under the estimate;
3. let the recommended policy, the draw's own index policy and the reference (no action) run in the draw's world, on the same
   random numbers, from the arms' present states.

The *gain* of a draw is what the recommended policy earns above the reference; its *loss* is what the draw's own index policy,
which knows the draw, earns above the recommended one. Both are means over a few simulated futures, so their spread over draws
contains some simulation noise besides the uncertainty of the estimates: the ranges err on the wide side.

Cost: ``D`` times the indices and three short simulations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.planning.choice import chosen_share
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import compare

ENDS = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What posterior draws say about a plan.

    Attributes
    ----------
    index : ndarray, shape (D, K, S)
        The indices of each draw.
    chance : ndarray, shape (K, S)
        Mean chance over the draws that an arm of this type and state is on the draw's own list; 0 for an empty cell.
    same_order : float
        Share of the draws in which the occupied cells are ranked as under the estimate.
    gain : ndarray, shape (D,)
        Reward per period of the recommended policy above the reference policy, in each draw's world.
    loss : ndarray, shape (D,)
        Reward per period of the draw's own index policy above the recommended one.
    """

    index: NDArray[np.float64]
    chance: NDArray[np.float64]
    same_order: float
    gain: NDArray[np.float64]
    loss: NDArray[np.float64]

    @property
    def draws(self) -> int:
        """Number of draws, ``D``."""
        return len(self.index)

    @property
    def index_interval(self) -> NDArray[np.float64]:
        """Ends of the 95 % range of each index, shape ``(2, K, S)``."""
        return np.percentile(self.index, ENDS, axis=0, method="inverted_cdf")

    @property
    def gain_interval(self) -> tuple[float, float]:
        """Ends of the 95 % range of the gain."""
        low, high = np.percentile(self.gain, ENDS)
        return float(low), float(high)

    @property
    def loss_interval(self) -> tuple[float, float]:
        """Ends of the 95 % range of the loss."""
        low, high = np.percentile(self.loss, ENDS)
        return float(low), float(high)

    def __str__(self) -> str:
        return (
            f"{self.draws} posterior draws: same order of the cells in {self.same_order:.0%}; "
            f"gain {self.gain.mean():.4g} per period (95 % range {self.gain_interval[0]:.4g} to {self.gain_interval[1]:.4g}); "
            f"loss {self.loss.mean():.4g} against a policy that knows the draw"
        )


def sensitivity(
    problem: Problem,
    draws: Sequence[Arms],
    *,
    policy: Policy,
    reference: Policy,
    index: NDArray[np.float64],
    threshold: float,
    criterion: Average | Discounted,
    replicates: int,
    rng: int,
    progress: Progress | None = None,
) -> Sensitivity:
    """Re-do the plan in each drawn world.

    Parameters
    ----------
    problem : Problem
        The estimated arms, the budget, the simulated horizon and the arms' present states.
    draws : sequence of Arms, length D
        Posterior draws of the arms, at least one.
    policy, reference : Policy
        The recommended policy and the one it is held against.
    index : ndarray, shape (K, S)
        The recommended policy's priorities.
    threshold : float
        Priority below which it leaves arms alone.
    criterion : Average or Discounted
        For which indices are computed.
    replicates : int
        Simulated futures of each draw.
    rng : int
        Entropy of the simulations; every draw sees the same random numbers.
    progress : callable, optional
        Called as ``progress(draws_done, D)``.

    Returns
    -------
    Sensitivity
    """
    counts = cell_counts(problem)
    own = own_indices(draws, criterion)
    chance = [chosen_share(table.ravel(), threshold, counts.ravel(), problem.budget) for table in own]
    occupied = counts > 0
    order = _order(index[occupied])
    gain, loss = np.empty(len(draws)), np.empty(len(draws))
    for d, arms in enumerate(draws):
        world = Problem(arms, problem.budget, problem.criterion, start=problem.start)
        policies = {"recommended": policy, "own": IndexPolicy(own[d], threshold=threshold), "reference": reference}
        table = compare(world, policies, replicates=replicates, rng=rng, threads=1)
        gain[d] = table.outcomes["recommended"].mean - table.outcomes["reference"].mean
        loss[d] = table.outcomes["own"].mean - table.outcomes["recommended"].mean
        if progress is not None:
            progress(d + 1, len(draws))
    return Sensitivity(
        index=own,
        chance=np.mean(chance, axis=0).reshape(counts.shape),
        same_order=float(np.mean([np.array_equal(_order(table[occupied]), order) for table in own])),
        gain=gain,
        loss=loss,
    )


def cell_counts(problem: Problem) -> NDArray[np.int64]:
    """Number of arms of each type in each state at the start, shape ``(K, S)``."""
    return np.rint(problem.start_distribution * problem.arms.multiplicity[:, np.newaxis]).astype(np.int64)


def own_indices(draws: Sequence[Arms], criterion: Average | Discounted) -> NDArray[np.float64]:
    """The Whittle indices of each draw, shape ``(D, K, S)``; all draws are handled as types of one table."""
    transitions = np.concatenate([arms.transitions for arms in draws])
    rewards = np.concatenate([arms.rewards for arms in draws])
    values = whittle_index(Arms(transitions, rewards), criterion).values
    return values.reshape(len(draws), -1, values.shape[1])


def _order(index: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(-index, kind="stable")
