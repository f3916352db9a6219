"""Images as the classifier of pixels looks at them, shrunk, and their labelled pixels at that size."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE, ImageArray
from pointillist.data.resample import resized, wanted_size
from pointillist.propagate import FeatureForest
from pointillist.propagate.feature_forest import Places, Rows, at_places
from pointillist.propagate.filters import Maps
from pointillist.propagate.propagator import Probs
from pointillist.propagate.start import ellipses
from pointillist.train.thinness import joined
from pointillist.web.kept import Kept
from pointillist.web.nearby import SPREAD
from pointillist.web.project import Project

FEW = 10_000
"""Pixels of a class, up to which each is learnt from, though it shares a pixel of the shrunk image."""
LEARNT = 1000
"""Images that were worked on last, from which the classifier learns."""
READING_S = 0.08
"""So long an answer waits until images are read that others drew on, or that were drawn on before."""
MIDDLE = 0.5
"""Share of a box's ellipse that is taken for its object."""
MAPS_KEPT = 700 << 20
"""Bytes of features that stay in memory, some 30 MB for an image."""


@dataclass(frozen=True, eq=False)
class Seen:
    """An image as the classifier looks at it: shrunk, and described."""

    image: ImageArray
    maps: Maps

    @cached_property
    def spread(self) -> Callable[[Known], Probs]:
        """Spreads labels in it; the image is cut when this is asked for first."""
        return SPREAD.looked_at(self.image)


@dataclass(frozen=True, eq=False)
class Read:
    """The labelled pixels of an image at that size, as they were at a revision.

    Args:
        fewest: how many the class has that has fewest; 0: nothing is labelled.
        joined: see `thinness.joined`.
    """

    revision: int
    places: Places
    size: tuple[int, int]
    rows: Rows
    fewest: int
    joined: float | None


class Looks:
    """Looks at images, and keeps what it has seen.

    Args:
        project: its images and events.
        forest: how pixels are described.

    Attributes:
        seen: an image by its name, described; the last ones stay in memory.
    """

    def __init__(self, project: Project, forest: FeatureForest) -> None:
        self.project, self.forest = project, forest
        self.seen = Kept(
            self._see, lambda seen: seen.maps.nbytes + seen.image.nbytes, MAPS_KEPT, project.pictures.state
        )
        self._read: dict[str, Read] = {}
        self._tried: dict[str, int] = {}

    def reads(self, viewed: str) -> dict[str, Read]:
        """Give the labelled pixels of an image, and of those that were worked on last, the last first.

        Images that can't be read are left out. So are for now those that would take too long: of a project
        that is opened again hundreds may have to be read. `catch_up` reads them.
        """
        revisions = self.teaching()
        if revision := self.project.store.revision(viewed):
            revisions = {viewed: revision} | revisions
        until = time.monotonic() + READING_S
        reads = {}
        for name, revision in revisions.items():
            if name == viewed or time.monotonic() < until or self._up_to_date(name, revision):
                with suppress(InputError):  # An image that has become unreadable teaches nothing.
                    reads[name] = self.read(name, revision)
        return reads

    def teaching(self) -> dict[str, int]:
        """Give the images from which the classifier learns, and the last event of each; the last first."""
        found = self.project.store.revisions(LEARNT)
        return {name: revision for name, revision in found.items() if name in self.project.splits}

    def catch_up(self) -> str | None:
        """Read one of the images that teach and were not read, and say which; None: there is none."""
        revisions = self.teaching()
        for name, revision in revisions.items():
            if self._tried.get(name) != revision and not self._up_to_date(name, revision):
                self._tried[name] = revision  # One that can't be read is tried once, not for ever.
                with suppress(InputError):
                    self.read(name, revision)
                return name
        for passed in self._read.keys() - revisions.keys():
            del self._read[passed]
        return None

    def _up_to_date(self, name: str, revision: int) -> bool:
        return name in self._read and self._read[name].revision == revision

    def read(self, name: str, revision: int) -> Read:
        """Give the labelled pixels of an image.

        Raises:
            InputError: the image can't be read.
        """
        if not self._up_to_date(name, revision):
            # At the size at which the classifier looks, so that a large image costs no more than a small one.
            seen = self.seen(name)
            size = seen.image.shape[1:]
            known, drawn = self.project.known(name, *size), self.project.drawn(name)
            labelled = boxed(known).labels
            places = [np.argwhere(labelled == label) for label in range(len(known.tags))]
            if drawn is not None and drawn.shape != size:
                places = [_with_lost(mine, drawn == label, size) for label, mine in enumerate(places)]
            chosen = self.forest.few(places, numpy_rng(0, "live", name))
            labels = np.repeat(np.arange(len(chosen), dtype=np.uint8), [len(mine) for mine in chosen])
            found = np.concatenate(chosen)
            rows = at_places(seen.maps, found, size), labels
            fewest = min((len(mine) for mine in chosen if len(mine)), default=0)
            self._read[name] = Read(revision, found, size, rows, fewest, joined(seen.image, known.labels))
        return self._read[name]

    def _see(self, name: str) -> Seen:
        image = self.project.pictures.sample(name).image
        small = resized(image, *wanted_size(image.shape[1], image.shape[2], self.forest.side))
        return Seen(small, self.forest.describe(small, None))


def boxed(known: Known) -> Known:
    """Take the middle of each box for its object, unless a mark in it says otherwise."""
    trusted = []
    for box in known.boxes:
        (middle,) = ellipses(box[None], len(known.tags), known.labels.shape, MIDDLE)[box[:1]]
        if np.isin(known.labels[middle], (box[0], IGNORE)).all():
            trusted.append(box)
    boxes = np.array(trusted, np.int64).reshape(-1, 5)
    middles = ellipses(boxes, len(known.tags), known.labels.shape, MIDDLE)
    guessed = np.where(middles.sum(0) == 1, middles.argmax(0).astype(np.uint8), IGNORE)
    return replace(known, labels=known.over(guessed))


def _with_lost(places: np.ndarray, drawn: Bool[np.ndarray, "h w"], size: tuple[int, ...]) -> np.ndarray:
    """Add to the places of a class where the full image has it, though another one lies over it when shrunk.

    A map or box that fills more than a few pixels is not lost: only what is drawn by the pixel is added.
    """
    at = np.argwhere(drawn)
    if not len(at) or len(at) > FEW:
        return places
    cells = (2 * at + 1) * np.array(size) // (2 * np.array(drawn.shape))
    return np.unique(np.concatenate([places, cells]), axis=0)
