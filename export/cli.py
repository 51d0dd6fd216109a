"""`python -m export run RUN…|rebuild|evaluate|conformance|hub DIR|benchmark|readme`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.contract import DISCRIMINATOR
from demo.errors import DemoError
from demo.inference.engine import MODELS_FOLDER
from export.benchmark.command import PARTS, benchmark
from export.benchmark.harness import RESULTS, Options
from export.cards import generated_readmes
from export.conformance import CONFORMANCE_FOLDER, write_pack
from export.detector import export_detector, remeasure_detector
from export.errors import ExportError
from export.generator import export_generators
from export.hub import write_hub
from export.publish import published
from export.rebuild import rebuild_any_image
from export.tutorial import export_tutorial, remeasure_tutorial
from train.bundle import load_bundle
from train.config import DetectorConfig, GeneratorsConfig, TutorialConfig
from train.errors import TrainError
from train.run import Run

EXPORTERS = {
    TutorialConfig.command: export_tutorial,
    GeneratorsConfig.command: export_generators,
    DetectorConfig.command: export_detector,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0 done, 1 failed (a line on stderr), 2 usage, 130 stopped."""
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except (ExportError, TrainError, DemoError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("export: stopped; the published files are unchanged.", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], what: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=what)
        command.set_defaults(command=run)
        command.add_argument(
            "--models", type=Path, default=MODELS_FOLDER, help="models folder (default: demo/models)"
        )
        return command

    publishing = add("run", run_export, "convert runs, compare with PyTorch, publish all of a run or nothing")
    publishing.add_argument("run", type=Path, nargs="+", help="a run's folder")
    add(
        "rebuild",
        run_rebuild,
        "rebuild the normalizer and from-image files around the published discriminator.onnx",
    )
    add("evaluate", run_evaluate, "recompute the published figures from the published files")
    conformance = add("conformance", run_conformance, "write the conformance pack again, after a new run")
    conformance.add_argument("folder", type=Path, nargs="?", default=CONFORMANCE_FOLDER, help="folder")
    hub = add("hub", run_hub, "write a folder ready for the Hugging Face Hub")
    hub.add_argument("folder", type=Path, help="a new folder")
    timing = add("benchmark", run_benchmark, "compare speed with what one would use instead")
    timing.add_argument("part", nargs="*", help=f"what to measure (default: all): {', '.join(PARTS)}")
    timing.add_argument("--rounds", type=int, default=Options.rounds, help="rounds (default: %(default)s)")
    timing.add_argument("--quick", action="store_true", help="do little work, to see that everything runs")
    timing.add_argument("--against", type=Path, help="another checkout to compare with, for serving")
    timing.add_argument("--results", type=Path, default=RESULTS, help="folder for the results (JSON)")
    readme = commands.add_parser("readme", help="write the generated READMEs again from their JSON files")
    readme.set_defaults(command=run_readme)
    return parser


def run_export(parsed: argparse.Namespace) -> None:
    for folder in parsed.run:
        bundle = load_bundle(Run(folder))
        figures = EXPORTERS[bundle.record["kind"]](bundle, folder, parsed.models)
        print(json.dumps(figures, indent=2))
        print(f"Published to {parsed.models}; the parity report is {folder / 'parity.json'}.")


def run_rebuild(parsed: argparse.Namespace) -> None:
    files = ", ".join(model.file for model in rebuild_any_image(parsed.models))
    print(f"Published {files} to {parsed.models}; write the conformance pack again if they changed.")


def run_conformance(parsed: argparse.Namespace) -> None:
    count = write_pack(parsed.folder, parsed.models)
    print(f"{parsed.folder}: {count} pictures and expected.json.")


def run_hub(parsed: argparse.Namespace) -> None:
    write_hub(parsed.folder, parsed.models, CONFORMANCE_FOLDER)
    print(f"{parsed.folder} is ready to push.")


def run_benchmark(parsed: argparse.Namespace) -> None:
    options = Options(parsed.rounds, parsed.models, parsed.quick, parsed.against)
    benchmark(parsed.part, options, parsed.results)


def run_readme(_: argparse.Namespace) -> None:
    for path, content in generated_readmes().items():
        path.write_text(content, encoding="utf-8")
        print(path)


def run_evaluate(parsed: argparse.Namespace) -> None:
    figures = remeasure_tutorial(parsed.models)
    if f"{DISCRIMINATOR}.onnx" in published(parsed.models):
        figures["detector"] = remeasure_detector(parsed.models)
    print(json.dumps(figures, indent=2))
