"""`python -m train tutorial|generators|detector|isolation|evaluate|trace|data`: train, measure, get data."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from train.bundle import BUNDLE, add_files, bundle_detector, bundle_generators, bundle_tutorial
from train.config import (
    FREE,
    Config,
    DetectorConfig,
    GeneratorsConfig,
    IsolationConfig,
    SomeConfig,
    TutorialConfig,
    add_flags,
    conflicts,
    from_preset,
    given_options,
)
from train.data import mnist
from train.detector.train import CALIBRATION, train_detector
from train.device import resolve
from train.errors import ConfigError, TrainError
from train.evaluation.folders import evaluate_folders
from train.evaluation.report import EVALUATION, PAGE, PLOTS, evaluate_detector
from train.evaluation.tutorial import evaluate_tutorial
from train.generators.build import PARTS, REPORT, build_generators, check_shape
from train.generators.decoders import DECODERS, summarize
from train.generators.trained import check_generators, trim
from train.isolation.train import train_isolation
from train.run import Run
from train.tutorial.gan import train
from train.tutorial.trace import RECORD, record_steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 failed (one line on stderr), 2 usage, 130 interrupted."""
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except TrainError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train: interrupted; run the same command with --resume to go on.", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    shared.add_argument("--name", help="name of this run (default: COMMAND-PRESET)")
    shared.add_argument(
        "--resume", action="store_true", help="continue the run from its last snapshot, with its own options"
    )

    tutorial = commands.add_parser("tutorial", parents=[shared], help="train the tutorial's GAN")
    add_flags(tutorial, TutorialConfig)
    tutorial.set_defaults(command=run_tutorial)

    generators = commands.add_parser(
        "generators",
        parents=[shared],
        help="train generators of every kind and a digit classifier, and measure the generators with it",
    )
    generators.add_argument(
        "--only",
        nargs="+",
        default=PARTS,
        metavar="PART",
        help=f"train only these, without a report: {', '.join(PARTS)}",
    )
    generators.add_argument(
        "--trim",
        type=Path,
        metavar="DIR",
        help="train nothing; write to DIR what sampling needs of the run's trained families",
    )
    add_flags(generators, GeneratorsConfig)
    generators.set_defaults(command=run_generators)

    detector = commands.add_parser(
        "detector", parents=[shared], help="train the detector on real digits and the generators' fakes"
    )
    add_flags(detector, DetectorConfig)
    detector.set_defaults(command=run_detector)

    isolation = commands.add_parser(
        "isolation",
        parents=[shared],
        help="train the networks by which the normalizer finds a digit in a photograph",
    )
    add_flags(isolation, IsolationConfig)
    isolation.set_defaults(command=run_isolation)

    evaluation = commands.add_parser("evaluate", help="measure a run on test digits and new fakes")
    evaluation.add_argument("run", type=Path, help="folder of a run of tutorial or detector")
    evaluation.add_argument(
        "--tutorial", type=Path, help="folder of a tutorial's run to compare a detector with"
    )
    evaluation.add_argument(
        "--fakes", type=Path, metavar="DIR", help="measure a detector on these pictures or sheets alone"
    )
    evaluation.add_argument(
        "--reals", type=Path, metavar="DIR", help="real pictures for --fakes (default: MNIST's test digits)"
    )
    evaluation.set_defaults(command=run_evaluate)

    trace = commands.add_parser("trace", help="record single steps of the tutorial's training in numbers")
    trace.add_argument("run", type=Path, help="folder of a tutorial's run")
    trace.add_argument(
        "--at",
        type=int,
        nargs="+",
        default=(),
        metavar="STEP",
        help="record the step after these snapshots (default: after every snapshot but the last)",
    )
    trace.set_defaults(command=run_trace)

    data = commands.add_parser("data", help="find or download a data set, and verify it")
    data.add_argument("--dataset", default="mnist", help=f"one of: {mnist.names()} (default: mnist)")
    data.set_defaults(command=run_data)
    return parser


def open_run(
    parsed: argparse.Namespace,
    kind: type[SomeConfig],
    check: Callable[[SomeConfig], None] = lambda _: None,
) -> tuple[SomeConfig, Run]:
    """Return the options and the folder of a new run, or of the one to resume.

    check: validates the options before the folder is created.

    Raises:
        ConfigError: an option is invalid, or contradicts the run. DataError: the data set is missing.
    """
    given = given_options(parsed, kind)
    config = from_preset(kind, given)
    run = named_run(parsed, kind, config.preset)
    if run.exists():
        if not parsed.resume:
            raise ConfigError(
                f"{run.folder} holds a run; add --resume to continue it, or give another --name."
            )
        config = run.config(kind)
        if differing := conflicts(config, given):
            raise ConfigError(f"A resumed run keeps its options; leave out {', '.join(differing)}.")
        config = dataclasses.replace(config, **{name: given[name] for name in FREE & given.keys()})
    config = resolve(config)
    # Checked first: a folder without data would have to be deleted by hand.
    mnist.find_folder(config.dataset)
    check(config)
    if not run.exists():
        run.save_config(config)
    return config, run


def named_run(parsed: argparse.Namespace, kind: type[Config], preset: str) -> Run:
    """Return the run that `--runs`, `--name` and the preset name."""
    return Run(parsed.runs / (parsed.name or f"{kind.command}-{preset}"))


def run_tutorial(parsed: argparse.Namespace) -> None:
    config, run = open_run(parsed, TutorialConfig)
    train(config, run)
    bundle_tutorial(run)
    print(f"{run.folder}: trained to step {run.last()}; publish it with `python -m export run {run.folder}`.")


def run_generators(parsed: argparse.Namespace) -> None:
    if unknown := set(parsed.only) - set(PARTS):
        raise ConfigError(f"--only names {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}.")
    if parsed.trim is not None:
        preset = from_preset(GeneratorsConfig, given_options(parsed, GeneratorsConfig)).preset
        run = named_run(parsed, GeneratorsConfig, preset)
        trim(run, parsed.only, parsed.trim)
        print(f"{parsed.trim}: sample from it with `python -m train detector --generators {parsed.trim}`.")
        return
    config, run = open_run(parsed, GeneratorsConfig, check_shape)
    build_generators(config, run, list(dict.fromkeys(parsed.only)))
    if DECODERS in parsed.only:
        print(summarize(run))
    if (run.folder / REPORT).exists():
        bundle_generators(run)
        print((run.folder / "report.md").read_text())


def run_detector(parsed: argparse.Namespace) -> None:
    config, run = open_run(parsed, DetectorConfig, check_generators)
    train_detector(config, run)
    bundle_detector(run)
    print((run.folder / CALIBRATION).read_text())


def run_isolation(parsed: argparse.Namespace) -> None:
    config, run = open_run(parsed, IsolationConfig)
    weights = train_isolation(config, run)
    print(
        f"Trained {weights}; copy it to train/isolation/, and publish it with `python -m export rebuild`. "
        "Then train the detector anew: its pictures pass through the normalizer."
    )


def run_evaluate(parsed: argparse.Namespace) -> None:
    run = Run(parsed.run)
    if parsed.reals and not parsed.fakes:
        raise ConfigError("--reals are compared with --fakes; name a folder of fakes too.")
    if parsed.fakes:
        print(evaluate_folders(run, parsed.fakes, parsed.reals))
    elif run.command() == DetectorConfig.command:
        evaluate_detector(run, None if parsed.tutorial is None else Run(parsed.tutorial))
        add_files(run, [EVALUATION, *(f"evaluation-{name}.png" for name in PLOTS)])
        print((run.folder / PAGE).read_text())
    else:
        print(json.dumps(evaluate_tutorial(run), indent=2))


def run_trace(parsed: argparse.Namespace) -> None:
    run = Run(parsed.run)
    record = record_steps(run, parsed.at)
    if (run.folder / BUNDLE).exists():
        add_files(run, [RECORD])
    for each in record["steps"]:
        real, fake = (
            " -> ".join(format(p, ".4f") for p in each[name]["fake_probability"]) for name in ("real", "fake")
        )
        print(f"step {each['step']}: P(fake | x) of a real picture {real}, of a fake {fake}")
    print(f"Recorded in {run.folder / RECORD}; publish it with `python -m export run {run.folder}`.")


def run_data(parsed: argparse.Namespace) -> None:
    for split in ("train", "test"):
        digits = mnist.load(parsed.dataset, split)
        print(f"{split}: {len(digits.images):,} pictures verified in {mnist.find_folder(parsed.dataset)}")
