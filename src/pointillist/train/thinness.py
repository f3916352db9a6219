"""Whether labels here and there show thin things or broad ones: five looks at them and at the image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from pointillist.core.shapes import IGNORE, AnyMask, ImageArray, MaskArray

Places = Int64[np.ndarray, "_ 2"]
"""(row, column) of each."""
WAYS = 30
"""Pairs of foreground clicks of an image whose way is looked at."""
BLUR_PX = 1.5
"""Deviation of the Gaussian over the image first: a hair across a way is not the background."""
DENSE = 0.25
"""Share of labelled pixels from which labels are no clicks and no strokes: such looks then say nothing."""
STROKES = 0.5
"""Where more than this share of the labelled pixels adjoins one of its side, they are strokes or discs."""
STROKED, DRAWN, BRUSH_PX = 0.05, 0.9, 4.0
"""Maps drawn by hand: labelled less than this share, of which more than this share adjoins one of its side,
and on average less deep than this."""
REACH_PX = 8
"""So far from a stroke or a click is looked for what looks otherwise."""
AXES = 8
"""Lines through a click along which is looked, evenly turned."""
LOOKS = 40
"""Pixels of an image's strokes, or clicks, around which is looked."""
ALIKE = 0.25
"""Classes of whose pixels more than this share has the other's colour look alike."""
COLOURS = 400
"""Labelled pixels of each side whose colours are compared with."""


def mixing(maps: Iterable[AnyMask]) -> float | None:
    """Say how much foreground and background clicks mix.

    The share of foreground pixels whose nearest labelled neighbour is background, over what chance gives.
    Near 0 where clicks of a class keep together, as on blobs; near 1 where they lie among each other, as on
    vessels. None when no image has two labelled pixels of each, other than strokes.

    >>> blobs = np.full((1, 20), IGNORE, np.uint8)
    >>> blobs[0, [0, 2]], blobs[0, [8, 10]] = 1, 0
    >>> mixing([blobs])
    0.0
    """
    seen = expected = 0.0
    for labels in maps:
        places = np.argwhere(labels != IGNORE)
        is_background = labels[labels != IGNORE] == 0
        background = int(is_background.sum())
        foreground = len(places) - background
        if min(background, foreground) < 2 or len(places) > labels.size * DENSE or _strokes(labels):
            continue
        nearest = np.asarray(cKDTree(places).query(places[~is_background], k=2)[1])
        seen += float(is_background[nearest[:, 1]].mean())
        expected += background / (foreground - 1 + background)
    return seen / expected if expected else None


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
    foreground, background = _places(labels)
    if min(len(foreground), len(background)) < 2:
        return None
    smooth = ndimage.gaussian_filter(image, (0, BLUR_PX, BLUR_PX))
    first, second = _pairs(len(foreground))
    start, end = foreground[first, None], foreground[second, None]
    way = np.linspace(0.125, 0.875, 48)[:, None]
    passed = np.rint(start + (end - start) * way).astype(int).reshape(-1, 2)
    near, far = _apart(smooth, passed, foreground, background)
    return float(np.mean(near < far))


def _pairs(count: int) -> tuple[Int64[np.ndarray, " p"], Int64[np.ndarray, " p"]]:
    """Choose pairs of so many things, evenly from all of them in order, which are never listed.

    Scribbles have thousands of pixels, and tens of millions of pairs.
    """
    ends = np.cumsum(np.arange(count - 1, 0, -1))  # Of the pairs that each thing makes with later ones.
    chosen = np.linspace(0, ends[-1] - 1, min(WAYS, ends[-1])).astype(int)
    first = np.searchsorted(ends, chosen, side="right")
    return first, count - (ends[first] - chosen)


def seen_px(image: ImageArray, labels: MaskArray) -> float | None:
    """Say how far from strokes on the foreground the image goes on looking like them, on average, in pixels.

    To the next pixel whose colour is nearer to that of labelled background, at most `REACH_PX`. With
    scribbles over half of the way, on 16 images each: PH2 7.4, drawn lesions 7.8, buildings 4.8; DRIVE 3.1,
    drawn vessels 2.4. None without strokes on both sides.

    Args:
        image: float in [0, 1].
        labels: few of them labelled, the others IGNORE.
    """
    foreground, background = _places(labels)
    if min(len(foreground), len(background)) < 2 or not _strokes(labels):
        return None
    side = np.arange(-REACH_PX, REACH_PX + 1)
    steps = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    lengths = np.hypot(*steps.T)
    other = _otherwise(image, foreground, background, steps)
    return float(np.where(other, lengths, REACH_PX).min(1).clip(max=REACH_PX).mean())


def width_px(image: ImageArray, labels: MaskArray) -> float | None:
    """Say how wide things are where they were clicked on, on average, in pixels.

    A width is the shortest of eight lines through a click, each to the next pixel on either side whose colour
    is nearer to that of labelled background, at most `REACH_PX`: a click at the outline of a broad thing
    still sees more than half of that. With 20 clicks in the middle of things, on 16 images each: PH2 15.7,
    drawn lesions 16.6, buildings 14.0, toy-scatter 11.6; DRIVE 8.2, drawn vessels 6.9. None without clicks on
    both sides, or where labels are strokes.

    Args:
        image: float in [0, 1].
        labels: few of them labelled, the others IGNORE.
    """
    foreground, background = _places(labels)
    if min(len(foreground), len(background)) < 2 or _strokes(labels):
        return None
    turned = np.arange(2 * AXES) * np.pi / AXES
    ways = np.stack([np.sin(turned), np.cos(turned)], -1)[:, None] * np.arange(1, REACH_PX + 1)[:, None]
    steps = np.rint(ways).astype(int).reshape(-1, 2)
    other = _otherwise(image, foreground, background, steps).reshape(-1, 2 * AXES, REACH_PX)
    # In the middle between the last pixel that looks alike and the first that does not.
    ends = np.where(other.any(-1), other.argmax(-1), REACH_PX) + 0.5
    return float((ends[:, :AXES] + ends[:, AXES:]).min(1).mean())


def alike(image: ImageArray, labels: MaskArray) -> set[tuple[int, int]]:
    """List the pairs of classes that colours don't tell apart, as those of the left and the right lung.

    Of the labelled pixels of the two more than `ALIKE` are nearer in colour to the other class than to their
    own, what lies beside them on the same stroke or disc left out. A class with one click is like all.

    Args:
        image: float in [0, 1].
        labels: few of them labelled, the others IGNORE.
    """
    classes = [int(label) for label in np.unique(labels) if label != IGNORE]
    each = [_some(np.argwhere(labels == label), LOOKS) for label in classes]
    places = np.concatenate(each)
    owner = np.repeat(np.arange(len(classes)), [len(one) for one in each])
    smooth = ndimage.gaussian_filter(image, (0, BLUR_PX, BLUR_PX)).transpose(1, 2, 0)
    apart = cdist(smooth[tuple(places.T)], smooth[tuple(places.T)])
    apart[(owner[:, None] == owner) & (cdist(places, places) <= REACH_PX)] = np.inf
    nearest = np.stack([apart[:, owner == one].min(1) for one in range(len(classes))], 1)
    own = nearest[np.arange(len(owner)), owner, None]
    mistaken = np.stack([(nearest < own)[owner == one].mean(0) for one in range(len(classes))])
    pairs = np.argwhere(mistaken + mistaken.T > 2 * ALIKE)
    return {(classes[first], classes[second]) for first, second in pairs}


def _otherwise(
    image: ImageArray, foreground: Places, background: Places, steps: Places
) -> Bool[np.ndarray, "p s"]:
    """Say of each step (row, column) from some foreground places whether background seems to lie there.

    None leads there from the image's edge outwards.
    """
    smooth = ndimage.gaussian_filter(image, (0, BLUR_PX, BLUR_PX))
    around = _some(foreground, LOOKS)[:, None] + steps
    inside = ((around >= 0) & (around < image.shape[1:])).all(-1)
    asked = np.clip(around, 0, np.array(image.shape[1:]) - 1).reshape(-1, 2)
    near, far = _apart(smooth, asked, _some(foreground, COLOURS), _some(background, COLOURS))
    found: Bool[np.ndarray, "p s"] = inside & (far < near).reshape(inside.shape)
    return found


def _places(labels: MaskArray) -> tuple[Places, Places]:
    """Give the places (row, column) labelled foreground, and background; none where labels are dense."""
    known = labels != IGNORE
    if known.mean() > DENSE:
        known = np.zeros_like(known)
    return np.argwhere(known & (labels > 0)), np.argwhere(known & (labels == 0))


def stroked(labels: MaskArray) -> bool:
    """Whether a label map was drawn by hand, in lines or dabs of a brush, and not by area or by chance.

    Few of its pixels are labelled, hardly any stands alone, and they lie near the edge of what is drawn. Of
    pixels that are labelled by chance, as many as these, two thirds stand alone; clicks of one pixel in a
    map look like those, and are not told apart.
    """
    known = labels != IGNORE
    if not 0 < known.mean() < STROKED or _together(labels) <= DRAWN * known.sum():
        return False
    return bool(ndimage.distance_transform_edt(known)[known].mean() < BRUSH_PX)


def _strokes(labels: MaskArray) -> bool:
    """Whether most labelled pixels adjoin one of their side: drawn lines, or discs."""
    return _together(labels) > STROKES * int((labels != IGNORE).sum())


def _together(labels: MaskArray) -> int:
    """Count the labelled pixels that adjoin one of their side (8 neighbours)."""
    known = labels != IGNORE
    together = 0
    for side in (known & (labels > 0), known & (labels == 0)):
        crowd = ndimage.convolve(side.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant")
        together += int((crowd[side] > 1).sum())
    return together


def _apart(image: ImageArray, asked: Places, *sides: Places) -> list[Float64[np.ndarray, " p"]]:
    """Say how far each asked place's colour is from the nearest colour at the places of each side."""
    colours = image.transpose(1, 2, 0)
    found = (cKDTree(colours[tuple(side.T)]).query(colours[tuple(asked.T)])[0] for side in sides)
    return [np.asarray(distances) for distances in found]


def _some(places: Places, most: int) -> Places:
    """Take so many at most, evenly from all of them in order."""
    some: Places = places[np.unique(np.linspace(0, len(places) - 1, most).astype(int))]
    return some
