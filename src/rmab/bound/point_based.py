"""Lower values of a charged hidden arm: point-based policy iteration on plans.

A *plan* says what to do now and which plan to follow after every signal and mode. From mode ``y`` and hidden state ``s`` it
earns ``alpha(s) = rho(s) - charge phi(s)``, with ``rho`` the discounted reward and ``phi`` the discounted activations, so at a
belief ``b`` it is worth ``b . alpha``: a lower value of the arm, and the largest over many plans is a better one. Both parts
satisfy the same linear equations,

    alpha(s) = r[a, y, s] - charge 1{a > 0} + beta sum over y', z, t of K[a, y, y', z, s, t] alpha_(y', z)(t).

1. Begin with the blind plans: one action for ever, waiting where it is not allowed. They need no belief.
2. Backup: at each of a fixed set of beliefs find the action and the next plans that are best there.
3. Jump: let each next plan be replaced by what the backup found for that plan's own belief, again and again; the new plans then
   refer to each other. After any number of replacements these are plans, with values by their equations. At some beliefs they
   are better than the backup, which waits a period for every improvement to arrive; at others worse, since a plan is replaced
   for the good of its own belief only.
4. Each belief keeps the best of its old plan, the backup and the jump. Repeat until none gains more than the tolerance.

As plans carry ``rho`` and ``phi``, they are lower values at every charge, not only at the one they were made for.

References: J. Pineau, G. Gordon, S. Thrun, "Point-based value iteration: an anytime algorithm for POMDPs", IJCAI 2003, for the
backup; S. Ji, R. Parr, H. Li, X. Liao, L. Carin, "Point-based policy iteration", AAAI 2007, for step 3. Cost: per round A Y Z
n^2 S operations for n beliefs, and up to 300 products with a sparse matrix of n S rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from rmab._kernels.best_plan import best_rows
from rmab.errors import ModelError
from rmab.hidden.checks import checked_beliefs, checked_modes
from rmab.hidden.kernel import HiddenKernel
from rmab.models.criterion import Criterion, Discounted

TOLERANCE = 1e-9
MOST_ROUNDS = 200
MOST_REPLACEMENTS = 300
SETTLED = 1e-12


@dataclass(frozen=True, eq=False)
class Plans:
    """Plans of a hidden arm and what they earn.

    Attributes
    ----------
    reward, activation : ndarray, shape (P, S)
        Discounted reward, and discounted activations, from each hidden state; not multiplied by (1 - beta).
    modes, actions : ndarray of int, shape (P,)
        The mode that a plan begins in, and its first action.
    beta : float
        The discount.
    """

    reward: NDArray[np.float64]
    activation: NDArray[np.float64]
    modes: NDArray[np.int64]
    actions: NDArray[np.int64]
    beta: float

    def vectors(self, charge: float) -> NDArray[np.float64]:
        """``rho - charge phi``, shape ``(P, S)``."""
        return self.reward - charge * self.activation

    def value(self, beliefs: ArrayLike, modes: ArrayLike | None = None, *, charge: float) -> NDArray[np.float64]:
        """A lower value of every belief under a charge per activation, shape ``(Q,)``; not multiplied by (1 - beta).

        Parameters
        ----------
        beliefs : array_like, shape (Q, S)
            Beliefs.
        modes : array_like of int, shape (Q,), optional
            Their modes; default 0.
        charge : float
            Paid for every activation.
        """
        rows = checked_beliefs(beliefs, self.reward.shape[1])
        where = checked_modes(modes, len(rows), int(self.modes.max()) + 1)
        worth = np.empty(len(rows))
        vectors = self.vectors(charge)
        for y in np.unique(where):
            worth[where == y] = _best(rows[where == y], vectors[self.modes == y])[1]
        return worth


def blind(hidden: HiddenKernel, criterion: Criterion) -> Plans:
    """One action for ever, waiting where it is not allowed: ``A Y`` plans.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    criterion : Discounted
        The discount.

    Raises
    ------
    ModelError
        If the criterion is not discounted.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> blind(channel, Discounted(0.9)).value([[0.4, 0.6]], charge=0.5).round(6).tolist()  # always act: (0.6 - 0.5) / 0.1
    [1.0]
    """
    beta = _discount(criterion)
    modes, actions, after = _blind_rules(hidden)
    moves, paid = _equations(hidden, modes, actions, after, len(modes))
    earned = np.linalg.solve(np.eye(len(paid)) - beta * moves.toarray(), paid)
    reward, activation = earned.T.reshape(2, len(modes), hidden.n_states)
    return Plans(reward, activation, modes, actions, beta)


def point_based(
    hidden: HiddenKernel,
    charge: float,
    criterion: Criterion,
    *,
    beliefs: ArrayLike,
    modes: ArrayLike | None = None,
    start: Plans | None = None,
    tolerance: float = TOLERANCE,
) -> Plans:
    """Plans that are good at a set of beliefs, one for each, and the blind plans.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    charge : float
        Paid for every activation.
    criterion : Discounted
        The discount.
    beliefs : array_like, shape (n, S)
        Where plans are improved, such as ``hidden.reachable(...).nodes``.
    modes : array_like of int, shape (n,), optional
        Their modes; default 0.
    start : Plans, optional
        Plans for the same beliefs to begin with, such as those for a charge near by.
    tolerance : float
        Stop when no belief of the set gains more than this, in units of the largest value.

    Returns
    -------
    Plans
        The blind plans, then one per belief.

    Raises
    ------
    ModelError
        If the criterion is not discounted, or a belief is no law over the states.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> points = [[0.4, 0.6], [0.2345, 0.7655], [0.6428, 0.3572]]
    >>> plans = point_based(channel, 0.64, Discounted(0.9), beliefs=points)
    >>> blind(channel, Discounted(0.9)).value([[0.4, 0.6]], charge=0.64) < plans.value([[0.4, 0.6]], charge=0.64)
    array([ True])
    """
    rows = checked_beliefs(beliefs, hidden.n_states)
    where = checked_modes(modes, len(rows), hidden.n_modes)
    plans = _fresh(hidden, criterion, where) if start is None else start
    for _ in range(MOST_ROUNDS):
        plans, gain = _improved(hidden, charge, rows, where, plans)
        if gain <= tolerance * float(np.abs(plans.vectors(charge)).max()):
            break
    return plans


def _discount(criterion: Criterion) -> float:
    if not isinstance(criterion, Discounted):
        raise ModelError(f"lower values of plans need Discounted(beta), got {criterion!r}; use a discount near 1")
    return criterion.beta


def _blind_rules(hidden: HiddenKernel) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Modes (A Y,), actions (A Y,) and next plans (A Y, Y, Z) of the blind plans; (a, y) is number a * Y + y."""
    n_actions, n_modes, _ = hidden.rewards.shape
    modes, actions = (grid.ravel() for grid in np.meshgrid(np.arange(n_modes), np.arange(n_actions)))
    after = np.empty((len(modes), n_modes, hidden.n_signals), dtype=np.int64)
    after[...] = (actions[:, np.newaxis] * n_modes + np.arange(n_modes))[:, :, np.newaxis]
    return modes, np.where(hidden.allowed[modes, actions], actions, 0), after


def _fresh(hidden: HiddenKernel, criterion: Criterion, where: NDArray[np.int64]) -> Plans:
    """The blind plans, and for each belief a copy of waiting for ever in its mode."""
    plain = blind(hidden, criterion)
    own = np.concatenate([np.arange(len(plain.modes)), where])
    return Plans(plain.reward[own], plain.activation[own], plain.modes[own], plain.actions[own], plain.beta)


def _improved(
    hidden: HiddenKernel, charge: float, rows: NDArray[np.float64], where: NDArray[np.int64], plans: Plans
) -> tuple[Plans, float]:
    """The best of old plan, backup and jump for every belief, and the largest gain of a belief."""
    first = len(plans.modes) - len(rows)
    action, after = _backup(hidden, charge, rows, where, plans)
    step, jump = _followed(hidden, where, action, after, plans)
    old = (plans.reward[first:], plans.activation[first:])
    reward, activation = (np.stack(parts) for parts in zip(old, step, jump, strict=True))
    worth = ((reward - charge * activation) * rows).sum(axis=2)
    best = worth.argmax(axis=0)
    mine = np.arange(len(rows))
    new = Plans(
        np.concatenate([plans.reward[:first], reward[best, mine]]),
        np.concatenate([plans.activation[:first], activation[best, mine]]),
        plans.modes,
        np.concatenate([plans.actions[:first], np.where(best > 0, action, plans.actions[first:])]),
        plans.beta,
    )
    return new, float((worth.max(axis=0) - worth[0]).max())


def _backup(
    hidden: HiddenKernel, charge: float, rows: NDArray[np.float64], where: NDArray[np.int64], plans: Plans
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The best action of every belief (n,), and the plans that follow it best (n, Y, Z)."""
    n, n_modes, n_signals = len(rows), hidden.n_modes, hidden.n_signals
    vectors = plans.vectors(charge)
    of_mode = [np.flatnonzero(plans.modes == y) for y in range(n_modes)]
    best, action = np.full(n, -np.inf), np.zeros(n, dtype=np.int64)
    after = np.zeros((n, n_modes, n_signals), dtype=np.int64)
    for y in np.unique(where):
        here = np.flatnonzero(where == y)
        for a in np.flatnonzero(hidden.allowed[y]):
            worth = rows[here] @ hidden.rewards[a, y] - charge * (a > 0)
            follow = np.zeros((len(here), n_modes, n_signals), dtype=np.int64)
            for x, z in np.argwhere(hidden.kernel[a, y].any(axis=(2, 3))):
                chosen, ahead = _best(rows[here] @ hidden.kernel[a, y, x, z], vectors[of_mode[x]])
                worth += plans.beta * ahead
                follow[:, x, z] = of_mode[x][chosen]
            gain = worth > best[here]
            best[here[gain]], action[here[gain]], after[here[gain]] = worth[gain], a, follow[gain]
    return action, after


def _best(queries: NDArray[np.float64], table: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The row of the table with the largest product for each query, and the product, shapes ``(n,)``."""
    rows, worth = np.empty(len(queries), dtype=np.int64), np.empty(len(queries))
    best_rows(np.ascontiguousarray(queries), np.ascontiguousarray(table), rows, worth)
    return rows, worth


def _followed(
    hidden: HiddenKernel, modes: NDArray[np.int64], actions: NDArray[np.int64], after: NDArray[np.int64], plans: Plans
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reward and activations, (2, n, S) each, of actions followed by known plans, and of the same with these put for those."""
    n, n_states = len(modes), hidden.n_states
    moves, paid = _equations(hidden, modes, actions, after, len(plans.modes))
    known = np.stack([plans.reward.ravel(), plans.activation.ravel()], axis=1)
    begin = step = paid + plans.beta * (moves @ known)
    blind_size = known.shape[0] - n * n_states
    for _ in range(MOST_REPLACEMENTS):
        before, known = known, np.concatenate([known[:blind_size], step])
        step = paid + plans.beta * (moves @ known)
        if np.abs(known - before).max() <= SETTLED * np.abs(known).max():
            break
    return begin.T.reshape(2, n, n_states), step.T.reshape(2, n, n_states)


def _equations(
    hidden: HiddenKernel, modes: NDArray[np.int64], actions: NDArray[np.int64], after: NDArray[np.int64], count: int
) -> tuple[csr_array, NDArray[np.float64]]:
    """Moves (n S, count S) from plans to those that follow, of which there are ``count``, and what a period pays (n S, 2)."""
    n, n_states = len(modes), hidden.n_states
    blocks = hidden.kernel[actions, modes]  # (n, Y, Z, S, S)
    p, x, z, s, t = np.nonzero(blocks)
    places = (p * n_states + s, after[p, x, z] * n_states + t)
    moves = csr_array((blocks[p, x, z, s, t], places), shape=(n * n_states, count * n_states))
    return moves, np.stack(
        [hidden.rewards[actions, modes].ravel(), np.repeat((actions > 0).astype(np.float64), n_states)], axis=1
    )
