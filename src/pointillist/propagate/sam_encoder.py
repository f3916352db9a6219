"""TinyViT as the image encoder of a small SAM: an image of 1024 x 1024 to an embedding of 64 x 64."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDE = 1024
"""The encoder's images are squares of this side."""
EMBEDDING = 256
"""Channels of the embedding."""
WIDTHS = (64, 128, 160, 320)
DEPTHS = (2, 2, 6, 2)
HEADS = (2, 4, 5, 10)
WINDOWS = (7, 7, 14, 7)

# Channels, height and width change on the way, so none of them is named.
Maps: TypeAlias = Float[Tensor, "n _ _ _"]
Tokens: TypeAlias = Float[Tensor, "n tokens width"]


class TinyVit(nn.Module):
    """The encoder of MobileSAM, TinyViT-5M: convolutions at strides 2 and 4, window attention at 8 and 16.

    Source: C. Zhang et al., Faster segment anything (MobileSAM), 2023, section 3; K. Wu et al., TinyViT, ECCV
    2022, section 3.2 and table 9 (5M). As in MobileSAM the last stage keeps stride 16 where the classifier
    goes to 32, and SAM's neck of two convolutions takes the place of the classifier.
    """

    def __init__(self) -> None:
        super().__init__()
        half, width = WIDTHS[0] // 2, WIDTHS[0]
        stem = (ConvNorm(3, half, 3, stride=2), nn.GELU(), ConvNorm(half, width, 3, stride=2))
        self.patch_embed = nn.Sequential(OrderedDict(seq=nn.Sequential(*stem)))
        self.layers = nn.ModuleList(Stage(number) for number in range(len(WIDTHS)))
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], EMBEDDING, 1, bias=False),
            ChannelNorm(EMBEDDING),
            nn.Conv2d(EMBEDDING, EMBEDDING, 3, padding=1, bias=False),
            ChannelNorm(EMBEDDING),
        )

    def forward(self, images: Maps) -> Maps:
        """Encode standardised images; the sides are a sixteenth of theirs."""
        maps = self.patch_embed(images.contiguous(memory_format=torch.channels_last))
        for layer in self.layers:
            maps = layer(maps)
        embedding: Maps = self.neck(maps)
        return embedding

    def fuse(self) -> None:
        """Fold every batch norm into the convolution before it, for good: a third of the time was theirs."""
        for module in self.modules():
            if isinstance(module, ConvNorm) and isinstance(module.bn, nn.BatchNorm2d):
                module.c = fuse_conv_bn_eval(module.c, module.bn)
                module.bn = nn.Identity()


class ConvNorm(nn.Sequential):
    """A convolution and its batch norm, under the names of the published weights."""

    c: nn.Conv2d
    bn: nn.Module

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(OrderedDict(c=conv, bn=nn.BatchNorm2d(outputs)))


class ChannelNorm(nn.LayerNorm):
    """Standardise each pixel over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, maps: Maps) -> Maps:
        """Standardise."""
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Blocks at one stride, and the way to the next stage's width (the last stage has none)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        width = WIDTHS[number]
        self.blocks = nn.Sequential(
            *(
                Inverted(width, 4 * width, width) if number == 0 else WindowBlock(number)
                for _ in range(DEPTHS[number])
            )
        )
        self.downsample: nn.Module = nn.Identity()
        if number + 1 < len(WIDTHS):
            following = WIDTHS[number + 1]
            last = number + 2 == len(WIDTHS)
            self.downsample = Inverted(width, following, following, stride=1 if last else 2, residual=False)

    def forward(self, maps: Maps) -> Maps:
        """Run the stage."""
        maps = self.downsample(self.blocks(maps))
        return maps


class Inverted(nn.Module):
    """An inverted residual block of MobileNetV2; without a residual it merges patches."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, *, stride: int = 1, residual: bool = True
    ) -> None:
        super().__init__()
        self.residual = residual
        self.conv1 = ConvNorm(inputs, hidden, 1)
        self.conv2 = ConvNorm(hidden, hidden, 3, stride, groups=hidden)
        self.conv3 = ConvNorm(hidden, outputs, 1)

    def forward(self, maps: Maps) -> Maps:
        """Filter."""
        filtered: Maps = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(maps)))))
        return F.gelu(maps + filtered) if self.residual else filtered


class WindowBlock(nn.Module):
    """Attention within windows, a 3x3 filter of each channel across them, and a perceptron."""

    def __init__(self, number: int) -> None:
        super().__init__()
        width, self.window = WIDTHS[number], WINDOWS[number]
        self.attn = WindowAttention(width, HEADS[number], self.window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = Perceptron(width)

    def forward(self, maps: Maps) -> Maps:
        """Mix."""
        side = self.window
        pixels = maps.permute(0, 2, 3, 1)
        count, height, width, _ = pixels.shape
        # The zeros take part in the attention: so the weights were learned.
        padded = F.pad(pixels, (0, 0, 0, -width % side, 0, -height % side))
        rows, cols = padded.shape[1] // side, padded.shape[2] // side
        windows = padded.reshape(count, rows, side, cols, side, -1).transpose(2, 3)
        mixed = self.attn(windows.reshape(count * rows * cols, side * side, -1))
        whole = mixed.reshape(count, rows, cols, side, side, -1).transpose(2, 3)
        pixels = pixels + whole.reshape(padded.shape)[:, :height, :width]
        pixels = self.local_conv(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        pixels = pixels + self.mlp(pixels)
        mixed_maps: Tensor = pixels.permute(0, 3, 1, 2)
        return mixed_maps


class WindowAttention(nn.Module):
    """Attention of a window's pixels to each other, with a learned bias for each distance.

    The bias of two pixels is a function of the rows and of the columns between them, whichever comes first.
    """

    distances: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        rows, cols = torch.arange(window * window) // window, torch.arange(window * window) % window
        apart = (rows[:, None] - rows).abs() * window + (cols[:, None] - cols).abs()
        self.register_buffer("distances", apart, persistent=False)

    def forward(self, pixels: Tokens) -> Tokens:
        """Mix."""
        per_head = self.qkv(self.norm(pixels)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        queries, keys, values = per_head.chunk(3, dim=-1)
        biases = self.attention_biases[:, self.distances].to(queries.dtype)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=biases[None])
        projected: Tokens = self.proj(mixed.transpose(1, 2).flatten(-2))
        return projected


class Perceptron(nn.Module):
    """A norm and two layers, pixel by pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, pixels: Maps) -> Maps:
        """Compute."""
        computed: Maps = self.fc2(F.gelu(self.fc1(self.norm(pixels))))
        return computed
