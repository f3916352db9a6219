"""The U-Net: an encoder and a decoder whose levels are joined by skips."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import model_validator
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
from pointillist.models.painted import fill_unet
from pointillist.models.sizes import conv_sizes, encoder_sizes, ends, up_size

WIDTHS = (16, 32, 64, 128, 256)


class Unet(Model):
    """A U-Net for images of any size.

    Two 3x3 convolutions with norm and ReLU at every level, 2x2 max-pooling on the way down, 2x2 transposed
    convolutions on the way up, a 1x1 convolution to the logits.

    Args:
        widths: channels at each level from the full resolution down; their number is the depth.
        norm: "batch" is fastest; "instance", "group" and "none" do not mix the images of a batch.
        start: "random" weights, or those of a network of the default widths and norm that has learnt painted
            "curves" (`benchmarks/pretrain_curves.py`; part of the package): it knows thin things before it
            has seen a label.

    >>> network = Unet(widths=(4, 8)).build(channels=3, num_classes=2)
    >>> network(torch.zeros(1, 3, 7, 5)).shape
    torch.Size([1, 2, 7, 5])

    Source: O. Ronneberger et al., U-Net, MICCAI 2015, figure 1. Ours pads its convolutions, so that the
    logits have the image's size, normalises, has a quarter of the channels, and takes any height and width.
    """

    kind: Literal["unet"] = "unet"
    widths: Widths = WIDTHS
    norm: Norm = "batch"
    start: Literal["random", "curves"] = "random"

    @model_validator(mode="after")
    def _weights_fit(self) -> Unet:
        if self.start == "curves" and (self.widths, self.norm) != (WIDTHS, "batch"):
            fix = "leave both as they are, or start from random weights"
            raise ValueError(f'start: "curves" has widths {list(WIDTHS)} and norm "batch": {fix}')
        return self

    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights; `fill` reads those learnt from curves."""
        return UnetNetwork(self, channels, num_classes)

    def fill(self, network: nn.Module) -> None:
        """Put the weights learnt from painted curves into the network, where it starts from them.

        Raises:
            InputError: the package's file is damaged.
        """
        if self.start == "curves":
            fill_unet(network)

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

    def __init__(self, inputs: int, skip: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.up = Up(inputs, outputs)
        self.join = Join()
        self.conv1 = ConvUnit(skip + outputs, outputs, norm)
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


class JoinedDecoder(nn.ModuleList):
    """The way up: one level for each skip, from the coarsest map to the finest."""

    def forward(self, features: list[Features]) -> Features:
        """Give the map at the finest skip's size."""
        *skips, rising = features
        for level, skip in zip(self, reversed(skips), strict=True):
            rising = level(rising, skip)
        return rising


class UnetNetwork(EncodedNetwork):
    """The network of `Unet`."""

    def __init__(self, recipe: Unet, channels: int, num_classes: int) -> None:
        super().__init__()
        widths = recipe.widths
        self.pad = Pad(channels, len(widths) - 1)
        self.encoder = nn.ModuleList(encoder_levels(channels, widths, recipe.norm))
        self.decoder = JoinedDecoder(
            JoinedUp(below, width, width, recipe.norm)
            for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], num_classes, kernel_size=1)
        self.crop = Crop()
        draw_weights(self)

    def encode(self, images: Images) -> list[Features]:
        """Give every level's feature map, the full resolution first."""
        found = [self.pad(images)]
        for down in self.encoder:
            found.append(down(found[-1]))
        return found[1:]
