"""The weights of networks that have learnt painted images: part of the package, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load
from torch import Tensor, nn

from pointillist.core.errors import InputError

FOLDER = Path(__file__).parent / "weights"
STEM, HEAD = "encoder.0.conv1.conv.weight", ("head.weight", "head.bias")

Painted = Literal["curves", "objects"]


def weights_file(scene: Painted) -> Path:
    """Name the file of a scene's weights."""
    return FOLDER / f"{scene}.safetensors"


def card_file(scene: Painted) -> Path:
    """Name the file that tells their SHA-256 and the run that made them."""
    return FOLDER / f"{scene}.json"


def read_painted(scene: Painted) -> dict[str, Tensor]:
    """Read the tensors, float32, under their names in the network that learnt them.

    Raises:
        InputError: the file is not the one that the card beside it describes.
    """
    path = weights_file(scene)
    data = path.read_bytes()
    must, found = json.loads(card_file(scene).read_text())["sha256"], hashlib.sha256(data).hexdigest()
    if must != found:
        raise InputError(
            f"the weights must have the SHA-256 {must}", found, "Install Pointillist again.", path
        )
    return {name: t.float() if t.is_floating_point() else t for name, t in load(data).items()}


def fill_unet(network: nn.Module) -> None:
    """Fill a U-Net of the default widths, for any number of channels and classes.

    For C channels in place of red, green and blue, every channel gets 3 / C times the mean of the three
    filters. Every foreground class begins as the curves' one; what tells them apart is left to learn.

    Args:
        network: what `Unet().build` gave, changed in place.

    Raises:
        InputError: the file is not the one that the card beside it describes.
    """
    state, own = read_painted("curves"), network.state_dict()
    channels = own[STEM].shape[1]
    if channels != 3:
        state[STEM] = (state[STEM].sum(1, keepdim=True) / channels).expand(-1, channels, -1, -1)
    _widen_head(state, len(own[HEAD[0]]))
    network.load_state_dict(state)


def fill_decoder(network: nn.Module) -> None:
    """Fill the decoder and the head of a U-Net on the ImageNet encoder, for any number of classes.

    Args:
        network: what `PretrainedUnet().build` gave, changed in place; its encoder stays.

    Raises:
        InputError: the file is not the one that the card beside it describes.
    """
    state = read_painted("objects")
    _widen_head(state, len(network.state_dict()[HEAD[0]]))
    missing, unknown = network.load_state_dict(state, strict=False)
    if unknown or any(not name.startswith("encoder.") for name in missing):
        raise KeyError(f"the decoder has no place for {unknown}, or none for {missing}")


def _widen_head(state: dict[str, Tensor], classes: int) -> None:
    """Let every foreground class begin as the one that was learnt, as likely together as it was."""
    for name in HEAD:
        others = state[name][1:].expand(classes - 1, *state[name].shape[1:])
        state[name] = torch.cat([state[name][:1], others])
    if classes > 2:
        state[HEAD[1]][1:] -= math.log(classes - 1)
