"""One pass over a split: what it costs to annotate, what is labelled, the colours' mean, a hash of it all."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pointillist.core.contradiction import contradictions
from pointillist.core.shapes import IGNORE
from pointillist.train.supervise import Supervised


class Tally:
    """Counts over the images of a split, each added once.

    `told` says of which classes tags, boxes or sizes tell something, labelled or not; `holds` what kinds of
    knowledge there are at all, `of_the_whole` what holds for whole images only; `side` is the longest of any
    image; `contradicting` how many images' marks can't all be true, `contradiction` the first of these.

    Args:
        classes: names of the classes, background first.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.labelled = np.zeros(len(classes), dtype=np.int64)
        self.told = np.zeros(len(classes), dtype=bool)
        self.holds: frozenset[str] = frozenset()
        self.of_the_whole: frozenset[str] = frozenset()
        self.images = self.annotated = self.pixels = self.side = 0
        self.contradicting = 0
        self.contradiction = ""
        self.seconds: float | None = 0.0
        self.marks: Counter[str] = Counter()
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0
        self._digest = hashlib.sha256()

    def add(self, item: Supervised) -> None:
        """Count one image."""
        labelled = item.labels != IGNORE
        self.labelled += np.bincount(item.labels[labelled], minlength=len(self.classes))
        self.images += 1
        self.side = max(self.side, *item.labels.shape)
        self.annotated += not item.bare
        self.marks.update(mark.kind for mark in (item.annotation.marks if item.annotation else ()))
        if item.annotation is not None and (wrong := contradictions(item.annotation)):
            self.contradicting += 1
            self.contradiction = self.contradiction or f"{item.sample.name}: {wrong[0]}"
        if self.seconds is not None:
            self.seconds = None if item.seconds is None else self.seconds + item.seconds
        flat = torch.from_numpy(np.ascontiguousarray(item.sample.image)).double().flatten(1)
        self.pixels += flat.shape[1]
        self._sum, self._squares = self._sum + flat.sum(1), self._squares + flat.square().sum(1)
        self._digest.update(item.sample.name.encode() + b"\0")
        self._digest.update(item.sample.image.tobytes() + item.labels.tobytes())
        if item.region is not None:  # Outside it nothing is learnt, whatever the labels.
            self._digest.update(item.region.tobytes())
        known = item.known
        self.holds |= known.holds
        self.told |= (known.tags == 1) | (known.sizes[:, 0] > 0)
        # Where a class is absent or bounded, the rest is something else.
        self.told[0] |= np.isfinite(known.sizes[1:, 1]).any()
        self.of_the_whole |= known.of_the_whole
        if known.of_the_whole - {"tags"}:  # These come below, for every image.
            for part in (known.boxes, known.sizes, known.centroids):
                self._digest.update(np.ascontiguousarray(part).tobytes())
        self._digest.update(known.tags.tobytes())

    def moments(self) -> tuple[Tensor, Tensor]:
        """Give mean and deviation per channel; the deviation of a constant channel is 1."""
        mean = torch.as_tensor(self._sum) / self.pixels
        deviation = (torch.as_tensor(self._squares) / self.pixels - mean.square()).clamp(min=0).sqrt()
        return mean.float(), torch.where(deviation > 1e-3, deviation, 1.0).float()

    @property
    def sha256(self) -> str:
        """Hash of names, images and labels as the learner sees them, in the order added."""
        return self._digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Give images annotated, seconds in all (None: not known), labelled pixels by class."""
        return {
            "images": self.images,
            "annotated": self.annotated,
            "seconds": self.seconds,
            "marks": dict(self.marks),
            "labelled_pixels": dict(zip(self.classes, self.labelled.tolist(), strict=True)),
        }
