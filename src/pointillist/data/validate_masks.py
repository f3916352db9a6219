"""The look at all masks together: what no single file shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pointillist.core.shapes import IGNORE
from pointillist.data.declaration import Declaration
from pointillist.data.mask import spell
from pointillist.data.validate_files import SIDE, ItemFacts, MaskFacts
from pointillist.data.validate_finding import Finding, Severity, relative

Masks = list[tuple[str, MaskFacts]]
_SEVERAL = 3
"""From how many masks on likeness means something."""


def check_masks(facts: Sequence[ItemFacts], declaration: Declaration, root: Path) -> list[Finding]:
    """Compare masks with each other and with their images."""
    masks: Masks = [(relative(f.item.mask, root), f.mask) for f in facts if f.mask is not None]
    findings = [*_mixed_codes(masks, declaration), *_one_sided(masks), *_swapped(facts, root)]
    identical = _identical(masks)
    findings += identical or _field_of_view(masks)
    return findings + _inverted(masks)


def check_labels(facts: Sequence[ItemFacts], declaration: Declaration, root: Path) -> list[Finding]:
    """Compare label maps with each other, and look for classes that nobody ever marked."""
    labels: Masks = [(relative(f.item.labels, root), f.labels) for f in facts if f.labels is not None]
    findings = _unlabelled(labels, declaration) + _swapped_labels(labels)
    seen = {c for f in facts for c in f.drawn}
    for f in facts:
        for drawn in (f.mask, f.labels):
            if drawn is not None:
                seen |= drawn.classes
    if seen:
        for index, name in enumerate(declaration.classes):
            if index not in seen:
                must, fix = "every class must occur", "Mark some of it, or remove it from classes."
                findings.append(Finding("H55", "warning", (), must, f"no pixel of {name!r} anywhere", fix))
    return findings


def _mixed_codes(masks: Masks, declaration: Declaration) -> list[Finding]:
    if declaration.codes is not None or len(declaration.classes) > 2:
        return []
    # A 1-bit file cannot say 255: it is no evidence of another convention.
    ones = [name for name, m in masks if 1 in m.values and 255 not in m.values and not m.one_bit]
    full = [name for name, m in masks if 255 in m.values and 1 not in m.values]
    if not ones or not full:
        return []
    fix = "If both mean the same, declare codes: {0: background, 1: foreground, 255: foreground}."
    found = (
        f"{len(ones)} masks in 0/1 ({', '.join(ones[:5])}) and {len(full)} in 0/255 ({', '.join(full[:5])})"
    )
    return [Finding("H37", "error", (*ones, *full), "masks must use one coding", found, fix)]


def _one_sided(masks: Masks) -> list[Finding]:
    empty = tuple(name for name, m in masks if m.foreground == 0)
    full = tuple(name for name, m in masks if m.background == 0 and m.foreground > 0)
    findings = []
    for row, names, what in (("H45", empty, "no foreground"), ("H46", full, "no background")):
        if names:
            found = f"{what} in {len(names)} of {len(masks)} masks"
            fix = "Check that these masks are finished and their codes right."
            severity: Severity = "error" if row == "H45" and len(names) == len(masks) else "warning"
            must = "a mask should show background and foreground"
            findings.append(Finding(row, severity, names, must, found, fix))
    return findings


def _swapped(facts: Sequence[ItemFacts], root: Path) -> list[Finding]:
    must, fix = "images/ must hold images and masks/ masks", "Swap the folders."
    same = tuple(
        relative(f.item.mask, root)
        for f in facts
        if f.image is not None and f.mask is not None and f.image.sha256 == f.mask.sha256
    )
    if same:
        found = f"the same file as image and as mask, {len(same)} times"
        return [Finding("H49", "error", same, must, found, "Put the right files there.")]
    unread = [f for f in facts if f.item.mask is not None and f.mask is None and f.image is not None]
    flat = tuple(relative(f.item.image, root) for f in unread if f.image is not None and f.image.few_values)
    if len(flat) > len(facts) / 2:
        found = f"{len(flat)} images of few values, whose masks have many: the two look swapped"
        return [Finding("H49", "error", flat, must, found, fix)]
    return []


def _identical(masks: Masks) -> list[Finding]:
    if len(masks) < _SEVERAL or len({m.sha256 for _, m in masks}) > 1:
        return []
    found = f"{len(masks)} masks with the same bytes (SHA-256 {masks[0][1].sha256[:12]}...)"
    names = tuple(name for name, _ in masks)
    fix = "Put each image's own mask there."
    return [Finding("H48", "error", names, "masks must differ", found, fix)]


def _field_of_view(masks: Masks) -> list[Finding]:
    if len(masks) < _SEVERAL:
        return []
    votes = np.zeros(SIDE * SIDE, np.int64)
    for _, m in masks:
        votes += np.unpackbits(m.inside)
    common = 2 * votes > len(masks)
    least = min(_iou(np.unpackbits(m.inside).astype(bool), common) for _, m in masks)
    share, disc = float(common.mean()), _is_ellipse(common.reshape(SIDE, SIDE))
    # DRIVE's fields of view overlap their common shape by .93 to .99; drawn objects never all do.
    if least < (0.9 if disc and share > 0.3 else 0.98) or not common.any():
        return []
    found = (
        f"{len(masks)} masks nearly identical (IoU >= {least:.2f} with their common shape), "
        f"{share:.0%} foreground{', disc-shaped' if disc else ''}, as field-of-view masks are"
    )
    fix = "Put these in regions/, and the drawn truth in masks/ (DRIVE: 1st_manual)."
    return [Finding("H47", "error", tuple(n for n, _ in masks), "masks must show the objects", found, fix)]


def _is_ellipse(shape: np.ndarray) -> bool:
    """Whether a shape fills the ellipse of its own second moments, whose half axes are 2 sigma."""
    if shape.sum() < 20 or shape.all():
        return False
    points = np.argwhere(shape).astype(float)
    centre, spread = points.mean(axis=0), np.cov(points.T)
    if np.linalg.det(spread) < 1e-6:
        return False
    away = np.indices(shape.shape).reshape(2, -1).T - centre
    distance = np.einsum("pi,ij,pj->p", away, np.linalg.inv(spread), away)
    ellipse = (distance <= 4).reshape(shape.shape)
    return _iou(ellipse, shape) > 0.94


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def _inverted(masks: Masks) -> list[Finding]:
    shares = np.array([m.foreground for _, m in masks])
    if len(masks) < 5:
        return []
    usual = float(np.median(shares))
    odd = tuple(
        name
        for (name, m), share in zip(masks, shares, strict=True)
        if share < 1 and abs(1 - share - usual) < abs(share - usual) / 2 and m.border > 0.9
    )
    border = float(np.median([m.border for _, m in masks]))
    if not odd or len(odd) > 0.3 * len(masks) or border > 0.2:
        return []
    found = f"{len(odd)} of {len(masks)} masks whose foreground surrounds the rest, unlike the others"
    fix = "Check whether foreground and background are exchanged there."
    return [Finding("H50", "warning", odd, "masks must use one coding", found, fix)]


def _unlabelled(labels: Masks, declaration: Declaration) -> list[Finding]:
    full = [(name, m) for name, m in labels if IGNORE not in m.classes]
    if not full:
        return []
    names = tuple(name for name, _ in full)
    if declaration.codes is None or len(full) == len(labels):
        fix = "A full mask belongs in masks/; otherwise declare the code of unlabelled pixels."
        must = "a label map must leave pixels unlabelled"
        return [Finding("H52", "error", names, must, "a label for every pixel", fix)]
    table = "; ".join(f"{name}: {', '.join(spell(v) for v in m.values)}" for name, m in full[:5])
    fix = "Export these label maps with the declared code for unlabelled."
    found = f"no unlabelled pixel in {len(full)} of {len(labels)} ({table})"
    return [Finding("H53", "error", names, "label maps must use one code for unlabelled", found, fix)]


def _swapped_labels(labels: Masks) -> list[Finding]:
    contrasts = np.array([m.contrast for _, m in labels])
    clear = np.isfinite(contrasts) & (np.abs(np.nan_to_num(contrasts)) > 0.05)
    if clear.sum() < 5:
        return []
    sign = np.sign(np.median(contrasts[clear]))
    odd = [labels[i][0] for i in np.flatnonzero(clear & (np.sign(contrasts) == -sign))]
    if not odd or len(odd) > 0.2 * clear.sum():
        return []
    usual = "brighter" if sign > 0 else "darker"
    found = (
        f"{len(odd)} of {len(labels)} where the foreground is not {usual} than the background, as elsewhere"
    )
    fix = "Check whether the codes of foreground and background are exchanged there."
    return [Finding("H54", "warning", tuple(odd), "label maps must use one coding", found, fix)]
