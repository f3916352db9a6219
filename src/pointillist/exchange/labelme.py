"""labelme's JSON files, one for each image."""

from __future__ import annotations

import base64
import binascii
import io
import math
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image
from pydantic import Field

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.exchange.importer import (
    Choices,
    Foreign,
    Importer,
    Number,
    Side,
    from_corner,
    list_files,
    read_each,
    read_json,
)
from pointillist.exchange.intake import Intake
from pointillist.exchange.polygon import upright
from pointillist.exchange.sheet import Sheet

FEWEST = {
    "point": 1,
    "points": 1,
    "line": 2,
    "linestrip": 2,
    "rectangle": 2,
    "rotation": 4,
    "circle": 2,
    "mask": 2,
    "polygon": 3,
}


class _Shape(Foreign):
    label: str
    points: list[tuple[Number, Number]]
    shape_type: str | None = "polygon"
    mask: str | None = Field(default=None, repr=False)


class _File(Foreign):
    shapes: list[_Shape]
    image: str | None = Field(default=None, alias="imagePath")
    height: Side | None = Field(default=None, alias="imageHeight")
    width: Side | None = Field(default=None, alias="imageWidth")


class LabelmeImporter(Importer):
    """Read a folder of labelme files: points, lines, rectangles, polygons, circles and masks."""

    reads: ClassVar[str] = (
        "a folder of labelme files: points, lines, rectangles (boxes), polygons, circles, masks"
    )
    places: ClassVar[str] = (
        "(x, y) from the first pixel's corner, as labelme draws them; a mask's corners are pixels' numbers"
    )

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        read_each(list_files(path, (".json",), "labelme files"), partial(_read_file, intake=intake))


def _read_file(file: Path, intake: Intake) -> None:
    data = validated(_File, read_json(file, "a labelme file"), file)
    size = None if data.height is None or data.width is None else (data.height, data.width)
    named = data.image if data.image and intake.owner(data.image) else file.stem
    sheet = intake.sheet(named, size, file)
    if sheet is None:
        return
    for shape in data.shapes:
        if (label := intake.label(shape.label)) is not None:
            _draw(shape, label, sheet, intake, file)
    intake.add(sheet)


def _draw(shape: _Shape, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    kind = shape.shape_type or "polygon"
    if kind not in FEWEST:
        intake.skipped[f"shapes of kind {kind[:40]!r}"] += 1
        return
    if len(shape.points) < FEWEST[kind]:
        must = f"a {kind} must have {FEWEST[kind]} points or more"
        raise InputError(must, f"{len(shape.points)} in {shape.label!r}", "Draw it again.", file)
    places = from_corner(shape.points)
    if kind in ("point", "points"):
        for at in places.tolist():
            sheet.point(label, at[0], at[1])
    elif kind in ("line", "linestrip"):
        sheet.line(label, places)
    elif kind in ("rectangle", "rotation"):
        # labelme writes two opposite corners, X-AnyLabeling all four in turn, also of turned ones.
        sheet.box(label, *upright(places, intake.noted))
    elif kind == "circle":
        (row, col), reach = places[0].tolist(), math.hypot(*(places[-1] - places[0]))
        sheet.ellipse(label, (row, col), (reach, reach))
    elif kind == "mask":
        left, top = (int(side) for side in shape.points[0])
        sheet.pixels(label, _decode(shape, sheet, file), top, left)
    else:
        sheet.area(label, [places])


def _decode(shape: _Shape, sheet: Sheet, file: Path) -> np.ndarray:
    must, fix = "a mask must be a base64 PNG of the rectangle that its points span", "Draw it again."
    (left, top), (right, bottom) = ((int(x), int(y)) for x, y in (shape.points[0], shape.points[-1]))
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(shape.mask or "", validate=True)), formats=("PNG",))
        # The size is in the head: pixels are not decoded before it fits.
        fits = picture.width <= sheet.width and picture.height <= sheet.height
        if picture.size != (right - left + 1, bottom - top + 1) or not fits:
            raise InputError(must, f"{picture.height} x {picture.width}", fix, file)
        return np.asarray(picture.convert("L")) > 0
    except InputError:
        raise
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(must, " ".join(str(error).split())[:120], fix, file) from None
