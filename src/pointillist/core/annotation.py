"""An annotation: what a person (or a simulated one) drew, as vectors in pixel coordinates, and its JSON."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.core import durable
from pointillist.core.config import Config, validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Length, Mark, relabelled
from pointillist.core.shapes import IGNORE


class Annotation(Config):
    """All marks on one image.

    Where two marks disagree about a pixel, the later one holds, so that a correction always wins. A
    coordinate may lie on the image's border: -0.5 <= row <= height - 0.5, likewise for columns.

    Whoever draws a box (or extreme points) on an image draws one around *every* object of a foreground class:
    what lies outside all boxes is background, unless another mark says otherwise.

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
            if isinstance(mark, Box | ExtremePoints) and mark.label == 0:
                raise ValueError(f"marks.{number}.label must be a foreground class, not 0")
            for row, col in mark.places:
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
    # Some editors put a byte order mark before what they save as UTF-8.
    return validated(Annotation, path.read_bytes().removeprefix(codecs.BOM_UTF8), path, text=True)


def in_classes(
    annotation: Annotation, classes: tuple[str, ...], renamed: Mapping[str, str] | None = None
) -> Annotation:
    """Say an annotation in other classes, by their names.

    It stays as it is where it has a name that they lack, or another background.

    Args:
        annotation: of the same classes in another order, or of some of them.
        classes: the class names, background first.
        renamed: a class's name among these by its own.

    >>> from pointillist.core.marks import Tag
    >>> there = Tag(label=1, present=True)
    >>> old = Annotation(name="a", height=1, width=1, classes=("no", "b"), marks=(there,))
    >>> in_classes(old, ("no", "a", "b")).marks[0].label
    2
    """
    names = tuple((renamed or {}).get(name, name) for name in annotation.classes)
    if annotation.classes == classes or not set(names) <= set(classes):
        return annotation
    if names[0] != classes[0]:  # A box is never around background.
        return annotation
    table = np.full(256, IGNORE, np.uint8)
    table[: len(names)] = [classes.index(name) for name in names]
    marks = tuple(relabelled(mark, table) for mark in annotation.marks)
    return annotation.model_copy(update={"classes": classes, "marks": marks})


def check_fits(
    annotation: Annotation,
    name: str,
    classes: tuple[str, ...],
    sizes: Sequence[tuple[int, int]],
    file: Path,
) -> None:
    """Check that an annotation is of this image: its name, its classes, its shape at whatever size.

    Args:
        annotation: as it was read.
        name: of the image.
        classes: of the data set.
        sizes: (H, W) at which the image may have been annotated, that of its file first: given a size of
            another shape, both are its own.
        file: of the annotation.

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
    if not any(of_one_shape(annotation, *size) for size in sizes):
        height, width = sizes[0]
        found = f"{annotation.height} x {annotation.width} for an image of {height} x {width} pixels"
        raise InputError(must, found, "Annotate this image again.", file)


def of_one_shape(annotation: Annotation, height: int, width: int) -> bool:
    """Whether an annotation is of an image of this size, or of the same one at another."""
    # At another size, rounding may change a side by a pixel.
    apart = abs(annotation.height * width - annotation.width * height)
    return apart <= max(annotation.height, annotation.width)


def annotation_file(annotation: Annotation) -> bytes:
    """Give the content of an annotation's file."""
    return (annotation.model_dump_json(indent=1) + "\n").encode()


def write_annotation(path: Path, annotation: Annotation) -> None:
    """Write one annotation file, durably."""
    durable.write_bytes(path, annotation_file(annotation))
