"""Images that are drawn in memory, each a function of (seed, name): nothing to download, nothing to store."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from pointillist.core.rng import numpy_rng
from pointillist.core.sample import Sample
from pointillist.data.paint import Painting
from pointillist.data.paint_aerial import paint_aerial
from pointillist.data.paint_curves import paint_curves
from pointillist.data.paint_lesion import paint_lesion
from pointillist.data.paint_objects import paint_objects
from pointillist.data.paint_vessels import paint_vessels
from pointillist.datasets.dataset import SPLITS, Dataset, Entry, Size

Count = Annotated[int, Field(ge=0, le=100_000)]
SIDES = range(16, 4097)
"""Heights and widths that can be drawn."""


class Drawn(Dataset):
    """A data set that is drawn and not read: the same (seed, name) gives the same sample, in any order.

    A larger count adds samples and leaves the others as they were.

    Args:
        train: how many samples the split has.
        val: likewise.
        test: likewise.
        seed: another seed draws another data set with the same names.
    """

    train: Count = 10
    val: Count = 10
    test: Count = 10
    seed: int = 0

    @abstractmethod
    def paint(self, rng: np.random.Generator) -> Painting:
        """Draw one sample from the only source of chance."""

    def list_entries(self) -> tuple[Entry, ...]:
        """List what can be drawn; every image is a group of its own."""
        names = [(f"{split}-{i:05d}", split) for split in SPLITS for i in range(getattr(self, split))]
        return tuple(Entry(name=name, split=split, group=name) for name, split in names)

    def read(self, name: str) -> Sample:
        """Draw one sample.

        Raises:
            InputError: no sample has that name.
        """
        entry = self.entry(name)
        painting = self.paint(numpy_rng(self.seed, name, "draw"))
        image, mask, region = painting.to_image(), painting.mask, painting.region
        return Sample(name=name, image=image, mask=mask, region=region, group=entry.group)


Painter = Callable[[int, int, np.random.Generator], Painting]
SCENES: dict[str, tuple[Painter, str, tuple[int, int]]] = {
    "lesions": (paint_lesion, "lesion", (144, 192)),
    "vessels": (paint_vessels, "vessel", (256, 256)),
    "aerial": (paint_aerial, "building", (256, 256)),
    "curves": (paint_curves, "curve", (256, 256)),
    "objects": (paint_objects, "object", (144, 192)),
}
"""Painter, foreground class and own size of each scene."""


class Synthetic(Drawn):
    """Skin lesions, retinal vessels, city blocks, curves or objects: made for demonstrations and pretraining.

    They look like the real thing but are not: results on them say that the machinery works, no more. The
    field of view of ``vessels`` is the samples' region of interest. ``curves`` and ``objects``
    are thin and broad things of any colour on any ground, on which networks are pretrained.

    Args:
        scene: what is drawn.
        size: (H, W), or the longer side of the scene's own size; None: 144 x 192 for lesions
            and objects, 256 x 256 else.
        train: how many samples the split has.
        val: likewise.
        test: likewise.
        seed: another seed draws another data set with the same names.

    >>> data = Synthetic(scene="vessels", size=64)
    >>> sample = data.read("val-00003")
    >>> data.classes, sample.image.shape, sorted(set(sample.mask.flat)) == [0, 1]
    (('background', 'vessel'), (3, 64, 64), True)
    """

    learning_rate: ClassVar[float] = 3e-3
    fewest_steps: ClassVar[int] = 400

    kind: Literal["synthetic"] = "synthetic"
    scene: Literal["lesions", "vessels", "aerial", "curves", "objects"] = "lesions"
    size: Size = None
    train: Count = 48
    val: Count = 16
    test: Count = 16

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, background first."""
        return ("background", SCENES[self.scene][1])

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """Black, and a turquoise that neither skin nor retina nor roof has."""
        return ((0, 0, 0), (0, 225, 230))

    def paint(self, rng: np.random.Generator) -> Painting:
        """Draw the scene at the wanted size."""
        painter, _, own = SCENES[self.scene]
        if isinstance(self.size, int):
            height, width = (round(side * self.size / max(own)) for side in own)
        else:
            height, width = self.size or own
        return painter(height, width, rng)

    @field_validator("size")
    @classmethod
    def _drawable(cls, size: Size) -> Size:
        sides = (size,) if isinstance(size, int) else size or ()
        if any(side not in SIDES for side in sides):
            raise ValueError(f"size must be {SIDES[0]} to {SIDES[-1]} pixels a side")
        return size
