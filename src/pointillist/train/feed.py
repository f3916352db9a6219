"""Batches: what fits stays on the device as it was read; what does not streams through workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE
from pointillist.train.device import Device
from pointillist.train.run import Run
from pointillist.train.supervise import Supervised, supervised
from pointillist.train.tally import Tally


@dataclass(frozen=True, eq=False)
class Key:
    """One draw of an epoch: which sample, for which time."""

    epoch: int
    name: str
    turn: int

    def parts(self) -> tuple[object, ...]:
        """Give what the draw's chance depends on."""
        return (self.epoch, self.name, self.turn)


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows around what will be trained on, before augmentation.

    Args:
        images: uint8 or float (N, C, H, W).
        labels: uint8 (N, H, W).
        keys: which draw each row is.
    """

    images: Tensor
    labels: Tensor
    keys: tuple[Key, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names."""
        return tuple(key.name for key in self.keys)


def pixels(item: Supervised) -> tuple[Tensor, Tensor]:
    """Give image and labels as stored: uint8 where eight bits say everything, else float32."""
    image = torch.from_numpy(np.ascontiguousarray(item.sample.image))
    if item.sample.bits <= 8:
        image = torch.round(image * 255).to(torch.uint8)
    return image, torch.from_numpy(np.ascontiguousarray(item.labels))


def epoch_keys(run: Run, names: Sequence[str], epoch: int) -> list[Key]:
    """Order an epoch: each sample `crops_per_image` times, shuffled by (seed, epoch) alone."""
    keys = [Key(epoch, name, turn) for name in sorted(names) for turn in range(run.crops_per_image)]
    order = numpy_rng(run.seed, epoch, "order").permutation(len(keys))
    return [keys[i] for i in order]


def steps_per_epoch(run: Run, count: int) -> int:
    """Steps in an epoch; the last, smaller batch counts, unless it would hold one image alone."""
    total = count * run.crops_per_image
    steps, rest = divmod(total, run.batch)
    return max(1, steps + (1 if rest > 1 or (rest and run.batch == 1) else 0))


def _margin(run: Run) -> int:
    # A window 1.5 times the crop's side holds it at any small turn and zoom.
    return run.crop // 4 if run.crop else 0


def cut(
    run: Run, image: Tensor, labels: Tensor, key: Key, on_host: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cut the window around a training crop: somewhere that shows a labelled pixel.

    An image without labels is cut anywhere; one smaller than the crop is mirrored up to its size.

    Args:
        run: for its crop and seed.
        image: (C, H, W).
        labels: (H, W).
        key: which draw this is.
        on_host: the same labels in the CPU's memory, where looking at one does not stop a GPU.
    """
    if run.crop is None:
        return image, labels
    side, margin = run.crop, _margin(run)
    height, width = labels.shape
    rng = numpy_rng(run.seed, *key.parts(), "crop")
    row, col = _anchor(labels if on_host is None else on_host, rng)
    # Of a crop's rows the first is its centre - side / 2: the anchor is always one of them.
    row += int(rng.integers(1 - side // 2, side // 2 + 1))
    col += int(rng.integers(1 - side // 2, side // 2 + 1))
    top = int(np.clip(row - side // 2, 0, max(0, height - side))) - margin
    left = int(np.clip(col - side // 2, 0, max(0, width - side))) - margin
    size = side + 2 * margin
    rows = _mirrored(torch.arange(top, top + size), height)
    cols = _mirrored(torch.arange(left, left + size), width)
    inside_rows = (torch.arange(top, top + size) - rows) == 0
    inside_cols = (torch.arange(left, left + size) - cols) == 0
    inside = (inside_rows[:, None] & inside_cols[None, :]).to(labels.device)
    rows, cols = rows.to(labels.device), cols.to(labels.device)
    window = image[:, rows[:, None], cols[None, :]]
    return window, torch.where(inside, labels[rows[:, None], cols[None, :]], IGNORE)


def _mirrored(index: Tensor, length: int) -> Tensor:
    period = 2 * length
    index = index % period
    return torch.where(index < length, index, period - 1 - index)


def _anchor(labels: Tensor, rng: np.random.Generator) -> tuple[int, int]:
    height, width = labels.shape
    flat = labels.reshape(-1)
    for _ in range(8):  # Dense maps: a random pixel is labelled at once.
        place = int(rng.integers(height * width))
        if int(flat[place]) != IGNORE:
            return divmod(place, width)
    known = torch.nonzero(flat != IGNORE)[:, 0]
    place = int(known[int(rng.integers(len(known)))]) if len(known) else int(rng.integers(height * width))
    return divmod(place, width)


def _padded(image: Tensor, labels: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    down, right = height - labels.shape[0], width - labels.shape[1]
    if not (down or right):
        return image, labels
    rows = _mirrored(torch.arange(height), labels.shape[0]).to(image.device)
    cols = _mirrored(torch.arange(width), labels.shape[1]).to(image.device)
    return image[:, rows[:, None], cols[None, :]], F.pad(labels, (0, right, 0, down), value=IGNORE)


class Stored(NamedTuple):
    """A sample as it stays in memory: on the device, and its labels on the host too."""

    image: Tensor
    labels: Tensor
    on_host: Tensor


class Feed:
    """The training batches of a run, equal whatever the number of workers and wherever the data lies.

    Args:
        run: the run.
        names: samples to draw from.
        device: where batches go.
        workers: processes that read what does not fit in memory.
        resident_bytes: the largest data kept on the device; by default a quarter of its memory.
    """

    def __init__(
        self,
        run: Run,
        names: Sequence[str],
        device: Device,
        workers: int = 0,
        resident_bytes: int | None = None,
    ) -> None:
        self.run, self.names, self.device, self.workers = run, tuple(names), device, workers
        first = pixels(supervised(run, self.names[0]))[0]
        self.channels = first.shape[0]
        self.tally = Tally(run.data.classes)
        need = first.numel() * first.element_size() * len(self.names) * 4 // 3
        limit = _memory(device.device) // 4 if resident_bytes is None else resident_bytes
        self.resident = self._read_all(keep=need <= limit)

    def _read_all(self, keep: bool) -> dict[str, Stored] | None:
        items = {}
        for name in self.names:
            item = supervised(self.run, name)
            self.tally.add(item)
            if keep:
                image, labels = pixels(item)
                place = self.device.device
                items[name] = Stored(image.to(place), labels.to(place), labels)
        return items if keep else None

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch, this process's share of each, after the first `skip`."""
        keys = epoch_keys(self.run, self.names, epoch)
        count, size = steps_per_epoch(self.run, len(self.names)), self.run.batch
        groups = [keys[i * size : (i + 1) * size] for i in range(skip, count)]
        mine = [tuple(group[self.device.rank :: self.device.world]) or (group[0],) for group in groups]
        if self.resident is not None:
            return (self._collate([self._cut(self.resident[k.name], k) for k in g], g) for g in mine)
        return self._stream(mine)

    def _cut(self, stored: Stored, key: Key) -> tuple[Tensor, Tensor]:
        return cut(self.run, stored.image, stored.labels, key, stored.on_host)

    def _stream(self, groups: Sequence[tuple[Key, ...]]) -> Iterator[Batch]:
        loader = DataLoader(
            _Reader(self.run, groups),
            batch_size=None,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_one_thread,
        )
        for windows, group in zip(loader, groups, strict=True):
            yield self._collate(windows, group)

    def _collate(self, windows: list[tuple[Tensor, Tensor]], keys: tuple[Key, ...]) -> Batch:
        if self.run.crop is None:
            height = max(labels.shape[0] for _, labels in windows)
            width = max(labels.shape[1] for _, labels in windows)
            windows = [_padded(*window, height, width) for window in windows]
        place = self.device.device
        pictures = [image for image, _ in windows]
        if len({picture.dtype for picture in pictures}) > 1:  # Files of 8 and of more bits side by side.
            pictures = [p.float() / 255 if p.dtype == torch.uint8 else p for p in pictures]
        images = torch.stack(pictures).to(place, non_blocking=True)
        labels = torch.stack([labels for _, labels in windows]).to(place, non_blocking=True)
        return Batch(images, labels, keys)


class _Reader(TorchDataset[list[tuple[Tensor, Tensor]]]):
    """Reads one batch after the other in a worker."""

    def __init__(self, run: Run, groups: Sequence[tuple[Key, ...]]) -> None:
        self.run, self.groups = run, groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> list[tuple[Tensor, Tensor]]:
        group = self.groups[index]
        return [cut(self.run, *pixels(supervised(self.run, key.name)), key) for key in group]


def _as_it_is(windows: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    return windows


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _memory(device: torch.device) -> int:
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
    if device.type == "cuda":
        return min(host, int(torch.cuda.get_device_properties(device).total_memory))
    return host
