"""The encoders of timm, an optional extra: imported here alone, and only when one of them is built."""

from __future__ import annotations

import difflib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.models.measure import measured_sizes
from pointillist.models.model import LayerSize

_SHOWN = 5


@dataclass(frozen=True)
class Taps:
    """The maps of an encoder that a decoder reads, the finest first.

    Args:
        places: which of the encoder's maps: the last one at each stride.
        channels: of each.
        strides: of each, powers of two that rise.
    """

    places: tuple[int, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def halvings(self) -> int:
        """How often the coarsest map is halved."""
        return self.strides[-1].bit_length() - 1

    @property
    def skips(self) -> tuple[int, ...]:
        """Channels of the map at each stride from half the coarsest one to 1; 0 where there is none."""
        known = dict(zip(self.strides, self.channels, strict=True))
        return tuple(known.get(1 << power, 0) for power in reversed(range(self.halvings)))


def available() -> bool:
    """Say whether timm is installed; nothing of it is imported."""
    return importlib.util.find_spec("timm") is not None


def create(name: str, channels: int, *, pretrained: bool = False) -> nn.Module:
    """Build an encoder that gives a list of maps.

    Raises:
        InputError: timm can't be imported, or has no encoder of that name.
    """
    timm = _timm()
    # Names only of what timm itself brings: its create_model would also take an address or a folder.
    architecture, _, tag = name.partition(".")
    models = timm.list_models()
    if architecture not in models:
        raise _unknown("encoder must be a name of timm's", name, models)
    tagged = timm.list_models(f"{architecture}.*", include_tags=True)
    if tag and name not in tagged:
        raise _unknown(f"encoder's tag must be one of timm's for {architecture}", name, tagged)
    network: nn.Module = timm.create_model(name, pretrained=pretrained, features_only=True, in_chans=channels)
    return network


@lru_cache(maxsize=64)
def find_taps(name: str, channels: int) -> Taps:
    """Find an encoder's maps, and prove their sizes by a pass on torch's meta device.

    Raises:
        InputError: timm can't be imported; or the encoder is unknown, or gives no maps of halved sizes, or
            only for images of one size.
    """
    must = "encoder must be one that gives maps (channels, height, width) of halved sizes for any image"
    fix = "Choose one with convolutions, such as resnet34, convnext_tiny or efficientnet_b0."
    try:
        network, channels_of, strides_of = _meta(name, channels)
        last = {stride: place for place, stride in enumerate(strides_of)}
        taps = Taps(tuple(last.values()), tuple(channels_of[place] for place in last.values()), tuple(last))
        rows, cols = 2 * taps.strides[-1], 3 * taps.strides[-1]
        maps = network(torch.zeros(2, channels, rows, cols, device="meta"))
        found = [tuple(maps[place].shape[1:]) for place in taps.places]
    except InputError:
        raise
    except Exception as error:  # Whatever a network of theirs may raise says that it does not fit.
        raise InputError(must, f"{name}: {_told(error)}", fix) from None
    expected = [(c, rows // s, cols // s) for c, s in zip(taps.channels, taps.strides, strict=True)]
    if found != expected or any(stride & (stride - 1) for stride in taps.strides):
        raise InputError(must, f"{name}: strides {taps.strides}, maps {found} for {rows}x{cols}", fix)
    return taps


def encoder_sizes(name: str, channels: int, height: int, width: int) -> list[LayerSize]:
    """Give the sizes of an encoder's layers for images whose sides the strides divide."""
    network, *_ = _meta(name, channels)
    return measured_sizes(network, torch.zeros(2, channels, height, width, device="meta"), "encoder")


def fill(encoder: nn.Module, name: str, channels: int) -> None:
    """Fill an encoder with timm's pretrained weights; timm adapts its first convolution to the channels.

    Raises:
        InputError: timm has no weights for it, or can neither fetch them nor find them in its cache.
    """
    if not _timm().is_model_pretrained(name):
        fix = "Take another encoder, or start from random weights: pretrained=false."
        raise InputError("encoder must be one that timm has pretrained weights for", repr(name), fix)
    try:
        with torch.random.fork_rng(devices=[]):
            weights = create(name, channels, pretrained=True).state_dict()
    except (OSError, RuntimeError) as error:
        must = f"the pretrained weights of {name} must be in timm's cache, or within reach of the network"
        fix = "Train once where there is a network, or start from random weights: pretrained=false."
        raise InputError(must, _told(error), fix) from None
    encoder.load_state_dict(weights)


def moments(name: str, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give the mean and deviation of each channel that the pretrained weights know.

    For other channels than theirs, each gets the mean of their means and of their deviations.
    """
    known = _timm().get_pretrained_cfg(name)
    mean, deviation = tuple(known.mean), tuple(known.std)
    if len(mean) == channels:
        return mean, deviation
    return (sum(mean) / len(mean),) * channels, (sum(deviation) / len(deviation),) * channels


def _meta(name: str, channels: int) -> tuple[nn.Module, list[int], list[int]]:
    """Build an encoder without numbers; with the channels and strides that timm says its maps have."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network: Any = create(name, channels)
    return network, network.feature_info.channels(), network.feature_info.reduction()


def _timm() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        must = "the model timm-unet needs timm whenever it is described, trained, read or predicted with"
        raise InputError(must, f"no module {error.name}", f"Run {install('timm')}.") from None
    except (ImportError, RuntimeError) as error:
        must = f"timm's torchvision must be the version and the build for torch {torch.__version__}"
        raise InputError(must, _told(error), "Install both by one command, see docs/pretrained.md.") from None
    return timm


def _unknown(must: str, name: str, known: list[str]) -> InputError:
    close = difflib.get_close_matches(name, known, n=_SHOWN, cutoff=0.5)
    fix = f"The nearest: {', '.join(close)}." if close else "timm.list_models() gives all."
    return InputError(must, repr(name), fix)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200].rstrip('.')}"
