"""The look across splits: what training must not have seen of the test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter

from pointillist.data.declaration import Declaration
from pointillist.data.split import SPLITS
from pointillist.data.validate_files import SIDE, ItemFacts
from pointillist.data.validate_finding import Finding, relative

SEARCHED = 10_000
"""Images up to which near-duplicates are looked for; the work grows with the square."""
_TILE = re.compile(r"^(.*\D)?[_-]?[rxi]?(\d+)[_-][cyj]?(\d+)$", re.I)


def check_leaks(facts: Sequence[ItemFacts], declaration: Declaration, root: Path) -> list[Finding]:
    """Look for copies, near-copies and tiles of one source in two splits."""
    exact = _copies(facts, root)
    known = {frozenset(finding.files) for finding in exact}
    near = [f for f in _near_copies(facts, root) if frozenset(f.files) not in known]
    tiles = [] if declaration.groups is not None else _tiles(facts)
    return [*exact, *near, *tiles]


def _copies(facts: Sequence[ItemFacts], root: Path) -> list[Finding]:
    by_hash: dict[str, list[ItemFacts]] = {}
    for f in facts:
        if f.image is not None:
            by_hash.setdefault(f.image.sha256, []).append(f)
    findings = []
    for copies in by_hash.values():
        if len(copies) < 2:
            continue
        files = tuple(relative(f.item.image, root) for f in copies)
        splits = [s for s in SPLITS if any(f.item.split == s for f in copies)]
        if len(splits) > 1:
            found, fix = f"the same bytes in {' and '.join(splits)}", "Keep one copy."
            findings.append(Finding("H60", "error", files, "an image must lie in one split", found, fix))
        else:
            found, fix = f"{len(copies)} copies in {splits[0]}", "Keep one copy."
            findings.append(Finding("H60", "warning", files, "images should differ", found, fix))
    return findings


def _near_copies(facts: Sequence[ItemFacts], root: Path) -> list[Finding]:
    must = "an image must lie in one split"
    if len(facts) > SEARCHED:
        found = f"{len(facts)} images, too many to compare all pairs: only exact copies were looked for"
        return [Finding("H61", "note", (), must, found, "Check a part, if near-copies are likely.")]
    pairs = [(f, f.image.thumbnail) for f in facts if f.image and f.image.thumbnail is not None]
    seen = [f for f, _ in pairs]
    if len({f.item.split for f in seen}) < 2:
        return []
    thumbnails = np.stack([thumbnail for _, thumbnail in pairs])
    few = len(seen) < 8
    # What all images share (the disc of a fundus camera) says nothing: it is taken off, in all eight
    # positions. With a handful of images there is no telling what is shared, so they must agree more.
    common = np.zeros((SIDE, SIDE), np.float32) if few else _turned(thumbnails.mean(axis=0)).mean(axis=0)
    upright = np.stack([_described(t - common).ravel() for t in thumbnails])
    splits = np.array([SPLITS.index(f.item.split) for f in seen])
    findings = []
    for i, thumbnail in enumerate(thumbnails):
        later = np.flatnonzero(splits > splits[i])
        turned = np.stack([_described(t - common).ravel() for t in _turned(thumbnail)])
        likeness = (upright[later] @ turned.T).max(axis=1, initial=-1)
        for j, value in zip(later, likeness, strict=True):
            if value > (0.985 if few else 0.96):
                files = (relative(seen[i].item.image, root), relative(seen[j].item.image, root))
                found = (
                    f"nearly the same picture in {seen[i].item.split} and {seen[j].item.split} ({value:.2f})"
                )
                fix = "Keep both in one split: declare groups."
                findings.append(Finding("H61", "warning", files, must, found, fix))
    return findings


def _turned(thumbnail: np.ndarray) -> np.ndarray:
    return np.stack([np.rot90(t, k) for t in (thumbnail, thumbnail.T) for k in range(4)])


def _described(thumbnail: np.ndarray) -> np.ndarray:
    """Fine structure alone, scaled to norm 1: on PH2 and DRIVE two images reach .93, copies at least .99."""
    fine: np.ndarray = thumbnail - uniform_filter(thumbnail, 5, mode="nearest")
    norm = float(np.linalg.norm(fine))
    return fine / norm if norm > 1e-3 else np.zeros_like(fine)


def _tiles(facts: Sequence[ItemFacts]) -> list[Finding]:
    sources: dict[str, list[ItemFacts]] = {}
    for f in facts:
        if match := _TILE.match(f.item.name):
            sources.setdefault(match[1] or "", []).append(f)
    several = {source: fs for source, fs in sources.items() if len({f.item.split for f in fs}) > 1}
    # One source of all is a numbering, not a map.
    if len(sources) < 2 or not several or sum(map(len, sources.values())) < 2 * len(sources):
        return []
    names = tuple(source.rstrip("_-") for source in several)
    found = f"names that look like tiles (name_row_col) of {len(several)} sources in two splits"
    fix = "If they are tiles, declare groups, such as '^(.*)_[0-9]+_[0-9]+$'."
    return [Finding("H63", "warning", names, "tiles of one source must lie in one split", found, fix)]
