"""From what is known about an image to the prompts that a SAM understands, one for each object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from scipy import ndimage

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, RegionArray

# Clicks nearer to each other than this share of the longer side tell a SAM nothing new.
APART = 1 / 16


@dataclass(frozen=True, eq=False)
class Prompt:
    """What is said about one object (or about all of a class that clicks are the only word of).

    Args:
        label: its class.
        positive: clicks on it (row, col).
        negative: clicks on anything else.
        box: top, left, bottom, right (half-open); None: none.
    """

    label: int
    positive: Int64[np.ndarray, "p 2"]
    negative: Int64[np.ndarray, "q 2"]
    box: Int64[np.ndarray, " edges"] | None = None

    def agreement(self, masks: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, " m"]:
        """Give the share of the clicks that each mask agrees with: the mean of that on and that off it.

        >>> prompt = Prompt(1, positive=np.array([[0, 0], [0, 1]]), negative=np.array([[0, 2]]))
        >>> prompt.agreement(np.array([[[5.0, -5.0, -5.0]], [[5.0, 5.0, 5.0]]])).tolist()
        [0.75, 0.5]
        """
        shares = [
            (masks[:, at[:, 0], at[:, 1]] > 0).mean(1) if on else (masks[:, at[:, 0], at[:, 1]] <= 0).mean(1)
            for on, at in ((True, self.positive), (False, self.negative))
            if len(at)
        ]
        agreed: np.ndarray = np.mean(shares, axis=0) if shares else np.ones(len(masks))
        return agreed


def prompts_of(known: Known, clicks: int) -> tuple[Prompt, ...]:
    """List the prompts: one for each box with the clicks inside, one for each class that has only clicks.

    Args:
        known: the image's labels and boxes.
        clicks: the most clicks of a class in one prompt.
    """
    labels, side = known.labels, max(known.labels.shape)
    prompts = []
    for label in range(1, len(known.tags)):
        boxes = known.boxes[known.boxes[:, 0] == label][:, 1:]
        for box in boxes:
            top, left, bottom, right = box
            # Of a large image with hundreds of boxes each box alone is looked at.
            on, off = _clicks(label, labels[top:bottom, left:right], clicks, side)
            prompts.append(Prompt(label, on + box[:2], off + box[:2], box))
        if not len(boxes) and (labels == label).any():
            prompts.append(Prompt(label, *_clicks(label, labels, clicks, side)))
    return tuple(prompts)


def _clicks(label: int, labels: np.ndarray, most: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Give clicks on a class, and on anything else."""
    others = (labels != IGNORE) & (labels != label)
    return spread_clicks(labels == label, most, side), spread_clicks(others, most, side)


def spread_clicks(labelled: RegionArray, most: int, side: int | None = None) -> Int64[np.ndarray, "n 2"]:
    """Say in a few clicks which pixels are labelled: one on each patch, then more on large ones, far apart.

    Args:
        labelled: a part of an image.
        most: clicks at most.
        side: the image's longer side; None: the part is the image.

    >>> labelled = np.zeros((64, 64), bool)
    >>> labelled[3, 4] = labelled[40, 10:60] = True
    >>> spread_clicks(labelled, most=4).tolist()
    [[3, 4], [40, 34], [40, 59], [40, 10]]
    """
    patches, count = ndimage.label(labelled, np.ones((3, 3)))
    if not count:
        return np.empty((0, 2), np.int64)
    numbers = np.arange(1, count + 1)
    centres = np.array(ndimage.center_of_mass(labelled, patches, numbers)).reshape(-1, 2)
    rows, cols = np.indices(labelled.shape)
    # Unlabelled pixels are patch 0: they borrow a centre that nobody asks for.
    own = centres[np.maximum(patches, 1) - 1]
    apart = (rows - own[..., 0]) ** 2 + (cols - own[..., 1]) ** 2
    middles = np.array(ndimage.minimum_position(apart, patches, numbers), np.int64).reshape(-1, 2)
    if count >= most:
        first = ((middles - middles.mean(0)) ** 2).sum(1).argmin()
        return _farthest(middles[[first]], middles, most, 0.0)
    # Not at the rim of a region: there a click is as much beside the object as on it.
    depth = ndimage.distance_transform_edt(np.pad(labelled, 1))[1:-1, 1:-1]
    deepest = np.concatenate([[np.inf], ndimage.maximum(depth, patches, numbers)])
    inner = np.argwhere(2 * depth >= deepest[patches]).astype(np.int64)
    return _farthest(middles, inner, most, APART * (side or max(labelled.shape)))


def _farthest(chosen: np.ndarray, places: np.ndarray, most: int, least: float) -> Int64[np.ndarray, "n 2"]:
    """Add the place that is farthest from all chosen ones, until there are enough or none is far."""
    apart = np.full(len(places), np.inf)
    for at in chosen:
        apart = np.minimum(apart, ((places - at) ** 2).sum(1))
    found = list(chosen)
    while len(found) < most and apart.max() > least**2:
        found.append(places[apart.argmax()])
        apart = np.minimum(apart, ((places - found[-1]) ** 2).sum(1))
    return np.array(found, np.int64)
