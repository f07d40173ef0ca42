"""Transition probabilities from a log: counts, a Dirichlet prior, and groups that borrow strength from each other.

Let ``n[g, a, s, t]`` count the observed moves of group ``g`` from state ``s`` under action ``a`` to state ``t``, and write a
dot for a sum. With ``S`` states and a prior of ``strength`` pseudo-observations per row, spread evenly:

1. The *pooled* rows ignore the groups: ``m[a, s, t] = (n[., a, s, t] + strength / S) / (n[., a, s, .] + strength)``.
   Without groups this is the answer, the mean of the posterior ``Dirichlet(n[., a, s, :] + strength / S)``.
2. With two or more groups each group's rows are shrunk to the pooled ones (empirical Bayes): the posterior is
   ``Dirichlet(n[g, a, s, :] + kappa m[a, s, :])`` with mean
   ``(n[g, a, s, t] + kappa m[a, s, t]) / (n[g, a, s, .] + kappa)``.
   ``kappa`` is ``shrinkage``: by default the strength of the prior, or a number, or ``"estimate"`` for the value of highest
   marginal likelihood (:mod:`rmab.estimation.shrinkage`). As ``kappa`` goes to 0 each group keeps its own frequencies; as it
   grows all groups become the pool.

The pooled rows count as known in step 2, so posterior draws leave their uncertainty out. Cost: one pass over the log.

Reference: A. Gelman et al. (2013), *Bayesian Data Analysis*, 3rd edition, chapters 3 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.estimation.log import Log
from rmab.estimation.rewards import label_rewards
from rmab.estimation.shrinkage import posterior
from rmab.models.arms import Arms

THIN = 10


@dataclass(frozen=True)
class DirichletPrior:
    """A prior worth ``strength`` observations per row of the transition matrix, spread evenly over the next states.

    Parameters
    ----------
    strength : float
        Pseudo-observations per row, above 0.

    Raises
    ------
    ModelError
        If the strength is not a positive number.

    Examples
    --------
    >>> DirichletPrior(strength=2)
    DirichletPrior(strength=2.0)
    """

    strength: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", _positive("the strength of a prior", self.strength))


@dataclass(frozen=True)
class Labels:
    """Names of the states, of the actions (passive first) and of the groups (one, ``"all"``, without groups)."""

    states: tuple[str, ...]
    actions: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """Arms estimated from a log: one type per group.

    Attributes
    ----------
    labels : Labels
        Names of states, actions and groups.
    counts : ndarray of int, shape (G, A, S, S)
        Observed transitions.
    concentration : ndarray, shape (G, A, S, S)
        Parameters of the posterior Dirichlet law of each row.
    prior : DirichletPrior
        The prior of the pooled rows.
    shrinkage : float or None
        The strength with which groups were shrunk to the pool; ``None`` when there is one group only.
    arm_ids : tuple of str, length N
        The log's arms as ``arms`` numbers them, group by group; within a group in the order of the log.
    type_of_arm : ndarray of int, shape (N,)
        The group of each arm, in the order of ``arm_ids``.
    rewards : ndarray, shape (A, S), or None
        Reward per period; ``None`` until :meth:`with_rewards` or ``estimate(..., rewards=...)`` gives it.
    """

    labels: Labels
    counts: NDArray[np.int64]
    concentration: NDArray[np.float64]
    prior: DirichletPrior
    shrinkage: float | None
    arm_ids: tuple[str, ...]
    type_of_arm: NDArray[np.int64]
    rewards: NDArray[np.float64] | None = None

    @property
    def transitions(self) -> NDArray[np.float64]:
        """Posterior means, shape ``(G, A, S, S)``."""
        return self.concentration / self.concentration.sum(axis=-1, keepdims=True)

    @cached_property
    def arms(self) -> Arms:
        """The estimated arms; arm ``i`` is the one called ``arm_ids[i]``.

        Raises
        ------
        ModelError
            If the states have no rewards yet.
        """
        return self._with_transitions(self.transitions)

    @property
    def thin_cells(self) -> tuple[str, ...]:
        """One sentence for every group, state and action with fewer than 10 observations."""
        seen = self.counts.sum(axis=-1)
        names = self.labels
        return tuple(
            f"group {names.groups[g]!r}, state {names.states[s]!r}, action {names.actions[a]!r}: "
            f"{seen[g, a, s]} observation{'' if seen[g, a, s] == 1 else 's'}"
            for g, a, s in np.argwhere(seen < THIN)
        )

    def with_rewards(self, rewards: Mapping[str, float], action_costs: Mapping[str, float] | None = None) -> Model:
        """The same model with these rewards: a number per state label, less the cost of each action label (default 0).

        Raises
        ------
        ModelError
            If a state has no reward, a label is unknown or a value is not a finite number.
        """
        return replace(self, rewards=label_rewards(self.labels.states, self.labels.actions, rewards, action_costs))

    def draw(self, rng: int | np.random.SeedSequence | np.random.Generator | None, n: int) -> list[Arms]:
        """Draw ``n`` times from the posterior: every row from its own Dirichlet law.

        Parameters
        ----------
        rng : None, int, SeedSequence or Generator
            Source of randomness.
        n : int
            Number of draws.

        Raises
        ------
        ModelError
            If the states have no rewards yet.
        """
        generator = np.random.default_rng(rng)
        drawn = np.empty((n, *self.concentration.shape))
        for row in np.ndindex(self.concentration.shape[:-1]):
            drawn[(slice(None), *row)] = generator.dirichlet(self.concentration[row], size=n)
        return [self._with_transitions(transitions) for transitions in drawn]

    def _with_transitions(self, transitions: NDArray[np.float64]) -> Arms:
        if self.rewards is None:
            states = ", ".join(f"{label!r}: ..." for label in self.labels.states)
            raise ModelError(f"the states have no rewards; call model.with_rewards({{{states}}}) with a number for each")
        rewards = np.broadcast_to(self.rewards, transitions.shape[:-1])
        return Arms(transitions, rewards, np.bincount(self.type_of_arm))

    def __str__(self) -> str:
        names, seen, mean = self.labels, self.counts.sum(axis=-1), self.transitions
        lines = [
            f"model of {len(self.arm_ids)} arms, {len(names.groups)} group{'' if len(names.groups) == 1 else 's'}, "
            f"{seen.sum()} transitions; next states {', '.join(names.states)}"
        ]
        for g, a, s in np.ndindex(seen.shape):
            row = "  ".join(f"{p:.3f}" for p in mean[g, a, s])
            cell = f"group {names.groups[g]}, action {names.actions[a]}, state {names.states[s]}"
            lines.append(f"{cell}: {row}  ({seen[g, a, s]} seen{', thin' if seen[g, a, s] < THIN else ''})")
        return "\n".join(lines)


def estimate(
    log: Log,
    *,
    prior: DirichletPrior | None = None,
    groups: str | None = None,
    shrinkage: float | Literal["estimate"] | None = None,
    rewards: Mapping[str, float] | None = None,
    action_costs: Mapping[str, float] | None = None,
) -> Model:
    """Estimate the arms of a log.

    Parameters
    ----------
    log : Log
        From :func:`rmab.estimation.log.read_log`.
    prior : DirichletPrior, optional
        Default ``DirichletPrior(strength=2)``.
    groups : str, optional
        A column of the log with one value per arm; each value becomes a type. Default: all arms are of one type.
    shrinkage : float or "estimate", optional
        Weight of the pooled rows in each group, in observations per row; default the prior's strength. It matters only with
        two or more groups.
    rewards, action_costs : mapping, optional
        As in :meth:`Model.with_rewards`.

    Returns
    -------
    Model

    Raises
    ------
    LogError
        If the group column is missing, empty in a row, or changes within an arm.
    ModelError
        If an argument is not well formed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rmab.estimation.log import read_log
    >>> rows = ["id,week,status,call", "A,1,good,no", "A,2,poor,yes", "A,3,good,", "B,1,poor,no", "B,2,poor,"]
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     _ = file.write_text("\\n".join(rows), encoding="utf-8")
    ...     log = read_log(file, arm="id", time="week", state="status", action="call")
    >>> model = estimate(log, rewards={"good": 1, "poor": 0})
    >>> model.arms
    Arms(2 arms of 1 types, 2 actions, 2 states)
    >>> print(model)
    model of 2 arms, 1 group, 3 transitions; next states good, poor
    group all, action no, state good: 0.333  0.667  (1 seen, thin)
    group all, action no, state poor: 0.333  0.667  (1 seen, thin)
    group all, action yes, state good: 0.500  0.500  (0 seen, thin)
    group all, action yes, state poor: 0.667  0.333  (1 seen, thin)
    """
    if not isinstance(log, Log):
        raise ModelError(f"estimate needs a Log, got {type(log).__name__}; read the file with read_log first")
    prior = DirichletPrior() if prior is None else prior
    if not isinstance(prior, DirichletPrior):
        raise ModelError(f"the prior must be a DirichletPrior, got {prior!r}; write DirichletPrior(strength=...)")
    names, group = (("all",), np.zeros(log.n_arms, dtype=np.int64)) if groups is None else log.group(groups)
    counts = _count(log, group, len(names))
    pull = prior.strength if shrinkage is None else shrinkage
    concentration, kappa = posterior(
        counts, prior.strength, None if pull == "estimate" else _positive('the shrinkage (a number or "estimate")', pull)
    )
    order = np.argsort(group, kind="stable")
    model = Model(
        labels=Labels(log.states, log.actions, names),
        counts=counts,
        concentration=concentration,
        prior=prior,
        shrinkage=kappa,
        arm_ids=tuple(log.arms[i] for i in order),
        type_of_arm=group[order],
    )
    if rewards is None:
        if action_costs is not None:
            raise ModelError("action_costs were given without rewards; give a reward for each state as well")
        return model
    return model.with_rewards(rewards, action_costs)


def _count(log: Log, group: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    shape = (n_groups, len(log.actions), len(log.states), len(log.states))
    here = np.flatnonzero(log.followed)
    cells = np.ravel_multi_index((group[log.arm[here]], log.action[here], log.state[here], log.state[here + 1]), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape)


def _positive(name: str, value: object) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and number > 0):
        raise ModelError(f"{name} must be a positive number, got {value!r}")
    return number
