"""A collection judged over Ray: one worker, two, the engine of one process; and what the driver spends."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from demo.inference.engine import LARGEST_COUNT, Engine
from export.benchmark.files import digit_folder
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.report import Report
from export.benchmark.rounds import Row, compare, cpu_microseconds, held_against
from export.errors import ExportError

LOCAL: Final = "--engine local, all cores"
ONE: Final = "--engine ray --workers 1"
TWO: Final = "--engine ray --workers 2"
LISTING: Final = "finding the files and writing the plan"
UNDER_WAY: Final = "digits, once all workers are under way"
WHOLE: Final = "digits, the whole run with its workers' start"
DRIVER: Final = "the driver of a run, its processor time"
LISTED: Final = "files before the first is judged, processor time"
PARTS: Final = 32
FIRST: Final = PARTS // 4
"""Parts that are judged before the clock starts: by then every worker has begun."""

NODE_BYTES: Final = 128 << 20


@dataclass(frozen=True)
class Taken:
    """What a run took: µs a picture by the clock; of the driver µs of processor time a part."""

    under_way: float
    whole: float
    driver: float


def measure(options: Options) -> Report:
    """The rates of one worker, of two, and of the engine of one process, on a cluster of two nodes here.

    Raises:
        ExportError: Ray or pyarrow is missing.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise ExportError('Ray is missing; install it with: pip install ".[ray]".')
    from demo.batch.parts import judge_here
    from demo.batch.plan import make_plan
    from demo.batch.ray import Cluster, Judging, judge_on_ray

    load = os.getloadavg()[0]
    size = 16 if options.quick else LARGEST_COUNT
    engine = Engine.load(options.models, "cpu")
    digits = engine.generate(engine.default_generator, size, seed=1)
    with tempfile.TemporaryDirectory() as temporary, two_nodes() as address:
        folder = digit_folder(Path(temporary) / "digits", digits, PARTS * size)
        out = Path(temporary) / "out"
        plan = partial(make_plan, [folder], out, size, engine.manifest, engine.model)

        def run(workers: int | None) -> Taken:
            shutil.rmtree(out, ignore_errors=True)
            made = plan()
            if workers is None:
                return taken(partial(judge_here, engine, out), made.parts, size)
            models = str(options.models.absolute())
            judging = Judging(models, engine.model, "cpu", made.models, str(out.absolute()), made.sha256)
            return taken(partial(judge_on_ray, Cluster(address, workers), judging), made.parts, size)

        contestants = {ONE: 1, TWO: 2, LOCAL: None}
        rows = by_turns({name: partial(run, workers) for name, workers in contestants.items()}, options)
        rows += compare(
            LISTED,
            "µs a file",
            {LISTING: cpu_microseconds(plan, 1, PARTS * size)},
            LISTING,
            options.rounds,
        )
    notes = [
        f"{PARTS} parts of {size} digits of 28x28 as PNG; the clock starts when {FIRST} of them are judged.",
        "The two nodes are processes of one machine and share its cores; a Ray worker keeps to one of them.",
        f"As it began, {load:.1f} processes of other work were running or waiting for the cores.",
    ]
    return Report("cluster", machine(("ray", "pyarrow")), rows, notes)


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of a cluster of two nodes, of one core each, started on this machine."""
    # Workers as ready to run as this process: by default Ray lets everything else go before them.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": NODE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=NODE_BYTES)
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def taken(judge: Callable[[Sequence[Any]], Iterable[Any]], parts: Sequence[Any], size: int) -> Taken:
    """Judge parts of `size` pictures, and hold the clocks."""
    whole = time.perf_counter()
    for number, _ in enumerate(judge(parts), 1):
        if number == FIRST:
            began, spent = time.perf_counter(), time.process_time()
        if number == len(parts):
            ended, spent = time.perf_counter(), time.process_time() - spent
    left = len(parts) - FIRST
    return Taken(
        (ended - began) / (left * size) * 1e6,
        (time.perf_counter() - whole) / (len(parts) * size) * 1e6,
        spent / left * 1e6,
    )


def by_turns(contestants: Mapping[str, Callable[[], Taken]], options: Options) -> list[Row]:
    """Three tables of the same runs, each contestant once a round; if quick, the first round counts, too."""
    runs: dict[str, list[Taken]] = {name: [] for name in contestants}
    for counted in range(0 if options.quick else -1, options.rounds):
        for name, run in contestants.items():
            found = run()
            if counted >= 0:
                runs[name].append(found)
    under_way = {name: [each.under_way for each in found] for name, found in runs.items()}
    whole = {name: [each.whole for each in found] for name, found in runs.items()}
    driver = {name: [each.driver for each in runs[name]] for name in (ONE, TWO)}
    return [
        *held_against(UNDER_WAY, "µs a picture", under_way, ONE),
        *held_against(WHOLE, "µs a picture", whole, ONE),
        *held_against(DRIVER, "µs a part", driver, ONE),
    ]
