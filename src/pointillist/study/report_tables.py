"""A study's tables of all metrics: as Markdown, LaTeX and for the page."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pointillist.core.text import number, to_latex, to_markdown
from pointillist.data.split import Split
from pointillist.metrics.bootstrap import interval
from pointillist.metrics.summary import FEWEST
from pointillist.study.execute import Results
from pointillist.study.scores import Scores, results_by_place, scores_of, seconds_per_image
from pointillist.study.statistics import RESAMPLES, resampled_means
from pointillist.study.study import Study

METRICS_SHOWN = ("dice", "iou", "accuracy", "sensitivity", "specificity")


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

    def latex(self) -> str:
        """Write it as a LaTeX tabular with booktabs' rules."""
        return to_latex(self.head, self.rows)


def metric_tables(study: Study, results: Results) -> list[MetricTable]:
    """Make a table for each split that was measured: mean, standard deviation over seeds, and interval."""
    seconds = {p: seconds_per_image(own) for p, own in results_by_place(study, results).items()}
    found = []
    for split in study.splits:
        by_metric = {metric: scores_of(study, results, split, metric) for metric in METRICS_SHOWN}
        places = by_metric[METRICS_SHOWN[0]]
        if not places:
            continue
        rows = []
        for place, scores in places.items():
            numbers = [_cell(by_metric[metric][place]) for metric in METRICS_SHOWN]
            rows.append((*place, str(len(scores.seeds)), number(seconds[place], 1), *numbers))
        images = max(len(scores.names) for scores in places.values())
        head = (*study.axes, "seeds", "s / image", *METRICS_SHOWN)
        found.append(MetricTable(split, images, head, tuple(rows)))
    return found


def _cell(scores: Scores) -> str:
    by_seed = scores.by_seed()
    text = f"{statistics.mean(by_seed):.3f}"
    if len(by_seed) > 1:
        text += f" ± {statistics.stdev(by_seed):.3f}"
    if len(set(scores.groups)) >= FEWEST:
        spread = interval(resampled_means(scores, RESAMPLES, seed=0))
        text += f" ({spread[0]:.3f} to {spread[1]:.3f})" if spread else ""
    return text


def latex_of(tables: Sequence[MetricTable]) -> str:
    """Give all tables as one LaTeX text."""
    return "\n\n".join(f"% {table.split}, {table.images} images\n{table.latex()}" for table in tables) + "\n"
