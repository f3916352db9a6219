"""The network of a run: its model behind a fixed normalisation, and the moving average of its weights."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn

from pointillist.core.errors import InputError
from pointillist.core.shapes import Images, Logits
from pointillist.models.model import EncodedNetwork, Model


class Network(nn.Module):
    """Subtracts a mean and divides by a deviation per channel, then applies the model.

    All are buffers: they are stored with the weights, so that prediction can't normalise differently. An
    offset per class is added to the logits: 0 in training, then where held-out annotations draw the line.
    """

    mean: Tensor
    deviation: Tensor
    offset: Tensor

    def __init__(self, model: nn.Module, mean: Tensor, deviation: Tensor, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(num_classes))
        self.model = model
        self.register_buffer("mean", mean.reshape(1, -1, 1, 1))
        self.register_buffer("deviation", deviation.reshape(1, -1, 1, 1))

    def forward(self, images: Images) -> Logits:
        """Map images in [0, 1] to logits."""
        logits: Logits = self.model((images - self.mean) / self.deviation)
        return logits + self.offset[:, None, None].to(logits.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        # Weights stored before there was an offset have none.
        state_dict.setdefault(f"{prefix}offset", torch.zeros_like(self.offset))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def channels(self) -> int:
        """C of the images that it takes."""
        return self.mean.shape[1]


class TwinNetwork(Network):
    """A network with a second decoder on its encoder, for training schemes in which two teach each other.

    In training it gives both decoders' logits, and the second one does not get to see all features; in
    prediction it is the network that it was made of, whose first decoder alone answers.

    Args:
        network: with an `EncodedNetwork` inside.
        dropout: share of the feature maps that the second decoder does not get to see.
    """

    PREFIX = "twin."

    def __init__(self, network: Network, dropout: float) -> None:
        model = network.model
        if not isinstance(model, EncodedNetwork):
            must = "a network with two decoders must have an encoder of its own"
            raise InputError(
                must, type(model).__name__, "Choose unet, encoder-decoder, pretrained-unet or timm-unet."
            )
        super().__init__(model, network.mean, network.deviation, len(network.offset))
        self.twin = model.new_decoder()
        self.dropout = dropout

    def forward(self, images: Images, share: tuple[int, tuple[int, ...]] | None = None) -> Any:
        """Map images in [0, 1] to logits: one tensor in prediction, a pair in training.

        Args:
            images: of this process.
            share: how many images all processes have, and which of them are here; None: these alone.
        """
        model = cast(EncodedNetwork, self.model)
        features = model.encode((images - self.mean) / self.deviation)
        height, width = images.shape[2:]
        logits = model.decode(features, height, width)
        if not self.training:
            return logits
        count, rows = share or (len(images), tuple(range(len(images))))
        dropped = [feature * self._kept(feature, count)[list(rows)] for feature in features]
        return logits, self.twin(dropped, height, width)

    def _kept(self, feature: Tensor, count: int) -> Tensor:
        """Draw which maps of so many images are kept, as `dropout2d` does, scaled for those that are not."""
        drawn = feature.new_empty((count, feature.shape[1], 1, 1)).bernoulli_(1 - self.dropout)
        return drawn.div_(1 - self.dropout)


def build_network(model: Model, num_classes: int, seed: int, moments: tuple[Tensor, Tensor]) -> Network:
    """Build a network whose first weights are a function of the seed alone.

    Args:
        model: the recipe.
        num_classes: K.
        seed: the run's.
        moments: mean and deviation of the images' channels, (C,) each; a model may ask for its own.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = model.build(len(moments[0]), num_classes)
    mean, deviation = moments
    if (fixed := model.moments(len(mean))) is not None:
        mean, deviation = mean.new_tensor(fixed[0]), deviation.new_tensor(fixed[1])
    return Network(network, mean, deviation, num_classes)


class Average:
    """An exponential moving average of all weights and buffers, which forgets its random start quickly.

    avg <- d avg + (1 - d) w, with d = min(decay, (1 + t) / (10 + t)) after t updates.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        ours, theirs = self.network.state_dict(), network.state_dict()
        names = [name for name, tensor in ours.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([ours[n] for n in names], [theirs[n] for n in names], 1 - decay)
        for name in ours.keys() - set(names):
            ours[name].copy_(theirs[name])
