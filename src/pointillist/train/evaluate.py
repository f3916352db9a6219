"""Measure a trained run against masks: predictions, metrics and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import nn

from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE, MaskArray
from pointillist.datasets.dataset import Split
from pointillist.metrics.summary import ImageResult, Summary, measure, summarise
from pointillist.train.device import Device, find_device
from pointillist.train.network import build_network
from pointillist.train.predict import predict_image
from pointillist.train.run import Run
from pointillist.train.store import read_model, read_run


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

    def predict(self, sample: Sample) -> MaskArray:
        """Predict one sample's label map."""
        prediction: MaskArray = self.probs(sample).argmax(0).astype(np.uint8)
        return prediction

    def probs(self, sample: Sample) -> Float[np.ndarray, "k h w"]:
        """Predict one sample's class probabilities at its own size."""
        return predict_image(self.network, sample.image, self.device)


def load_trained(folder: Path, device: Device | None = None) -> Trained:
    """Load a finished run onto a device; by default the first GPU, or the CPU.

    Raises:
        InputError: the folder is no finished run, or a file of it is damaged.
    """
    run = read_run(folder)
    device = device or find_device(run.precision)
    weights, about = read_model(folder)
    moments = (weights["mean"].flatten(), weights["deviation"].flatten())
    network = build_network(run.model, len(run.data.classes), run.seed, moments)
    network.load_state_dict(weights)
    network.to(device.device).eval()
    return Trained(run, network, device, about)


def truth_of(sample: Sample, whole_image: bool) -> MaskArray:
    """Give the mask that counts: inside the region of interest, or everywhere when asked."""
    return sample.mask if whole_image and sample.mask is not None else sample.truth()


def results(
    trained: Trained,
    split: Split,
    whole_image: bool = False,
    look: Callable[[Sample, Float[np.ndarray, "k h w"]], None] | None = None,
) -> Iterator[ImageResult]:
    """Predict and measure the samples of a split that have a mask.

    Args:
        trained: the run.
        split: which images.
        whole_image: count pixels outside the region of interest too.
        look: called with each sample and its probabilities, for pictures.
    """
    entries = {entry.name: entry.group for entry in trained.run.data.entries}
    for name in trained.run.data.names(split):
        sample = trained.run.data.read(name)
        truth = truth_of(sample, whole_image)
        if not (truth != IGNORE).any():
            continue
        probs = trained.probs(sample)
        if look is not None:
            look(sample, probs)
        prediction = probs.argmax(0).astype(np.uint8)
        yield measure(name, entries[name], prediction, truth, len(trained.run.data.classes), probs)


def evaluate(trained: Trained, split: Split, whole_image: bool = False) -> tuple[list[ImageResult], Summary]:
    """Measure a split; the list is empty when none of its images has a mask."""
    found = list(results(trained, split, whole_image))
    return found, summarise(found, trained.run.data.classes)
