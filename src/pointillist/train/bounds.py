"""Bounds on the classes' areas that a person states for all images at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from pointillist.core.config import Config
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, AnyMask

Share = Annotated[float, Field(ge=0, le=1)]


class SizeBounds(Config):
    """Every image shows so much of each foreground class, as shares of its area.

    A class that an annotation calls absent stays at 0, and where it knows more of one image, what both say
    holds; where they contradict each other, the annotation.

    Args:
        low: lowest share of each foreground class in every image of which its absence is not known: 0 where
            it may be missing.
        high: highest share.
        source: where the shares come from, for tables: a person's guess, or "k masks", or an oracle.

    >>> SizeBounds(low=(0.1,), high=(0.3,)).narrow(Known.nothing(2, 10, 10)).tolist()
    [[0.0, inf], [10.0, 30.0]]
    """

    low: tuple[Share, ...] = Field(min_length=1)
    high: tuple[Share, ...] = Field(min_length=1)
    source: str = "stated"

    @model_validator(mode="after")
    def _ranges(self) -> SizeBounds:
        if len(self.low) != len(self.high) or any(a > b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError("low and high must hold one share for each foreground class, low <= high")
        return self

    @classmethod
    def from_masks(cls, masks: Sequence[AnyMask], num_classes: int, margin: float = 0.1) -> SizeBounds:
        """Take the range that a few fully annotated images show, widened.

        Args:
            masks: of images in which every foreground class is present at least once in all.
            num_classes: K.
            margin: share by which the lowest is lowered and the highest raised.

        Raises:
            InputError: a class is in none of the masks.
        """
        low, high = [], []
        for label in range(1, num_classes):
            shares = [share for mask in masks if (share := float((mask == label).mean())) > 0]
            if not shares:
                fix = "Annotate an image that shows it, or state its size yourself."
                raise InputError(f"class {label} must be in one of the masks", "in none", fix)
            low.append(min(shares) * (1 - margin))
            high.append(min(1.0, max(shares) * (1 + margin)))
        return cls(low=tuple(low), high=tuple(high), source=f"{len(masks)} masks, margin {margin:g}")

    def narrow(self, known: Known) -> Float[np.ndarray, "k 2"]:
        """Give an image's sizes, in pixels, as the bounds and its own annotation leave them.

        Raises:
            InputError: the image has another number of foreground classes.
        """
        stated = np.array([self.low, self.high]).T * known.labels.size
        sizes = known.sizes.copy()
        if len(stated) != len(sizes) - 1:
            must = f"sizes must bound each of the {len(sizes) - 1} foreground classes"
            raise InputError(must, str(len(stated)), "Give low and high one share for each class.")
        counts = np.bincount(known.labels.ravel(), minlength=IGNORE + 1)
        for label, (low, high) in enumerate(stated, start=1):
            # Of a class are at least the pixels that bear its label, and at most those that bear no other.
            own_low = max(sizes[label, 0], counts[label])
            own_high = min(sizes[label, 1], counts[label] + counts[IGNORE])
            if known.tags[label] != 0 and max(low, own_low) <= min(high, own_high):
                sizes[label] = max(low, own_low), min(high, own_high)
        return sizes
