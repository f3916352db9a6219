"""Ordinary classifiers on the features of single pixels, and what a trained one answers for an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional as F

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.propagate.filters import Maps, guided
from pointillist.propagate.propagator import Probs
from pointillist.propagate.trees import Committee, ExtraTrees

CHUNK = 1 << 17
"""Pixels at a time: bounds the memory of prediction, whatever the image's size."""


@dataclass(frozen=True, eq=False)
class PixelClassifier:
    """A trained classifier of pixels: a `Spreader` that needs no seeds, hence a segmenter as well.

    Args:
        describe: from an image to feature maps, perhaps smaller ones.
        num_classes: K, the background counted.
        channels: C of the images.
        smooth_px: how far the answer is smoothed along the image.
        trained: the fitted classifier; None: nothing was learnt, so nothing is said.
    """

    describe: Callable[[ImageArray], Maps]
    num_classes: int
    channels: int
    smooth_px: int
    trained: Any

    def __call__(self, image: ImageArray, known: Known) -> Probs:
        """Give the class probabilities of an image, whatever is known about it."""
        return self.probs(image)

    def segment(self, image: ImageArray) -> MaskArray:
        """Give every pixel its likeliest class; background where nothing was learnt."""
        classes: MaskArray = self.probs(image).argmax(0).astype(np.uint8)
        return classes

    def probs(self, image: ImageArray) -> Float[np.ndarray, "_ h w"]:
        """Give the class probabilities of an image; all zeros where nothing was learnt.

        Raises:
            InputError: the image has another number of channels than those that were learnt from.
        """
        check_channels(image, self.channels)
        height, width = image.shape[1:]
        if self.trained is None:
            return np.zeros((self.num_classes, height, width), np.float32)
        probs = self.classify(self.describe(image))
        if probs.shape[1:] != (height, width):
            grown = F.interpolate(torch.from_numpy(probs)[None], (height, width), mode="bilinear")
            probs = grown[0].numpy()
        return guided(probs, image, self.smooth_px)

    def classify(self, maps: Maps) -> Maps:
        """Give the class probabilities of described pixels, at the maps' size and unsmoothed."""
        flat = maps.reshape(len(maps), -1)
        probs = np.zeros((self.num_classes, flat.shape[1]), np.float32)
        for start in range(0, flat.shape[1], CHUNK):
            pixels = np.ascontiguousarray(flat[:, start : start + CHUNK].T)
            probs[self.trained.classes_, start : start + CHUNK] = self.trained.predict_proba(pixels).T
        return probs.reshape(-1, *maps.shape[1:])

    def smoothed(self, smooth_px: int) -> PixelClassifier:
        """Give the same classifier with another smoothing."""
        return replace(self, smooth_px=smooth_px)


def check_channels(image: ImageArray, channels: int) -> None:
    """Check that an image has as many channels as those before."""
    if len(image) != channels:
        must = f"every image must have {channels} channels, as the first one has"
        raise InputError(must, str(len(image)), "Convert the images.")


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # The library's 20 pixels a leaf would never split the few clicks of a beginning.
    return HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=8,
        min_samples_leaf=3,
        early_stopping=False,
        class_weight="balanced",
        random_state=seed,
    )


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    line = LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced", random_state=seed)
    return make_pipeline(StandardScaler(), line)


def _committee(seed: int) -> Committee:
    return Committee([_logistic(seed), ExtraTrees(seed)])


CLASSIFIERS: Mapping[str, Callable[[int], Any]] = {
    "committee": _committee,
    "extra-trees": ExtraTrees,
    "boosting": _boosting,
    "logistic": _logistic,
}


def build_classifier(kind: str, seed: int) -> Any:
    """Build an untrained classifier; scikit-learn, slow to import, is imported where it is needed."""
    return CLASSIFIERS[kind](seed)
