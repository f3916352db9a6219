"""What the annotations of a training set hold, as far as a default recipe depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8
from scipy import ndimage
from scipy.spatial import cKDTree

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Dense
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray, RegionArray
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, supervised

LOOKED_AT = 64
"""Images that the evidence is gathered from, spread evenly over the training images."""
THIN_PX = 4.0
"""Objects whose pixels lie on average less deep than this are thin."""
SCATTERED = 0.5
"""Clicks of both classes that mix more than this share of what chance would mix them are of thin objects."""
FEW = 0.005
"""Share of labelled pixels below which a network that starts from nothing learns too little from them."""
JOINED = 0.7
"""Where more than this share of the ways between foreground clicks looks like them, things are broad."""
WAYS = 30
"""Pairs of foreground clicks of an image whose way is looked at."""
BLUR_PX = 1.5
"""Deviation of the Gaussian over the image first: a hair across a way is not the background."""
GAP = 0.2
"""Labels that lie apart make things look deeper by this share of the mean distance to the nearest label."""
DENSE = 0.25
"""Share of labelled pixels from which labels are no clicks: how they mix then says nothing."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the training images that were looked at.

    Args:
        images: how many were looked at.
        channels: of the images.
        kinds: how many of them hold each kind of mark.
        full: how many are labelled all over.
        silent: how many of them nobody annotated.
        sized: how many state a range of sizes.
        depth_px: mean depth of foreground pixels where label maps show shapes; None: nowhere.
        labelled: share of the pixels that are labelled, of the images where any is.
        mixing: how much clicks of foreground and background mix (1: like chance); None: too few to say.
        joined: share of the straight ways between foreground clicks that looks like them; None: too few, or
            label maps show the shapes.
    """

    images: int
    channels: int
    kinds: dict[str, int]
    full: int
    silent: int
    sized: int
    depth_px: float | None
    mixing: float | None
    joined: float | None
    labelled: float

    @property
    def few(self) -> bool:
        """Whether so little is labelled that the network had better be taught besides."""
        return 0 < self.labelled < FEW

    @property
    def thin(self) -> bool:
        """Whether the objects look thin or tiny: by their depth, else by how their clicks mix.

        Clicks near the outlines of broad things mix, too, and so do those that keep away from each other: but
        the way from one click on a broad thing to the next lies on it.
        """
        if self.depth_px is not None:
            return self.depth_px < THIN_PX
        mixed = self.mixing is not None and self.mixing > SCATTERED
        return mixed and (self.joined is None or self.joined < JOINED)


def gather(run: Run) -> Evidence:
    """Look at the training images of a run.

    Raises:
        InputError: an image or an annotation can't be read.
    """
    names = run.data.names("train")
    if not names:
        fix = "Check the names of the folders, or declare the splits."
        raise InputError("the training split must hold images", "none", fix, getattr(run.data, "root", None))
    chosen = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, LOOKED_AT).astype(int))]
    items = [supervised(run, name) for name in chosen]
    depths = [depth for item in items if (depth := _depth(item)) is not None]
    return Evidence(
        images=len(items),
        channels=len(items[0].sample.image),
        kinds=_kinds(items),
        full=sum(_full(item) for item in items),
        silent=sum(item.known.empty for item in items),
        sized=sum(_sized(item.known) for item in items),
        depth_px=float(np.mean(depths)) if depths else None,
        mixing=mixing([item.labels for item in items]),
        joined=None if depths else _joined(items),
        labelled=_labelled(items),
    )


def _kinds(items: Sequence[Supervised]) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in items:
        for kind in {mark.kind for mark in (item.annotation.marks if item.annotation else ())}:
            found[kind] = found.get(kind, 0) + 1
    return found


def _full(item: Supervised) -> bool:
    return bool((item.labels[_inside(item)] != IGNORE).all())


def _inside(item: Supervised) -> RegionArray:
    region = item.sample.region
    return np.ones_like(item.labels, bool) if region is None else region


def _labelled(items: Sequence[Supervised]) -> float:
    shares = [share for item in items if (share := float((item.labels != IGNORE).mean())) > 0]
    return float(np.mean(shares)) if shares else 0.0


def _sized(known: Known) -> bool:
    told = (known.sizes[1:, 0] > 1) | ((known.sizes[1:, 1] > 0) & np.isfinite(known.sizes[1:, 1]))
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


def mixing(maps: Sequence[UInt8[np.ndarray, "_ _"]]) -> float | None:
    """Say how much foreground and background clicks mix.

    The share of foreground pixels whose nearest labelled neighbour is background, over what chance gives.
    Near 0 where clicks of a class keep together, as on blobs; near 1 where they lie among each other, as on
    vessels. None when no image has two labelled pixels of each.

    >>> blobs = np.full((1, 20), IGNORE, np.uint8)
    >>> blobs[0, [0, 1]], blobs[0, [8, 9]] = 1, 0
    >>> mixing([blobs])
    0.0
    """
    seen = expected = 0.0
    for labels in maps:
        places = np.argwhere(labels != IGNORE)
        is_background = labels[labels != IGNORE] == 0
        background = int(is_background.sum())
        foreground = len(places) - background
        if min(background, foreground) < 2 or len(places) > labels.size * DENSE:
            continue
        nearest = np.asarray(cKDTree(places).query(places[~is_background], k=2)[1])
        seen += float(is_background[nearest[:, 1]].mean())
        expected += background / (foreground - 1 + background)
    return seen / expected if expected else None


def _joined(items: Sequence[Supervised]) -> float | None:
    """Average `joined` over the images whose labels are clicks on both classes."""
    clicked = [item for item in items if (item.labels != IGNORE).mean() <= DENSE]
    shares = [joined(item.sample.image, item.labels) for item in clicked]
    told = [share for share in shares if share is not None]
    return float(np.mean(told)) if told else None


def joined(image: ImageArray, labels: MaskArray) -> float | None:
    """Say how much of the straight ways between foreground clicks looks like them, not like background.

    Near 1 where the clicks lie on one broad thing, wherever on it; near 1/2 where the way leads over what
    lies between vessels, or between small things. On 16 images each: PH2 .97, with clicks at the border .88,
    with every fifth click wrong .75; DRIVE .5, buildings .4. The ends of a way are left out. None without two
    labelled pixels of each side.

    Args:
        image: float in [0, 1].
        labels: few of them labelled, the others IGNORE.
    """
    foreground = np.argwhere((labels != IGNORE) & (labels > 0))
    background = np.argwhere(labels == 0)
    if min(len(foreground), len(background)) < 2:
        return None
    smooth = ndimage.gaussian_filter(image, (0, BLUR_PX, BLUR_PX))
    first, second = _pairs(len(foreground))
    start, end = foreground[first, None], foreground[second, None]
    way = np.linspace(0.125, 0.875, 48)[:, None]
    rows, cols = np.rint(start + (end - start) * way).astype(int).reshape(-1, 2).T
    passed = smooth[:, rows, cols].T
    near, far = (
        cKDTree(smooth[:, places[:, 0], places[:, 1]].T).query(passed)[0]
        for places in (foreground, background)
    )
    return float(np.mean(near < far))


def _pairs(count: int) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """Choose pairs of so many things, evenly from all of them in order, which are never listed.

    Scribbles have thousands of pixels, and tens of millions of pairs.
    """
    ends = np.cumsum(np.arange(count - 1, 0, -1))  # Of the pairs that each thing makes with later ones.
    chosen = np.linspace(0, ends[-1] - 1, min(WAYS, ends[-1])).astype(int)
    first = np.searchsorted(ends, chosen, side="right")
    return first, count - (ends[first] - chosen)
