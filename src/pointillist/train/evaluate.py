"""Measure a trained run against masks: predictions, metrics and their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import nn

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.decode import read_image
from pointillist.data.resample import resized
from pointillist.datasets.dataset import Split
from pointillist.metrics.summary import ImageResult, Summary, measure, summarise
from pointillist.train.device import Device, find_device
from pointillist.train.network import build_network
from pointillist.train.predict import HALO, TILE, Views, predict_image
from pointillist.train.remembered import REMEMBERED
from pointillist.train.run import Run
from pointillist.train.store import read_model, read_run


class NoMasksError(InputError):
    """There is nothing to measure against."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run, ready to predict.

    Args:
        run: its description.
        network: with the selected weights, in eval mode, on the device.
        device: where it computes.
        about: what was written beside the weights.
    """

    run: Run
    network: nn.Module
    device: Device
    about: dict[str, Any]

    @property
    def channels(self) -> int:
        """C of the images that it takes."""
        return int(self.about["channels"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, background first, as trained."""
        return tuple(self.about["classes"])

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """RGB of each class."""
        return tuple((r, g, b) for r, g, b in self.about["colours"])

    @property
    def seconds_per_image(self) -> float | None:
        """What annotating a training image cost a person, of those that are annotated; None: nobody knows."""
        cost = self.about["annotation"]["train"]
        total, images = cost["seconds"], cost["annotated"]
        return None if total is None or not images else total / images

    @property
    def views(self) -> Views:
        """How often the network is asked about an image."""
        return Views(self.run.views, self.run.scales)

    def read(self, path: Path) -> ImageArray:
        """Read a new image as the training images were read, at its full size; grey becomes RGB if needed.

        Raises:
            InputError: the file is no whole image, or has other channels than the training images.
        """
        low_high = self.about["value_range"]
        image = read_image(path, None if low_high is None else (low_high[0], low_high[1]))
        if len(image) == 1 < self.channels:
            image = np.repeat(image, self.channels, axis=0)
        if len(image) != self.channels:
            must = f"the image must have {self.channels} channels, as the run's"
            raise InputError(must, str(len(image)), "Convert it.", path)
        return image

    def predict(self, sample: Sample) -> MaskArray:
        """Predict one sample's label map."""
        prediction: MaskArray = self.probs(sample).argmax(0).astype(np.uint8)
        return prediction

    def probs(self, sample: Sample) -> Float[np.ndarray, "k h w"]:
        """Predict one sample's class probabilities at its own size."""
        return predict_image(self.network, sample.image, self.device, views=self.views)

    def probs_of(self, image: ImageArray, tile: int = TILE, halo: int = HALO) -> Float[np.ndarray, "k h w"]:
        """Predict a new image at the size that the run works at, and bring the probabilities back to its own.

        Args:
            image: as `read` gives it.
            tile: side of the tiles that a larger image is cut into, in pixels.
            halo: what they see beyond their edges.
        """
        height, width = image.shape[1:]
        small = resized(image, *self.run.data.working_size(height, width))
        probs = predict_image(self.network, small, self.device, tile, halo, self.views)
        return resized(probs, height, width)


def load_trained(folder: Path, device: Device | None = None) -> Trained:
    """Load a finished run onto a device; by default the first GPU, or the CPU.

    Raises:
        InputError: the folder is no finished run, or a file of it is damaged.
    """
    run = read_run(folder)
    device = device or find_device(run.precision)
    weights, about = read_model(folder)
    moments = (weights["mean"].flatten(), weights["deviation"].flatten())
    network = build_network(run.model, len(about["classes"]), run.seed, moments)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        problem = " ".join(str(error).split())[:300]
        fix = "Restore run.json as it was, or train again."
        raise InputError("the weights must fit the run's model", problem, fix, folder) from None
    network.to(device.device).eval()
    return Trained(run, network, device, about)


def truth_of(sample: Sample, whole_image: bool) -> MaskArray:
    """Give the mask that counts: inside the region of interest, or everywhere when asked."""
    return sample.mask if whole_image and sample.mask is not None else sample.truth()


def results(trained: Trained, split: Split, whole_image: bool = False) -> Iterator[ImageResult]:
    """Predict and measure the samples of a split that have a mask.

    Args:
        trained: the run.
        split: which images.
        whole_image: count pixels outside the region of interest too.

    Raises:
        InputError: the data has other classes now.
    """
    data = trained.run.data
    if data.classes != trained.classes:
        fix = "Declare the classes that the run was trained on."
        raise InputError(f"classes must be {trained.classes}", f"{data.classes}", fix)
    groups = {entry.name: entry.group for entry in data.entries}
    for name in data.names(split):
        sample = REMEMBERED.read(data, name)
        truth = truth_of(sample, whole_image)
        if not (truth != IGNORE).any():
            continue
        probs = trained.probs(sample)
        prediction = probs.argmax(0).astype(np.uint8)
        yield measure(name, groups[name], prediction, truth, len(data.classes), probs)


def evaluate(trained: Trained, split: Split, whole_image: bool = False) -> tuple[list[ImageResult], Summary]:
    """Measure a split.

    Raises:
        NoMasksError: none of its images has a mask.
    """
    found = list(results(trained, split, whole_image))
    if not found:
        fix = "Add masks, or measure another split."
        raise NoMasksError(f"the {split} split must have masks to measure against", "none", fix)
    return found, summarise(found, trained.classes)
