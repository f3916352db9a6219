"""The whole mask: what full supervision gets."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pointillist.annotate.annotator import Annotator
from pointillist.core.marks import Dense, Mark
from pointillist.core.shapes import IGNORE, MaskArray


class Full(Annotator):
    """Draw the whole mask; void pixels stay unlabelled.

    >>> truth = np.array([[0, 1, 255]], np.uint8)
    >>> Full().draw(truth, 2, np.random.default_rng(0))[0].to_map().tolist()
    [[0, 1, 255]]
    """

    kind: Literal["full"] = "full"

    def in_words(self) -> str:
        """Say that everything is drawn."""
        return "full masks"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw one label map, or nothing where all is void."""
        return (Dense.from_map(truth),) if bool((truth != IGNORE).any()) else ()
