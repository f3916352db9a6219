"""What all exporters share: annotations and label maps go in, a file of another tool comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeAlias

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.shapes import AnyMask
from pointillist.core.text import counted

Colours: TypeAlias = Sequence[tuple[int, int, int]]


@dataclass
class Written:
    """What an export holds, and what the format can't say.

    Args:
        images: how many images.
        entries: how many of what, by noun.
        left_out: how many of what are missing, by noun.
    """

    images: int = 0
    entries: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def said(self) -> list[str]:
        """Say it, a line each."""
        there = ", ".join(counted(count, noun) for noun, count in self.entries.items()) or "nothing"
        lines = [f"{counted(self.images, 'images')}: {there}."]
        if self.left_out:
            counts = ", ".join(f"{noun} ({count})" for noun, count in self.left_out.items())
            lines.append(f"Left out, since the format can't say it: {counts}.")
        return lines


class Exporter(ABC):
    """A format that can be written: a line of the table of exporters."""

    writes: ClassVar[str]
    """What it writes, in words for help."""
    holds: ClassVar[frozenset[str]] = frozenset({"annotations", "masks"})
    """What it can hold."""
    folder: ClassVar[bool] = False
    """Whether the path is a folder, with one file for each image."""

    @abstractmethod
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
        """Write annotations, label maps or both, durably; what is there is replaced.

        Args:
            path: the file, or the folder where ``folder`` says so.
            classes: names, background first.
            colours: RGB of each class.
            annotations: what was drawn; any iterable, read once.
            masks: (name of the image, label map); any iterable, read once, so that maps may be made one by
                one.
            files: file name of each image by its name; the name itself where it is not in it.

        Raises:
            InputError: the format can't hold label maps.
        """

    def refuse_masks(self, masks: Iterable[tuple[str, AnyMask]]) -> None:
        """Refuse label maps.

        Raises:
            InputError: there is one.
        """
        for name, _ in masks:
            fix = "coco and geojson hold label maps."
            raise InputError("this format must be given annotations", f"a label map of {name}", fix)
