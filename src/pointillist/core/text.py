"""Text that other programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Make a name safe in a spreadsheet, which would run a cell that starts like a formula.

    >>> cell("=1+1"), cell("IMD002")
    ("'=1+1", 'IMD002')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV.

    >>> to_csv(("name", "area"), [("a,b", 3)]).split()
    ['name,area', '"a,b",3']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
