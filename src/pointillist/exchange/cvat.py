"""CVAT's XML, "CVAT for images 1.1": shapes and tags of every image."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np

from pointillist.core.errors import InputError
from pointillist.exchange.importer import Choices, Importer, from_corner, read_bytes, read_each
from pointillist.exchange.intake import Intake
from pointillist.exchange.runs import decode_runs
from pointillist.exchange.sheet import Sheet

DEEPEST = 50
"""Elements within elements: CVAT has five."""
_MUST = "PATH must be a CVAT for images 1.1 file"


class CvatImporter(Importer):
    """Read points, boxes, polygons, polylines, ellipses, masks and tags."""

    reads: ClassVar[str] = (
        "CVAT for images 1.1 (XML): points, boxes, polygons, polylines, ellipses, masks, tags"
    )
    places: ClassVar[str] = (
        "(x, y) from the first pixel's corner; a mask's corner is a pixel's number"
        " (CVAT, 'XML annotation format')"
    )

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        root = _parse(read_bytes(path, "a CVAT file"), path)
        if root.tag != "annotations":
            raise InputError(_MUST, f"<{root.tag[:40]}>", "Export as CVAT for images 1.1.", path)
        if root.find("track") is not None:
            fix = "Export as CVAT for images 1.1, which has every frame as an image."
            raise InputError(_MUST, "tracks of a video", fix, path)
        read_each(root.findall("image"), partial(_read_image, intake=intake, file=path))


def _parse(data: bytes, file: Path) -> Element:
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(
                _MUST, f"more than {DEEPEST} elements within each other", "Export it again.", file
            )
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> NoReturn:
        # Whoever may declare entities may let ten lines unfold to a billion, or read other files.
        raise InputError(_MUST, "a document type declaration", "CVAT writes none: remove it.", file)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except InputError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:  # The latter: an encoding that nobody knows.
        problem = str(error)[:160]
        raise InputError("a CVAT file must be XML, and whole", problem, "Export it again.", file) from None
    return builder.close()


def _read_image(image: Element, intake: Intake, file: Path) -> None:
    size = _whole(image, "height", file), _whole(image, "width", file)
    sheet = intake.sheet(image.get("name", "an image without a name"), size, file)
    if sheet is None:
        return
    for shape in sorted(image, key=lambda shape: _number(shape, "z_order", file, 0.0)):
        draw = _DRAW.get(shape.tag)
        if draw is None:
            intake.skipped[f"elements <{shape.tag[:40]}>"] += 1
        elif (label := intake.label(shape.get("label", ""))) is not None:
            draw(shape, label, sheet, intake, file)
    intake.add(sheet)


def _draw_points(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    for row, col in _places(shape, 1, file).tolist():
        sheet.point(label, row, col)


def _draw_line(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    sheet.line(label, _places(shape, 2, file))


def _draw_polygon(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    sheet.area(label, [_places(shape, 3, file)])


def _draw_box(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    left, top, right, bottom = (_number(shape, side, file) for side in ("xtl", "ytl", "xbr", "ybr"))
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    if _number(shape, "rotation", file, 0.0) % 360:
        intake.noted["boxes were turned: the upright box around each is taken"] += 1
    turned = from_corner(_turned(corners, corners.mean(0), shape, file))
    sheet.box(label, *turned.min(0).tolist(), *turned.max(0).tolist())


def _draw_ellipse(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    centre = np.array([_number(shape, "cx", file), _number(shape, "cy", file)])
    reach = np.array([_number(shape, "rx", file), _number(shape, "ry", file)])
    angles = np.linspace(0, 2 * math.pi, 360, endpoint=False)
    around = centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    sheet.area(label, [from_corner(_turned(around, centre, shape, file))])


def _draw_mask(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    left, top, width, height = (_whole(shape, side, file) for side in ("left", "top", "width", "height"))
    if left < 0 or top < 0 or left + width > sheet.width or top + height > sheet.height:
        found = f"{height} x {width} at row {top}, column {left}"
        must = f"a mask must lie within the {sheet.height} x {sheet.width} image {sheet.name}"
        raise InputError(must, found, "Export it again.", file)
    try:
        counts = [int(run) for run in shape.get("rle", "").split(",")]
    except ValueError:
        raise InputError(
            "rle must be whole numbers", repr(shape.get("rle", "")[:40]), "Mend it.", file
        ) from None
    first, inside = decode_runs(counts, height, width, file)
    sheet.pixels(label, inside, top + first, left)


def _draw_tag(shape: Element, label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    sheet.tag(label, present=True)


_DRAW: dict[str, Callable[[Element, int, Sheet, Intake, Path], None]] = {
    "points": _draw_points,
    "polyline": _draw_line,
    "polygon": _draw_polygon,
    "box": _draw_box,
    "ellipse": _draw_ellipse,
    "mask": _draw_mask,
    "tag": _draw_tag,
}


def _turned(places: np.ndarray, centre: np.ndarray, shape: Element, file: Path) -> np.ndarray:
    angle = math.radians(_number(shape, "rotation", file, 0.0))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned: np.ndarray = centre + (places - centre) @ turn
    return turned


def _places(shape: Element, fewest: int, file: Path) -> np.ndarray:
    text = shape.get("points", "")
    pairs = [pair.split(",") for pair in text.split(";")]
    must = f"points of a {shape.tag} must be {fewest} pairs x,y or more, with ; between them"
    if any(len(pair) != 2 for pair in pairs) or len(pairs) < fewest:
        raise InputError(must, repr(text[:60]), "Export it again.", file)
    return from_corner([[_parsed(part, must, file) for part in pair] for pair in pairs])


def _number(element: Element, name: str, file: Path, default: float | None = None) -> float:
    text = element.get(name)
    if text is None and default is not None:
        return default
    return _parsed(text or "", f"{name} of a {element.tag[:40]} must be a number", file)


def _whole(element: Element, name: str, file: Path) -> int:
    number = _number(element, name, file)
    if number != int(number):
        raise InputError(f"{name} must be a whole number", f"{number:g}", "Export it again.", file)
    return int(number)


def _parsed(text: str, must: str, file: Path) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= 1e7:
        raise InputError(must, repr(text[:40]), "Export it again.", file)
    return number
