"""Text that other programs read."""

from __future__ import annotations


def cell(text: str) -> str:
    """Make a name safe in a spreadsheet, which would run a cell that starts like a formula.

    >>> cell("=1+1"), cell("IMD002")
    ("'=1+1", 'IMD002')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
