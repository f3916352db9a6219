"""The parts that the convolutional models share: convolutions with norms, padding, first weights."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Annotated, Literal, TypeAlias

import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pointillist.core.errors import InputError
from pointillist.core.shapes import Images

Width = Annotated[int, Field(ge=1, le=8192)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10)]
Norm = Literal["batch", "instance", "group", "none"]
# Channels, height and width change on the way, so none of them is named.
Features: TypeAlias = Float[Tensor, "n _ _ _"]


class ConvUnit(nn.Sequential):
    """A 3x3 convolution, its norm and a ReLU; the height and width stay."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        # A norm subtracts the mean, and with it any bias.
        conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=norm == "none")
        super().__init__(
            OrderedDict(conv=conv, norm=_norm(norm, outputs), relu=nn.ReLU(inplace=True))
            if norm != "none"
            else OrderedDict(conv=conv, relu=nn.ReLU(inplace=True))
        )


def _norm(norm: Norm, channels: int) -> nn.Module:
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    # One channel a group is the instance norm; Wu and He's 32 groups are too many for narrow layers.
    return nn.GroupNorm(channels if norm == "instance" else math.gcd(channels, 8), channels)


class Down(nn.Sequential):
    """One level of an encoder: halve by max-pooling (but for the first level), then two convolutions."""

    def __init__(self, inputs: int, outputs: int, norm: Norm, *, pool: bool) -> None:
        parts: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.MaxPool2d(2)) if pool else OrderedDict()
        parts["conv1"] = ConvUnit(inputs, outputs, norm)
        parts["conv2"] = ConvUnit(outputs, outputs, norm)
        super().__init__(parts)


def encoder_levels(channels: int, widths: tuple[int, ...], norm: Norm) -> list[Down]:
    """Build the way down, one part for each level."""
    inputs = (channels, *widths[:-1])
    return [
        Down(before, width, norm, pool=level > 0)
        for level, (before, width) in enumerate(zip(inputs, widths, strict=True))
    ]


class Up(nn.ConvTranspose2d):
    """Double the height and the width by a 2x2 transposed convolution.

    It has no bias: the convolution that follows has one, or its norm has, and in bf16 on a CPU this one's
    gradient took three times as long as the rest of the layer's backward pass.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=2, stride=2, bias=False)


class Pad(nn.Module):
    """Repeat the last row and column until the pools divide the height and the width.

    The image stays at the top left, so that the pools' grid starts at pixel (0, 0) whatever the size. The
    smallest feature map is at least 2 x 2: a norm over one value would be 0 whatever the image shows.
    """

    def __init__(self, channels: int, pools: int) -> None:
        super().__init__()
        self.channels = channels
        self.pools = pools

    def forward(self, images: Images) -> Features:
        """Pad.

        Raises:
            InputError: the images have another number of channels than the network was built for.
        """
        if images.shape[1] != self.channels:
            must = f"images must have {self.channels} channels, as the network was built for"
            raise InputError(must, f"{images.shape[1]}", "Convert the images, or build another network.")
        height, width = images.shape[2:]
        below, right = padded(height, self.pools) - height, padded(width, self.pools) - width
        return F.pad(images, (0, right, 0, below), mode="replicate") if below or right else images


def padded(size: int, pools: int) -> int:
    """Give the smallest size >= ``size`` that ``pools`` halvings bring to a whole number >= 2.

    >>> padded(97, pools=4), padded(112, pools=4), padded(1, pools=4), padded(1, pools=0)
    (112, 112, 32, 2)
    """
    return max(2, -(-size >> pools)) << pools


class Crop(nn.Module):
    """Cut what the padding added."""

    def forward(self, logits: Features, height: int, width: int) -> Tensor:
        """Crop to (height, width) at the top left."""
        return logits[:, :, :height, :width]


def draw_weights(network: nn.Module) -> None:
    """Draw every convolution's weights by He et al. 2015, equation 10; biases and norms start anew.

    Source: K. He et al., Delving deep into rectifiers, ICCV 2015. Layers without a ReLU (the transposed
    convolutions and the head) get the variance 1 / fan-in in place of 2 / fan-in.
    """
    for module in network.modules():
        if isinstance(module, nn.ConvTranspose2d):
            # Kernel and stride are equal: every output pixel sees one input pixel, through one tap.
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        elif isinstance(module, nn.Conv2d):
            gain = 2.0 if module.kernel_size == (3, 3) else 1.0
            fan_in = module.in_channels * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(gain / fan_in))
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            module.reset_parameters()
