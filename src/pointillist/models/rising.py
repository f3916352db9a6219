"""The way up from an encoder's maps to the full resolution, whatever strides the encoder has maps at."""

from __future__ import annotations

from torch import nn

from pointillist.models.blocks import ConvUnit, Features, Up
from pointillist.models.model import LayerSize
from pointillist.models.sizes import conv_sizes, up_size
from pointillist.models.unet import JoinedUp


class RisingDecoder(nn.ModuleList):
    """Levels that double the size, down to stride 1; those at a stride of the encoder's join its map.

    Args:
        deepest: channels of the encoder's coarsest map.
        skips: channels of its map at each level's stride, the coarsest first; 0 where it has none.
        widths: channels of each level, as many.
    """

    def __init__(self, deepest: int, skips: tuple[int, ...], widths: tuple[int, ...]) -> None:
        levels = zip((deepest, *widths), skips, widths, strict=False)
        super().__init__(
            JoinedUp(below, skip, width, "batch") if skip else PlainUp(below, width)
            for below, skip, width in levels
        )

    def forward(self, features: list[Features]) -> Features:
        """Give the map at the full resolution."""
        *skips, rising = features
        for level in self:
            rising = level(rising, skips.pop()) if isinstance(level, JoinedUp) else level(rising)
        return rising


class PlainUp(nn.Module):
    """One level of the decoder without a skip."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = Up(inputs, outputs)
        self.conv1 = ConvUnit(outputs, outputs, "batch")
        self.conv2 = ConvUnit(outputs, outputs, "batch")

    def forward(self, features: Features) -> Features:
        """Go one level up."""
        risen: Features = self.conv2(self.conv1(self.up(features)))
        return risen


def rising_sizes(
    deepest: int, skips: tuple[int, ...], widths: tuple[int, ...], rows: int, cols: int
) -> list[LayerSize]:
    """Predict the outputs of a `RisingDecoder`'s layers.

    Args:
        deepest: as of the decoder.
        skips: as of the decoder.
        widths: as of the decoder.
        rows: of the encoder's coarsest map.
        cols: its columns.
    """
    layers = []
    for level, (before, skip, after) in enumerate(zip((deepest, *widths), skips, widths, strict=False)):
        rows, cols = rows * 2, cols * 2
        name = f"decoder.{level}"
        layers.append(up_size(f"{name}.up", before, after, rows, cols, kept=0 if skip else 1))
        if skip:
            layers.append(LayerSize(f"{name}.join", "join the skip", skip + after, rows, cols, kept=1))
        layers += conv_sizes(name, skip + after, after, rows, cols, "batch")
    return layers
