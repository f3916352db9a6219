"""Pictures for people: images, annotations, overlays and label maps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from pointillist.core import durable
from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Dense, ExtremePoints, Points, Scribble
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE, ImageArray, MaskArray
from pointillist.data.pen import (
    draw_mark,
    noted,
    say_mark,
)

Picture: TypeAlias = UInt8[np.ndarray, "rows cols 3"]
Colours: TypeAlias = Sequence[tuple[int, int, int]]
VOID = (127, 127, 127)
"""Colour of unlabelled pixels in a picture of a label map."""
FILL = 0.38
"""How much of a class's colour an overlay lays over the image."""
LOWEST = 240
"""Pictures of a panel are enlarged to this many rows at least, by a whole factor."""
ROWS = 128
"""Drawn at a time, so that a large image needs hardly more memory than its picture."""


def panel_scale(height: int) -> int:
    """Say by what whole factor to draw an image so that it is large enough for a panel.

    >>> panel_scale(144), panel_scale(576)
    (2, 1)
    """
    return max(1, -(-LOWEST // height))


def draw_image(image: ImageArray, scale: int = 1) -> Picture:
    """Draw an image in RGB: one channel as grey, of more than three the first three.

    Args:
        image: values outside 0..1 are cut off.
        scale: how many times larger to draw.
    """
    channels = image[:3] if len(image) >= 3 else image[:1]
    levels = np.empty((*image.shape[1:], 3), np.uint8)
    for top in range(0, len(levels), ROWS):
        rows = np.nan_to_num(channels[:, top : top + ROWS])
        levels[top : top + ROWS] = np.rint(np.clip(rows, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    if scale == 1:
        return levels
    picture = Image.fromarray(levels)
    size = (picture.width * scale, picture.height * scale)
    return np.array(picture.resize(size, Image.Resampling.BICUBIC))


def draw_label_map(labels: MaskArray, colours: Colours, scale: int = 1) -> Picture:
    """Draw each class in its colour, and unlabelled pixels in grey.

    >>> draw_label_map(np.array([[0, 1, 255]], np.uint8), [(0, 0, 0), (255, 200, 0)])[0].tolist()
    [[0, 0, 0], [255, 200, 0], [127, 127, 127]]

    Raises:
        InputError: a class has no colour.
    """
    table = _table(labels, colours)
    table[IGNORE] = VOID
    picture: Picture = table[enlarged(labels, scale)]
    return picture


def palette_png(labels: MaskArray, colours: Colours, clear: bool = False, compress_level: int = 6) -> bytes:
    """Give a label map as a PNG file that holds its class indices, and shows each in its colour.

    Args:
        labels: which class is where.
        colours: RGB of each class, background first.
        clear: whether the background is transparent.
        compress_level: 0 (quick) to 9 (small).

    Raises:
        InputError: a class has no colour.
    """
    picture = Image.fromarray(labels, mode="P")
    used = max(len(colours), int(labels.max(initial=0)) + 1)
    picture.putpalette(_table(labels, colours)[:used].ravel().tolist())
    buffer = io.BytesIO()
    transparent = {"transparency": 0} if clear else {}
    picture.save(buffer, format="png", compress_level=compress_level, **transparent)
    return buffer.getvalue()


def draw_overlay(image: ImageArray, labels: MaskArray, colours: Colours, scale: int = 1) -> Picture:
    """Lay the foreground over the image: its colours shine through, its outlines are solid.

    The background and unlabelled pixels stay exactly as they are.

    Args:
        image: what lies below.
        labels: which class is where.
        colours: RGB of each class, background first.
        scale: how many times larger to draw.

    Raises:
        InputError: a class has no colour.
    """
    picture, large = draw_image(image, scale), enlarged(labels, scale)
    foreground = (large != 0) & (large != IGNORE)
    outline = foreground & _near_other(large, max(1, round(min(large.shape) / 300)))
    table = _table(labels, colours)
    _shine(picture, large, foreground, table, FILL)
    picture[outline] = table[large[outline]]
    return picture


def draw_annotation(image: ImageArray, annotation: Annotation, colours: Colours, scale: int = 1) -> Picture:
    """Draw what was drawn: marks as strokes, label maps as translucent colour, what was said as text.

    Dots and lines are larger than what they label, so that a person sees them; ``data/pen.py`` says how
    each kind of mark looks.

    Args:
        image: what lies below.
        annotation: its marks, drawn in order; scaled where the image has another size.
        colours: RGB of each class, background first.
        scale: how many times larger to draw.

    Raises:
        InputError: a class has no colour.
    """
    if len(annotation.classes) > len(colours):
        raise _colourless(len(annotation.classes) - 1, colours)
    picture = draw_image(image, scale)
    for dense, marks in groupby(annotation.marks, lambda mark: isinstance(mark, Dense)):
        run = annotation.model_copy(update={"marks": tuple(marks)})
        if dense:
            picture = _tint(picture, to_labels(run, len(picture), picture.shape[1]), colours)
        else:
            picture = _ink(picture, run, colours)
    said = [text for mark in annotation.marks if (text := say_mark(mark, annotation.classes))]
    return noted(picture, ", ".join(said)) if said else picture


def write_picture(path: Path, pixels: Picture) -> None:
    """Write a PNG, durably.

    Raises:
        InputError: the name does not end in .png.
    """
    if path.suffix.lower() != ".png":
        raise InputError("a picture's name must end in .png", path.name, "Rename it.", path)
    with durable.replacing(path) as temporary:
        # A photograph is a tenth larger so, and written in a quarter of the time.
        Image.fromarray(pixels).save(temporary, compress_level=1)


def _colourless(label: int, colours: Colours) -> InputError:
    known = f"{len(colours)} colours"
    return InputError("every class must have a colour", f"class {label} and {known}", "Add its colour.")


def _table(labels: MaskArray, colours: Colours) -> np.ndarray:
    if len(missing := np.setdiff1d(labels, [*range(len(colours)), IGNORE])):
        raise _colourless(int(missing[0]), colours)
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(colours)] = np.array(colours, dtype=np.uint8)
    return table


def enlarged(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Draw each pixel (rows, cols, ...) as a square of so many."""
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _near_other(labels: MaskArray, width: int) -> np.ndarray:
    """Say where another class, or none, lies within so many steps up, down, left or right."""
    near = np.zeros(labels.shape, dtype=bool)
    # Views: what is written through the transposed one lands in the map itself.
    for seen, found in ((labels, near), (labels.T, near.T)):
        for step in range(1, min(width, len(seen) - 1) + 1):
            differ = seen[step:] != seen[:-step]
            found[step:] |= differ
            found[:-step] |= differ
    return near


def _tint(picture: Picture, labels: MaskArray, colours: Colours) -> Picture:
    labelled = labels != IGNORE
    # Single pixels here and there would drown when translucent.
    share = 0.5 if labelled.mean() > 0.2 else 0.9
    tinted = picture.copy()
    _shine(tinted, labels, labelled, _table(labels, colours), share)
    return tinted


def _shine(picture: Picture, labels: MaskArray, where: np.ndarray, table: np.ndarray, share: float) -> None:
    """Mix so much of the labels' colours into a picture, in place, where they are laid over it.

    Of every light and colour the mixture is looked up: numbers for all pixels of a large image at once would
    take gigabytes.
    """
    light, mine = picture[where], labels[where]
    mixed = np.rint(np.arange(256) * (1 - share) + table[:, :, None] * share).astype(np.uint8)
    for channel in range(3):
        light[:, channel] = mixed[mine, channel, light[:, channel]]
    picture[where] = light


def _ink(picture: Picture, annotation: Annotation, colours: Colours) -> Picture:
    height, width = picture.shape[:2]
    # Enlarged by repetition and averaged down again, what no mark covers comes back unchanged.
    fine = 3 if max(height, width) <= 2000 else 1
    sheet = Image.fromarray(enlarged(picture, fine))
    pen = ImageDraw.Draw(sheet)
    stretch = fine * np.array([width / annotation.width, height / annotation.height])
    thick = fine * float(np.clip(min(height, width) / 55, 3.5, 14))
    for mark in annotation.marks:
        if isinstance(mark, Points | Scribble | Box | ExtremePoints):
            draw_mark(pen, mark, stretch, thick, colours[mark.label])
    return np.array(sheet.reduce(fine))
