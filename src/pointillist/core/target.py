"""The target: all that is known about the truth of a batch, and a value for not knowing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.shapes import IGNORE, Labels


@dataclass(frozen=True, eq=False)
class Target:
    """What annotators, propagators and teachers write and losses read.

    Every field has a value that means *unknown*, and a loss costs exactly 0 where its field is unknown, so
    images with different kinds of annotation mix in one batch without branches.

    Args:
        labels: label map, int64 (N, H, W), 0..K-1; unknown: IGNORE.
        tags: class absent 0 / present 1, int64 (N, K); unknown: IGNORE.
        boxes: class, top, left, bottom, right (half-open), int64 (N, M, 5); unknown: class IGNORE.
        sizes: lowest and highest area in pixels, float (N, K, 2); unknown: (0, inf), a range that no
            prediction leaves.
        centroids: lowest and highest row, then column, of the centre of gravity, float (N, K, 2, 2); unknown:
            (-inf, inf).
        soft: class probabilities, float (N, K, H, W); unknown: all zeros.
    """

    labels: Labels
    tags: Int64[Tensor, "n k"]
    boxes: Int64[Tensor, "n m 5"]
    sizes: Float[Tensor, "n k 2"]
    centroids: Float[Tensor, "n k 2 2"]
    soft: Float[Tensor, "n k h w"]

    @classmethod
    def from_labels(cls, labels: Labels, num_classes: int) -> Target:
        """Know the label map and nothing else.

        >>> target = Target.from_labels(torch.tensor([[[0, 255, 1]]]), num_classes=2)
        >>> target.labelled.tolist(), target.tags.tolist()
        ([[[True, False, True]]], [[255, 255]])

        Raises:
            InputError: labels are not int64 (N, H, W), or hold a class that does not exist.
        """
        check_labels(labels, num_classes)
        n, h, w = labels.shape
        device = labels.device
        return cls(
            labels=labels,
            tags=torch.full((n, num_classes), IGNORE, dtype=torch.int64, device=device),
            boxes=torch.empty((n, 0, 5), dtype=torch.int64, device=device),
            sizes=torch.tensor([0.0, torch.inf], device=device).expand(n, num_classes, 2),
            centroids=torch.tensor([-torch.inf, torch.inf], device=device).expand(n, num_classes, 2, 2),
            # One stored zero stands for the whole map: an unknown field costs no memory.
            soft=torch.zeros((), device=device).expand(n, num_classes, h, w),
        )

    @classmethod
    def from_known(cls, items: Sequence[Known]) -> Target:
        """Put together what is known about several images of equal height and width.

        Raises:
            InputError: a label map holds a class that does not exist.
        """
        labels = torch.from_numpy(np.stack([item.labels for item in items]).astype(np.int64))
        target = cls.from_labels(labels, len(items[0].tags))
        target.tags[:] = torch.from_numpy(np.stack([item.tags for item in items]).astype(np.int64))
        boxes = torch.full((len(items), max(len(item.boxes) for item in items), 5), IGNORE)
        for row, item in zip(boxes, items, strict=True):
            row[: len(item.boxes)] = torch.from_numpy(item.boxes)
        soft = target.soft
        if any(item.soft is not None for item in items):
            soft = torch.zeros(soft.shape)
            for number, item in enumerate(items):
                if item.soft is not None:
                    soft[number] = torch.from_numpy(item.soft)
        sizes = torch.from_numpy(np.stack([item.sizes for item in items])).float()
        centroids = torch.from_numpy(np.stack([item.centroids for item in items])).float()
        return cls(target.labels, target.tags, boxes, sizes, centroids, soft)

    @classmethod
    def unknown(cls, n: int, num_classes: int, height: int, width: int) -> Target:
        """Know nothing about N images."""
        labels = torch.full((n, height, width), IGNORE, dtype=torch.int64)
        return cls.from_labels(labels, num_classes)

    @property
    def labelled(self) -> Tensor:
        """Where the label map knows the truth: bool (N, H, W)."""
        return self.labels != IGNORE

    def to(self, device: torch.device | str) -> Target:
        """Move every field; an unknown one still costs no memory."""
        return Target(**{f.name: _move(getattr(self, f.name), device) for f in fields(self)})


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse what is not a label map.

    Raises:
        InputError: wrong type, number of axes, or a value that is neither a class nor IGNORE.
    """
    must = f"labels must be int64 (N, H, W) in 0..{num_classes - 1} or {IGNORE}"
    if labels.ndim == 2:
        raise InputError(must, _form(labels), "Add the batch axis: labels[None].")
    if labels.ndim == 4 and labels.shape[1] == 1:
        raise InputError(must, _form(labels), "Drop the channel axis: labels[:, 0].")
    if labels.ndim != 3:
        raise InputError(must, _form(labels), "Give each pixel the index of its class.")
    if labels.dtype != torch.int64:
        raise InputError(must, _form(labels), "Convert it: labels.long().")
    if labels.device.type != "cpu":
        return  # Looking at the values would make the device wait at every step.
    if bool(((labels != IGNORE) & ((labels < 0) | (labels >= num_classes))).any()):
        wrong = sorted({int(v) for v in torch.unique(labels)} - {*range(num_classes), IGNORE})[:5]
        raise InputError(must, f"the values {wrong}", "Translate foreign codes when reading them.")


def _move(tensor: Tensor, device: torch.device | str) -> Tensor:
    # Moving an expanded tensor as it is would store every repetition.
    stored = tensor[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())]
    return stored.to(device).expand(tensor.shape)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
