"""The pinned requirement files: hashed, within what pyproject.toml asks for, and without an address."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.tools.pins import FILES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)[^\n]*?\\\n"
    r"(?P<hashes>(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+)",
    re.MULTILINE,
)
EXTRAS = {"demo/requirements/app.txt": "demo", "tests/requirements.txt": "test"}
# The build for CPUs is no file of the registry's.
LEFT_OUT = {"torch"}


def pins(path: str) -> dict[str, set[str]]:
    """Name → the versions that a file pins, one for each kind of machine."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / path).read_text()):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def asked(extra: str) -> list[Requirement]:
    """All that an extra asks for, itself or by another extra."""
    requirements = [Requirement(text) for text in PROJECT["optional-dependencies"][extra]]
    own = [each for each in requirements if each.name == PROJECT["name"]]
    deeper = [item for each in own for name in each.extras for item in asked(name)]
    return [each for each in requirements if each.name != PROJECT["name"]] + deeper


@pytest.mark.parametrize("path", [pins.path for pins in FILES])
def test_every_line_is_a_pin_with_hashes_and_no_address(path: str) -> None:
    text = (ROOT / path).read_text()
    left = PIN.sub("", text)
    # Of what no machine takes there is no hash either.
    assert [line for line in left.splitlines() if "sys_platform == 'none'" not in line] == []
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("path", EXTRAS)
def test_what_the_project_asks_for_is_pinned_within_its_bounds(path: str) -> None:
    found = pins(path)
    for requirement in asked(EXTRAS[path]):
        if requirement.name in LEFT_OUT:
            continue
        versions = found.get(requirement.name)
        assert versions, f"{requirement.name} is not pinned: python -m tests.tools.pins"
        assert all(version in requirement.specifier for version in versions), requirement


def test_both_builds_of_the_runtime_have_one_version() -> None:
    versions = {
        version
        for each in FILES
        for name, pinned in pins(each.path).items()
        if name in ("onnxruntime", "onnxruntime-gpu")
        for version in pinned
    }
    assert len(versions) == 1


@pytest.mark.slow
def test_the_app_s_pins_install_clean(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    python, picture = str(tmp_path / "bin" / "python"), str(ROOT / "demo" / "conformance" / "drawn-7.png")
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "demo/requirements/app.txt"]
    subprocess.run([python, *install], check=True, cwd=ROOT)
    check = [python, "-m", "demo", "check", "--device", "cpu", picture]
    result = subprocess.run(check, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "P(fake) = " in result.stdout
