"""From a network and an image of any size to probabilities, tile by tile where it is large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pointillist.core.errors import InputError
from pointillist.core.shapes import ImageArray, Images
from pointillist.train.device import Device

TILE = 1024
HALO = 128
# Tiles start at multiples of this, so that the pools' grid falls on the same pixels as in the whole image.
GRID = 64
MIRRORS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
Mirrors = Literal[1, 2, 4]


@dataclass(frozen=True)
class Views:
    """How often a network is asked about the same image; the answers are averaged.

    Args:
        mirrors: how many mirror images.
        scales: at which sizes, each of them; 1: as it is.
    """

    mirrors: Mirrors = 1
    scales: tuple[float, ...] = (1.0,)


ONE = Views()


@torch.inference_mode()
def predict_probs(
    network: nn.Module, images: Images, device: Device, views: Views = ONE
) -> Float[Tensor, "n k h w"]:
    """Give the class probabilities of a batch, float32, on the device; the network must be in eval mode.

    Args:
        network: in eval mode.
        images: in [0, 1].
        device: where to compute.
        views: how often it is asked.
    """
    batch = images.to(device.device)
    answers = []
    for scale in views.scales:
        scaled = _resized(batch, tuple(max(1, round(side * scale)) for side in batch.shape[2:]))
        answer = _of_mirrors(network, scaled, device, views.mirrors)
        # Weights of a resampling add up to 1 but for rounding.
        answers.append(_resized(answer, batch.shape[2:]).clamp(0, 1))
    return torch.stack(answers).mean(0) if len(answers) > 1 else answers[0]


def _of_mirrors(network: nn.Module, batch: Tensor, device: Device, mirrors: Mirrors) -> Tensor:
    answers = []
    for axes in MIRRORS[:mirrors]:
        with device.autocast():
            logits = network(batch.flip(axes).contiguous(memory_format=torch.channels_last))
        answers.append(torch.softmax(logits.float(), dim=1).flip(axes))
    return torch.stack(answers).mean(0) if mirrors > 1 else answers[0]


def _resized(batch: Tensor, size: tuple[int, ...]) -> Tensor:
    if batch.shape[2:] == size:
        return batch
    return interpolate(batch, size, mode="bilinear", align_corners=False, antialias=True)


def check_tiles(tile: int, halo: int) -> None:
    """Refuse a tile that is too small for its halo.

    Raises:
        InputError: it is.
    """
    if tile < 3 * halo + GRID:
        must = f"a tile must be at least 3 x halo + {GRID} = {3 * halo + GRID}"
        raise InputError(must, str(tile), "Take larger tiles or a smaller halo.")


def tile_starts(length: int, tile: int, halo: int) -> list[int]:
    """Place tiles along an axis so that neighbours share two halos and a fade, on the pools' grid.

    >>> tile_starts(300, tile=256, halo=32), tile_starts(200, tile=256, halo=32)
    ([0, 128], [0])
    """
    if length <= tile:
        return [0]
    shared = 2 * halo + halo // 2
    step = max(GRID, (tile - shared) // GRID * GRID)
    return list(range(0, length - shared, step))


def _ramp(start: int, stop: int, length: int, halo: int) -> Tensor:
    """Weigh a tile's pixels along one axis: 0 in the halo, rising over the fade, 1 inside.

    The image's own border has no neighbour, so nothing fades there.
    """
    position = torch.arange(start, stop, dtype=torch.float32) + 0.5
    weight = torch.ones(stop - start)
    fade = max(halo // 2, 1)
    if start > 0:
        weight = weight.minimum(((position - start - halo) / fade).clamp(0, 1))
    if stop < length:
        weight = weight.minimum(((stop - halo - position) / fade).clamp(0, 1))
    return weight


def predict_image(
    network: nn.Module,
    image: ImageArray,
    device: Device,
    tile: int = TILE,
    halo: int = HALO,
    views: Views = ONE,
) -> Float[np.ndarray, "k h w"]:
    """Give the class probabilities of one image; a large one is cut in tiles that fade into each other.

    Every pixel is answered by tiles that see at least `halo` pixels around it, so tiled and whole prediction
    agree when the network sees no further (the default U-Net sees 94 pixels far). Not so with instance or
    group norm, which look at the whole tile, and with more than seven levels, whose pools need a wider grid.

    Args:
        network: in eval mode.
        image: in [0, 1].
        device: where to compute.
        tile: side of a tile, in pixels.
        halo: what a tile sees beyond the pixels that it answers for.
        views: how often the network is asked about each tile.

    Raises:
        InputError: the tile is too small for its halo.
    """
    check_tiles(tile, halo)
    height, width = image.shape[1:]
    rows, cols = tile_starts(height, tile, halo), tile_starts(width, tile, halo)
    tensor = torch.from_numpy(np.ascontiguousarray(image))
    if len(rows) == len(cols) == 1:
        return predict_probs(network, tensor[None], device, views)[0].cpu().numpy()
    total: Tensor | None = None
    weights = torch.zeros(height, width)
    for top in rows:
        for left in cols:
            bottom, right = min(top + tile, height), min(left + tile, width)
            probs = predict_probs(network, tensor[None, :, top:bottom, left:right], device, views)[0].cpu()
            weight = _ramp(top, bottom, height, halo)[:, None] * _ramp(left, right, width, halo)
            total = torch.zeros(len(probs), height, width) if total is None else total
            total[:, top:bottom, left:right] += probs * weight
            weights[top:bottom, left:right] += weight
    assert total is not None
    return (total / weights).numpy()
