"""What every model is: a frozen recipe that builds a network from images to logits."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import nn

from pointillist.core.config import Config
from pointillist.core.shapes import Images, Logits
from pointillist.models.blocks import Crop, Features, draw_weights


@dataclass(frozen=True)
class LayerSize:
    """What one layer gives out, for one image.

    Args:
        name: the layer's name in the network, as in its weights' names.
        operation: what it does, in a few words.
        channels: of the feature map.
        height: rows of the feature map.
        width: its columns.
        parameters: learned numbers in the layer.
        kept: how many float32 maps of this size a training step keeps for the backward pass; not whole
            where the layer has maps of other sizes inside.
    """

    name: str
    operation: str
    channels: int
    height: int
    width: int
    parameters: int = 0
    kept: float = 0


class Model(Config, ABC):
    """A recipe; the network that it builds maps (N, C, H, W) to (N, K, H, W) for any H and W >= 1."""

    @abstractmethod
    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights.

        Args:
            channels: C of the images.
            num_classes: K of the logits, the background counted.
        """

    def fill(self, network: nn.Module) -> None:
        """Put weights that were learned elsewhere into a network that `build` gave; by default none.

        Apart from `build`, so that a trained network is read back without them.

        Args:
            network: what `build` gave, changed in place.
        """

    def moments(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Give the means and the deviations that images in [0, 1] are normalised by; None: their own.

        Args:
            channels: C of the images; as many means, and as many deviations.
        """
        return None

    @abstractmethod
    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size by the recipe's arithmetic, in the order of the computation.

        Args:
            channels: C of the images.
            num_classes: K of the logits, the background counted.
            height: rows of an image.
            width: its columns.
        """


class Decoder(nn.Module):
    """The second half of an `EncodedNetwork`: from the encoder's feature maps to logits."""

    def __init__(self, levels: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.levels = levels
        self.head = head
        self.crop = Crop()

    def forward(self, features: list[Features], height: int, width: int) -> Logits:
        """Give the logits of the images that the feature maps were made from, (height, width) in pixels."""
        logits: Logits = self.crop(self.head(self.levels(features)), height, width)
        return logits


class EncodedNetwork(nn.Module, ABC):
    """A network in two halves, so that a training may put a second decoder on the one encoder.

    >>> import torch
    >>> from pointillist.models import Unet
    >>> network = Unet(widths=(4, 8)).build(channels=3, num_classes=2)
    >>> second = network.new_decoder()
    >>> features = network.encode(torch.zeros(1, 3, 7, 5))
    >>> network.decode(features, 7, 5).shape == second(features, 7, 5).shape
    True
    """

    decoder: nn.Module
    head: nn.Module
    crop: nn.Module

    @abstractmethod
    def encode(self, images: Images) -> list[Features]:
        """Give the encoder's feature maps that the decoder reads, the finest first."""

    def decode(self, features: list[Features], height: int, width: int) -> Logits:
        """Give the logits of the images that the feature maps were made from, (height, width) in pixels."""
        logits: Logits = self.crop(self.head(self.decoder(features)), height, width)
        return logits

    def new_decoder(self) -> Decoder:
        """Give another decoder of the same shape, with freshly drawn weights."""
        decoder = Decoder(copy.deepcopy(self.decoder), copy.deepcopy(self.head))
        draw_weights(decoder)
        return decoder

    def forward(self, images: Images) -> Logits:
        """Give the logits of every pixel."""
        return self.decode(self.encode(images), *images.shape[2:])
