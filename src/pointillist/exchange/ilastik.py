"""Label images that ilastik exports: 0 is unlabelled, 1, 2, ... are the classes in their order."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pointillist.core.shapes import IGNORE
from pointillist.data.mask import Code
from pointillist.exchange.importer import Choices, Importer
from pointillist.exchange.intake import Intake
from pointillist.exchange.label_image import chosen_codes, read_label_images

SUFFIXES = (".png", ".tif", ".tiff", ".npy")


def codes_from_one(choices: Choices, intake: Intake) -> dict[Code, int]:
    """Give the classes of values that count from 1, 0 being unlabelled, unless ``--class`` says otherwise."""
    codes: dict[Code, int] = {0: IGNORE}
    codes |= {number: number - 1 for number in range(1, len(intake.classes) + 1)}
    return codes | chosen_codes(choices.classes, intake)


class IlastikImporter(Importer):
    """Read exported label images (PNG, TIFF, npy); ilastik's own project files are not read."""

    reads: ClassVar[str] = (
        "label images exported from ilastik: PNG, TIFF or npy, 0 unlabelled, 1 the first class"
    )
    places: ClassVar[str] = "pixels"
    choices: ClassVar[frozenset[str]] = frozenset()

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read them; see `Importer.read`."""
        read_label_images(path, codes_from_one(choices, intake), intake, SUFFIXES)
