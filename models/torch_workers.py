"""Threads that decode or compute beside the one that asked for them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch


def torch_workers(n: int, *, name: str, threads: int = 1) -> ThreadPoolExecutor:
    """A pool of threads in each of which torch uses a number of cores; that of the calling thread stays.

    What was set last, in whatever thread, is also what a thread begins with when it first asks; so workers
    ask before they set theirs, all start at once, and then this thread sets its number again.

    Args:
        n: how many, 1 or more.
        name: what the threads' names begin with.
        threads: cores that torch uses in each of them, 1 or more.

    Returns:
        The pool; whoever asked for it shuts it down, or lets go of it.
    """
    former = torch.get_num_threads()
    started = threading.Barrier(n + 1)

    def start() -> None:
        torch.get_num_threads()
        torch.set_num_threads(threads)
        started.wait()

    pool = ThreadPoolExecutor(n, name, initializer=start)
    try:
        for _ in range(n):
            pool.submit(int)
        started.wait()
    except BaseException:
        # Lets go of workers that wait for one that could not be started. Never later: a worker that is just
        # leaving the barrier would take it for its own failure, and the pool's end would wait for ever.
        started.abort()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        torch.set_num_threads(former)
    return pool
