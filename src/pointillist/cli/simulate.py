"""`pointillist simulate`: annotations from masks, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pointillist.cli import choices
from pointillist.cli.console import out, seconds
from pointillist.cli.flags import flags
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.text import typed
from pointillist.data.draw import draw_annotation, panel_scale, write_picture
from pointillist.datasets import AnyDataset
from pointillist.datasets.dataset import SPLITS
from pointillist.train.readable import naming_all


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
    # All are drawn before the first is written: what half of them left would bar the way of the next attempt.
    with naming_all(data):
        samples = (sample for split in SPLITS for sample in data.samples(split))
        tried = [None if s.mask is None else annotator.annotate(s, data.classes, seed) for s in samples]
    drawn = [annotation for annotation in tried if annotation is not None]
    if not drawn:
        raise InputError("an image must have a mask to simulate from", "none has", "Check the folder.")
    for annotation in drawn:
        write_annotation(out_folder / f"{annotation.name}.json", annotation)
    if pictures:
        _write_pictures(out_folder / "pictures", data, drawn)
    _say(drawn, len(tried) - len(drawn))
    out.print(f"Written: {out_folder}")
    same = choices.typed_flags(source)
    out.print(f"Next:    pointillist train {same} --annotations {typed(out_folder)}")


def _write_pictures(folder: Path, data: AnyDataset, drawn: Sequence[Annotation]) -> None:
    for annotation in drawn:
        sample = data.read(annotation.name)
        picture = draw_annotation(sample.image, annotation, data.colours, panel_scale(sample.height))
        write_picture(folder / f"{annotation.name}.png", picture)


def _say(drawn: Sequence[Annotation], without: int) -> None:
    known = [annotation.seconds for annotation in drawn if annotation.seconds is not None]
    empty = sum(not annotation.marks for annotation in drawn)
    time = f"about {seconds(sum(known))} by hand"
    if len(known) < len(drawn):
        time = "nobody knows how long that takes a person"
    out.print(f"Annotated {len(drawn)} images: {time}.")
    if empty:
        out.print(f"On {empty} of them nothing is drawn: their files hold no marks, and teach nothing.")
    if without:
        out.print(f"{without} more images have no mask to simulate from: they get no file.")
