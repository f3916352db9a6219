"""The arithmetic of a layer's output size and parameters, apart from the layers that it predicts."""

from __future__ import annotations

from pointillist.models.blocks import Norm
from pointillist.models.model import LayerSize


def pool_size(name: str, channels: int, height: int, width: int) -> LayerSize:
    """Predict a 2x2 max-pool's output."""
    # Kept: the map itself, and where each maximum was, in 8 bytes.
    return LayerSize(name, "max-pool 2x2", channels, height, width, kept=3)


def conv_sizes(
    level: str, inputs: int, outputs: int, height: int, width: int, norm: Norm
) -> tuple[LayerSize, ...]:
    """Predict the outputs of a level's two convolutions."""
    operation = "conv 3x3, ReLU" if norm == "none" else f"conv 3x3, {norm} norm, ReLU"
    extra = outputs if norm == "none" else 2 * outputs  # biases; or the norm's scales and offsets
    kept = 1 if norm == "none" else 2  # the ReLU keeps what it gave, the norm what it was given
    return tuple(
        LayerSize(f"{level}.{name}", operation, outputs, height, width, 9 * before * outputs + extra, kept)
        for name, before in (("conv1", inputs), ("conv2", outputs))
    )


def up_size(name: str, inputs: int, outputs: int, height: int, width: int, kept: int) -> LayerSize:
    """Predict a 2x2 transposed convolution's output."""
    return LayerSize(name, "transposed conv 2x2", outputs, height, width, 4 * inputs * outputs, kept)


def ends(
    channels: int, width: int, num_classes: int, image: tuple[int, int], grid: tuple[int, int]
) -> tuple[LayerSize, LayerSize, LayerSize]:
    """Predict the outputs of the padding, the head and the cropping."""
    pad = LayerSize("pad", "pad", channels, *grid, kept=1)
    head = LayerSize("head", "conv 1x1", num_classes, *grid, width * num_classes + num_classes, 1)
    return pad, head, LayerSize("crop", "crop", num_classes, *image)


def encoder_sizes(
    channels: int, widths: tuple[int, ...], rows: int, cols: int, norm: Norm
) -> list[LayerSize]:
    """Describe the way down: two convolutions a level, a pool before each level but the first."""
    layers = []
    for level, (before, after) in enumerate(zip((channels, *widths), widths, strict=False)):
        if level:
            rows, cols = rows // 2, cols // 2
            layers.append(pool_size(f"encoder.{level}.pool", before, rows, cols))
        layers += conv_sizes(f"encoder.{level}", before, after, rows, cols, norm)
    return layers
