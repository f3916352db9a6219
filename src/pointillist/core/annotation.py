"""An annotation: what a person (or a simulated one) drew, as vectors in pixel coordinates, and its JSON."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.core import durable
from pointillist.core.config import Config, validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray

# Strict: the text "3", true and null are no numbers, though pydantic would take the first two.
ClassIndex = Annotated[int, Field(ge=0, lt=IGNORE, strict=True)]
Coordinate = tuple[Annotated[float, Field(strict=True)], Annotated[float, Field(strict=True)]]
Length = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
MAX_PIXELS = 1 << 28
"""Of a label map that a file may hold: 16 384 x 16 384, 256 MiB."""


class Points(Config):
    """Clicks on one class.

    Args:
        label: the class that was clicked.
        at: (row, col) of each click, an integer being a pixel's centre.
        radius: a click labels the disc of this radius around it, in pixels; 0: one pixel.
    """

    kind: Literal["points"] = "points"
    label: ClassIndex
    at: tuple[Coordinate, ...]
    radius: Annotated[float, Field(ge=0, le=10_000, strict=True)] = 0.0


class Scribble(Config):
    """One free-hand line on one class.

    Args:
        label: the class under the line.
        path: (row, col) of its corners, at least one.
        width: of the line in pixels.
    """

    kind: Literal["scribble"] = "scribble"
    label: ClassIndex
    path: tuple[Coordinate, ...] = Field(min_length=1)
    width: Annotated[float, Field(ge=1, le=10_000, strict=True)] = 1.0


class Dense(Config):
    """A label map, full or with unlabelled pixels: what no list of vectors says shorter.

    Args:
        height: rows; the whole map has at most 2^28 pixels.
        width: columns.
        labels: base64 of the zlib-compressed rows of uint8 classes, IGNORE where unlabelled.
    """

    kind: Literal["dense"] = "dense"
    height: Length
    width: Length
    labels: str = Field(repr=False)

    @classmethod
    def from_map(cls, labels: MaskArray) -> Dense:
        """Pack a uint8 (H, W) label map.

        >>> Dense.from_map(np.array([[0, 1], [255, 1]], np.uint8)).to_map().tolist()
        [[0, 1], [255, 1]]
        """
        packed = base64.b64encode(zlib.compress(np.ascontiguousarray(labels).tobytes(), 6))
        return cls(height=labels.shape[0], width=labels.shape[1], labels=packed.decode())

    def to_map(self) -> MaskArray:
        """Unpack to uint8 (H, W)."""
        rows = _inflate(self.labels, self.height * self.width)
        return np.frombuffer(rows, np.uint8).reshape(self.height, self.width).copy()

    @model_validator(mode="after")
    def _unpacks(self) -> Dense:
        if self.height * self.width > MAX_PIXELS:
            raise ValueError(f"height x width must be at most {MAX_PIXELS} pixels")
        _inflate(self.labels, self.height * self.width)
        return self


def _inflate(packed: str, length: int) -> bytes:
    # Bounded: a small file must not unpack to more than the map that it declares.
    unpacker = zlib.decompressobj()
    try:
        rows = unpacker.decompress(base64.b64decode(packed, validate=True), length + 1)
    except (ValueError, zlib.error):
        raise ValueError("labels must be base64 of zlib-compressed uint8 rows") from None
    # Only at the stream's end has zlib compared its checksum.
    if len(rows) != length or not unpacker.eof:
        raise ValueError(f"labels must unpack to height x width = {length} bytes, and be whole")
    return rows


Mark = Annotated[Points | Scribble | Dense, Field(discriminator="kind")]


class Annotation(Config):
    """All marks on one image.

    Where two marks disagree about a pixel, the later one holds, so that a correction always wins. A
    coordinate may lie on the image's border: -0.5 <= row <= height - 0.5, likewise for columns.

    Args:
        name: the sample's name.
        height: rows of the image that was annotated.
        width: its columns.
        classes: the class names, background first.
        marks: what was drawn, in order.
        annotator: who drew: "person" or "simulated".
        seconds: how long it took, measured or by the declared table; None: nobody knows.
    """

    format: Literal["pointillist-annotation-1"] = "pointillist-annotation-1"
    name: str
    height: Length
    width: Length
    classes: tuple[str, ...] = Field(min_length=1, max_length=IGNORE)
    marks: tuple[Mark, ...] = ()
    annotator: Literal["person", "simulated"] = "person"
    seconds: Annotated[float, Field(ge=0, strict=True)] | None = None

    @model_validator(mode="after")
    def _inside(self) -> Annotation:
        for number, mark in enumerate(self.marks):
            if isinstance(mark, Dense):
                self._check_dense(mark, number)
                continue
            if mark.label >= len(self.classes):
                raise ValueError(f"marks.{number}.label must be below {len(self.classes)}")
            for row, col in mark.at if isinstance(mark, Points) else mark.path:
                if not (-0.5 <= row <= self.height - 0.5 and -0.5 <= col <= self.width - 0.5):
                    raise ValueError(
                        f"marks.{number} must lie inside the {self.height} x {self.width} image, "
                        f"but one of its points is at row {row:g}, col {col:g}"
                    )
        return self

    def _check_dense(self, mark: Dense, number: int) -> None:
        if (mark.height, mark.width) != (self.height, self.width):
            raise ValueError(
                f"marks.{number} must have the image's size {self.height} x {self.width}, "
                f"not {mark.height} x {mark.width}"
            )
        values = np.unique(mark.to_map())
        if unknown := [int(v) for v in values if v != IGNORE and v >= len(self.classes)]:
            raise ValueError(f"marks.{number} holds classes {unknown[:5]} that have no name")


def read_annotation(path: Path) -> Annotation:
    """Read one annotation file.

    Raises:
        InputError: the file is missing, too large (256 MiB), or its content is wrong; each field is named.
    """
    if not path.is_file():
        raise InputError("the annotation must exist", "nothing there", "Check the path.", path)
    if (size := path.stat().st_size) > 256 << 20:
        raise InputError("an annotation must be at most 256 MiB", f"{size} bytes", "Cut it.", path)
    return validated(Annotation, path.read_bytes(), path, text=True)


def check_fits(
    annotation: Annotation, name: str, classes: tuple[str, ...], image: ImageArray, file: Path
) -> None:
    """Check that an annotation is of this image: its name, its classes, its shape at whatever size.

    Raises:
        InputError: it is of another one.
    """
    must = "an annotation must belong to its image"
    if annotation.name != name:
        fix = "Rename the file, or correct the name in it."
        raise InputError(must, f"one of {annotation.name!r} for {name!r}", fix, file)
    if annotation.classes != classes:
        found = f"classes {', '.join(annotation.classes)} where {', '.join(classes)} are declared"
        raise InputError(must, found, "Use the same classes in the same order.", file)
    height, width = image.shape[1:]
    # At another size, rounding may change a side by a pixel.
    if abs(annotation.height * width - annotation.width * height) > max(annotation.height, annotation.width):
        found = f"{annotation.height} x {annotation.width} for an image of {height} x {width} pixels"
        raise InputError(must, found, "Annotate this image again.", file)


def write_annotation(path: Path, annotation: Annotation) -> None:
    """Write one annotation file, durably."""
    durable.write_text(path, annotation.model_dump_json(indent=1) + "\n")
