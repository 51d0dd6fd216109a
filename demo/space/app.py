"""Serve the app on a Hugging Face Space, as `python -m demo` does locally, with MCP where it is installed."""

import importlib.util
import sys

from demo.cli import main

if __name__ == "__main__":
    # The last value of an option wins, so arguments override these two.
    mcp = ["--mcp"] if importlib.util.find_spec("mcp") else []
    sys.exit(main(["--host", "0.0.0.0", "--port", "7860", *mcp, *sys.argv[1:]]))  # noqa: S104
