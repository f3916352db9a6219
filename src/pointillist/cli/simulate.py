"""`pointillist simulate`: annotations from masks, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.console import out, seconds, typed
from pointillist.core.annotation import write_annotation
from pointillist.core.errors import InputError
from pointillist.data.draw import draw_annotation, panel_scale, write_picture
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
    if any(out_folder.glob("*.json")):
        fix = "Name an empty folder: what a person drew must not be lost, nor two simulations mixed."
        raise InputError("--out must hold no annotations yet", "some .json files", fix, out_folder)
    count = 0
    total: float | None = 0.0
    for split in SPLITS:
        for sample in dataset.samples(split):
            if sample.mask is None:
                continue
            annotation = annotator.annotate(sample, dataset.classes, seed)
            write_annotation(out_folder / f"{sample.name}.json", annotation)
            if pictures:
                scale = panel_scale(sample.height)
                picture = draw_annotation(sample.image, annotation, dataset.colours, scale)
                write_picture(out_folder / "pictures" / f"{sample.name}.png", picture)
            count += 1
            total = None if total is None or annotation.seconds is None else total + annotation.seconds
    if not count:
        raise InputError("an image must have a mask to simulate from", "none has", "Check the folder.")
    time = "nobody knows how long that takes a person" if total is None else f"about {seconds(total)} by hand"
    out.print(f"Annotated {count} images: {time}.")
    flags = f"--data {data}" + (f" --root {typed(root)}" if root else "")
    out.print(f"Written: {out_folder}")
    out.print(f"Next:    pointillist train {flags} --annotations {typed(out_folder)}")
