"""Pictures set together for people: panels side by side, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.core.shapes import ImageArray, MaskArray
from pointillist.data.draw import (
    Colours,
    Picture,
    draw_annotation,
    draw_image,
    draw_overlay,
    enlarged,
    panel_scale,
)
from pointillist.data.pen import GREY, INK, WHITE, Lettering, lettering, place_tile

HIGHEST = 720
"""Pictures of a panel are reduced to this many rows at most, by a whole factor."""
MARGIN, GAP = 20, 14


def draw_row(
    image: ImageArray, annotation: Annotation, prediction: MaskArray, truth: MaskArray, colours: Colours
) -> list[Picture]:
    """Give the four pictures that tell a result: image, what was drawn, prediction, truth; panel-sized."""
    scale = panel_scale(image.shape[1])
    return [
        draw_image(image, scale),
        draw_annotation(image, annotation, colours, scale),
        draw_overlay(image, prediction, colours, scale),
        draw_overlay(image, truth, colours, scale),
    ]


def panels(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str], captions: Sequence[Sequence[str]] = ()
) -> Picture:
    """Set pictures in a table on white: a title above each column, a caption beneath each picture.

    Args:
        rows: pictures, uint8 (H, W, 3) of any sizes, the same number in each row; small ones are enlarged
            by a whole factor.
        titles: one for each column, or none.
        captions: one for each picture, "" for none; or none at all.

    Raises:
        InputError: rows of different lengths, or not one title a column or one caption a picture.
    """
    _check_table(rows, titles, captions)
    tiles = [[_fitted(picture) for picture in row] for row in rows]
    columns = len(tiles[0])
    widths = [max(row[i].width for row in tiles) for i in range(columns)]
    heights = [max(tile.height for tile in row) for row in tiles]
    heads = [lettering(title, width, 21) for title, width in zip(titles, widths, strict=bool(titles))]
    notes = [[lettering(*told, 17) for told in zip(row, widths, strict=True)] for row in captions]
    above = 34 + _more(heads) if heads else 0
    beneath = [32 + _more(row) for row in notes] or [0] * len(tiles)
    size = (
        2 * MARGIN + sum(widths) + GAP * (columns - 1),
        2 * MARGIN + above + sum(heights) + sum(beneath) + GAP * (len(rows) - 1),
    )
    sheet = Image.new("RGB", size, WHITE)
    lefts = [MARGIN + sum(widths[:i]) + GAP * i for i in range(columns)]
    for head, left, width in zip(heads, lefts, widths, strict=bool(heads)):
        # The last line of each is next to the pictures.
        head.write(sheet, (left + width / 2, MARGIN + 11 + _more(heads) - head.more), INK)
    top = MARGIN + above
    for i, row in enumerate(tiles):
        for j, tile in enumerate(row):
            place_tile(sheet, tile, lefts[j] + (widths[j] - tile.width) // 2, top)
            if notes:
                notes[i][j].write(sheet, (lefts[j] + widths[j] / 2, top + heights[i] + 17), GREY)
        top += heights[i] + beneath[i] + GAP
    return np.array(sheet)


def contact_sheet(samples: Sequence[Sample], colours: Colours, columns: int = 6) -> Picture:
    """Show many samples small, each with its truth (or what was drawn) over it and its name beneath.

    Raises:
        InputError: there is no sample.
    """
    if not samples:
        raise InputError("a contact sheet must have samples", "none", "Choose a split that is not empty.")
    side = 200
    columns = min(columns, len(samples))
    tiles = [_thumbnail(sample, colours, side) for sample in samples]
    lines = [range(at, min(at + columns, len(tiles))) for at in range(0, len(tiles), columns)]
    heights = [max(tiles[i].height for i in line) for line in lines]
    names = [lettering(sample.name, side, 14) for sample in samples]
    beneath = [26 + _more([names[i] for i in line]) for line in lines]
    size = (
        2 * MARGIN + columns * (side + GAP) - GAP,
        2 * MARGIN + sum(heights) + sum(beneath) + (len(lines) - 1) * GAP,
    )
    sheet = Image.new("RGB", size, WHITE)
    top = MARGIN
    for line, tall, below in zip(lines, heights, beneath, strict=True):
        for place, i in enumerate(line):
            left = MARGIN + place * (side + GAP)
            place_tile(
                sheet, tiles[i], left + (side - tiles[i].width) // 2, top + (tall - tiles[i].height) // 2
            )
            names[i].write(sheet, (left + side / 2, top + tall + 14), GREY)
        top += tall + below + GAP
    return np.array(sheet)


def _more(texts: Sequence[Lettering]) -> int:
    """Pixels that the highest of these is higher than one line."""
    return max(text.more for text in texts)


def _check_table(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str], captions: Sequence[Sequence[str]]
) -> None:
    columns = len(rows[0]) if rows else 0
    lengths = {len(row) for row in rows}
    if not columns or lengths != {columns} or len(titles) not in (0, columns):
        found = f"rows of {sorted(lengths)} and {len(titles)} titles"
        raise InputError("panels must be rows of one length with a title a column", found, "Fill the gaps.")
    if captions and [len(row) for row in captions] != [columns] * len(rows):
        raise InputError("captions must be one a picture", f"{captions}", 'Say "" where there is none.')


def _fitted(picture: Picture) -> Image.Image:
    scale = panel_scale(len(picture))
    tile = Image.fromarray(enlarged(picture, scale))
    return tile.reduce(-(-tile.height // HIGHEST)) if tile.height > HIGHEST else tile


def _thumbnail(sample: Sample, colours: Colours, side: int) -> Image.Image:
    scale = panel_scale(sample.height)
    if sample.mask is None and sample.annotation is not None:
        picture = draw_annotation(sample.image, sample.annotation, colours, scale)
    else:
        picture = draw_overlay(sample.image, sample.truth(), colours, scale)
    tile = Image.fromarray(picture)
    tile.thumbnail((side, side), Image.Resampling.LANCZOS)
    return tile
