"""`pointillist simulate`: annotations from masks, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.console import out, seconds
from pointillist.core.annotation import write_annotation
from pointillist.core.errors import InputError
from pointillist.data.draw import draw_annotation, write_picture
from pointillist.datasets.dataset import SPLITS


def simulate_command(
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Folder for the annotation files.")],
    data: choices.Data = "synthetic",
    root: choices.Root = None,
    size: choices.Size = None,
    clicks: choices.Clicks = None,
    negative: choices.Negative = None,
    strategy: choices.Strategy = "random",
    radius: choices.Radius = 0.0,
    jitter: choices.Jitter = 0.0,
    mistakes: choices.MistakeRate = 0.0,
    density: choices.DensityShare = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw each over its image too.")] = False,
) -> None:
    """Draw annotations on every image that has a mask, as a person would, and write them as files."""
    dataset = choices.choose_data(data, root, size)
    annotator = choices.choose_annotator(clicks, negative, strategy, radius, jitter, mistakes, density)
    if out_folder.exists() and not out_folder.is_dir():
        raise InputError("--out must be a folder", "a file", "Name another.", out_folder)
    count, total = 0, 0.0
    for split in SPLITS:
        for sample in dataset.samples(split):
            if sample.mask is None:
                continue
            annotation = annotator.annotate(sample, dataset.classes, seed)
            write_annotation(out_folder / f"{sample.name}.json", annotation)
            if pictures:
                picture = draw_annotation(sample.image, annotation, dataset.colours)
                write_picture(out_folder / "pictures" / f"{sample.name}.png", picture)
            count, total = count + 1, total + (annotation.seconds or 0.0)
    if not count:
        raise InputError("an image must have a mask to simulate from", "none has", "Check the folder.")
    out.print(f"Annotated {count} images, about {seconds(total)} of a person's time.")
    flags = f"--data {data}" + (f" --root {root}" if root else "")
    out.print(f"Written: {out_folder}", soft_wrap=True)
    out.print(f"Next:    pointillist train {flags} --annotations {out_folder}", soft_wrap=True)
