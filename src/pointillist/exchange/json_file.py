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
from pointillist.core.marks import Dense, Mark
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
    marks = [found for mark in annotation.marks if (found := _renamed(mark, table)) is not None]
    if lost := len(annotation.marks) - len(marks):
        intake.skipped["marks of other classes"] += lost
    intake.drawn["marks"] += len(marks)
    changes = {"name": sheet.name, "classes": intake.classes, "marks": tuple(marks)}
    intake.take(annotation.model_copy(update=changes))


def _labels(mark: Mark) -> set[int]:
    if isinstance(mark, Dense):
        return set(np.unique(mark.to_map()).tolist()) - {IGNORE}
    return {mark.label}


def _renamed(mark: Mark, table: Mapping[int, int | None]) -> Mark | None:
    if isinstance(mark, Dense):
        codes = np.full(256, IGNORE, np.uint8)
        for label, ours in table.items():
            codes[label] = IGNORE if ours is None else ours
        return Dense.from_map(codes[mark.to_map()])
    ours = table[mark.label]
    return None if ours in (None, IGNORE) else mark.model_copy(update={"label": ours})


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
