"""What napari saves: label images, and points and shapes as CSV, one file for each image and class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.exchange.csv_table import read_rows
from pointillist.exchange.ilastik import SUFFIXES, codes_from_one
from pointillist.exchange.importer import Choices, Foreign, Importer, list_files, read_each
from pointillist.exchange.intake import Intake
from pointillist.exchange.label_image import lay_label_image
from pointillist.exchange.polygon import upright
from pointillist.exchange.sheet import Sheet

FEWEST = {"line": 2, "path": 2, "polygon": 3, "rectangle": 4, "ellipse": 4}
"""Corners of each kind of shape."""


class _Point(Foreign):
    row: float = Field(alias="axis-0", ge=-1e7, le=1e7)
    col: float = Field(alias="axis-1", ge=-1e7, le=1e7)


class _Corner(_Point):
    index: float
    kind: str = Field(alias="shape-type")
    number: float = Field(alias="vertex-index")


class NapariImporter(Importer):
    """Read label images (0 unlabelled, 1 the first class), and the points and shapes of one class a file."""

    reads: ClassVar[str] = (
        "label images (0 unlabelled, 1 the first class), points and shapes (lines, paths, polygons,"
        " rectangles as boxes, ellipses) as NAME_CLASS.csv or CLASS/NAME.csv"
    )
    places: ClassVar[str] = (
        "(axis-0, axis-1) = (row, col), an integer is a pixel's centre, as ours (napari draws it so)"
    )
    choices: ClassVar[frozenset[str]] = frozenset()

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read them; see `Importer.read`."""
        files = list_files(path, (*SUFFIXES, ".csv"), "label images, points or shapes")
        tables = [file for file in files if file.suffix.lower() == ".csv"]
        images = [file for file in files if file.suffix.lower() != ".csv"]
        if images:
            # Their values are read as numbers: names of classes belong to points.
            numbered = {theirs: ours for theirs, ours in choices.classes.items() if theirs[:1].isdecimal()}
            codes = codes_from_one(Choices(classes=numbered), intake)
            read_each(images, lambda file: lay_label_image(file, file.stem, codes, intake))
        read_each(tables, partial(_read_table, path, intake=intake))


def _read_table(root: Path, file: Path, intake: Intake) -> None:
    name, theirs = _meant(root, file, intake)
    rows = read_rows(file, ("axis-0", "axis-1"))
    if rows and "axis-2" in rows[0]:
        must = "points and shapes must lie in one image"
        raise InputError(must, "three axes: a stack", "Save one slice each.", file)
    sheet = intake.sheet(name, None, file)
    label = None if sheet is None else intake.label(theirs)
    if sheet is None or label is None:
        return
    if any("shape-type" in row for row in rows):
        _draw_shapes([validated(_Corner, row, file) for row in rows], label, sheet, intake, file)
    else:
        for row in rows:
            point = validated(_Point, row, file)
            sheet.point(label, point.row, point.col)
    intake.add(sheet)


def _draw_shapes(corners: Sequence[_Corner], label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    ordered = sorted(corners, key=lambda corner: (corner.index, corner.number))
    for _, group in groupby(ordered, lambda corner: corner.index):
        _draw_shape(list(group), label, sheet, intake, file)


def _draw_shape(corners: Sequence[_Corner], label: int, sheet: Sheet, intake: Intake, file: Path) -> None:
    kind, places = corners[0].kind, np.array([(corner.row, corner.col) for corner in corners])
    if kind not in FEWEST:
        intake.skipped[f"shapes of kind {kind[:40]!r}"] += 1
        return
    exact = kind in ("rectangle", "ellipse")
    if len(places) < FEWEST[kind] or (exact and len(places) > FEWEST[kind]):
        must = f"shape {corners[0].index:g}, a {kind}, must have {FEWEST[kind]} corners"
        must += "" if exact else " or more"
        raise InputError(must, f"{len(places)}", "Save the shapes again.", file)
    if kind in ("line", "path"):
        sheet.line(label, places)
    elif kind == "polygon":
        sheet.area(label, [places])
    elif kind == "ellipse":
        sheet.area(label, [_around(places)])
    else:
        sheet.box(label, *upright(places, intake.noted))


def _around(corners: np.ndarray) -> np.ndarray:
    """Go around the ellipse that touches the sides of a rectangle, turned or not, in the middle."""
    angles = np.linspace(0, 2 * math.pi, 360, endpoint=False)[:, None]
    along, across = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    places: np.ndarray = corners.mean(0) + along * np.cos(angles) + across * np.sin(angles)
    return places


def _meant(root: Path, file: Path, intake: Intake) -> tuple[str, str]:
    """Give the image and the class that a file of points or shapes is of."""
    stem = file.stem
    if file.parent != root and file != root and intake.owner(stem) is not None:
        return stem, file.parent.name
    for at in sorted((at for mark in "_-. " for at in _places(stem, mark)), reverse=True):
        if intake.owner(stem[:at]) is not None:
            return stem[:at], stem[at + 1 :]
    if intake.owner(stem) is None:
        return stem, ""
    must = "the name of a file of points or shapes must say its class"
    raise InputError(must, file.name, f"Name it {stem}_CLASS.csv, or put it into a folder CLASS.", file)


def _places(text: str, mark: str) -> list[int]:
    return [at for at, letter in enumerate(text) if letter == mark]
