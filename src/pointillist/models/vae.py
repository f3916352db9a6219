"""A convolutional variational auto-encoder: what images look like, learned without any label."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from pointillist.core.config import Config
from pointillist.core.shapes import Images, Scalar
from pointillist.models.blocks import ConvUnit, Features, Pad, Up, Widths, draw_weights, padded

Latent = Float[Tensor, "n _ _ _"]


class Vae(Config):
    """A recipe of a network from images to a map of latents and back, for images of any size.

    It is no `Model`: it gives images and not logits. Its latents are a map, one vector for each square of
    2^levels pixels, so that it says what is where.

    Args:
        widths: channels at each halving, from half the resolution down; their number is the levels.
        latents: channels of the latent map.

    >>> network = Vae(widths=(4, 8), latents=3).build(channels=3)
    >>> mean, log_variance = network.encode(torch.zeros(1, 3, 13, 8))
    >>> mean.shape, network.decode(mean, 13, 8).shape
    (torch.Size([1, 3, 4, 2]), torch.Size([1, 3, 13, 8]))

    Source: D. Kingma and M. Welling, Auto-encoding variational Bayes, ICLR 2014. Ours is convolutional.
    """

    kind: Literal["vae"] = "vae"
    widths: Widths = (16, 32, 64)
    latents: int = Field(default=16, ge=1, le=1024)

    def build(self, channels: int) -> VaeNetwork:
        """Build the network with freshly drawn weights.

        Args:
            channels: C of the images.
        """
        return VaeNetwork(self, channels)


class VaeNetwork(nn.Module):
    """The network of `Vae`."""

    def __init__(self, recipe: Vae, channels: int) -> None:
        super().__init__()
        self.levels, self.channels = len(recipe.widths), channels
        self.pad = Pad(channels, self.levels)
        downs = zip((channels, *recipe.widths[:-1]), recipe.widths, strict=True)
        self.encoder = nn.Sequential(*(_down(before, after) for before, after in downs))
        self.moments = nn.Conv2d(recipe.widths[-1], 2 * recipe.latents, kernel_size=1)
        widths = recipe.widths[::-1]
        self.grow = ConvUnit(recipe.latents, widths[0], "batch")
        ups = zip(widths, (*widths[1:], widths[-1]), strict=True)
        self.decoder = nn.ModuleList(_up(before, after) for before, after in ups)
        self.paint = nn.Conv2d(widths[-1], channels, kernel_size=1)
        draw_weights(self)

    def encode(self, images: Images) -> tuple[Latent, Latent]:
        """Give the mean and the logarithm of the variance of q(latents | image)."""
        mean, log_variance = self.moments(self.encoder(self.pad(images))).chunk(2, dim=1)
        # Beyond it a variance is 0 or a chance of overflow, and learns nothing.
        return mean, log_variance.clamp(-12, 6)

    def rising(self, latents: Latent) -> list[Features]:
        """Give the decoder's feature maps, from the latents' own resolution to the full one."""
        maps = [self.grow(latents)]
        for up in self.decoder:
            maps.append(up(maps[-1]))
        return maps

    def decode(self, latents: Latent, height: int, width: int) -> Float[Tensor, "n _ {height} {width}"]:
        """Give the mean of p(image | latents), in [0, 1]."""
        painted: Tensor = torch.sigmoid(self.paint(self.rising(latents)[-1]))
        return painted[:, :, :height, :width]

    def describe(self, latents: Latent, height: int, width: int) -> Float[Tensor, "n f {height} {width}"]:
        """Give the latents and the decoder's feature maps, all enlarged to the image's size."""
        rows, cols = padded(height, self.levels), padded(width, self.levels)
        maps = [latents, *self.rising(latents)]
        large = [F.interpolate(m.float(), (rows, cols), mode="bilinear") for m in maps]
        return torch.cat(large, dim=1)[:, :, :height, :width]

    def loss(self, images: Images, generator: torch.Generator) -> Scalar:
        """Give minus the evidence lower bound per number of the images, but for a constant.

            L = 1/2 log mean (x - x')^2  +  1/D sum 1/2 (m^2 + s^2 - 1 - log s^2)

        where x' is decoded from m + s e with e ~ N(0, 1), m and s^2 are the encoder's mean and variance, and
        D counts the numbers of an image.

        Args:
            images: in [0, 1].
            generator: draws e.

        Source: Kingma and Welling 2014, equation 10 with appendix B, and the Gaussian likelihood's variance
        at its optimum (O. Rybkin et al., sigma-VAE, ICML 2021, equation 5), so that nothing weighs the two.
        """
        mean, log_variance = self.encode(images)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        painted = self.decode(mean + noise * (log_variance / 2).exp(), images.shape[2], images.shape[3])
        error = (painted.float() - images).square().mean()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).float().sum() / 2
        return error.clamp(min=1e-8).log() / 2 + divergence / images.numel()


def _down(inputs: int, outputs: int) -> nn.Sequential:
    halve = nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
    parts = OrderedDict[str, nn.Module](halve=halve, norm=nn.BatchNorm2d(outputs), relu=nn.ReLU(inplace=True))
    parts["conv"] = ConvUnit(outputs, outputs, "batch")
    return nn.Sequential(parts)


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(up=Up(inputs, outputs), conv=ConvUnit(outputs, outputs, "batch")))
