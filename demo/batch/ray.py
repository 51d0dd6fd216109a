"""Parts of a large collection, judged by workers on the machines of a Ray cluster, over Ray Data.

The rows that Ray Data hands out are parts, not pictures: a worker reads a part's pictures, and writes its
answers, itself. So no picture passes through Ray's object store, and a part that is handed out again, because
its worker was lost, ends as the same file. Every machine needs this folder and its environment, the pictures,
the models and the folder of results under the same paths.
"""

import contextlib
import dataclasses
import logging
import os
import platform
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from demo.batch.parts import Done, judge_part, part_file
from demo.batch.plan import PLAN, Part, plan_sha256
from demo.decoder.images import shared_pool
from demo.environment import disable_telemetry
from demo.errors import DemoError, ModelError, ResultsError
from demo.inference.engine import Engine

ROOT: Final = str(Path(__file__).resolve().parent.parent.parent)
STANDARD_ERROR: Final = 2
REACHED_WITHIN: Final = 10.0
"""Seconds in which a cluster's address must answer."""

TRIES: Final = 3
"""Of a part whose worker's process ends each time."""

OBJECT_STORE_BYTES: Final = 128 << 20
"""Of a cluster that is started here: parts are a few words each."""


@dataclass(frozen=True)
class Cluster:
    """Where parts are judged.

    address: of a running cluster; None for `RAY_ADDRESS`, and without that for one that is started here.
    workers: each with a processor core, or a GPU, of its own; None for as many as there are.
    """

    address: str | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Judging:
    """What every worker needs to know.

    models: file → SHA-256 of those that the plan names. plan: SHA-256 of the plan in the folder of results.
    """

    folder: str
    model: str
    device: str
    models: dict[str, str]
    out: str
    plan: str


class Judge:
    """What runs in a worker: one engine and its decoder, kept from part to part."""

    def __init__(self, judging: Judging) -> None:
        self.judging = judging

    @cached_property
    def engine(self) -> Engine:
        # One core is the worker's: its decoder and its model take turns there.
        shared_pool().keep_to(1)
        engine = Engine.load(Path(self.judging.folder), self.judging.device, self.judging.model, threads=1)
        if any(engine.manifest.files[file]["sha256"] != sha for file, sha in self.judging.models.items()):
            raise ModelError(
                f"the models in {self.judging.folder} are not those that the run began with; put the same "
                "on every machine."
            )
        return engine

    def __call__(self, batch: Any) -> Any:
        """A table of one part → a table of what was done of it, and of what went wrong, "" for nothing.

        An error of ours goes back as a row: raised, it would come with all of Ray's frames around it.
        """
        import pyarrow as pa

        (row,) = batch.to_pylist()
        part = Part(**row)
        try:
            done, error = self.judge(part), ""
        except DemoError as raised:
            done, error = Done(part.number, 0, 0), f"On {platform.node()}: {raised}"
        return pa.Table.from_pylist([{**dataclasses.asdict(done), "error": error}])

    def judge(self, part: Part) -> Done:
        """Judge one part, and write its answers.

        Raises:
            DemoError: the folder of results is not the run's, the part has ended too many processes, the
                models cannot run, or as `judge_part`.
        """
        out = Path(self.judging.out)
        if not is_plan(out, self.judging.plan):
            raise ResultsError(
                f"{out} is not the run's folder of results (not its {PLAN}); name one with --out that all "
                "machines share."
            )
        with begun(part, out):
            return judge_part(self.engine, part, out)


def is_plan(out: Path, sha256: str) -> bool:
    """Whether a folder of results is the one of a plan."""
    try:
        return plan_sha256(out) == sha256
    except OSError:
        return False


@contextmanager
def begun(part: Part, out: Path) -> Iterator[None]:
    """Have it noted beside a part's answers that it was begun, until it ends: a note that stays tells of a
    process that did not come that far.

    Raises:
        ResultsError: that has happened to it too often, or it cannot be noted.
    """
    path = note(part, out)
    try:
        machines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if len(machines) >= TRIES:
            raise ResultsError(
                f"part {part.number} ({part.rows} pictures from row {part.first} of {part.table}) ended "
                f"its worker's process {len(machines)} times (on {', '.join(sorted(set(machines)))}); "
                "see whether memory is short there, and start again to go on."
            )
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"{platform.node()}\n")
    except OSError as error:
        raise ResultsError(f"{path} cannot be written ({error.strerror or error}).") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def note(part: Part, out: Path) -> Path:
    """Where it is noted that a part was begun."""
    return out / f".{part_file(part, out).name}.begun"


def judge_on_ray(cluster: Cluster, judging: Judging, parts: Sequence[Part]) -> Iterator[Done]:
    """Judge parts on a cluster: what was done of each, as it comes.

    A worker whose process is lost is started again, and what it was given is given out again.

    Raises:
        ResultsError: the cluster cannot be reached, or a worker lacks the models, could not read or write, or
            was lost with the same part too often; names its machine.
    """
    for part in parts:
        # Of an earlier run, after which things may have been put right.
        note(part, Path(judging.out)).unlink(missing_ok=True)
    # What Ray tells of workers that were lost it prints, as no option of its own prevents.
    with redirect_stdout(sys.stderr):
        ray = connect(cluster)
        try:
            for row in handed_out(ray, cluster, judging, parts).iter_rows():
                error = row.pop("error")
                if error:
                    raise ResultsError(error)
                yield Done(**row)
        except ray.exceptions.RayError as error:
            # Ray's message holds the frames of every process: what went wrong is its last line.
            reason = str(error).strip().splitlines()[-1]
            raise ResultsError(f"The run on Ray ended early ({reason}); start it again to go on.") from error
        finally:
            ray.shutdown()


def handed_out(ray: Any, cluster: Cluster, judging: Judging, parts: Sequence[Part]) -> Any:
    """The data set of what was done of each part: nothing is done before it is read."""
    resource = "GPU" if judging.device == "cuda" else "CPU"
    workers = cluster.workers or max(1, int(ray.cluster_resources().get(resource, 1)))
    # A block a part: what is handed out, and handed out again.
    rows = [dataclasses.asdict(part) for part in parts]
    return ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        Judge,
        fn_constructor_args=(judging,),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
        num_cpus=1,
        num_gpus=1 if resource == "GPU" else 0,
    )


def connect(cluster: Cluster) -> Any:
    """The module `ray`, connected: its usage statistics, dashboard, log and progress bars are off.

    Raises:
        ResultsError: the cluster cannot be reached.
    """
    # Before the import, which reads them. Ray's own messages stay in its log folder.
    disable_telemetry()
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    own = (
        {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES} if address == "local" else {}
    )
    # Workers find this package where it is, from whichever folder the run is started.
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))}
    try:
        answers(address)
        with silence():
            ray.init(
                address=address,
                logging_level=logging.CRITICAL,
                log_to_driver=False,
                runtime_env={"env_vars": environment},
                **own,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise ResultsError(f"The Ray cluster at {address} cannot be reached ({error}).") from error
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def answers(address: str) -> None:
    """Raises OSError where nothing listens at HOST:PORT, for which Ray would wait for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "://" not in host:
        socket.create_connection((host, int(port)), REACHED_WITHIN).close()


@contextmanager
def silence() -> Iterator[None]:
    """Nothing on standard error: Ray's own core says there, past Python, that it was told to say nothing."""
    sys.stderr.flush()
    kept = os.dup(STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
