"""A study's tables of all metrics: as Markdown, LaTeX and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pointillist.core.text import counted, escape_latex, number, to_latex, to_markdown
from pointillist.data.split import Split
from pointillist.study.execute import Results
from pointillist.study.scores import results_by_place, seconds_per_image
from pointillist.study.study import Study
from pointillist.study.summary import METRICS_SHOWN, Summary
from pointillist.study.words import one_seed, too_few


@dataclass(frozen=True)
class MetricTable:
    """Means over images of one split.

    Args:
        split: measured.
        images: how many.
        head: of the columns.
        rows: one for each place.
    """

    split: Split
    images: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Write it as Markdown."""
        return to_markdown(self.head, self.rows)


def metric_tables(study: Study, results: Results, found: Sequence[Summary]) -> list[MetricTable]:
    """Make a table for each split that was measured: mean, standard deviation over seeds, and interval."""
    seconds = {p: seconds_per_image(own) for p, own in results_by_place(study, results).items()}
    head = (*study.axes, "seeds", "s / image", *METRICS_SHOWN)
    tables = []
    for split, of_split in groupby(found, lambda one: one.split):
        by_place = [list(own) for _, own in groupby(of_split, lambda one: one.place)]
        rows = tuple(
            (*own[0].place, str(own[0].seeds), number(seconds[own[0].place], 1), *map(_cell, own))
            for own in by_place
        )
        tables.append(MetricTable(split, max(own[0].images for own in by_place), head, rows))
    return tables


def _cell(one: Summary) -> str:
    text = number(one.mean) + ("" if one.deviation is None else f" ± {one.deviation:.3f}")
    return text if one.low is None else f"{text} ({one.low:.3f} to {one.high:.3f})"


def about(found: Sequence[Summary]) -> str:
    """Say what the numbers of the tables are."""
    seeds = [one.seeds for one in found]
    said = "Means over images ± standard deviation over seeds, with the 95 % interval over images and seeds"
    few = {one.split: one.rare for one in found if one.metric == METRICS_SHOWN[0] and one.rare}
    without = "".join(f" No interval: {too_few(split, rare)}." for split, rare in few.items())
    return f"{said}{f'; {one}' if (one := one_seed(seeds)) else ''}.{without}"


def latex_of(
    name: str, compared: tuple[str, list[str], list[list[str]]] | None, tables: Sequence[MetricTable]
) -> str:
    """Give all tables as one LaTeX text, each with its caption and label.

    Args:
        name: of the study, for the labels.
        compared: a caption, heading and rows; None: nothing is compared.
        tables: of the metrics.
    """
    found = [] if compared is None else [(compared[0], "comparison", compared[1], compared[2])]
    metrics = "mean over images, standard deviation over seeds and 95 % interval"
    for one in tables:
        rows = [list(row) for row in one.rows]
        found.append(
            (f"{one.split}, {counted(one.images, 'images')}: {metrics}.", one.split, list(one.head), rows)
        )
    return "\n\n".join(_float(name, *one) for one in found) + "\n"


def _float(name: str, caption: str, label: str, head: list[str], rows: list[list[str]]) -> str:
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escape_latex(caption)}}}"]
    return "\n".join([*lines, rf"\label{{tab:{name}-{label}}}", to_latex(head, rows), r"\end{table}"])
