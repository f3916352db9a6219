"""All annotations of a folder in one JSON file, nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pointillist.core import durable
from pointillist.core.annotation import Annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Mark
from pointillist.core.shapes import IGNORE, AnyMask, MaskArray
from pointillist.exchange.exporter import Colours, Exporter, Written
from pointillist.exchange.importer import Choices, Importer, list_files, read_each, read_json
from pointillist.exchange.intake import Intake

FORMAT = "pointillist-annotations-1"


class JsonImporter(Importer):
    """Read what ``export json`` wrote, or a folder of our annotation files; classes are matched by name."""

    reads: ClassVar[str] = "our own annotations: one file of all, or a folder of files"
    places: ClassVar[str] = "(row, col), an integer is a pixel's centre: ours"
    choices: ClassVar[frozenset[str]] = frozenset()

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read it; see `Importer.read`."""
        read_each(list_files(path, (".json",), "our annotations"), partial(_read_file, intake=intake))


def _read_file(file: Path, intake: Intake) -> None:
    data = read_json(file, "a file of our annotations")
    several = isinstance(data, dict) and data.get("format") == FORMAT
    entries = data.get("annotations") if several else [data]
    if not isinstance(entries, list):
        raise InputError(f"a {FORMAT} file must hold a list", type(entries).__name__, "Mend it.", file)
    read_each(entries, lambda entry: _take(validated(Annotation, entry, file), file, intake))


def _take(annotation: Annotation, file: Path, intake: Intake) -> None:
    sheet = intake.sheet(annotation.name, (annotation.height, annotation.width), file)
    if sheet is None:
        return
    used = {label for mark in annotation.marks for label in _labels(mark)}
    table = {label: intake.label(annotation.classes[label]) for label in sorted(used)}
    marks = []
    for mark in annotation.marks:
        if (found := _renamed(mark, table, (sheet.height, sheet.width))) is not None:
            marks.append(found)
        elif isinstance(mark, ExtremePoints) and table[mark.label] == 0:
            intake.skipped["extreme points of no object"] += 1
        else:
            intake.skipped["marks of other classes"] += 1
    intake.drawn["marks"] += len(marks)
    changes = {"name": sheet.name, "classes": intake.classes, "marks": tuple(marks)}
    # Checked anew: what is no annotation in our classes must not be written as one.
    intake.take(validated(Annotation, dict(annotation) | changes, file))


def _labels(mark: Mark) -> set[int]:
    if isinstance(mark, Dense):
        return set(np.unique(mark.to_map()).tolist()) - {IGNORE}
    return {mark.label}


def _renamed(mark: Mark, table: Mapping[int, int | None], size: tuple[int, int]) -> Mark | None:
    if isinstance(mark, Dense):
        codes = np.full(256, IGNORE, np.uint8)
        for label, ours in table.items():
            codes[label] = IGNORE if ours is None else ours
        return Dense.from_map(codes[mark.to_map()])
    ours = table[mark.label]
    if ours == 0 and isinstance(mark, Box):
        # No object is in it, as in `Sheet.box`: an area.
        labels = np.full(size, IGNORE, np.uint8)
        labels[mark.top : mark.bottom, mark.left : mark.right] = 0
        return Dense.from_map(labels)
    if ours in (None, IGNORE) or (ours == 0 and isinstance(mark, ExtremePoints)):
        return None
    return mark.model_copy(update={"label": ours})


class JsonExporter(Exporter):
    """Write everything into one file; label maps become marks."""

    writes: ClassVar[str] = "one file of everything, which 'import json' reads"

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
        entries: list[dict[str, Any]] = []
        for annotation in (*annotations, *(_of_mask(name, labels, classes) for name, labels in masks)):
            entries.append(annotation.model_dump(mode="json"))
            written.images += 1
            written.entries["marks"] += len(annotation.marks)
        durable.write_json(path, {"format": FORMAT, "classes": list(classes), "annotations": entries})
        return written


def _of_mask(name: str, labels: MaskArray, classes: Sequence[str]) -> Annotation:
    height, width = labels.shape
    marks = (Dense.from_map(labels),)
    return Annotation(name=name, height=height, width=width, classes=tuple(classes), marks=marks)
