"""The parts of a run on a Ray cluster: a Ray Data pipeline with one engine per worker.

Every machine needs this package and its environment, the pictures, the models and the folder of results under
the same paths.
"""

import logging
import os
import platform
import socket
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from demo.batch.run import LISTING, TRIES, check_part, models_of
from demo.environment import disable_telemetry
from demo.errors import DemoError, ModelError
from demo.inference.engine import Engine

ROOT: Final = str(Path(__file__).resolve().parent.parent.parent)
CONNECT_SECONDS: Final = 10.0

OBJECT_STORE_BYTES: Final = 128 << 20
"""For a cluster that is started here: a part is only a few words."""


@dataclass
class PartChecker:
    """A Ray worker: keeps one engine and one decoder from part to part."""

    out: Path
    models: Path
    model: str
    device: str

    @cached_property
    def engine(self) -> Engine:
        engine = Engine.load(self.models, self.device, self.model, threads=1)
        if pq.read_schema(self.out / LISTING).metadata[b"models"].decode() != models_of(engine):
            raise ModelError(f"the models in {self.models} are not those of this run; copy them here.")
        return engine

    def __call__(self, batch: Any) -> Any:
        """Check the part whose number a table holds; return the number, and why it failed or ""."""
        (number,) = batch["item"].to_pylist()
        failure = ""
        try:
            self.check(number)
        except DemoError as error:
            # Raised, it would arrive with all of Ray's frames around it.
            failure = f"On {platform.node()}: {error}"
        return pa.Table.from_pylist([{"number": number, "failure": failure}])

    def check(self, number: int) -> None:
        """Check a part; raise DemoError if this machine does not see the run's folder."""
        if not (self.out / LISTING).exists():
            raise DemoError(f"{self.out} is not this run's folder; name a shared one with --out.")
        # The worker has one core, which decoder and model use in turn.
        check_part(self.engine, self.out, number, decoders=1)


def check_on_ray(
    address: str | None, workers: int | None, checker: PartChecker, parts: Sequence[int]
) -> Iterator[int]:
    """Check parts on a cluster, and yield the number of each.

    address: of a running cluster; None for `RAY_ADDRESS`, and without that for one that is started here.
    workers: each with a processor core, or a GPU, of its own; None for all that there are. A lost worker is
    started again, and its part is tried again.

    Raises:
        DemoError: the cluster cannot be reached, a worker reports an error, or a part has ended its
            worker `TRIES` times.
    """
    # Ray prints messages about lost workers to standard output.
    with redirect_stdout(sys.stderr):
        ray = connect(address or os.environ.get("RAY_ADDRESS") or "local")
        resource = "GPU" if checker.device == "cuda" else "CPU"
        workers = workers or max(1, int(ray.cluster_resources().get(resource, 1)))
        try:
            # A block per part: the unit that Ray schedules and retries.
            with warnings.catch_warnings():
                # Ray has not yet named the parameter that will replace max_task_retries.
                warnings.simplefilter("ignore", DeprecationWarning)
                done = ray.data.from_items(list(parts), override_num_blocks=len(parts)).map_batches(
                    type(checker),
                    fn_constructor_args=(checker.out, checker.models, checker.model, checker.device),
                    batch_size=1,
                    batch_format="pyarrow",
                    compute=ray.data.ActorPoolStrategy(size=min(workers, len(parts))),
                    num_cpus=1,
                    num_gpus=1 if resource == "GPU" else 0,
                    # By default Ray retries forever.
                    max_task_retries=TRIES - 1,
                )
            for row in done.iter_rows():
                if row["failure"]:
                    raise DemoError(row["failure"])
                yield int(row["number"])
        except ray.exceptions.RayError as error:
            # Ray's message holds the frames of every process; the last line gives the reason.
            reason = str(error).strip().splitlines()[-1]
            raise DemoError(f"The run on Ray ended early ({reason}); start it again to go on.") from error
        finally:
            ray.shutdown()


def connect(address: str) -> Any:
    """Connect to a cluster, or start one for `local`; return the module `ray`, or raise DemoError."""
    disable_telemetry()
    # Ray's core reads it at import; its messages stay in its log folder.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    own = {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    # Workers find this package even if the run is started in another folder.
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
            **(own if address == "local" else {}),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise DemoError(f"The Ray cluster at {address} cannot be reached ({error}).") from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
