"""COCO's instances JSON: objects as polygons, run lengths, boxes and keypoints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from pointillist.core import durable
from pointillist.core.annotation import Annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark, Tag
from pointillist.core.raster import outline, to_labels
from pointillist.core.shapes import IGNORE, AnyMask, MaskArray
from pointillist.core.text import counted
from pointillist.data.objects import find_objects
from pointillist.exchange.exporter import Colours, Exporter, Written
from pointillist.exchange.importer import (
    Choices,
    Foreign,
    Importer,
    Number,
    Run,
    Side,
    from_corner,
    read_json,
)
from pointillist.exchange.intake import Intake
from pointillist.exchange.runs import decode_runs, expand_counts
from pointillist.exchange.sheet import Rest, Sheet

Id = int | str
UNTOLD = "images without a box or an area of an object, which would read as background"


class _Runs(Foreign):
    size: tuple[Side, Side]
    counts: list[Run] | str


class _Image(Foreign):
    number: Id = Field(alias="id")
    file_name: str
    height: Side | None = None
    width: Side | None = None


class _Category(Foreign):
    number: Id = Field(alias="id")
    name: str


class _Object(Foreign):
    image_id: Id
    category_id: Id
    segmentation: list[list[Number]] | _Runs | None = None
    bbox: tuple[Number, Number, Number, Number] | None = None
    keypoints: list[Number] = Field(default=[])


class _Coco(Foreign):
    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


class CocoImporter(Importer):
    """Read an instances file: areas, or their boxes, or keypoints.

    Whoever marked an object in an image marked all of them. An image without any shows none, or nobody has
    marked it: the file can't tell, and it stays unlabelled unless ``rest`` is said to be background.
    """

    reads: ClassVar[str] = (
        "a COCO instances file: polygons and run lengths, or --as boxes, or keypoints by --as points"
    )
    places: ClassVar[str] = (
        "(x, y) from the first pixel's corner (COCO's masks, by pycocotools); keypoints are pixels' numbers"
        " (detectron2's reading of COCO)"
    )
    rest: ClassVar[Rest] = "background"
    choices: ClassVar[frozenset[str]] = frozenset({"rest", "kind"})

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        data = validated(_Coco, read_json(path, "a COCO file"), path)
        names = {category.number: category.name for category in data.categories}
        objects: dict[Id, list[_Object]] = {image.number: [] for image in data.images}
        for entry in data.annotations:
            if entry.image_id not in objects or entry.category_id not in names:
                intake.skipped["objects of an image or category that the file does not list"] += 1
            else:
                objects[entry.image_id].append(entry)
        for image in data.images:
            both = image.height is not None and image.width is not None
            size = (image.height, image.width) if both else None
            sheet = intake.sheet(image.file_name, size, path)  # type: ignore[arg-type]
            if sheet is not None:
                placed = any(entry.segmentation or entry.bbox for entry in objects[image.number])
                if not placed and choices.kind != "points" and choices.rest != "background":
                    intake.pass_over(sheet)
                    continue
                labelled = [
                    (intake.label(names[entry.category_id]), entry) for entry in objects[image.number]
                ]
                known = [(label, entry) for label, entry in labelled if label is not None]
                _DRAW[choices.kind](known, sheet, intake, path)
                intake.add(sheet)


Labelled = Sequence[tuple[int, _Object]]


def _draw_areas(objects: Labelled, sheet: Sheet, intake: Intake, path: Path) -> None:
    for label, entry in objects:
        if isinstance(entry.segmentation, _Runs):
            left, inside = _decode(entry.segmentation, sheet, path)
            sheet.pixels(label, inside, left=left)
        elif entry.segmentation:
            for ring in entry.segmentation:
                if len(ring) < 6 or len(ring) % 2:
                    found = f"{len(ring)} numbers"
                    raise InputError("a polygon must have 3 corners (x, y) or more", found, "Mend it.", path)
                sheet.area(label, [from_corner(ring)])
        elif entry.bbox is not None:
            # Something is there, nobody says where: neither the object nor background.
            intake.noted["objects had a box and no outline: its pixels stay unlabelled"] += 1
            sheet.box(IGNORE, *_edges(entry.bbox))
        else:
            intake.skipped["objects without outline and box"] += 1


def _draw_boxes(objects: Labelled, sheet: Sheet, intake: Intake, path: Path) -> None:
    for label, entry in objects:
        if entry.bbox is None or label == IGNORE:
            intake.skipped["objects without a box, or unlabelled"] += 1
        else:
            sheet.box(label, *_edges(entry.bbox))
    if not objects:
        # An image without a box would count as not annotated: that it shows no class must be said.
        for label in range(1, len(intake.classes)):
            sheet.tag(label, present=False)


def _draw_points(objects: Labelled, sheet: Sheet, intake: Intake, path: Path) -> None:
    for label, entry in objects:
        if len(entry.keypoints) % 3:
            found = f"{len(entry.keypoints)} numbers"
            raise InputError("keypoints must be triples (x, y, visibility)", found, "Mend them.", path)
        for x, y, visible in np.array(entry.keypoints, float).reshape(-1, 3).tolist():
            if visible:
                sheet.point(label, y, x)


_DRAW = {"areas": _draw_areas, "boxes": _draw_boxes, "points": _draw_points}


def _edges(bbox: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = bbox
    return y - 0.5, x - 0.5, y + height - 0.5, x + width - 0.5


def _decode(runs: _Runs, sheet: Sheet, path: Path) -> tuple[int, np.ndarray]:
    if runs.size != (sheet.height, sheet.width):
        must = f"run lengths on {sheet.name} must be of its size, {sheet.height} x {sheet.width}"
        raise InputError(must, f"{runs.size[0]} x {runs.size[1]}", "Export them again.", path)
    counts = expand_counts(runs.counts, path) if isinstance(runs.counts, str) else runs.counts
    left, inside = decode_runs(counts, sheet.width, sheet.height, path)
    return left, inside.T


class CocoExporter(Exporter):
    """Write boxes, and an object for every connected component of label maps, as uncompressed run lengths.

    An image that the file lists without an object is background to most readers. Images that hold none and
    are not known to be background throughout, of clicks alone for one, are therefore left out.
    """

    writes: ClassVar[str] = "COCO instances: boxes, and the components of label maps as run lengths"

    def write(
        self,
        path: Path,
        *,
        classes: Sequence[str],
        colours: Colours,
        annotations: Iterable[Annotation] = (),
        masks: Iterable[tuple[str, AnyMask]] = (),
        files: Mapping[str, str] | None = None,
    ) -> Written:
        """Write it; see `Exporter.write`."""
        written = Written()
        images: dict[str, dict[str, Any]] = {}
        objects: list[dict[str, Any]] = []

        def add(name: str, labels: MaskArray, boxes: Sequence[Box | ExtremePoints], empty: bool) -> None:
            if not (boxes or empty or (labels != IGNORE).all() or _shows_object(labels)):
                written.left_out[UNTOLD] += 1
                return
            size = {"height": labels.shape[0], "width": labels.shape[1]}
            entry = {"id": len(images) + 1, "file_name": (files or {}).get(name, name), **size}
            number = int(images.setdefault(name, entry)["id"])
            for box in boxes:
                objects.append(_boxed(box, len(objects) + 1, number, labels.shape))
                written.entries["boxes"] += 1
            _components(labels, number, objects, len(classes), written)

        for annotation in annotations:
            boxes = [mark for mark in annotation.marks if isinstance(mark, Box | ExtremePoints)]
            others = [mark for mark in annotation.marks if not isinstance(mark, Box | ExtremePoints | Dense)]
            written.left_out.update(f"{mark.kind} marks" for mark in others)
            absent = {mark.label for mark in others if isinstance(mark, Tag) and not mark.present}
            add(annotation.name, _dense(annotation), boxes, absent >= set(range(1, len(classes))))
        for name, labels in masks:
            add(name, labels, (), False)
        if not images and written.left_out[UNTOLD]:
            must = "coco must be given boxes, or label maps with objects"
            fix = "csv, json and geojson hold clicks and lines."
            raise InputError(must, counted(written.left_out[UNTOLD], "images") + " without either", fix)
        written.images = len(images)
        categories = [{"id": label, "name": name} for label, name in enumerate(classes) if label]
        everything = {"images": list(images.values()), "annotations": objects, "categories": categories}
        durable.write_text(path, json.dumps(everything, allow_nan=False))
        return written


def _dense(annotation: Annotation) -> MaskArray:
    maps: tuple[Mark, ...] = tuple(mark for mark in annotation.marks if isinstance(mark, Dense))
    return to_labels(annotation.model_copy(update={"marks": maps}))


def _components(
    labels: MaskArray, image: int, objects: list[dict[str, Any]], num_classes: int, written: Written
) -> None:
    found = list(find_objects(labels, num_classes, image, len(objects) + 1))
    objects += found
    if found:
        written.entries["areas"] += len(found)
    known = labels != IGNORE
    if known.any() and not known.all():
        written.left_out["label maps' unlabelled pixels, which read as background"] += 1


def _shows_object(labels: MaskArray) -> bool:
    return bool(((labels != 0) & (labels != IGNORE)).any())


def _boxed(mark: Box | ExtremePoints, number: int, image: int, size: tuple[int, int]) -> dict[str, Any]:
    top, left, bottom, right = outline(mark, np.ones(2), size)
    return {
        "id": number,
        "image_id": image,
        "category_id": mark.label,
        "bbox": [left, top, right - left, bottom - top],
        "area": (bottom - top) * (right - left),
        "segmentation": [],
        "iscrowd": 0,
    }
