"""From estimated arms and their present states to this period's list.

1. Pick a policy for the criterion (:func:`rmab.solve`) and give every arm its index in its present state.
2. Choose this period's arms: the highest indices within the budget, ties at the cut drawn at random (:mod:`.choice`).
3. State what acting is worth (:mod:`.worth`) and write down why each arm was chosen (:mod:`.tables`).
4. Simulate the policy and the baselines from the present states on common random numbers, and hold them against the upper bound
   *over the same periods from the same states*: a bound on the long-run average can be passed in a short run from a good start,
   so a gap to it would mean nothing. It is reported beside, because its price is the market charge.
5. Repeat 1 to 4 in worlds drawn from the posterior (:mod:`.sensitivity`).

The simulation and both bounds live in the estimated model; only step 5 says how much hangs on the estimate. All randomness
comes from one number, kept as ``entropy``: ties, simulation and draws use streams of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.estimation.log import Log
from rmab.estimation.records import LatestStates
from rmab.estimation.transitions import Model
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.planning.choice import choose
from rmab.planning.facts import RECOMMENDED
from rmab.planning.present import observed_shares, present_states, stale_warning
from rmab.planning.result import Plan
from rmab.planning.sensitivity import Sensitivity, sensitivity
from rmab.planning.tables import Standing, calls_table, cells_table, cohort_table
from rmab.planning.worth import next_period_effect, worth_of_acting
from rmab.policies.base import Policy, PriorityRule
from rmab.policies.baselines import Myopic, NoAction, Uniform
from rmab.policies.solve import Choice as Recommended
from rmab.policies.solve import solve
from rmab.simulation.run import compare
from rmab.simulation.streams import Rng, entropy

FUTURES_PER_DRAW = 20
TIES, DRAWS = 1, 2


def plan(
    model: Model,
    latest: LatestStates | Mapping[str, str],
    *,
    budget: TopK,
    criterion: Average | Discounted | None = None,
    rewards: Mapping[str, float] | None = None,
    log: Log | None = None,
    steps: int = 52,
    replicates: int = 1000,
    draws: int = 200,
    rng: Rng = None,
    progress: Progress | None = None,
) -> Plan:
    """This period's list, with reasons, bound, simulated future and sensitivity.

    Parameters
    ----------
    model : Model
        Estimated arms with two actions, from :func:`rmab.estimate`.
    latest : LatestStates or mapping of str to str
        Where each arm is now: ``log.latest()``, or the state's label by arm.
    budget : TopK
        How many arms may be acted on in a period.
    criterion : Average or Discounted, optional
        What is maximised; default the long-run average.
    rewards : mapping of str to float, optional
        Reward per period of every state label; needed when the model has none yet.
    log : Log, optional
        Adds the observed past to the picture of the cohort.
    steps : int
        Simulated periods, the present one included.
    replicates : int
        Simulated futures, at least 2.
    draws : int
        Posterior draws, at least 1.
    rng : None, int, SeedSequence or Generator
        Source of all randomness; ``Plan.entropy`` repeats the plan.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    Plan

    Raises
    ------
    ModelError
        If the model has no rewards or not two actions, a present state is missing, or an argument is not well formed.
    InfeasibleBudget
        If the budget is above the number of arms.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rmab.estimation.log import read_log
    >>> from rmab.estimation.transitions import estimate
    >>> rows = ["id,week,status,call", "A,1,poor,no", "A,2,good,yes", "A,3,good,", "B,1,poor,yes", "B,2,good,no", "B,3,poor,"]
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     _ = file.write_text("\\n".join(rows), encoding="utf-8")
    ...     seen = read_log(file, arm="id", time="week", state="status", action="call")
    >>> model = estimate(seen, rewards={"good": 1, "poor": 0})
    >>> week = plan(model, seen.latest(), budget=TopK(1), steps=10, replicates=50, draws=5, rng=1)
    >>> week.calls["arm"].to_list(), week.calls["tied"].to_list()
    (['A'], [False])
    """
    criterion = Average() if criterion is None else criterion
    _check(model, criterion, replicates, draws)
    model = model if rewards is None else model.with_rewards(rewards)
    number = entropy(rng)
    states = present_states(model, latest)
    problem = Problem(model.arms, budget, criterion, start=states)
    policy = solve(problem)
    standing = _standing(model, problem, policy, number)
    future = Problem(model.arms, budget, Horizon(steps), start=states)
    policies = _policies(policy, budget)
    comparison = compare(future, policies, replicates=replicates, rng=number)
    hang = _sensitivity(standing, future, criterion, policies, draws, number, progress)
    status = whittle_index(model.arms, criterion).status
    source = latest.source if isinstance(latest, LatestStates) else "states given by hand"
    return Plan(
        calls=calls_table(standing),
        cohort=cohort_table(standing),
        cells=cells_table(standing, hang),
        tie=standing.tie(),
        bound=horizon_bound(future),
        long_run=lagrangian_bound(problem),
        comparison=comparison,
        sensitivity=hang,
        policy=policy,
        policy_reason=policy.reason,
        index_status=status,
        labels=model.labels,
        index=standing.index,
        grouped=standing.grouped,
        transitions=model.transitions,
        counts=model.counts,
        rewards=model.arms.rewards,
        observed=None if log is None else observed_shares(log),
        warnings=tuple(stale_warning(latest)),
        thin_cells=model.thin_cells,
        criterion=criterion,
        budget=budget,
        steps=steps,
        replicates=replicates,
        entropy=number,
        source=source,
        settings=_settings(model),
    )


def _check(model: Model, criterion: Average | Discounted, replicates: int, draws: int) -> None:
    if not isinstance(model, Model):
        raise ModelError(f"plan needs a Model, got {type(model).__name__}; call estimate(log) first")
    if not isinstance(criterion, Average | Discounted):
        raise ModelError(f"a plan is made for Average() or Discounted(beta), got {criterion!r}")
    for name, value, least in (("replicates", replicates, 2), ("draws", draws, 1)):
        if value < least:
            raise ModelError(f"{name} must be at least {least}, got {value}")


def _standing(model: Model, problem: Problem, policy: Recommended, number: int) -> Standing:
    rule = policy.rule(problem)
    assert isinstance(rule, PriorityRule)  # as for every problem without penalties
    index = rule.at(0)
    states = problem.start_states
    assert states is not None
    choice = choose(index[model.type_of_arm, states], rule.threshold, problem.budget, _generator(number, TIES))
    return Standing(model, states, index, worth_of_acting(problem), next_period_effect(model.arms), rule.threshold, choice)


def _policies(policy: Policy, budget: TopK) -> dict[str, Policy]:
    policies = {RECOMMENDED: policy, "myopic": Myopic(), "uniform": Uniform()}
    # when actions are compulsory, leaving all arms alone is not allowed
    return policies if budget.exactly else policies | {"no action": NoAction()}


def _sensitivity(
    standing: Standing,
    future: Problem,
    criterion: Average | Discounted,
    policies: dict[str, Policy],
    draws: int,
    number: int,
    progress: Progress | None,
) -> Sensitivity:
    return sensitivity(
        future,
        standing.model.draw(_generator(number, DRAWS), draws),
        policy=policies[RECOMMENDED],
        reference=list(policies.values())[-1],
        index=standing.index,
        threshold=standing.threshold,
        criterion=criterion,
        replicates=FUTURES_PER_DRAW,
        rng=number,
        progress=progress,
    )


def _settings(model: Model) -> dict[str, str]:
    shrinkage = "none, one group" if model.shrinkage is None else f"{model.shrinkage:.3g} observations per row"
    return {"prior": f"Dirichlet, {model.prior.strength:g} observations per row", "shrinkage of groups": shrinkage}


def _generator(number: int, use: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(number, spawn_key=(use,))))
