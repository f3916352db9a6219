"""New labelled images out of an auto-encoder and a few clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng, torch_rng
from pointillist.core.shapes import IGNORE, AnyImage
from pointillist.models.vae import VaeNetwork
from pointillist.propagate.feature_forest import FeatureForest
from pointillist.propagate.pixel_classifier import PixelClassifier
from pointillist.train.agreement import Agreement
from pointillist.train.features import vae_features
from pointillist.train.run import Run
from pointillist.train.supervise import supervised

LABEL_MORE = "Add clicks, scribbles or masks: a box or a tag does not say which pixels are the object's."


class Painted(NamedTuple):
    """An image that nobody took.

    Args:
        image: float in [0, 1].
        probs: its class probabilities.
        source: the number of the image that it was painted from.
    """

    image: AnyImage
    probs: AnyImage
    source: int


def train_head(network: VaeNetwork, examples: Sequence[tuple[AnyImage, Known]], seed: int) -> PixelClassifier:
    """Learn from clicks what the decoder's feature maps mean: a logistic regression of single pixels.

    Args:
        network: a trained auto-encoder.
        examples: images with what is known about them.
        seed: the only source of chance.

    Raises:
        InputError: fewer than two classes are labelled.
    """
    recipe = FeatureForest(features=("vae",), classifier="logistic", side=8192, smooth_px=0)
    head = recipe.prepare(examples, seed, vae_features(network))
    if head.trained is None:
        raise InputError("pixels of two classes must be labelled", "fewer", LABEL_MORE)
    return head


def agreement(head: PixelClassifier, run: Run) -> float | None:
    """Estimate the Dice of the labels that a head reads, from the validation images' annotations.

    Returns:
        None where nothing is known of them.
    """
    items = [supervised(run, name) for name in run.data.names("val")]
    found = Agreement(len(run.data.classes), len(items))
    for item in items:
        found.add(head.probs(item.sample.image), item.known, item.sample.region)
    return None if all(item.known.empty for item in items) else found.best()[0]


def check_labelled(examples: Sequence[tuple[AnyImage, Known]], classes: tuple[str, ...]) -> None:
    """Refuse examples that `train_head` can learn nothing from."""
    labelled = {label for _, known in examples for label in np.unique(known.labels)} - {IGNORE}
    if len(labelled) < 2:
        found = f"of {classes[labelled.pop()]!r} alone" if labelled else "none"
        raise InputError("pixels of two classes must be labelled", found, LABEL_MORE)


@torch.inference_mode()
def generate(
    network: VaeNetwork,
    head: PixelClassifier,
    images: Sequence[AnyImage],
    count: int,
    seed: int,
    mixing: float = 0.5,
) -> list[Painted]:
    """Paint images that nobody took, each with the probabilities of its classes.

    The latents of one image are moved towards those of another by a random share, a draw of the encoder's
    own uncertainty is added, and both the image and the labels are read off the one decoder.

    Args:
        network: a trained auto-encoder.
        head: what reads labels off its decoder (`train_head`).
        images: to start from, labelled or not.
        count: how many to paint.
        seed: the only source of chance; the n-th is the same however many are painted.
        mixing: the largest share of the other image, 0 to 1.

    Source: labels from a generator's own feature maps, Y. Zhang et al., DatasetGAN, CVPR 2021, and N.
    Tritrong et al., Repurposing GANs for one-shot part segmentation, CVPR 2021. Ours paints with a
    variational auto-encoder (Kingma and Welling 2014), which trains on a CPU, around real images: a map of
    latents drawn from the prior alone has no layout. It pays with blurred images.
    """
    if not images:
        raise InputError("images must hold one", "none", "Give the training images.")
    found = []
    for number in range(count):
        rng = numpy_rng(seed, "generate", number)
        source, second = rng.integers(len(images), size=2)
        one, other = images[source], images[second]
        mean, log_variance = network.encode(_batch(one))
        towards, _ = network.encode(_batch(other))
        towards = F.interpolate(towards, mean.shape[2:], mode="bilinear")
        noise = torch.randn(mean.shape, generator=torch_rng(seed, "generate", number))
        latents = torch.lerp(mean, towards, rng.uniform(0, mixing)) + noise * (log_variance / 2).exp()
        height, width = one.shape[1:]
        painted = network.decode(latents, height, width)[0].numpy()
        probs = head.classify(network.describe(latents, height, width)[0].numpy())
        found.append(Painted(painted, probs, int(source)))
    return found


def _batch(image: AnyImage) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image))[None]
