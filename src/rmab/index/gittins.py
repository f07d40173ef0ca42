"""Gittins index of rested arms: arms that stand still and pay nothing while they wait.

The index of a state is the largest ratio of expected discounted reward to expected discounted time that can be had by playing
the arm until some stopping time,

    G(s) = sup_tau  E_s[ sum_{t < tau} beta^t r(s_t) ]  /  E_s[ sum_{t < tau} beta^t ],

and playing the arm of highest index in every period is optimal when exactly one arm is played. It is the Whittle index of a
rested arm, which is always indexable.

1. Eliminate the states in the order of their indices (see :mod:`rmab._kernels.rested`).
2. A state that loses too many digits there, or under the average criterion an arm with several recurrent classes, is left to
   :func:`rmab.whittle_index`, which takes the limit of vanishing discount.

References: J. C. Gittins, "Bandit processes and dynamic allocation indices", Journal of the Royal Statistical Society B 41
(1979); I. M. Sonin, "A generalized Gittins index for a Markov chain and its recursive calculation", Statistics and Probability
Letters 78 (2008). Cost: (2/3) S^3 operations per type.
"""

from __future__ import annotations

import numpy as np

from rmab._kernels import rested
from rmab._kernels.verdict import IRREGULAR
from rmab.errors import ModelError
from rmab.index.findings import Findings, check_two_actions, discount_of
from rmab.index.table import IndexTable
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.criterion import Criterion
from rmab.parallel import Progress, map_chunks


def gittins_index(
    arms: Arms, criterion: Criterion, *, threads: int | None = None, progress: Progress | None = None
) -> IndexTable:
    """Gittins index of every state of every type.

    Parameters
    ----------
    arms : Arms
        ``K`` types with two actions; under action 0 the state stays as it is and the reward is 0. See :meth:`rmab.Arms.rested`.
    criterion : Discounted or Average
        The average criterion is the limit of vanishing discount.
    threads : int, optional
        As for :func:`rmab.whittle_index`.
    progress : callable, optional
        Called as ``progress(types_done, types)``.

    Returns
    -------
    IndexTable
        ``values`` (K, S): reward per period, in the unit of the rewards.

    Raises
    ------
    ModelError
        If an arm moves or pays while it waits, the arms have more than two actions, or the criterion is a finite horizon.

    Examples
    --------
    >>> from rmab.models.criterion import Discounted
    >>> arms = Arms([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.2, 0.8]]], [[0.0, 0.0], [1.0, 3.0]])
    >>> gittins_index(arms, Discounted(0.9)).values.round(4)
    array([[2.2329, 3.    ]])
    """
    check_two_actions(arms, "Gittins")
    beta = discount_of(criterion, "Gittins")
    _check_rested(arms)
    p, r = arms.unit_rows, arms.rewards
    found = Findings.room(arms.n_types, arms.n_states)

    def work(first: int, last: int) -> None:
        for k in range(first, last):
            found.codes[k] = rested.index_arm(p[k, 1], r[k, 1], beta, found.values[k], found.error[k], found.margin[k])

    map_chunks(work, arms.n_types, chunk=max(1, 4_000_000 // arms.n_states**3), threads=threads, progress=progress)
    which = np.flatnonzero(found.codes == IRREGULAR)
    if len(which):
        careful = whittle_index(Arms(p[which], r[which]), criterion, threads=threads)
        found.values[which], found.error[which] = careful.values, careful.error
        found.margin[which], found.codes[which] = careful.margin, careful.codes
    return found.table(criterion)


def _check_rested(arms: Arms) -> None:
    moves = np.argwhere(arms.transitions[:, 0].diagonal(axis1=1, axis2=2) < 1.0)
    if len(moves):
        k, s = moves[0]
        raise ModelError(
            f"the Gittins index needs arms that stand still while they wait, but type {k} may leave state {s}; "
            "use whittle_index"
        )
    pays = np.argwhere(arms.rewards[:, 0] != 0.0)
    if len(pays):
        k, s = pays[0]
        raise ModelError(
            f"the Gittins index needs arms that pay nothing while they wait, but type {k} is paid "
            f"{arms.rewards[k, 0, s]:g} in state {s}; use whittle_index"
        )
