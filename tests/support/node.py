"""Node for the tests: its packages, installed once into the user's cache, and a copy of the programs."""

import hashlib
import shutil
from pathlib import Path

from platformdirs import user_cache_path

from demo.static_page.assemble import runtime_files
from export.benchmark.packages import node_modules

ROOT = Path(__file__).parents[2]
NODE = ROOT / "demo" / "snippets" / "node"
PAGE = ROOT / "demo" / "static_page" / "browser"
TESTS = ROOT / "tests"


def prepared() -> bool:
    """Return whether all that tests need from npm has been fetched, so that they run offline."""
    return ready_mark().exists()


def prepare() -> None:
    """Fetch all that tests need from npm."""
    node_modules(NODE)
    node_modules(TESTS)
    runtime_files()
    ready_mark().touch()


def ready_mark() -> Path:
    """Return the path of a file that exists once the packages of each package.json have been fetched."""
    packages = [folder / "package.json" for folder in (NODE, PAGE, TESTS)]
    checksum = hashlib.sha256(b"".join(each.read_bytes() for each in packages)).hexdigest()[:16]
    return user_cache_path("touchstone") / "node" / f"{checksum}.ready"


def copy_programs(folder: Path) -> Path:
    """Copy demo/snippets/node, what its files import, and its packages; return the copy of that folder."""
    node, page = folder / NODE.relative_to(ROOT), folder / PAGE.relative_to(ROOT)
    shutil.copytree(NODE, node, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(PAGE, page)
    (node / "node_modules").symlink_to(node_modules(NODE))
    return node


if __name__ == "__main__":
    prepare()
    print("Ready: the tests that use Node need no network now.")
