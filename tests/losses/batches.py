"""Small random batches, consistent random targets, and losses by brute force."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.losses import Loss

Batch = tuple[Tensor, Tensor]
"""Logits (N, K, H, W) in float64 and labels (N, H, W)."""

FIELDS = tuple(field.name for field in fields(Target))


@dataclass(frozen=True, eq=False)
class Scene:
    """Logits, images, the dense truth and a target that says nothing but the truth."""

    logits: Tensor
    images: Tensor
    truth: Tensor
    target: Target

    @property
    def perfect(self) -> Tensor:
        return sure(self.truth, self.logits.shape[1])


@st.composite
def batches(
    draw: st.DrawFn,
    shares: st.SearchStrategy[float] = st.sampled_from([0.0, 0.05, 0.4, 0.9]),  # noqa: B008
    most: int = 3,
) -> Batch:
    n, k = draw(st.integers(1, most)), draw(st.integers(2, 4))
    h, w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = 3 * torch.randn(n, k, h, w, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, k, (n, h, w), generator=generator)
    labels[torch.rand(n, h, w, generator=generator) < draw(shares)] = IGNORE
    return logits, labels


FULL = st.just(0.0)


@st.composite
def scenes(draw: st.DrawFn, whole: bool = False) -> Scene:
    """Draw a batch of which each field of the target is known in part, or all of it wholly."""
    logits, truth = draw(batches(FULL))
    n, k, h, w = logits.shape
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    images = torch.rand(n, 3, h, w, generator=generator, dtype=torch.float64)
    target = told(truth, k)
    if not whole:
        target = kept(target, {name: torch.rand(n, generator=generator) < 0.7 for name in FIELDS})
        labels, tags = target.labels.clone(), target.tags.clone()
        labels[torch.rand(labels.shape, generator=generator) < draw(st.sampled_from([0.0, 0.6]))] = IGNORE
        tags[torch.rand(tags.shape, generator=generator) < 0.3] = IGNORE
        target = replace(target, labels=labels, tags=tags)
    return Scene(logits, images, truth, target)


def sure(truth: Tensor, num_classes: int) -> Tensor:
    """Logits that are sure of a dense map of classes."""
    return torch.nn.functional.one_hot(truth, num_classes).movedim(-1, 1).double() * 60 - 30


def told(truth: Tensor, num_classes: int) -> Target:
    """All that a dense mask tells, with some leeway where a person would leave some."""
    own = torch.nn.functional.one_hot(truth, num_classes).movedim(-1, 1).double()
    areas = own.sum((2, 3))
    sizes = torch.stack([(areas * 0.8).floor(), (areas * 1.2).ceil()], dim=-1)
    centroids = torch.tensor([-torch.inf, torch.inf]).double().repeat(*areas.shape, 2, 1)
    for image, label in (areas > 0).nonzero().tolist():
        middle = own[image, label].nonzero().double().mean(0)
        centroids[image, label] = torch.stack([middle - 0.25, middle + 0.25], dim=-1)
    tags = (areas > 0).long()
    return Target(truth, tags, boxes_of(truth, num_classes), sizes, centroids, own)


def boxes_of(truth: Tensor, num_classes: int) -> Tensor:
    """A tight box for every connected object; rows of IGNORE where an image has fewer."""
    every = []
    for mask in truth.numpy():
        found = []
        for label in range(num_classes):
            objects, _ = ndimage.label(mask == label, np.ones((3, 3)))
            for rows, cols in ndimage.find_objects(objects):
                found.append([label, rows.start, cols.start, rows.stop, cols.stop])
        every.append(found)
    boxes = torch.full((len(every), max(map(len, every)), 5), IGNORE)
    for image, found in enumerate(every):
        boxes[image, : len(found)] = torch.tensor(found)
    return boxes


def kept(target: Target, images: dict[str, Tensor]) -> Target:
    """Know each field for its own images only: bool (N,) by the field's name."""
    nothing = Target.unknown(*target.soft.shape)
    nothing = replace(nothing, boxes=torch.full_like(target.boxes, IGNORE))
    parts = {}
    for name in FIELDS:
        known, unknown = getattr(target, name), getattr(nothing, name)
        known_images = images.get(name, torch.zeros(len(known), dtype=torch.bool))
        parts[name] = torch.where(known_images.reshape(-1, *[1] * (known.ndim - 1)), known, unknown)
    return Target(**parts)


def of_images(target: Target, order: list[int]) -> Target:
    return Target(**{name: getattr(target, name)[order] for name in FIELDS})


def turned(target: Target) -> Target:
    """A quarter turn against the clock: what was on the right is at the top."""
    width = target.labels.shape[2]
    label, top, left, bottom, right = target.boxes.unbind(-1)
    boxes = torch.stack([label, width - right, top, width - left, bottom], dim=-1)
    rows, cols = target.centroids.unbind(2)
    return replace(
        target,
        labels=target.labels.rot90(1, (1, 2)),
        soft=target.soft.rot90(1, (2, 3)),
        boxes=torch.where(label[..., None] == IGNORE, IGNORE, boxes),
        centroids=torch.stack([width - 1 - cols.flip(-1), rows], dim=2),
    )


def mirrored(target: Target) -> Target:
    """Left and right exchanged."""
    width = target.labels.shape[2]
    label, top, left, bottom, right = target.boxes.unbind(-1)
    boxes = torch.stack([label, top, width - right, bottom, width - left], dim=-1)
    rows, cols = target.centroids.unbind(2)
    return replace(
        target,
        labels=target.labels.flip(2),
        soft=target.soft.flip(3),
        boxes=torch.where(label[..., None] == IGNORE, IGNORE, boxes),
        centroids=torch.stack([rows, width - 1 - cols.flip(-1)], dim=2),
    )


def renamed(target: Target, old: list[int]) -> Target:
    """Class number c is what was old[c]."""
    new = torch.full((IGNORE + 1,), IGNORE)
    new[torch.tensor(old)] = torch.arange(len(old))
    boxes = target.boxes.clone()
    boxes[..., 0] = new[boxes[..., 0]]
    return Target(
        labels=new[target.labels],
        tags=target.tags[:, old],
        boxes=boxes,
        sizes=target.sizes[:, old],
        centroids=target.centroids[:, old],
        soft=target.soft[:, old],
    )


def cost(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    n, k, h, w = logits.shape
    return loss(logits, Target.from_labels(labels, k), torch.zeros(n, 3, h, w))


def gradient(loss: Loss, logits: Tensor, labels: Tensor) -> Tensor:
    logits = logits.detach().clone().requires_grad_()
    return slope_of(cost(loss, logits, labels), logits)


def slope_of(value: Tensor, logits: Tensor) -> Tensor:
    (slope,) = torch.autograd.grad(value, logits)
    return slope


def labelled_probs(logits: Tensor, labels: Tensor) -> list[tuple[int, list[float]]]:
    """The class and the probabilities of every labelled pixel, one by one."""
    pixels = []
    for n, row, col in (labels != IGNORE).nonzero().tolist():
        exps = [math.exp(float(z)) for z in logits[n, :, row, col]]
        pixels.append((int(labels[n, row, col]), [e / sum(exps) for e in exps]))
    return pixels
