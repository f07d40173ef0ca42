"""One large arm beside markovianbandit-pkg with its indexability test on: dense, rested, and sparse along a line.

Run ``python benchmarks/large_arm.py`` (half an hour, nearly all of it markovianbandit's) or with ``--quick`` (two minutes).
The solvers take turns in one process, each with one and with two threads for the matrix products; medians over the rounds. A
matrix product is timed in the same turns: the (11/3) n^3 operations of the elimination are given as a share of its rate.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.linalg.blas import dgemm
from threadpoolctl import ThreadpoolController

from index import Seconds, anchor_gittins, anchor_index, interleave
from rmab import Arms, Average, Discounted, SparseArm, gittins_index, whittle_index

BETA = 0.95
DENSE = {100: 31, 200: 21, 500: 11, 1000: 7, 2000: 5, 3000: 3, 5000: 1}  # rounds by number of states
RESTED = {500: 11, 1000: 7, 2000: 5}
LINES = {2000: 5, 5000: 1, 10_000: 3}
MOST_ANCHOR = 5000
SMALLEST_PRODUCT = 1000  # smaller ones do not show the rate of the machine
LIBRARIES = ThreadpoolController()
Task = Callable[[], Callable[[], Any]]


def threaded(task: Task, threads: int) -> Task:
    """The task with this many threads for its matrix products, set before it is timed."""

    def prepare() -> Callable[[], Any]:
        work = task()
        LIBRARIES.limit(limits=threads, user_api="blas")
        return work

    return prepare


def product(n: int) -> Task:
    """A matrix product in the library that the kernels call."""

    def prepare() -> Callable[[], Any]:
        a, b, c = (np.asfortranarray(np.random.default_rng(i).random((n, n))) for i in range(3))
        return lambda: dgemm(1.0, a, b, c=c, overwrite_c=True) is None

    return prepare


def side_by_side(ours: Callable[[int], Task], anchor: Task, rounds: int, n: int | None = None) -> dict[str, Seconds]:
    """Medians of ``ours 1``, ``ours 2``, ``anchor 1``, ``anchor 2``; given ``n`` states, ``product 1``, ``product 2`` too."""
    tasks: dict[str, Task] = {}
    for threads in (1, 2):
        tasks[f"ours {threads}"] = threaded(ours(threads), threads)
        tasks[f"anchor {threads}"] = threaded(anchor, threads)
        if n is not None:
            tasks[f"product {threads}"] = threaded(product(max(n, SMALLEST_PRODUCT)), threads)
    return interleave(tasks, rounds)


def random_arm(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Dense random rows and normal rewards."""
    rng = np.random.default_rng([n, seed])
    p = rng.standard_exponential((2, n, n))
    p /= p.sum(axis=-1, keepdims=True)
    return p, rng.normal(size=(2, n))


def difference(found: dict[str, Seconds]) -> float:
    """Largest difference of an index, relative to the larger of 1 and the largest index."""
    ours, theirs = found["ours 1"].result.values[0], np.asarray(found["anchor 1"].result[0])
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def line(found: dict[str, Seconds]) -> str:
    """Wall seconds of both and the ratios of wall and CPU time, with one thread and with two."""
    cells = []
    for threads in (1, 2):
        mine, theirs = found[f"ours {threads}"], found[f"anchor {threads}"]
        ratios = f"{theirs.wall / mine.wall:5.1f}x | {theirs.cpu / mine.cpu:5.1f}x"
        cells.append(f"{mine.wall:8.4f} | {theirs.wall:8.3f} | {ratios}")
    return " | ".join(cells)


HEAD = " | ".join(f"rmab {k} s | anchor {k} | wall {k} | CPU {k} " for k in (1, 2))


def dense(quick: bool) -> None:
    """Index and test of one dense arm."""
    for criterion, sizes in ((Discounted(BETA), DENSE), (Average(), {200: 11, 1000: 5})):
        print(f"one dense arm, {criterion}: wall seconds and ratios of wall and CPU time with 1 and 2 threads,")
        print("share of the rate of the matrix product, largest difference of an index")
        print(f"states | {HEAD} | share 1 | share 2 | GFlop/s | difference")
        for n, rounds in sizes.items():
            if quick and n > 1000:
                continue
            p, r = random_arm(n, 1)
            arms = Arms(p, r)

            def ours(threads: int, arms: Arms = arms, criterion: Any = criterion) -> Task:
                return lambda: lambda: whittle_index(arms, criterion, threads=threads)

            def anchor(p: np.ndarray = p, r: np.ndarray = r, discount: float = getattr(criterion, "beta", 1)) -> Callable:
                return anchor_index(p, r, discount)

            whittle_index(arms, criterion)  # compile
            found = side_by_side(ours, anchor, min(rounds, 3) if quick else rounds, n)
            rate = {k: 2 * max(n, SMALLEST_PRODUCT) ** 3 / found[f"product {k}"].wall for k in (1, 2)}
            share = {k: 11 / 3 * n**3 / found[f"ours {k}"].wall / rate[k] for k in (1, 2)}
            print(
                f"{n:6} | {line(found)} | {share[1]:7.2f} | {share[2]:7.2f} | {rate[1] / 1e9:7.1f} | {difference(found):10.1e}"
            )
            if not found["ours 1"].result.indexable[0]:
                print(f"       {found['ours 1'].result.status}")
        print()


def rested(quick: bool) -> None:
    """Gittins index of one dense rested arm; markovianbandit does not test rested arms."""
    print(f"Gittins index of one dense arm, discount {BETA}: as above")
    print(f"states | {HEAD} | difference")
    for n, rounds in RESTED.items():
        if quick and n > 1000:
            continue
        p, r = random_arm(n, 2)
        arms = Arms.rested(p[1], r[1])

        def ours(threads: int, arms: Arms = arms) -> Task:
            return lambda: lambda: gittins_index(arms, Discounted(BETA))

        def anchor(p: np.ndarray = p, r: np.ndarray = r) -> Callable:
            return anchor_gittins(p[1], r[1], BETA)

        gittins_index(arms, Discounted(BETA))  # compile
        found = side_by_side(ours, anchor, min(rounds, 3) if quick else rounds)
        print(f"{n:6} | {line(found)} | {difference(found):10.1e}")
    print()


def queue(n: int) -> SparseArm:
    """Customers in a queue: serving takes one away faster; the cost is the square of the filled share."""
    up, slow, fast = 0.3, 0.2, 0.6
    waits, serves = (scipy.sparse.diags_array([down, up], offsets=[-1, 1], shape=(n, n)).tolil() for down in (slow, fast))
    for rows in (waits, serves):
        rows.setdiag(1 - rows.sum(axis=1))
    cost = (np.arange(n) / n) ** 2
    return SparseArm(waits.tocsr(), serves.tocsr(), -np.array([cost, cost]))


def age(n: int) -> SparseArm:
    """Age of information: one older each period; an update gets through with probability 0.7 and makes it new."""
    states = np.arange(n)
    older = scipy.sparse.csr_array((np.ones(n), (states, np.minimum(states + 1, n - 1))), shape=(n, n))
    new = scipy.sparse.csr_array((np.ones(n), (states, np.zeros(n, dtype=int))), shape=(n, n))
    return SparseArm(older, 0.3 * older + 0.7 * new, -np.array([states, states]) / n)


def repair(n: int) -> SparseArm:
    """Wear that grows by up to three steps and heals by one; a repair makes new."""
    rng = np.random.default_rng(n)
    steps = [-1, 0, 1, 2, 3]
    weights = rng.random((n, len(steps)))
    rows, columns = np.repeat(np.arange(n), len(steps)), np.clip(np.add.outer(np.arange(n), steps), 0, n - 1).ravel()
    wears = scipy.sparse.csr_array(((weights / weights.sum(axis=1, keepdims=True)).ravel(), (rows, columns)), shape=(n, n))
    new = scipy.sparse.csr_array((np.ones(n), (np.arange(n), np.zeros(n, dtype=int))), shape=(n, n))
    return SparseArm(wears, new, -np.array([np.arange(n), np.arange(n)]) / n)


def lines(quick: bool) -> None:
    """Chains that are banded apart from one return column."""
    print(f"sparse chains along a line, discount {BETA}: CPU seconds, one thread; markovianbandit on the dense arrays")
    print("chain  | states |   rmab s | ns / n^2 | markovianbandit s |   ratio | difference | verdict")
    for chain in (queue, age, repair):
        for n, rounds in LINES.items():
            if quick and n > 2000:
                continue
            arm = chain(n)
            tasks: dict[str, Task] = {"ours 1": lambda arm=arm: lambda: whittle_index(arm, Discounted(BETA))}
            if n <= 2000 or (n <= MOST_ANCHOR and chain is queue):
                tasks["anchor 1"] = lambda arm=arm: anchor_index(*dense_arrays(arm), BETA)
            whittle_index(chain(100), Discounted(BETA))  # compile
            with LIBRARIES.limit(limits=1):
                found = interleave(tasks, min(rounds, 3) if quick else rounds)
            mine, table = found["ours 1"].cpu, found["ours 1"].result
            cells = f"{chain.__name__:<6} | {n:6} | {mine:8.4f} | {mine / n**2 * 1e9:8.1f}"
            if "anchor 1" in found:
                theirs = found["anchor 1"].cpu
                index, indexable = found["anchor 1"].result
                shown = f"{difference(found):10.1e}" if indexable and np.isfinite(index).all() else "    failed"
                print(f"{cells} | {theirs:17.2f} | {theirs / mine:6.0f}x | {shown} | {table.verdict[0]}")
            else:
                print(f"{cells} | {'-':>17} | {'-':>7} | {'-':>10} | {table.verdict[0]}")
    print()


def dense_arrays(arm: SparseArm) -> tuple[np.ndarray, np.ndarray]:
    """Transitions (2, S, S) and rewards of a sparse arm."""
    arms = arm.dense()
    return arms.transitions[0], arms.rewards[0]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 1,000 states (2,000 for sparse chains), three rounds")
    parser.add_argument("--only", choices=["dense", "rested", "lines"], help="one of the tables")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=Warning, module=r"markovianbandit|scipy")
    tables = {"dense": dense, "rested": rested, "lines": lines}
    for name, table in tables.items():
        if options.only in (None, name):
            table(options.quick)


if __name__ == "__main__":
    main()
