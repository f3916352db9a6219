"""A U-Net on an encoder that was trained on ImageNet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from torch import nn

from pointillist.core.shapes import Images
from pointillist.models.blocks import Crop, Features, Pad, Width, draw_weights, padded
from pointillist.models.efficientnet_lite import (
    STEM,
    Block,
    EfficientNetLite,
    Encoder,
    around,
    stages,
    tap_channels,
)
from pointillist.models.imagenet import fill_encoder
from pointillist.models.model import EncodedNetwork, LayerSize, Model
from pointillist.models.painted import fill_decoder
from pointillist.models.rising import RisingDecoder, rising_sizes
from pointillist.models.sizes import ends

POOLS = 5
WIDTHS = (128, 64, 48, 32, 16)


class PretrainedUnet(Model):
    """A U-Net whose encoder has seen ImageNet, for images of any size.

    Images of any number of channels: where it is not 3, every channel gets 3 / C times the mean of the
    first convolution's red, green and blue filters. Images are normalised as on ImageNet, by mean 0.5 and
    deviation 0.5, whatever the data set's own are.

    Args:
        encoder: lite1 and lite2 are deeper, lite2 is wider too.
        widths: channels of the decoder at strides 16, 8, 4, 2 and 1.
        pretrained: a training starts from the ImageNet weights (the package of the extra
            ``pointillist[pretrained]``), else from random ones. A trained run needs no package.
        decoder: its "random" start, or that of a decoder of the default widths which has learnt painted
            "objects" on ImageNet's unchanged features (`benchmarks/pretrain.py`; part of the package).
        freeze: the encoder stays as it is, its norms too; the decoder alone learns.

    >>> import torch
    >>> network = PretrainedUnet().build(channels=3, num_classes=2)
    >>> network.eval()(torch.zeros(1, 3, 97, 50)).shape
    torch.Size([1, 2, 97, 50])

    Source: the decoder as in `Unet`, on the encoder of `EfficientNetLite`, in the manner of V. Iglovikov and
    A. Shvets, TernausNet, arXiv 1801.05746, figure 1. Ours is thin, and has no skip at the full resolution,
    where the encoder has no map.
    """

    kind: Literal["pretrained-unet"] = "pretrained-unet"
    encoder: Encoder = "efficientnet-lite0"
    widths: Annotated[tuple[Width, ...], Field(min_length=POOLS, max_length=POOLS)] = WIDTHS
    pretrained: bool = True
    decoder: Literal["random", "objects"] = "random"
    freeze: bool = False

    @model_validator(mode="after")
    def _decoder_fits(self) -> PretrainedUnet:
        fits = self.pretrained and (self.encoder, self.widths) == ("efficientnet-lite0", WIDTHS)
        if self.decoder == "objects" and not fits:
            must = f'decoder: "objects" is for the pretrained efficientnet-lite0 and widths {list(WIDTHS)}'
            raise ValueError(f"{must}: leave these as they are, or start from a random decoder")
        return self

    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights; `fill` reads the pretrained ones."""
        return PretrainedUnetNetwork(self, channels, num_classes)

    def fill(self, network: nn.Module) -> None:
        """Put the ImageNet weights into the encoder, unless ``pretrained`` is false; and the decoder's.

        Raises:
            InputError: the package with the weights is missing, or a file is not the known one.
        """
        if self.pretrained and isinstance(network, PretrainedUnetNetwork):
            fill_encoder(network.encoder)
            if self.decoder == "objects":
                fill_decoder(network)

    def moments(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Give what the encoder's images were normalised by."""
        return (0.5,) * channels, (0.5,) * channels

    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size by arithmetic."""
        rows, cols = padded(height, POOLS), padded(width, POOLS)
        pad, head, crop = ends(channels, self.widths[-1], num_classes, (height, width), (rows, cols))
        layers = [pad, *_encoder_sizes(self.encoder, channels, rows, cols)]
        rows, cols = rows >> POOLS, cols >> POOLS
        *skips, deepest = tap_channels(self.encoder)
        layers += rising_sizes(deepest, (*reversed(skips), 0), self.widths, rows, cols)
        return (*layers, head, crop)


class PretrainedUnetNetwork(EncodedNetwork):
    """The network of `PretrainedUnet`."""

    def __init__(self, recipe: PretrainedUnet, channels: int, num_classes: int) -> None:
        super().__init__()
        self.pad = Pad(channels, POOLS)
        self.encoder = EfficientNetLite(channels, recipe.encoder)
        *skips, deepest = tap_channels(recipe.encoder)
        self.decoder = RisingDecoder(deepest, (*reversed(skips), 0), recipe.widths)
        self.head = nn.Conv2d(recipe.widths[-1], num_classes, kernel_size=1)
        self.crop = Crop()
        draw_weights(self.decoder)
        draw_weights(self.head)
        self.frozen = recipe.freeze
        if self.frozen:
            self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> PretrainedUnetNetwork:
        """Switch between training and prediction; a frozen encoder's norms stay in prediction."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def encode(self, images: Images) -> list[Features]:
        """Give the feature maps at strides 2, 4, 8, 16 and 32."""
        found: list[Features] = self.encoder(self.pad(images))
        return found


def _encoder_sizes(encoder: Encoder, channels: int, rows: int, cols: int) -> list[LayerSize]:
    rows, cols = rows // 2, cols // 2
    # Three maps: what the norm was given, what ReLU6 was given, what it gave; and the padded images.
    kept = 3 + channels * (2 * rows + 1) * (2 * cols + 1) / (STEM * rows * cols)
    operation, parameters = "conv 3x3, batch norm, ReLU6", (9 * channels + 2) * STEM
    layers = [LayerSize("encoder.stem", operation, STEM, rows, cols, parameters, kept)]
    for number, stage in enumerate(stages(encoder)):
        for place, block in enumerate(stage):
            layers.append(_block_size(f"encoder.stages.{number}.{place}", block, rows, cols))
            rows, cols = layers[-1].height, layers[-1].width
    return layers


def _block_size(name: str, block: Block, rows: int, cols: int) -> LayerSize:
    widens = block.hidden > block.inputs
    parameters = block.hidden * (block.kernel**2 + 2) + block.outputs * (block.hidden + 2)
    inside = 0
    if widens:
        parameters += block.hidden * (block.inputs + 2)
        # The depthwise convolution keeps its padded input when it halves, else the ReLU6's output.
        grown = sum(around(block.kernel)) if block.stride == 2 else 0
        inside += 2 * block.hidden * rows * cols + block.hidden * (rows + grown) * (cols + grown)
    height, width = rows // block.stride, cols // block.stride
    inside += 3 * block.hidden * height * width
    kept = 2 + inside / (block.outputs * height * width)
    operation = f"inverted residual {block.kernel}x{block.kernel}"
    return LayerSize(name, operation, block.outputs, height, width, parameters, kept)
