"""What a study's places scored, number by number: mean, spread and interval of every metric."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pointillist.core.text import cell, to_csv
from pointillist.data.split import Split
from pointillist.metrics.bootstrap import interval
from pointillist.study.execute import Results
from pointillist.study.scores import Scores, deviation, scores_of
from pointillist.study.statistics import RESAMPLES, resampled_means
from pointillist.study.study import Study

METRICS_SHOWN = ("dice", "iou", "accuracy", "sensitivity", "specificity")


@dataclass(frozen=True)
class Summary:
    """One metric of one place on one split.

    Args:
        split: measured.
        place: its label on each axis.
        metric: mean over images.
        seeds: how many.
        images: how many.
        mean: over seeds; NaN where one has no number.
        deviation: standard deviation over seeds; None: there is one, or one has no number.
        low: end of the 95 % interval over images and seeds; None: fewer than five groups show a class.
        high: the other end.
        rare: the classes that fewer than five groups show.
    """

    split: Split
    place: tuple[str, ...]
    metric: str
    seeds: int
    images: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    rare: tuple[str, ...]


def summaries(study: Study, results: Results) -> list[Summary]:
    """Summarise every split that was measured, place by place and metric by metric."""
    found = []
    for split in study.splits:
        by_metric = {metric: scores_of(study, results, split, metric) for metric in METRICS_SHOWN}
        places = by_metric[METRICS_SHOWN[0]]
        found += [_of(split, p, m, by_metric[m][p]) for p in places for m in METRICS_SHOWN]
    return found


def _of(split: Split, place: tuple[str, ...], metric: str, scores: Scores) -> Summary:
    by_seed = scores.by_seed()
    mean = statistics.mean(by_seed)
    rare = scores.rare()
    hollow = bool(rare) or math.isnan(mean)
    spread = None if hollow else interval(resampled_means(scores, RESAMPLES, seed=0))
    low, high = spread or (None, None)
    counts = len(by_seed), len(scores.names)
    return Summary(split, place, metric, *counts, mean, deviation(by_seed), low, high, rare)


def csv_of(study: Study, found: Sequence[Summary]) -> str:
    """Write the numbers as CSV, one row for each."""
    head = ("split", *map(cell, study.axes), "metric", "seeds", "images", "mean", "sd", "low", "high")
    rows = []
    for one in found:
        where = one.split, *map(cell, one.place), f"{one.metric}_per_image", one.seeds, one.images
        rows.append((*where, one.mean, one.deviation, one.low, one.high))
    return to_csv(head, rows)
