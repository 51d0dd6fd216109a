"""The pinned requirements: complete, and within pyproject.toml's bounds."""

import re
import tomllib

from packaging.requirements import Requirement

from tests.tools.pins import CONSTRAINTS, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)( ; .+)?")


def requirements(extra: str) -> list[Requirement]:
    """Return all requirements of an extra, those of the extras that it includes among them."""
    found = []
    for each in map(Requirement, PROJECT["optional-dependencies"][extra]):
        own = each.name == PROJECT["name"]
        found += [item for name in each.extras for item in requirements(name)] if own else [each]
    return found


def test_requirements_are_pinned_within_their_bounds() -> None:
    # A package may have a version for each kind of machine.
    versions: dict[str, set[str]] = {}
    for line in CONSTRAINTS.read_text().splitlines():
        pin = PIN.fullmatch(line)
        assert pin, line
        versions.setdefault(pin["name"], set()).add(pin["version"])
    for requirement in requirements("test"):
        # pyproject.toml itself fixes torch's version.
        if requirement.name != "torch":
            found = versions.get(requirement.name)
            assert found, f"{requirement.name}: run python -m tests.tools.pins"
            assert all(version in requirement.specifier for version in found), requirement
    assert versions["onnxruntime"] == versions["onnxruntime-gpu"]
