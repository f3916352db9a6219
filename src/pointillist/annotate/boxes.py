"""Boxes, one around each object."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.part import Part, foreground, parts
from pointillist.core.marks import Box, Mark, Tag
from pointillist.core.shapes import MaskArray


class Boxes(Annotator):
    """Draw a box around each connected object (8 neighbours) of every foreground class.

    Every object gets one, however small, since a box says that nothing lies outside all boxes. Classes that
    the image does not show get a tag that says so, so that an image without objects is not silent.

    Args:
        margin: an over-careful person: pixels added on every side, as far as the image goes. The box holds
            its object but is not tight.
        jitter: an unsteady hand: standard deviation of a move of each side, as a share of the box's height
            (top, bottom) or width (left, right). The box may cut its object.

    >>> truth = np.array([[0, 0, 0, 0], [0, 1, 1, 0]], np.uint8)
    >>> Boxes().draw(truth, 2, np.random.default_rng(0))
    (Box(kind='box', label=1, top=1, left=1, bottom=2, right=3),)

    Source: tight boxes as weak labels, Hsu et al. 2019 (NeurIPS) and Kervadec et al. 2020 (MIDL, section
    2.1), whose tightness prior needs boxes that touch their object on all four sides. Ours are tight unless
    ``margin`` or ``jitter`` says otherwise.
    """

    kind: Literal["boxes"] = "boxes"
    margin: Annotated[int, Field(ge=0, le=10_000)] = 0
    jitter: Annotated[float, Field(ge=0, le=10)] = 0.0

    @property
    def truthful(self) -> bool:
        """Whether each box is tight."""
        return not (self.margin or self.jitter)

    def in_words(self) -> str:
        """Say how sloppy the boxes are."""
        sloppy = [f"margin {self.margin} px"] if self.margin else []
        sloppy += [f"jitter {self.jitter:g}"] if self.jitter else []
        return "boxes" + (f" ({', '.join(sloppy)})" if sloppy else "")

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw the boxes, class by class, then say what is absent."""
        present, absent = foreground(truth, num_classes)
        boxes = [self._box(part, truth.shape, rng) for label in present for part in parts(truth, label)]
        return (*boxes, *(Tag(label=label, present=False) for label in absent))

    def _box(self, part: Part, size: tuple[int, ...], rng: np.random.Generator) -> Box:
        sides = np.array([part.top, part.left, part.bottom, part.right])
        lengths = np.tile(part.region.shape, 2)
        moves = np.rint(rng.normal(0, 1, 4) * self.jitter * lengths).astype(int)
        moves += self.margin * np.array([-1, -1, 1, 1])
        limit = np.tile(size, 2)
        top, left, bottom, right = (int(side) for side in np.clip(sides + moves, 0, limit))
        # A hand that shakes past the opposite side still leaves a box of one pixel.
        top, left = min(top, size[0] - 1), min(left, size[1] - 1)
        return Box(
            label=part.label, top=top, left=left, bottom=max(bottom, top + 1), right=max(right, left + 1)
        )
