"""Label maps of whole images, with or without an unlabelled value."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pointillist.core.shapes import IGNORE
from pointillist.data.mask import Code, Codes
from pointillist.exchange.importer import Choices, Importer
from pointillist.exchange.intake import Intake
from pointillist.exchange.label_image import chosen_codes, read_label_images


class MasksImporter(Importer):
    """Read a folder of label maps by the codes that pointillist.yaml declares, and ``--class VALUE=OURS``."""

    reads: ClassVar[str] = "a folder of label-map images, named like their images"
    places: ClassVar[str] = "pixels"
    choices: ClassVar[frozenset[str]] = frozenset({"unlabelled"})

    def read(self, path: Path, choices: Choices, intake: Intake) -> None:
        """Read them; see `Importer.read`."""
        codes: Codes = intake.declaration.mask_codes()
        chosen = chosen_codes(choices.classes, intake)
        if choices.unlabelled is not None:
            chosen[choices.unlabelled] = IGNORE
        if chosen:
            declared: dict[Code, int] = {code: label for code, label in codes.items()}
            codes = declared | chosen
        read_label_images(path, codes, intake)
