"""What napari saves: label images, and points as CSV, one file for each image and class."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.exchange.csv_table import read_rows
from pointillist.exchange.ilastik import SUFFIXES, codes_from_one
from pointillist.exchange.importer import Choices, Foreign, Importer, list_files, read_each
from pointillist.exchange.intake import Intake
from pointillist.exchange.label_image import lay_label_image


class _Point(Foreign):
    row: float = Field(alias="axis-0", ge=-1e7, le=1e7)
    col: float = Field(alias="axis-1", ge=-1e7, le=1e7)


class NapariImporter(Importer):
    """Read label images (0 unlabelled, 1 the first class) and points, whose class their file's name says."""

    reads: ClassVar[str] = (
        "label images (0 unlabelled, 1 the first class), points as NAME_CLASS.csv or CLASS/NAME.csv"
    )
    places: ClassVar[str] = (
        "(axis-0, axis-1) = (row, col), an integer is a pixel's centre, as ours (napari draws it so)"
    )
    choices: ClassVar[frozenset[str]] = frozenset()

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read them; see `Importer.read`."""
        files = list_files(path, (*SUFFIXES, ".csv"), "label images or points")
        points = [file for file in files if file.suffix.lower() == ".csv"]
        images = [file for file in files if file.suffix.lower() != ".csv"]
        if images:
            # Their values are read as numbers: names of classes belong to points.
            numbered = {theirs: ours for theirs, ours in choices.classes.items() if theirs[:1].isdecimal()}
            codes = codes_from_one(Choices(classes=numbered), intake)
            read_each(images, lambda file: lay_label_image(file, file.stem, codes, intake))
        read_each(points, partial(_read_points, path, intake=intake))


def _read_points(root: Path, file: Path, intake: Intake) -> None:
    name, theirs = _meant(root, file, intake)
    rows = read_rows(file, ("axis-0", "axis-1"))
    if rows and "axis-2" in rows[0]:
        raise InputError("points must lie in one image", "three axes: a stack", "Save one slice each.", file)
    sheet = intake.sheet(name, None, file)
    label = None if sheet is None else intake.label(theirs)
    if sheet is None or label is None:
        return
    for row in rows:
        point = validated(_Point, row, file)
        sheet.point(label, point.row, point.col)
    intake.add(sheet)


def _meant(root: Path, file: Path, intake: Intake) -> tuple[str, str]:
    """Give the image and the class that a points file is of."""
    stem = file.stem
    if file.parent != root and file != root and intake.owner(stem) is not None:
        return stem, file.parent.name
    for at in sorted((at for mark in "_-. " for at in _places(stem, mark)), reverse=True):
        if intake.owner(stem[:at]) is not None:
            return stem[:at], stem[at + 1 :]
    if intake.owner(stem) is None:
        return stem, ""
    must = "the name of a points file must say its class"
    raise InputError(must, file.name, f"Name it {stem}_CLASS.csv, or put it into a folder CLASS.", file)


def _places(text: str, mark: str) -> list[int]:
    return [at for at, letter in enumerate(text) if letter == mark]
