"""Index of one large structured arm: queues, birth and death, age of information, wear and repair, restarts.

Problem
-------
The elimination of a general arm with ``n`` states costs O(n^3) time and O(n^2) memory. Chains that move only a few states at a
time, or jump back to one state, need neither:

====================================  =============================================  ==================  =================
structure                             example                                        time                memory
====================================  =============================================  ==================  =================
climb by one or fall to one end,      age of information, wear and repair            O(n)                O(n)
thresholds optimal
banded, apart from one return column  queues, birth and death, stocks, repair        O(n^2 (kl+1)(ku+1)) O(n (kl+ku))
passive moves are certain             ages, deterministic wear, belief chains        O(n^2) set-up       O(n^2)
acting always restarts alike          restart arms                                   O(n^2) set-up       O(n^2)
====================================  =============================================  ==================  =================

Algorithm
---------
1. Scan the transitions once for the band widths ``kl``, ``ku`` and the return column.
2. Where the chain climbs by one state or falls to the end, guess that thresholds are optimal, compute all indices from sums,
   and keep them if the certificate of partial conservation laws holds (``_kernels/threshold.py``).
3. Else follow the path of optimal policies with one banded solve per charge (``_kernels/banded.py``). This gives the verdict
   for any arm, indexable or not.

References: J. Nino-Mora, "Restless bandits, partial conservation laws and indexability", Advances in Applied Probability 33
(2001); W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state distributions for Markov chains",
Operations Research 33 (1985).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.banded import banded_path
from rmab._kernels.threshold import threshold_path
from rmab._kernels.verdict import NOT_INDEXABLE, STRONG
from rmab.errors import ModelError
from rmab.models.sparse_arm import SparseArm

WIDEST_BAND = 8
MOST_BANDED_STATES = 50_000  # half a minute on one core


@dataclass(frozen=True)
class Structure:
    """What the transitions of an arm look like.

    Attributes
    ----------
    name : str
        ``"banded"``, ``"functional"`` (every passive row has one entry) or ``"restart"`` (all active rows are equal).
    lower, upper : int
        How many states a banded chain moves down or up at most in one step, returns apart.
    returns_to : int or None
        The state to which a banded chain may jump from anywhere.
    """

    name: str
    lower: int = 0
    upper: int = 0
    returns_to: int | None = None


@dataclass(frozen=True, eq=False)
class StructuredIndex:
    """Index of one large arm and what is known about it.

    Attributes
    ----------
    values : ndarray, shape (S,)
        The index of every state, a charge per activation.
    error : ndarray, shape (S,)
        Half-width of an interval around it that holds the exact index.
    margin : ndarray, shape (2,)
        The smallest slope of an advantage against the charge, and the largest advantage that came back (unit of the rewards).
    code : int
        A code of ``_kernels/verdict.py``.
    structure : str
        What was exploited: ``"threshold"`` or ``"banded"``.
    witness : tuple of (int, float, float) or None
        For an arm that is not indexable: a state, a charge at which waiting is better there, a higher one at which acting is.
    """

    values: NDArray[np.float64]
    error: NDArray[np.float64]
    margin: NDArray[np.float64]
    code: int
    structure: str
    witness: tuple[int, float, float] | None = None


def structured_index(arm: SparseArm, beta: float) -> StructuredIndex | None:
    """Whittle index of a large arm by its structure; None when it has none that helps.

    Parameters
    ----------
    arm : SparseArm
        One type with two actions.
    beta : float
        Discount, ``0 < beta <= 1``; 1 is the average criterion.

    Returns
    -------
    StructuredIndex or None
        None when the chain is not banded apart from one return column (at most 8 states down and up), or has more than 50,000
        states and no certified threshold order. The code is ``UNDECIDED`` or ``IRREGULAR`` when double precision does not do.

    Raises
    ------
    ModelError
        If the discount is not in ``(0, 1]``.

    Examples
    --------
    The age of information: acting brings the age back to 1 with probability 0.5; the cost is the age.

    >>> import numpy as np, scipy.sparse
    >>> older = np.eye(400, k=1)
    >>> older[-1, -1] = 1
    >>> sent = 0.5 * older + 0.5 * np.eye(400)[np.zeros(400, dtype=int)]
    >>> arm = SparseArm(older, sent, -np.arange(1, 401) * np.ones((2, 1)))
    >>> found = structured_index(arm, 1.0)
    >>> found.structure, found.values[:4].round(6)
    ('threshold', array([1. , 2.5, 4.5, 7. ]))
    """
    if not 0 < beta <= 1:
        raise ModelError(f"the discount must lie in (0, 1], got {beta!r}; 1 is the average criterion")
    moves = [_entries(rows) for rows in (arm.passive, arm.active)]
    shape = _banded(arm.n_states, np.concatenate([m[0] for m in moves]), np.concatenate([m[1] for m in moves]))
    if shape is None:
        return None
    band, back = _stencil(arm.n_states, moves, shape)
    scale = float(np.abs(arm.rewards).max()) or 1.0
    found = _by_threshold(band, back, arm.rewards / scale, beta, shape)
    if found is None and arm.n_states <= MOST_BANDED_STATES:
        found = _by_band(band, back, arm.rewards / scale, beta, shape)
    return None if found is None else _scaled(found, scale)


def detect(p0: NDArray[np.float64], p1: NDArray[np.float64]) -> Structure | None:
    """The structure of dense transitions, by one scan; the banded one when there are several, None when there is none.

    Parameters
    ----------
    p0, p1 : ndarray, shape (S, S)
        Passive and active transitions.

    Examples
    --------
    >>> older, sent = np.eye(40, k=1), np.eye(40)[np.zeros(40, dtype=int)]
    >>> older[-1, -1] = 1
    >>> detect(older, sent)
    Structure(name='banded', lower=0, upper=1, returns_to=0)
    >>> detect(older, np.full((40, 40), 1 / 40)).name
    'functional'
    """
    n = len(p0)
    few = 2 * WIDEST_BAND + 2
    # the first rows tell most dense arms
    if np.count_nonzero(p0[0]) <= few and np.count_nonzero(p0) <= few * n and np.count_nonzero(p1) <= few * n:
        places = [np.nonzero(p) for p in (p0, p1)]
        shape = _banded(n, np.concatenate([p[0] for p in places]), np.concatenate([p[1] for p in places]))
        if shape is not None:
            return shape
    if np.count_nonzero(p0[0]) == 1 and (np.count_nonzero(p0, axis=1) == 1).all():
        return Structure("functional")
    if np.array_equal(p1[0], p1[-1]) and (p1 == p1[0]).all():
        return Structure("restart")
    return None


def functional_setup(
    p0: NDArray[np.float64], p1: NDArray[np.float64], beta: float, pin: int | None = None
) -> NDArray[np.float64]:
    """``T = beta (P1 - P0) (I - beta P0)^-1`` in O(S^2), for a passive chain without chance.

    With ``f(k)`` the state that follows ``k``, column ``j`` of ``T`` is ``beta (P1 - P0)[:, j] + beta sum of T[:, k]`` over
    ``f(k) = j``: columns are added up along the trees, then around each cycle.

    Parameters
    ----------
    p0, p1 : ndarray, shape (S, S)
        Passive transitions with a single 1 in every row, and active transitions.
    beta : float
        Discount, ``0 < beta <= 1``.
    pin : int, optional
        The reference state of the pinned form, which holds for every discount up to and including 1: in ``I - beta P0`` its
        column is replaced by ones, in ``P1 - P0`` by zeros. Without it, ``beta < 1``.

    Raises
    ------
    ModelError
        If a passive row has several entries, or ``beta`` is 1 and the passive chain has a cycle that does not pass the pin.

    Examples
    --------
    >>> p0, p1 = np.eye(3)[[1, 2, 2]], np.eye(3)[[0, 0, 0]]
    >>> np.allclose(functional_setup(p0, p1, 0.9), 0.9 * (p1 - p0) @ np.linalg.inv(np.eye(3) - 0.9 * p0))
    True
    """
    n = len(p0)
    if not np.array_equal(np.count_nonzero(p0, axis=1), np.ones(n)):
        raise ModelError("the passive chain has a row with several entries; only a chain without chance has this form")
    follower = p0.argmax(axis=1)
    columns = np.zeros((n, n + 1))
    columns[:, :n] = beta * (p1 - p0).T
    if pin is not None:
        columns[pin] = 0.0
        if follower[pin] != pin:
            columns[follower[pin], n] = beta
    _add_along(columns, follower, beta, pin)
    if pin is None:
        return np.ascontiguousarray(columns[:, :n].T)
    columns[pin] = 0.0
    at_pin = -columns[:, :n].sum(axis=0) / (1.0 + columns[:, n].sum())
    out = columns[:, :n].T + np.outer(at_pin, columns[:, n])
    out[:, pin] = at_pin
    return np.ascontiguousarray(out)


def restart_setup(p0: NDArray[np.float64], p1: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """``T = beta (P0 - P1) (I - beta P1)^-1`` when all active rows are equal: it is ``beta (P0 - P1)``.

    Rows of ``P0 - P1`` sum to 0 and the rows of ``P1`` are equal, so ``(P0 - P1) P1 = 0``. The pinned form is the same, for
    every pin and every discount up to and including 1.

    Raises
    ------
    ModelError
        If the active rows differ.

    Examples
    --------
    >>> restart_setup(np.eye(2), np.array([[0.5, 0.5], [0.5, 0.5]]), 0.8)
    array([[ 0.4, -0.4],
           [-0.4,  0.4]])
    """
    if not (p1 == p1[0]).all():
        raise ModelError("the active rows differ; only an arm that always restarts alike has this form")
    return beta * (p0 - p1)


def _add_along(columns: NDArray[np.float64], follower: NDArray[np.intp], beta: float, pin: int | None) -> None:
    """Add ``beta`` times each row to the row of its follower, first along trees, then around cycles; nothing leaves the pin."""
    n = len(follower)
    waiting = np.bincount(follower, minlength=n)
    if pin is not None:
        waiting[follower[pin]] -= 1
    ready = [k for k in range(n) if waiting[k] == 0]
    done = np.zeros(n, dtype=bool)
    while ready:
        k = ready.pop()
        done[k] = True
        if k == pin:
            continue
        j = follower[k]
        columns[j] += beta * columns[k]
        waiting[j] -= 1
        if waiting[j] == 0:
            ready.append(int(j))
    for start in range(n):
        if not done[start]:
            cycle = [start]
            while follower[cycle[-1]] != start:
                cycle.append(int(follower[cycle[-1]]))
            done[cycle] = True
            _add_around(columns, cycle, beta)


def _add_around(columns: NDArray[np.float64], cycle: list[int], beta: float) -> None:
    if beta == 1:
        raise ModelError(
            f"the passive chain has a cycle through state {cycle[0]} without discount; pin a state on its only cycle"
        )
    carried = np.zeros(columns.shape[1])
    for k in cycle:
        carried = columns[k] + beta * carried
    carried /= -np.expm1(len(cycle) * np.log(beta))
    for k in cycle:
        columns[k] += beta * carried
        carried = columns[k]


def _entries(rows: Any) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Row, column and probability of every transition, each row scaled to sum to 1."""
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    sums = np.bincount(row, rows.data, minlength=rows.shape[0])
    return row, rows.indices.astype(np.intp), rows.data / sums[row]


def _banded(n: int, row: NDArray[np.intp], column: NDArray[np.intp]) -> Structure | None:
    move = column - row
    far = np.abs(move) > WIDEST_BAND
    returns_to = int(column[far][0]) if far.any() else None
    if returns_to is not None:
        if (column[far] != returns_to).any():
            return None
        move = move[column != returns_to]
    lower, upper = max(0, -int(move.min(initial=0))), max(0, int(move.max(initial=0)))
    return Structure("banded", lower, upper, returns_to)


def _stencil(n: int, moves: list[Any], shape: Structure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities by move ``(2, n, lower + 1 + upper)`` and of returning ``(2, n)``; both widths at least 1."""
    lower, upper = max(1, shape.lower), max(1, shape.upper)
    band, back = np.zeros((2, n, lower + 1 + upper)), np.zeros((2, n))
    for action, (row, column, value) in enumerate(moves):
        returning = (column == shape.returns_to) & (row != column)
        back[action, row[returning]] = value[returning]
        row, column, value = row[~returning], column[~returning], value[~returning]
        band[action, row, column - row + lower] = value
    return band, back


def _by_threshold(
    band: NDArray[np.float64], back: NDArray[np.float64], rewards: NDArray[np.float64], beta: float, shape: Structure
) -> StructuredIndex | None:
    n = rewards.shape[1]
    if (shape.lower, shape.returns_to) == (0, 0) and shape.upper <= 1:
        turn = slice(None)
        climb = band[:, :, 2]
    elif (shape.upper, shape.returns_to) == (0, n - 1) and shape.lower <= 1:
        turn = slice(None, None, -1)
        climb = band[:, ::-1, 0]
    else:
        return None
    climb, fall, paid = (np.ascontiguousarray(x) for x in (climb, back[:, turn], rewards[:, turn]))
    values, error, margin = np.empty(n), np.empty(n), np.empty(2)
    for upper in (1, 0):
        if threshold_path(climb, fall, paid, beta, upper, values, error, margin) == STRONG:
            return StructuredIndex(values[turn], error[turn], margin, STRONG, "threshold")
    return None


def _by_band(
    band: NDArray[np.float64], back: NDArray[np.float64], rewards: NDArray[np.float64], beta: float, shape: Structure
) -> StructuredIndex:
    n = rewards.shape[1]
    values, error, margin, witness = np.empty(n), np.empty(n), np.empty(2), np.zeros(3)
    pin = 0 if shape.returns_to is None else shape.returns_to
    fixed = shape.returns_to is not None
    kl = max(1, shape.lower)
    code = banded_path(band, kl, back, rewards, beta, pin, fixed, values, error, margin, witness)
    proof = (int(witness[0]), float(witness[1]), float(witness[2])) if code == NOT_INDEXABLE else None
    return StructuredIndex(values, error, margin, int(code), "banded", proof)


def _scaled(found: StructuredIndex, scale: float) -> StructuredIndex:
    margin = found.margin * np.array([1.0, scale])
    proof = found.witness
    if proof is not None:
        proof = (proof[0], proof[1] * scale, proof[2] * scale)
    values, error = np.ascontiguousarray(found.values * scale), np.ascontiguousarray(found.error * scale)
    for array in (values, error, margin):
        array.setflags(write=False)
    return StructuredIndex(values, error, margin, found.code, found.structure, proof)
