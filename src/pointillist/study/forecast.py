"""What would more clicks bring? Asked of a person's own clicks, without any mask."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from pointillist.core import durable
from pointillist.core.annotation import Annotation, annotation_file
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Mark, Points
from pointillist.core.rng import numpy_rng
from pointillist.datasets import AnyDataset
from pointillist.metrics.bootstrap import interval
from pointillist.study.execute import Results
from pointillist.study.power_law import FEWEST, FITS, PowerLaw, different, fit, fits, forecast
from pointillist.study.promise import data_as_before
from pointillist.study.scores import results_by_place
from pointillist.study.study import Study
from pointillist.train.agreement import FEWEST_PARTS
from pointillist.train.describe import check_folder
from pointillist.train.run import Run
from pointillist.train.supervise import annotation_of, supervised

SHARES = (0.25, 0.5, 1.0)
"""Of the clicks that are learnt from: each twice as many as before, as the forecast is."""
CLICKS = "clicks per image"


@dataclass(frozen=True)
class Growth:
    """How the agreement with held-out clicks grew, and what twice the clicks would make of it.

    Args:
        counts: clicks per annotated image.
        scores: Dice by the held-out clicks, for each count and seed.
        law: fitted to the means.
        low: end of the 95 % interval of the gain, seeds and held-out images resampled.
        high: the other end.
    """

    counts: tuple[float, ...]
    scores: tuple[tuple[float, ...], ...]
    law: PowerLaw
    low: float
    high: float

    @property
    def means(self) -> tuple[float, ...]:
        """Over seeds, for each count."""
        return tuple(statistics.mean(of_one) for of_one in self.scores)

    @property
    def gain(self) -> float:
        """What twice the largest count would add, by the curve."""
        return self.law.at(2 * self.counts[-1]) - self.law.at(self.counts[-1])


def thinned(annotation: Annotation, share: float) -> Annotation:
    """Keep the first clicks on each class, at least one.

    Args:
        annotation: of clicks only.
        share: of each class's clicks, rounded up.

    Raises:
        InputError: something else than clicks was drawn.
    """
    left = {label: ceil(share * count) for label, count in _clicks(annotation).items()}
    marks: list[Mark] = []
    for mark in annotation.marks:
        assert isinstance(mark, Points)
        kept = mark.at[: left[mark.label]]
        left[mark.label] -= len(kept)
        if kept:
            marks.append(mark.model_copy(update={"at": kept}))
    return annotation.model_copy(update={"marks": tuple(marks), "seconds": None})


def _clicks(annotation: Annotation) -> dict[int, int]:
    counts: dict[int, int] = {}
    for mark in annotation.marks:
        if not isinstance(mark, Points):
            fix = "Forecasts are of clicks; a study can compare other annotations."
            raise InputError(f"the annotation of {annotation.name} must be clicks only", mark.kind, fix)
        counts[mark.label] = counts.get(mark.label, 0) + len(mark.at)
    return counts


def growth_study(
    data: AnyDataset,
    annotations: Path | None,
    folder: Path,
    seeds: int,
    recipe: str = "auto",
    changes: Mapping[str, Any] | None = None,
) -> Study:
    """Describe a study that learns from a quarter, half and all of the clicks; write what it learns from.

    Held-out images keep all their clicks in the region of interest, so that every run is judged alike.

    Args:
        data: the images.
        annotations: a folder of annotation files; None: they came with the data.
        folder: of the study; the thinned annotations go into it.
        seeds: how many.
        recipe: how to learn.
        changes: fields of every run.

    Raises:
        InputError: no such folder, too few clicks, something else on any image, or none on the validation
            images; runs that held-out clicks don't judge; or the study's folder holds results of other data.
    """
    check_folder(annotations)
    data = data_as_before(data, folder)
    run = Run(data=data, annotate=None, annotations=annotations)
    train = _annotations(run, data.names("train"))
    held_out = _judging(run, data.names("val"))
    if not train or len(held_out) < FEWEST_PARTS:
        must = f"training images and {FEWEST_PARTS} for validation, held out to judge by, must have clicks"
        fix = "Click on some of each; 'pointillist data describe' tells the split."
        raise InputError(must, f"{len(train)} and {len(held_out)} images with clicks", fix)
    axis = {}
    for share in SHARES:
        kept = [thinned(one, share) for one in train]
        mean = statistics.mean(sum(_clicks(one).values()) for one in kept)
        files = {f"{one.name}.json": annotation_file(one) for one in (*kept, *held_out)}
        target = folder / f"clicks-{round(100 * share)}-{_content(files)}"
        for name, content in files.items():
            durable.write_bytes(target / name, content)
        axis[f"{mean:g}"] = {"annotate": None, "annotations": str(target.absolute())}
    if different([float(count) for count in axis]) < FEWEST:
        fix = "Four clicks on each class of an image are a good start."
        raise InputError("a forecast needs images with several clicks", f"{', '.join(axis)} per image", fix)
    described = {
        "name": folder.name,
        "question": "What would twice the clicks bring?",
        "data": data.model_dump(),
        "recipe": recipe,
        "changes": dict(changes or {}),
        "axes": {CLICKS: axis},
        "seeds": seeds,
    }
    study = validated(Study, described)
    if others := {cell.run.select for cell in study.cells} - {"held-out"}:
        must = "runs that a forecast rests on must be judged by held-out clicks"
        raise InputError(must, f"select: {others.pop()}", "Drop that change.")
    return study


def _content(files: Mapping[str, bytes]) -> str:
    """Name what is learnt from: after more clicks other runs answer, and those of before stay."""
    told = hashlib.sha256()
    for name, content in sorted(files.items()):
        told.update(name.encode() + b"\0" + content)
    return told.hexdigest()[:12]


def is_growth(study: Study) -> bool:
    """Say whether a study is one of `growth_study`: it compares nothing but how many own clicks taught."""
    labels = study.axes.get(CLICKS, {}).values() if len(study.axes) == 1 and not study.compare else ()
    return bool(labels) and all("annotations" in fields for fields in labels)


def _annotations(run: Run, names: Sequence[str]) -> list[Annotation]:
    found = [annotation_of(run, run.data.read(name)) for name in names]
    return [one for one in found if one is not None and one.marks]


def _judging(run: Run, names: Sequence[str]) -> list[Annotation]:
    """Read what runs are judged by: clicks, of the classes that are clicked in the region of interest.

    Of one that is clicked outside alone a run would know no pixel, but that it is there, as of a tag.
    """
    found = []
    for item in (supervised(run, name) for name in names):
        if item.annotation is not None and _clicks(item.annotation):
            points = (mark for mark in item.annotation.marks if isinstance(mark, Points))
            inside = tuple(mark for mark in points if item.known.seen[mark.label])
            found.append(item.annotation.model_copy(update={"marks": inside}))
    return [one for one in found if one.marks]


def growth(study: Study, results: Results) -> Growth:
    """Fit how the agreement with held-out clicks grew.

    Args:
        study: of `growth_study`.
        results: of its runs.

    Raises:
        InputError: fewer than three numbers of clicks have been run, or by an earlier version, or a run was
            judged by other things than clicks on three images.

    Source: the curve is that of `power_law`; that agreement with held-out labels stands in for the truth is
    ours, and measured in `benchmarks/forecast.py`. Of each run it is resampled by its jackknife
    pseudo-values, B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, equation 11.18, moved
    so that their mean is the run's score, over the same parts of the held-out images in all runs.
    """
    by_place = results_by_place(study, results)
    by_count = {float(place[0]): tuple(map(_agreement, own)) for place, own in by_place.items()}
    parts = {
        float(place[0]): np.array([_pseudo_values(one) for one in own]) for place, own in by_place.items()
    }
    counts = sorted(by_count)
    if len(counts) < FEWEST:
        found = f"{len(counts)} of {len(study.axes[CLICKS])}"
        raise InputError("every number of clicks must have been run", found, "The same command goes on.")
    law = fit(counts, [statistics.mean(by_count[count]) for count in counts])
    laws = fits(counts, _drawn([parts[n] for n in counts]))
    ahead, here = (forecast(laws, factor * counts[-1]) for factor in (2, 1))
    low, high = interval(ahead - here) or (float("nan"), float("nan"))
    return Growth(tuple(counts), tuple(by_count[n] for n in counts), law, low, high)


def _drawn(parts: Sequence[Float64[np.ndarray, "s g"]]) -> Float64[np.ndarray, "r k"]:
    """Resample what each number of clicks scored: its seeds by themselves, the held-out images in common."""
    rng = numpy_rng(0, "growth")
    size = parts[0].shape[1]
    draws = []
    for _ in range(FITS):
        images = rng.integers(0, size, size)
        draws.append([own[rng.integers(0, len(own), len(own))][:, images].mean() for own in parts])
    return np.array(draws)


def _pseudo_values(result: Mapping[str, Any]) -> list[float]:
    """Give a value for each part of the held-out images; their mean is the score."""
    fix = "Delete the study's folder: its runs are made anew."
    if (without := result.get("without_each")) is None:
        raise InputError("a run must tell what its score rests on", "a result of an earlier version", fix)
    if not without:
        must = f"a run must be judged by nothing but clicks, on {FEWEST_PARTS} held-out images or more"
        raise InputError(must, "a run that was judged otherwise", fix)
    # About their own mean, not about the score: it is smoothed, and any bias would count as often as there
    # are parts.
    score, middle = _agreement(result), statistics.mean(without)
    return [score - (len(without) - 1) * (left - middle) for left in without]


def _agreement(result: Mapping[str, Any]) -> float:
    """The Dice by held-out clicks of the weights that were kept."""
    kept = [record for record in result["history"] if record.get("kept")]
    return float(kept[-1]["held_out/dice"])
