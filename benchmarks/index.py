"""Whittle indices of many small arms: CPU seconds beside a vectorised bisection with policy iteration, interleaved.

Run ``python benchmarks/index.py``. The twin bisects all states of all arms at once with batched linear solves; it stops at a
bracket of 1e-6, the index path is exact.
"""

import statistics
import time

import numpy as np

from rmab import Arms, Average, Discounted, whittle_index

ROUNDS = 3
TWIN_ARMS = 500


def bisection(p, r, beta, width=1e-6):
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


def cpu_seconds(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main():
    print(f"{'states':>6} {'criterion':>12} {'arms':>8} {'CPU s':>8} {'million/s':>10} {'x bisection':>12} {'difference':>11}")
    for n, count in ((2, 100_000), (5, 100_000), (10, 20_000), (30, 1_000)):
        rng = np.random.default_rng(n)
        p, r = rng.dirichlet(np.ones(n), (count, 2, n)), rng.normal(size=(count, 2, n))
        for criterion in (Discounted(0.95), Average()):
            arms = Arms(p, r)
            whittle_index(Arms(p[:1], r[:1]), criterion)  # compile
            ours, twins, difference = [], [], 0.0
            few = min(count, TWIN_ARMS)
            for _ in range(ROUNDS):
                spent, table = cpu_seconds(lambda arms=arms, criterion=criterion: whittle_index(arms, criterion, threads=1))
                ours.append(spent)
                if isinstance(criterion, Discounted):
                    spent, twin = cpu_seconds(lambda p=p, r=r, few=few: bisection(p[:few], r[:few], 0.95))
                    twins.append(spent / few)
                    regular = table.indexable[:few]
                    difference = max(difference, np.abs(twin - table.values[:few])[regular].max())
            seconds = statistics.median(ours)
            ratio = f"{statistics.median(twins) / (seconds / count):12.0f} {difference:11.1e}" if twins else f"{'':12} {'':11}"
            print(f"{n:6} {type(criterion).__name__:>12} {count:8} {seconds:8.3f} {count / seconds / 1e6:10.3f} {ratio}")


if __name__ == "__main__":
    main()
