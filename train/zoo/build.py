"""Build a zoo: the judge and every family, each a run of its own in the zoo's folder; then its report."""

import dataclasses
import json
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import torch

from train import data
from train.checkpoint import write_atomically
from train.config import ZooConfig
from train.errors import ConfigError
from train.judge import Judge, JudgeLearner, predict
from train.loop import Schedule, run_loop
from train.run import Run
from train.zoo.families import FAMILIES
from train.zoo.generator import Generator
from train.zoo.report import judge_generators, markdown_table, save_walls

JUDGE: Final = "judge"
JUDGE_STEPS: Final = 1600
JUDGE_BATCH: Final = 250
PARTS: Final = (JUDGE, *FAMILIES)
"""What a zoo consists of, in the order in which it is built."""


def build_zoo(config: ZooConfig, run: Run, parts: Sequence[str] = PARTS) -> None:
    """Train what is not trained yet, several parts side by side; and report, where all parts were asked for.

    Raises:
        ConfigError: the data set's pictures are not 28x28, or a part is unknown.
        DataError, RunError: the data cannot be had, or the folder cannot be written.
    """
    if unknown := set(parts) - set(PARTS):
        raise ConfigError(f"--only names {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}.")
    shape = data.find_entry(config.dataset).shape
    if shape != (28, 28):
        raise ConfigError(f"The zoo makes 28x28 pictures; {config.dataset} has {shape[0]}x{shape[1]}.")
    data.find_folder(config.dataset)
    if config.jobs == 1:
        for part in parts:
            build_part(config, run, part)
    else:
        # Spawned, because a forked process inherits a thread pool that it cannot use.
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(config.jobs, spawned, initializer=end_with_parent) as pool:
            for future in [pool.submit(build_part, config, run, part) for part in parts]:
                future.result()
    if set(parts) == set(PARTS):
        write_report(config, run)


def end_with_parent() -> None:
    """See to it that this process does not outlive a killed command: it would go on writing into its run."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def build_part(config: ZooConfig, run: Run, part: str) -> None:
    """Train the judge or one family to its end."""
    torch.set_num_threads(config.threads)
    if part == JUDGE:
        load_judge(config, run)
    else:
        load_generators(config, run, [part])


def load_judge(config: ZooConfig, run: Run) -> Judge:
    """The zoo's judge, trained first where it is not."""
    device = torch.device(config.device)
    # More would not make it a better judge, and fewer only serve to try things out.
    steps = max(1, round(JUDGE_STEPS * min(1.0, config.effort)))
    learner = JudgeLearner(steps, config.seed, device, config.precision)
    schedule = Schedule(steps, JUDGE_BATCH, [steps], config.save_every, config.log_every, config.seed)
    digits, _ = data.hold_out(data.load(config.dataset, "train", device))
    run_loop(learner, digits, schedule, Run(run.folder / JUDGE), lambda _: {})
    return learner.judge


def load_generators(config: ZooConfig, run: Run, names: Sequence[str] = tuple(FAMILIES)) -> list[Generator]:
    """The zoo's generators, each trained first where it is not; of a family with stages, each of them.

    Raises:
        DataError, RunError: the data cannot be had, or a run cannot be read or written.
    """
    digits, _ = data.hold_out(data.load(config.dataset, "train", config.device))
    generators = []
    for name in names:
        family = FAMILIES[name](config)
        seconds = family.fit(digits, Run(run.folder / name))
        generators += family.generators(name, seconds)
    return generators


def write_report(config: ZooConfig, run: Run) -> dict[str, Any]:
    """Judge the whole zoo: `report.json`, `report.md` and `walls/NAME.png` in its folder."""
    torch.set_num_threads(config.threads * config.jobs)
    known, held_out = data.hold_out(data.load(config.dataset, "train"))
    judge = load_judge(config, run)
    generators = load_generators(config, run)
    tested = data.load(config.dataset, "test")
    report = judge_generators(
        generators,
        judge,
        tested.images.numpy(),
        (held_out.images.numpy(), held_out.labels.numpy()),
        known.images.numpy(),
        config.count,
        config.seed,
    )
    report["options"] = dataclasses.asdict(config)
    report["judge_accuracy"] = float((predict(judge, tested.images.numpy()) == tested.labels.numpy()).mean())
    write_atomically(run.folder / "report.json", (json.dumps(report, indent=1) + "\n").encode())
    write_atomically(run.folder / "report.md", markdown_table(report).encode())
    save_walls(run.folder / "walls", generators, config.seed)
    return report
