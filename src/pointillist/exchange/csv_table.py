"""A table of clicks, line corners and boxes: one place a row, for spreadsheets and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from pointillist.core import durable
from pointillist.core.annotation import Annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError, nearest
from pointillist.core.marks import Box, ExtremePoints, Mark, Points, Scribble
from pointillist.core.shapes import AnyMask
from pointillist.core.text import cell, to_csv
from pointillist.exchange.exporter import Colours, Exporter, Written
from pointillist.exchange.importer import Choices, Foreign, Importer, read_bytes, read_each
from pointillist.exchange.intake import Intake
from pointillist.exchange.sheet import Sheet

HEADER = ("image", "mark", "kind", "class", "row", "col", "radius", "width")
NEEDED = ("image", "class", "row", "col")
Placed = Points | Scribble | Box | ExtremePoints
"""Marks that a table can hold."""


class _Row(Foreign):
    image: str
    theirs: str = Field(alias="class")
    row: float = Field(ge=-1e7, le=1e7)
    col: float = Field(ge=-1e7, le=1e7)
    kind: Literal["points", "scribble", "box", "extreme-points"] = "points"
    mark: str = ""
    radius: float = Field(default=0.0, ge=0, le=10_000)
    width: float = Field(default=1.0, ge=1, le=10_000)

    @field_validator("image", "theirs", mode="after")
    @classmethod
    def _as_written(cls, text: str) -> str:
        # What `cell` put before a name that a spreadsheet would run.
        return text[1:] if text[:1] == "'" and text[1:] != cell(text[1:]) else text


def read_rows(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file with a header; cells without content are left out.

    Args:
        path: the file.
        needed: columns that must be there.

    Raises:
        InputError: it is no CSV of UTF-8 text, or lacks a column.
    """
    must = f"a table must be CSV with the columns {', '.join(needed)}"
    try:
        text = read_bytes(path, "a CSV file").decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        if missing := [name for name in needed if name not in header]:
            fix = f"Add {', '.join(missing)}. {nearest(missing[0], header[:20])[:300]}"
            raise InputError(must, ", ".join(header)[:200] or "an empty file", fix, path)
        reader.fieldnames = header
        rows = [{key: value for key, value in row.items() if key is not None and value} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(must, str(error)[:160], "Export it again, as UTF-8.", path) from None
    return rows


class CsvImporter(Importer):
    """Read a table with a row for each place: image, class, row, col; kind, mark, radius, width if known."""

    reads: ClassVar[str] = f"a table with the columns {', '.join(NEEDED)}, as 'export csv' writes it"
    places: ClassVar[str] = "(row, col), an integer is a pixel's centre: ours"

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        rows: list[_Row] = []
        read_each(
            enumerate(read_rows(path, NEEDED), start=2),
            lambda numbered: rows.append(validated(_Row, numbered[1], Path(f"{path}:{numbered[0]}"))),
        )
        by_image: dict[str, list[_Row]] = {}
        for row in rows:
            by_image.setdefault(row.image, []).append(row)
        for name, mine in by_image.items():
            if (sheet := intake.sheet(name, None, path)) is not None:
                for _, group in groupby(
                    mine, lambda row: (row.mark, row.kind, row.theirs, row.radius, row.width)
                ):
                    _draw(list(group), sheet, intake, path)
                intake.add(sheet)


def _draw(rows: Sequence[_Row], sheet: Sheet, intake: Intake, path: Path) -> None:
    first = rows[0]
    label = intake.label(first.theirs)
    if label is None:
        return
    places = [(row.row, row.col) for row in rows]
    if first.kind == "points" and first.mark:
        sheet.points(label, places, first.radius)
    elif first.kind == "points":
        for row, col in places:
            sheet.point(label, row, col, first.radius)
    elif first.kind == "scribble":
        sheet.line(label, np.array(places), first.width)
    elif len(places) == (2 if first.kind == "box" else 4):
        (top, bottom), (left, right) = ((min(ends), max(ends)) for ends in zip(*places, strict=True))
        if first.kind == "box":
            sheet.box(label, top - 0.5, left - 0.5, bottom + 0.5, right + 0.5)
        else:
            sheet.extremes(label, places)
    else:
        must = f"a mark {first.kind} must have {'2 corners' if first.kind == 'box' else '4 places'}"
        raise InputError(must, f"{len(places)} rows of mark {first.mark!r}", "Number the marks.", path)


def rows_of(name: str, classes: Sequence[str], marks: Iterable[Mark]) -> Iterator[Sequence[object]]:
    """Give a row for each place of the marks on an image; marks that have no places are left out."""
    for number, mark in enumerate(marks, start=1):
        if isinstance(mark, Placed):
            start = (cell(name), number, mark.kind, cell(classes[mark.label]))
            # Of millions of clicks, to ask for a field that a mark lacks would take a fifth of the time.
            radius = mark.radius if isinstance(mark, Points) else ""
            width = mark.width if isinstance(mark, Scribble) else ""
            yield from ((*start, row, col, radius, width) for row, col in mark.places)


class CsvExporter(Exporter):
    """Write a row for each click, each corner of a line, the four extreme points, two corners of a box."""

    writes: ClassVar[str] = (
        "a table: a row for each click, corner of a line, end of an object, corner of a box"
    )
    holds: ClassVar[frozenset[str]] = frozenset({"annotations"})

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
        self.refuse_masks(masks)
        rows: list[Sequence[object]] = []
        written = Written()
        for annotation in annotations:
            written.images += 1
            rows += rows_of(annotation.name, annotation.classes, annotation.marks)
            for mark in annotation.marks:
                counts = written.entries if isinstance(mark, Placed) else written.left_out
                counts[f"{mark.kind} marks"] += 1
        durable.write_text(path, to_csv(HEADER, rows))
        return written
