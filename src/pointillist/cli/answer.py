"""A study's answer in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pointillist.cli.console import out
from pointillist.study.answer import Answer
from pointillist.study.words import brief, sentences

WIDEST = 10_000
"""Columns that a table may ask for."""


def print_answer(told: Answer) -> None:
    """Print the table, and what it says."""
    shown = _shown(told, together=False)
    if out.measure(shown, options=out.options.update(max_width=WIDEST)).maximum > out.width:
        shown = _shown(told, together=True)
    out.print(shown, soft_wrap=False)
    for sentence in sentences(told):
        out.print(f"{sentence[0].upper()}{sentence[1:]}")


def _shown(told: Answer, together: bool) -> Table:
    """Draw the table.

    Args:
        told: its rows.
        together: whether all labels of a place share a column, each on lines of its own: of long ones several
            columns would leave each other no room.
    """
    axes = ["\n".join(told.lines[0].place)] if together else list(told.lines[0].place)
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, leading=int(together))
    for axis in axes:
        shown.add_column(axis, overflow="fold")
    seeds = ["seeds"] * told.uneven
    for heading in (*seeds, "s/image", "mean ± sd", "difference (95 %)", ""):
        shown.add_column(heading, justify="right", no_wrap=True)
    for line in told.lines:
        labels = ["\n".join(line.place.values())] if together else line.place.values()
        shown.add_row(*labels, *[str(len(line.scores)) for _ in seeds], *brief(line))
    return shown
