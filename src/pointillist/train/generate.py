"""New labelled images out of an auto-encoder and a few clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng, torch_rng
from pointillist.core.shapes import IGNORE
from pointillist.models.vae import VaeNetwork
from pointillist.propagate.feature_forest import FeatureForest
from pointillist.propagate.pixel_classifier import PixelClassifier
from pointillist.train.features import vae_features

# Sizes differ from image to image, so none of them is named.
AnyImage: TypeAlias = Float[np.ndarray, "_ _ _"]
Pair: TypeAlias = tuple[AnyImage, AnyImage]
"""An image and its class probabilities."""


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
    check_labelled(examples)
    return recipe.prepare(examples, seed, vae_features(network))


def check_labelled(examples: Sequence[tuple[AnyImage, Known]]) -> None:
    """Refuse examples that `train_head` can learn nothing from."""
    labelled = {label for _, known in examples for label in np.unique(known.labels)} - {IGNORE}
    if len(labelled) < 2:
        fix = "Click on the background as well as on an object."
        raise InputError("at least two classes must be labelled", str(len(labelled)), fix)


@torch.inference_mode()
def generate(
    network: VaeNetwork,
    head: PixelClassifier,
    images: Sequence[AnyImage],
    count: int,
    seed: int,
    mixing: float = 0.5,
) -> list[Pair]:
    """Paint images that nobody took, each with the probabilities of its classes.

    The latents of one image are moved towards those of another by a random share, a draw of the encoder's
    own uncertainty is added, and both the image and the labels are read off the one decoder.

    Args:
        network: a trained auto-encoder.
        head: what reads labels off its decoder (`train_head`).
        images: to start from, labelled or not.
        count: how many to paint.
        seed: the only source of chance; the n-th pair is the same however many are painted.
        mixing: the largest share of the other image, 0 to 1.

    Source: labels from a generator's own feature maps, Y. Zhang et al., DatasetGAN, CVPR 2021, and N.
    Tritrong et al., Repurposing GANs for one-shot part segmentation, CVPR 2021. Ours paints with a
    variational auto-encoder (Kingma and Welling 2014), which trains on a CPU, around real images: a map of
    latents drawn from the prior alone has no layout. It pays with blurred images.
    """
    if not images:
        raise InputError("images must hold one", "none", "Give the training images.")
    pairs = []
    for number in range(count):
        rng = numpy_rng(seed, "generate", number)
        one, other = (images[i] for i in rng.integers(len(images), size=2))
        mean, log_variance = network.encode(_batch(one))
        towards, _ = network.encode(_batch(other))
        towards = F.interpolate(towards, mean.shape[2:], mode="bilinear")
        noise = torch.randn(mean.shape, generator=torch_rng(seed, "generate", number))
        latents = torch.lerp(mean, towards, rng.uniform(0, mixing)) + noise * (log_variance / 2).exp()
        height, width = one.shape[1:]
        painted = network.decode(latents, height, width)[0].numpy()
        pairs.append((painted, head.classify(network.describe(latents, height, width)[0].numpy())))
    return pairs


def _batch(image: AnyImage) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image))[None]
