"""S27: what is audited for known holes is what is installed, all of it, by exact versions."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INSTALLED = ("dev", "tracking", "pretrained", "ray", "annotate")
"""The extras that 'make test' installs."""


def pinned() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in LINES)}


def asked_for() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [
        Requirement(text) for text in (*PROJECT["dependencies"], *(t for e in INSTALLED for t in extras[e]))
    ]


def test_s19_no_torch_is_installed_whose_reading_of_weights_runs_code() -> None:
    """CVE-2026-24747: before 2.10 ``weights_only`` could be got round; and nothing is read without."""
    (torch,) = [one for one in asked_for() if one.name == "torch"]
    assert not torch.specifier.contains("2.9.1")
    assert torch.specifier.contains("2.10.0")
    sources = (ROOT / "src").rglob("*.py")
    assert not [path for path in sources if re.search(r"--trust\b|weights_only=False", path.read_text())]


def test_s27_every_line_is_one_exact_version() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert len(pinned()) == len(LINES)


def test_s27_of_every_version_but_torch_s_the_hashes_of_its_files_are_known() -> None:
    hashed: dict[str, int] = {}
    for part in re.split(r"\n(?=\S)", (ROOT / "hashes.txt").read_text()):
        if not part.startswith("#"):
            # Some are for Windows alone, or for one Python.
            name, version = re.split(r"[\s;]", part, maxsplit=1)[0].split("==")
            assert pinned()[canonicalize_name(name)] == version
            hashed[canonicalize_name(name)] = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", part))
    assert hashed.keys() == pinned().keys() - {"torch"}
    assert min(hashed.values()) > 0


def test_s27_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    versions = pinned()
    for wanted in asked_for():
        assert canonicalize_name(wanted.name) in versions, wanted
        assert wanted.specifier.contains(versions[canonicalize_name(wanted.name)], prereleases=True), wanted


def test_s27_what_the_requirements_require_is_pinned_too() -> None:
    """Else pip would choose what nobody has audited."""
    versions, open_ends = pinned(), set()
    waiting, seen = [(one.name, frozenset(one.extras)) for one in asked_for()], set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if canonicalize_name(name) not in versions:
            open_ends.add(name)
        try:
            below = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue
        for one in below:
            environments = [{"extra": extra} for extra in extras or {""}]
            if one.marker is None or any(one.marker.evaluate(each) for each in environments):
                waiting.append((one.name, frozenset(one.extras)))
    if len(seen) <= len(asked_for()):
        pytest.skip("none of the requirements is installed here")
    # pip itself, and what it brings with Python, are never constrained.
    assert open_ends <= {"pip", "setuptools", "wheel"}
