"""Index of arms whose state is not seen: model, belief space, index, beside a greedy run in plain NumPy.

Run ``python benchmarks/hidden.py`` (``--quick`` for fewer rounds and smaller spaces). Four tables, in Markdown:

1. Belief spaces of an arm of three hidden states, grown for six periods. CPU time of the space, of the index, and of the whole
   way from the parameters; beside it the same greedy algorithm in NumPy, which updates the square array for every state
   (rank one, all rows), and the same with every set solved afresh for the smallest.
2. ``conservation_index`` beside ``whittle_index`` on these spaces and on larger ones.
3. One space of 55,000 beliefs of four hidden states, by the sweep.

CPU time with one thread for the matrix products, medians over interleaved rounds in one process; largest difference of an
index.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from index import interleave
from rmab import (
    Arms,
    BeliefIndexPolicy,
    BeliefSpace,
    Discounted,
    HiddenArms,
    HiddenProblem,
    Myopic,
    TopK,
    conservation_index,
    simulate,
    whittle_index,
)
from rmab.scenarios.hidden_random import draw

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles.greedy import GreedyArm

BETA, DEPTH = 0.9, 6
PAPER = 0.23  # seconds per arm that the paper reports for three hidden states
LEVELS = (
    [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]],
    [[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]],
    [[0, 0, 0], [0, 1, 0], [0, 1, 2]],
)
COMPUTER = (
    [[0.7, 0.1, 0.1, 0.1], [0.05, 0.7, 0.1, 0.15], [0.05, 0.1, 0.65, 0.2], [0.05, 0.05, 0.1, 0.8]],
    [[0.8, 0.1, 0.05, 0.05], [0.1, 0.75, 0.1, 0.05], [0.05, 0.1, 0.75, 0.1], [0.05, 0.05, 0.1, 0.8]],
    np.diag([4, 3, 2, 0]),
)


def grow(parts: Any, merge: float, closure: str, depth: int = DEPTH) -> BeliefSpace:
    """From the parameters of an arm to its belief space."""
    hidden = HiddenArms.from_observations(*parts)
    return hidden.reachable(hidden.stationary(), depth=depth, merge=merge, closure=closure)


def numpy_greedy(p: np.ndarray, r: np.ndarray, beta: float) -> tuple[np.ndarray, bool]:
    """Index, and whether the test holds: the greedy algorithm with fast pivoting, all rows, as one would write it in NumPy."""
    n = r.shape[1]
    table = beta * (p[1] - p[0]) @ np.linalg.inv(np.eye(n) - beta * p[0])
    work, pay = np.ones(n), r[1] - r[0] + table @ r[0]
    outside, index, holds = np.ones(n, dtype=bool), np.zeros(n), True
    for _ in range(n):
        ratio = np.where(outside & (work > 1e-12), pay / np.where(work > 1e-12, work, 1.0), -np.inf)
        j = int(np.argmax(ratio))
        index[j] = ratio[j]
        holds &= bool((work > 1e-12).all() and (outside | (pay >= index[j] * work - 1e-11)).all())
        column, pivot = table[:, j].copy(), 1.0 - table[j, j]
        work, pay = work + column * (work[j] / pivot), pay + column * (pay[j] / pivot)
        table += np.outer(column, table[j] / pivot)
        outside[j] = False
    return index, holds


def once(work: Callable[[], Any]) -> Callable[[], Callable[[], Any]]:
    """A task that needs no preparation."""
    return lambda: work


def repeated(work: Callable[[], Any], times: int) -> Any:
    """Do it several times; what it returned last."""
    for _ in range(times):
        found = work()
    return found


def small_arms(rounds: int) -> None:
    """Table of an arm of three hidden states."""
    print(f"\nThree hidden states, depth {DEPTH}, discount {BETA}; ms of CPU time; the paper takes {PAPER * 1e3:.0f} ms\n")
    print("| merge | closure | nodes | space | index | whole way | NumPy | ratio | fresh sets | paper ratio | difference |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    criterion = Discounted(BETA)
    for merge in (0.01, 0.005):
        for closure in ("nearest", "linear"):
            space = grow(LEVELS, merge, closure)
            arms = space.arms
            p, r = arms.transitions[0], arms.rewards[0]
            times = max(1, 20_000 // len(r[0]) ** 2 * 5)
            tasks: dict[str, Callable] = {
                "space": partial(repeated, partial(grow, LEVELS, merge, closure), times),
                "index": partial(repeated, partial(conservation_index, arms, criterion), times),
                "way": partial(repeated, partial(whole_way, merge, closure), times),
                "numpy": partial(numpy_greedy, p, r, BETA),
            }
            if len(r[0]) < 100:
                tasks["fresh"] = GreedyArm(p, r, BETA).run
            for task in tasks.values():
                task()
            taken = interleave({name: once(task) for name, task in tasks.items()}, rounds)
            mine = {name: taken[name].cpu / times * 1e3 for name in ("space", "index", "way")}
            theirs = taken["numpy"].cpu * 1e3
            fresh = f"{taken['fresh'].cpu * 1e3:.0f}" if "fresh" in taken else "-"
            difference = np.abs(taken["index"].result.values[0] - taken["numpy"].result[0]).max()
            print(
                f"| {merge} | {closure} | {len(r[0])} | {mine['space']:.3g} | {mine['index']:.3g} | {mine['way']:.3g} | "
                f"{theirs:.3g} | {theirs / mine['index']:.0f}x | {fresh} | {PAPER * 1e3 / mine['way']:.0f}x | "
                f"{difference:.0e} |"
            )


def whole_way(merge: float, closure: str) -> Any:
    """Parameters, space, index."""
    return conservation_index(grow(LEVELS, merge, closure).arms, Discounted(BETA))


def beside_whittle(rounds: int, quick: bool) -> None:
    """Table of both index functions."""
    print(f"\nconservation_index (all rows tested) beside whittle_index, discount {BETA}; ms of CPU time\n")
    print("| arm | nodes | dense array | sparse arm | whittle_index | ratio | least work | difference |")
    print("|---|---|---|---|---|---|---|---|")
    for parts, merge, closure in (
        (LEVELS, 0.01, "linear"),
        (LEVELS, 0.005, "linear"),
        (COMPUTER, 0.02, "linear"),
        (LEVELS, 0.001, "linear"),
        (COMPUTER, 0.01, "linear"),
        *(() if quick else ((COMPUTER, 0.005, "linear"),)),
    ):
        space = grow(parts, merge, closure)
        arms: Arms = space.arms
        sparse, criterion = space.sparse_arm, Discounted(BETA)
        times = max(1, 2000 // len(space.nodes))
        tasks: dict[str, Callable] = {
            "dense": partial(repeated, partial(conservation_index, arms, criterion), times),
            "sparse": partial(repeated, partial(conservation_index, sparse, criterion), times),
            "whittle": partial(repeated, partial(whittle_index, arms, criterion), times),
        }
        for task in tasks.values():
            task()
        taken = interleave({name: once(task) for name, task in tasks.items()}, rounds)
        dense, thin, other = (taken[name].cpu / times * 1e3 for name in tasks)
        mine = taken["dense"].result
        difference = np.abs(mine.values - taken["whittle"].result.values).max()
        hidden = "three levels" if parts is LEVELS else "computer"
        print(
            f"| {hidden}, {merge} | {len(space.nodes)} | {dense:.3g} | {thin:.3g} | {other:.3g} | {other / dense:.1f}x | "
            f"{mine.least_work[0]:.3f} | {difference:.0e} |"
        )


def large_space(quick: bool) -> None:
    """One space that is too large for a square array."""
    parts, merge = (COMPUTER, 0.004 if quick else 0.00185)
    begin = time.process_time()
    space = grow(parts, merge, "linear", 12)
    grown = time.process_time() - begin
    arm, criterion = space.sparse_arm, Discounted(BETA)
    conservation_index(grow(parts, 0.005, "linear").sparse_arm, criterion)
    taken = interleave({"index": once(partial(conservation_index, arm, criterion))}, 1 if quick else 3)["index"]
    print(f"\nOne space of {arm.n_states} beliefs ({arm!r}), four hidden states, discount {BETA}\n")
    print("| space s | index s | median error | largest error | range of the index |")
    print("|---|---|---|---|---|")
    table = taken.result
    print(
        f"| {grown:.3g} | {taken.cpu:.3g} | {np.median(table.error):.1e} | {table.error.max():.1e} | "
        f"{np.ptp(table.values):.3g} |\n\n{table.status}"
    )


def cohorts(quick: bool) -> None:
    """Table of problems of a hundred arms, from the parameters to the simulated gain."""
    replicates, steps, k = (50, 200, 2) if quick else (1000, 200, 2)
    print(f"\n100 arms of S hidden states, {k} acted on, {replicates} runs of {steps} periods, discount {BETA}; CPU s\n")
    print("| S | merge | nodes | spaces and indices | index policy | myopic | sum | ns per arm and period | gain over myopic |")
    print("|---|---|---|---|---|---|---|---|---|")
    for states, merge in ((6, 0.09), (7, 0.12), (8, 0.14), (9, 0.16)):
        rng = np.random.default_rng(states)
        problem = HiddenProblem([draw(states, rng) for _ in range(100)], TopK(k, exactly=True), Discounted(BETA))
        index_policy(problem, merge)  # compiled
        policy, indexed = timed(partial(index_policy, problem, merge))
        run = {"steps": steps, "replicates": replicates, "rng": 1, "threads": 1}
        for other in (policy, Myopic()):
            simulate(problem, other, **{**run, "replicates": 2})
        best, first = timed(partial(simulate, problem, policy, **run))
        base, second = timed(partial(simulate, problem, Myopic(), **run))
        half = np.std(best.rewards - base.rewards, ddof=1) / np.sqrt(replicates) * 1.96
        gain = f"{(best.mean / base.mean - 1) * 100:.1f} +- {half / base.mean * 100:.1f} %"
        nodes = sum(len(space.nodes) for space in policy.rule.spaces)
        each = first / (replicates * steps * 100) * 1e9
        total = indexed + first + second
        print(
            f"| {states} | {merge} | {nodes} | {indexed:.2f} | {first:.2f} | {second:.2f} | {total:.2f} | {each:.0f} | {gain} |"
        )


def index_policy(problem: HiddenProblem, merge: float) -> BeliefIndexPolicy:
    """Spaces and indices of all arms."""
    spaces = [
        arm.reachable(start, depth=DEPTH, merge=merge, closure="nearest")
        for arm, start in zip(problem.arms, problem.start, strict=True)
    ]
    return BeliefIndexPolicy(spaces, [conservation_index(space.arms, problem.criterion, threads=1) for space in spaces])


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returned, and its CPU time."""
    begin = time.process_time()
    found = work()
    return found, time.process_time() - begin


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller spaces")
    quick = parser.parse_args().quick
    rounds = 3 if quick else 9
    with threadpool_limits(1):
        small_arms(rounds)
        beside_whittle(rounds, quick)
        large_space(quick)
        cohorts(quick)


if __name__ == "__main__":
    main()
