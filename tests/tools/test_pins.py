"""The pinned requirements: complete, within pyproject.toml's bounds, hashed where pip asks for hashes."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.tools.pins import FILES, ROOT, Pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)[^\n\\]*(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})*)\n",
    re.MULTILINE,
)
EXTRAS = {"demo/requirements/app.txt": "demo", "tests/constraints.txt": "test"}


def versions(path: str) -> dict[str, set[str]]:
    """Name → the versions that a file pins, one for each kind of machine."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / path).read_text()):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def requirements(extra: str) -> list[Requirement]:
    """All requirements of an extra, those of the extras that it includes among them."""
    found = []
    for each in map(Requirement, PROJECT["optional-dependencies"][extra]):
        own = each.name == PROJECT["name"]
        found += [item for name in each.extras for item in requirements(name)] if own else [each]
    return found


@pytest.mark.parametrize("pins", FILES, ids=lambda pins: pins.path)
def test_every_line_is_a_pin(pins: Pins) -> None:
    text = (ROOT / pins.path).read_text()
    assert PIN.sub("", text) == ""
    assert {bool(match["hashes"]) for match in PIN.finditer(text)} == {pins.hashed}


@pytest.mark.parametrize("path", EXTRAS)
def test_requirements_are_pinned_within_their_bounds(path: str) -> None:
    found = versions(path)
    for requirement in requirements(EXTRAS[path]):
        # pyproject.toml itself fixes torch's version.
        if requirement.name != "torch":
            assert found.get(requirement.name), f"{requirement.name}: run python -m tests.tools.pins"
            assert all(version in requirement.specifier for version in found[requirement.name]), requirement


def test_both_builds_of_onnxruntime_have_one_version() -> None:
    runtimes = ("onnxruntime", "onnxruntime-gpu")
    found = [versions(pins.path).get(name, set()) for pins in FILES for name in runtimes]
    assert len(set().union(*found)) == 1
