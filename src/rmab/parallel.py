"""The one seam to executors: cut work into chunks, submit them, collect the results in order, report progress.

Kernels are serial and release the interpreter lock, so a thread pool uses every core. What a chunk computes never depends on
where the cuts are, so results are the same for any number of threads and any chunk size.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from numbers import Integral
from typing import TypeVar

from rmab.errors import ModelError

Result = TypeVar("Result")
Progress = Callable[[int, int], None]


def default_threads() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_chunks(
    work: Callable[[int, int], Result],
    count: int,
    *,
    chunk: int,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Call ``work(first, last)`` on consecutive chunks of ``range(count)``; results in order of the chunks.

    Parameters
    ----------
    work : callable
        Handles the items ``first <= i < last``.
    count : int
        Number of items.
    chunk : int
        Largest number of items per call, at least 1.
    threads : int, optional
        Threads of the pool that is made when no executor is given; default one per core.
    executor : concurrent.futures.Executor, optional
        Where to run instead; it is not shut down.
    progress : callable, optional
        Called as ``progress(done, count)`` after each chunk, from the calling thread.

    Raises
    ------
    ModelError
        If ``threads`` is not a positive whole number.

    Examples
    --------
    >>> map_chunks(lambda first, last: last - first, 10, chunk=4)
    [4, 4, 2]
    """
    spans = [(first, min(first + chunk, count)) for first in range(0, count, chunk)]
    threads = default_threads() if threads is None else threads
    if not isinstance(threads, Integral) or threads < 1:
        raise ModelError(f"threads must be a whole number from 1 on, got {threads!r}")
    if executor is None and (threads == 1 or len(spans) <= 1):
        results = []
        for first, last in spans:
            results.append(work(first, last))
            if progress is not None:
                progress(last, count)
        return results
    pool = executor or ThreadPoolExecutor(threads)
    try:
        futures = {pool.submit(work, *span): span for span in spans}
        done = 0
        for future in as_completed(futures):
            future.result()
            first, last = futures[future]
            done += last - first
            if progress is not None:
                progress(done, count)
        return [future.result() for future in futures]
    finally:
        if executor is None:
            pool.shutdown(wait=True, cancel_futures=True)
