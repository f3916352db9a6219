"""A classifier of single pixels, trained in seconds on the labelled pixels of all images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int64, UInt8
from pydantic import Field, model_validator

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE, AnyImage, ImageArray
from pointillist.data.resample import resized, wanted_size
from pointillist.propagate.filters import Maps, filter_maps, guided
from pointillist.propagate.pixel_classifier import (
    PixelClassifier,
    build_classifier,
    check_channels,
)
from pointillist.propagate.propagator import Features, Propagator

Sigma = Annotated[float, Field(ge=0.3, le=200)]
Sigmas = Annotated[tuple[Sigma, ...], Field(min_length=1, max_length=12)]
# Lists of them differ in length, so it is not named.
Places: TypeAlias = Int64[np.ndarray, "_ 2"]
# Images may differ in size.
Example: TypeAlias = tuple[AnyImage, Known]
# Every image has another number of labelled pixels, so it is not named.
Rows: TypeAlias = tuple[Float[np.ndarray, "_ f"], UInt8[np.ndarray, " _"]]
"""The features of some pixels, and their labels."""

RADII = (0, 2, 4, 8, 16)
FOLDS = 3
# As many images settle how far to smooth, and more would cost more than the training.
ASKED = 40


class FeatureForest(Propagator):
    """Features of every pixel, then an ordinary classifier on the labelled ones of all images.

    The feature-based family of weakly supervised segmentation, the way of ilastik and Weka: no network is
    trained, so it answers at once and needs few labels. What it learnt on annotated images holds for any
    image: its spreader needs no seeds. The classes count alike, however many pixels of them are labelled. A
    class that nobody labelled gets the probability 0; with fewer than two labelled classes nothing is said.

    Args:
        features: what describes a pixel: "filters" (see `filter_maps`) and at most one learned kind,
            "encoder" (a pretrained network's) or "vae" (learned from these images without labels).
        classifier: "extra-trees", "logistic" (the fastest), the mean of both ("committee"), or "boosting".
        sigmas: scales of the filters, in pixels.
        position: row, column and distance from the centre are features too: where objects lie in the image
            is then learnt as well.
        pixels: at most this many labelled pixels of each class and image are learnt from.
        side: a larger image is looked at with its longer side shrunk to this many pixels.
        smooth_px: radius of the window in which the probabilities are smoothed along the image (see
            `guided`); None: the widest of 0, 2, 4, 8, 16 with which held-out images' labelled pixels are
            told as well (within half a standard error) as with the best: wide for blobs, 0 for vessels.

    Source: C. Sommer et al., ilastik, ISBI 2011; I. Arganda-Carreras et al., Bioinformatics 2017. Trees: P.
    Geurts et al., Extremely randomized trees, Machine Learning 2006. Ours learns from all images together,
    has colours relative to the image, averages trees and a linear classifier, and smooths the answer.
    """

    kind: Literal["feature-forest"] = "feature-forest"
    features: Annotated[tuple[Literal["filters", "encoder", "vae"], ...], Field(min_length=1)] = ("filters",)
    classifier: Literal["committee", "extra-trees", "boosting", "logistic"] = "committee"
    sigmas: Sigmas = (0.7, 1.4, 2.8, 5.6, 11.2, 22.4)
    position: bool = False
    pixels: Annotated[int, Field(ge=1, le=100_000)] = 200
    side: Annotated[int, Field(ge=16, le=8192)] = 1024
    smooth_px: Annotated[int, Field(ge=0, le=200)] | None = None

    @model_validator(mode="after")
    def _one_learned_kind(self) -> FeatureForest:
        if {"encoder", "vae"} <= set(self.features):
            raise ValueError("features may hold one learned kind: encoder or vae")
        return self

    @property
    def wants(self) -> Literal["encoder", "vae"] | None:
        """The learned kind among the features."""
        if "encoder" in self.features:
            return "encoder"
        return "vae" if "vae" in self.features else None

    def prepare(
        self, examples: Sequence[Example], seed: int, features: Features | None = None
    ) -> PixelClassifier:
        """Train the classifier on the labelled pixels of all examples.

        Raises:
            InputError: the images differ in their channels, or the learned
                features that it wants were not given.
        """
        if self.wants and features is None:
            fix = "Give prepare() a function from an image to feature maps, or leave them out of features."
            raise InputError(f"the {self.wants} features must be given", "none", fix)
        if not examples:
            raise InputError("examples must hold an image", "none", "Annotate some images.")
        num_classes, channels = len(examples[0][1].tags), len(examples[0][0])
        describe = partial(self.describe, features=features)
        labelled = [e for e in examples if (e[1].labels != IGNORE).any()]
        rows = [self._rows(e, channels, describe, seed, number) for number, e in enumerate(labelled)]
        learner = partial(self.learn, seed=seed)
        answer = PixelClassifier(describe, num_classes, channels, self.smooth_px or 0, learner(rows))
        if self.smooth_px is None and answer.trained is not None:
            return answer.smoothed(_widest(answer, labelled, rows, learner))
        return answer

    def describe(self, image: ImageArray, features: Features | None) -> Maps:
        """Give the maps that describe the pixels of an image, at the size at which it is looked at."""
        image = resized(image, *wanted_size(image.shape[1], image.shape[2], self.side))
        maps = [filter_maps(image, self.sigmas)] if "filters" in self.features else []
        if self.wants and features is not None:
            maps.append(features(image))
        if self.position:
            maps.append(_positions(image.shape[1], image.shape[2]))
        return np.concatenate(maps)

    def _rows(
        self, example: Example, channels: int, describe: Callable[[ImageArray], Maps], seed: int, number: int
    ) -> Rows:
        image, known = example
        check_channels(image, channels)
        places = self.choose(known, numpy_rng(seed, "feature-forest", number))
        return self.rows(describe(image), known, places)

    def rows(self, maps: Maps, known: Known, places: Places) -> Rows:
        """Read the maps of an image, of any size, at labelled pixels: what the classifier learns from."""
        return at_places(maps, places, known.labels.shape), known.labels[places[:, 0], places[:, 1]]

    def choose(self, known: Known, rng: np.random.Generator) -> Places:
        """Draw the labelled pixels that are learnt from: row and column, at most `pixels` of each class."""
        return np.concatenate(
            self.few([np.argwhere(known.labels == label) for label in range(len(known.tags))], rng)
        )

    def few(self, places: Sequence[Places], rng: np.random.Generator) -> list[Places]:
        """Draw at most `pixels` of the labelled pixels of each class."""
        chosen = []
        for mine in places:
            if len(mine) > self.pixels:
                mine = mine[np.sort(rng.choice(len(mine), self.pixels, replace=False))]
            chosen.append(mine)
        return chosen

    def learn(self, rows: Sequence[Rows], seed: int) -> Any:
        """Train the classifier on the labelled pixels of several images; None: fewer than two classes."""
        untrained = build_classifier(self.classifier, seed)
        labels = np.concatenate([labels for _, labels in rows]) if rows else np.empty(0, np.uint8)
        if len(np.unique(labels)) < 2:
            return None
        return untrained.fit(np.concatenate([found for found, _ in rows]), labels)


def _widest(
    answer: PixelClassifier,
    examples: Sequence[Example],
    rows: Sequence[Rows],
    learner: Callable[[Sequence[Rows]], Any],
) -> int:
    """Choose how far to smooth by the labelled pixels of images that were held out."""
    right: list[np.ndarray] = []
    for fold in range(FOLDS):
        trained = learner([r for number, r in enumerate(rows) if number % FOLDS != fold])
        if trained is None:
            return RADII[1]
        judge = PixelClassifier(answer.describe, answer.num_classes, answer.channels, 0, trained)
        for image, known in list(examples)[fold : max(ASKED, FOLDS) : FOLDS]:
            right.append(_right(judge, image, known))
    # One row for each class of each image: its share of right pixels, by radius.
    shares = np.concatenate(right)
    means = shares.mean(0)
    best = int(means.argmax())
    slack = shares[:, best].std() / np.sqrt(len(shares)) / 2
    return max(radius for radius, mean in zip(RADII, means, strict=True) if mean >= means[best] - slack)


def _right(judge: PixelClassifier, image: ImageArray, known: Known) -> Float[np.ndarray, "n r"]:
    """Give for every class that is labelled the share of its pixels that are told right, by radius."""
    probs = judge.probs(image)
    told = np.stack([guided(probs, image, radius).argmax(0) == known.labels for radius in RADII], axis=-1)
    classes = [label for label in range(judge.num_classes) if (known.labels == label).any()]
    return np.stack([told[known.labels == label].mean(0) for label in classes])


def at_places(maps: Maps, places: Places, size: tuple[int, ...]) -> Float[np.ndarray, "n f"]:
    """Read the maps of an image of this size at some of its pixels, whatever the maps' own size."""
    # By the pixels' centres, as images are made smaller and answers larger again.
    rows = (2 * places[:, 0] + 1) * maps.shape[1] // (2 * size[0])
    cols = (2 * places[:, 1] + 1) * maps.shape[2] // (2 * size[1])
    return np.ascontiguousarray(maps[:, rows, cols].T)


def _positions(height: int, width: int) -> Float[np.ndarray, "3 _ _"]:
    """Give row and column in -1..1, and the distance from the image's centre."""
    rows = np.broadcast_to(((np.arange(height) + 0.5) * 2 / height - 1)[:, None], (height, width))
    cols = np.broadcast_to((np.arange(width) + 0.5) * 2 / width - 1, (height, width))
    return np.stack([rows, cols, np.hypot(rows, cols)]).astype(np.float32)
