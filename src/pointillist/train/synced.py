"""Batch norm over the images of all processes: so that a run on several devices is the run on one."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class SyncedBatchNorm(nn.BatchNorm2d):
    """A batch norm whose means and variances are of all processes' batches together, in training.

    torch's own does so on GPUs alone. Like it, the gradient flows through the shared sums, so that the mean
    of the processes' gradients is that of one process with the whole batch. Two sums are exchanged, the
    second of squares around the mean: a difference of large sums would lose the digits.
    """

    counted = True
    """Whether this process's images are of the batch, or stand in where it has no share of one."""

    def forward(self, images: Tensor) -> Tensor:
        """Norm the images; in evaluation as the plain one does."""
        if not self.training:
            return super().forward(images)
        values = images.float()
        pixels = values.new_full((1,), values.numel() / values.shape[1])
        sums = _summed(torch.cat([values.sum((0, 2, 3)), pixels]) * self.counted)
        number = sums[-1]
        mean = sums[:-1] / number
        around = values - mean[:, None, None]
        variance = _summed((around * around).sum((0, 2, 3)) * self.counted) / number
        self._remember(mean.detach(), variance.detach() * number / (number - 1).clamp(min=1))
        scale = self.weight / torch.sqrt(variance + self.eps)
        normed: Tensor = around * scale[:, None, None] + self.bias[:, None, None]
        return normed.to(images.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1


class _Summed(torch.autograd.Function):
    """The sum over all processes: each one's depends on what every one put in, so gradients are summed, too.

    torch's own is deprecated, and what is named in its place is private.
    """

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        return _sum(values)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def _summed(values: Tensor) -> Tensor:
    total: Tensor = _Summed.apply(values)  # type: ignore[no-untyped-call]
    return total


def synced(network: nn.Module) -> nn.Module:
    """Let every batch norm of a network look at all processes' images; weights and their names stay."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm
    return network


def count_images(network: nn.Module, counted: bool) -> None:
    """Say whether the next images are of the batch: a stand-in's would shift the means."""
    for module in network.modules():
        if isinstance(module, SyncedBatchNorm):
            module.counted = counted
