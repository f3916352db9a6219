"""Marks: what a person draws on an image or says about it, as vectors in pixel coordinates."""

from __future__ import annotations

import base64
import zlib
from typing import Annotated, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import FailFast, Field, model_validator

from pointillist.core.config import Config
from pointillist.core.shapes import IGNORE, MaskArray

# Strict: the text "3", true and null are no numbers, though pydantic would take the first two.
ClassIndex = Annotated[int, Field(ge=0, lt=IGNORE, strict=True)]
Coordinate = tuple[Annotated[float, Field(strict=True)], Annotated[float, Field(strict=True)]]
# The first that is wrong ends it: millions of them fit into a file, and an error takes a kilobyte.
Coordinates = Annotated[tuple[Coordinate, ...], FailFast()]
Length = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Whole = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Area = Annotated[float, Field(ge=0, strict=True)]
Places = tuple[tuple[float, float], ...]
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
    at: Coordinates
    radius: Annotated[float, Field(ge=0, le=10_000, strict=True)] = 0.0

    @property
    def places(self) -> Places:
        """What must lie inside the image."""
        return self.at


class Scribble(Config):
    """One free-hand line on one class.

    Args:
        label: the class under the line.
        path: (row, col) of its corners, at least one.
        width: of the line in pixels.
    """

    kind: Literal["scribble"] = "scribble"
    label: ClassIndex
    path: Coordinates = Field(min_length=1)
    width: Annotated[float, Field(ge=1, le=10_000, strict=True)] = 1.0

    @property
    def places(self) -> Places:
        """What must lie inside the image."""
        return self.path


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


class Box(Config):
    """A box around one object: it touches all four of its sides, and nothing of it lies outside.

    Args:
        label: the class of the object.
        top: its first row.
        left: its first column.
        bottom: the row after its last.
        right: the column after its last.
    """

    kind: Literal["box"] = "box"
    label: ClassIndex
    top: Whole
    left: Whole
    bottom: Whole
    right: Whole

    @model_validator(mode="after")
    def _not_empty(self) -> Box:
        if self.bottom <= self.top or self.right <= self.left:
            raise ValueError("a box must have bottom > top and right > left")
        return self

    @property
    def places(self) -> Places:
        """What must lie inside the image."""
        return (self.top, self.left), (self.bottom - 1, self.right - 1)


class ExtremePoints(Config):
    """The top-most, left-most, bottom-most and right-most pixel of one object.

    Args:
        label: the class of the object.
        at: (row, col) of the four, in that order.
    """

    kind: Literal["extreme-points"] = "extreme-points"
    label: ClassIndex
    at: tuple[Coordinate, Coordinate, Coordinate, Coordinate]

    @property
    def places(self) -> Places:
        """What must lie inside the image."""
        return self.at


class Tag(Config):
    """Whether a class is somewhere in the image.

    Args:
        label: the class.
        present: whether the image shows it.
    """

    kind: Literal["tag"] = "tag"
    label: ClassIndex
    present: Annotated[bool, Field(strict=True)]

    @property
    def places(self) -> Places:
        """What must lie inside the image: nothing."""
        return ()


class Size(Config):
    """How many pixels of the image a class covers.

    Args:
        label: the class.
        low: at least so many.
        high: at most so many.
    """

    kind: Literal["size"] = "size"
    label: ClassIndex
    low: Area
    high: Area

    @model_validator(mode="after")
    def _range(self) -> Size:
        if self.high < self.low:
            raise ValueError("high must not be below low")
        return self

    @property
    def places(self) -> Places:
        """What must lie inside the image: nothing."""
        return ()


class Centroid(Config):
    """Where the centre of gravity of a class lies.

    Args:
        label: the class.
        rows: lowest and highest row.
        cols: lowest and highest column.
    """

    kind: Literal["centroid"] = "centroid"
    label: ClassIndex
    rows: Coordinate
    cols: Coordinate

    @model_validator(mode="after")
    def _range(self) -> Centroid:
        if self.rows[1] < self.rows[0] or self.cols[1] < self.cols[0]:
            raise ValueError("the highest row and column must not be below the lowest")
        return self

    @property
    def places(self) -> Places:
        """What must lie inside the image."""
        return (self.rows[0], self.cols[0]), (self.rows[1], self.cols[1])


Drawn = Points | Scribble | Box | ExtremePoints
Mark = Annotated[Drawn | Dense | Tag | Size | Centroid, Field(discriminator="kind")]


def relabelled(mark: Mark, table: UInt8[np.ndarray, " 256"]) -> Mark:
    """Say a mark in other class indices.

    Args:
        mark: what was drawn.
        table: the new index by the old one; IGNORE stays.

    >>> to = np.arange(256, dtype=np.uint8)
    >>> to[1] = 2
    >>> relabelled(Tag(label=1, present=True), to).label
    2
    """
    if isinstance(mark, Dense):
        return Dense.from_map(table[mark.to_map()])
    return mark.model_copy(update={"label": int(table[mark.label])})


def classes_of(mark: Mark) -> frozenset[int]:
    """Give the classes that a mark speaks of."""
    if isinstance(mark, Dense):
        return frozenset(np.unique(mark.to_map()).tolist()) - {IGNORE}
    return frozenset({mark.label})
