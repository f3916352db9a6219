"""EfficientNet-Lite0 without its classifier: the encoder of `PretrainedUnet`."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

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


def _stages() -> Iterator[tuple[Block, ...]]:
    inputs = STEM
    # Outputs, times the inputs in the middle, kernel, stride of the first block, blocks.
    for outputs, factor, kernel, stride, count in (
        (16, 1, 3, 1, 1),
        (24, 6, 3, 2, 2),
        (40, 6, 5, 2, 2),
        (80, 6, 3, 2, 3),
        (112, 6, 5, 1, 3),
        (192, 6, 5, 2, 4),
        (320, 6, 3, 1, 1),
    ):
        blocks = []
        for number in range(count):
            blocks.append(Block(inputs, factor * inputs, outputs, kernel, stride if number == 0 else 1))
            inputs = outputs
        yield tuple(blocks)


STAGES = tuple(_stages())
# The last stage at each of the strides 2, 4, 8, 16 and 32: what a decoder joins.
TAPS = (0, 1, 2, 4, 6)
TAP_CHANNELS = tuple(STAGES[tap][-1].outputs for tap in TAPS)


class EfficientNetLite(nn.Module):
    """The convolutions of EfficientNet-Lite0, freshly drawn.

    No squeeze-and-excitation, ReLU6 in place of swish, a stem of 32 channels and seven stages of inverted
    residual blocks. The last convolution to 1280 channels and the classifier are left out.

    Args:
        channels: C of the images.

    >>> features = EfficientNetLite(3)(torch.zeros(2, 3, 64, 96))
    >>> [tuple(map.shape[1:]) for map in features]
    [(16, 32, 48), (24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]

    Source: M. Tan and Q. Le, EfficientNet, ICML 2019, table 1 (B0), with the changes of its "lite" variant
    (R. Liu, TensorFlow blog, March 2020); blocks by M. Sandler et al., MobileNetV2, CVPR 2018, table 1. Ours
    has no stochastic depth, and its norms move a tenth at a step, where TensorFlow's move a hundredth: a run
    on a few images has few steps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.stem = _unit(Conv(channels, STEM, 3, stride=2), act=True)
        self.stages = nn.ModuleList(nn.Sequential(*(Residual(b) for b in stage)) for stage in STAGES)
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
