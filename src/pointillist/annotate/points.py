"""Clicks, placed as people place them."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pointillist.annotate.annotator import Annotator
from pointillist.annotate.place import STRATEGIES, Ground, Places, jittered, objects
from pointillist.core.marks import Mark, Points
from pointillist.core.shapes import IGNORE, MaskArray

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Pixels = Annotated[float, Field(ge=0, le=10_000)]


class PointsAnnotator(Annotator):
    """Click on every class that is in the image.

    Exactly the asked number of distinct pixels of a class are clicked, or all of them when there are fewer;
    void is never clicked. The strategies:

    - ``random``: any pixel of the class, all alike;
    - ``centre``: deep inside. Each click goes near the pixel that is farthest from the outline (the image's
      edge counts as one) and from the clicks before;
    - ``border``: on both sides of the outlines, within three pixels of the next pixel of another class;
    - ``component``: one on each connected object, the largest first, then in proportion to their areas;
    - ``spread``: far from each other (farthest-point sampling).

    Args:
        positive: clicks on each foreground class that is present.
        negative: clicks on the background.
        strategy: where they go.
        jitter: an unsteady hand: standard deviation in pixels, along each axis, of a move within the class
            (for ``component``, within the object). Clicks on the wrong class are another thing: ``mistakes``.
        radius: each click labels the disc of this radius, in pixels; 0: one pixel. Every labelled pixel
            tells the truth: clicks go where the disc lies inside the class and the image if the class has
            enough such places, and elsewhere a disc shrinks to what lies inside.

    Raises:
        InputError: no click is asked for at all.

    >>> truth = np.zeros((5, 5), np.uint8)
    >>> truth[1:4, 1:4] = 1
    >>> clicks = PointsAnnotator(positive=1, negative=0, strategy="centre")
    >>> clicks.draw(truth, 2, np.random.default_rng(0))
    (Points(kind='points', label=1, at=((2.0, 2.0),), radius=0.0),)

    Source: one click per class, Bearman et al. 2016; successive clicks at the maximum of the distance
    transform are usual in simulated interactive segmentation (Xu et al. 2016, Deep interactive object
    selection, section 3). Ours need no prediction, and choose among the pixels within 10 % of the maximum.
    """

    kind: Literal["points"] = "points"
    positive: Count = 5
    negative: Count = 5
    strategy: Literal["random", "centre", "border", "component", "spread"] = "random"
    jitter: Pixels = 0.0
    radius: Pixels = 0.0

    @model_validator(mode="after")
    def _some(self) -> PointsAnnotator:
        if self.positive + self.negative == 0:
            raise ValueError("positive or negative must be at least 1, or nothing is annotated")
        return self

    def in_words(self) -> str:
        """Say how many clicks, and all that is not as usual about them."""
        unusual: list[str] = [] if self.strategy == "random" else [self.strategy]
        unusual += [f"jitter {self.jitter:g} px"] if self.jitter else []
        unusual += [f"radius {self.radius:g} px"] if self.radius else []
        return f"{self.positive}+{self.negative} clicks" + (f" ({', '.join(unusual)})" if unusual else "")

    def draw(self, truth: MaskArray, num_classes: int, rng: np.random.Generator) -> tuple[Mark, ...]:
        """Draw the clicks, class by class."""
        available = np.bincount(truth.ravel(), minlength=IGNORE)
        marks: list[Mark] = []
        for label in range(num_classes):
            count = min(self.positive if label else self.negative, int(available[label]))
            if count:
                marks += self._clicks(Ground(truth, label, count, self.radius), rng)
        return tuple(marks)

    def _clicks(self, ground: Ground, rng: np.random.Generator) -> list[Points]:
        places = STRATEGIES[self.strategy](ground, rng)
        if self.jitter:
            places = jittered(places, self._homes(ground, places), self.jitter, rng)
        at = np.stack(np.unravel_index(places, ground.truth.shape), 1).astype(float)
        radii = self._radii(ground, places)
        return [
            Points(label=ground.label, at=tuple(map(tuple, at[radii == r].tolist())), radius=float(r))
            for r in np.unique(radii)[::-1]
        ]

    def _homes(self, ground: Ground, places: Places) -> np.ndarray:
        homes = objects(ground.region) if self.strategy == "component" else ground.region.astype(np.int32)
        if self.radius < 1 or not ground.roomy.ravel()[places].all():
            return homes
        return np.where(ground.roomy, homes, 0)

    def _radii(self, ground: Ground, places: Places) -> np.ndarray:
        if self.radius < 1:
            return np.full(len(places), self.radius)
        depth = ground.depth.ravel()[places]
        # Squared distances are whole, so the widest disc that ends before depth has radius^2 = depth^2 - 1.
        return np.where(depth > self.radius, self.radius, np.floor(np.sqrt(np.rint(depth**2) - 1)))
