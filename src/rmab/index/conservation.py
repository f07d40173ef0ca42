"""Index by conservation laws: the adaptive greedy algorithm, and whether partial conservation laws hold (PCL-indexability).

Problem
-------
An arm pays ``r[a, s]`` and moves by ``P[a, s, .]``. While it is acted on in the set of states ``B``, let ``f(s)`` be the
discounted number of activations from ``s`` on, and ``g(s)`` the discounted reward. Acting once in ``s`` and then going on as
before, instead of waiting once, adds

    work  A[s] = 1 + beta (P1 - P0)[s] f,        reward  W[s] = r[1, s] - r[0, s] + beta (P1 - P0)[s] g.

For any policy, with ``x0[j]`` and ``x1[j]`` the discounted time in ``j`` spent waiting and acting,

    activations + sum of A[j] x0[j] over B  =  f(start) + sum of A[j] x1[j] over the other states,

and the same for rewards with ``g`` and ``W``. The arm is *PCL-indexable* when work is positive in all states, for all sets of
the family that the greedy algorithm visits, and the ratios ``W / A`` that it finds never increase. It is then indexable, and
these ratios are its index. That is sufficient, not necessary.

Algorithm
---------
1. Start from the empty set. The state outside with positive work and the largest ratio is the next to act; the ratio is its
   index; of several, the lowest state. Stop at the full set.
2. At every set, look at the work of *all* states and at the advantages ``W - charge * A`` at the index just found. The
   ``flags`` say what was seen: 1, work that is not positive; 2, a ratio that increased; 4, a state inside that wants to wait
   again as the charge falls; 8, no state left with positive work.
3. Without 2, 4 and 8 the sets are the optimal ones at falling charges, so the ratios are the exact index, also where flag 1
   is raised. Else, and where digits were lost or an advantage touches zero, the arm goes to the careful kernels of
   :mod:`rmab.index.whittle`.
4. *Not indexable* is only said with a witness, two charges at which optimal policies, found and evaluated afresh, contradict
   indexability (in step 5, certain bounds on their values). Where the greedy run on more than 64 states has met one, it is
   tried first, which saves the careful kernels; the index is then that of the greedy run, a heuristic like any.
5. A sparse arm of more than MOST_PIVOTED states is done by value iteration at many charges; see
   :mod:`rmab.index.conservation_large`. Its indices come with an interval, its work is only known where the charges are.

Under the average criterion all is in the pinned form of :mod:`rmab._kernels.evaluation`, for the relative values that the
deviation matrix gives. A set under which there are several recurrent classes ends the greedy run.

A mesh of beliefs is another arm than the hidden arm it stands for, and a small margin may turn with the mesh. So the status
always tells the least work.

References: J. Nino-Mora, "Restless bandits, partial conservation laws and indexability", Advances in Applied Probability 33
(2001); K. Liu, Q. Jia, arXiv:2307.03034. Cost: n^3 operations for an arm where waiting moves to few states, (11/3) n^3 for
others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rmab._kernels import pivoting, whittle_path
from rmab._kernels.verdict import IRREGULAR, NOT_INDEXABLE, UNDECIDED
from rmab.errors import ModelError
from rmab.index.conservation_large import sweep_index, unit_rows
from rmab.index.findings import Findings, check_two_actions, discount_of
from rmab.index.large import index_large
from rmab.index.table import IndexTable
from rmab.index.whittle import LANES
from rmab.models.arms import Arms
from rmab.models.criterion import Average, Criterion
from rmab.models.sparse_arm import SparseArm
from rmab.parallel import Progress, map_chunks

MOST_PIVOTED = 8000  # states of a sparse arm; ten seconds and 1 GB
MOST_CAREFUL = 3000
NEARLY_AVERAGE = 1.0 - 2.0**-24
NEAR_TURN = (0.5, 0.05)  # how far from the turn the charges of a witness lie, as a share of the way to the next set
CLEAR = 1e-13  # smallest advantage of a witness, per state and relative to the values it is the difference of


@dataclass(frozen=True, eq=False)
class ConservationIndex(IndexTable):
    """Index of every state of every type, with what the conservation laws say about each type.

    For a type of more than 64 states that is not indexable, ``values`` may be the ratios of the greedy run, which need not be
    the lowest charges at which acting stops being optimal; their ``error`` is infinite.

    Attributes
    ----------
    flags : ndarray of int, shape (K,)
        Sum of 1 (work that is not positive in some state at some visited set), 2 (the index increased along the order), 4 (not
        indexable: a state stops acting as the charge falls) and 8 (no state left with positive work).
    least_work : ndarray, shape (K,)
        Smallest work over all states and visited sets, at most 1. Where ``tested`` is below ``S + 1``, a number that the least
        work does not exceed.
    worst_set_size : ndarray of int, shape (K,)
        Number of states that act in the set where that was found.
    violations : ndarray of int, shape (K,)
        How many pairs of a visited set and a state have work that is not positive.
    tested : ndarray of int, shape (K,)
        At how many sets the work of all states was computed: ``S + 1`` for a complete test. Fewer where a set has several
        recurrent classes (average criterion) or no state was left with positive work, 0 for an arm too large for the test.
    order : ndarray of int, shape (K, S)
        The states in the order in which they start to act as the charge falls.
    """

    flags: NDArray[np.int64]
    least_work: NDArray[np.float64]
    worst_set_size: NDArray[np.int64]
    violations: NDArray[np.int64]
    tested: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def pcl_indexable(self) -> NDArray[np.bool_]:
        """Whether the partial conservation laws were tested and hold for each type, shape ``(K,)``."""
        return (self.flags == 0) & (self.tested == self.values.shape[1] + 1) & self.indexable

    @property
    def status(self) -> str:
        """What holds for all types, with the remedy when something is wrong, and the least work."""
        worst, part = int(np.argmin(self.least_work)), self.tested <= self.values.shape[1]
        where = f"{self.least_work[worst]:.3g} (type {worst}, active set of {self.worst_set_size[worst]})"
        text = f"{super().status}; PCL-indexable: {self.pcl_indexable.sum()} of {len(part)}, least work {where}"
        if not part.any():
            return text
        error = float(self.error[part].max())
        return f"{text}; not tested at every set: {part.sum()}, whose least work may be smaller, indices to within {error:.2g}"


def conservation_index(
    arms: Arms | SparseArm, criterion: Criterion, *, threads: int | None = None, progress: Progress | None = None
) -> ConservationIndex:
    """Index of every state by the adaptive greedy algorithm, with the test of partial conservation laws.

    Parameters
    ----------
    arms : Arms or SparseArm
        ``K`` types with two actions, or one large arm whose transitions are sparse.
    criterion : Discounted or Average
        Discounted indices are charges per activation, not multiplied by (1 - beta).
    threads : int, optional
        Threads over which the types are spread; default one per core. Results do not depend on it. Within one large arm, matrix
        products use as many threads as the BLAS library is set to.
    progress : callable, optional
        Called as ``progress(types_done, types)``.

    Returns
    -------
    ConservationIndex
        ``values`` and ``error`` (K, S), a verdict for each type, ``pcl_indexable`` and the margin ``least_work``.

    Raises
    ------
    ModelError
        If the arms have more than two actions, the criterion is a finite horizon, or it is the average and a sparse arm has
        more than 8,000 states.

    Examples
    --------
    >>> from rmab.models.criterion import Discounted
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]])
    >>> table = conservation_index(arms, Discounted(0.95))
    >>> table.values.round(4), table.order, table.pcl_indexable
    (array([[0.7661, 0.5315]]), array([[0, 1]]), array([ True]))
    >>> print(table.status)
    all 1 types are indexable; PCL-indexable: 1 of 1, least work 0.566 (type 0, active set of 1)
    """
    beta = discount_of(criterion, "conservation-law")
    if isinstance(arms, SparseArm):
        return _of_sparse_arm(arms, criterion, beta)
    check_two_actions(arms, "conservation-law")
    found, report, order = _room(arms.n_types, arms.n_states)
    work = partial(_types, arms.unit_rows, arms.rewards, beta, found, report, order)
    chunk = max(1, min(4096, 4_000_000 // arms.n_states**3))
    map_chunks(work, arms.n_types, chunk=chunk, threads=threads, progress=progress)
    return _table(found, report, order, criterion)


def _room(n_types: int, n_states: int) -> tuple[Findings, NDArray[np.float64], NDArray[np.int64]]:
    found = Findings.room(n_types, n_states)
    return found, np.empty((n_types, pivoting.BELOW + 1)), np.empty((n_types, n_states), dtype=np.int64)


def _types(
    p: NDArray[np.float64],
    r: NDArray[np.float64],
    beta: float,
    found: Findings,
    report: NDArray[np.float64],
    order: NDArray[np.int64],
    first: int,
    last: int,
) -> None:
    pivoting.index_types(p, r, beta, first, last, found.values, found.error, found.margin, order, report, found.codes)
    for k in range(first, last):
        if found.codes[k] == IRREGULAR:
            found.codes[k] = _again(p[k], r[k], beta, found, report[k], k)


def _again(
    p: NDArray[np.float64], r: NDArray[np.float64], beta: float, found: Findings, report: NDArray[np.float64], k: int
) -> int:
    """The code of a type whose greedy run does not settle it."""
    return NOT_INDEXABLE if _refuted(p, r, beta, found, report, k) else _carefully(p, r, beta, found, k)


def _refuted(
    p: NDArray[np.float64], r: NDArray[np.float64], beta: float, found: Findings, report: NDArray[np.float64], k: int
) -> bool:
    """Whether the state that the greedy run saw return is a witness against indexability, which is then written.

    Small arms are left to the careful kernel, which takes no longer.
    """
    if r.shape[1] <= LANES or int(report[pivoting.FLAGS]) & (pivoting.RETURN | pivoting.STUCK) != pivoting.RETURN:
        return False
    state, above, turn, below = report[pivoting.RETURNED :]
    if report[pivoting.SETS] <= r.shape[1] or not below < turn < above < np.inf:
        return False
    for share in NEAR_TURN:
        passive_at, active_at = turn - share * (turn - below), turn + share * (above - turn)
        regained = _regained(p, r, beta, state, passive_at, active_at)
        if regained > 0.0:
            found.witness[k] = state, passive_at, active_at
            found.error[k], found.margin[k, 1] = np.inf, regained
            return True
    return False


def _carefully(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, found: Findings, k: int) -> int:
    room = found.of_type(k)
    code = index_large(p, r, beta, room) if p.shape[-1] > LANES else int(whittle_path.index_arm(p, r, beta, *room))
    return code if code != NOT_INDEXABLE or _regained(p, r, beta, *room[3].tolist()) > 0.0 else UNDECIDED


def _regained(
    p: NDArray[np.float64], r: NDArray[np.float64], beta: float, state: float, passive_at: float, active_at: float
) -> float:
    """The advantage of acting in a state at the second charge if waiting was strictly better at the first; else 0."""
    waits, acts = (_advantage(p, r, beta, charge)[int(state)] for charge in (passive_at, active_at))
    return max(float(acts), 0.0) if passive_at < active_at and waits < 0.0 else 0.0


def _advantage(p: NDArray[np.float64], r: NDArray[np.float64], beta: float, charge: float) -> NDArray[np.float64]:
    """Advantage of acting under the optimal policy, ``(S,)``, by policy iteration; 0 where rounding may decide.

    Under the average criterion, a policy with several recurrent classes is evaluated at NEARLY_AVERAGE.
    """
    n = r.shape[1]
    paid = r - charge * np.array([[0.0], [1.0]])
    policy, state = np.zeros(n, dtype=np.intp), np.arange(n)
    for _ in range(4 * n + 20):
        bias = _bias(p[policy, state], paid[policy, state], beta)
        if not np.abs(bias).max() <= 1e10 * (1.0 + np.abs(paid).max()):
            return _advantage(p, r, NEARLY_AVERAGE, charge) if beta == 1.0 else np.zeros(n)
        better = paid[1] - paid[0] + beta * ((p[1] - p[0]) @ bias)
        better[np.abs(better) <= CLEAR * n * (np.abs(paid).max() + np.abs(bias).max())] = 0.0
        chosen = np.where(better == 0.0, policy, better > 0.0)
        if (chosen == policy).all():
            return better
        policy = chosen.astype(np.intp)
    return np.zeros(n)


def _bias(rows: NDArray[np.float64], paid: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Values of a policy less that of the last state; infinite when they do not exist."""
    n = len(rows)
    system = np.eye(n) - beta * rows
    system[:, -1] = 1.0
    try:
        bias = np.linalg.solve(system, paid)
    except np.linalg.LinAlgError:
        return np.full(n, np.inf)
    bias[-1] = 0.0
    return np.asarray(bias)


def _of_sparse_arm(arm: SparseArm, criterion: Criterion, beta: float) -> ConservationIndex:
    if arm.n_states > MOST_PIVOTED and isinstance(criterion, Average):
        raise ModelError(
            f"the average index of a sparse arm stops at {MOST_PIVOTED} states, this one has {arm.n_states}; "
            "use Discounted(0.999) or coarser states"
        )
    found, report, order = _room(1, arm.n_states)
    code = IRREGULAR
    if arm.n_states <= MOST_PIVOTED:
        rows = unit_rows(arm.passive), unit_rows(arm.active)
        code = pivoting.index_sparse(*rows, arm.rewards, beta, *found.of_type(0)[:3], order[0], report[0])
    if code == IRREGULAR and (arm.n_states <= MOST_CAREFUL or beta == 1.0):
        dense = arm.dense()
        code = _again(dense.unit_rows[0], dense.rewards[0], beta, found, report[0], 0)
    elif code == IRREGULAR:
        code, least, size = sweep_index(arm, beta, found.of_type(0))
        if arm.n_states > MOST_PIVOTED:
            report[0, : pivoting.RETURNED] = least, size, 0, 0, pivoting.LAW if least <= 0.0 else 0
            order[0] = np.argsort(-found.values[0], kind="stable")
    found.codes[0] = code
    return _table(found, report, order, criterion)


def _table(found: Findings, report: NDArray[np.float64], order: NDArray[np.int64], criterion: Criterion) -> ConservationIndex:
    """The result; flag 4 is what the verdict says, since a careful kernel may have overruled the greedy run."""
    table = found.table(criterion)
    places = (pivoting.FLAGS, pivoting.SIZE, pivoting.VIOLATIONS, pivoting.SETS)
    flags, size, violations, tested = (report[:, place].astype(np.int64) for place in places)
    settled = table.codes != UNDECIDED
    flags[settled] = flags[settled] & ~pivoting.RETURN | pivoting.RETURN * (table.codes[settled] == NOT_INDEXABLE)
    least = report[:, pivoting.LEAST].copy()
    for array in (flags, least, size, violations, tested, order):
        array.setflags(write=False)
    return ConservationIndex(
        table.values,
        table.error,
        table.margin,
        table.codes,
        table.proofs,
        table.criterion,
        flags=flags,
        least_work=least,
        worst_set_size=size,
        violations=violations,
        tested=tested,
        order=order,
    )
