"""`python -m demo`: the app; `check FILE…`: one line a file; `page DIR`, `space DIR`: to put on the web."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.check import PICTURES_AT_ONCE, Checked, check_files
from demo.embed.assemble import assemble_page
from demo.errors import DemoError
from demo.images import shared_pool
from demo.runtime import MODELS_FOLDER, Engine
from demo.serve import serve
from demo.space.assemble import assemble_space

DONE, UNREADABLE, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0: done. 1: some file could not be judged, or the models cannot be served. 2: usage.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        if parsed.command == "page":
            assemble_page(parsed.folder, parsed.models)
            print(f"See it with: python -m http.server --directory {parsed.folder}")
            return DONE
        if parsed.command == "space":
            assemble_space(parsed.folder, parsed.models, parsed.hardware, parsed.digits)
            print(f"Push it with: hf upload --repo-type space USER/SPACE {parsed.folder} .")
            return DONE
        # The first worker starts while the models load.
        shared_pool().start()
        engine = Engine.load(parsed.models, parsed.device, parsed.model)
        if parsed.command == "check":
            return check(engine, parsed.files, parsed.json)
        engine.open_all()
        serve(engine, parsed.host, parsed.port, parsed.mcp)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has gone; what is still to be flushed at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return DONE


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    add_model_flags(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=port, help="port to listen on (default: 7860, or the next free one)")
    parser.add_argument("--mcp", action="store_true", help="serve the API as an MCP server, too")
    parser.set_defaults(models=MODELS_FOLDER, model=None, device="auto", command="serve")
    commands = parser.add_subparsers(metavar="COMMAND")
    checking = commands.add_parser("check", help="print one line a file: is it fake?")
    add_model_flags(checking)
    checking.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pictures to check")
    checking.add_argument("--json", action="store_true", help="one JSON object a line, the same as the API's")
    checking.set_defaults(command="check")
    page = commands.add_parser("page", help="assemble the page that needs no server (needs npm, once)")
    add_model_flags(page)
    page.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new, empty or such a page")
    page.set_defaults(command="page")
    space = commands.add_parser("space", help="assemble a folder to push to a Hugging Face Space")
    add_model_flags(space)
    space.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new, empty or such a Space")
    space.add_argument("--hardware", choices=("cpu", "gpu"), default="cpu", help="what the Space runs on")
    space.add_argument(
        "--digits", action="store_true", help="take MNIST's test pictures along (1.6 MB), for the game"
    )
    space.set_defaults(command="space")
    return parser


def port(text: str) -> int:
    """A port's number; 0 takes any that is free. Raises ArgumentTypeError outside 0 to 65535."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 0 to 65535")
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


def check(engine: Engine, files: Sequence[Path], as_json: bool) -> int:
    """Print the answer for each file; returns 1 where some file could not be judged, else 0."""
    unreadable = False
    for start in range(0, len(files), PICTURES_AT_ONCE):
        for checked in check_files(engine, files[start : start + PICTURES_AT_ONCE]):
            print(json.dumps(checked.answer.as_dict()) if as_json else line(checked))
            unreadable |= checked.answer.error is not None
        sys.stdout.flush()
    return UNREADABLE if unreadable else DONE


def line(checked: Checked) -> str:
    """An answer as one line for a person; what the output cannot show of a name is escaped."""
    answer = checked.answer
    encoding = sys.stdout.encoding or "ascii"
    name = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in answer.file)
    name = name.encode(encoding, "backslashreplace").decode(encoding)
    if answer.error is not None:
        return f"{name}: not judged: {answer.error}"
    note = f" ({checked.note})" if checked.note else ""
    if answer.verdict == "not a digit":
        return f"{name}: not a digit{note}"
    return f"{name}: {answer.verdict}, P(fake) = {answer.fake_probability:.4f}{note}"
