"""The parts of a plan on a Ray cluster: a Ray Data pipeline with one engine per worker.

Every machine needs this package and its environment, the pictures, the models and the folder of results under
the same paths.
"""

import dataclasses
import logging
import os
import platform
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from demo.batch.run import PLAN, TRIES, Done, Part, Plan, check_part
from demo.environment import disable_telemetry
from demo.errors import DemoError, ModelError, ResultsError
from demo.inference.engine import Engine

ROOT: Final = str(Path(__file__).resolve().parent.parent.parent)
CONNECT_SECONDS: Final = 10.0

TRIES_FILE: Final = ".part-{:06d}.tries"
"""Holds a byte for each time that a worker has begun a part and not ended it."""

OBJECT_STORE_BYTES: Final = 128 << 20
"""Of a cluster that is started here: a part is a few words."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where parts are checked.

    address: of a running cluster; None for `RAY_ADDRESS`, and without that for one that is started here.
    workers: each with a processor core, or a GPU, of its own; None for all that there are.
    """

    address: str | None = None
    workers: int | None = None


class PartChecker:
    """A Ray worker: keeps one engine and one decoder from part to part."""

    def __init__(self, plan: Plan, models: Path, model: str, device: str) -> None:
        self.plan = plan
        self.models = models
        self.model = model
        self.device = device

    @cached_property
    def engine(self) -> Engine:
        engine = Engine.load(self.models, self.device, self.model, threads=1)
        if any(engine.manifest.files[file]["sha256"] != sha for file, sha in self.plan.models.items()):
            raise ModelError(f"the models in {self.models} are not those of this run; copy them here.")
        return engine

    def __call__(self, batch: Any) -> Any:
        """Check a table of one part; return a table of what was done, with an error or ""."""
        import pyarrow as pa

        (row,) = batch.to_pylist()
        part = Part(**row)
        try:
            done, error = self.check(part), ""
        except DemoError as raised:
            # Raised, it would arrive with all of Ray's frames around it.
            done, error = Done(part.number, 0, 0), f"On {platform.node()}: {raised}"
        return pa.Table.from_pylist([{**dataclasses.asdict(done), "error": error}])

    def check(self, part: Part) -> Done:
        path = self.plan.out / PLAN
        if not path.exists() or path.read_text(encoding="utf-8") != self.plan.text:
            raise ResultsError(f"{self.plan.out} is not this run's folder; name a shared one with --out.")
        # Ray retries the part of a lost worker forever; a process that is killed leaves its try behind.
        tries = self.plan.out / TRIES_FILE.format(part.number)
        with tries.open("ab") as stream:
            if stream.tell() >= TRIES:
                raise ResultsError(
                    f"part {part.number} ended its worker's process {TRIES} times; check the memory there, "
                    "and start again to go on."
                )
            stream.write(b".")
        try:
            # The worker has one core, which decoder and model use in turn.
            return check_part(self.engine, part, self.plan.out, decoders=1)
        finally:
            tries.unlink(missing_ok=True)


def check_on_ray(cluster: Cluster, checker: PartChecker, parts: Sequence[Part]) -> Iterator[Done]:
    """Check parts on a cluster, and yield what was done of each.

    A worker that is lost is started again, and its part is tried again.

    Raises:
        ResultsError: the cluster cannot be reached, a worker reports an error, or a part has ended its
            worker `TRIES` times.
    """
    for path in checker.plan.out.glob(TRIES_FILE.replace("{:06d}", "*")):
        path.unlink(missing_ok=True)
    # Ray prints messages about lost workers to standard output.
    with redirect_stdout(sys.stderr):
        ray = connect(cluster)
        resource = "GPU" if checker.device == "cuda" else "CPU"
        workers = cluster.workers or max(1, int(ray.cluster_resources().get(resource, 1)))
        try:
            # A block per part, which is what Ray schedules and tries again.
            rows = [dataclasses.asdict(part) for part in parts]
            done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                type(checker),
                fn_constructor_args=(checker.plan, checker.models, checker.model, checker.device),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=min(workers, len(parts))),
                num_cpus=1,
                num_gpus=1 if resource == "GPU" else 0,
            )
            for row in done.iter_rows():
                if row["error"]:
                    raise ResultsError(row.pop("error"))
                yield Done(row["number"], row["pictures"], row["errors"])
        except ray.exceptions.RayError as error:
            # Ray's message holds the frames of every process; the last line says what went wrong.
            reason = str(error).strip().splitlines()[-1]
            raise ResultsError(f"The run on Ray ended early ({reason}); start it again to go on.") from error
        finally:
            ray.shutdown()


def connect(cluster: Cluster) -> Any:
    """Connect to a cluster, quietly and without usage statistics; return the module `ray`.

    Raises:
        ResultsError: the cluster cannot be reached.
    """
    disable_telemetry()
    # Ray's core reads it at import; its messages stay in its log folder.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {}
    if address == "local":
        own = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    # Workers find this package from whichever folder the run is started in.
    search = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    try:
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit() and "://" not in host:
            # Ray would wait for many minutes for an address where nothing listens.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(
            address=address,
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": search}},
            **own,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ResultsError(f"The Ray cluster at {address} cannot be reached ({error}).") from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
