"""How much faster the exact path of the penalty index is than a linear program per charge, started from the last basis.

Run ``python benchmarks/penalty.py`` (``--quick`` for fewer rounds). Two tables, in Markdown:

1. The dual of one arm at 64 charges across its path, for arms of 5, 30, 60 and 150 states. HiGHS solves the program of the
   paper (values and multiplier, a row per state and action): built once, then the right-hand side of the active rows is moved
   to each charge, and the dual simplex method starts from the last basis. The same for its dual program (occupancies, costs are
   moved, primal simplex method). Each runs on one thread, without presolve, with and without scaling; the fastest of the four
   counts. Our side is the index (path, ties, verdict and all multipliers) of a batch of arms with the dual at the 64 charges,
   per arm. Besides, the index alone, and HiGHS without the previous basis.
2. Ten thousand arms of 30 states, all different, in one call, on one and on two threads: wall-clock and CPU seconds.

CPU time, medians over interleaved rounds; the largest difference of the dual values is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import highspy
import numpy as np
from threadpoolctl import threadpool_limits

from index import interleave
from rmab.index.penalty import penalty_index
from rmab.models.arms import Arms
from rmab.models.criterion import Discounted
from rmab.models.penalty import Penalty

BETA, CAP, CHARGES = 0.95, 10.0, 64
SIZES = {5: (2000, 20), 30: (500, 8), 60: (200, 4), 150: (20, 1)}  # arms in our batch, and how many of them HiGHS solves
TARGETS = {5: 100, 30: 100, 60: 100, 150: 20}
OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "presolve": "off",
    "parallel": "off",
    "threads": 1,
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
}
DUAL_SIMPLEX, PRIMAL_SIMPLEX = 1, 4
SCALED, UNSCALED = 2, 0
INFINITE = highspy.kHighsInf


class HotProgram:
    """The dual of one arm as a linear program that stays in memory; ``solve(charge)`` starts from the last basis.

    In values: minimise ``(1 - beta) start . V`` subject to ``V - beta P V + m excess >= r - charge a`` and ``0 <= m <= cap``.
    In occupancies: the dual of that, in which the charge is a cost.
    """

    def __init__(self, p: np.ndarray, r: np.ndarray, excess: np.ndarray, *, in_values: bool, scaling: int, hot: bool = True):
        n = r.shape[1]
        self.in_values, self.hot, self.paid = in_values, hot, r[1]
        self.moved, self.top = np.arange(n, 2 * n, dtype=np.int32), np.full(n, INFINITE)
        rows = np.hstack([np.vstack([np.eye(n) - BETA * p[a] for a in (0, 1)]), excess.reshape(-1, 1)])
        start = np.full(n, (1 - BETA) / n)
        self.highs = highspy.Highs()
        for name, value in OPTIONS.items():
            self.highs.setOptionValue(name, value)
        self.highs.setOptionValue("simplex_strategy", DUAL_SIMPLEX if in_values else PRIMAL_SIMPLEX)
        self.highs.setOptionValue("simplex_scale_strategy", scaling)
        free, infinite = np.full(n, INFINITE), np.full(2 * n, INFINITE)
        if in_values:
            columns = (np.r_[start, 0.0], np.r_[-free, 0.0], np.r_[free, CAP])
            self.highs.passModel(program(rows, *columns, r.ravel(), infinite))
        else:
            unmet = np.r_[np.zeros(n), -1.0].reshape(-1, 1)
            columns = (np.r_[-r.ravel(), CAP], np.zeros(2 * n + 1), np.r_[infinite, INFINITE])
            self.highs.passModel(program(np.hstack([rows.T, unmet]), *columns, np.r_[start, -INFINITE], np.r_[start, 0.0]))

    def solve(self, charge: float) -> float:
        """Value per period at a charge."""
        if not self.hot:
            self.highs.clearSolver()
        if self.in_values:
            self.highs.changeRowsBounds(len(self.moved), self.moved, self.paid - charge, self.top)
        else:
            self.highs.changeColsCost(len(self.moved), self.moved, charge - self.paid)
        self.highs.run()
        value = self.highs.getObjectiveValue()
        return value if self.in_values else -value


def program(rows: np.ndarray, cost: np.ndarray, low: np.ndarray, high: np.ndarray, least: np.ndarray, most: np.ndarray) -> Any:
    """A linear program in HiGHS's own form, its matrix sparse."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = rows.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_ = cost, low, high, least, most
    row, column = np.nonzero(rows)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(rows)))])
    lp.a_matrix_.index_, lp.a_matrix_.value_ = column, rows[row, column]
    return lp


def draw(rng: np.random.Generator, count: int, n: int) -> tuple[Arms, Penalty]:
    """Dense random arms whose requirement binds at most charges."""
    arms = Arms(rng.dirichlet(np.ones(n), (count, 2, n)), rng.normal(size=(count, 2, n)))
    cost = rng.random((count, 2, n))
    bound = (cost.min(axis=1).mean(axis=1) + cost.mean(axis=(1, 2))) / 2
    return arms, Penalty(cost, bound)


def once(work: Callable[[], Any]) -> Callable[[], Callable[[], Any]]:
    """A task that needs no preparation."""
    return lambda: work


def one_arm(quick: bool) -> None:
    """Table of the path beside HiGHS."""
    print(f"\nDual at {CHARGES} charges, discount {BETA}; ms of CPU time per arm; the ratio is HiGHS to path with duals\n")
    print("| states | segments | index | with duals | HiGHS hot | its way | cold | ratio | target | cold ratio | difference |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for n, (count, few) in SIZES.items():
        arms, penalty = draw(np.random.default_rng(n), count, n)
        found = penalty_index(arms, penalty, Discounted(BETA), CAP, threads=1)
        charges = np.linspace(found.lower.min(axis=1), found.upper.max(axis=1), CHARGES)
        excess = penalty.cost - penalty.bound[:, np.newaxis, np.newaxis]

        def index(arms: Arms = arms, penalty: Penalty = penalty) -> Any:
            return penalty_index(arms, penalty, Discounted(BETA), CAP, threads=1)

        def duals(index: Callable = index, charges: np.ndarray = charges) -> np.ndarray:
            return index().dual(charges)

        def programs(
            way: dict[str, Any], arms: Arms = arms, excess: np.ndarray = excess, charges: np.ndarray = charges, few: int = few
        ) -> np.ndarray:
            hot = [HotProgram(arms.transitions[k], arms.rewards[k], excess[k], **way) for k in range(few)]
            return np.array([[one.solve(at[k]) for k, one in enumerate(hot)] for at in charges])

        ways: dict[str, dict[str, Any]] = {
            f"{'values' if in_values else 'occupancies'}{'' if scaling else ', unscaled'}": {
                "in_values": in_values,
                "scaling": scaling,
            }
            for in_values, scaling in product((True, False), (SCALED, UNSCALED))
        }
        tasks = {"index": once(index), "duals": once(duals)} | {
            name: once(partial(programs, way)) for name, way in ways.items()
        }
        tasks["cold"] = once(partial(programs, {"in_values": True, "scaling": UNSCALED, "hot": False}))
        with threadpool_limits(1):
            interleave({"index": tasks["index"], "duals": tasks["duals"]}, 1)
            taken = interleave(tasks, 3 if quick else 7)
        way = min(ways, key=lambda name: taken[name].cpu)
        ours, alone = taken["duals"].cpu / count, taken["index"].cpu / count
        hot, cold = taken[way].cpu / few, taken["cold"].cpu / few
        difference = max(np.abs(taken["duals"].result[:, :few] - taken[name].result).max() for name in (*ways, "cold"))
        segments = len(found.paths.charge) / count
        print(
            f"| {n} | {segments:.0f} | {alone * 1e3:.3g} | {ours * 1e3:.3g} | {hot * 1e3:.3g} | {way} | {cold * 1e3:.3g} | "
            f"{hot / ours:.0f}x | {TARGETS[n]}x | {cold / ours:.0f}x | {difference:.0e} |"
        )


def many_arms(quick: bool) -> None:
    """Table of one call for many arms."""
    count, n = 1000 if quick else 10_000, 30
    arms, penalty = draw(np.random.default_rng(0), count, n)
    print(f"\n{count} different arms of {n} states in one call, discount {BETA}\n")
    print("| threads | wall s | CPU s | arms per wall s | speed-up |")
    print("|---|---|---|---|---|")
    walls: dict[int, list[float]] = {1: [], 2: []}
    cpus: dict[int, list[float]] = {1: [], 2: []}
    with threadpool_limits(1):
        for _ in range(3):
            for threads in (1, 2):
                wall, cpu = time.perf_counter(), time.process_time()
                found = penalty_index(arms, penalty, Discounted(BETA), CAP, threads=threads)
                walls[threads].append(time.perf_counter() - wall)
                cpus[threads].append(time.process_time() - cpu)
    for threads in (1, 2):
        wall, cpu = np.median(walls[threads]), np.median(cpus[threads])
        print(f"| {threads} | {wall:.3g} | {cpu:.3g} | {count / wall:,.0f} | {np.median(walls[1]) / wall:.2f}x |")
    print(f"\n{found.status}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer arms and rounds")
    quick = parser.parse_args().quick
    one_arm(quick)
    many_arms(quick)


if __name__ == "__main__":
    main()
