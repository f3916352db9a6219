"""How many clicks are enough: the study that asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.data.split import Split
from pointillist.datasets import AnyDataset
from pointillist.metrics.bootstrap import group_of
from pointillist.study.study import Study

FULL = "full masks"
CLICKS, STRATEGY = "clicks", "strategy"


def has_masks(data: AnyDataset, split: Split) -> bool:
    """Say whether some image of a split has a mask."""
    return any(sample.mask is not None for sample in data.samples(split))


def independent_images(data: AnyDataset, split: Split) -> int:
    """Count the groups of images with masks that a split has: what an interval is drawn from.

    Raises:
        InputError: no image of the split has a mask.
    """
    entries = [entry for entry in data.entries if entry.split == split]
    groups = {group_of(e.name, e.group) for e in entries if data.read(e.name).mask is not None}
    if not groups:
        fix = "Put masks of some images there; clicks are simulated from masks and measured against them."
        if not entries:
            fix = f"Add images, or declare split: in pointillist.yaml, so that some lie in {split}."
        raise InputError(f"some {split} images must have masks", f"none of {len(entries)}", fix)
    return len(groups)


def refuse_without_objects(data: AnyDataset, split: Split) -> None:
    """Refuse data of which no mask of a split shows anything but background: nothing is learnt or measured.

    Raises:
        InputError: none does, or there is none.
    """
    drawn = (sample.mask for sample in data.samples(split) if sample.mask is not None)
    if not any(((mask > 0) & (mask != IGNORE)).any() for mask in drawn):
        found = "no mask" if not has_masks(data, split) else "background alone"
        fix = "Draw some, or declare split: in pointillist.yaml, so that images with masks lie there."
        raise InputError(f"some masks of {split} images must show an object", found, fix)


def budget_study(
    data: AnyDataset,
    clicks: Sequence[tuple[int, int]],
    strategies: Sequence[str],
    seeds: int,
    margin: float,
    name: str,
    recipe: str = "auto",
    changes: Mapping[str, Any] | None = None,
) -> Study:
    """Describe a grid of clicks x strategies x seeds against full masks.

    Args:
        data: images with masks.
        clicks: pairs of clicks on each foreground class and on the background.
        strategies: where clicks go.
        seeds: how many.
        margin: of the mean Dice over images, by which fewer clicks may be worse and still enough.
        name: of the study.
        recipe: how to learn.
        changes: fields of every run.

    Raises:
        InputError: a strategy is unknown, a pair twice, or a number out of range.

    >>> from pointillist.datasets import Toy
    >>> study = budget_study(Toy(), [(1, 1), (5, 5)], ["random", "centre"], 1, 0.02, "toy", "plain")
    >>> len(study.cells), len(study.runs)
    (6, 5)
    """
    labels = {f"{positive}+{negative}": (positive, negative) for positive, negative in clicks}
    if not labels or len(labels) < len(clicks):
        fix = "Drop the repeated."
        given = ", ".join(f"{positive}+{negative}" for positive, negative in clicks)
        raise InputError("clicks must be different pairs, at least one", given or "none", fix)
    placed = {s: {"annotate": {"kind": "points", "strategy": s}} for s in strategies}
    numbers: dict[str, dict[str, Any]] = {
        label: {"annotate.positive": positive, "annotate.negative": negative}
        for label, (positive, negative) in labels.items()
    }
    numbers[FULL] = {"annotate": {"kind": "full"}}
    return validated(
        Study,
        {
            "name": name,
            "question": "How many clicks per image are as good as full masks?",
            "data": data.model_dump(),
            "recipe": recipe,
            "changes": dict(changes or {}),
            "axes": {STRATEGY: placed, CLICKS: numbers},
            "compare": {"to": {CLICKS: FULL}, "margin": margin},
            "seeds": seeds,
        },
    )
