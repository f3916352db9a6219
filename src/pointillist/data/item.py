"""One image of a user's folder, the files that belong to it, and how a file's name tells to which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pointillist.data.split import Entry

COMPANIONS = ("masks", "labels", "regions", "annotations")
_LAST_WORD = re.compile(
    r"[_-](masks?|segmentations?|seg|gt|ground_?truth|labels?|annotations?|scribbles?|regions?|roi|fov|lesion|manual\d?)$",
    re.I,
)
_IMAGE_WORD = re.compile(r"[_-](image|img)$", re.I)


@dataclass(slots=True)
class Files:
    """The files of one image, by name; a path takes five times the room, and some folders hold 200,000.

    Args:
        home: the folder in which masks/, annotations/ and the like lie, or would.
        folder: in which the image lies.
        image: its file.
        companions: folder and file of each other one.
    """

    home: Path
    folder: Path
    image: str
    companions: tuple[tuple[str, str], ...] = ()

    def companion(self, kind: str) -> Path | None:
        """Give the mask, or the like; None: there is none."""
        return next((self.home / kind / file for found, file in self.companions if found == kind), None)


@dataclass(frozen=True, slots=True)
class Item(Entry):
    """One image: its files, None where there is none, and where it belongs."""

    found: Files = field(compare=False)

    @property
    def home(self) -> Path:
        """The folder in which masks/, annotations/ and the like lie, or would."""
        return self.found.home

    @property
    def image(self) -> Path:
        """The image itself."""
        return self.found.folder / self.found.image

    @property
    def mask(self) -> Path | None:
        """Its mask."""
        return self.found.companion("masks")

    @property
    def labels(self) -> Path | None:
        """Its label map, which knows some pixels."""
        return self.found.companion("labels")

    @property
    def region(self) -> Path | None:
        """The region in which it counts."""
        return self.found.companion("regions")

    @property
    def annotation(self) -> Path | None:
        """Its annotation file."""
        return self.found.companion("annotations")

    @property
    def is_annotated(self) -> bool:
        """Whether a label map or an annotation file lies beside it."""
        return any(kind in ("labels", "annotations") for kind, _ in self.found.companions)

    @property
    def is_masked(self) -> bool:
        """Whether a mask lies beside it."""
        return any(kind == "masks" for kind, _ in self.found.companions)

    def files(self) -> Iterator[Path]:
        """All that are there, the image first."""
        yield self.image
        for kind, file in self.found.companions:
            yield self.home / kind / file


class Owners:
    """Images by name, and which of them a file of some name belongs to.

    Args:
        names: of the images.

    >>> Owners(["IMD1", "IMD2_image"]).find("IMD1_mask"), Owners(["IMD2_image"]).find("IMD2_roi")
    ('IMD1', 'IMD2_image')
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find(self, stem: str) -> str | None:
        """Give the image's name; None when there is no such image, or more than one."""
        if stem in self._names:
            return stem
        return self.find_other(stem)

    def find_other(self, stem: str) -> str | None:
        """Give the image to which a file of this name belongs, as its mask, say; never one of that name."""
        key = _LAST_WORD.sub("", stem)
        owners = self._renamed.get(key, [])
        if key in self._names:
            owners = [*owners, key]
        return owners[0] if len(owners) == 1 and owners[0] != stem else None

    @cached_property
    def _renamed(self) -> dict[str, list[str]]:
        """Names that end in "_image" or the like, by what is before it."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            if (key := _IMAGE_WORD.sub("", name)) != name:
                found.setdefault(key, []).append(name)
        return found
