"""Images per second of one training step: ours, MONAI's BasicUNet of the same widths, a plain PyTorch loop.

    python benchmarks/train_step.py -o docs/results/train_step.md

All contenders run in one process, interleaved over several rounds, on the same batch of the same size and
with the same number of threads. Ours is the whole step of `pointillist train`: augmentation, forward,
backward, gradient clipping, AdamW, the moving average of the weights, with freed memory kept; in the
precision that it chooses for this machine, and in the other. The others are what a user writes: forward,
backward, AdamW; no augmentation; memory as glibc handles it by itself (its threshold where it settles for
blocks of this size), and once more with our setting. Ratios are taken within a round, then their median and
range.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from monai.networks.nets import BasicUNet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pointillist.annotate import Full
from pointillist.core import durable
from pointillist.datasets import Synthetic
from pointillist.models import Unet
from pointillist.train.device import Device, find_device, keep_freed_memory
from pointillist.train.feed import Batch, Feed
from pointillist.train.learner import Learner
from pointillist.train.run import Run

WIDTHS = (16, 32, 64, 128, 256)
Step = Callable[[], None]
# Where glibc's own thresholds settle once a program has freed blocks as large as they may grow: 32 MiB.
GLIBC = {"largest": 32 << 20, "trim": 64 << 20}


class PlainUnet(nn.Module):
    """The U-Net as tutorials write it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_double(a, b) for a, b in zip((3, *WIDTHS), WIDTHS, strict=False))
        pairs = list(zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.join = nn.ModuleList(_double(2 * b, b) for _, b in pairs)
        self.head = nn.Conv2d(WIDTHS[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Down, and up with the skips."""
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, skips[-2::-1], strict=True):
            x = join(torch.cat([skip, up(x)], 1))
        return self.head(x)


def _double(a: int, b: int) -> nn.Sequential:
    def unit(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]

    return nn.Sequential(*unit(a, b), *unit(b, b))


def _monai() -> nn.Module:
    return BasicUNet(2, 3, 2, features=(*WIDTHS, WIDTHS[0]), norm="batch")


def _plain_step(network: nn.Module, images: Tensor, labels: Tensor, device: Device, fast: bool) -> Step:
    network.to(device.device)
    optimizer_images = images
    if fast:
        network.to(memory_format=torch.channels_last)
        optimizer_images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.device.type, torch.bfloat16, enabled=fast and device.bfloat16):
            loss = F.cross_entropy(network(optimizer_images), labels)
        loss.backward()
        optimizer.step()

    return step


def _our_step(side: int, batch: int, device: Device) -> Step:
    data = Synthetic(size=(side, side), train=batch, val=0, test=0)
    run = Run(data=data, annotate=Full(), batch=batch, epochs=10_000)
    feed = Feed(run, data.names("train"), device)
    learner = Learner(run, feed, device)
    resident: Batch = next(feed.epoch(0))
    return lambda: (learner.step(resident), None)[1]


def conv_peak(device: Device) -> float:
    """Best GFLOP/s of a few 3x3 convolutions, forward, in the precision and layout that ours uses."""
    best = 0.0
    for channels, side in ((64, 128), (128, 64), (256, 64)):
        dtype = torch.bfloat16 if device.bfloat16 else torch.float32
        conv = nn.Conv2d(channels, channels, 3, padding=1).to(device.device, dtype)
        conv.to(memory_format=torch.channels_last)
        x = torch.randn(8, channels, side, side, device=device.device, dtype=dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        work = 2 * 8 * side * side * channels * channels * 9
        with torch.inference_mode():
            best = max(best, *(work / _timed(lambda c=conv, x=x: c(x), 5, device) for _ in range(6)))
    return best / 1e9


def _timed(step: Callable[[], object], count: int, device: Device) -> float:
    if device.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    if device.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


def _flops(images: Tensor, device: Device) -> float:
    network = PlainUnet().to(device.device)
    with FlopCounterMode(display=False) as counter:
        network(images).sum().backward()
    return float(counter.get_total_flops())


def _line(name: str, rates: list[float], ours: list[float]) -> str:
    ratios = [a / b for a, b in zip(ours, rates, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"| {name} | {statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f}) | {spread} |"


def main(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the table there too.")] = None,
    rounds: Annotated[int, typer.Option(min=2)] = 7,
    steps: Annotated[int, typer.Option(min=1)] = 4,
    batch: Annotated[int, typer.Option(min=2)] = 8,
    side: Annotated[int, typer.Option(min=32)] = 256,
) -> None:
    """Measure and print the table."""
    device = find_device()
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((batch, 3, side, side), dtype=np.float32)).to(device.device)
    labels = torch.from_numpy(rng.integers(0, 2, (batch, side, side))).to(device.device)
    precision = f"{device.precision}, channels last"
    contenders: dict[str, tuple[Step, bool]] = {
        "ours, the whole step": (_our_step(side, batch, device), True)
    }
    other = replace(device, bfloat16=not device.bfloat16)
    contenders[f"ours, the whole step, in {other.precision}"] = (_our_step(side, batch, other), True)
    alone = _plain_step(Unet(widths=WIDTHS).build(3, 2), images, labels, device, True)
    contenders[f"our network in the plain loop, {precision}, freed memory kept"] = (alone, True)
    for name, build in (("MONAI BasicUNet", _monai), ("plain PyTorch U-Net", PlainUnet)):
        step = _plain_step(build(), images, labels, device, True)
        contenders[f"{name}, {precision}, freed memory kept"] = (step, True)
        contenders[f"{name}, {precision}"] = (step, False)
        step = _plain_step(build(), images, labels, device, False)
        contenders[f"{name}, float32 as users run it"] = (step, False)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (step, kept) in contenders.items():
            keep_freed_memory(**({} if kept else GLIBC))
            step()  # The allocator settles, and in the first round everything else.
            rate = batch / _timed(step, steps, device)
            if number:
                rates[name].append(rate)
    keep_freed_memory()
    ours = rates["ours, the whole step"]
    peak, flops = conv_peak(device), _flops(images, device) / batch
    achieved = statistics.median(ours) * flops / 1e9
    where = (
        torch.cuda.get_device_name() if device.device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    lines = [
        f"{where}, torch {torch.__version__.split('+')[0]}, {rounds} rounds of {steps} steps, {batch} images "
        f"of {side} x {side}, widths {WIDTHS}; median (range over rounds).",
        "",
        "| contender | images/s | ours is faster by |",
        "|---|--:|--:|",
        *(_line(name, found, ours) for name, found in rates.items()),
        "",
        f"A step of this network is {flops / 1e9:.1f} GFLOP an image (forward and backward). Ours achieves "
        f"{achieved:.0f} GFLOP/s, {achieved / peak:.2f} of the {peak:.0f} that the best 3x3 convolution "
        f"reaches in the same process ({precision}).",
    ]
    print("\n".join(lines))
    if out is not None:
        command = "python benchmarks/train_step.py -o docs/results/train_step.md"
        durable.write_text(out, "\n".join(["# Speed of a training step", "", f"`{command}`", "", *lines, ""]))


if __name__ == "__main__":
    typer.run(main)
