"""`pointillist simulate`: annotations from masks, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.console import out, seconds
from pointillist.cli.flags import flags
from pointillist.core.annotation import write_annotation
from pointillist.core.errors import InputError
from pointillist.core.text import typed
from pointillist.data.draw import draw_annotation, panel_scale, write_picture
from pointillist.datasets.dataset import SPLITS


@flags
def simulate_command(
    source: choices.Source,
    drawing: choices.Drawing,
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Folder for the annotation files.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Root of all chance.")] = 0,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw each over its image too.")] = False,
) -> None:
    """Draw annotations on every image that has a mask, as a person would, and write them as files."""
    data = choices.choose_data(source.data, source.root, source.size)
    annotator = choices.choose_annotator(drawing)
    if out_folder.exists() and not out_folder.is_dir():
        raise InputError("--out must be a folder", "a file", "Name another.", out_folder)
    if any(out_folder.glob("*.json")):
        fix = "Name an empty folder: what a person drew must not be lost, nor two simulations mixed."
        raise InputError("--out must hold no annotations yet", "some .json files", fix, out_folder)
    without, empty = 0, 0
    costs: list[float | None] = []
    for split in SPLITS:
        for sample in data.samples(split):
            if sample.mask is None:
                without += 1
                continue
            annotation = annotator.annotate(sample, data.classes, seed)
            write_annotation(out_folder / f"{sample.name}.json", annotation)
            if pictures:
                scale = panel_scale(sample.height)
                picture = draw_annotation(sample.image, annotation, data.colours, scale)
                write_picture(out_folder / "pictures" / f"{sample.name}.png", picture)
            costs.append(annotation.seconds)
            empty += not annotation.marks
    if not costs:
        raise InputError("an image must have a mask to simulate from", "none has", "Check the folder.")
    _say(costs, without, empty)
    out.print(f"Written: {out_folder}")
    same = choices.typed_flags(source)
    out.print(f"Next:    pointillist train {same} --annotations {typed(out_folder)}")


def _say(costs: Sequence[float | None], without: int, empty: int) -> None:
    known = [cost for cost in costs if cost is not None]
    time = f"about {seconds(sum(known))} by hand"
    if len(known) < len(costs):
        time = "nobody knows how long that takes a person"
    out.print(f"Annotated {len(costs)} images: {time}.")
    if empty:
        out.print(f"On {empty} of them nothing is drawn: their files hold no marks, and teach nothing.")
    if without:
        out.print(f"{without} more images have no mask to simulate from: they get no file.")
