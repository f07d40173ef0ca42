"""Simulate a policy, or compare several on common random numbers.

Two engines have one law. The *arms* engine follows every arm and runs any policy; the *counts* engine follows the number of
arms of each type in each state, runs priority rules, and costs the same for a thousand arms as for a million. Where states are
hidden, the *beliefs* engine follows what is known of every arm, and the *states* engine also what is not, as a check. Results
are bit-identical for any number of threads and any executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem
from rmab.models.arrays import whole_number
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem, check_problem
from rmab.parallel import Progress
from rmab.policies.base import Policy, PriorityPolicy, PriorityRule, check_shape
from rmab.policies.belief import HiddenPolicy
from rmab.policies.scored import ScoredPolicy, checked_rule
from rmab.simulation.arms import simulate_policy, simulate_rule, simulate_scored
from rmab.simulation.comparison import Comparison
from rmab.simulation.counts import prefers_counts, simulate_counts
from rmab.simulation.engine import AnyProblem, Workers
from rmab.simulation.hidden import hidden_engine, simulate_hidden
from rmab.simulation.outcome import Outcome, summarise
from rmab.simulation.streams import Rng, entropy

ENGINES = ("auto", "arms", "counts")
COUNTER_LIMIT = 2**32


def simulate(
    problem: AnyProblem,
    policy: Policy | HiddenPolicy,
    *,
    steps: int | None = None,
    replicates: int,
    rng: Rng = None,
    engine: str = "auto",
    burn_in: int = 0,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Simulate a policy.

    Parameters
    ----------
    problem : Problem or HiddenProblem
        ``K`` types, ``N`` arms.
    policy : Policy
        A priority policy, a scored policy, or any object with ``actions(problem, states, *, step, rng)``. Where states are
        hidden, a policy on beliefs, or any object with ``actions(problem, information, *, step, rng)``, to which
        ``information.modes`` (N,) and ``information.beliefs`` (N, S) are known.
    steps : int, optional
        Periods per replicate, ``T``. Default for a finite-horizon problem: its horizon, which is also the only value allowed.
        A discounted value is the sum over these periods; see ``Outcome.truncation``.
    replicates : int
        Independent runs, ``R``; at least 2 for an interval over replicates.
    rng : None, int, SeedSequence or Generator
        Source of randomness; ``Outcome.entropy`` repeats the run.
    engine : str
        ``"arms"``, ``"counts"`` (priority policies only, no penalties), or ``"auto"``: counts for priority policies of large
        cohorts without penalties. Where states are hidden, ``"beliefs"``, which ``"auto"`` chooses, or ``"states"``.
    burn_in : int
        First periods that do not count towards the mean or what arms owe; average criterion only. Without it the mean
        includes the start, which may be better or worse than the long run.
    threads : int, optional
        Threads over which replicates are spread; default one per core. A policy that is neither a priority nor a scored
        policy, nor one on beliefs, runs in the calling thread.
    executor : concurrent.futures.Executor, optional
        Where to run instead of own threads.
    progress : callable, optional
        Called as ``progress(done, replicates)``.

    Returns
    -------
    Outcome

    Raises
    ------
    ModelError
        If an argument is not well formed, the policy does not fit the problem, or the engine cannot run it.
    InfeasibleBudget
        If the policy breaks the budget.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.policies.baselines import Myopic
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> outcome = simulate(Problem(arms, TopK(20), Average(), start=0), Myopic(), steps=100, replicates=10, rng=7)
    >>> outcome.engine, float(outcome.activations[0])
    ('counts', 20.0)

    Arms whose states are hidden, and what the best guess of them is worth:

    >>> from rmab.hidden.arms import HiddenArms
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> problem = HiddenProblem(channel, TopK(2), Average(), multiplicity=[10])
    >>> outcome = simulate(problem, Myopic(), steps=100, replicates=10, rng=7)
    >>> outcome.engine, 1.2 < outcome.mean < 2.0
    ('beliefs', True)
    """
    workers = Workers(None if threads is None else whole_number("threads", threads, 1, COUNTER_LIMIT), executor, progress)
    number = entropy(rng)
    used = _engine(problem, {"the policy": policy}, engine)
    return _simulate(problem, policy, steps, replicates, number, used, burn_in, workers)


def compare(
    problem: AnyProblem,
    policies: Mapping[str, Policy | HiddenPolicy],
    *,
    steps: int | None = None,
    replicates: int,
    rng: Rng = None,
    engine: str = "auto",
    burn_in: int = 0,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Simulate several policies on common random numbers.

    Parameters
    ----------
    policies : mapping of str to Policy
        At least one policy, by name. All of them run on one engine: ``"auto"`` chooses counts only if it can run them all.
    problem, steps, replicates, rng, engine, burn_in, threads, executor, progress
        As for :func:`simulate`; ``progress`` starts anew for every policy.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError, InfeasibleBudget
        As for :func:`simulate`, and if there is no policy.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.policies.baselines import Myopic, NoAction
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20), Average())
    >>> table = compare(problem, {"none": NoAction(), "myopic": Myopic()}, steps=100, replicates=10, rng=7)
    >>> table.best, table.difference("none").interval[1] < 0
    ('myopic', True)
    """
    if not isinstance(policies, Mapping) or not policies:
        raise ModelError('there is no policy to compare; give at least one, by name, as in {"myopic": Myopic()}')
    workers = Workers(None if threads is None else whole_number("threads", threads, 1, COUNTER_LIMIT), executor, progress)
    number = entropy(rng)
    used = _engine(problem, policies, engine)
    return Comparison(
        {
            name: _simulate(problem, policy, steps, replicates, number, used, burn_in, workers)
            for name, policy in policies.items()
        }
    )


def _simulate(
    problem: AnyProblem,
    policy: Any,
    steps: int | None,
    replicates: int,
    number: int,
    engine: str,
    burn_in: int,
    workers: Workers,
) -> Outcome:
    periods = _periods(problem, steps)
    runs = whole_number("replicates", replicates, 1, COUNTER_LIMIT)
    size: dict[str, Any] = {"steps": periods, "replicates": runs, "number": number}
    skipped = _burn_in(problem, burn_in, periods)
    if isinstance(problem, HiddenProblem):
        record = simulate_hidden(problem, policy, workers=workers, sampled=engine == "states", **size)
    elif isinstance(policy, ScoredPolicy):
        rule = checked_rule(problem, policy)
        record = simulate_scored(problem, rule, workers=workers, burn_in=skipped, **size)
    elif not isinstance(policy, PriorityPolicy):
        # a policy may keep notes between periods, so it is never asked from two threads at once
        record = simulate_policy(problem, policy, workers=Workers(1, None, workers.progress), burn_in=skipped, **size)
    elif engine == "counts":
        record = simulate_counts(problem, _rule(problem, policy), workers=workers, **size)
    else:
        record = simulate_rule(problem, _rule(problem, policy), workers=workers, burn_in=skipped, **size)
    return summarise(problem, record, burn_in=skipped, engine=engine, entropy=number)


def _rule(problem: Problem, policy: PriorityPolicy) -> PriorityRule:
    rule = policy.rule(problem)
    check_shape(problem, rule.priority, "priorities")
    return rule


def _engine(problem: AnyProblem, policies: Mapping[str, Policy | HiddenPolicy], engine: str) -> str:
    for name, policy in policies.items():
        if not isinstance(policy, Policy):
            raise ModelError(f"{name}: {policy!r} is no policy; it needs a method actions(problem, states, *, step, rng)")
    if isinstance(problem, HiddenProblem):
        return hidden_engine(policies, engine)
    check_problem(problem)
    if engine not in ENGINES:
        raise ModelError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    for name, policy in policies.items():
        if engine == "counts" and not isinstance(policy, PriorityPolicy):
            raise ModelError(f'{name}: the counts engine runs priority policies only; use engine="arms"')
    if engine == "counts" and problem.penalties is not None:
        raise ModelError('the counts engine follows no arms, so it cannot say what each arm owes; use engine="arms"')
    if engine == "auto":
        countable = all(isinstance(policy, PriorityPolicy) for policy in policies.values())
        followed = problem.penalties is not None or not prefers_counts(problem)
        return "counts" if countable and not followed else "arms"
    return engine


def _periods(problem: AnyProblem, steps: int | None) -> int:
    if isinstance(problem.criterion, Horizon):
        if steps is not None and steps != problem.criterion.steps:
            raise ModelError(
                f"the problem has a horizon of {problem.criterion.steps} periods, but steps={steps}; leave steps out"
            )
        return problem.criterion.steps
    if steps is None:
        raise ModelError("say how many periods to simulate: steps=1_000, for example")
    return whole_number("steps", steps, 1, COUNTER_LIMIT)


def _burn_in(problem: AnyProblem, burn_in: int, periods: int) -> int:
    skipped = whole_number("burn_in", burn_in, 0, COUNTER_LIMIT)
    if skipped and not isinstance(problem.criterion, Average):
        raise ModelError("burn_in only makes sense for the average criterion; the others count from the start")
    if skipped >= periods:
        raise ModelError(f"burn_in={skipped} leaves nothing of {periods} periods")
    return skipped
