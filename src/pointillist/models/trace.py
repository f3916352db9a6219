"""Every layer's size, predicted by arithmetic and checked against a real forward pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from pointillist.core.errors import InputError
from pointillist.models.model import LayerSize, Model

Seen = list[tuple[str, tuple[int, ...]]]


class TraceError(Exception):
    """A recipe's arithmetic and its network disagree: a mistake in the model, not the user's."""


def trace(model: Model, channels: int, num_classes: int, size: tuple[int, int]) -> tuple[LayerSize, ...]:
    """Give every layer's output size for one image, and prove it on the network.

    The network runs forward on torch's meta device, which follows every shape and computes no number, so
    that any size costs neither memory nor time.

    Args:
        model: the recipe.
        channels: C of the images.
        num_classes: K of the logits, the background counted.
        size: (H, W) of an image in pixels.

    Raises:
        InputError: the size is not positive.
        TraceError: a layer is missing, out of order, or has another size or number of parameters than the
            recipe predicts.

    >>> from pointillist.models import Unet
    >>> for layer in trace(Unet(widths=(8, 16)), channels=3, num_classes=2, size=(97, 131))[:4]:
    ...     print(layer.name, layer.operation, layer.channels, layer.height, layer.width)
    pad pad 3 98 132
    encoder.0.conv1 conv 3x3, batch norm, ReLU 8 98 132
    encoder.0.conv2 conv 3x3, batch norm, ReLU 8 98 132
    encoder.1.pool max-pool 2x2 8 49 66
    """
    height, width = size
    if min(size) < 1:
        raise InputError("an image's size must be at least 1x1", f"{height}x{width}", "Write HEIGHTxWIDTH.")
    predicted = model.layers(channels, num_classes, height, width)
    with torch.device("meta"):
        network = model.build(channels, num_classes).eval()
        images = torch.zeros(1, channels, height, width)
    _check_sizes(predicted, _run(network, {layer.name for layer in predicted}, images))
    _check_parameters(predicted, network)
    return predicted


def _run(network: nn.Module, names: set[str], images: Tensor) -> Seen:
    seen: Seen = []
    modules = dict(network.named_modules())
    if missing := sorted(names - modules.keys()):
        raise TraceError(f"the network has no layer {missing[0]!r}")

    def note(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, given, output: seen.append((name, tuple(output.shape[1:])))

    hooks = [modules[name].register_forward_hook(note(name)) for name in sorted(names)]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    return seen


def _check_sizes(predicted: Sequence[LayerSize], seen: Seen) -> None:
    expected = [(layer.name, (layer.channels, layer.height, layer.width)) for layer in predicted]
    if expected == seen:
        return
    for place, (a, b) in enumerate(zip(expected, seen, strict=False)):
        if a != b:
            raise TraceError(f"layer {place} must be {a}; the forward pass gave {b}")
    raise TraceError(f"{len(expected)} layers were predicted; the forward pass ran {len(seen)}")


def _check_parameters(predicted: Sequence[LayerSize], network: nn.Module) -> None:
    modules = dict(network.named_modules())
    for layer in predicted:
        real = sum(parameter.numel() for parameter in modules[layer.name].parameters())
        if real != layer.parameters:
            raise TraceError(f"{layer.name} must have {layer.parameters} parameters; it has {real}")
    total = sum(parameter.numel() for parameter in network.parameters())
    if total != count_parameters(predicted):
        raise TraceError(f"{count_parameters(predicted)} parameters were predicted; there are {total}")


def count_parameters(layers: Sequence[LayerSize]) -> int:
    """Count the learned numbers of all layers."""
    return sum(layer.parameters for layer in layers)


def activation_megabytes(layers: Sequence[LayerSize], batch: int = 1) -> float:
    """Give the memory that a training step keeps for its backward pass in float32, in MB (10^6 bytes).

    Without the weights, the optimiser and the gradients, which do not grow with the image. Half of it in
    bf16, but for the places of the maxima in the pools.

    >>> from pointillist.models import Unet
    >>> round(activation_megabytes(trace(Unet(), channels=3, num_classes=2, size=(576, 768)), batch=4))
    2346
    """
    values = sum(layer.kept * layer.channels * layer.height * layer.width for layer in layers)
    return 4 * values * batch / 1e6
