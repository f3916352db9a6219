"""What a place of a study scored: one number for each seed, image and foreground class."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from pointillist.core.errors import InputError
from pointillist.data.split import Split
from pointillist.metrics import METRICS
from pointillist.metrics.bootstrap import Values, group_of
from pointillist.metrics.confusion import flawless
from pointillist.metrics.summary import FEWEST
from pointillist.study.execute import Results
from pointillist.study.study import Cell, Study


@dataclass(frozen=True, eq=False)
class Scores:
    """A metric of several runs on the same images; NaN where it is undefined.

    Args:
        values: for each seed, image and foreground class.
        seeds: of the runs.
        names: of the images.
        groups: what belongs together; an image of no group is its own.
        shown: whether an image shows a class, so that the metric has a number there for every prediction;
            None: where a run has a number.
        classes: the names of the foreground classes; empty: they are numbered.
    """

    values: Float64[np.ndarray, "s n f"]
    seeds: tuple[int, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    shown: Bool[np.ndarray, "n f"] | None = None
    classes: tuple[str, ...] = ()

    def by_seed(self) -> list[float]:
        """Give each run's mean over images, then over classes."""
        return [float(value) for value in means(self.values)]

    def by_image(self) -> Values:
        """Give each image's mean over seeds and classes, where it has one."""
        return mean_of(self.values.transpose(1, 0, 2).reshape(len(self.names), -1))

    def rare(self) -> tuple[str, ...]:
        """Name the classes of the mean that fewer than five groups show: too few for an interval."""
        known = ~np.isnan(self.values).all(0)
        shown = known if self.shown is None else self.shown
        groups = np.asarray(self.groups)
        names = self.classes or tuple(f"class {number + 1}" for number in range(known.shape[1]))
        few = [np.unique(groups[of_class]).size < FEWEST for of_class in shown.T]
        return tuple(compress(names, known.any(0) & few))

    def at(self, seeds: Sequence[int], names: Sequence[str]) -> Scores:
        """Keep some seeds and images, in the order given."""
        rows = [self.seeds.index(seed) for seed in seeds]
        place = {name: number for number, name in enumerate(self.names)}
        columns = [place[name] for name in names]
        groups = tuple(self.groups[column] for column in columns)
        shown = None if self.shown is None else self.shown[columns]
        values = self.values[rows][:, columns]
        return replace(
            self, values=values, seeds=tuple(seeds), names=tuple(names), groups=groups, shown=shown
        )


def mean_of(values: Float64[np.ndarray, "n m"]) -> Values:
    """Average each row over what is defined; NaN where nothing is."""
    there = ~np.isnan(values)
    counts = there.sum(1)
    return np.where(counts > 0, np.where(there, values, 0).sum(1) / np.maximum(counts, 1), np.nan)


def deviation(by_seed: Sequence[float]) -> float | None:
    """Give the standard deviation over seeds; None: there is one, or one has no number.

    >>> deviation([1.0, 3.0]), deviation([1.0]), deviation([1.0, math.nan])
    (1.4142135623730951, None, None)
    """
    return statistics.stdev(by_seed) if len(by_seed) > 1 and not any(map(math.isnan, by_seed)) else None


def results_by_place(study: Study, results: Results) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Give the results of each place, seed by seed; places without any are left out."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for cell in study.cells:
        if (result := results.get(cell.run.id)) is not None:
            found.setdefault(tuple(cell.place.values()), []).append(result)
    return found


def mean_known(values: Sequence[float | None]) -> float | None:
    """Average over seeds what each knows; None where one does not.

    >>> mean_known([2.0, 4.0]), mean_known([2.0, None])
    (3.0, None)
    """
    known = [value for value in values if value is not None]
    return round(statistics.mean(known), 3) if known and len(known) == len(values) else None


def seconds_per_image(own: Sequence[Mapping[str, Any]]) -> float | None:
    """Give the seconds of annotation for an annotated image, averaged over a place's results."""
    return mean_known([result["seconds_per_image"] for result in own])


def means(values: Float64[np.ndarray, "s n f"]) -> Float64[np.ndarray, s]:
    """Average each seed over the images where a class has a number, then over the classes that have one."""
    seeds, _, classes = values.shape
    by_class = mean_of(values.transpose(0, 2, 1).reshape(seeds * classes, -1)).reshape(seeds, classes)
    return mean_of(by_class)


def scores_of(study: Study, results: Results, split: Split, metric: str) -> dict[tuple[str, ...], Scores]:
    """Give what each place scored on a split; places without a measured run are left out.

    A class that no image of the split shows has no number in any run: else those that invent a pixel of it
    would be averaged over other classes than those that don't.

    Args:
        study: its grid.
        results: of its runs.
        split: measured there.
        metric: one of a confusion matrix.

    Raises:
        InputError: runs of one place were measured on different images.
    """
    by_place: dict[tuple[str, ...], list[tuple[Cell, Mapping[str, Any]]]] = {}
    for cell in study.cells:
        result = results.get(cell.run.id)
        if result is not None and split in result["splits"]:
            found = by_place.setdefault(tuple(cell.place.values()), [])
            found.append((cell, result["splits"][split]))
    return {place: _scores(place, found, metric) for place, found in by_place.items()}


def _scores(place: tuple[str, ...], found: Sequence[tuple[Cell, Mapping[str, Any]]], metric: str) -> Scores:
    names = tuple(found[0][1]["matrices"])
    if any(tuple(measured["matrices"]) != names for _, measured in found):
        fix = "The images have changed between the runs: delete the study's folder and run it again."
        raise InputError(f"all runs of {', '.join(place)} must be measured on the same images", "others", fix)
    matrices = np.array([[measured["matrices"][name] for name in names] for _, measured in found])
    measured, best = (METRICS[metric].function(part) for part in (matrices, flawless(matrices)))
    classes = found[0][0].run.data.classes[1:] if best.ndim == 3 else ("a known pixel",)
    values, best = _foreground(measured), _foreground(best)
    shown = (~np.isnan(best)).any(0)
    values = np.where(shown.any(0), values, np.nan)
    told = found[0][1]["groups"]
    groups = tuple(group_of(name, told[name]) for name in names)
    seeds = tuple(cell.run.seed for cell, _ in found)
    return Scores(values.astype(np.float64), seeds, names, groups, shown, classes)


def _foreground(scores: np.ndarray) -> np.ndarray:
    """Leave the background out where there is a number for each class."""
    return scores[..., 1:] if scores.ndim == 3 else scores[..., None]
