"""Independent jobs on this machine's processors (joblib) or on a cluster (ray), as they end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import joblib

J = TypeVar("J")
R = TypeVar("R")


def cores(workers: int) -> int:
    """``workers``, or for 0 as many as this process may use cores."""
    return workers or len(os.sched_getaffinity(0))


def run_all(
    function: Callable[[J], R], jobs: Sequence[J], engine: str, workers: int, address: str | None
) -> Iterator[R]:
    """Results of ``function`` of each of ``jobs``, in the order in which they end.

    Args:
        function: of a module, not of a class or another function, as it is sent by its name.
        engine: ``joblib`` or ``ray``.
        workers: jobs at a time; of a cluster that is there already it says nothing.
        address: of a ray cluster, as ray.init takes it; None starts one on this machine.

    Raises:
        ValueError: ray is not installed. What a job raises is raised here.
    """
    if engine == "ray":
        yield from _ray(function, jobs, workers, address)
        return
    pool = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from pool(joblib.delayed(function)(job) for job in jobs)


def _ray(
    function: Callable[[J], R], jobs: Sequence[J], workers: int, address: str | None
) -> Iterator[R]:
    try:
        import ray
    except ImportError:
        raise ValueError(
            'engine: ray is not installed; `pip install "pocketvision[cluster]"`, or set engine = '
            '"joblib"'
        ) from None
    own = not ray.is_initialized()
    if own:
        local: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
        ray.init(address=address, **local)
    try:
        remote = ray.remote(num_cpus=1, max_retries=0)(function)
        waiting = [remote.remote(job) for job in jobs]
        while waiting:
            (done,), waiting = ray.wait(waiting, num_returns=1)
            try:
                yield ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
    finally:
        if own:
            ray.shutdown()
