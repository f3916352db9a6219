"""What every propagator is: a frozen recipe that spreads what is known about an image over more of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from jaxtyping import Float
from pydantic import Field

from pointillist.core.config import Config
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, AnyImage, ImageArray

Probs: TypeAlias = Float[np.ndarray, "k h w"]
"""Class probabilities of every pixel, float32; all zeros where nothing is said."""
# Sizes differ between images, so none is named.
Example: TypeAlias = tuple[AnyImage, Known]
Spreader: TypeAlias = Callable[[ImageArray, Known], Probs]
"""From an image and what is known about it to the class probabilities."""
Features: TypeAlias = Callable[[ImageArray], Float[np.ndarray, "f h w"]]
"""From an image to feature maps of its own size."""


class Propagator(Config, ABC):
    """Seeds to denser, soft labels.

    Args:
        confidence: a pixel whose likeliest class is less probable than this stays unknown.
    """

    confidence: Annotated[float, Field(ge=0, le=1)] = 0.8

    @property
    def wants(self) -> Literal["encoder", "vae"] | None:
        """Which learned features it asks for: those of a pretrained encoder, or of a VAE of these images."""
        return None

    @abstractmethod
    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Look at all training images, and give what spreads the seeds of any image.

        Args:
            examples: the annotated (and other) training images with what is known about them.
            seed: the only source of chance.
            features: what it `wants`: given by whoever may import both propagators and models.
        """

    def propagate(self, spreader: Spreader, image: ImageArray, known: Known) -> Probs:
        """Spread over one image, keep what is confident, and let what was drawn win over it.

        Returns:
            Class probabilities: one-hot where `known` has a label, all zeros where not confident.
        """
        return trusted(spreader(image, known), known, self.confidence)


class LocalPropagator(Propagator, ABC):
    """A propagator that looks at one image at a time."""

    def prepare(self, examples: Sequence[Example], seed: int, features: Features | None = None) -> Spreader:
        """Need nothing from other images."""
        return self.spread

    @abstractmethod
    def spread(self, image: ImageArray, known: Known) -> Probs:
        """Give each pixel's class probabilities; all zeros where there is nothing to say.

        Args:
            image: float in [0, 1].
            known: the image's seeds: its labels, boxes and tags.
        """


def trusted(probs: Probs, known: Known, confidence: float) -> Probs:
    """Keep confident pixels, set the labelled ones to their label, forget the rest.

    Where the likeliest class is known not to be (it is absent, or has boxes elsewhere) nothing is kept: what
    is there instead is not known.

    >>> known = Known.nothing(num_classes=2, height=1, width=3)
    >>> known.labels[0, 0] = 1
    >>> probs = np.array([[[0.9, 0.9, 0.6]], [[0.1, 0.1, 0.4]]], np.float32)
    >>> trusted(probs, known, confidence=0.8).argmax(0), trusted(probs, known, confidence=0.8).sum(0)
    (array([[1, 0, 0]]), array([[1., 1., 0.]], dtype=float32))
    """
    possible = ~known.denies(probs.argmax(0).astype(np.uint8))
    kept: np.ndarray = np.where((probs.max(0) >= confidence) & possible, probs, 0).astype(np.float32)
    classes = np.arange(len(probs))[:, None, None]
    seeds = (known.labels == classes).astype(np.float32)
    return np.where(known.labels == IGNORE, kept, seeds)
