"""A sample: one image with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pointillist.core.annotation import Annotation
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray, RegionArray


@dataclass(frozen=True, eq=False)
class Sample:
    """One image, its dense mask and region of interest (when there are any), its group and its name.

    Args:
        name: unique within the data set; the stem of the file where there is one.
        image: float32 (C, H, W) in [0, 1].
        mask: class indices, uint8 (H, W), IGNORE where void; None when nobody drew one.
        region: where loss and metrics count, bool (H, W); None: everywhere.
        group: what must not straddle a split (patient, slide, source tile); the name when alone.
        annotation: what a person drew, when it came with the data.
        bits: of the file per channel: 8, or more where eight would lose something.
        native: rows and columns before it was given another size; None: it has that of its file.
    """

    name: str
    image: ImageArray
    mask: MaskArray | None = None
    region: RegionArray | None = None
    group: str = ""
    annotation: Annotation | None = None
    bits: int = 8
    native: tuple[int, int] | None = None

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[1])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.image.shape[2])

    @property
    def drawn_sizes(self) -> tuple[tuple[int, int], ...]:
        """(H, W) at which it may have been annotated: as in its file, and as it is."""
        own = self.height, self.width
        return (own,) if self.native is None else (self.native, own)

    def truth(self) -> MaskArray:
        """Give the mask with everything outside the region of interest void; void all over without one."""
        if self.mask is None:
            return np.full(self.image.shape[1:], IGNORE, dtype=np.uint8)
        if self.region is None:
            return self.mask
        return np.where(self.region, self.mask, np.uint8(IGNORE))
