"""A study's answer in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pointillist.cli.console import out
from pointillist.study.answer import Answer
from pointillist.study.words import brief, sentences


def print_answer(told: Answer) -> None:
    """Print the table, and what it says."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    axes = list(told.lines[0].place)
    seeds = ["seeds"] * told.uneven
    for heading in (*axes, *seeds, "s/image", "mean ± sd", "difference (95 %)", ""):
        left = heading in axes
        shown.add_column(heading, justify="left" if left else "right", no_wrap=not left)
    for line in told.lines:
        shown.add_row(*line.place.values(), *[str(len(line.scores)) for _ in seeds], *brief(line))
    out.print(shown, soft_wrap=False)
    for sentence in sentences(told):
        out.print(f"{sentence[0].upper()}{sentence[1:]}")
