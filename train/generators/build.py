"""Build a zoo: the judge and every family, each a run of its own in the zoo's folder; then its report."""

import dataclasses
import json
import multiprocessing
import multiprocessing.connection
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, Final, cast

import torch

from train.checkpoint import write_atomically
from train.config import GeneratorsConfig
from train.data import mnist
from train.errors import ConfigError, RunError, TrainError
from train.generators.classifier import Judge, JudgeLearner, predict
from train.generators.families import FAMILIES
from train.generators.generator import Generator
from train.generators.report import judge_generators, markdown_table, save_grids
from train.loop import Schedule, run_loop
from train.processes import end_with_parent
from train.run import Run

JUDGE: Final = "judge"
REPORT: Final = "report.json"
JUDGE_STEPS: Final = 1600
JUDGE_BATCH: Final = 250
PARTS: Final = (JUDGE, *FAMILIES)
"""What a zoo consists of, in the order in which it is built."""


def build_generators(config: GeneratorsConfig, run: Run, parts: Sequence[str] = PARTS) -> None:
    """Train what is not trained yet, several parts side by side; and report, where all parts were asked for.

    Raises:
        DataError, RunError: the data cannot be had, the folder cannot be written, or a part failed.
    """
    # Whoever finds a report may take it for one on what lies beside it.
    (run.folder / REPORT).unlink(missing_ok=True)
    if config.jobs == 1:
        for part in parts:
            build_part(config, run, part)
    else:
        build_side_by_side(config, run, parts)
    if set(parts) == set(PARTS):
        write_report(config, run)


def check_parts(parts: Sequence[str]) -> list[str]:
    """The parts to train, each once; raises ConfigError for an unknown one."""
    if unknown := set(parts) - set(PARTS):
        raise ConfigError(f"--only names {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}.")
    return list(dict.fromkeys(parts))


def check_shape(dataset: str) -> None:
    """Raises ConfigError where a data set's pictures are not 28x28, DataError where there is none such."""
    height, width = mnist.find_entry(dataset).shape
    if (height, width) != (28, 28):
        raise ConfigError(f"Zoo and product take 28x28 pictures; {dataset} has {height}x{width}.")


def build_side_by_side(config: GeneratorsConfig, run: Run, parts: Sequence[str]) -> None:
    """Train parts in processes of their own, `config.jobs` at a time; the first that fails ends them all."""
    # Spawned, because a forked process inherits a thread pool that it cannot use.
    spawned = multiprocessing.get_context("spawn")
    waiting = list(parts)
    running: dict[int, tuple[str, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < config.jobs:
                part = waiting.pop(0)
                process = spawned.Process(target=run_part, args=(config, run, part), daemon=True)
                process.start()
                running[process.sentinel] = part, process
            for sentinel in multiprocessing.connection.wait(list(running)):
                ended, trained = running.pop(cast(int, sentinel))
                trained.join()
                if trained.exitcode:
                    raise RunError(
                        f"{ended} failed with exit code {trained.exitcode}; the same command with --resume "
                        "goes on (with --jobs 1 where memory ran out)."
                    )
    finally:
        for _, left in running.values():
            left.terminate()


def run_part(config: GeneratorsConfig, run: Run, part: str) -> None:
    """`build_part` as a process of its own: says in a line what went wrong, and ends with its parent."""
    end_with_parent()
    try:
        build_part(config, run, part)
    except TrainError as error:
        print(f"train: {part}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def build_part(config: GeneratorsConfig, run: Run, part: str) -> None:
    """Train the judge or one family to its end."""
    torch.set_num_threads(config.threads)
    if part == JUDGE:
        load_judge(config, run)
    else:
        load_generators(config, run, [part])


def load_judge(config: GeneratorsConfig, run: Run) -> Judge:
    """The zoo's judge, trained first where it is not."""
    device = torch.device(config.device)
    # More would not make it a better judge, and fewer only serve to try things out.
    steps = max(1, round(JUDGE_STEPS * min(1.0, config.effort)))
    learner = JudgeLearner(steps, config.seed, device, config.precision)
    schedule = Schedule(steps, JUDGE_BATCH, [steps], config.save_every, config.log_every, config.seed)
    digits, _ = mnist.hold_out(mnist.load(config.dataset, "train", device))
    run_loop(learner, digits, schedule, Run(run.folder / JUDGE), lambda _: {})
    return learner.judge


def load_generators(
    config: GeneratorsConfig, run: Run, names: Sequence[str] = tuple(FAMILIES)
) -> list[Generator]:
    """The zoo's generators, each trained first where it is not; of a family with stages, each of them.

    Raises:
        DataError, RunError: the data cannot be had, or a run cannot be read or written.
    """
    digits, _ = mnist.hold_out(mnist.load(config.dataset, "train", config.device))
    generators = []
    for name in names:
        family = FAMILIES[name](config)
        seconds = family.fit(digits, Run(run.folder / name))
        generators += family.generators(name, seconds)
    return generators


def write_report(config: GeneratorsConfig, run: Run) -> dict[str, Any]:
    """Judge the whole zoo: `report.json`, `report.md` and `walls/NAME.png` in its folder."""
    torch.set_num_threads(config.threads * config.jobs)
    known, held_out = mnist.hold_out(mnist.load(config.dataset, "train"))
    judge = load_judge(config, run)
    generators = load_generators(config, run)
    tested = mnist.load(config.dataset, "test")
    try:
        report = judge_generators(
            generators,
            judge,
            tested.images.numpy(),
            (held_out.images.numpy(), held_out.labels.numpy()),
            known.images.numpy(),
            config.count,
            config.seed,
        )
    except ValueError as error:
        raise ConfigError(f"The zoo of {config.dataset} cannot be judged: {error}") from error
    report["options"] = dataclasses.asdict(config)
    report["judge_accuracy"] = float((predict(judge, tested.images.numpy()) == tested.labels.numpy()).mean())
    save_grids(run.folder / "walls", generators, config.seed)
    write_atomically(run.folder / "report.md", markdown_table(report).encode())
    # Last: once it is there, all that belongs to it is.
    write_atomically(run.folder / REPORT, (json.dumps(report, indent=1) + "\n").encode())
    return report


def judged_generators(zoo: Run) -> dict[str, Mapping[str, Any]]:
    """The judge's figures for each generator of a zoo; raises RunError where there is no report."""
    try:
        return {row["name"]: row for row in json.loads((zoo.folder / REPORT).read_text())["rows"]}
    except (OSError, ValueError, KeyError) as error:
        raise RunError(
            f"{zoo.folder} has no whole report ({error}); finish it with "
            "`python -m train zoo --resume` first."
        ) from error
