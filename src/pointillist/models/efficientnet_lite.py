"""EfficientNet-Lite without its classifier: the encoder of `PretrainedUnet`."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from pointillist.models.blocks import Features

STEM = 32
EPSILON = 1e-3


@dataclass(frozen=True)
class Block:
    """The sizes of one inverted residual block.

    Args:
        inputs: channels that come in.
        hidden: channels of the depthwise convolution.
        outputs: channels that go out.
        kernel: side of the depthwise convolution, odd.
        stride: 1, or 2 to halve the height and the width.
    """

    inputs: int
    hidden: int
    outputs: int
    kernel: int
    stride: int

    @property
    def residual(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


Encoder = Literal["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
# How many times the channels and the blocks of the first.
SCALES: dict[Encoder, tuple[float, float]] = {
    "efficientnet-lite0": (1.0, 1.0),
    "efficientnet-lite1": (1.0, 1.1),
    "efficientnet-lite2": (1.1, 1.2),
}
# Outputs, times the inputs in the middle, kernel, stride of the first block, blocks.
_PLAN = (
    (16, 1, 3, 1, 1),
    (24, 6, 3, 2, 2),
    (40, 6, 5, 2, 2),
    (80, 6, 3, 2, 3),
    (112, 6, 5, 1, 3),
    (192, 6, 5, 2, 4),
    (320, 6, 3, 1, 1),
)
# The last stage at each of the strides 2, 4, 8, 16 and 32: what a decoder joins.
TAPS = (0, 1, 2, 4, 6)


def stages(encoder: Encoder) -> tuple[tuple[Block, ...], ...]:
    """Give the seven stages' blocks."""
    return tuple(_stages(*SCALES[encoder]))


def _stages(width: float, depth: float) -> Iterator[tuple[Block, ...]]:
    inputs = STEM
    for number, (channels, factor, kernel, stride, count) in enumerate(_PLAN):
        outputs = _rounded(width * channels)
        # The lite variants leave the first and the last stage as short as they are.
        repeats = count if number in (0, len(_PLAN) - 1) else math.ceil(depth * count)
        blocks = []
        for place in range(repeats):
            blocks.append(Block(inputs, factor * inputs, outputs, kernel, stride if place == 0 else 1))
            inputs = outputs
        yield tuple(blocks)


def _rounded(channels: float) -> int:
    """Give the nearest multiple of 8, or the next where that would lose more than a tenth."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


def tap_channels(encoder: Encoder) -> tuple[int, ...]:
    """Give the channels of the maps at strides 2, 4, 8, 16 and 32.

    >>> tap_channels("efficientnet-lite0")
    (16, 24, 40, 112, 320)
    """
    found = stages(encoder)
    return tuple(found[tap][-1].outputs for tap in TAPS)


class EfficientNetLite(nn.Module):
    """The convolutions of an EfficientNet-Lite, freshly drawn.

    No squeeze-and-excitation, ReLU6 in place of swish, a stem of 32 channels and seven stages of inverted
    residual blocks. The last convolution to 1280 channels and the classifier are left out.

    Args:
        channels: C of the images.
        encoder: which of them.

    >>> features = EfficientNetLite(3)(torch.zeros(2, 3, 64, 96))
    >>> [tuple(map.shape[1:]) for map in features]
    [(16, 32, 48), (24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]

    Source: M. Tan and Q. Le, EfficientNet, ICML 2019, table 1 (B0) and equation 3 (scales), with the changes
    of its "lite" variants (R. Liu, TensorFlow blog, March 2020); blocks by M. Sandler et al., MobileNetV2,
    CVPR 2018, table 1. Ours has no stochastic depth, and its norms move a tenth at a step, where TensorFlow's
    move a hundredth: a run on a few images has few steps.
    """

    def __init__(self, channels: int, encoder: Encoder = "efficientnet-lite0") -> None:
        super().__init__()
        self.channels, self.encoder = channels, encoder
        self.stem = _unit(Conv(channels, STEM, 3, stride=2), act=True)
        blocks = stages(encoder)
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(b) for b in stage)) for stage in blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # He et al. 2015, equation 14: by fan-out, of which a depthwise filter has one channel.
                fan_out = module.out_channels * math.prod(module.kernel_size) // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def forward(self, images: Features) -> list[Features]:
        """Give the feature maps at strides 2, 4, 8, 16 and 32; the sides must be multiples of 32."""
        features = self.stem(images)
        found = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in TAPS:
                found.append(features)
        return found


class Conv(nn.Conv2d):
    """A convolution without bias; with stride 2 it reads one pixel less before than behind.

    So TensorFlow's "same" padding places the windows on maps of even size, and the published weights with
    them.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        before = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride=stride, padding=before, groups=groups, bias=False)
        self.around = around(kernel) if stride == 2 else None

    def forward(self, features: Features) -> Features:
        """Convolve."""
        if self.around is not None:
            before, behind = self.around
            features = F.pad(features, (before, behind, before, behind))
        convolved: Features = super().forward(features)
        return convolved


def around(kernel: int) -> tuple[int, int]:
    """Give the zeros before and behind a map of even size that a convolution of stride 2 needs.

    >>> around(3), around(5)
    ((0, 1), (1, 2))
    """
    return (kernel - 2) // 2, (kernel - 1) // 2


class Depthwise(Conv):
    """A convolution of each channel by itself."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, groups=channels)
        # oneDNN is quick with 3x3 at stride 1 in bf16; its others took 3 to 8 times as long as in float32.
        self.precise = kernel > 3 or stride > 1

    def forward(self, features: Features) -> Features:
        """Convolve, in float32 where bf16 is slow on a CPU."""
        here = features.device.type == "cpu" and features.dtype == torch.bfloat16
        if not (self.precise and here):
            return super().forward(features)
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float()).to(features.dtype)


def _unit(conv: nn.Conv2d, *, act: bool) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    parts["norm"] = nn.BatchNorm2d(conv.out_channels, eps=EPSILON)
    if act:
        # In place it would keep a copy of its input for the backward pass.
        parts["relu"] = nn.ReLU6()
    return nn.Sequential(parts)


class Residual(nn.Module):
    """An inverted residual block: widen by 1x1, filter each channel, narrow by 1x1 without a ReLU."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.residual = block.residual
        widens = block.hidden > block.inputs
        self.expand = _unit(Conv(block.inputs, block.hidden, 1), act=True) if widens else nn.Identity()
        self.depthwise = _unit(Depthwise(block.hidden, block.kernel, block.stride), act=True)
        self.project = _unit(Conv(block.hidden, block.outputs, 1), act=False)

    def forward(self, features: Features) -> Features:
        """Filter."""
        filtered: Features = self.project(self.depthwise(self.expand(features)))
        return filtered + features if self.residual else filtered
