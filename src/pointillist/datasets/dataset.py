"""What every data set is: a frozen description of where images lie and how they are split and read."""

from __future__ import annotations

import colorsys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

from pointillist.core.config import Config
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.data.resample import Size, wanted_size
from pointillist.data.split import SPLITS, Entry, Split

__all__ = ["PALETTE", "SPLITS", "Dataset", "Entry", "Size", "Split"]


class Dataset(Config, ABC):
    """Images by name, each in one split; reading one gives a sample.

    ``classes`` and ``colours`` (RGB for pictures, background first) describe the labels. What suits the
    images when nobody says otherwise: ``crop``, the side of the training crops (None: whole images),
    ``crops_per_image`` in an epoch, ``epochs``, ``batch`` and ``learning_rate``, chosen on validation
    images. Of a set whose number of images nobody knows beforehand, a training takes ``fewest_steps`` at
    least, in more epochs.
    """

    crop: ClassVar[int | None] = None
    crops_per_image: ClassVar[int] = 1
    epochs: ClassVar[int] = 40
    batch: ClassVar[int] = 4
    learning_rate: ClassVar[float] = 1e-3
    fewest_steps: ClassVar[int] = 0

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Class names, background first."""

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """RGB of each class in pictures and palettes."""
        return PALETTE[: len(self.classes)]

    @abstractmethod
    def list_entries(self) -> tuple[Entry, ...]:
        """List what there is, in a fixed order; looks at names only.

        Raises:
            InputError: the data is not there or not in the layout that this data set has.
        """

    @abstractmethod
    def read(self, name: str) -> Sample:
        """Read one sample.

        Raises:
            InputError: its files are missing or wrong.
        """

    @property
    def annotated(self) -> bool:
        """Whether annotations came with the data."""
        return False

    @property
    def gaps_in_masks(self) -> bool:
        """Whether pixels that a mask leaves out may be ones that nobody has labelled yet, and not void."""
        return False

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value of the images' files, where they cannot tell themselves."""
        return None

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """Say at which (H, W) a new image of this height and width is looked at."""
        size: Size = getattr(self, "size", None)
        return wanted_size(height, width, size)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The list, made once."""
        return self.list_entries()

    @cached_property
    def _by_name(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    def names(self, split: Split) -> tuple[str, ...]:
        """Names of a split, in a fixed order."""
        return tuple(entry.name for entry in self.entries if entry.split == split)

    def samples(self, split: Split) -> Iterator[Sample]:
        """Read a split, one sample after the other."""
        return (self.read(name) for name in self.names(split))

    def entry(self, name: str) -> Entry:
        """Look up one line of the list.

        Raises:
            InputError: no sample has that name.
        """
        if (found := self._by_name.get(name)) is not None:
            return found
        known = ", ".join(e.name for e in self.entries[:5])
        raise InputError("the sample must exist", repr(name), f"The first names: {known}.")


# Found by search, so that under normal, protan, deutan and tritan sight each is at least 36 in CIELAB from
# the others, from black and from white; of the seven colours of Okabe and Ito two are 16 apart.
_APART = (
    (28, 135, 252),
    (255, 189, 1),
    (106, 20, 126),
    (224, 12, 1),
    (148, 255, 154),
    (199, 82, 95),
    (163, 143, 194),
    (41, 0, 201),
)


def _palette(count: int) -> tuple[tuple[int, int, int], ...]:
    colours = [(0, 0, 0), *_APART]
    # Golden-angle hues: neighbours in the list stay far apart in colour, however many there are.
    for i in range(count - len(colours)):
        r, g, b = colorsys.hsv_to_rgb((0.5 + 0.381966 * i) % 1.0, 0.75, 0.95)
        colours.append((round(r * 255), round(g * 255), round(b * 255)))
    return tuple(colours)


PALETTE = _palette(255)
"""Colours for classes that declare none; the background is black, the next eight are for every eye."""
