"""What every model is: a frozen recipe that builds a network from images to logits."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from pointillist.core.config import Config


class Model(Config, ABC):
    """A recipe; the network that it builds maps (N, C, H, W) to (N, K, H, W) for any H and W >= 1."""

    @abstractmethod
    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights.

        Args:
            channels: C of the images.
            num_classes: K of the logits, the background counted.
        """
