"""`python -m demo [check FILE… | page DIR | space DIR]`: run the app, check files, build a page or Space.

Each command imports what it needs when it runs: `check` is done before gradio alone would be imported.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from demo.contract import MODELS_FOLDER
from demo.environment import disable_telemetry
from demo.errors import DemoError, UsageError

DONE, UNREADABLE, USAGE = 0, 1, 2
EXTRAS = {"gradio": "demo", "mcp": "mcp", "pyarrow": "parquet", "ray": "ray"}
"""The extra that brings a package; `api` brings the others."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    0: done. 1: some file could not be judged, or something is wrong with this installation. 2: usage error.
    """
    parsed = build_parser().parse_args(arguments)
    disable_telemetry()
    try:
        return int(parsed.command(parsed))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else 1
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        extra = EXTRAS.get(package, "api")
        print(f'demo: {package} is not installed; it comes with: pip install ".[{extra}]"', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of the output has gone. Flushing the rest at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def run_page(parsed: argparse.Namespace) -> int:
    from demo.static_page.assemble import assemble_page

    assemble_page(parsed.folder, parsed.models)
    print(f"View it with: python -m http.server --directory {parsed.folder}")
    return DONE


def run_space(parsed: argparse.Namespace) -> int:
    from demo.space.assemble import assemble_space

    assemble_space(parsed.folder, parsed.models, parsed.hardware)
    print(f"Push it with: hf upload --repo-type space USER/SPACE {parsed.folder} .")
    return DONE


def run_check(parsed: argparse.Namespace) -> int:
    tabled = (parsed.out, parsed.part, parsed.ray_address, parsed.workers)
    if parsed.engine != "local" or any(option is not None for option in tabled):
        return run_batch(parsed)

    # The first worker starts while onnxruntime is imported and the models load.
    from demo.decoder.images import shared_pool

    shared_pool().start()

    from demo.batch.listing import list_answers
    from demo.inference.engine import Engine

    engine = Engine.load(parsed.models, parsed.device, parsed.model)
    return DONE if list_answers(engine, parsed.files, parsed.form) else UNREADABLE


def run_batch(parsed: argparse.Namespace) -> int:
    """Write the answers into a folder, with the local engine or on a Ray cluster."""
    on_ray = parsed.engine == "ray"
    if not on_ray and (parsed.workers or parsed.ray_address):
        raise UsageError("--workers and --ray-address are for --engine ray; add it, or leave them out.")
    if parsed.out is None:
        raise UsageError("--engine ray and --part write answers into a folder; name it with --out.")
    if parsed.form != "text":
        raise UsageError("--out writes tables instead of printing lines; leave --json and --csv out.")

    # Before anything is written.
    import_module("pyarrow")
    if on_ray:
        import_module("ray")

    from demo.batch.run import PICTURES_IN_PART, check_part, list_pictures, run_parts
    from demo.inference.engine import Engine

    engine = Engine.load(parsed.models, "cpu" if on_ray else parsed.device, parsed.model)
    out = parsed.out.absolute()
    list_pictures(parsed.files, out, parsed.part or PICTURES_IN_PART, engine)
    check: Callable[[Sequence[int]], Iterable[int]] = partial(map, partial(check_part, engine, out))
    if on_ray:
        from demo.batch.ray import PartChecker, check_on_ray

        device = "cuda" if parsed.device == "cuda" else "cpu"
        checker = PartChecker(out, parsed.models.absolute(), engine.model, device)
        check = partial(check_on_ray, parsed.ray_address, parsed.workers, checker)
    return DONE if run_parts(out, check) else UNREADABLE


def run_serve(parsed: argparse.Namespace) -> int:
    from demo.api.limits import limit_heap
    from demo.decoder.images import shared_pool

    limit_heap()
    shared_pool().start()

    from demo.inference.engine import Engine
    from demo.serve import serve, serve_api

    engine = Engine.load(parsed.models, parsed.device, parsed.model)
    if parsed.api_only:
        serve_api(engine, parsed.host, parsed.port)
    else:
        serve(engine, parsed.host, parsed.port, parsed.mcp)
    return DONE


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Run the app, or one of the commands."
    )
    add_model_flags(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=port, help="port to listen on (default: the first free one from 7860)")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--mcp", action="store_true", help="also serve the API as an MCP server")
    extent.add_argument(
        "--api-only", action="store_true", help="serve only the HTTP API: no page, in less time and memory"
    )
    parser.set_defaults(models=MODELS_FOLDER, model=None, device="auto", command=run_serve)
    commands = parser.add_subparsers(metavar="COMMAND")
    checking = commands.add_parser("check", help="check pictures and print one line for each")
    add_model_flags(checking)
    option = checking.add_argument
    option(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="pictures; zips; folders, in which every file with a picture's name is checked, at any depth; - "
        "for a picture on standard input; with --out also Parquet tables of pictures, but no zips",
    )
    form = checking.add_mutually_exclusive_group()
    for name, what in (
        ("json", "JSON, one object per line, as the API does"),
        ("csv", "CSV for spreadsheets"),
    ):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=f"print {what}")
    option(
        "--out",
        type=Path,
        metavar="DIR",
        help="write the answers there as Parquet files; if stopped, the same command goes on",
    )
    option("--part", type=count, metavar="N", help="with --out: pictures per file (default: 4096)")
    option(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: run on a Ray cluster, with --out; on its CPUs unless --device is cuda",
    )
    option(
        "--ray-address", metavar="ADDRESS", help="a running cluster (default: RAY_ADDRESS, else a new one)"
    )
    option(
        "--workers",
        type=count,
        metavar="N",
        help="with --engine ray: how many (default: one per core or GPU)",
    )
    checking.set_defaults(command=run_check, form="text")
    page = commands.add_parser("page", help="build a page that needs no server (needs npm, once)")
    add_model_flags(page)
    page.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder, or such a page")
    page.set_defaults(command=run_page)
    space = commands.add_parser("space", help="build a folder to push to a Hugging Face Space")
    add_model_flags(space)
    space.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder, or such a Space")
    space.add_argument(
        "--hardware", choices=("cpu", "gpu"), default="cpu", help="of the Space (default: cpu)"
    )
    space.set_defaults(command=run_space)
    return parser


def port(text: str) -> int:
    """Parse a port's number, 0 to 65535; 0 takes any free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give 0 to 65535")
    return int(text)


def count(text: str) -> int:
    """Parse a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags for model and device; given before a subcommand, they hold for it too."""
    absent = argparse.SUPPRESS
    parser.add_argument("--models", type=Path, default=absent, help="folder of published models")
    parser.add_argument("--model", default=absent, help="discriminator to use, without .onnx")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default=absent,
        help="auto (the default) uses CUDA if it works, and reports a fallback to the CPU",
    )
