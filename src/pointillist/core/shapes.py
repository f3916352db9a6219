"""Names for the tensors that pass between parts; letters: N images, C channels, K classes, H x W pixels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

IGNORE = 255
"""The one value for *unknown* in label maps and tags (uint8 on disk, int64 in memory)."""

Images: TypeAlias = Float[Tensor, "n c h w"]
Logits: TypeAlias = Float[Tensor, "n k h w"]
Labels: TypeAlias = Int64[Tensor, "n h w"]
Scalar: TypeAlias = Float[Tensor, ""]

ImageArray: TypeAlias = Float[np.ndarray, "c h w"]
MaskArray: TypeAlias = UInt8[np.ndarray, "h w"]
RegionArray: TypeAlias = Bool[np.ndarray, "h w"]

# Of several images, each of its own size: inside one call, a letter stands for one length.
AnyImage: TypeAlias = Float[np.ndarray, "_ _ _"]
AnyMask: TypeAlias = UInt8[np.ndarray, "_ _"]
