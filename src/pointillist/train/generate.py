"""New labelled images out of an auto-encoder and a few clicks, as a folder that training reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from pointillist.core import durable
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Dense
from pointillist.core.rng import numpy_rng, torch_rng
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
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
    head = recipe.prepare(examples, seed, vae_features(network))
    if head.trained is None:
        fix = "Click on the background as well as on an object."
        raise InputError("at least two classes must be labelled", "fewer", fix)
    return head


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


def write_generated(
    folder: Path, pairs: Sequence[Pair], classes: tuple[str, ...], confidence: float = 0.9
) -> None:
    """Write pairs as a folder data set: images, and label maps that are silent where the head is unsure.

    Args:
        folder: empty or new.
        pairs: from `generate`.
        classes: their names, background first.
        confidence: a pixel whose likeliest class is less probable is left unlabelled.

    Raises:
        InputError: the folder holds something, or the images have neither 1 nor 3 channels.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("the folder must be empty or new", "something in it", "Name another.", folder)
    durable.write_text(folder / "pointillist.yaml", yaml.safe_dump({"classes": list(classes)}))
    for number, (image, probs) in enumerate(pairs):
        name = f"generated-{number:05}"
        _write_image(folder / "images" / f"{name}.png", image)
        labels = sure_labels(probs, confidence)
        height, width = labels.shape
        marks = (Dense.from_map(labels),)
        # Nobody drew it: the clicks that the head learnt from were paid for once.
        annotation = Annotation(
            name=name,
            height=height,
            width=width,
            classes=classes,
            marks=marks,
            annotator="simulated",
            seconds=0.0,
        )
        write_annotation(folder / "annotations" / f"{name}.json", annotation)


def sure_labels(probs: Float[np.ndarray, "k h w"], confidence: float) -> MaskArray:
    """Give the likeliest class where it is probable enough, else IGNORE.

    >>> sure_labels(np.array([[[0.95, 0.6]], [[0.05, 0.4]]], np.float32), 0.9).tolist()
    [[0, 255]]
    """
    likeliest: MaskArray = probs.argmax(0).astype(np.uint8)
    return np.where(probs.max(0) >= confidence, likeliest, np.uint8(IGNORE))


def _write_image(path: Path, image: ImageArray) -> None:
    if len(image) not in (1, 3):
        fix = "Train the auto-encoder on grey or RGB images."
        raise InputError("a painted image must have 1 or 3 channels", str(len(image)), fix, path)
    levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(
        levels[0] if len(levels) == 1 else np.ascontiguousarray(levels.transpose(1, 2, 0))
    )
    with durable.replacing(path) as temporary:
        picture.save(temporary)


def _batch(image: AnyImage) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image))[None]
