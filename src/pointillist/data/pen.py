"""The strokes that pictures are made of: marks of every kind, lines of text and framed tiles."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pointillist.core.marks import Box, Centroid, Drawn, ExtremePoints, Mark, Points, Scribble, Size, Tag
from pointillist.data.font import Font, font_at, legible

WHITE, INK, GREY, FRAME = (255, 255, 255), (28, 28, 32), (96, 96, 104), (205, 205, 210)
SMALLEST = 12
"""Of letters, in pixels, that are still read."""


Colour = tuple[int, int, int]


def draw_mark(
    pen: ImageDraw.ImageDraw, mark: Drawn, stretch: np.ndarray, thick: float, colour: Colour
) -> None:
    """Draw one mark.

    Clicks are ringed dots; scribbles are lines, and boxes rectangles, with a white edge; extreme points are
    ringed dots in a thin dashed box.

    Args:
        pen: draws on the sheet.
        mark: what was drawn.
        stretch: the sheet's pixels for one of the annotation's, across and down.
        thick: radius of a dot in the sheet's pixels.
        colour: of the class.
    """
    if isinstance(mark, Points):
        draw_clicks(pen, mark, stretch, thick, colour)
    elif isinstance(mark, Scribble):
        draw_scribble(pen, mark, stretch, thick, colour)
    elif isinstance(mark, Box):
        draw_box(pen, mark, stretch, thick, colour)
    else:
        _draw_dashes(pen, mark, stretch, thick, colour)
        draw_clicks(pen, Points(label=mark.label, at=mark.at), stretch, thick, colour)


def say_mark(mark: Mark, classes: tuple[str, ...]) -> str:
    """Say in a few words what a mark tells that draws nothing; "" for one that is drawn.

    >>> say_mark(Tag(label=1, present=False), ("skin", "lesion"))
    'no lesion'
    """
    if isinstance(mark, Tag):
        return classes[mark.label] if mark.present else f"no {classes[mark.label]}"
    if isinstance(mark, Size):
        return f"{classes[mark.label]} {mark.low:g} to {mark.high:g} px"
    if isinstance(mark, Centroid):
        (top, bottom), (left, right) = mark.rows, mark.cols
        return f"{classes[mark.label]} around row {top:g} to {bottom:g}, col {left:g} to {right:g}"
    return ""


def draw_clicks(
    pen: ImageDraw.ImageDraw, mark: Points, stretch: np.ndarray, thick: float, colour: Colour
) -> None:
    """Draw each click as a ringed dot, and a circle around it where it labels a disc larger than the dot."""
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
    pen: ImageDraw.ImageDraw, mark: Scribble, stretch: np.ndarray, thick: float, colour: Colour
) -> None:
    """Draw a line with a white edge; the arguments are those of ``draw_mark``."""
    at = [((col + 0.5) * stretch[0], (row + 0.5) * stretch[1]) for row, col in mark.path]
    line = max(thick * 0.8, mark.width * float(stretch.mean()))
    for width, ink in ((line + thick * 0.7, WHITE), (line, colour)):
        if len(at) > 1:
            pen.line(at, fill=ink, width=round(width), joint="curve")
        for x, y in (at[0], at[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=ink)


def draw_box(pen: ImageDraw.ImageDraw, mark: Box, stretch: np.ndarray, thick: float, colour: Colour) -> None:
    """Draw a rectangle with a white edge, its middle on the box's sides; see ``draw_mark``."""
    line = max(1, round(thick / 2))
    edge = max(1, round(thick / 5))
    left, right = (side * stretch[0] for side in (mark.left, mark.right))
    top, bottom = (side * stretch[1] for side in (mark.top, mark.bottom))
    for out, width, ink in ((line / 2 + edge, line + 2 * edge, WHITE), (line / 2, line, colour)):
        pen.rectangle((left - out, top - out, right + out - 1, bottom + out - 1), outline=ink, width=width)


def _draw_dashes(
    pen: ImageDraw.ImageDraw, mark: ExtremePoints, stretch: np.ndarray, thick: float, colour: Colour
) -> None:
    at = np.floor(np.array(mark.at) + 0.5)
    (top, left), (bottom, right) = at.min(0) * stretch[::-1], (at.max(0) + 1) * stretch[::-1]
    sheet_corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    line = max(1, round(thick / 4))
    for start, end in zip(sheet_corners, np.roll(sheet_corners, -1, axis=0), strict=True):
        count = max(1, round(float(np.abs(end - start).sum()) / thick))
        for i in range(0, count, 2):
            dash = (*(start + (end - start) * i / count), *(start + (end - start) * (i + 1) / count))
            pen.line(dash, fill=colour, width=line)


def place_tile(sheet: Image.Image, tile: Image.Image, left: int, top: int) -> None:
    """Paste a picture with a thin frame around it."""
    sheet.paste(tile, (left, top))
    box = (left - 1, top - 1, left + tile.width, top + tile.height)
    ImageDraw.Draw(sheet).rectangle(box, outline=FRAME)


@dataclass(frozen=True)
class Lettering:
    """Text that fits into a width, on as many lines as that takes.

    Args:
        lines: of the text.
        font: of all of them.
        leading: from one line to the next, in pixels.
    """

    lines: tuple[str, ...]
    font: Font
    leading: int

    @property
    def more(self) -> int:
        """Pixels that it is higher than one line."""
        return (len(self.lines) - 1) * self.leading

    def write(self, sheet: Image.Image, centre: tuple[float, float], ink: Colour) -> None:
        """Write it, the middle of its first line there."""
        for number, line in enumerate(self.lines):
            at = (centre[0], centre[1] + number * self.leading)
            ImageDraw.Draw(sheet).text(at, line, fill=ink, font=self.font, anchor="mm")


def lettering(text: str, room: int, size: int) -> Lettering:
    """Fit text into so many pixels: smaller where one line would be too long, then on several lines.

    Nothing is cut away: names of many letters often differ in the last alone.
    """
    text, path = legible(" ".join(text.split()))
    while font_at(size, path).getlength(text) > room and size > SMALLEST:
        size -= 1
    font = font_at(size, path)
    return Lettering(tuple(_lines(text, font, room)), font, size + 3)


def _lines(text: str, font: Font, room: int) -> Iterator[str]:
    """Break text between words, and words that are too long wherever the line ends."""
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if font.getlength(joined) <= room:
            line = joined
            continue
        if line:
            yield line
        line = word
        while len(line) > 1 and font.getlength(line) > room:
            fitting = bisect_right(range(1, len(line)), float(room), key=lambda n: font.getlength(line[:n]))
            fitting = max(1, fitting)
            yield line[:fitting]
            line = line[fitting:]
    yield line


def noted(picture: np.ndarray, text: str) -> np.ndarray:
    """Write one small line of text into the lower left corner, readable on any ground."""
    # No more letters than columns, or a long text would be measured letter by letter.
    sheet = Image.fromarray(picture)
    text, path = legible(" ".join(text.split())[: picture.shape[1]])
    size = int(np.clip(sheet.height / 18, 11, 20))
    font, pen = font_at(size, path), ImageDraw.Draw(sheet)
    while pen.textlength(text, font) > sheet.width - size and len(text) > 2:
        text = text[:-2] + "…"
    at = (size / 2, sheet.height - size / 2)
    pen.text(at, text, fill=WHITE, font=font, anchor="ld", stroke_width=2, stroke_fill=INK)
    return np.array(sheet)
