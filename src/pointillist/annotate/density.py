"""Pixels labelled by chance: the tutorial's 1 %, 5 %, 10 % and 100 % of annotated pixels."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pointillist.annotate.annotator import Annotator
from pointillist.core.marks import Dense, Mark
from pointillist.core.shapes import IGNORE, MaskArray


class Density(Annotator):
    """Label each known pixel with the same probability, independently of all others.

    With the same seed and name, the pixels of a lower probability are among those of a higher one, so that
    steps along this axis differ in what was added only. Nobody annotates so: it has no seconds.

    Args:
        probability: that a pixel is labelled, above 0 and at most 1; 1 draws the whole mask, like ``full``.

    >>> truth = np.zeros((100, 100), np.uint8)
    >>> labels = Density(probability=0.1).draw(truth, 2, np.random.default_rng(0))[0].to_map()
    >>> 900 < int((labels == 0).sum()) < 1100
    True
    """

    kind: Literal["density"] = "density"
    probability: Annotated[float, Field(gt=0, le=1)] = 0.05

    def in_words(self) -> str:
        """Say which share of the pixels is labelled."""
        return f"{self.probability:g} of the pixels"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw one label map with gaps, or nothing where no pixel was chosen."""
        drawn = np.where(rng.random(truth.shape) < self.probability, truth, np.uint8(IGNORE))
        return (Dense.from_map(drawn),) if bool((drawn != IGNORE).any()) else ()
