"""What ``import rmab`` costs in CPU time beyond Python's own start: medians of interleaved runs in fresh processes."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

RUNS = 15
PROGRAMS = {"bare python": "pass", "import rmab": "import rmab", "import numpy": "import numpy"}


def cpu_seconds(code: str) -> float:
    """User and system time of one fresh Python that runs ``code``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    """Print the median of each program and what it adds to a bare start."""
    samples: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS):
        for name, code in PROGRAMS.items():
            samples[name].append(cpu_seconds(code))
    medians = {name: statistics.median(times) for name, times in samples.items()}
    bare = medians["bare python"]
    print(f"CPU seconds, median of {RUNS} interleaved runs")
    for name, median in medians.items():
        print(f"{name:>13}  {median:.4f}  {median - bare:+.4f} beyond a bare start")


if __name__ == "__main__":
    main()
