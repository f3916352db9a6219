"""Label Studio's JSON export: regions of annotated tasks, in percent of the image."""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote

import numpy as np
from pydantic import Field

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.data.decode import SUFFIXES
from pointillist.exchange.importer import Choices, Foreign, Importer, Number, Side, read_each, read_json
from pointillist.exchange.intake import Intake
from pointillist.exchange.runs import decode_brush
from pointillist.exchange.sheet import Sheet

KINDS = ("keypointlabels", "rectanglelabels", "polygonlabels", "brushlabels", "ellipselabels")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_MUST = "PATH must be Label Studio's JSON export"


class _Value(Foreign):
    x: Number = 0.0
    y: Number = 0.0
    width: Number = 0.0
    height: Number = 0.0
    rotation: Number = 0.0
    across: Number = Field(default=0.0, alias="radiusX")
    down: Number = Field(default=0.0, alias="radiusY")
    points: list[tuple[Number, Number]] = Field(default=[], repr=False)
    rle: list[Annotated[int, Field(ge=0, le=255)]] = Field(default=[], repr=False)


class _Region(Foreign):
    type: str = ""
    value: dict[str, Any] = Field(default={}, repr=False)
    height: Side | None = Field(default=None, alias="original_height")
    width: Side | None = Field(default=None, alias="original_width")
    turned: Number = Field(default=0.0, alias="image_rotation")


class _Work(Foreign):
    result: list[_Region] = Field(default=[])
    was_cancelled: bool = False


class _Task(Foreign):
    data: dict[str, Any] = Field(repr=False)
    annotations: list[_Work]
    file_upload: str | None = None


class _Tasks(Foreign):
    tasks: list[_Task]


class LabelStudioImporter(Importer):
    """Read keypoints, rectangles, polygons, brush strokes and ellipses; the last annotation of each task."""

    reads: ClassVar[str] = (
        "Label Studio's JSON export: keypoints, rectangles (boxes), polygons, brush strokes, ellipses"
    )
    places: ClassVar[str] = (
        "percent of the image from its top left corner (Label Studio, 'Units of image annotations')"
    )

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        data = read_json(path, "a Label Studio file")
        if not isinstance(data, list):
            raise InputError(_MUST, f"a {type(data).__name__}", "Export as JSON.", path)
        if data and isinstance(data[0], dict) and "annotations" not in data[0]:
            fix = "Export as JSON, neither as JSON-MIN nor in another format."
            raise InputError(_MUST, "tasks without 'annotations'", fix, path)
        tasks = validated(_Tasks, {"tasks": data}, path).tasks
        read_each(tasks, partial(_read_task, intake=intake, file=path))


def _read_task(task: _Task, intake: Intake, file: Path) -> None:
    done = [work for work in task.annotations if not work.was_cancelled]
    if not done:
        return
    if len(done) > 1:
        intake.noted["tasks had several annotations: the last one is taken"] += 1
    regions = done[-1].result
    sized = [region for region in regions if region.height is not None and region.width is not None]
    size = (sized[0].height, sized[0].width) if sized else None
    sheet = intake.sheet(_name(task, intake), size, file)  # type: ignore[arg-type]
    if sheet is None:
        return
    for region in regions:
        if region.type not in KINDS:
            intake.skipped[f"results of type {region.type[:40]!r}"] += 1
            continue
        if region.turned:
            fix = "Turn the image back, or turn the image file itself and annotate it again."
            must = "what is drawn must lie on the image as it is"
            raise InputError(must, f"{sheet.name} turned by {region.turned:g} degrees", fix, file)
        value = validated(_Value, region.value, file)
        theirs = region.value.get(region.type)
        for name in theirs if isinstance(theirs, list) else [theirs]:
            if not isinstance(name, str):
                intake.skipped["regions without a class"] += 1
            elif (label := intake.label(name)) is not None:
                _draw(region.type, value, label, sheet, intake, file)
    intake.add(sheet)


def _draw(kind: str, value: _Value, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    percent = np.array([sheet.height, sheet.width]) / 100
    anchor = np.array([value.y, value.x]) * percent - 0.5
    if kind == "keypointlabels":
        sheet.point(label, float(anchor[0]), float(anchor[1]))
    elif kind == "polygonlabels":
        if len(value.points) < 3:
            raise InputError("a polygon must have 3 points or more", f"{len(value.points)}", "Mend it.", file)
        sheet.area(label, [np.array(value.points, float)[:, ::-1] * percent - 0.5])
    elif kind == "rectanglelabels":
        tall, wide = value.height, value.width
        square = np.array([[0, 0], [0, wide], [tall, wide], [tall, 0]])
        corners = anchor + _turned(square, value, percent)
        if value.rotation % 360:
            intake.noted["rectangles were turned: the upright box around each is taken"] += 1
        (top, left), (bottom, right) = corners.min(0), corners.max(0)
        sheet.box(label, top, left, bottom, right)
    elif kind == "ellipselabels":
        angles = np.linspace(0, 2 * math.pi, 360, endpoint=False)
        around = np.stack([value.down * np.sin(angles), value.across * np.cos(angles)], axis=1)
        sheet.area(label, [anchor + _turned(around, value, percent)])
    else:
        sheet.pixels(label, decode_brush(value.rle, sheet.height, sheet.width, file))


def _turned(offsets: np.ndarray, value: _Value, percent: np.ndarray) -> np.ndarray:
    """Carry percent (row, col) away from the anchor to pixels, turned clockwise about it."""
    angle = math.radians(value.rotation)
    down, across = (offsets * percent).T
    turned: np.ndarray = np.stack(
        [
            across * math.sin(angle) + down * math.cos(angle),
            across * math.cos(angle) - down * math.sin(angle),
        ],
        axis=1,
    )
    return turned


def _name(task: _Task, intake: Intake) -> str:
    """Find the name of a task's image: uploads bear eight digits before it, local files lie behind '?d='."""
    texts = [task.file_upload, *(text for text in task.data.values() if isinstance(text, str))]
    names = [unquote(text).rsplit("?d=", 1)[-1].split("?", 1)[0].rsplit("/", 1)[-1] for text in texts if text]
    names += [_UPLOADED.sub("", name) for name in names]
    for name in names:
        if intake.owner(name) is not None:
            return name
    images = [name for name in names if Path(name).suffix.lower() in SUFFIXES]
    return (images or names or ["a task without an image"])[0]
