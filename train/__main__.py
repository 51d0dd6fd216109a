"""`python -m train tutorial|zoo|product|distil|evaluate|step|data`: train, measure, fetch."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from train.bundle import BUNDLE, add_files, bundle_detector, bundle_generators, bundle_tutorial
from train.config import (
    FREE,
    DetectorConfig,
    GeneratorsConfig,
    SomeConfig,
    TutorialConfig,
    add_flags,
    chosen,
    conflicts,
    from_preset,
)
from train.data import mnist
from train.data.datasets import names
from train.detector.train import CALIBRATION, check_generators, train_product
from train.device import resolve
from train.errors import ConfigError, TrainError
from train.evaluation.report import EVALUATION, PAGE, PLOTS, evaluate_product
from train.evaluation.tutorial import evaluate_tutorial
from train.generators.build import PARTS, REPORT, build_generators, check_parts, check_shape
from train.run import Run
from train.tutorial.gan import train
from train.tutorial.trace import RECORD, record_steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed (a line on stderr), 2 usage, 130 stopped."""
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except TrainError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train: stopped; the same command with --resume goes on.", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    shared.add_argument("--name", help="name of this run (default: COMMAND-PRESET)")
    shared.add_argument(
        "--resume", action="store_true", help="go on from the run's last snapshot, with its own options"
    )

    tutorial = commands.add_parser("tutorial", parents=[shared], help="train the tutorial's pair")
    add_flags(tutorial, TutorialConfig)
    tutorial.set_defaults(command=run_tutorial)

    zoo = commands.add_parser(
        "zoo", parents=[shared], help="train generators of every kind and their judge, and report on them"
    )
    zoo.add_argument(
        "--only", nargs="+", default=PARTS, metavar="PART", help=f"train these and stop: {', '.join(PARTS)}"
    )
    add_flags(zoo, GeneratorsConfig)
    zoo.set_defaults(command=run_zoo)

    product = commands.add_parser("product", parents=[shared], help="train the detector that is published")
    add_flags(product, DetectorConfig)
    product.set_defaults(command=run_product)

    evaluation = commands.add_parser("evaluate", help="measure a run on test digits and fresh fakes, as JSON")
    evaluation.add_argument("run", type=Path, help="the run's folder, of any command but zoo")
    evaluation.add_argument(
        "--tutorial", type=Path, help="a tutorial's run, whose figures are to stand beside a product's"
    )
    evaluation.set_defaults(command=run_evaluate)

    step = commands.add_parser("step", help="record single steps of a tutorial's training, number by number")
    step.add_argument("run", type=Path, help="the run's folder")
    step.add_argument(
        "--at",
        type=int,
        nargs="+",
        default=(),
        metavar="STEP",
        help="snapshots whose next step is recorded (default: all that have one)",
    )
    step.set_defaults(command=run_step)

    fetch = commands.add_parser("data", help="find or download a data set and verify it")
    fetch.add_argument("--dataset", default="mnist", help=f"one of: {names()} (default: mnist)")
    fetch.set_defaults(command=run_data)
    return parser


def open_run(
    parsed: argparse.Namespace,
    command: str,
    kind: type[SomeConfig],
    check: Callable[[SomeConfig], None] = lambda _: None,
) -> tuple[SomeConfig, Run]:
    """The options and the folder of a new run, or of the one to go on with.

    check: of the options; what it raises is raised before there is a folder.

    Raises:
        ConfigError: an option is wrong, or contradicts the run. DataError: there is no data.
    """
    given = chosen(parsed, kind)
    config = from_preset(kind, given)
    run = Run(parsed.runs / (parsed.name or f"{command}-{config.preset}"))
    if run.exists():
        if not parsed.resume:
            raise ConfigError(f"{run.folder} holds a run; add --resume to go on, or give another --name.")
        config = run.config(kind)
        if differing := conflicts(config, given):
            raise ConfigError(f"A resumed run keeps its options; leave out {', '.join(differing)}.")
        config = dataclasses.replace(config, **{name: given[name] for name in FREE & given.keys()})
    config = resolve(config)
    # Before a folder is made: a run without data would have to be deleted by hand.
    mnist.find_folder(config.dataset)
    check(config)
    if not run.exists():
        run.save_config(config)
    return config, run


def run_zoo(parsed: argparse.Namespace) -> None:
    parts = check_parts(parsed.only)
    check_shape(getattr(parsed, "dataset", GeneratorsConfig.dataset))
    config, run = open_run(parsed, "zoo", GeneratorsConfig)
    build_generators(config, run, parts)
    if (run.folder / REPORT).exists():
        bundle_generators(run)
        print((run.folder / "report.md").read_text())


def run_product(parsed: argparse.Namespace) -> None:
    check_shape(getattr(parsed, "dataset", DetectorConfig.dataset))
    config, run = open_run(parsed, "product", DetectorConfig, check_generators)
    train_product(config, run)
    bundle_detector(run)
    print((run.folder / CALIBRATION).read_text())


def run_tutorial(parsed: argparse.Namespace) -> None:
    config, run = open_run(parsed, "tutorial", TutorialConfig)
    train(config, run)
    bundle_tutorial(run)
    print(f"{run.folder}: trained to step {run.last()}; `python -m export run {run.folder}` publishes it.")


def run_evaluate(parsed: argparse.Namespace) -> None:
    run = Run(parsed.run)
    if run.command() == DetectorConfig.command:
        evaluate_product(run, None if parsed.tutorial is None else Run(parsed.tutorial))
        add_files(run, [EVALUATION, *(f"evaluation-{name}.png" for name in PLOTS)])
        print((run.folder / PAGE).read_text())
    else:
        print(json.dumps(evaluate_tutorial(run), indent=2))


def run_step(parsed: argparse.Namespace) -> None:
    run = Run(parsed.run)
    record = record_steps(run, parsed.at)
    if (run.folder / BUNDLE).exists():
        add_files(run, [RECORD])
    for each in record["steps"]:
        real, fake = (
            " -> ".join(format(p, ".4f") for p in each[name]["fake_probability"]) for name in ("real", "fake")
        )
        print(f"step {each['step']}: P(fake | x) of a real {real}, of a fake {fake}")
    print(f"{parsed.run / RECORD} is written; `python -m export run {parsed.run}` publishes it.")


def run_data(parsed: argparse.Namespace) -> None:
    for split in ("train", "test"):
        digits = mnist.load(parsed.dataset, split)
        print(f"{split}: {len(digits.images):,} pictures, verified, in {mnist.find_folder(parsed.dataset)}")


if __name__ == "__main__":
    sys.exit(main())
