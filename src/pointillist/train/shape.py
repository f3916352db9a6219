"""Whether things are thin or broad, by what annotations show of them: class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.marks import Box, Dense, ExtremePoints
from pointillist.core.shapes import IGNORE, AnyMask, ImageArray, MaskArray
from pointillist.train.supervise import Supervised
from pointillist.train.thinness import alike, joined, mixing, seen_px, stroked, width_px

THIN_PX = 4.0
"""Objects whose pixels lie on average less deep than this are thin."""
SCATTERED = 0.5
"""Clicks of both classes that mix more than this share of what chance would mix them are of thin objects."""
FEW = 0.005
"""Share of labelled pixels below which a network that starts from nothing learns too little from them."""
JOINED = 0.7
"""Where more than this share of the ways between foreground clicks looks like them, things are broad."""
WIDE_PX = 12.0
"""Where clicks keep together, things that look narrower than this where they were clicked on may be thin."""
TOGETHER = 0.3
"""Clicks that mix less than this keep together: on blobs, or in the middle of vessels and far from them."""
MOSTLY = 0.8
"""With such clicks things are broad where more than this share of the ways looks like them."""
GAP = 0.2
"""Labels that lie apart make things look deeper by this share of the mean distance to the nearest label."""
MOST, FIRST = 128, 4
"""Looks at colours, .1 s each, that all classes share; so many images each class is looked at on at least."""


@dataclass(frozen=True)
class Shape:
    """What annotations show of the things of a class, all other classes being the rest.

    Args:
        of: the class; empty where there is no other.
        depth_px: mean depth of its pixels where label maps show shapes; None: nowhere.
        mixing: how much clicks on it and on the rest mix (1: like chance); None: too few to say.
        joined: share of the straight ways between its labels that looks like them; None: too few, or label
            maps show the shapes.
        seen_px: of strokes on it, how far what looks like them goes on; None: there are none.
        width_px: how wide things look where they were clicked on; None: there are too few clicks.
    """

    of: str
    depth_px: float | None
    mixing: float | None
    joined: float | None
    seen_px: float | None
    width_px: float | None

    @property
    def thin(self) -> bool:
        """Whether the objects look thin or tiny: by their depth, else by how their clicks mix.

        Clicks near the outlines of broad things mix, too, and so do those that keep away from each other: but
        the way from one click on a broad thing to the next lies on it. The pixels of a stroke never mix;
        beside a stroke along a vessel the image soon looks like the background. Clicks in the middle of
        vessels and far from them keep together as on blobs: but what lies around the former is narrow, and
        the way from one to the next leads over background.
        """
        if self.depth_px is not None:
            return self.depth_px < THIN_PX
        mixed = self.mixing is not None and self.mixing > SCATTERED
        narrow = self.seen_px is not None and self.seen_px < THIN_PX
        if (mixed or narrow) and (self.joined is None or self.joined < JOINED):
            return True
        if self.mixing is None or self.width_px is None or self.joined is None:
            return False
        return self.mixing < TOGETHER and self.width_px < WIDE_PX and self.joined < MOSTLY


Look = Callable[[ImageArray, MaskArray], float | None]
LOOKS: dict[str, Look] = {"joined": joined, "seen_px": seen_px, "width_px": width_px}


class Shapes:
    """Looks at annotated images, one after another, and tells of what shape the things of each class are.

    Args:
        classes: their names, background first.
        images: how many there will be; with more classes each is looked at on fewer of them.
    """

    def __init__(self, classes: tuple[str, ...], images: int) -> None:
        self._every = max(1, ceil(images * (len(classes) - 1) / MOST))
        self._met: Counter[int] = Counter()
        self._names = classes if len(classes) > 2 else ("",) * len(classes)
        self._classes = range(1, len(classes))
        self._depths: dict[int, list[float]] = {label: [] for label in self._classes}
        self._looks = {(label, name): list[float]() for label in self._classes for name in LOOKS}
        self._pointed: list[AnyMask] = []

    def add(self, item: Supervised) -> None:
        """Look at one image."""
        pointed, depths = _pointed_out(item), _depths(item, self._classes)
        self._pointed.append(pointed)
        for label, depth in depths.items():
            self._depths[label].append(depth)
        looked = [label for label in self._classes if (pointed == label).any() and self._due(label)]
        # By its colours the right lung is no other thing than the left one, and tells nothing of its outline.
        like = alike(item.sample.image, pointed) if looked and len(self._classes) > 1 else set()
        for label in looked:
            others = [other for other in self._classes if other != label and (label, other) in like]
            rest = np.where(np.isin(pointed, others), np.uint8(IGNORE), pointed)
            self._look(label, item.sample.image, _alone(rest, label))

    def _due(self, label: int) -> bool:
        if self._depths[label]:  # Its shapes are known.
            return False
        self._met[label] += 1
        return self._met[label] <= FIRST or self._met[label] % self._every == 0

    def _look(self, label: int, image: ImageArray, labels: MaskArray) -> None:
        for name, look in LOOKS.items():
            if (told := look(image, labels)) is not None:
                self._looks[label, name].append(told)

    def thinnest(self) -> Shape:
        """Give the shape of a class that is thin, if any is: what would smooth the others takes it away.

        Else that of the class whose label maps show the least depth, or whose clicks the least width.
        """
        shapes = [self._shape(label) for label in self._classes]
        return min(shapes, key=_order)

    def _shape(self, label: int) -> Shape:
        depths = self._depths[label]
        looks = {name: None if depths else _mean(self._looks[label, name]) for name in LOOKS}
        mixed = mixing(_alone(labels, label) for labels in self._pointed)
        return Shape(self._names[label], _mean(depths), mixed, **looks)


def _order(shape: Shape) -> tuple[bool, float, float, float]:
    depth, width, seen = (
        np.inf if one is None else one for one in (shape.depth_px, shape.width_px, shape.seen_px)
    )
    return not shape.thin, depth, width, seen


def _alone(labels: AnyMask, label: int) -> AnyMask:
    """Give the class as foreground, and all that is labelled otherwise as background."""
    return np.where(labels == IGNORE, labels, (labels == label).astype(np.uint8))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _pointed_out(item: Supervised) -> MaskArray:
    """Give what was clicked, drawn along or labelled; what a box says of all around it shows no shape."""
    annotation, labels = item.annotation, item.labels
    if annotation is None or not any(isinstance(mark, Box | ExtremePoints) for mark in annotation.marks):
        return labels
    marks = tuple(mark for mark in annotation.marks if not isinstance(mark, Box | ExtremePoints))
    alone = Known.from_annotation(annotation.model_copy(update={"marks": marks}), *labels.shape)
    return np.where(item.inside, alone.labels, np.uint8(IGNORE))


def _depths(item: Supervised, classes: Sequence[int]) -> dict[int, float]:
    """Mean distance of each class's pixels from the next other pixel, of label maps that show shapes.

    Where pixels were labelled here and there, each takes the label of the nearest one, and what that adds to
    the depth is taken off: as many labels as one likes, the answer is much the same.
    """
    drawn = item.annotation.marks if item.annotation else ()
    known = item.labels != IGNORE
    if not any(isinstance(m, Dense) for m in drawn) or known.mean() < FEW or stroked(item.labels):
        return {}
    gaps, (rows, cols) = ndimage.distance_transform_edt(~known, return_indices=True)
    nearest = np.where(item.inside, item.labels[rows, cols], np.uint8(IGNORE))
    there = [label for label in classes if (nearest == label).any()]
    added = gaps[item.inside].mean() * GAP
    deep = {label: ndimage.distance_transform_edt(nearest == label)[nearest == label] for label in there}
    return {label: float(deep[label].mean() - added) for label in there}
