"""Tables of metrics, as the command line prints them: numbers with their spread."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pointillist.cli.console import out
from pointillist.core.text import number
from pointillist.metrics.summary import FEWEST, MetricRow, Summary

HEADINGS = {
    "dice_per_image": "Dice",
    "iou_per_image": "IoU",
    "accuracy_per_image": "Acc.",
    "sensitivity_per_image": "Sens.",
    "specificity_per_image": "Spec.",
}


def print_summary(summary: Summary, title: str) -> None:
    """Print every metric of a split, pooled and per image, with its interval and images used."""
    table = Table(title=title, title_justify="left")
    for heading in ("metric", "value", "95 % interval", "images used"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for row in summary.rows:
        name = row.metric if row.class_name is None else f"{row.metric} [{row.class_name}]"
        table.add_row(name, number(row.value, 4), _interval(row), _used(row))
    out.print(table, soft_wrap=False)
    out.print("Names that end in _per_image are means over images; the others count all pixels together.")
    if rare := dict.fromkeys(name for row in summary.rows for name in row.rare):
        out.print(f"No interval: fewer than {FEWEST} independent groups of images show {', or '.join(rare)}.")


def _interval(row: MetricRow) -> str:
    return "-" if row.low is None else f"{number(row.low, 4)} to {number(row.high, 4)}"


def _used(row: MetricRow) -> str:
    failed = f", {row.images_failed} missed or invented" if row.images_failed else ""
    return f"{row.images_used} of {row.images}{failed}"


def print_comparison(rows: Sequence[tuple[str, str, str, Summary]], title: str) -> None:
    """Print the five metrics (means over images) of several runs and splits, one line each.

    Args:
        rows: supervision, seconds of annotation an image, split, and what was measured.
        title: above the table.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("learnt from", overflow="fold")
    table.add_column("s/image", justify="right", no_wrap=True)
    table.add_column("split")
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    before = ""
    for supervision, cost, split, summary in rows:
        values = [number(summary.row(metric).value) for metric in HEADINGS]
        who = ("", "") if supervision == before else (supervision, cost)
        table.add_row(*who, split, *values, end_section=split == "test")
        before = supervision
    out.print(table, soft_wrap=False)
