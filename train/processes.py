"""Work that is shared by processes: what comes out does not depend on how many there are."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from train.zoo.build import end_with_parent

Result = TypeVar("Result")


def in_processes(
    function: Callable[..., Result], calls: Sequence[tuple[Any, ...]], jobs: int
) -> list[Result]:
    """The results of a function, called with each of these arguments, in their order.

    jobs: processes; with 1 all is done in this one. Function and arguments must be fit to be sent.
    """
    if jobs == 1 or not calls:
        return [function(*call) for call in calls]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawned, initializer=end_with_parent) as pool:
        return list(pool.map(function, *zip(*calls, strict=True)))
