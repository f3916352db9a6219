"""From a batch as it was cut to the images and the target that a step learns from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pointillist.core.known import Known
from pointillist.core.target import Target
from pointillist.data.facts import Window, carry_facts
from pointillist.train.feed import Batch
from pointillist.train.run import Run

OF_THE_IMAGE = frozenset({"tags", "boxes", "sizes", "centroids"})
"""Fields of a `Target` that say something of all that is predicted in an image."""
_SURE = 30.0


def augmented(run: Run, batch: Batch) -> tuple[Tensor, Target]:
    """Vary a batch as the run says, and carry along all that is known of it.

    Images of which a term reads what holds only for the whole, upright image (`Known.of_the_whole`) are
    mirrored and turned by quarters, but neither turned askew nor zoomed, so that it stays true; the others
    move freely.

    Returns:
        images, float (N, C, H, W), and what is known of them, on their device.
    """
    draws, size, upright = _drawn(run, batch)
    soft = None if batch.soft is None else batch.soft.float() / 255
    images, labels, soft, inverses = run.augment(batch.images, batch.labels, draws, size, soft, upright)
    if batch.idle:
        target = Target.unknown(len(labels), len(run.data.classes), *size)
        return images, target.to(labels.device)
    if run.reads <= {"labels", "soft"}:
        target = Target.from_labels(labels, len(run.data.classes))
    else:
        matrices = inverses.double().numpy()
        facts = [
            carry_facts(known, window, np.asarray(matrix), size)
            for known, window, matrix in zip(batch.known, batch.windows, matrices, strict=True)
        ]
        target = replace(Target.from_known(facts).to(labels.device), labels=labels)
    return images, target if soft is None else replace(target, soft=soft)


def moved_inside(run: Run, batch: Batch) -> Tensor | None:
    """Say which pixels of the augmented batch lie in the region of interest; None: all do.

    Returns:
        bool (N, H, W), False beyond an image's edge.
    """
    if batch.inside is None:
        return None
    return run.augment.moved(batch.inside, *_drawn(run, batch))


def background_outside(run: Run, batch: Batch, logits: Tensor) -> Tensor:
    """Give logits that find nothing outside the region of interest, where no size or tag counts anything.

    There they are constant: what is predicted there is neither paid for nor learnt.
    """
    if (inside := moved_inside(run, batch)) is None:
        return logits
    nothing = logits.new_full((1, logits.shape[1], 1, 1), -_SURE)
    nothing[:, 0] = 0
    return torch.where(inside[:, None], logits, nothing)


def _drawn(run: Run, batch: Batch) -> tuple[Tensor, tuple[int, int], Tensor]:
    """Give the draws of a batch, the size of what comes of it, and which images stay upright."""
    size = (run.crop, run.crop) if run.crop else (batch.images.shape[2], batch.images.shape[3])
    draws = run.augment.draw([key.parts() for key in batch.keys], run.seed)
    rows = zip(batch.known, batch.windows, strict=True)
    upright = [_stays_upright(run.reads, known, window, size) for known, window in rows]
    return draws, size, torch.tensor(upright)


def _stays_upright(reads: frozenset[str], known: Known, window: Window, size: tuple[int, int]) -> bool:
    if window.image_height > size[0] or window.image_width > size[1]:
        reads -= {"tags"}  # In a crop nothing is present for sure: it may as well be turned.
    return bool(reads & known.of_the_whole)
