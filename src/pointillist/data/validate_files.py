"""The look at single files: each is read once, and only a few hundred bytes of it are kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pointillist.core.annotation import check_fits, in_classes, read_annotation
from pointillist.core.contradiction import contradictions
from pointillist.core.errors import InputError, InputErrors
from pointillist.core.marks import Dense, Points, Scribble, classes_of
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.container import open_regular
from pointillist.data.declaration import Declaration
from pointillist.data.decode import Decoded, read_pixels, to_image
from pointillist.data.item import Item
from pointillist.data.mask import Codes, distinct, file_values, to_mask
from pointillist.data.pairing import check_same_size
from pointillist.data.validate_finding import Finding, finding_of, relative

SIDE = 32
"""Side of the thumbnails by which images and masks are compared."""
FEW = 8
_ROWS = {"named": "H06", "EXIF": "H27", "pictures": "H15", "profile": "H28"}


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What is kept of an image: the file's hash, a grey thumbnail, whether its values are few."""

    sha256: str
    thumbnail: np.ndarray | None
    few_values: bool


@dataclass(frozen=True, eq=False)
class MaskFacts:
    """What is kept of a mask or a label map.

    Args:
        sha256: of the file.
        values: the file's own values when they are few; empty when many.
        one_bit: the file can hold nothing but 0 and 1.
        background: share of the pixels of class 0.
        foreground: share of the pixels of classes >= 1.
        classes: the class indices that occur, IGNORE among them where it does.
        border: share of foreground on the image's outermost pixels.
        inside: packed bits of the foreground at SIDE x SIDE; unset for a label map.
        contrast: mean grey of the labelled foreground less that of the labelled background; NaN without both.
    """

    sha256: str
    values: tuple[int, ...]
    one_bit: bool
    background: float
    foreground: float
    classes: frozenset[int]
    border: float
    inside: np.ndarray
    contrast: float


@dataclass(frozen=True, eq=False)
class ItemFacts:
    """What is kept of one item; None for what is not there or cannot be read."""

    item: Item
    image: ImageFacts | None
    mask: MaskFacts | None
    labels: MaskFacts | None
    drawn: frozenset[int] = frozenset()


def inspect(
    item: Item, declaration: Declaration, root: Path, keep_thumbnail: bool = True
) -> tuple[ItemFacts, list[Finding]]:
    """Read every file of an item once."""
    findings: list[Finding] = []
    image, facts = None, None
    try:
        decoded = read_pixels(item.image)
        findings += _warnings(decoded, item.image, root)
        image = to_image(decoded, item.image, declaration.value_range)
        if declaration.channels == 1 and image.shape[0] == 3:
            fix = "Save it as grey, or declare channels: 3."
            must = "an image must have the declared 1 channel"
            findings.append(Finding("H24", "error", (relative(item.image, root),), must, "3 channels", fix))
        thumbnail = _thumbnail(image) if keep_thumbnail else None
        facts = ImageFacts(_sha256(item.image), thumbnail, _has_few_values(decoded))
    except InputError as error:
        findings.append(finding_of(error, root))
    drawn: dict[str, MaskFacts | None] = {}
    for kind, path, codes in (
        ("mask", item.mask, declaration.mask_codes()),
        ("labels", item.labels, declaration.label_codes()),
        ("region", item.region, {0: 0, 1: 1, 255: 1}),
    ):
        try:
            drawn[kind] = None if path is None else _look(path, codes, image, item.image)
        except InputError as error:
            findings.append(finding_of(error, root))
            drawn[kind] = None
    classes, problems = _annotated(item, declaration, image, root)
    return ItemFacts(item, facts, drawn["mask"], drawn["labels"], classes), findings + problems


def _annotated(
    item: Item, declaration: Declaration, image: ImageArray | None, root: Path
) -> tuple[frozenset[int], list[Finding]]:
    if item.annotation is None:
        return frozenset(), []
    try:
        annotation = read_annotation(item.annotation)
        annotation = in_classes(annotation, declaration.classes, declaration.renamed)
    except InputErrors as errors:
        return frozenset(), [finding_of(error, root, "H69") for error in errors.errors]
    except InputError as error:
        return frozenset(), [finding_of(error, root, "H69")]
    if image is not None:
        try:
            check_fits(annotation, item.name, declaration.classes, [image.shape[1:]], item.annotation)
        except InputError as error:
            return frozenset(), [finding_of(error, root, "H69")]
    classes = frozenset[int]().union(*(classes_of(mark) for mark in annotation.marks))
    if any(not isinstance(mark, Points | Scribble | Dense) for mark in annotation.marks):
        classes |= {0}  # Around boxes is background; and nobody says in tags or sizes that there is some.
    must = "marks must not contradict each other"
    fix = "Draw it again; where marks overlap, the later one wins."
    files = (relative(item.annotation, root),)
    found = [Finding("H71", "warning", files, must, text, fix) for text in contradictions(annotation)]
    return classes, found


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.sha256(file.read()).hexdigest()


def _warnings(decoded: Decoded, path: Path, root: Path) -> list[Finding]:
    must, fix = "an image must be plain", "Nothing to do if this is meant; otherwise export it again."
    return [
        Finding(
            next((row for word, row in _ROWS.items() if word in text), "H10"),
            "warning",
            (relative(path, root),),
            must,
            text,
            fix,
        )
        for text in decoded.warnings
    ]


def _thumbnail(image: ImageArray) -> np.ndarray:
    grey = Image.fromarray(np.ascontiguousarray(image.mean(axis=0)))
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)


def _has_few_values(decoded: Decoded) -> bool:
    return len(np.unique(decoded.pixels[::4, ::4])) <= FEW  # A sixteenth tells, sixteen times faster.


def _look(path: Path, codes: Codes, image: ImageArray | None, image_file: Path) -> MaskFacts:
    decoded = read_pixels(path)
    mask = to_mask(decoded, codes, path)
    if image is not None:
        check_same_size((image.shape[1], image.shape[2]), mask, image_file, path)
    values = distinct(file_values(decoded, path))
    foreground = (mask > 0) & (mask != IGNORE)
    edge = np.concatenate([foreground[0], foreground[-1], foreground[:, 0], foreground[:, -1]])
    rows, cols = ((np.arange(SIDE) * 2 + 1) * n // (2 * SIDE) for n in mask.shape)
    return MaskFacts(
        sha256=_sha256(path),
        values=tuple(values.tolist()) if len(values) <= FEW else (),
        one_bit=decoded.mode == "1",
        background=float((mask == 0).mean()),
        foreground=float(foreground.mean()),
        classes=frozenset(np.flatnonzero(np.bincount(mask.ravel())).tolist()),
        border=float(edge.mean()),
        inside=np.packbits(foreground[rows[:, None], cols[None, :]]),
        contrast=_contrast(mask, foreground, image),
    )


def _contrast(mask: MaskArray, foreground: np.ndarray, image: ImageArray | None) -> float:
    background = mask == 0
    if image is None or not foreground.any() or not background.any():
        return float("nan")
    grey = image.mean(axis=0)
    return float(grey[foreground].mean() - grey[background].mean())
