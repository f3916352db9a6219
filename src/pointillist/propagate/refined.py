"""What a classifier of all images says of a pixel, cut along the outlines of its image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, ImageArray
from pointillist.data.resample import resized
from pointillist.propagate.grabcut import Grabcut
from pointillist.propagate.propagator import Example, Features, Probs, Propagator, Spreader
from pointillist.propagate.start import seeds_of, shrunk_seeds

if TYPE_CHECKING:
    from pointillist.propagate import AnyPropagator

FLOOR = 1e-3
"""The least probability that is believed: nothing is impossible."""


class Refined(Propagator):
    """Start GrabCut from another propagator's labels, and let what it said count in every cut.

        D_i(c)  =  -log (density of the colour I_i under this image's mixture of class c)
                   - weight * log p_i(c)

    p is what the other propagator says of pixel i. One that has learnt from all images knows what the
    objects look like, and not where this one ends; the colours of one image say where it ends, and with one
    click on each class not what it is. Where p says nothing about an image, GrabCut starts from the seeds.

    Args:
        of: the propagator that is refined; its own confidence is not applied.
        by: how it is cut.
        weight: what p counts beside the colours.

    Source: C. Rother, V. Kolmogorov and A. Blake, GrabCut, SIGGRAPH 2004, whose user's box is replaced by p;
    unary costs of a classifier: J. Shotton et al., TextonBoost, ECCV 2006.
    """

    kind: Literal["refined"] = "refined"
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.95
    of: AnyPropagator
    by: Grabcut = Grabcut()
    weight: Annotated[float, Field(gt=0, le=1000)] = 3.0

    @property
    def wants(self) -> Literal["encoder", "vae"] | None:
        """What the refined propagator wants."""
        return self.of.wants

    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Prepare the propagator that is refined."""
        spreader = self.of.prepare(examples, seed, features)

        def spread(image: ImageArray, known: Known) -> Probs:
            told = spreader(image, known)
            return self._cut(told, image, known) if told.any() else self.by.spread(image, known)

        return spread

    def _cut(self, told: Probs, image: ImageArray, known: Known) -> Probs:
        small = self.by.shrunk(image)
        seeds = shrunk_seeds(seeds_of(known), *small.shape[1:])
        possible = (known.tags != 0)[:, None, None]
        told = told * possible
        # Of a pixel about which nothing is said, every class that may be there is as likely.
        told = np.where(told.any(0), told, possible / possible.sum()).astype(np.float32)
        likely = resized(told, *seeds.shape)
        start = np.where(seeds == IGNORE, likely.argmax(0), seeds)
        classes, first = np.unique(start, return_inverse=True)
        if len(classes) < 2:
            return told
        order = np.full(IGNORE + 1, IGNORE, np.uint8)
        order[classes] = np.arange(len(classes))
        costs = -self.weight * np.log(likely[classes].clip(FLOOR))
        shares = self.by.cut(small, order[seeds], first.reshape(start.shape), costs).astype(np.float32)
        probs = np.zeros_like(told)
        probs[classes] = resized(shares, *known.labels.shape)
        return probs
