"""Batches: what fits stays on the device as it was read; what does not streams through workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE
from pointillist.data.facts import Window
from pointillist.train.device import Device
from pointillist.train.run import Run
from pointillist.train.spread import read_soft
from pointillist.train.supervise import Supervised, supervised
from pointillist.train.tally import Tally

# Of the crops of an image with boxes, so many are taken at a box.
_SHARE_AT_BOXES = 0.75


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
        known: what else is known of each row's whole image.
        windows: where each row lies in its image.
        soft: class probabilities, uint8 in 255ths (N, K, H, W); None: unknown for all.
    """

    images: Tensor
    labels: Tensor
    keys: tuple[Key, ...]
    known: tuple[Known, ...]
    windows: tuple[Window, ...]
    soft: Tensor | None = None

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


def stored(item: Supervised, spread: Path | None) -> Stored:
    """Give a sample as it stays in memory, with its propagated labels when there are any."""
    soft = None if spread is None else read_soft(spread, item)
    return Stored(*pixels(item), item.known, soft)


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


class Stored(NamedTuple):
    """A sample as it stays in memory: pixels on the device, the rest on the host.

    Args:
        image: (C, H, W).
        labels: (H, W).
        known: what is known of it; its labels are on the host, where looking at one does not stop a GPU.
        soft: class probabilities, uint8 in 255ths (K, H, W); None: unknown.
    """

    image: Tensor
    labels: Tensor
    known: Known
    soft: Tensor | None = None


class Cut(NamedTuple):
    """A window of a sample, and where it lies."""

    image: Tensor
    labels: Tensor
    soft: Tensor | None
    window: Window


def cut(run: Run, stored: Stored, key: Key) -> Cut:
    """Cut the window around a training crop: somewhere that shows a labelled pixel.

    An image without labels is cut anywhere; one smaller than the crop is mirrored up to its size.

    Args:
        run: for its crop and seed.
        stored: the sample.
        key: which draw this is.
    """
    image, labels, known, soft = stored
    height, width = labels.shape
    if run.crop is None:
        return Cut(image, labels, soft, Window(0, 0, height, width, height, width))
    side, margin = run.crop, _margin(run)
    rng = numpy_rng(run.seed, *key.parts(), "crop")
    row, col = _anchor(known, rng)
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
    rows, cols = rows.to(labels.device)[:, None], cols.to(labels.device)[None, :]
    return Cut(
        image[:, rows, cols],
        torch.where(inside, labels[rows, cols], IGNORE),
        None if soft is None else soft[:, rows, cols] * inside,
        Window(top, left, size, size, height, width),
    )


def _mirrored(index: Tensor, length: int) -> Tensor:
    period = 2 * length
    index = index % period
    return torch.where(index < length, index, period - 1 - index)


def _anchor(known: Known, rng: np.random.Generator) -> tuple[int, int]:
    labels = known.labels
    height, width = labels.shape
    if len(known.boxes) and rng.random() < _SHARE_AT_BOXES:  # Most of what is labelled there is background.
        _, top, left, bottom, right = known.boxes[int(rng.integers(len(known.boxes)))]
        return int(rng.integers(top, bottom)), int(rng.integers(left, right))
    flat = labels.reshape(-1)
    for _ in range(8):  # Dense maps: a random pixel is labelled at once.
        place = int(rng.integers(height * width))
        if int(flat[place]) != IGNORE:
            return place // width, place % width
    some = np.flatnonzero(flat != IGNORE)
    place = int(some[int(rng.integers(len(some)))]) if len(some) else int(rng.integers(height * width))
    return place // width, place % width


def _padded(piece: Cut, height: int, width: int) -> Cut:
    image, labels, soft, window = piece
    down, right = height - labels.shape[0], width - labels.shape[1]
    if not (down or right):
        return piece
    rows = _mirrored(torch.arange(height), labels.shape[0]).to(image.device)
    cols = _mirrored(torch.arange(width), labels.shape[1]).to(image.device)
    return Cut(
        image[:, rows[:, None], cols[None, :]],
        F.pad(labels, (0, right, 0, down), value=IGNORE),
        None if soft is None else F.pad(soft, (0, right, 0, down)),
        replace(window, height=height, width=width),
    )


Piece: TypeAlias = tuple[Cut, Known]


def _piece(run: Run, sample: Stored, key: Key) -> Piece:
    return cut(run, sample, key), sample.known


class Feed:
    """The training batches of a run, equal whatever the number of workers and wherever the data lies.

    Args:
        run: the run.
        names: samples to draw from.
        device: where batches go.
        workers: processes that read what does not fit in memory.
        resident_bytes: the largest data kept on the device; by default a quarter of its memory.
        spread: where propagated labels lie; None: there are none.
    """

    def __init__(
        self,
        run: Run,
        names: Sequence[str],
        device: Device,
        workers: int = 0,
        resident_bytes: int | None = None,
        spread: Path | None = None,
    ) -> None:
        self.spread = spread
        self.run, self.names, self.device, self.workers = run, tuple(names), device, workers
        first = pixels(supervised(run, self.names[0]))[0]
        self.channels = first.shape[0]
        self.tally = Tally(run.data.classes)
        values = first.numel() * first.element_size()
        values += first[0].numel() * len(run.data.classes) * (spread is not None)
        need = values * len(self.names) * 4 // 3
        limit = _memory(device.device) // 4 if resident_bytes is None else resident_bytes
        self.resident = self._read_all(keep=need <= limit)

    def _read_all(self, keep: bool) -> dict[str, Stored] | None:
        items = {}
        for name in self.names:
            item = supervised(self.run, name)
            self.tally.add(item)
            if keep:
                image, labels, known, soft = stored(item, self.spread)
                place = self.device.device
                soft = None if soft is None else soft.to(place)
                items[name] = Stored(image.to(place), labels.to(place), known, soft)
        return items if keep else None

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch, this process's share of each, after the first `skip`."""
        keys = epoch_keys(self.run, self.names, epoch)
        count, size = steps_per_epoch(self.run, len(self.names)), self.run.batch
        groups = [keys[i * size : (i + 1) * size] for i in range(skip, count)]
        mine = [tuple(group[self.device.rank :: self.device.world]) or (group[0],) for group in groups]
        if self.resident is not None:
            samples = self.resident
            return (self._collate([_piece(self.run, samples[k.name], k) for k in g], g) for g in mine)
        return self._stream(mine)

    def _stream(self, groups: Sequence[tuple[Key, ...]]) -> Iterator[Batch]:
        loader = DataLoader(
            _Reader(self.run, groups, self.spread),
            batch_size=None,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_one_thread,
        )
        for windows, group in zip(loader, groups, strict=True):
            yield self._collate(windows, group)

    def _collate(self, pieces: list[Piece], keys: tuple[Key, ...]) -> Batch:
        cuts = [piece for piece, _ in pieces]
        if self.run.crop is None:
            height = max(piece.labels.shape[0] for piece in cuts)
            width = max(piece.labels.shape[1] for piece in cuts)
            cuts = [_padded(piece, height, width) for piece in cuts]
        place = self.device.device
        pictures = [piece.image for piece in cuts]
        if len({picture.dtype for picture in pictures}) > 1:  # Files of 8 and of more bits side by side.
            pictures = [p.float() / 255 if p.dtype == torch.uint8 else p for p in pictures]
        images = torch.stack(pictures).to(place, non_blocking=True)
        labels = torch.stack([piece.labels for piece in cuts]).to(place, non_blocking=True)
        windows = tuple(piece.window for piece in cuts)
        soft = self._soft(cuts, labels)
        return Batch(images, labels, keys, tuple(known for _, known in pieces), windows, soft)

    def _soft(self, cuts: list[Cut], labels: Tensor) -> Tensor | None:
        if all(piece.soft is None for piece in cuts):
            return None
        soft = labels.new_zeros((len(cuts), len(self.run.data.classes), *labels.shape[1:]))
        for row, piece in zip(soft, cuts, strict=True):
            if piece.soft is not None:
                row.copy_(piece.soft)
        return soft


class _Reader(TorchDataset[list[Piece]]):
    """Reads one batch after the other in a worker."""

    def __init__(self, run: Run, groups: Sequence[tuple[Key, ...]], spread: Path | None) -> None:
        self.run, self.groups, self.spread = run, groups, spread

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> list[Piece]:
        group = self.groups[index]
        return [_piece(self.run, stored(supervised(self.run, key.name), self.spread), key) for key in group]


def _as_it_is(pieces: list[Piece]) -> list[Piece]:
    return pieces


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _memory(device: torch.device) -> int:
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
    if device.type == "cuda":
        return min(host, int(torch.cuda.get_device_properties(device).total_memory))
    return host
