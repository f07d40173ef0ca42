"""How much faster the Lagrangian bound is than the linear program: CPU time, side by side, medians of interleaved runs.

For the average criterion there are two programs: the library's, right for arms with several recurrent classes (twice the
variables and equations), and the smaller one that is right only when every policy has a single class, as these dense arms do.
Building the program is part of its time.

Run ``python benchmarks/bound.py``; ``--repeats 7`` for steadier medians, ``--types 100`` for the number of types.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from scipy.sparse import csr_array, eye_array, kron, vstack

from rmab.bound.fluid import fluid_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.program import Program, balance, excess_rows, resource_rows, solve_program, start_mass, weights
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def cpu_seconds(work: Callable[[], object], calls: int = 1) -> float:
    """CPU seconds of one call, from ``calls`` calls in a row."""
    begin = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - begin) / calls


def random_problem(rng: np.random.Generator, n_types: int, n_states: int, criterion: Average | Discounted) -> Problem:
    """Dense random types, one arm each, a fifth of which may be acted on."""
    transitions = rng.dirichlet(np.ones(n_states), size=(n_types, 2, n_states))
    arms = Arms(transitions, rng.random((n_types, 2, n_states)))
    return Problem(arms, TopK(n_types // 5), criterion)


def single_class_program(problem: Problem) -> float:
    """The average bound by the smaller program: stationary flow, and each type's shares sum to its weight."""
    arms = problem.arms
    stay = balance(np.eye(arms.n_states) - arms.transitions)
    whole = kron(eye_array(arms.n_types), np.ones((1, arms.rewards[0].size)))
    mass = start_mass(problem, problem.start_distribution).sum(axis=1)
    rows, limits, _ = resource_rows(problem)
    flow, inflow = csr_array(vstack([stay, whole])), np.concatenate([np.zeros(arms.n_types * arms.n_states), mass])
    program = Program(flow, inflow, rows, limits, problem.budget.exactly, excess_rows(problem)[0])
    reward = arms.rewards * weights(problem)[0][:, np.newaxis, np.newaxis]
    return solve_program(program, reward.ravel()).value * arms.n_arms


def compare(problem: Problem, program: Callable[[Problem], float], repeats: int) -> tuple[float, float, float]:
    """Median CPU seconds of the dual and of ``program``, interleaved, and the relative difference of their values."""
    expected, value = lagrangian_bound(problem).value, program(problem)
    fast, slow = [], []
    for _ in range(repeats):
        fast.append(cpu_seconds(lambda: lagrangian_bound(problem), 5))
        slow.append(cpu_seconds(lambda: program(problem)))
    return median(fast), median(slow), abs(value - expected) / abs(expected)


def main() -> None:
    """Print one row per case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    cases = (
        (Average(), "single-class LP", single_class_program),
        (Average(), "fluid_bound", lambda problem: fluid_bound(problem).value),
        (Discounted(0.95), "fluid_bound", lambda problem: fluid_bound(problem).value),
    )
    print(f"{'criterion':<22}{'against':<17}{'states':>6}{'dual ms':>10}{'LP ms':>10}{'LP/dual':>9}{'difference':>12}")
    for criterion, name, program in cases:
        for n_states in (3, 10, 30):
            problem = random_problem(rng, options.types, n_states, criterion)
            fast, slow, difference = compare(problem, program, options.repeats)
            print(
                f"{criterion!s:<22}{name:<17}{n_states:>6}{fast * 1e3:>10.2f}{slow * 1e3:>10.1f}"
                f"{slow / fast:>9.1f}{difference:>12.1e}"
            )


if __name__ == "__main__":
    main()
