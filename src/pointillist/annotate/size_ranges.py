"""Size ranges: how large each class is, more or less."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.part import foreground
from pointillist.core.marks import Mark, Size, Tag
from pointillist.core.shapes import IGNORE, MaskArray


class SizeRanges(Annotator):
    r"""Guess how many pixels each foreground class covers, and give a range around the guess.

    With s the true number of pixels,

    $$g = s\,e^{\varepsilon},\quad \varepsilon \sim N(0, \mathtt{error}^2),\qquad
      \mathrm{range} = [\,g / (1 + \mathtt{slack}),\; g\,(1 + \mathtt{slack})\,],$$

    rounded outwards to whole pixels, at least 1 and at most all pixels that are not void. A class that the
    image does not show gets a tag that says so. Void pixels do not count.

    Args:
        error: how far off the guess is, as the standard deviation of its logarithm: 0.2 is wrong by about a
            fifth either way. 0 is an oracle that measured the mask, and says so in tables.
        slack: how wide the range is: 0.5 goes from two thirds of the guess to one and a half times it.

    >>> truth = np.ones((10, 10), np.uint8)
    >>> truth[:5] = 0
    >>> SizeRanges(error=0, slack=0.1).draw(truth, 2, np.random.default_rng(0))
    (Size(kind='size', label=1, low=45.0, high=55.0),)

    Source: size bounds from individual images, Kervadec et al. 2019 (Medical Image Analysis), whose bounds
    are the true size times 0.9 and 1.1: here ``error`` 0 and ``slack`` 0.1, nearly. No person measures a
    size so well, hence the default error.
    """

    kind: Literal["size-ranges"] = "size-ranges"
    error: Annotated[float, Field(ge=0, le=10)] = 0.2
    slack: Annotated[float, Field(ge=0, le=1000)] = 0.5

    @property
    def truthful(self) -> bool:
        """Whether the true size surely lies within the range."""
        return self.error == 0

    def in_words(self) -> str:
        """Say how good the guess is; one that is never wrong is an oracle's."""
        who = f"guess off by {self.error:g}" if self.error else "oracle"
        return f"size ranges ({who}, factor {1 + self.slack:g} either way)"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Give a range for each class that is there, and a tag for each that is not."""
        present, absent = foreground(truth, num_classes)
        known = int((truth != IGNORE).sum())
        ranges = [self._range(label, int((truth == label).sum()), known, rng) for label in present]
        return (*ranges, *(Tag(label=label, present=False) for label in absent))

    def _range(self, label: int, size: int, known: int, rng: np.random.Generator) -> Size:
        # Beyond the image's pixels and below one the guess is cut off: whoever looks knows that much.
        guess = min(max(size * math.exp(rng.normal() * self.error), 1.0), float(known))
        low, high = guess / (1 + self.slack), guess * (1 + self.slack)
        return Size(
            label=label,
            low=float(max(1, math.floor(low + 1e-9))),
            high=float(min(known, math.ceil(high - 1e-9))),
        )
