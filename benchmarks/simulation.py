"""Speed of the two simulation engines: ``python benchmarks/simulation.py``.

1. The per-arm engine against a vectorised NumPy twin of the same law: 100 types, 5 states, 10^5 arms, 10 % acted on; one
   thread, CPU time, the two taking turns, medians over the rounds.
2. The counts engine on 10^6 arms of 100 types over 1,000 periods.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate

TYPES, STATES, STEPS, ROUNDS = 100, 5, 50, 7


def random_problem(n_arms: int) -> tuple[Problem, NDArray[np.float64]]:
    """A dense random problem and a random index table, all of whose entries are positive."""
    rng = np.random.default_rng(1)
    transitions = rng.dirichlet(np.ones(STATES), (TYPES, 2, STATES))
    rewards = rng.random((TYPES, 2, STATES))
    arms = Arms(transitions, rewards, multiplicity=np.full(TYPES, n_arms // TYPES))
    return Problem(arms, TopK(n_arms // 10), Average(), start=0), rng.random((TYPES, STATES))


def numpy_twin(problem: Problem, index: NDArray[np.float64], steps: int, rng: np.random.Generator) -> float:
    """Mean reward per period: whole-array operations, partial sort for the top K, inverse distribution for the moves."""
    arms = problem.arms
    kind = arms.type_of_arm
    limits = np.cumsum(arms.transitions, axis=-1)[..., :-1]
    state = problem.start_states.copy()
    total = 0.0
    for _ in range(steps):
        action = np.zeros(arms.n_arms, dtype=np.int64)
        action[np.argpartition(-index[kind, state], problem.budget.k)[: problem.budget.k]] = 1
        total += arms.rewards[kind, action, state].sum()
        state = (rng.random(arms.n_arms)[:, np.newaxis] >= limits[kind, action, state]).sum(axis=1)
    return total / steps


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Run both benchmarks and print a table."""
    problem, index = random_problem(100_000)
    policy = IndexPolicy(index)
    tasks: dict[str, Callable[[], object]] = {
        "per-arm engine": lambda: simulate(problem, policy, steps=STEPS, replicates=1, rng=3, engine="arms", threads=1),
        "NumPy twin": lambda: numpy_twin(problem, index, STEPS, np.random.default_rng(3)),
    }
    for task in tasks.values():
        task()
    rounds = [{name: cpu_seconds(task) for name, task in tasks.items()} for _ in range(ROUNDS)]
    times = {name: float(np.median([taken[name] for taken in rounds])) for name in tasks}
    for name, seconds in times.items():
        print(f"{name:<16} {problem.arms.n_arms * STEPS / seconds / 1e6:8.1f} million arm-steps per CPU-second")
    print(f"ratio            {times['NumPy twin'] / times['per-arm engine']:8.1f}")
    large, index = random_problem(1_000_000)
    simulate(large, IndexPolicy(index), steps=2, replicates=1, rng=3, engine="counts", threads=1)
    run = cpu_seconds(lambda: simulate(large, IndexPolicy(index), steps=1_000, replicates=1, rng=3, engine="counts", threads=1))
    print(f"counts engine    {run:8.2f} CPU-seconds for 10^6 arms of {TYPES} types over 1,000 periods")


if __name__ == "__main__":
    main()
