"""`python -m demo`: the app; `check FILE…`: one line a file; `page DIR`, `space DIR`: to put on the web.

What a command needs is imported when it runs: `check` is answered before gradio alone would be imported.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.environment import disable_telemetry
from demo.errors import DemoError, UsageError
from demo.inference.manifest import MODELS_FOLDER

DONE, UNREADABLE, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0: done. 1: some file could not be judged, or the models cannot be served. 2: usage.
    """
    parsed = build_parser().parse_args(arguments)
    disable_telemetry()
    try:
        return int(parsed.command(parsed))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        # Whoever read the output has gone; what is still to be flushed at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def run_page(parsed: argparse.Namespace) -> int:
    from demo.static_page.assemble import assemble_page

    assemble_page(parsed.folder, parsed.models)
    print(f"See it with: python -m http.server --directory {parsed.folder}")
    return DONE


def run_space(parsed: argparse.Namespace) -> int:
    from demo.space.assemble import assemble_space

    assemble_space(parsed.folder, parsed.models, parsed.hardware, parsed.digits)
    print(f"Push it with: hf upload --repo-type space USER/SPACE {parsed.folder} .")
    return DONE


def run_check(parsed: argparse.Namespace) -> int:
    tabled = (parsed.out, parsed.part, parsed.ray_address, parsed.workers)
    if parsed.engine != "local" or any(option is not None for option in tabled):
        from demo.batch.collection import check_collection

        return DONE if check_collection(parsed) else UNREADABLE

    # The first worker starts while onnxruntime is imported and the models load.
    from demo.decoder.images import shared_pool

    shared_pool().start()

    from demo.batch.listing import list_answers
    from demo.inference.engine import Engine

    engine = Engine.load(parsed.models, parsed.device, parsed.model)
    return DONE if list_answers(engine, parsed.files, parsed.json) else UNREADABLE


def run_serve(parsed: argparse.Namespace) -> int:
    from demo.bounds.memory import keep_little
    from demo.decoder.images import shared_pool

    keep_little()
    shared_pool().start()

    from demo.inference.engine import Engine

    engine = Engine.load(parsed.models, parsed.device, parsed.model)
    if parsed.api_only:
        from demo.api.serve_api import serve_api

        serve_api(engine, parsed.host, parsed.port)
    else:
        from demo.serve import serve

        serve(engine, parsed.host, parsed.port, parsed.mcp)
    return DONE


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    add_model_flags(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=port, help="port to listen on (default: 7860, or the next free one)")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--mcp", action="store_true", help="serve the API as an MCP server, too")
    extent.add_argument(
        "--api-only", action="store_true", help="serve POST /v1/check alone: no page, in less time and memory"
    )
    parser.set_defaults(models=MODELS_FOLDER, model=None, device="auto", command=run_serve)
    commands = parser.add_subparsers(metavar="COMMAND")
    checking = commands.add_parser("check", help="print one line a picture: is it fake?")
    add_model_flags(checking)
    checking.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="pictures, or folders: of a folder all that is named like a picture, at any depth; "
        "with --out also Parquet tables of pictures",
    )
    checking.add_argument("--json", action="store_true", help="one JSON object a line, the same as the API's")
    checking.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write the answers there as Parquet, in parts; the same command goes on where it was stopped",
    )
    checking.add_argument(
        "--part", type=count, metavar="N", help="with --out: pictures in a part (default: 4096)"
    )
    checking.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: over a cluster, with --out; on processors unless --device is cuda",
    )
    checking.add_argument("--ray-address", metavar="ADDRESS", help="a running cluster (default: RAY_ADDRESS)")
    checking.add_argument(
        "--workers", type=count, metavar="N", help="with --engine ray: how many (default: one a core)"
    )
    checking.set_defaults(command=run_check)
    page = commands.add_parser("page", help="assemble the page that needs no server (needs npm, once)")
    add_model_flags(page)
    page.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new, empty or such a page")
    page.set_defaults(command=run_page)
    space = commands.add_parser("space", help="assemble a folder to push to a Hugging Face Space")
    add_model_flags(space)
    space.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new, empty or such a Space")
    space.add_argument("--hardware", choices=("cpu", "gpu"), default="cpu", help="what the Space runs on")
    space.add_argument(
        "--digits", action="store_true", help="take MNIST's test pictures along (1.6 MB), for the game"
    )
    space.set_defaults(command=run_space)
    return parser


def port(text: str) -> int:
    """A port's number; 0 takes any that is free. Raises ArgumentTypeError outside 0 to 65535."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
    return int(text)


def count(text: str) -> int:
    """A whole number above 0. Raises ArgumentTypeError for any other."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of them; give 1 or more")
    return int(text)


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Which models to run, and where; a flag that is not given leaves what stood before a subcommand."""
    absent = argparse.SUPPRESS
    parser.add_argument("--models", type=Path, default=absent, help="folder of published models")
    parser.add_argument("--model", default=absent, help="discriminator to use, without .onnx")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default=absent,
        help="auto (the default) uses CUDA where it works and says so where it falls back",
    )
