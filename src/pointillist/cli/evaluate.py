"""`pointillist evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pointillist.cli import choices
from pointillist.cli.console import out
from pointillist.cli.tables import print_comparison, print_summary
from pointillist.core import durable
from pointillist.core.config import validated
from pointillist.core.errors import InputError, nearest
from pointillist.core.text import cell, number, to_csv, typed
from pointillist.datasets.dataset import SPLITS, Split
from pointillist.metrics.confusion import accuracy, dice, iou, sensitivity, specificity
from pointillist.metrics.summary import ImageResult, Summary
from pointillist.train.device import find_device
from pointillist.train.evaluate import NoMasksError, Trained, evaluate, load_trained
from pointillist.train.store import read_run


def evaluate_command(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run's folder.")],
    split: Annotated[
        list[str] | None, typer.Option("--split", help="train, val or test; all three by default.")
    ] = None,
    whole_image: Annotated[
        bool, typer.Option("--whole-image", help="Count pixels outside the region of interest too.")
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Every metric, with its interval.")] = False,
    root: Annotated[
        Path | None, typer.Option("--root", help="Where the data lies now, if it has moved.")
    ] = None,
    device: choices.DeviceName = None,
) -> None:
    """Measure a run on train, validation and test images; writes the tables beside it."""
    for name in split or ():
        if name not in SPLITS:
            raise InputError("--split must be train, val or test", repr(name), nearest(name, SPLITS))
    trained = load_trained(folder, find_device(read_run(folder).precision, device))
    if root is not None:
        data = trained.run.data
        moved = validated(type(data), {**data.model_dump(), "root": root.absolute()})
        trained = replace(trained, run=trained.run.model_copy(update={"data": moved}))
    measured: list[tuple[Split, Summary]] = []
    for name in SPLITS:
        if split and name not in split:
            continue
        try:
            results, summary = evaluate(trained, name, whole_image)
        except NoMasksError as error:
            if split:
                raise
            out.print(f"Left out: {error}")
            continue
        write_measures(folder, name, trained, results, summary, whole_image)
        measured.append((name, summary))
    if not measured:
        raise NoMasksError(
            "an image must have a mask to measure against", "none", "Add masks to some images."
        )
    where = _where(whole_image)
    rows = [(supervision(trained), cost(trained), name, summary) for name, summary in measured]
    print_comparison(rows, f"{trained.run.data.kind}, means over images, {where}")
    if details:
        for name, summary in measured:
            print_summary(summary, f"{name}, {where}")
    out.print(f"Written: {folder / 'metrics'}")
    out.print(f"Next:    pointillist predict {typed(folder)} IMAGES -o OUT")


def _where(whole_image: bool) -> str:
    return (
        "whole image, region of interest ignored" if whole_image else "inside the region of interest, if any"
    )


def supervision(trained: Trained) -> str:
    """Say in a few words what a run learnt from."""
    run = trained.run
    if run.annotations is not None:
        return "annotation files"
    if run.annotate is None:
        return "own annotations"
    return run.annotate.in_words()


def cost(trained: Trained) -> str:
    """Give the seconds of annotation for each training image."""
    return number(trained.seconds_per_image, digits=1)


def write_measures(
    folder: Path,
    split: Split,
    trained: Trained,
    results: Sequence[ImageResult],
    summary: Summary,
    whole_image: bool,
) -> None:
    """Write a split's table (JSON) and its images' (CSV) beside the run."""
    stem = f"{split}-whole-image" if whole_image else split
    table = {"split": split, "counted": _where(whole_image), **summary.model_dump(mode="json")}
    durable.write_json(folder / "metrics" / f"{stem}.json", table)
    functions = {"dice": dice, "iou": iou, "sensitivity": sensitivity, "specificity": specificity}
    header = ["name", "group", "class", *functions, "accuracy", "hd95", "surface_dice"]
    rows = []
    for result in results:
        for index, name in enumerate(trained.run.data.classes[1:], start=1):
            values = [function(result.matrix)[index] for function in functions.values()]
            values += [accuracy(result.matrix), result.hd95[index - 1], result.surface_dice[index - 1]]
            cells = ["" if np.isnan(value) else f"{value:.6f}" for value in values]
            rows.append([cell(result.name), cell(result.group), cell(name), *cells])
    durable.write_text(folder / "metrics" / f"{stem}.csv", to_csv(header, rows))
