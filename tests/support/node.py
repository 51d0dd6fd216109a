"""Node for the tests: its packages, installed once into the user's cache, and a copy of the programs."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from demo.static_page.assemble import runtime_files

CACHE = user_cache_path("touchstone") / "node"
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
    return CACHE / f"{checksum}.ready"


def node_modules(folder: Path) -> Path:
    """Return the node_modules folder with the packages that a folder's package.json names.

    Only the first call for each package.json needs a network.

    Raises:
        RuntimeError: npm is missing, or cannot install them.
    """
    package = folder / "package.json"
    kept = CACHE / hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is missing. Install Node.js 20 or newer (nodejs.org).")
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Install beside it, then rename: an interrupted installation must not look complete.
        with tempfile.TemporaryDirectory(dir=CACHE) as aside:
            whole = Path(aside) / "whole"
            whole.mkdir()
            shutil.copy(package, whole)
            flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"]
            command = [npm, "install", *flags]
            installed = subprocess.run(command, cwd=whole, capture_output=True, text=True, check=False)
            if installed.returncode != 0:
                reason = installed.stderr.strip()
                raise RuntimeError(
                    f"npm cannot install the packages of {package}; is there a network? {reason}"
                )
            whole.rename(kept)
    return kept / "node_modules"


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
