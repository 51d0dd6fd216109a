"""`python -m demo.embed DIR`: the page that needs no server, ready for any static host."""

import argparse
import sys
from pathlib import Path

from demo.embed.assemble import assemble_page
from demo.errors import DemoError
from demo.runtime import MODELS_FOLDER


def main() -> int:
    """Assemble the page; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.embed", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that is new, empty or such a page")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="folder of published models")
    parsed = parser.parse_args()
    try:
        assemble_page(parsed.folder, parsed.models)
    except DemoError as error:
        print(f"demo.embed: {error}", file=sys.stderr)
        return 1
    print(f"{parsed.folder} holds the page; see it with: python -m http.server --directory {parsed.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
