"""``rmab train``: let a learner act in the simulator of a problem file, and keep what it has learned."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.options import BudgetOptions, CriterionOptions, Flag, MaybeWhole, OutputOptions, Seed, Whole
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.problem_file import read_problem
from rmab.errors import ModelError

if TYPE_CHECKING:
    from rmab.learn.result import Training
    from rmab.learn.seed_run import Reading

# the learners that learn with their default options, by their names in ``rmab.learn``
LEARNERS = {
    "certainty-equivalence": "CertaintyEquivalence",
    "thompson": "Thompson",
    "uc-whittle": "UCWhittle",
    "gino-q": "GinoQ",
    "published-gino-q": "PublishedGinoQ",
    "whittle-q": "WhittleQ",
    "q-learning-index": "QLearningIndex",
    "wiql": "WIQL",
    "maiql": "MAIQL",
}
FROM_PYTHON = {"lpql": "LPQL(charges)", "linearq": "LinearQ(features)"}
INTERRUPTED = 130


def train(
    file: Path,
    *,
    learner: str,
    steps: Whole = 10_000,
    seeds: Whole = 10,
    checkpoint: Path | None = None,
    stop_early: Flag = False,
    decoupled: Flag = False,
    seed: Seed = 0,
    threads: MaybeWhole = None,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Learn an index policy in the simulator; the learner is told sizes, budget and criterion only.

    What was learned is scored as it goes: 0 is random choice, 1 the bound. With --checkpoint a training that was cut off goes
    on when the same command is given again, and its result is the same to the last bit.

    Parameters
    ----------
    file : Path
        A problem file: JSON, or arms or a problem saved as safetensors.
    learner : str
        One of certainty-equivalence, thompson, uc-whittle, gino-q, published-gino-q, whittle-q, q-learning-index, wiql, maiql.
        LPQL and LinearQ need options of their own and are for Python.
    steps : int
        Periods of learning.
    seeds : int
        Independent repetitions; at least 2 for an interval.
    checkpoint : Path, optional
        Folder in which every seed saves itself, and which keeps the policies in the end.
    stop_early : bool
        Stop a seed when what it has learned no longer changes what is done.
    decoupled : bool
        Let every arm act for itself while learning, which breaks the budget.
    seed : int
        Seed of all randomness; the same seed gives the same numbers.
    threads : int, optional
        Threads to use; the result does not depend on it. Default: one per core.
    """
    from rmab import learn

    output, budget = output or OutputOptions(), budget or BudgetOptions()
    kind = _kind(learner)
    check_writable(output.out, file)
    given = read_problem(file)
    problem = budget.problem(given, criterion)
    try:
        with progress_bar("learning") as bar:
            training = learn.train(
                getattr(learn, kind)(), problem, steps=steps, seeds=seeds, rng=seed, checkpoint=checkpoint,
                decoupled=decoupled, stop_early=stop_early, threads=threads, progress=bar,
                watch=None if bar is None else lambda reading: bar.say(shown(reading)),
            )  # fmt: skip
    except KeyboardInterrupt:
        raise SystemExit(_stopped(checkpoint)) from None
    policies = None if checkpoint is None else checkpoint / "training.safetensors"
    made_of = {"steps": steps, "seeds": seeds, "decoupled": decoupled, "stop_early": stop_early, "entropy": training.entropy}
    fields = {
        "learner": training.learner,
        **training_fields(training),
        "policies": None if policies is None else str(policies),
        "provenance": provenance(file, **budget.configuration(given, problem), **made_of),
    }
    answer("\n".join([str(training), _ending(training), _kept(training, policies)]), fields, output)


def shown(reading: Reading) -> str:
    """One reading, as the words before the bar.

    Examples
    --------
    >>> from rmab.learn.seed_run import Reading
    >>> shown(Reading(3, 100, 1000, -5.0, 0.931, {}))
    'score 0.93 of the bound, seed 3'
    """
    if reading.score is None:
        return f"reward {reading.reward:.4g} per period, seed {reading.seed}"
    return f"score {reading.score:.2f} of the bound, seed {reading.seed}"


def training_fields(training: Training) -> dict[str, Any]:
    """What JSON shows of a training."""
    curves, ends = training.curves, training.curves.interval
    return {
        "curves": {
            "periods": curves.periods.tolist(),
            "mean": curves.mean.tolist(),
            "interval": None if ends is None else [end.tolist() for end in ends],
            "scores": None if curves.scores is None else curves.scores.tolist(),
            "rewards": curves.rewards.tolist(),
            "random": curves.random,
            "bound": curves.bound,
        },
        "index": training.index.tolist(),
        "diagnostics": {name: values.tolist() for name, values in training.diagnostics.items()},
        "alarms": training.alarms,
        "status": training.status,
    }


def _kind(learner: str) -> str:
    """The class of a learner; capitals and hyphens do not matter."""
    asked = learner.lower().replace("-", "").replace("_", "")
    if asked in FROM_PYTHON:
        raise ModelError(f"{learner} needs options of its own; use it from Python, rmab.learn.{FROM_PYTHON[asked]}")
    for kind in LEARNERS.values():
        if kind.lower() == asked:
            return kind
    raise ModelError(f"there is no learner {learner!r}; choose among {', '.join(LEARNERS)}")


def _ending(training: Training) -> str:
    """The diagnostics at the end, mean over seeds."""
    last = [f"{name} {values[:, -1].mean():.4g}" for name, values in training.diagnostics.items()]
    return f"at the end, mean over seeds: {', '.join(last)}"


def _kept(training: Training, policies: Path | None) -> str:
    from rmab.policies.index import IndexPolicy

    if policies is None:
        return "the policies are not kept; --checkpoint DIR keeps them"
    if not all(isinstance(policy, IndexPolicy) for policy in training.policies):
        return f"what was learned: {policies}; its policies are no index policies, rmab.learn.train gives them"
    return f"policies: {policies}, for rmab simulate --policy and rmab.learn.load_policies"


def _stopped(checkpoint: Path | None) -> int:
    kept = (
        "nothing is kept; --checkpoint DIR keeps it"
        if checkpoint is None
        else f"what was learned is in {checkpoint}; give the same command again to go on"
    )
    print(f"rmab: stopped; {kept}", file=sys.stderr)
    return INTERRUPTED
