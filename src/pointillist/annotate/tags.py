"""Tags: which classes an image shows."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.part import foreground
from pointillist.core.marks import Mark, Tag
from pointillist.core.shapes import MaskArray


class Tags(Annotator):
    """Say of every foreground class whether the image shows it.

    >>> [tag.present for tag in Tags().draw(np.array([[0, 2]], np.uint8), 3, np.random.default_rng(0))]
    [False, True]

    Source: image-level labels, Bearman et al. 2016, section 4. As there, nobody tags the background.
    """

    kind: Literal["tags"] = "tags"

    def in_words(self) -> str:
        """Say that classes are named and nothing is drawn."""
        return "tags"

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Give a tag for each foreground class, or none where all is void."""
        present, absent = foreground(truth, num_classes)
        return tuple(Tag(label=label, present=label in present) for label in sorted(present + absent))
