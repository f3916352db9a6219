"""The list of what the annotator withstands is whole, and names tests that exist."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "annotator_security.md").read_text()
ROWS = {
    cells[0]: cells
    for line in PAGE.splitlines()
    if len(cells := [cell.strip() for cell in line.strip().strip("|").split(" | ")]) == 5
    and re.fullmatch(r"[FGLS]\d\d", cells[0])
}
WANTED = [
    *(f"F{number}" for number in range(16, 22)),
    *(f"L{number:02}" for number in range(1, 13)),
    *(f"G{number:02}" for number in range(1, 4)),
    *(f"S{number:02}" for number in range(1, 29)),
]


@cache
def functions_of(file: str) -> tuple[str, ...]:
    path = ROOT / file if "/" in file else ROOT / "tests" / "web" / file
    return tuple(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.M))


def named(cell: str) -> list[tuple[str, str, int | None]]:
    """List a cell's tests: file (that of the one before, if none), name or its beginning, how many."""
    found, file = [], ""
    for given, name, count in re.findall(r"`(?:([\w/]+\.py): )?(test_[\w.]+)`(?: \((\d+)[):])?", cell):
        file = given or file
        found.append((file, name, int(count) if count else None))
    return found


def test_every_row_is_there_once() -> None:
    assert list(ROWS) == sorted(WANTED, key=lambda row: ("SFLG".index(row[0]), row))
    assert len(re.findall(r"^\| [FGLS]\d\d \|", PAGE, re.M)) == len(WANTED)


@pytest.mark.parametrize("row", WANTED)
def test_what_a_row_names_exists(row: str) -> None:
    _, _, _, cell, state = ROWS[row]
    for file, name, count in named(cell):
        beginning = name.removesuffix("...")
        found = [
            test
            for test in functions_of(file)
            if test == name or (beginning != name and test.startswith(beginning))
        ]
        assert found, f"{file} has no {name}"
        assert count is None or count == len(found), (name, found)
    for benchmark in re.findall(r"`(benchmarks/\w+\.py)", cell):
        assert (ROOT / benchmark).is_file()
    for page in re.findall(r"\]\((results/\w+\.md)\)", "".join(ROWS[row])):
        assert (ROOT / "docs" / page).is_file()
    assert named(cell) or "missing" in state or "no test in the suite" in state, "what has no test says so"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests" / "web").glob("test_*.py")), ids=lambda path: path.name
)
def test_no_test_of_a_row_is_left_out(file: Path) -> None:
    for test in functions_of(file.name):
        for row in re.findall(r"(?<=_)([fgls]\d\d)(?=_)", test):
            listed = [
                name.removesuffix("...")
                for where, name, _ in named(ROWS[row.upper()][3])
                if where == file.name
            ]
            assert any(test.startswith(name) for name in listed), f"{row.upper()} does not name {test}"
