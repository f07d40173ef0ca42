"""What a training leaves: a policy per seed, learning curves with intervals, diagnostics, and a file to keep."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from rmab import __version__
from rmab.errors import StoreError
from rmab.learn.learner import Memory
from rmab.models.saved_file import path_like, read_file, write_file
from rmab.models.store import plain
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy

SCHEMA = 1
WRITER = "Training.save"
RESULT = "training.safetensors"
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Curves:
    """Scores and rewards while learning.

    Attributes
    ----------
    periods : ndarray of int, shape (E,)
        Periods after which the seeds were judged.
    scores : ndarray, shape (R, E), or None
        Of the policy that each seed had learned by then: 0 for random choice, 1 for the bound. None where there is no model,
        and where they would mean nothing, see ``unscored``.
    rewards : ndarray, shape (R, E)
        Reward per period, over all arms, earned while learning since the period before.
    random, bound : float or None
        Reward per period of random choice and its upper bound: the ends of the scale of the scores.
    noise : ndarray, shape (R, E), or None
        Half the width of the 95 % interval of each score from its simulation. All scores of a training share their random
        numbers, so they compare better than that, but all of them may be off by it together.
    unscored : str
        Why there are no scores although there is a model, or nothing.
    """

    periods: NDArray[np.int64]
    scores: NDArray[np.float64] | None
    rewards: NDArray[np.float64]
    random: float | None
    bound: float | None
    noise: NDArray[np.float64] | None = None
    unscored: str = ""

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over seeds of the scores, or of the rewards where there are none, shape ``(E,)``."""
        return self._shown.mean(axis=0)

    @property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Ends of the 95 % interval of :attr:`mean` over seeds, shape ``(E,)`` each; None for a single seed.

        It says how much learning differs from seed to seed, and leaves out :attr:`noise`, which the seeds share.
        """
        shown = self._shown
        if len(shown) < 2:
            return None
        half = student.ppf((1 + LEVEL) / 2, len(shown) - 1) * shown.std(axis=0, ddof=1) / np.sqrt(len(shown))
        return self.mean - half, self.mean + half

    @property
    def _shown(self) -> NDArray[np.float64]:
        return self.rewards if self.scores is None else self.scores

    def __str__(self) -> str:
        what = "reward per period" if self.scores is None else "score (0 random, 1 the bound)"
        ends = self.interval
        lines = [
            f"  periods  {what}" + ("" if ends is None else ", 95 % over seeds") + ("" if self.noise is None else ", noise")
        ]
        for i, (period, mean) in enumerate(zip(self.periods, self.mean, strict=True)):
            line = f"{period:>9}  {mean:.3f}"
            line += "" if ends is None else f" ({ends[0][i]:.3f} to {ends[1][i]:.3f})"
            lines.append(line + ("" if self.noise is None else f" ±{self.noise[:, i].mean():.3f}"))
        return "\n".join([*lines, *([self.unscored] if self.unscored else [])])


@dataclass(frozen=True, eq=False)
class Training:
    """What came of a training.

    Attributes
    ----------
    learner : str
        The learner with its options.
    policies : tuple of Policy, length R
        What each seed has learned; an :class:`rmab.IndexPolicy` for learners of an index.
    index : ndarray, shape (R, K, S)
        The index of every type and state that each seed has learned, the values of its policy if that is an index policy.
        An index policy is made of one seed's, ``index[r]``: it would take the seeds for periods.
    curves : Curves
        Learning curves.
    diagnostics : dict of str to ndarray, shape (R, E)
        What was watched at the periods of the curves, by name: ``flips`` of cells across the budget's cut since the period
        before, ``fewest_visits`` and ``never_tried`` of the cells of visited states, and what the learner says of itself, such
        as its ``price``, its ``imbalance``, the mean of budget - eager arms per arm, without sign, and its largest mean
        ``td_error``.
    alarms : tuple of tuple of str, length R
        What the learner warns of, per seed.
    status : tuple of str, length R
        How each seed ended.
    memories : tuple of dict, length R
        All that each seed knows, by name.
    entropy : int
        Given as ``rng``, repeats the training bit for bit.
    """

    learner: str
    policies: tuple[Policy, ...]
    index: NDArray[np.float64]
    curves: Curves
    diagnostics: dict[str, NDArray[np.float64]]
    alarms: tuple[tuple[str, ...], ...]
    status: tuple[str, ...]
    memories: tuple[Memory, ...]
    entropy: int

    def save(self, path: str | os.PathLike[str], *, about: dict[str, Any] | None = None) -> None:
        """Write the index, the curves and the diagnostics to one file; :func:`rmab.learn.load_policies` reads it.

        Raises
        ------
        StoreError
            If ``path`` names no file, ``about`` is not a dict that JSON can hold, or the file cannot be written.
        """
        if about is not None and not isinstance(about, dict):
            raise StoreError(f"about must be a dict, got {about!r:.60}")
        curves = self.curves
        arrays = {"index": self.index, "periods": curves.periods, "rewards": curves.rewards}
        if curves.scores is not None:
            arrays["scores"] = curves.scores
        if curves.noise is not None:
            arrays["noise"] = curves.noise
        arrays |= {f"diagnostics.{name}": values for name, values in self.diagnostics.items()}
        header = {
            "schema": SCHEMA,
            "kind": "training",
            "package_version": __version__,
            "learner": self.learner,
            "ranked": all(isinstance(policy, IndexPolicy) for policy in self.policies),
            "random": curves.random,
            "bound": curves.bound,
            "alarms": self.alarms,
            "status": self.status,
            "entropy": self.entropy,
            "about": plain("about", about or {}),
        }
        write_file(path, header, arrays)

    def __str__(self) -> str:
        lines = [f"{self.learner}, {len(self.policies)} seeds", str(self.curves)]
        notable = [f"seed {i}: {text}" for i, text in enumerate(self.status) if not text.startswith("ran")]
        warned = [f"seed {i}: {text}" for i, texts in enumerate(self.alarms) for text in texts]
        return "\n".join([*lines, *notable, *warned])


def load_policies(path: str | os.PathLike[str]) -> tuple[IndexPolicy, ...]:
    """The index policies of a file that :meth:`Training.save` or a finished checkpoint left, one per seed.

    Raises
    ------
    StoreError
        If the file is missing, a folder, damaged, of another kind, or of a learner whose policies are not index policies.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from rmab.learn.tabular.gino_q import GinoQ
    >>> from rmab.learn.trainer import train
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> training = train(GinoQ(), Problem(arms, TopK(20), Average()), steps=500, seeds=2, rng=0)
    >>> with TemporaryDirectory() as folder:
    ...     training.save(f"{folder}/learned")
    ...     policies = load_policies(f"{folder}/learned")
    >>> bool((policies[0].values == training.index[0]).all())
    True
    """
    if path_like(path) and Path(path).is_dir():
        raise StoreError(f"{path}: is a folder; if it is that of a finished checkpoint, load {Path(path) / RESULT}")
    header, arrays = read_file(path, schema=SCHEMA, writer=WRITER)
    if header.get("kind") != "training":
        raise StoreError(f"{path}: holds no training but a {header.get('kind')}; load the file training.safetensors beside it")
    if not header["ranked"]:
        raise StoreError(
            f"{path}: {header['learner']} leaves no index policies; call train with the same arguments and checkpoint, "
            "which returns a finished training at once"
        )
    return tuple(IndexPolicy(index) for index in arrays["index"])
