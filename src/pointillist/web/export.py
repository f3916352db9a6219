"""What a project gives away: masks of all images, and all that was drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pointillist.core import durable
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import AnyMask, MaskArray
from pointillist.data.draw import draw_overlay, palette_png, write_picture
from pointillist.data.resample import resized
from pointillist.exchange import EXPORTERS
from pointillist.web.live import Live
from pointillist.web.nearby import mixed
from pointillist.web.pictures import in_words
from pointillist.web.project import GONE, Project

FILES = ("coco.json", "marks.csv", "marks.json")
RECORD = "exported.txt"
"""Names of the images of the last export, in the project's home: other files in its folder are not ours."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        files: how many.
        masks: of how many images.
        skipped: images of which something is missing in the export, and why; by name.
    """

    files: int
    masks: int
    skipped: Mapping[str, str]


def export(project: Project, live: Live, folder: Path) -> Exported:
    """Write masks, overlays and marks, for this project and for other tools.

    Masks hold class indices, in the colours of the classes: of what is shown (the pixels' classifier, the
    network or both, whatever held-out marks found best), at the images' full size; where a person labelled a
    pixel, that label. Images of which nothing can be said get no mask. What an earlier export wrote is
    replaced, file by file, and removed where the image has left the project. The marks on an image whose file
    is gone are written all the same.

    Args:
        project: its images and marks.
        live: what is shown.
        folder: masks/, overlays/, annotations/, geojson/, coco.json, marks.csv and marks.json go into it,
            under the images' names.
    """
    _remove_departed(project, folder)
    drawn, skipped = project.annotations([*project.names.values(), *project.missing])
    for annotation in drawn:
        write_annotation(folder / "annotations" / f"{annotation.name}.json", annotation)
    skipped |= dict.fromkeys(project.missing, GONE)
    _remove_taken_back(project, folder, {annotation.name for annotation in drawn} | skipped.keys())
    masked = []
    for name in project.names.values():
        if name in skipped:
            continue
        try:
            sample = project.pictures.sample(name)
            labels = label_map(project, live, sample)
        except InputError as error:
            skipped[name] = in_words(error)
            continue
        if labels is None:
            _remove_masks(folder, name)
            continue
        durable.write_bytes(folder / "masks" / f"{name}.png", palette_png(labels, project.data.colours))
        overlay = draw_overlay(sample.image, labels, project.data.colours)
        write_picture(folder / "overlays" / f"{name}.png", overlay)
        masked.append(name)
    _write_for_others(project, folder, masked, drawn)
    return Exported(len(drawn) + 3 * len(masked) + len(FILES), len(masked), skipped)


def _remove_departed(project: Project, folder: Path) -> None:
    """Remove what the last export wrote of images that are no longer there; remember those that are."""
    record = project.home / RECORD
    before = record.read_text("utf-8", "replace").splitlines() if record.is_file() else []
    for name in set(before) - project.splits.keys():
        # A record that came from elsewhere may hold paths.
        if Path(name).name == name:
            _remove_masks(folder, name)
            if name not in project.missing:
                (folder / "annotations" / f"{name}.json").unlink(missing_ok=True)
    durable.write_text(record, "\n".join([*project.splits, *project.missing]))


def _remove_taken_back(project: Project, folder: Path, there: Collection[str]) -> None:
    """Remove what an earlier export told of images whose marks have all been taken back since."""
    for name in project.store.images():
        if name in project.splits and name not in there:
            (folder / "annotations" / f"{name}.json").unlink(missing_ok=True)


def _remove_masks(folder: Path, name: str) -> None:
    """Remove the masks of an earlier export of an image of which nothing can be said any more."""
    for kind, suffix in (("masks", "png"), ("overlays", "png"), ("geojson", "geojson")):
        (folder / kind / f"{name}.{suffix}").unlink(missing_ok=True)


def _write_for_others(
    project: Project, folder: Path, masked: Sequence[str], drawn: Sequence[Annotation]
) -> None:
    """Write the masks as COCO and GeoJSON, the marks as one table and one file."""

    def masks() -> Iterator[tuple[str, AnyMask]]:
        # One by one, from the files: of large images not even two need fit into memory.
        for name in masked:
            with Image.open(folder / "masks" / f"{name}.png") as picture:
                yield name, np.asarray(picture)

    files = {item.name: item.image.name for item in project.data.layout.items}

    def write(form: str, path: Path, **what: Any) -> None:
        colours = project.data.colours
        EXPORTERS[form].write(path, classes=project.data.classes, colours=colours, files=files, **what)

    write("coco", folder / "coco.json", masks=masks())
    write("geojson", folder / "geojson", masks=masks())
    write("csv", folder / "marks.csv", annotations=drawn)
    write("json", folder / "marks.json", annotations=drawn)


def label_map(project: Project, live: Live, sample: Sample) -> MaskArray | None:
    """Give an image's label map at its full size; None: nothing can be said of it."""
    network = live.network
    told = live.forest_probs(sample.name) if network is None or live.source != "network" else None
    answers = [] if told is None else [resized(told, sample.height, sample.width)]
    if network is not None and (live.source != "forest" or told is None):
        answers.append(network.trained.probs_of(sample.image))
    if not answers:
        return None
    probs = np.mean(answers, axis=0)
    if (nearby := live.nearby(sample.name)) is not None:
        probs = mixed(probs, nearby)
    labels: MaskArray = probs.argmax(0).astype(np.uint8)
    return project.known(sample.name, sample.height, sample.width).over(labels)
