"""What the annotations of a training set hold, as far as a default recipe depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Box, Dense, ExtremePoints
from pointillist.core.shapes import IGNORE, AnyImage, AnyMask, ImageArray, MaskArray, RegionArray
from pointillist.propagate.start import silent_boxes
from pointillist.train.readable import naming_all
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, may_be_annotated, supervised
from pointillist.train.thinness import joined, mixing, seen_px, width_px

LOOKED_AT = 64
"""Images at whose pixels is looked, spread evenly over those that somebody annotated."""
COUNTED = 2000
"""Images of which is counted what is drawn, spread evenly over those that may be annotated."""
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

Look = Callable[[ImageArray, MaskArray], float | None]


@dataclass(frozen=True)
class Evidence:
    """What is known of the training images.

    Args:
        images: of how many it is known what is drawn: of all, unless more than `COUNTED` may be annotated.
        training: how many there are.
        channels: of the images.
        kinds: how many of them hold each kind of mark.
        full: how many are labelled all over, but for what is void.
        silent: how many of them nobody annotated.
        sized: how many state a range of sizes.
        boxed: how many have a box in which nothing of its class is labelled.
        of_the_whole: the fields of a `Target` of which one of them knows what holds for whole images only.
        depth_px: mean depth of foreground pixels where label maps show shapes; None: nowhere.
        labelled: share of the pixels that are labelled, of the images where any is, of those looked at.
        mixing: how much clicks of foreground and background mix (1: like chance); None: too few to say.
        joined: share of the straight ways between foreground labels that looks like them; None: too few, or
            label maps show the shapes.
        seen_px: of strokes on the foreground, how far what looks like them goes on; None: there are none.
        width_px: how wide things look where they were clicked on; None: there are too few clicks.
    """

    images: int
    training: int
    channels: int
    kinds: dict[str, int]
    full: int
    silent: int
    sized: int
    boxed: int
    of_the_whole: frozenset[str]
    depth_px: float | None
    mixing: float | None
    joined: float | None
    seen_px: float | None
    width_px: float | None
    labelled: float

    @property
    def all_full(self) -> bool:
        """Whether all that somebody annotated is labelled all over."""
        return 0 < self.full == self.images - self.silent

    @property
    def few(self) -> bool:
        """Whether so little is labelled that the network had better be taught besides."""
        return 0 < self.labelled < FEW

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


def gather(run: Run) -> Evidence:
    """Look at the training images of a run: at the marks of all, and at the pixels of some.

    What nobody can have annotated, by its files, is not decoded: of 200,000 images ten may be annotated.

    Raises:
        InputError: an image or an annotation can't be read.
    """
    names = run.data.names("train")
    if not names:
        fix = "Check the names of the folders, or declare the splits."
        raise InputError("the training split must hold images", "none", fix, getattr(run.data, "root", None))
    with naming_all(run.data):
        facts = _count(run, names)
        drawn = _spread(facts.drawn, LOOKED_AT)
        items = [facts.kept.get(name) or supervised(run, name) for name in drawn]
    images, pointed = [item.sample.image for item in items], [_pointed_out(item) for item in items]
    depths = [depth for item in items if (depth := _depth(item)) is not None]
    return Evidence(
        images=facts.images,
        training=len(names),
        channels=facts.channels,
        kinds=dict(facts.kinds),
        full=facts.full,
        silent=facts.silent,
        sized=facts.sized,
        boxed=facts.boxed,
        of_the_whole=facts.of_the_whole,
        depth_px=float(np.mean(depths)) if depths else None,
        mixing=mixing(pointed),
        joined=None if depths else _averaged(joined, images, pointed),
        seen_px=None if depths else _averaged(seen_px, images, pointed),
        width_px=None if depths else _averaged(width_px, images, pointed),
        labelled=_labelled(items),
    )


class _Facts:
    """What is counted over the images, each read once and let go, but for those that may be looked at.

    Args:
        keep: names of the images that are kept.
    """

    def __init__(self, keep: frozenset[str]) -> None:
        self.images = self.channels = self.full = self.silent = self.sized = self.boxed = 0
        self.kinds: Counter[str] = Counter()
        self.of_the_whole: frozenset[str] = frozenset()
        self.drawn: list[str] = []
        self.kept: dict[str, Supervised] = {}
        self._keep = keep

    def add(self, item: Supervised, times: int = 1) -> None:
        """Count an image, or as many that are alike."""
        known, name = item.known, item.sample.name
        self.images += times
        self.channels = self.channels or len(item.sample.image)
        for kind in {mark.kind for mark in (item.annotation.marks if item.annotation else ())}:
            self.kinds[kind] += times
        self.full += times * _full(item)
        self.sized += times * _sized(known)
        self.boxed += times * bool(silent_boxes(known).any())
        self.of_the_whole |= known.of_the_whole
        if known.empty:
            self.silent += times
            return
        self.drawn.append(name)
        if name in self._keep:
            self.kept[name] = item


def _count(run: Run, names: Sequence[str]) -> _Facts:
    annotated = [name for name in names if may_be_annotated(run, name)]
    counted = _spread(annotated, COUNTED)
    facts = _Facts(keep=frozenset(_spread(counted, LOOKED_AT)))
    for name in counted:
        facts.add(supervised(run, name))
    if len(counted) == len(annotated) < len(names):
        # What holds for one image of which nothing is drawn (bounds on sizes) holds for all of them.
        there = set(annotated)
        bare = next(name for name in names if name not in there)
        facts.add(supervised(run, bare), times=len(names) - len(annotated))
    return facts


def _spread(names: Sequence[str], most: int) -> list[str]:
    """Take so many at most, evenly from all of them in order."""
    return [names[i] for i in np.unique(np.linspace(0, len(names) - 1, most).astype(int))] if names else []


def _full(item: Supervised) -> bool:
    return bool((item.labels[_inside(item)] != IGNORE).all())


def _pointed_out(item: Supervised) -> MaskArray:
    """Give what was clicked, drawn along or labelled; what a box says of all around it shows no shape."""
    annotation, labels = item.annotation, item.labels
    if annotation is None or not any(isinstance(mark, Box | ExtremePoints) for mark in annotation.marks):
        return labels
    marks = tuple(mark for mark in annotation.marks if not isinstance(mark, Box | ExtremePoints))
    alone = Known.from_annotation(annotation.model_copy(update={"marks": marks}), *labels.shape)
    return np.where(_inside(item), alone.labels, np.uint8(IGNORE))


def _inside(item: Supervised) -> RegionArray:
    return np.ones_like(item.labels, bool) if item.region is None else item.region


def _labelled(items: Sequence[Supervised]) -> float:
    shares = [share for item in items if (share := float((item.labels != IGNORE).mean())) > 0]
    return float(np.mean(shares)) if shares else 0.0


def _sized(known: Known) -> bool:
    # That a class is absent, which gives it no pixel, is a tag.
    told = (known.sizes[1:, 0] > 1) | (np.isfinite(known.sizes[1:, 1]) & (known.tags[1:] != 0))
    return bool((told & ~np.isin(np.arange(1, len(known.sizes)), known.boxes[:, 0])).any())


def _depth(item: Supervised) -> float | None:
    """Mean distance of foreground pixels from the next other pixel, of label maps that show shapes.

    Where pixels were labelled here and there, each takes the label of the nearest one, and what that adds to
    the depth is taken off: as many labels as one likes, the answer is much the same.
    """
    drawn = item.annotation.marks if item.annotation else ()
    labels = item.labels
    known = labels != IGNORE
    if not any(isinstance(m, Dense) for m in drawn) or known.mean() < FEW:
        return None
    gaps, (rows, cols) = ndimage.distance_transform_edt(~known, return_indices=True)
    inside = _inside(item)
    foreground = (labels[rows, cols] > 0) & inside
    if not foreground.any():
        return None
    deep = ndimage.distance_transform_edt(foreground)[foreground].mean()
    return float(deep - gaps[inside].mean() * GAP)


def _averaged(look: Look, images: Sequence[AnyImage], maps: Sequence[AnyMask]) -> float | None:
    """Average what a look at an image and its labels tells, over the images where it tells anything."""
    pairs = zip(images, maps, strict=True)
    told = [found for image, labels in pairs if (found := look(image, labels)) is not None]
    return float(np.mean(told)) if told else None
