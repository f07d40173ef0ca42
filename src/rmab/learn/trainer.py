"""The one trainer of all learners: seeds in parallel, judged against the bound, saved as they go, and resumed bit for bit.

1. Each seed has arms, random numbers and memory of its own; seeds run on threads.
2. Every hundred periods the run is looked at: has it diverged, has it settled, is it time to save?
3. At marks (10, 20, 50, 100, ... periods) the policy learned so far is simulated and scored against random choice and the
   bound.
4. With a checkpoint, every seed saves itself every so often, when it ends, and when the process is told to stop (SIGINT,
   SIGTERM). The same call then goes on from there; the result does not differ by a bit from that of a run that was never cut
   off.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from rmab.errors import ModelError
from rmab.learn.checkpoint import Checkpoint, describe, identity, saved_entropy
from rmab.learn.environment import Environment, can_be_saved
from rmab.learn.evaluation import Evaluation, Score, Yardstick
from rmab.learn.experience import Outside, Simulator, Stage
from rmab.learn.learner import Learner, Setting
from rmab.learn.result import Curves, Training
from rmab.learn.seed_run import RUNNING, Reading, SeedRun
from rmab.models.arrays import whole_number
from rmab.models.problem import Problem
from rmab.parallel import Progress, map_chunks
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy
from rmab.simulation.streams import Rng, entropy

COUNTER_LIMIT = 2**31
DEFAULT = Evaluation()


def train(
    learner: Learner,
    problem: Problem | Environment,
    *,
    steps: int,
    seeds: int = 1,
    rng: Rng = None,
    checkpoint: str | os.PathLike[str] | None = None,
    save_every: float = 10.0,
    decoupled: bool = False,
    stop_early: bool = False,
    evaluation: Evaluation | None = DEFAULT,
    threads: int | None = None,
    watch: Callable[[Reading], None] | None = None,
    progress: Progress | None = None,
) -> Training:
    """Let a learner act in a problem or an environment, and learn a policy from what it sees.

    Parameters
    ----------
    learner : Learner
        What learns, with its options; it is not changed.
    problem : Problem or Environment
        A problem, which is simulated and of which the learner is told sizes, budget and criterion only; or an environment from
        outside (see :class:`rmab.learn.Environment`), whose seeds run one after the other.
    steps : int
        Periods, ``T``.
    seeds : int
        Independent repetitions, ``R``; at least 2 for an interval. Seed ``r`` is the same whatever their number.
    rng : None, int, SeedSequence or Generator
        Source of randomness; ``Training.entropy`` repeats the run. With a checkpoint, None goes on with the entropy saved
        there.
    checkpoint : path-like, optional
        Folder in which every seed saves itself. The same call goes on where it was cut off; of a training that had ended it
        returns the result. When all is done, the result is left there as ``training.safetensors``.
    save_every : float
        Seconds between two savings of a seed; 0 saves as often as possible.
    decoupled : bool
        Let every arm act for itself while learning, which breaks the budget; in simulation only, and for learners of a price.
    stop_early : bool
        Stop a seed that has settled: the rule is in :mod:`rmab.learn.diagnostics`.
    evaluation : Evaluation, optional
        How the scores are simulated; None scores nothing.
    threads : int, optional
        Threads over which seeds are spread; default one per core. The result does not depend on it.
    watch : callable, optional
        Called with a :class:`rmab.learn.Reading` at every mark of every seed, one call at a time.
    progress : callable, optional
        Called as ``progress(done, total)`` with periods of all seeds.

    Returns
    -------
    Training

    Raises
    ------
    ModelError
        If an argument is not well formed, the learner does not fit the problem, or an environment returns nonsense; what was
        saved before stays.
    StoreError
        If the checkpoint is damaged, cannot be written, or belongs to another run.
    KeyboardInterrupt
        After SIGINT, once all seeds are saved; after SIGTERM they are saved and the process ends as it would have.

    Examples
    --------
    >>> from rmab.learn.tabular.gino_q import GinoQ
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> training = train(GinoQ(), Problem(arms, TopK(20), Average()), steps=1_000, seeds=3, rng=0)
    >>> training.index.shape, bool((training.index[:, 0, 0] > training.index[:, 0, 1]).all())
    ((3, 1, 2), True)
    """
    if not isinstance(learner, Learner):
        raise ModelError(f"the learner must be a Learner, such as rmab.learn.GinoQ(), got {learner!r}")
    for name, flag in (("decoupled", decoupled), ("stop_early", stop_early)):
        if not isinstance(flag, bool):
            raise ModelError(f"{name} must be True or False, got {flag!r}")
    for name, called in (("watch", watch), ("progress", progress)):
        if called is not None and not callable(called):
            raise ModelError(f"{name} must be a function or None, got {called!r}")
    if threads is not None:
        whole_number("threads", threads, 1)
    periods = whole_number("steps", steps, 1, COUNTER_LIMIT)
    count = whole_number("seeds", seeds, 1, COUNTER_LIMIT)
    number = _entropy(rng, checkpoint)
    stage, setting, judge, scale = _stage(learner, problem, decoupled, number, evaluation, checkpoint is not None)
    if not isinstance(save_every, Real) or isinstance(save_every, bool) or not save_every >= 0:
        raise ModelError(f"save_every must be a number of seconds, at least 0, got {save_every!r}")
    judged = None if judge is None else evaluation
    who = identity(
        learner, problem, steps=periods, decoupled=decoupled, stop_early=stop_early, evaluation=judged, entropy=number
    )
    files = None if checkpoint is None else Checkpoint(checkpoint, who, count)
    make = partial(SeedRun, learner, setting, stage, steps=periods)
    with _told_to_stop() as stop:
        work = _Work(make, files, judge, stop, bool(stop_early), save_every, watch, progress, count * periods)
        alone = 1 if isinstance(stage, Outside) else threads
        runs = [run for part in map_chunks(work, count, chunk=1, threads=alone) for run in part]
    training = _training(learner, runs, scale, number)
    if files is not None:
        training.save(files.result, about=who)
    return training


class _Work:
    """Runs seeds from the first to the last, saving and reporting on the way; called from several threads."""

    def __init__(
        self,
        make: Callable[..., SeedRun],
        files: Checkpoint | None,
        judge: Callable[[Policy], Score] | None,
        stop: threading.Event,
        stop_early: bool,
        save_every: float,
        watch: Callable[[Reading], None] | None,
        progress: Progress | None,
        total: int,
    ) -> None:
        self.make, self.files, self.judge, self.stop, self.stop_early = make, files, judge, stop, stop_early
        self.save_every, self.watch, self.progress, self.total = save_every, watch, progress, total
        self.lock, self.done = threading.Lock(), 0

    def __call__(self, first: int, last: int) -> list[SeedRun]:
        try:
            return [self._run(seed) for seed in range(first, last)]
        except BaseException:
            self.stop.set()  # no seed goes on for hours only to be thrown away
            raise

    def _run(self, seed: int) -> SeedRun:
        run = self.make(seed=seed)
        saved = None if self.files is None else self.files.read(seed)
        if saved is not None:
            run.restore(*saved)
        self._report(run.steps if run.ended else run.period, None)
        at = time.monotonic()
        while run.ended == RUNNING and not self.stop.is_set():
            before = run.period
            reading = run.pulse(self.judge, stop_early=self.stop_early)
            self._report(run.steps - before if run.ended else run.period - before, reading)
            if self.files is not None and not run.ended and time.monotonic() - at >= self.save_every:
                self.files.write(seed, run.arrays(), run.message)
                at = time.monotonic()
        if self.files is not None:
            self.files.write(seed, run.arrays(), run.message)
        return run

    def _report(self, periods: int, reading: Reading | None) -> None:
        with self.lock:
            self.done += periods
            if self.progress is not None:
                self.progress(self.done, self.total)
            if self.watch is not None and reading is not None:
                self.watch(reading)


def _entropy(rng: Rng, checkpoint: str | os.PathLike[str] | None) -> int:
    saved = None if rng is not None or checkpoint is None else saved_entropy(checkpoint)
    return entropy(rng) if saved is None else saved


def _stage(
    learner: Learner,
    problem: Problem | Environment,
    decoupled: bool,
    number: int,
    evaluation: Evaluation | None,
    saved: bool,
) -> tuple[Stage, Setting, Callable[[Policy], Score] | None, Yardstick | None]:
    """Where experience comes from, what the learner is told, and how its policies are scored, if they can be."""
    if evaluation is not None and not isinstance(evaluation, Evaluation):
        raise ModelError(f"evaluation must be an Evaluation or None, got {evaluation!r}")
    if isinstance(problem, Problem):
        setting = Setting.of(problem, decoupled=decoupled, entropy=number)
        learner.check(setting)
        scale = None if evaluation is None else Yardstick.of(problem, evaluation, number)
        if scale is None or evaluation is None or scale.unscored:
            return Simulator(problem, setting), setting, None, scale
        judge = partial(_score, problem, evaluation, scale, number)
        return Simulator(problem, setting), setting, judge, scale
    setting = Setting.told_by(problem, entropy=number)
    if decoupled:
        raise ModelError("decoupled acting breaks the budget, which an environment does not allow; leave it out")
    if saved and not can_be_saved(problem):
        raise ModelError(
            f"{type(problem).__name__} has no state() and restore(arrays), so a run cannot go on from a checkpoint; "
            "add them or leave the checkpoint out"
        )
    learner.check(setting)
    return Outside(problem, setting), setting, None, None


def _score(problem: Problem, evaluation: Evaluation, scale: Yardstick, number: int, policy: Policy) -> Score:
    return scale.score(*evaluation.reward(problem, policy, number))


def _training(learner: Learner, runs: list[SeedRun], scale: Yardstick | None, number: int) -> Training:
    scored = scale is not None and not scale.unscored
    curves = Curves(
        runs[0].marks,
        np.array([run.log["scores"] for run in runs]) if scored else None,
        np.array([run.log["rewards"] for run in runs]),
        scale.random if scale is not None else None,
        scale.bound if scale is not None else None,
        np.array([run.log["noise"] for run in runs]) if scored else None,
        scale.unscored if scale is not None else "",
    )
    numbers = np.array([run.log["numbers"] for run in runs])
    policies = tuple(run.policy() for run in runs)
    held = zip(policies, runs, strict=True)
    return Training(
        learner=describe(learner),
        policies=policies,
        index=np.array([p.values if isinstance(p, IndexPolicy) else learner.learned(run.memory) for p, run in held]),
        curves=curves,
        diagnostics={name: numbers[:, :, i] for i, name in enumerate(runs[0].names)},
        alarms=tuple(learner.alarms(run.memory, run.setting) for run in runs),
        status=tuple(run.status() for run in runs),
        memories=tuple(run.memory for run in runs),
        entropy=number,
    )


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that seeds end and are saved; afterwards they do what they would have done."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    came: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: object) -> None:
        came.append(number)
        stop.set()
        for other, handler in before.items():
            signal.signal(other, handler)  # a second signal does not wait

    for sign in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(sign) not in (None, signal.SIG_IGN):  # None: not Python's to handle
            before[sign] = signal.signal(sign, note)
    try:
        yield stop
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
    if came:
        signal.raise_signal(came[0])
        raise KeyboardInterrupt
