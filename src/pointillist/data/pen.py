"""The strokes that pictures are made of: clicks, scribbles, lines of text and framed tiles."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pointillist.core.marks import Points, Scribble

WHITE, INK, GREY, FRAME = (255, 255, 255), (28, 28, 32), (96, 96, 104), (205, 205, 210)


def draw_clicks(
    pen: ImageDraw.ImageDraw, mark: Points, stretch: np.ndarray, thick: float, colour: tuple[int, int, int]
) -> None:
    """Draw each click as a ringed dot, and a circle around it where it labels a disc larger than the dot.

    Args:
        pen: draws on the sheet.
        mark: the clicks.
        stretch: the sheet's pixels for one of the annotation's, across and down.
        thick: radius of a dot in the sheet's pixels.
        colour: of the class.
    """
    dot = thick if len(mark.at) <= 100 else thick * 0.6
    labelled = mark.radius * float(stretch.mean())
    for row, col in mark.at:
        x, y = ((col + 0.5) * stretch[0], (row + 0.5) * stretch[1])
        if labelled > dot:
            box = (x - labelled, y - labelled, x + labelled, y + labelled)
            pen.ellipse(box, outline=colour, width=max(1, round(thick / 4)))
        for radius, ink in ((dot + thick * 0.14, INK), (dot, WHITE), (dot * 0.64, colour)):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def draw_scribble(
    pen: ImageDraw.ImageDraw, mark: Scribble, stretch: np.ndarray, thick: float, colour: tuple[int, int, int]
) -> None:
    """Draw a line with a white edge; the arguments are those of ``draw_clicks``."""
    at = [((col + 0.5) * stretch[0], (row + 0.5) * stretch[1]) for row, col in mark.path]
    line = max(thick * 0.8, mark.width * float(stretch.mean()))
    for width, ink in ((line + thick * 0.7, WHITE), (line, colour)):
        if len(at) > 1:
            pen.line(at, fill=ink, width=round(width), joint="curve")
        for x, y in (at[0], at[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def place_tile(sheet: Image.Image, tile: Image.Image, left: int, top: int) -> None:
    """Paste a picture with a thin frame around it."""
    sheet.paste(tile, (left, top))
    box = (left - 1, top - 1, left + tile.width, top + tile.height)
    ImageDraw.Draw(sheet).rectangle(box, outline=FRAME)


def write_line(
    sheet: Image.Image,
    text: str,
    centre: tuple[float, float],
    room: int,
    size: int,
    ink: tuple[int, int, int],
) -> None:
    """Write one line, smaller or shortened where it would not fit."""
    pen, text = ImageDraw.Draw(sheet), " ".join(text.split())
    while pen.textlength(text, ImageFont.load_default(size)) > room and size > 12:
        size -= 1
    font = ImageFont.load_default(size)
    while pen.textlength(text, font) > room and len(text) > 2:
        text = text[:-2] + "…"
    pen.text(centre, text, fill=ink, font=font, anchor="mm")
