"""The U-Net: an encoder and a decoder whose levels are joined by skips."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from pointillist.core.shapes import Images, Logits
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
from pointillist.models.model import LayerSize, Model
from pointillist.models.sizes import conv_sizes, encoder_sizes, ends, up_size


class Unet(Model):
    """A U-Net for images of any size.

    Two 3x3 convolutions with norm and ReLU at every level, 2x2 max-pooling on the way down, 2x2 transposed
    convolutions on the way up, a 1x1 convolution to the logits.

    Args:
        widths: channels at each level from the full resolution down; their number is the depth.
        norm: "batch" is fastest; "instance", "group" and "none" do not mix the images of a batch.

    >>> network = Unet(widths=(4, 8)).build(channels=3, num_classes=2)
    >>> network(torch.zeros(1, 3, 7, 5)).shape
    torch.Size([1, 2, 7, 5])

    Source: O. Ronneberger et al., U-Net, MICCAI 2015, figure 1. Ours pads its convolutions, so that the
    logits have the image's size, normalises, has a quarter of the channels, and takes any height and width.
    """

    kind: Literal["unet"] = "unet"
    widths: Widths = (16, 32, 64, 128, 256)
    norm: Norm = "batch"

    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights."""
        return UnetNetwork(self, channels, num_classes)

    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size by arithmetic."""
        pools = len(self.widths) - 1
        rows, cols = padded(height, pools), padded(width, pools)
        pad, head, crop = ends(channels, self.widths[0], num_classes, (height, width), (rows, cols))
        layers = [pad, *encoder_sizes(channels, self.widths, rows, cols, self.norm)]
        rows, cols = rows >> pools, cols >> pools
        for level, (before, after) in enumerate(zip(self.widths[:0:-1], self.widths[-2::-1], strict=True)):
            rows, cols = rows * 2, cols * 2
            name = f"decoder.{level}"
            layers.append(up_size(f"{name}.up", before, after, rows, cols, kept=0))
            layers.append(LayerSize(f"{name}.join", "join the skip", 2 * after, rows, cols, kept=1))
            layers += conv_sizes(name, 2 * after, after, rows, cols, self.norm)
        return (*layers, head, crop)


class JoinedUp(nn.Module):
    """One level of the decoder: double the size, join the encoder's features, two convolutions."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.up = Up(inputs, outputs)
        self.join = Join()
        self.conv1 = ConvUnit(2 * outputs, outputs, norm)
        self.conv2 = ConvUnit(outputs, outputs, norm)

    def forward(self, features: Features, skip: Features) -> Features:
        """Go one level up."""
        joined: Features = self.conv2(self.conv1(self.join(skip, self.up(features))))
        return joined


class Join(nn.Module):
    """Put the encoder's features before the decoder's."""

    def forward(self, skip: Features, features: Features) -> Features:
        """Join two maps of equal height and width along their channels."""
        return torch.cat([skip, features], dim=1)


class UnetNetwork(nn.Module):
    """The network of `Unet`."""

    def __init__(self, recipe: Unet, channels: int, num_classes: int) -> None:
        super().__init__()
        widths = recipe.widths
        self.pad = Pad(channels, len(widths) - 1)
        self.encoder = nn.ModuleList(encoder_levels(channels, widths, recipe.norm))
        self.decoder = nn.ModuleList(
            JoinedUp(below, width, recipe.norm)
            for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], num_classes, kernel_size=1)
        self.crop = Crop()
        draw_weights(self)

    def forward(self, images: Images) -> Logits:
        """Give the logits of every pixel."""
        features = self.pad(images)
        skips = []
        for down in self.encoder:
            features = down(features)
            skips.append(features)
        for up, skip in zip(self.decoder, skips[-2::-1], strict=True):
            features = up(features, skip)
        logits: Logits = self.crop(self.head(features), *images.shape[2:])
        return logits
