"""What a data set holds, split by split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.data.split import Split
from pointillist.datasets.dataset import SPLITS, Dataset, Entry

SHOWN = 24
"""Samples of a contact sheet."""


@dataclass
class SplitFacts:
    """What a split holds, counted image by image."""

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    groups: set[str] = field(default_factory=set)
    images: int = 0
    with_mask: int = 0
    with_annotation: int = 0
    with_region: int = 0
    region_pixels: int = 0
    pixels: int = 0
    void: int = 0
    outside: int = 0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, sample: Sample, group: str) -> None:
        """Count one sample."""
        self.images += 1
        self.groups.add(group)
        self.sizes[sample.height, sample.width] += 1
        self.with_annotation += sample.annotation is not None
        pixels = sample.height * sample.width
        if sample.region is not None:
            self.with_region += 1
            self.region_pixels += int(sample.region.sum())
            self.pixels += pixels
        if sample.mask is not None:
            self.with_mask += 1
            counts = np.bincount(sample.truth().ravel(), minlength=IGNORE + 1)
            self.void += int(counts[IGNORE])
            self.classes.update({k: int(n) for k, n in enumerate(counts[:IGNORE]) if n})
            if sample.region is not None:
                self.outside += bool(((sample.mask != 0) & (sample.mask != IGNORE) & ~sample.region).any())


def survey(
    data: Dataset, entries: Iterable[Entry], shown: int = SHOWN
) -> tuple[dict[Split, SplitFacts], list[Sample]]:
    """Read every sample once; count it, and keep some, evenly spread, to be looked at.

    Args:
        data: the data set.
        entries: its own, perhaps with a progress bar around them.
        shown: how many samples are kept.
    """
    facts: dict[Split, SplitFacts] = {split: SplitFacts() for split in SPLITS}
    kept: list[Sample] = []
    chosen = set(np.linspace(0, len(data.entries) - 1, shown).round().astype(int).tolist())
    for number, entry in enumerate(entries):
        sample = data.read(entry.name)
        facts[entry.split].add(sample, entry.group)
        if number in chosen:
            kept.append(sample)
    return facts, kept


def fact_lines(data: Dataset, facts: Mapping[Split, SplitFacts]) -> list[tuple[str, list[str]]]:
    """Give what is worth telling: a name, and a value for each split."""
    every = list(facts.values())
    lines = [("images", [str(f.images) for f in every])]
    lines += [("with a mask", [str(f.with_mask) for f in every])]
    if any(f.with_annotation for f in every):
        lines += [("with an annotation", [str(f.with_annotation) for f in every])]
    lines += [("groups", [str(len(f.groups)) for f in every])]
    lines += [("height x width", [_sizes(f.sizes) for f in every])]
    for k, name in enumerate(data.classes):
        lines += [(f"share of {name}", [_share(f.classes[k], sum(f.classes.values())) for f in every])]
    if any(f.void for f in every):
        void = [_share(f.void, f.void + sum(f.classes.values())) for f in every]
        lines += [("share void or outside", void)]
    if any(f.with_region for f in every):
        lines += [("with a region of interest", [str(f.with_region) for f in every])]
        lines += [("share inside the region", [_share(f.region_pixels, f.pixels) for f in every])]
        lines += [("foreground outside it in", [f"{f.outside} images" for f in every])]
    return lines


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    if not sizes:
        return "-"
    if len(sizes) <= 2:
        return ", ".join(f"{h} x {w}" for h, w in sorted(sizes))
    heights, widths = [h for h, _ in sizes], [w for _, w in sizes]
    return f"{min(heights)}..{max(heights)} x {min(widths)}..{max(widths)}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"
