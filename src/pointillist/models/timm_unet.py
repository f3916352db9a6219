"""A U-Net on any encoder of timm's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from pointillist.core.errors import InputError
from pointillist.core.shapes import Images
from pointillist.models import timm_encoder
from pointillist.models.blocks import Crop, Features, Pad, Widths, draw_weights, padded
from pointillist.models.model import EncodedNetwork, LayerSize, Model
from pointillist.models.rising import RisingDecoder, rising_sizes
from pointillist.models.sizes import ends
from pointillist.models.timm_encoder import Taps


class TimmUnet(Model):
    """A U-Net on an encoder of timm (the extra ``pointillist[timm]``), for images of any size.

    Where the weights are timm's, images are normalised by the mean and deviation that these know, channel by
    channel, and other numbers of channels than 3 are adapted to as timm does: the first convolution's filters
    are repeated and scaled by 3 / C, for grey images summed.

    Args:
        encoder: its name in timm, with or without the tag of its weights: ``resnet34``,
            ``convnext_atto.d2_in1k``. It must give maps of halved sizes, for images of any size.
        widths: channels of the decoder at each stride from half the encoder's coarsest one to 1; with most
            encoders these are 16, 8, 4, 2 and 1.
        pretrained: a training starts from timm's weights for the encoder, which come from its cache or the
            network, else from random ones.

    >>> TimmUnet(encoder="resnet18", pretrained=False).to_json()
    '{"encoder":"resnet18","kind":"timm-unet","pretrained":false,"widths":[128,64,48,32,16]}'

    Source: the decoder as in `PretrainedUnet`, which has no skip where the encoder has no map; encoders by
    R. Wightman, PyTorch Image Models, doi 10.5281/zenodo.4414861.
    """

    kind: Literal["timm-unet"] = "timm-unet"
    encoder: Annotated[str, Field(min_length=1, max_length=200)] = "resnet34"
    widths: Widths = (128, 64, 48, 32, 16)
    pretrained: bool = True

    def build(self, channels: int, num_classes: int) -> nn.Module:
        """Build the network with freshly drawn weights; `fill` fetches the pretrained ones.

        Raises:
            InputError: timm can't be imported, the encoder is unknown or unfit, or the widths are not as many
                as its halvings.
        """
        return TimmUnetNetwork(self, channels, num_classes)

    def fill(self, network: nn.Module) -> None:
        """Put timm's weights into the encoder, unless ``pretrained`` is false.

        Raises:
            InputError: there are none, or they can't be had.
        """
        if self.pretrained and isinstance(network, TimmUnetNetwork):
            timm_encoder.fill(network.encoder, self.encoder, network.pad.channels)

    def moments(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Give what the pretrained weights' images were normalised by."""
        return timm_encoder.moments(self.encoder, channels) if self.pretrained else None

    def layers(self, channels: int, num_classes: int, height: int, width: int) -> tuple[LayerSize, ...]:
        """Predict every layer's size: the encoder's from a pass without numbers, the others by arithmetic.

        Raises:
            InputError: as `build`; or the encoder has parameters outside of layers that give maps.
        """
        taps = self.taps(channels)
        rows, cols = padded(height, taps.halvings), padded(width, taps.halvings)
        pad, head, crop = ends(channels, self.widths[-1], num_classes, (height, width), (rows, cols))
        encoder = timm_encoder.encoder_sizes(self.encoder, channels, rows, cols)
        rows, cols = rows >> taps.halvings, cols >> taps.halvings
        decoder = rising_sizes(taps.channels[-1], taps.skips, self.widths, rows, cols)
        return (pad, *encoder, *decoder, head, crop)

    def taps(self, channels: int) -> Taps:
        """Find the maps that the decoder joins.

        Raises:
            InputError: as `build`.
        """
        taps = timm_encoder.find_taps(self.encoder, channels)
        if len(self.widths) != taps.halvings:
            strides = ", ".join(str(1 << power) for power in reversed(range(taps.halvings)))
            must = f"widths must be {taps.halvings} for {self.encoder}, one for each of the strides {strides}"
            raise InputError(must, f"{len(self.widths)}", "Write as many.")
        return taps


class TimmUnetNetwork(EncodedNetwork):
    """The network of `TimmUnet`."""

    def __init__(self, recipe: TimmUnet, channels: int, num_classes: int) -> None:
        super().__init__()
        taps = recipe.taps(channels)
        self.places = taps.places
        self.pad = Pad(channels, taps.halvings)
        self.encoder = timm_encoder.create(recipe.encoder, channels)
        self.decoder = RisingDecoder(taps.channels[-1], taps.skips, recipe.widths)
        self.head = nn.Conv2d(recipe.widths[-1], num_classes, kernel_size=1)
        self.crop = Crop()
        draw_weights(self.decoder)
        draw_weights(self.head)

    def encode(self, images: Images) -> list[Features]:
        """Give the feature maps at the encoder's strides."""
        maps = self.encoder(self.pad(images))
        return [maps[place] for place in self.places]
