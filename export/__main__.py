"""`python -m export run RUN…|half RUN DIR|hub DIR|conformance|evaluate|benchmark|readme`."""

import argparse
import json
import sys
from collections.abc import Sequence
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
from export.halves import export_half
from export.hub import write_hub
from export.publish import published
from export.tutorial import export_tutorial, remeasure
from export.zoo import export_zoo
from train.config import DetectorConfig, GeneratorsConfig, TutorialConfig
from train.errors import TrainError
from train.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed (a line on stderr), 2 usage, 130 stopped."""
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except (ExportError, TrainError, DemoError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("export: stopped; what was published before is as it was.", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--models", type=Path, default=MODELS_FOLDER, help="models folder (default: demo/models)"
    )
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    publishing = commands.add_parser(
        "run", parents=[shared], help="convert a run, compare with PyTorch, publish all of it or nothing"
    )
    publishing.add_argument("run", type=Path, nargs="+", help="a run's folder")
    publishing.set_defaults(command=run_export)
    half = commands.add_parser(
        "half",
        parents=[shared],
        help="copy the models, with the product in float16 beside: for GPUs, not measured; slower on a CPU",
    )
    half.add_argument("run", type=Path, help="the run's folder that the product was published from")
    half.add_argument("folder", type=Path, help="a new folder, to give as --models")
    half.set_defaults(command=run_half)
    evaluation = commands.add_parser(
        "evaluate", parents=[shared], help="recompute the published figures from the published files"
    )
    evaluation.set_defaults(command=run_evaluate)
    conformance = commands.add_parser(
        "conformance", parents=[shared], help="write the conformance pack anew, after publishing a run"
    )
    conformance.add_argument("folder", type=Path, nargs="?", default=CONFORMANCE_FOLDER, help="where to")
    conformance.set_defaults(command=run_conformance)
    hub = commands.add_parser("hub", parents=[shared], help="write a folder ready for the Hugging Face Hub")
    hub.add_argument("folder", type=Path, help="a new folder")
    hub.set_defaults(command=run_hub)
    timing = commands.add_parser(
        "benchmark", parents=[shared], help="compare speed with what one would use instead"
    )
    timing.add_argument("part", nargs="*", help=f"what to measure (default: all): {', '.join(PARTS)}")
    timing.add_argument("--rounds", type=int, default=Options.rounds, help="rounds (default: %(default)s)")
    timing.add_argument("--quick", action="store_true", help="do little work, to see that everything runs")
    timing.add_argument("--against", type=Path, help="another checkout to compare with, for serving")
    timing.add_argument("--results", type=Path, default=RESULTS, help="folder for the results (JSON)")
    timing.set_defaults(command=run_benchmark)
    readme = commands.add_parser("readme", help="write the generated READMEs again from their JSON files")
    readme.set_defaults(command=run_readme)
    return parser


def run_export(parsed: argparse.Namespace) -> None:
    exporters = {
        TutorialConfig.command: export_tutorial,
        GeneratorsConfig.command: export_zoo,
        DetectorConfig.command: export_detector,
    }
    for folder in parsed.run:
        run = Run(folder)
        print(json.dumps(exporters[run.command()](run, parsed.models), indent=2))
        print(f"Published to {parsed.models}; the parity report is {folder / 'parity.json'}.")


def run_half(parsed: argparse.Namespace) -> None:
    print(json.dumps(export_half(Run(parsed.run), parsed.models, parsed.folder), indent=2))
    print(f"{parsed.folder} holds {DISCRIMINATOR}_fp16.onnx beside its reference; nothing is published.")


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
    figures = remeasure(parsed.models)
    if f"{DISCRIMINATOR}.onnx" in published(parsed.models):
        figures["product"] = remeasure_detector(parsed.models)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    sys.exit(main())
