"""Every layer's size in a network that we know no arithmetic of: taken from a pass without numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from pointillist.core.errors import InputError
from pointillist.models.model import LayerSize


@dataclass(frozen=True)
class _Call:
    """A module that has just given its output, and the bytes that were kept by then."""

    name: str
    output: object
    kept: int

    @property
    def is_map(self) -> bool:
        return isinstance(self.output, Tensor) and self.output.ndim == 4


class _Kept:
    """Counts the bytes of what is kept for the backward pass, each storage once and some never."""

    def __init__(self, *never: Tensor) -> None:
        self.seen = {_storage(tensor) for tensor in never}
        self.bytes = 0

    def take(self, tensor: Tensor) -> Tensor:
        if (storage := _storage(tensor)) not in self.seen:
            self.seen.add(storage)
            self.bytes += tensor.untyped_storage().nbytes()
        return tensor


def _storage(tensor: Tensor) -> StorageWeakRef:
    # On the meta device no storage has an address to know it by.
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]


def measured_sizes(network: nn.Module, images: Tensor, prefix: str) -> list[LayerSize]:
    """Give the sizes of the layers that a network from images to a list of maps ran, in their order.

    A layer is what gives one map and is no mere sequence of others. What is kept counts the last map, which
    whoever reads it keeps, and leaves out the images.

    Args:
        network: on torch's meta device, in training mode.
        images: there, too, at least two: a norm after a global pooling takes no single value.
        prefix: before the layers' names.

    Raises:
        InputError: some of its parameters are in no such layer.
    """
    kept = _Kept(images, *network.parameters(), *network.buffers())
    calls: list[_Call] = []

    def note(name: str) -> Callable[[nn.Module, object, object], None]:
        return lambda module, given, output: calls.append(_Call(name, output, kept.bytes))

    modules = dict(network.named_modules())
    hooks = [module.register_forward_hook(note(name)) for name, module in modules.items() if name]
    with torch.autograd.graph.saved_tensors_hooks(kept.take, lambda tensor: tensor):
        maps = network(images)
    for hook in hooks:
        hook.remove()
    kept.take(maps[-1])
    chosen = _layers(calls, modules)
    layers = list(_sizes(chosen, modules, kept.bytes, len(images), prefix))
    total = sum(parameter.numel() for parameter in network.parameters())
    if (found := sum(layer.parameters for layer in layers)) != total:
        must = "a network that is described must be made of layers that give maps (channels, height, width)"
        raise InputError(must, f"{total - found} of {total} parameters outside", "It may still be trained.")
    return layers


def _layers(calls: list[_Call], modules: dict[str, nn.Module]) -> list[_Call]:
    """Choose the outermost modules that gave one map, once, and are no mere sequence."""
    times = Counter(call.name for call in calls)
    chosen: set[str] = set()
    for call in sorted(calls, key=lambda call: call.name.count(".")):
        within = any(call.name.startswith(f"{name}.") for name in chosen)
        sequence = isinstance(modules[call.name], nn.Sequential)
        if call.is_map and times[call.name] == 1 and not sequence and not within:
            chosen.add(call.name)
    return [call for call in calls if call.name in chosen]


def _sizes(
    chosen: list[_Call], modules: dict[str, nn.Module], total: int, batch: int, prefix: str
) -> Iterator[LayerSize]:
    before = 0
    for place, call in enumerate(chosen):
        module, output = modules[call.name], call.output
        assert isinstance(output, Tensor)
        _, channels, height, width = output.shape
        # What is kept between two layers, or behind the last, counts for the latter.
        until = total if place == len(chosen) - 1 else call.kept
        kept = (until - before) / (4 * batch * channels * height * width)
        parameters = sum(parameter.numel() for parameter in module.parameters())
        before = until
        name, operation = f"{prefix}.{call.name}", type(module).__name__
        yield LayerSize(name, operation, channels, height, width, parameters, kept)
