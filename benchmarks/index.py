"""The Whittle index of many small arms beside other solvers, and the arms on which solvers fail.

Run ``python benchmarks/index.py`` (``--quick`` for a minute's version). Two tables:

1. Batches: million arms per second and core, index and indexability test, beside markovianbandit-pkg with its test on (a Python
   loop: it has no batches) and beside bisection on the charge of all states and arms at once with policy iteration, the usual
   research code, vectorised here; it stops at a bracket of 1e-6. The solvers take turns in one process; medians.
2. Failures: both solvers against exact rational arithmetic.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from rmab import Arms, Average, Discounted, whittle_index
from rmab.index.table import Verdict

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles.rational_path import RationalPath

with np.errstate():  # its import sets NumPy's error mode
    import markovianbandit

BETA = 0.95
BATCHES = {2: 2_000_000, 3: 1_000_000, 5: 400_000, 10: 100_000, 20: 20_000, 30: 8_000, 50: 2_000}


class Seconds(NamedTuple):
    """Medians over the rounds, and what the task returned last."""

    wall: float
    cpu: float
    result: Any


def interleave(tasks: dict[str, Callable[[], Callable[[], Any]]], rounds: int) -> dict[str, Seconds]:
    """Time the tasks in turn, the order reversed in every other round; a task prepares itself outside the clock."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    results = {}
    for turn in range(rounds):
        for name in list(tasks)[:: 1 if turn % 2 == 0 else -1]:
            work = tasks[name]()
            wall, cpu = time.perf_counter(), time.process_time()
            results[name] = work()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: Seconds(*(statistics.median(column) for column in zip(*times, strict=True)), results[name])
        for name, times in taken.items()
    }


def anchor_index(p: np.ndarray, r: np.ndarray, discount: float) -> Callable[[], tuple[np.ndarray, bool]]:
    """One arm for markovianbandit, ready to be solved with its test of indexability; what it prints is dropped."""
    arm = markovianbandit.restless_bandit_from_P0P1_R0R1(p[0], p[1], r[0], r[1])

    def work() -> tuple[np.ndarray, bool]:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(divide="raise", invalid="raise"):
            return arm.whittle_indices(discount=discount), arm.is_indexable(discount)

    return work


def anchor_gittins(p: np.ndarray, r: np.ndarray, discount: float) -> Callable[[], tuple[np.ndarray]]:
    """One rested arm for markovianbandit, ready to be solved."""
    arm = markovianbandit.rested_bandit_from_P1_R1(p, r)

    def work() -> tuple[np.ndarray]:
        with np.errstate(divide="raise", invalid="raise"):
            return (arm.gittins_indices(discount=discount),)

    return work


def bisection(p: np.ndarray, r: np.ndarray, beta: float, width: float = 1e-6) -> np.ndarray:
    """Indices (K, S) by bisection on the charge; one policy iteration for every arm and state at once."""
    count, _, n = r.shape
    low, high = np.full((count, n), -1e3), np.full((count, n), 1e3)
    state = np.arange(n)
    policy = np.zeros((count, n, n), dtype=np.int64)
    while (high - low).max() > width:
        middle = (low + high) / 2
        for _ in range(50):
            chosen_p = p[np.arange(count)[:, None, None], policy, state[None, None, :]]
            chosen_r = r[np.arange(count)[:, None, None], policy, state[None, None, :]] - middle[:, :, None] * policy
            v = np.linalg.solve(np.eye(n) - beta * chosen_p, chosen_r[..., None])[..., 0]
            q = r[:, None] + beta * np.einsum("kast,kit->kias", p, v)
            q[:, :, 1] -= middle[:, :, None]
            better = (q[:, :, 1] > q[:, :, 0] + 1e-12).astype(np.int64)
            if (better == policy).all():
                break
            policy = better
        acts = np.diagonal(q[:, :, 1] - q[:, :, 0], axis1=1, axis2=2) > 0
        low, high = np.where(acts, middle, low), np.where(acts, high, middle)
    return (low + high) / 2


def batches(quick: bool) -> None:
    """Table of rates for random dense arms."""
    print(f"million arms/s per core, index and test, discount {BETA}; ratios of CPU time; difference to markovianbandit")
    print("states |     arms |    rmab | 2 threads | markovianbandit |    ratio | bisection |     ratio | difference")
    for n, count in BATCHES.items():
        count //= 10 if quick else 1
        few, fewer = max(20, min(300, 6_000 // n)), max(8, min(500, 2_000_000 // n**3))
        rng = np.random.default_rng(n)
        p, r = rng.standard_exponential((count, 2, n, n)), rng.normal(size=(count, 2, n))
        p /= p.sum(axis=-1, keepdims=True)
        arms = Arms(p, r)
        sample = p[:few].copy(), r[:few].copy()
        del p, r

        def ours(threads: int, arms: Arms = arms) -> Callable[[], Callable[[], Any]]:
            return lambda: lambda: whittle_index(arms, Discounted(BETA), threads=threads)

        def loop(sample: tuple = sample) -> Callable[[], list]:
            ready = [anchor_index(p, r, BETA) for p, r in zip(*sample, strict=True)]
            return lambda: [work()[0] for work in ready]

        def twin(sample: tuple = sample, fewer: int = fewer) -> Callable[[], np.ndarray]:
            return lambda: bisection(sample[0][:fewer], sample[1][:fewer], BETA)

        fewer = min(few, fewer)
        tasks = {"one": ours(1), "two": ours(2), "loop": loop, "twin": twin}
        with threadpool_limits(1):
            interleave(tasks, 1)  # compile and warm up
            found = interleave(tasks, 3 if quick else 7)
        rates = [count / found["one"].cpu, few / found["loop"].cpu, fewer / found["twin"].cpu]
        difference = np.abs(found["one"].result.values[:few] - np.array(found["loop"].result)).max()
        print(
            f"{n:6} | {count:8} | {rates[0] / 1e6:7.3g} | {found['one'].wall / found['two'].wall:8.2f}x | "
            f"{rates[1] / 1e6:15.2g} | {rates[0] / rates[1]:7.0f}x | {rates[2] / 1e6:9.2g} | {rates[0] / rates[2]:8.0f}x | "
            f"{difference:10.1e}"
        )


def sparse(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with one to three targets in eighths, rewards whole numbers."""
    p = np.zeros((2, n, n))
    for a, s in np.ndindex(2, n):
        targets = rng.choice(n, min(n, int(rng.integers(1, 4))), replace=False)
        p[a, s, targets] = (1 + rng.multinomial(8 - len(targets), np.ones(len(targets)) / len(targets))) / 8
    return p, rng.integers(-2, 3, (2, n)).astype(float)


def alike(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Both actions move alike."""
    p, r = sparse(rng, n)
    return p[[0, 0]], r


def absorbing(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first state is never left."""
    p, r = sparse(rng, n)
    p[:, 0] = np.eye(n)[0]
    return p, r


def periodic(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Passive arms go round one way, active arms the other."""
    p = np.array([np.roll(np.eye(n), 1, axis=1), np.roll(np.eye(n), -1, axis=1)])
    return p, rng.integers(-2, 3, (2, n)).astype(float)


def two_classes(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Passive arms stay in their half of the states."""
    p, r = sparse(rng, n)
    half = n // 2
    p[0] = 0
    p[0, :half, :half], p[0, half:, half:] = sparse(rng, half)[0][0], sparse(rng, n - half)[0][0]
    return p, r


def twins(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two states that differ by less than any test of equality asks for."""
    p, r = sparse(rng, n)
    p[:, 1], r[:, 1] = p[:, 0] + 1e-13 * rng.random((2, n)), r[:, 0]
    return p / p.sum(axis=-1, keepdims=True), r


def dense(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the flat Dirichlet distribution."""
    return rng.dirichlet(np.ones(n), (2, n)), rng.normal(size=(2, n))


FAMILIES: list[tuple[str, Callable, float, float]] = [
    ("sparse, whole rewards", sparse, 0.9, 1.0),
    ("sparse, whole rewards", sparse, 1.0, 1.0),
    ("two passive classes", two_classes, 1.0, 1.0),
    ("absorbing state", absorbing, 1.0, 1.0),
    ("periodic", periodic, 1.0, 1.0),
    ("both actions move alike", alike, 0.9, 1.0),
    ("near-duplicate states", twins, 0.95, 1.0),
    *((f"rewards times {scale:g}", sparse, 0.9, scale) for scale in (1e-12, 1e-6, 1e6, 1e9)),
    *((f"discount 1 - 1e-{k}", dense, 1 - 10.0**-k, 1.0) for k in (4, 6, 8, 10)),
    *((f"discount 1 - 1e-{k}, sparse", sparse, 1 - 10.0**-k, 1.0) for k in (6, 10)),
]


class Tally:
    """What went wrong with one solver on one family."""

    def __init__(self) -> None:
        self.stopped = self.verdicts = self.values = 0
        self.error = 0.0

    def add(self, index: np.ndarray, indexable: bool, exact: RationalPath, scale: float) -> None:
        """Count a wrong verdict, else a wrong index of an indexable arm; keep the largest relative error that is not gross."""
        if indexable != exact.weak:
            self.verdicts += 1
            return
        if not exact.weak:
            return
        truth = np.array([float(value) for value in (exact.limit_of_index if exact.limit else exact.index)])
        finite = np.isfinite(truth)
        worst = np.inf
        if (index[~finite] == truth[~finite]).all() and np.isfinite(index[finite]).all():
            unit = np.maximum(np.abs(truth[finite]), float(exact.scale))
            worst = (np.abs(index[finite] / scale - truth[finite]) / unit).max(initial=0.0)
        if worst > 1e-6:
            self.values += 1
        else:
            self.error = max(self.error, worst)

    def __str__(self) -> str:
        return f"{self.stopped:7} {self.verdicts:8} {self.values:6} {self.error:8.0e}"


def failures(quick: bool) -> None:
    """Table of failures against the exact rational path."""
    count = 40 if quick else 200
    print(
        f"of {count} arms of 4 to 6 states: no answer (an exception, NaN, or a verdict that is none), verdicts that are wrong,"
    )
    print("arms with an index off by more than 1e-6, and the largest relative error of all other indices")
    head = "no answer  verdict  index    error"
    print(f"{'family':<26} {'discount':>12} | rmab: {head} | markovianbandit: {head}")
    for name, draw, discount, scale in FAMILIES:
        rng, ours, theirs = np.random.default_rng(8), Tally(), Tally()
        for _ in range(count):
            p, r = draw(rng, int(rng.integers(4, 7)))
            exact = RationalPath(p, r, discount)
            table = whittle_index(Arms(p, r * scale), Average() if discount == 1 else Discounted(discount))
            if table.verdict[0] in (Verdict.UNDECIDED, Verdict.UNSETTLED):
                ours.stopped += 1
            else:
                ours.add(table.values[0], bool(table.indexable[0]), exact, scale)
            try:
                index, indexable = anchor_index(p, r * scale, discount)()
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                theirs.stopped += 1
                continue
            if indexable and np.isnan(index).any():
                theirs.stopped += 1
            else:
                theirs.add(index, indexable, exact, scale)
        shown = "average" if discount == 1 else f"{discount:.10g}"
        print(f"{name:<26} {shown:>12} |      {ours!s:>34} |                 {theirs!s:>34}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer arms and rounds")
    quick = parser.parse_args().quick
    warnings.filterwarnings("ignore", category=Warning, module=r"markovianbandit|scipy")
    batches(quick)
    print()
    failures(quick)


if __name__ == "__main__":
    main()
