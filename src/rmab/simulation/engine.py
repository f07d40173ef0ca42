"""What every engine takes and returns, and how replicates are spread over threads.

An engine simulates the replicates ``first <= r < last``; what it computes for a replicate depends only on the problem, the
policy and the key, so the cuts between chunks never show in the results.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import InfeasibleBudget, ModelError
from rmab.hidden.problem import HiddenProblem
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.parallel import Progress, default_threads, map_chunks
from rmab.policies.base import PriorityRule

AnyProblem = Problem | HiddenProblem


class Record(NamedTuple):
    """What was seen in some replicates: rewards and activations (R, T), arms per state summed over replicates (T, S).

    Where states are hidden, the beliefs of the arms are summed instead.

    Of what arms owe on their own, means over the arms of each type: of the excess over each bound (R, J, K), and of the most
    that is above 0 (R, K).
    """

    reward: NDArray[np.float64]
    acted: NDArray[np.int64]
    occupancy: NDArray[np.int64] | NDArray[np.float64]
    excess: NDArray[np.float64]
    violation: NDArray[np.float64]


def empty_record(replicates: int, steps: int, shape: tuple[int, ...]) -> Record:
    """Room for ``replicates`` rows of a problem whose excess costs have ``shape`` (J, K, A, S); occupancies start at 0.

    Examples
    --------
    >>> record = empty_record(2, 3, (1, 5, 2, 4))
    >>> record.occupancy.shape, record.excess.shape
    ((3, 4), (2, 1, 5))
    """
    n_penalties, n_types, _, n_states = shape
    return Record(
        np.empty((replicates, steps)),
        np.empty((replicates, steps), dtype=np.int64),
        np.zeros((steps, n_states), dtype=np.int64),
        np.zeros((replicates, n_penalties, n_types)),
        np.zeros((replicates, n_types)),
    )


def period_weights(problem: AnyProblem, steps: int, burn_in: int) -> NDArray[np.float64]:
    """What each period counts in a value per period, shape ``(T,)``.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> period_weights(Problem(Arms([[[1.0]], [[1.0]]], [[0], [1]]), TopK(1), Average()), 4, 2)
    array([0. , 0. , 0.5, 0.5])
    """
    if isinstance(problem.criterion, Discounted):
        beta = problem.criterion.beta
        return (1 - beta) * beta ** np.arange(float(steps))
    return (np.arange(steps) >= burn_in) / float(steps - burn_in)


@dataclass(frozen=True)
class Workers:
    """Where chunks of replicates run: ``threads`` of an own pool, or an ``executor``; ``chunk`` replicates at a time."""

    threads: int | None = None
    executor: Executor | None = None
    progress: Progress | None = None
    chunk: int | None = None

    def run(self, work: Callable[[int, int], Record], replicates: int) -> Record:
        """All replicates of ``work(first, last)``, joined in order.

        Examples
        --------
        >>> Workers(threads=1).run(lambda first, last: empty_record(last - first, 2, (0, 1, 2, 2)), 10).reward.shape
        (10, 2)
        """
        threads = default_threads() if self.threads is None else self.threads
        chunk = self.chunk or -(-replicates // (8 * threads))
        parts = map_chunks(work, replicates, chunk=chunk, threads=threads, executor=self.executor, progress=self.progress)
        return Record(
            np.concatenate([part.reward for part in parts]),
            np.concatenate([part.acted for part in parts]),
            sum((part.occupancy for part in parts[1:]), parts[0].occupancy),
            np.concatenate([part.excess for part in parts]),
            np.concatenate([part.violation for part in parts]),
        )


def rule_tables(rule: PriorityRule, *, exactly: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per table of the rule: cells best first, rank of each cell, (T, K * S) both, and number of ranks to act on, (T,).

    Examples
    --------
    >>> rule_tables(PriorityRule([[-1.0, 2.0]]), exactly=False)
    (array([[1, 0]]), array([[1, 0]]), array([1]))
    """
    ranks = rule.ranks()
    rank = ranks.reshape(len(ranks), -1)
    return np.argsort(rank, axis=1, kind="stable"), rank, rule.eligible(exactly=exactly)


def whole_actions(actions: ArrayLike, n_arms: int, n_actions: int, step: int) -> NDArray[np.int32]:
    """What a policy returned in period ``step``, shape ``(N,)``; raises :class:`ModelError` unless known actions, one per arm.

    Examples
    --------
    >>> whole_actions([0, 2], 2, 2, step=5)
    Traceback (most recent call last):
    rmab.errors.ModelError: in period 5 the policy gives arm 1 action 2; actions run from 0 to 1
    """
    given = np.asarray(actions)
    if given.shape != (n_arms,) or given.dtype.kind not in "iub":
        raise ModelError(
            f"the policy must return {n_arms} whole numbers, one action per arm; "
            f"in period {step} it returned shape {given.shape}, {given.dtype}"
        )
    unknown = np.flatnonzero((given < 0) | (given >= n_actions))
    if len(unknown):
        arm = unknown[0]
        raise ModelError(
            f"in period {step} the policy gives arm {arm} action {given[arm]}; actions run from 0 to {n_actions - 1}"
        )
    return given.astype(np.int32)


def check_used(budget: TopK, actions: NDArray[np.int32], step: int, *, least: int) -> None:
    """Raise :class:`InfeasibleBudget` when too many arms are acted on, or fewer than ``least`` of what must be used exactly.

    Examples
    --------
    >>> check_used(TopK(1), np.array([1, 1]), 5, least=1)
    Traceback (most recent call last):
    rmab.errors.InfeasibleBudget: in period 5 the policy acts on 2 arms, but the budget is at most 1
    """
    used = int(np.count_nonzero(actions))
    if used > budget.k or (budget.exactly and used < least):
        allowed = "exactly" if budget.exactly else "at most"
        raise InfeasibleBudget(f"in period {step} the policy acts on {used} arms, but the budget is {allowed} {budget.k}")
