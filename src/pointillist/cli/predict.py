"""`pointillist predict`: masks, overlays, probabilities, objects and tags for new images."""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tifffile
import typer
from jaxtyping import Float
from rich.progress import track

from pointillist.cli import choices
from pointillist.cli.console import err, out
from pointillist.core import durable
from pointillist.core.errors import InputError, InputErrors
from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.core.text import cell, to_csv
from pointillist.data.decode import SUFFIXES
from pointillist.data.draw import draw_overlay, palette_png, write_picture
from pointillist.data.objects import find_objects, find_tags
from pointillist.train.device import find_device
from pointillist.train.evaluate import Trained, load_trained
from pointillist.train.predict import HALO, TILE, check_tiles
from pointillist.train.store import read_run

AXES = {"axes": "CYX"}


@dataclass
class Findings:
    """What goes into the files that speak of all images together."""

    images: list[dict[str, Any]] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    tags: list[Sequence[object]] = field(default_factory=list)


def predict_command(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run's folder.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGES...", help="Files, folders or globs.")],
    out_folder: Annotated[Path, typer.Option("--out", "-o", help="Where the results go.")],
    overlays: Annotated[bool, typer.Option(help="Draw the result over each image.")] = True,
    probabilities: Annotated[bool, typer.Option(help="Write the class probabilities (TIFF).")] = True,
    boxes: Annotated[bool, typer.Option("--boxes", help="Write objects with boxes (COCO JSON).")] = False,
    tags: Annotated[
        bool,
        typer.Option("--tags", help="Write classes present, with areas (CSV; names like =1+1 are quoted)."),
    ] = False,
    smallest: Annotated[
        int, typer.Option("--smallest", min=1, help="Leave out objects of fewer pixels (with --boxes).")
    ] = 1,
    tile: Annotated[int, typer.Option("--tile", min=64, help="Side of the tiles, in pixels.")] = TILE,
    halo: Annotated[int, typer.Option("--halo", min=0, help="What a tile sees beyond its part.")] = HALO,
    device: choices.DeviceName = None,
) -> None:
    """Predict images of any size; large ones tile by tile."""
    if out_folder.exists() and not out_folder.is_dir():
        raise InputError("--out must be a folder", "a file", "Name another.", out_folder)
    check_tiles(tile, halo)
    paths = find_images(images)
    trained = load_trained(folder, find_device(read_run(folder).precision, device))
    findings = Findings()
    failed: list[InputError] = []
    for path in track(paths, "predicting", console=err, transient=True):
        try:
            image = trained.read(path)
            probs = trained.probs_of(image, tile, halo)
        except InputError as error:
            failed.append(error)
            continue
        prediction = probs.argmax(0).astype(np.uint8)
        _write(out_folder, path.stem, trained, image, prediction, probs, overlays, probabilities)
        _list(findings, path, prediction)
        if boxes:
            number, first = len(findings.images), len(findings.objects) + 1
            findings.objects += find_objects(prediction, len(probs), number, first, probs, smallest)
        if tags:
            findings.tags += _tags(path, prediction, trained.classes)
    if boxes:
        _write_coco(out_folder / "objects.json", findings, trained.classes)
    if tags:
        header = ("image", "class", "area_px", "share", "components")
        durable.write_text(out_folder / "tags.csv", to_csv(header, findings.tags))
    done = len(paths) - len(failed)
    out.print(f"Predicted {done} of {len(paths)} images.")
    if done:
        out.print(f"Written: {out_folder}")
    if failed:
        raise InputErrors(failed)


def find_images(patterns: Sequence[str]) -> list[Path]:
    """Expand files, folders and globs to image files, each once, in order.

    Raises:
        InputError: nothing matches, or two images would write to one name.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            matches = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
        elif path.exists():
            matches = [path]
        else:
            matches = sorted(Path(p) for p in glob.glob(pattern, recursive=True) if Path(p).is_file())
        if not matches:
            fix = f"Known suffixes: {', '.join(sorted(SUFFIXES))}."
            raise InputError(f"{pattern} must name images", "no image there", fix)
        found |= dict.fromkeys(matches)
    stems = Counter(path.stem.casefold() for path in found)
    if twice := [str(path) for path in found if stems[path.stem.casefold()] > 1]:
        fix = "Predict them into different folders."
        raise InputError("images must have different stems", ", ".join(twice[:6]), fix)
    return list(found)


def _write(
    folder: Path,
    stem: str,
    trained: Trained,
    image: ImageArray,
    prediction: MaskArray,
    probs: Float[np.ndarray, "k h w"],
    overlays: bool,
    probabilities: bool,
) -> None:
    colours = trained.colours
    durable.write_bytes(folder / "predictions" / f"{stem}.png", palette_png(prediction, colours))
    if overlays:
        write_picture(folder / "overlays" / f"{stem}.png", draw_overlay(image, prediction, colours))
    if probabilities:
        with durable.replacing(folder / "probabilities" / f"{stem}.tif") as temporary:
            pages = probs.astype(np.float32)
            quick = {"level": 1}
            tifffile.imwrite(temporary, pages, compression="zlib", compressionargs=quick, metadata=AXES)


def _list(findings: Findings, path: Path, prediction: MaskArray) -> None:
    height, width = prediction.shape
    number = len(findings.images) + 1
    findings.images.append({"id": number, "file_name": path.name, "height": height, "width": width})


def _tags(path: Path, prediction: MaskArray, classes: Sequence[str]) -> list[Sequence[object]]:
    return [
        [cell(path.name), cell(tag.class_name), tag.area, f"{tag.share:.6f}", tag.components]
        for tag in find_tags(prediction, classes)
    ]


def _write_coco(path: Path, findings: Findings, classes: Sequence[str]) -> None:
    categories = [{"id": i, "name": name} for i, name in enumerate(classes) if i]
    everything = {"images": findings.images, "annotations": findings.objects, "categories": categories}
    durable.write_text(path, json.dumps(everything, allow_nan=False))
