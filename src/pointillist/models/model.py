"""What every model is: a frozen recipe that builds a network from images to logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import nn

from pointillist.core.config import Config


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
        kept: how many float32 maps of this size a training step keeps for the backward pass.
    """

    name: str
    operation: str
    channels: int
    height: int
    width: int
    parameters: int = 0
    kept: int = 0


class Model(Config, ABC):
    """A recipe; the network that it builds maps (N, C, H, W) to (N, K, H, W) for any H and W >= 1."""

    @abstractmethod
    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights.

        Args:
            channels: C of the images.
            num_classes: K of the logits, the background counted.
        """

    @abstractmethod
    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size by the recipe's arithmetic, in the order of the computation.

        Args:
            channels: C of the images.
            num_classes: K of the logits, the background counted.
            height: rows of an image.
            width: its columns.
        """
