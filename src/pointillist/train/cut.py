"""Windows around the training crops: where they are cut, and what lies beyond an image's edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pointillist.core.known import Known
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE
from pointillist.data.facts import Window
from pointillist.train.run import Run

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


class Share(NamedTuple):
    """What one process has of a batch that several share.

    What is drawn by chance is drawn for the whole batch, and images are padded to the largest of all: so the
    batch is the same however many processes share it.

    Args:
        group: the draws of all processes.
        rows: which of them are here.
    """

    group: tuple[Key, ...]
    rows: tuple[int, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The draws that are here."""
        return tuple(self.group[row] for row in self.rows)


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
        inside: the region of interest, bool (H, W); None: the whole image.
    """

    image: Tensor
    labels: Tensor
    known: Known
    soft: Tensor | None = None
    inside: Tensor | None = None


class Cut(NamedTuple):
    """A window of a sample, and where it lies."""

    image: Tensor
    labels: Tensor
    soft: Tensor | None
    inside: Tensor | None
    window: Window


def cut(run: Run, stored: Stored, key: Key) -> Cut:
    """Cut the window around a training crop: somewhere that shows a labelled pixel.

    An image without labels is cut anywhere; one smaller than the crop is mirrored up to its size, or filled
    with its mean colour where a term reads what holds for whole images only: mirrored, an object would show
    twice.

    Args:
        run: for its crop and seed.
        stored: the sample.
        key: which draw this is.
    """
    image, labels, known, soft, region = stored
    height, width = labels.shape
    if run.crop is None:
        return Cut(image, labels, soft, region, Window(0, 0, height, width, height, width))
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
    plain = side > min(height, width) and bool(run.reads & known.of_the_whole)
    return Cut(
        torch.where(inside, image[:, rows, cols], _mean(image)) if plain else image[:, rows, cols],
        torch.where(inside, labels[rows, cols], IGNORE),
        None if soft is None else soft[:, rows, cols] * inside,
        None if region is None else region[rows, cols] & inside,
        Window(top, left, size, size, height, width, plain),
    )


def _mean(image: Tensor) -> Tensor:
    return image.float().mean((1, 2), keepdim=True).to(image.dtype)


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


def padded(piece: Cut, height: int, width: int, plain: bool) -> Cut:
    """Enlarge an image; what is beyond it is unlabelled.

    Args:
        piece: a whole image.
        height: rows of the result.
        width: its columns.
        plain: filled with its mean colour, where no object shows; else mirrored.
    """
    image, labels, soft, region, window = piece
    down, right = height - labels.shape[0], width - labels.shape[1]
    if not (down or right):
        return piece
    rows = _mirrored(torch.arange(height), labels.shape[0]).to(image.device)
    cols = _mirrored(torch.arange(width), labels.shape[1]).to(image.device)
    larger = image[:, rows[:, None], cols[None, :]]
    if plain:
        larger[:, labels.shape[0] :] = larger[:, :, labels.shape[1] :] = _mean(image)
    return Cut(
        larger,
        F.pad(labels, (0, right, 0, down), value=IGNORE),
        None if soft is None else F.pad(soft, (0, right, 0, down)),
        None if region is None else F.pad(region, (0, right, 0, down)),
        replace(window, height=height, width=width, filled=plain),
    )
