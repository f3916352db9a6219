"""Another size for a sample: the image smoothly, the mask without ever inventing a class."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch.nn import functional as F

from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import MaskArray

MAX_PIXELS = 100_000_000
Side = Annotated[int, Field(ge=1, le=100_000)]
Size = tuple[Side, Side] | Side | None
"""(H, W): resampled to that; N: the longer side shrunk to at most N; None: as it is."""


def resample(sample: Sample, size: Size) -> Sample:
    """Give a sample another size.

    The image is filtered (antialiased bilinear, so that shrinking averages); mask and region take the
    nearest pixel, hence hold no value that was not there. Both align the pixels' centres: output row i looks
    at input row (i + 1/2) H / H' - 1/2. An annotation stays in the coordinates of the image it was drawn on;
    ``core.raster`` scales it when it is drawn.

    Args:
        sample: what to resample; never changed.
        size: (H, W) exactly that; N the longer side shrunk to at most N pixels, the aspect kept, never
            enlarged; None as it is.

    >>> image = np.zeros((3, 40, 60), np.float32)
    >>> resample(Sample("a", image), 30).image.shape, resample(Sample("a", image), 90).image.shape
    ((3, 20, 30), (3, 40, 60))
    """
    height, width = wanted_size(sample.height, sample.width, size)
    if (height, width) == (sample.height, sample.width):
        return sample
    return replace(
        sample,
        image=resized(sample.image, height, width),
        mask=None if sample.mask is None else resample_mask(sample.mask, size),
        region=None if sample.region is None else resample_mask(sample.region.view(np.uint8), size) == 1,
        native=sample.native or (sample.height, sample.width),
    )


def resample_mask(mask: MaskArray, size: Size) -> UInt8[np.ndarray, "rows cols"]:
    """Give a mask another size by its nearest pixels, as `resample` does.

    >>> resample_mask(np.array([[0, 0, 255, 1]], np.uint8), (1, 2)).tolist()
    [[0, 1]]
    """
    height, width = wanted_size(mask.shape[0], mask.shape[1], size)
    rows, cols = _nearest(mask.shape[0], height), _nearest(mask.shape[1], width)
    nearest: MaskArray = mask[rows[:, None], cols[None, :]]
    return nearest


def wanted_size(height: int, width: int, size: Size) -> tuple[int, int]:
    """Say what (H, W) an image of this height and width takes under a size.

    Raises:
        InputError: the size has more than 100 million pixels.
    """
    if isinstance(size, tuple):
        if size[0] * size[1] > MAX_PIXELS:
            must = f"a size must have at most {MAX_PIXELS} pixels"
            raise InputError(must, f"{size[0]} x {size[1]}", "Work on smaller images, or on tiles.")
        return size
    if size is None or max(height, width) <= size:
        return height, width
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _nearest(old: int, new: int) -> np.ndarray:
    indices: np.ndarray = (2 * np.arange(new) + 1) * old // (2 * new)  # Whole numbers: no rounding at ties.
    return indices


def resized(
    image: Float[np.ndarray, "c _ _"], height: int, width: int
) -> Float[np.ndarray, "c {height} {width}"]:
    """Resample an image, or a stack of probabilities, in [0, 1]: bilinearly and without aliasing."""
    if image.shape[1:] == (height, width):
        return image
    batch = torch.from_numpy(np.ascontiguousarray(image))[None].float()
    smooth = F.interpolate(batch, (height, width), mode="bilinear", antialias=True, align_corners=False)
    clean: np.ndarray = smooth[0].clamp(0, 1).numpy()
    return clean
