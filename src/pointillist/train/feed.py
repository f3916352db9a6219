"""Batches: what fits stays on the device as it was read; what does not streams through workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.data.facts import Window
from pointillist.train.cut import Cut, Key, Share, Stored, cut, padded
from pointillist.train.device import Device
from pointillist.train.run import Run
from pointillist.train.spread import read_soft
from pointillist.train.supervise import Supervised, supervised
from pointillist.train.tally import Tally


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows around what will be trained on, before augmentation.

    Args:
        images: uint8 or float (N, C, H, W).
        labels: uint8 (N, H, W).
        share: which draw each row is, and which ones other processes have.
        known: what else is known of each row's whole image.
        windows: where each row lies in its image.
        soft: class probabilities, uint8 in 255ths (N, K, H, W); None: unknown for all.
        inside: where the regions of interest are, bool (N, H, W); None: everywhere.
        idle: this process has no share of the batch: it takes part, and nothing of it counts.
    """

    images: Tensor
    labels: Tensor
    share: Share
    known: tuple[Known, ...]
    windows: tuple[Window, ...]
    soft: Tensor | None = None
    inside: Tensor | None = None
    idle: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        """Which draw each row is."""
        return self.share.keys

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
    region = item.region
    inside = None if region is None or region.all() else torch.from_numpy(np.ascontiguousarray(region))
    return Stored(*pixels(item), item.known, soft, inside)


def epoch_keys(run: Run, names: Sequence[str], epoch: int, images: int) -> list[Key]:
    """Order an epoch: each sample `crops_per_image` times, shuffled by (seed, epoch) alone.

    Args:
        run: the run.
        names: samples to draw from.
        epoch: which.
        images: for how many samples the epoch is long; of fewer, each comes more often.
    """
    wanted = run.crops_per_image * images
    keys = [Key(epoch, name, turn) for name in sorted(names) for turn in range(ceil(wanted / len(names)))]
    order = numpy_rng(run.seed, epoch, "order").permutation(len(keys))
    return [keys[i] for i in order[:wanted]]


def steps_per_epoch(run: Run, count: int) -> int:
    """Steps in an epoch; the last, smaller batch counts, unless it would hold one image alone."""
    total = count * run.crops_per_image
    steps, rest = divmod(total, run.batch)
    return max(1, steps + (1 if rest > 1 or (rest and run.batch == 1) else 0))


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

    Attributes:
        idle: samples of which nothing is known, drawn or spread.
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
        self.drawn = self.names
        self.idle: set[str] = set()
        self._sizes: dict[str, tuple[int, int]] = {}
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
            self._sizes[name] = item.sample.height, item.sample.width
            if item.known.empty and (self.spread is None or read_soft(self.spread, item) is None):
                self.idle.add(name)
            if keep:
                image, labels, known, soft, inside = stored(item, self.spread)
                place = self.device.device
                soft, inside = (None if one is None else one.to(place) for one in (soft, inside))
                items[name] = Stored(image.to(place), labels.to(place), known, soft, inside)
        return items if keep else None

    def leave_idle_out(self) -> None:
        """Draw from those samples alone of which something is known; an epoch stays as long as it was."""
        self.drawn = tuple(name for name in self.names if name not in self.idle)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch, this process's share of each, after the first `skip`."""
        keys = epoch_keys(self.run, self.drawn, epoch, len(self.names))
        count, size = steps_per_epoch(self.run, len(self.names)), self.run.batch
        groups = [keys[i * size : (i + 1) * size] for i in range(skip, count)]
        rows = [tuple(range(self.device.rank, len(group), self.device.world)) for group in groups]
        mine = [Share(tuple(group), own or (0,)) for group, own in zip(groups, rows, strict=True)]
        batches = self._stream(mine)
        if self.resident is not None:
            samples = self.resident
            batches = (self._collate([_piece(self.run, samples[k.name], k) for k in s.keys], s) for s in mine)
        return (replace(batch, idle=not own) for batch, own in zip(batches, rows, strict=True))

    def _stream(self, shares: Sequence[Share]) -> Iterator[Batch]:
        loader = DataLoader(
            _Reader(self.run, [share.keys for share in shares], self.spread),
            batch_size=None,
            num_workers=self.workers,
            collate_fn=_as_it_is,
            worker_init_fn=_one_thread,
        )
        for windows, share in zip(loader, shares, strict=True):
            yield self._collate(windows, share)

    def _collate(self, pieces: list[Piece], share: Share) -> Batch:
        cuts = [piece for piece, _ in pieces]
        if self.run.crop is None:
            height, width = (
                max(sides) for sides in zip(*(self._sizes[k.name] for k in share.group), strict=True)
            )
            whole = [bool(self.run.reads & known.of_the_whole) for _, known in pieces]
            cuts = [padded(piece, height, width, one) for piece, one in zip(cuts, whole, strict=True)]
        place = self.device.device
        pictures = [piece.image for piece in cuts]
        if len({picture.dtype for picture in pictures}) > 1:  # Files of 8 and of more bits side by side.
            pictures = [p.float() / 255 if p.dtype == torch.uint8 else p for p in pictures]
        images = torch.stack(pictures).to(place, non_blocking=True)
        labels = torch.stack([piece.labels for piece in cuts]).to(place, non_blocking=True)
        windows = tuple(piece.window for piece in cuts)
        soft, inside = self._soft(cuts, labels), _inside(cuts, labels)
        return Batch(images, labels, share, tuple(known for _, known in pieces), windows, soft, inside)

    def _soft(self, cuts: list[Cut], labels: Tensor) -> Tensor | None:
        if all(piece.soft is None for piece in cuts):
            return None
        soft = labels.new_zeros((len(cuts), len(self.run.data.classes), *labels.shape[1:]))
        for row, piece in zip(soft, cuts, strict=True):
            if piece.soft is not None:
                row.copy_(piece.soft)
        return soft


def _inside(cuts: list[Cut], labels: Tensor) -> Tensor | None:
    if all(piece.inside is None for piece in cuts):
        return None
    whole = torch.ones_like(labels[0], dtype=torch.bool)
    return torch.stack([whole if piece.inside is None else piece.inside.to(labels.device) for piece in cuts])


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
