"""Learned descriptions of pixels: of a pretrained encoder, or of an auto-encoder of the user's own images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng, torch_rng
from pointillist.core.shapes import AnyImage, ImageArray
from pointillist.models.model import EncodedNetwork
from pointillist.models.pretrained_unet import PretrainedUnet
from pointillist.models.vae import Vae, VaeNetwork
from pointillist.propagate.propagator import Features

CROP = 128
BATCH = 8
LEAST_EPOCHS = 40
LEAST_STEPS = 600
"""With 40 an auto-encoder paints nothing but noise."""
STRIDES = (2, 4, 8, 16)
"""Of the maps of a pretrained encoder that describe pixels; the coarsest one says little of a pixel."""


def train_vae(
    recipe: Vae,
    images: Sequence[AnyImage],
    seed: int,
    epochs: int | None = None,
    watch: Callable[[float], None] = lambda done: None,
) -> VaeNetwork:
    """Train an auto-encoder on images alone, on the CPU; a function of its arguments but for `watch`.

    Every epoch takes one crop of 128 x 128 from each image, mirrored at random.

    Args:
        recipe: of the network.
        images: labelled or not, of any sizes.
        seed: the only source of chance.
        epochs: passes over the images; None: 40, and more where that would be fewer than 600 steps.
        watch: told before each epoch which share is done.

    Raises:
        InputError: there are no images, or they differ in their channels.
    """
    if not images:
        raise InputError("images must hold one", "none", "Give the training images.")
    if len(channels := {len(image) for image in images}) > 1:
        found = " and ".join(map(str, sorted(channels)))
        raise InputError("all images must have as many channels", found, "Convert them.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = recipe.build(len(images[0]))
    epochs = epochs or max(LEAST_EPOCHS, -(-LEAST_STEPS // -(-len(images) // BATCH)))
    steps = epochs * -(-len(images) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    # The schedule's first tenth must have a step.
    total = max(20, steps)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=total, pct_start=0.1)
    for epoch in range(epochs):
        watch(epoch / epochs)
        order = numpy_rng(seed, "vae", epoch).permutation(len(images))
        for number, start in enumerate(range(0, len(images), BATCH)):
            rng = numpy_rng(seed, "vae crops", epoch, number)
            batch = torch.stack([_cropped(images[i], rng) for i in order[start : start + BATCH]])
            optimiser.zero_grad()
            loss = network.loss(batch, torch_rng(seed, "vae noise", epoch, number))
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimiser.step()
            schedule.step()
    return network.eval()


def vae_features(network: VaeNetwork) -> Features:
    """Describe pixels by the mean latents of an image and what the decoder makes of them."""

    @torch.inference_mode()
    def describe(image: ImageArray) -> Float[np.ndarray, "_ _ _"]:
        height, width = image.shape[1:]
        mean, _ = network.encode(torch.from_numpy(np.ascontiguousarray(image))[None])
        return network.describe(mean, height, width)[0].numpy()

    return describe


def encoder_features(network: EncodedNetwork) -> Features:
    """Describe pixels by the feature maps of a network's encoder, all enlarged to the image's size.

    Args:
        network: in eval mode, with maps at strides 2, 4, 8 and 16; it is given images by mean 0.5 and
            deviation 0.5. Both are as in `PretrainedUnet`.
    """

    @torch.inference_mode()
    def describe(image: ImageArray) -> Float[np.ndarray, "_ _ _"]:
        height, width = image.shape[1:]
        images = torch.from_numpy(np.ascontiguousarray(image))[None]
        large = []
        for stride, maps in zip(STRIDES, network.encode((images - 0.5) / 0.5), strict=False):
            # The encoder may have padded below and on the right: a pixel's place follows from the stride.
            grown = F.interpolate(maps.float(), scale_factor=stride, mode="bilinear")
            large.append(grown[:, :, :height, :width])
        return torch.cat(large, dim=1)[0].numpy()

    return describe


def pretrained_features(channels: int) -> Features:
    """Describe pixels by the encoder that has seen ImageNet.

    Raises:
        InputError: the package with its weights is missing.
    """
    recipe = PretrainedUnet()
    network = recipe.build(channels, num_classes=2)
    recipe.fill(network)
    assert isinstance(network, EncodedNetwork)
    return encoder_features(network.eval())


def _cropped(image: ImageArray, rng: np.random.Generator) -> Tensor:
    below, right = max(0, CROP - image.shape[1]), max(0, CROP - image.shape[2])
    if below or right:
        image = np.pad(image, ((0, 0), (0, below), (0, right)), mode="edge")
    top = rng.integers(image.shape[1] - CROP + 1)
    left = rng.integers(image.shape[2] - CROP + 1)
    crop = image[:, top : top + CROP, left : left + CROP]
    if rng.random() < 0.5:
        crop = crop[:, :, ::-1]
    return torch.from_numpy(np.ascontiguousarray(crop, np.float32))
