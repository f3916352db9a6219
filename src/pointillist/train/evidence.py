"""What the annotations of a training set hold, as far as a default recipe depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE
from pointillist.propagate.start import silent_boxes
from pointillist.train.readable import naming_all
from pointillist.train.run import Run
from pointillist.train.shape import FEW, Shape, Shapes
from pointillist.train.supervise import Supervised, may_be_annotated, supervised
from pointillist.train.thinness import stroked

LOOKED_AT = 64
"""Images at whose pixels is looked, spread evenly over those that somebody annotated."""
COUNTED = 2000
"""Images of which is counted what is drawn, spread evenly over those that may be annotated."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the training images.

    Args:
        images: of how many it is known what is drawn: of all, unless more than `COUNTED` may be annotated.
        training: how many there are.
        channels: of the images.
        kinds: how many of them hold each kind of mark; label maps drawn by hand are "strokes".
        full: how many are labelled all over, but for what is void.
        silent: how many of them nobody annotated.
        sized: how many state a range of sizes.
        boxed: how many have a box in which nothing of its class is labelled.
        of_the_whole: the fields of a `Target` of which one of them knows what holds for whole images only.
        shape: of the things of the class that looks thinnest.
        labelled: share of the pixels that are labelled, of the images where any is, of those looked at.
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
    shape: Shape
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
        """Whether the things of a class look thin or tiny."""
        return self.shape.thin


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
        shapes, shares = Shapes(run.data.classes, len(drawn)), []
        for name in drawn:
            item = facts.kept.pop(name, None) or supervised(run, name)
            shapes.add(item)
            if share := float((item.labels != IGNORE).mean()):
                shares.append(share)
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
        shape=shapes.thinnest(),
        labelled=float(np.mean(shares)) if shares else 0.0,
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
        self.kinds.update(_kinds(item))
        self.full += times * bool((item.labels[item.inside] != IGNORE).all())
        self.sized += times * _sized(known)
        self.boxed += times * bool(silent_boxes(known).any())
        self.of_the_whole |= known.of_the_whole
        if item.bare:
            self.silent += times
            return
        self.drawn.append(name)
        if name in self._keep:
            self.kept[name] = item


def _kinds(item: Supervised) -> set[str]:
    kinds: set[str] = {mark.kind for mark in (item.annotation.marks if item.annotation else ())}
    if "dense" in kinds and stroked(item.labels):
        return kinds - {"dense"} | {"strokes"}
    return kinds


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


def _sized(known: Known) -> bool:
    # That a class is absent, which gives it no pixel, is a tag.
    told = (known.sizes[1:, 0] > 1) | (np.isfinite(known.sizes[1:, 1]) & (known.tags[1:] != 0))
    return bool((told & ~np.isin(np.arange(1, len(known.sizes)), known.boxes[:, 0])).any())
