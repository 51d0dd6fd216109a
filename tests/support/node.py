"""Node for the tests: its packages, installed once into the user's cache, and a copy of the programs."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from demo.static_page.assemble import DECODER, runtime_files

ROOT = Path(__file__).parents[2]
NODE = ROOT / "demo" / "snippets" / "node"
PAGE = ROOT / "demo" / "static_page" / "browser"
TESTS = ROOT / "tests"
CACHE = user_cache_path("touchstone") / "node"
PACKAGES = b"".join((folder / "package.json").read_bytes() for folder in (NODE, PAGE, TESTS))
READY = CACHE / hashlib.sha256(PACKAGES).hexdigest()[:16]
"""Exists once all that tests need from npm has been fetched, so that they run offline."""


def prepare() -> None:
    """Fetch all that tests need from npm, unless it is there.

    Raises:
        subprocess.CalledProcessError: npm cannot install the packages.
    """
    if READY.exists():
        return
    runtime_files()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Installed beside it, then renamed: an interrupted installation must not look complete.
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        whole = Path(temporary) / "whole"
        for folder in (NODE, TESTS):
            (whole / folder.name).mkdir(parents=True)
            shutil.copy(folder / "package.json", whole / folder.name)
            flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]
            subprocess.run(["npm", "install", *flags], cwd=whole / folder.name, check=True)
        whole.rename(READY)


def node_modules(folder: Path) -> Path:
    """Return the node_modules folder with the packages that the package.json in `NODE` or `TESTS` names."""
    if not READY.exists():
        raise RuntimeError("Fetch the packages once with: python -m tests.support.node")
    return READY / folder.name / "node_modules"


def copy_programs(folder: Path) -> Path:
    """Copy demo/snippets/node, what its files import, and its packages; return the copy of that folder."""
    node, page = folder / NODE.relative_to(ROOT), folder / PAGE.relative_to(ROOT)
    shutil.copytree(NODE, node, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(PAGE, page)
    shutil.copy(DECODER, node.parent)
    (node / "node_modules").symlink_to(node_modules(NODE))
    return node


if __name__ == "__main__":
    prepare()
    print("Ready: the tests that use Node need no network now.")
