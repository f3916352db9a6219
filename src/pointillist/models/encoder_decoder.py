"""The simple encoder-decoder: a U-Net without its skips."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from torch import nn

from pointillist.core.shapes import Images
from pointillist.models.blocks import (
    ConvUnit,
    Crop,
    Features,
    Norm,
    Pad,
    Up,
    Widths,
    draw_weights,
    encoder_levels,
    padded,
)
from pointillist.models.model import EncodedNetwork, LayerSize, Model
from pointillist.models.sizes import conv_sizes, encoder_sizes, ends, up_size


class EncoderDecoder(Model):
    """A convolutional encoder and decoder without skips, for images of any size.

    Everything but the skips is as in `Unet`, so that the difference between the two is what skips bring.

    Args:
        widths: channels at each level from the full resolution down; their number is the depth.
        norm: "batch" is fastest; "instance", "group" and "none" do not mix the images of a batch.

    >>> import torch
    >>> network = EncoderDecoder(widths=(4, 8)).build(channels=3, num_classes=2)
    >>> network(torch.zeros(1, 3, 7, 5)).shape
    torch.Size([1, 2, 7, 5])

    Source: V. Badrinarayanan et al., SegNet, PAMI 2017, figure 2. Ours goes up by transposed convolutions,
    does not remember where the maxima were, and takes any height and width.
    """

    kind: Literal["encoder-decoder"] = "encoder-decoder"
    widths: Widths = (16, 32, 64, 128, 256)
    norm: Norm = "batch"

    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights."""
        return EncoderDecoderNetwork(self, channels, num_classes)

    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size by arithmetic."""
        pools = len(self.widths) - 1
        rows, cols = padded(height, pools), padded(width, pools)
        pad, head, crop = ends(channels, self.widths[0], num_classes, (height, width), (rows, cols))
        layers = [pad, *encoder_sizes(channels, self.widths, rows, cols, self.norm)]
        rows, cols = rows >> pools, cols >> pools
        for level, (before, after) in enumerate(zip(self.widths[:0:-1], self.widths[-2::-1], strict=True)):
            rows, cols = rows * 2, cols * 2
            layers.append(up_size(f"decoder.{level}.up", before, after, rows, cols, kept=1))
            layers += conv_sizes(f"decoder.{level}", after, after, rows, cols, self.norm)
        return (*layers, head, crop)


class PlainDecoder(nn.Sequential):
    """The way up, from the coarsest map alone."""

    def forward(self, features: list[Features]) -> Features:
        """Give the map at the full resolution."""
        rising = features[-1]
        for level in self:
            rising = level(rising)
        return rising


class EncoderDecoderNetwork(EncodedNetwork):
    """The network of `EncoderDecoder`."""

    def __init__(self, recipe: EncoderDecoder, channels: int, num_classes: int) -> None:
        super().__init__()
        widths = recipe.widths
        self.pad = Pad(channels, len(widths) - 1)
        self.encoder = nn.Sequential(*encoder_levels(channels, widths, recipe.norm))
        self.decoder = PlainDecoder(
            *(
                _up(below, width, recipe.norm)
                for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True)
            )
        )
        self.head = nn.Conv2d(widths[0], num_classes, kernel_size=1)
        self.crop = Crop()
        draw_weights(self)

    def encode(self, images: Images) -> list[Features]:
        """Give the coarsest feature map alone."""
        return [self.encoder(self.pad(images))]


def _up(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    parts = OrderedDict[str, nn.Module](up=Up(inputs, outputs), conv1=ConvUnit(outputs, outputs, norm))
    parts["conv2"] = ConvUnit(outputs, outputs, norm)
    return nn.Sequential(parts)
