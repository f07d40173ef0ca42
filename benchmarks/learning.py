"""How fast are the compiled learners beside NumPy and a Python loop? ``python benchmarks/learning.py``.

The restart arm of five states, 100 and 1,000 arms of one type, 20 % acted on, one thread, CPU time, all taking turns, medians
over the rounds (``--quick`` for fewer). Two rules are written three times: WIQL (one table) and Q-learning of the Whittle index
(one table per reference state). In NumPy whole arrays are used throughout: partial sorts for the budget, inverse distributions
for the moves, and the transitions of a period summed per cell. The loop goes arm by arm through NumPy arrays, as the published
scripts of these methods do; "lists" is the same loop with everything in lists, as fast as we could make plain Python. WIQL has
no price and steps of 1 / n, so what the three forms have learned is compared by the Whittle learner's index.

The last column is how far a learner is from the simulator alone: acting, moving and counting, without learning anything.
"""

from __future__ import annotations

import argparse
import random
import time
from bisect import bisect
from collections.abc import Callable
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from index import interleave
from rmab._kernels.crowd import act, move, settle
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy
from rmab.learn.learner import Learner, Setting, blank
from rmab.learn.steps import Steps
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.published_gino_q import PublishedGinoQ
from rmab.learn.tabular.q_learning import QLearningIndex
from rmab.learn.tabular.whittle_q import WhittleQ
from rmab.learn.tabular.wiql import WIQL
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem

STATES, BETA, EPSILON, ALPHA, GAMMA = 5, 0.9, 0.3, 0.05, 0.005
LEARNERS: dict[str, Learner] = {
    "WIQL": WIQL(exploration=EpsilonGreedy(EPSILON, decay=np.inf, floor=EPSILON)),
    "GinoQ": GinoQ(),
    "PublishedGinoQ": PublishedGinoQ(),
    "QLearningIndex": QLearningIndex(),
    "WhittleQ, one end": WhittleQ(
        exploration=EpsilonGreedy(EPSILON, decay=np.inf, floor=EPSILON),
        table=Steps(ALPHA),
        charge=Steps(GAMMA),
        averaging=np.inf,
        both_ends=False,
        warm=0,
    ),
    "WhittleQ, both ends": WhittleQ(),
}
Learned = NDArray[np.float64]


def restart(n_arms: int) -> Problem:
    """The restart arm: rewards fall with the age, acting makes it young again."""
    p = np.zeros((2, STATES, STATES))
    for s in range(STATES):
        p[0, s, 0] += 0.1
        p[0, s, min(s + 1, STATES - 1)] += 0.9
    p[1, :, 0] = 1.0
    rewards = np.stack([0.9 ** np.arange(1, STATES + 1), np.zeros(STATES)])
    return Problem(Arms(p, rewards, [n_arms]), TopK(n_arms // 5, exactly=True), Discounted(BETA), start=0)


def compiled(problem: Problem, learner: Learner, steps: int) -> Learned:
    """What a learner of the library has learned after ``steps`` periods, shape (S,)."""
    setting = Setting.of(problem)
    memory = learner.memory(setting)
    learner.learn(world_of(problem), new_crowd(problem, setting, 0), memory, setting, 0, steps)
    return learner.learned(memory)[0]


@njit(nogil=True, cache=True)
def _simulate(world, crowd, actor, last, score, level, visits):
    for step in range(last):
        act(crowd, actor, step, score, level, visits)
        move(world, crowd, step)
        settle(crowd)


def simulated(problem: Problem, steps: int) -> None:
    """Acting, moving and counting, without learning."""
    setting = Setting.of(problem)
    memory = blank(setting)
    memory["score"][:] = np.arange(STATES)
    named = (memory["score"], memory["level"], memory["visits"])
    _simulate(world_of(problem), new_crowd(problem, setting, 0), LEARNERS["WIQL"].actor(setting), steps, *named)


def numpy_period(
    problem: Problem, limits: Learned, score: Learned, state: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Learned, NDArray[np.int64]]:
    """Actions, rewards and next states of one period."""
    n_arms, k = problem.arms.n_arms, problem.budget.k
    ranked = rng.random(n_arms) if rng.random() < EPSILON else score[state] + 1e-9 * rng.random(n_arms)
    action = np.zeros(n_arms, dtype=np.int64)
    action[np.argpartition(-ranked, k)[:k]] = 1
    after = (rng.random(n_arms)[:, np.newaxis] >= limits[action, state]).sum(axis=1)
    return action, problem.arms.rewards[0, action, state], after


def numpy_wiql(problem: Problem, steps: int) -> Learned:
    """WIQL in NumPy."""
    rng, q, seen = np.random.default_rng(1), np.zeros(2 * STATES), np.zeros(2 * STATES)
    limits = np.cumsum(problem.arms.transitions[0], axis=-1)[..., :-1]
    state = np.zeros(problem.arms.n_arms, dtype=np.int64)
    for _ in range(steps):
        action, reward, after = numpy_period(problem, limits, q[1::2] - q[::2], state, rng)
        cell = 2 * state + action
        error = reward + BETA * np.maximum(q[2 * after], q[2 * after + 1]) - q[cell]
        count = np.bincount(cell, minlength=2 * STATES)
        seen += count
        q += np.bincount(cell, error, minlength=2 * STATES) / (seen + 1.0)
        state = after
    return q[1::2] - q[::2]


def numpy_whittle(problem: Problem, steps: int) -> Learned:
    """Q-learning of the Whittle index in NumPy: a period's step for a cell with n visits is 1 - (1 - alpha)^n."""
    rng, q, charge = np.random.default_rng(1), np.zeros((2 * STATES, STATES)), np.zeros(STATES)
    limits = np.cumsum(problem.arms.transitions[0], axis=-1)[..., :-1]
    state = np.zeros(problem.arms.n_arms, dtype=np.int64)
    lanes = np.arange(STATES)
    for _ in range(steps):
        action, reward, after = numpy_period(problem, limits, charge, state, rng)
        cell = 2 * state + action
        ahead = np.maximum(q[2 * after], q[2 * after + 1])
        target = reward[:, np.newaxis] - np.outer(action, charge) + BETA * ahead
        count = np.bincount(cell, minlength=2 * STATES)
        total = np.zeros_like(q)
        np.add.at(total, cell, target)
        step = (1.0 - (1.0 - ALPHA) ** count)[:, np.newaxis]
        q += step * (total / np.maximum(count, 1)[:, np.newaxis] - q)
        tried = (count[::2] > 0) & (count[1::2] > 0)
        charge += GAMMA * tried * (q[2 * lanes + 1, lanes] - q[2 * lanes, lanes])
        state = after
    return charge


def loop_wiql(problem: Problem, steps: int) -> Learned:
    """WIQL arm by arm through NumPy arrays."""
    rng, p, rewards = np.random.default_rng(1), problem.arms.transitions[0], problem.arms.rewards[0]
    q, seen, state = np.zeros((STATES, 2)), np.zeros((STATES, 2)), np.zeros(problem.arms.n_arms, dtype=np.int64)
    for _ in range(steps):
        chosen = loop_choice(q[:, 1] - q[:, 0], state, problem.budget.k, rng)
        for i in range(len(state)):
            s, a = state[i], int(i in chosen)
            t = rng.choice(STATES, p=p[a, s])
            seen[s, a] += 1
            q[s, a] += (rewards[a, s] + BETA * max(q[t]) - q[s, a]) / (seen[s, a] + 1)
            state[i] = t
    return q[:, 1] - q[:, 0]


def loop_whittle(problem: Problem, steps: int) -> Learned:
    """Q-learning of the Whittle index arm by arm through NumPy arrays."""
    rng, p, rewards = np.random.default_rng(1), problem.arms.transitions[0], problem.arms.rewards[0]
    q, charge, state = np.zeros((STATES, STATES, 2)), np.zeros(STATES), np.zeros(problem.arms.n_arms, dtype=np.int64)
    for _ in range(steps):
        chosen, tried = loop_choice(charge, state, problem.budget.k, rng), set()
        for i in range(len(state)):
            s, a = state[i], int(i in chosen)
            t = rng.choice(STATES, p=p[a, s])
            tried.add((s, a))
            for z in range(STATES):
                q[z, s, a] += ALPHA * (rewards[a, s] - a * charge[z] + BETA * max(q[z, t]) - q[z, s, a])
            state[i] = t
        for z in range(STATES):
            if (z, 0) in tried and (z, 1) in tried:
                charge[z] += GAMMA * (q[z, z, 1] - q[z, z, 0])
    return charge


def loop_choice(score: Learned, state: NDArray[np.int64], k: int, rng: np.random.Generator) -> set[int]:
    """The arms that are acted on."""
    if rng.random() < EPSILON:
        return set(rng.choice(len(state), k, replace=False).tolist())
    return set(np.argsort(-score[state])[:k].tolist())


def list_wiql(problem: Problem, steps: int) -> Learned:
    """WIQL in plain Python with lists only."""
    luck, limits = random.Random(1), np.cumsum(problem.arms.transitions[0], axis=-1).tolist()
    rewards = problem.arms.rewards[0].tolist()
    q, seen = [[0.0, 0.0] for _ in range(STATES)], [[0, 0] for _ in range(STATES)]
    state = [0] * problem.arms.n_arms
    for _ in range(steps):
        action, after = list_period(limits, [row[1] - row[0] for row in q], state, problem.budget.k, luck)
        for s, a, t in zip(state, action, after, strict=True):
            seen[s][a] += 1
            q[s][a] += (rewards[a][s] + BETA * max(q[t]) - q[s][a]) / (seen[s][a] + 1)
        state = after
    return np.array([row[1] - row[0] for row in q])


def list_whittle(problem: Problem, steps: int) -> Learned:
    """Q-learning of the Whittle index in plain Python with lists only."""
    luck, limits = random.Random(1), np.cumsum(problem.arms.transitions[0], axis=-1).tolist()
    rewards = problem.arms.rewards[0].tolist()
    q = [[[0.0, 0.0] for _ in range(STATES)] for _ in range(STATES)]
    charge, state = [0.0] * STATES, [0] * problem.arms.n_arms
    for _ in range(steps):
        action, after = list_period(limits, charge, state, problem.budget.k, luck)
        for s, a, t in zip(state, action, after, strict=True):
            for table, price in zip(q, charge, strict=True):
                table[s][a] += ALPHA * (rewards[a][s] - a * price + BETA * max(table[t]) - table[s][a])
        tried = set(zip(state, action, strict=True))
        for z in range(STATES):
            if (z, 0) in tried and (z, 1) in tried:
                charge[z] += GAMMA * (q[z][z][1] - q[z][z][0])
        state = after
    return np.array(charge)


def list_period(limits: list, score: list, state: list, k: int, luck: random.Random) -> tuple[list, list]:
    """Actions and next states of one period, arm by arm."""
    n_arms = len(state)
    if luck.random() < EPSILON:
        chosen = luck.sample(range(n_arms), k)
    else:
        chosen = sorted(range(n_arms), key=lambda i: -score[state[i]])[:k]
    action = [0] * n_arms
    for i in chosen:
        action[i] = 1
    after = [bisect(limits[a][s], luck.random(), hi=STATES - 1) for s, a in zip(state, action, strict=True)]
    return action, after


TWINS: dict[str, dict[str, Callable[[Problem, int], Learned]]] = {
    "WIQL": {"NumPy": numpy_wiql, "loop": loop_wiql, "lists": list_wiql},
    "WhittleQ, one end": {"NumPy": numpy_whittle, "loop": loop_whittle, "lists": list_whittle},
}


def check(problem: Problem, steps: int) -> None:
    """Print how far the forms of the Whittle learner are from each other."""
    name = "WhittleQ, one end"
    ours = compiled(problem, LEARNERS[name], steps)
    print(f"{name} after {steps} periods of {problem.arms.n_arms} arms: largest difference of the indices")
    for form, twin in TWINS[name].items():
        print(f"  from {form}: {np.abs(twin(problem, steps) - ours).max():.4f} of a range of {np.ptp(ours):.3f}")


def measure(n_arms: int, rounds: int) -> None:
    """Print the table for a number of arms."""
    problem, steps = restart(n_arms), 2_000_000 // n_arms
    fewer = {"NumPy": steps // 10, "loop": max(steps // 1000, 1), "lists": steps // 200}
    tasks: dict[str, Callable[[], Callable[[], object]]] = {"simulator": lambda: partial(simulated, problem, steps)}
    for name, learner in LEARNERS.items():
        tasks[name] = partial(partial, compiled, problem, learner, steps)
        for form, twin in TWINS.get(name, {}).items():
            tasks[f"{name} {form}"] = partial(partial, twin, problem, fewer[form])
    taken = interleave(tasks, rounds)
    rate = {name: n_arms * steps / taken[name].cpu for name in ("simulator", *LEARNERS)}
    print(f"\n| {n_arms} arms | million arm-steps per CPU-second | x NumPy | x loop | x lists | of the simulator's rate |")
    print("|---|---|---|---|---|---|")
    for name in rate:
        ratios = [
            f"{rate[name] / (n_arms * count / taken[f'{name} {form}'].cpu):.1f}" if name in TWINS else ""
            for form, count in fewer.items()
        ]
        print(f"| {name} | {rate[name] / 1e6:.1f} | {' | '.join(ratios)} | {rate[name] / rate['simulator']:.2f} |")


def main() -> None:
    """Check, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 9
    began = time.perf_counter()
    check(restart(100), 1_000)
    for n_arms in (100, 1_000):
        for learner in LEARNERS.values():
            compiled(restart(n_arms), learner, 10)
        simulated(restart(n_arms), 10)
        measure(n_arms, rounds)
    print(f"\n{time.perf_counter() - began:.0f} seconds in all")


if __name__ == "__main__":
    main()
