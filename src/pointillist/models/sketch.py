"""The sketch of a network: every feature map as a box, as tall as the map and as wide as its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from pointillist.models.model import LayerSize
from pointillist.models.trace import activation_megabytes, count_parameters

Picture = UInt8[np.ndarray, "h w 3"]
Colour = tuple[int, int, int]

# By the first words of the operation.
COLOURS: dict[str, Colour] = {
    "pad": (176, 183, 191),
    "conv 3x3": (72, 126, 190),
    "max-pool": (226, 138, 60),
    "transposed conv": (76, 160, 108),
    "join": (160, 194, 230),
    "conv 1x1": (142, 98, 176),
}
OTHER: Colour = (120, 120, 120)
INK: Colour = (38, 43, 51)
FAINT: Colour = (112, 120, 130)

MARGIN, HEADER, LEGEND, LEGEND_GAP = 40, 60, 64, 56
TALLEST, SMALLEST = 210.0, 7.0
BOX_GAP, GROUP_GAP, ROW_GAP = 24, 30, 92
NUMBER, LABEL, TITLE = 14, 16, 22
FINE = 2  # Pillow's lines have no soft edges: draw twice as large, then shrink.


@dataclass
class _Box:
    """One feature map on the picture."""

    layer: LayerSize
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass
class _Group:
    """Neighbouring maps of one level under one label."""

    boxes: list[_Box]
    left: float
    width: float
    rising: bool


def draw_model(layers: Sequence[LayerSize]) -> Picture:
    """Draw a network from its layers, as `pointillist.models.trace.trace` gives them.

    Going down a level is drawn downwards, so that a U-Net is a U; skips run across it. Heights follow the
    feature maps' rows, widths the square root of their channels.

    Args:
        layers: at least one, in the order of the computation.

    >>> from pointillist.models import Unet
    >>> draw_model(Unet(widths=(4, 8)).layers(channels=3, num_classes=2, height=32, width=48)).shape[2]
    3
    """
    groups = _arrange(layers)
    legend = _legend(layers)
    right = max(
        groups[-1].left + groups[-1].width,
        sum(_text_width(operation, LABEL) + LEGEND_GAP for operation in legend),
        MARGIN + _text_width(_title(layers), TITLE),
    )
    bottom = max(box.bottom for group in groups for box in group.boxes) + 3 * LABEL
    pen = _Pen(round(right + MARGIN), round(bottom + LEGEND))
    pen.text(MARGIN, MARGIN, _title(layers), TITLE, INK, "lm")
    pen.text(MARGIN, MARGIN + 28, _costs(layers), LABEL, FAINT, "lm")
    _draw_arrows(pen, groups)
    for group in groups:
        _draw_group(pen, group)
    _draw_legend(pen, legend, bottom + LEGEND / 2)
    return pen.picture()


class _Pen:
    """Draws in the final picture's pixels on a finer canvas."""

    def __init__(self, width: int, height: int) -> None:
        self.canvas = Image.new("RGB", (width * FINE, height * FINE), "white")
        self.draw = ImageDraw.Draw(self.canvas)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        corners = (left * FINE, top * FINE, right * FINE, bottom * FINE)
        self.draw.rectangle(corners, fill=colour, outline=_shade(colour), width=FINE)

    def arrow(self, path: Sequence[tuple[float, float]], colour: Colour, width: float = 2) -> None:
        """Draw a line with a head at its end; its last piece runs along an axis."""
        fine = [(x * FINE, y * FINE) for x, y in path]
        (x0, y0), (x1, y1) = fine[-2], fine[-1]
        dx, dy = float(np.sign(x1 - x0)), float(np.sign(y1 - y0))
        head, half = 8 * FINE, 4 * FINE
        back = (x1 - dx * head, y1 - dy * head)
        self.draw.line([*fine[:-1], back], fill=colour, width=round(width * FINE), joint="curve")
        sides = [(back[0] + s * dy * half, back[1] + s * dx * half) for s in (-1, 1)]
        self.draw.polygon([(x1, y1), *sides], fill=colour)

    def text(self, x: float, y: float, text: str, size: int, colour: Colour, anchor: str) -> None:
        font = ImageFont.load_default(size=size * FINE)
        self.draw.text((x * FINE, y * FINE), text, fill=colour, font=font, anchor=anchor)

    def picture(self) -> Picture:
        size = (self.canvas.width // FINE, self.canvas.height // FINE)
        return np.array(self.canvas.resize(size, Image.Resampling.BOX))


def _arrange(layers: Sequence[LayerSize]) -> list[_Group]:
    shown = _shown(layers)
    scale = TALLEST / max(layer.height for layer in shown)
    tops: dict[int, float] = {}
    top: float = HEADER + 3 * LABEL + 30
    for rows in sorted({layer.height for layer in shown}, reverse=True):
        tops[rows] = top
        top += max(SMALLEST, scale * rows) + ROW_GAP
    groups: list[_Group] = []
    left: float = MARGIN
    rising, before = False, shown[0].height
    for _, run in groupby(shown, key=lambda layer: layer.name.rpartition(".")[0] or layer.name):
        boxes: list[_Box] = []
        x = left
        for layer in run:
            width, height = 5 + 2.2 * layer.channels**0.5, max(SMALLEST, scale * layer.height)
            boxes.append(_Box(layer, x, tops[layer.height], width, height))
            x = boxes[-1].right + BOX_GAP
            rising, before = rising or layer.height > before, layer.height
        drawn = boxes[-1].right - left
        room = max(drawn, _text_width(_size(boxes[-1].layer), LABEL))
        for box in boxes:
            box.left += (room - drawn) / 2
        groups.append(_Group(boxes, left, room, rising))
        left += room + GROUP_GAP
    return groups


def _shown(layers: Sequence[LayerSize]) -> list[LayerSize]:
    # A map that is joined at once is a part of the joined box; the cropped size stands in the title.
    return [
        layer
        for layer, following in zip(layers, [*layers[1:], None], strict=True)
        if layer.operation != "crop" and not (following and _joins(following))
    ]


def _draw_arrows(pen: _Pen, groups: Sequence[_Group]) -> None:
    boxes = [box for group in groups for box in group.boxes]
    for before, after in pairwise(boxes):
        tall = after.layer.height
        if tall == before.layer.height:
            y = before.top + before.height / 2
            pen.arrow([(before.right + 3, y), (after.left - 2, y)], FAINT, 1.5)
            continue
        falling = tall < before.layer.height
        # Above the middle the skip leaves, so going down leaves below it.
        y = before.top + before.height * (0.7 if falling else 0.5)
        x = after.left + after.width * (0.75 if _joins(after.layer) else 0.5)
        colour = COLOURS["max-pool"] if falling else COLOURS["transposed conv"]
        pen.arrow(
            [(before.right + 3, y), (x, y), (x, after.top - 3 if falling else after.bottom + 3)], colour
        )
    for place, box in enumerate(boxes):
        if _joins(box.layer):
            source = next(b for b in reversed(boxes[:place]) if b.layer.height == box.layer.height)
            y = box.top + box.height * 0.3
            pen.arrow([(source.right + 3, y), (box.left - 2, y)], _shade(COLOURS["join"]))


def _draw_group(pen: _Pen, group: _Group) -> None:
    for box in group.boxes:
        pen.box(box.left, box.top, box.right, box.bottom, _colour(box.layer.operation))
        if _joins(box.layer):
            middle = box.left + box.width / 2
            pen.box(middle, box.top, box.right, box.bottom, COLOURS["transposed conv"])
        # Arrows arrive from above on the way down and from below on the way up: write on the other side.
        y = box.top - 6 if group.rising else box.bottom + 6
        anchor = "md" if group.rising else "ma"
        pen.text(box.left + box.width / 2, y, str(box.layer.channels), NUMBER, FAINT, anchor)
    edge = group.boxes[0].top - 28 if group.rising else group.boxes[0].bottom + 28
    middle = group.left + group.width / 2
    pen.text(middle, edge, _size(group.boxes[-1].layer), LABEL, INK, "md" if group.rising else "ma")


def _draw_legend(pen: _Pen, legend: Sequence[str], y: float) -> None:
    x: float = MARGIN
    for operation in legend:
        pen.box(x, y - 7, x + 14, y + 7, _colour(operation))
        pen.text(x + 22, y, operation, LABEL, INK, "lm")
        x += _text_width(operation, LABEL) + LEGEND_GAP


def _legend(layers: Sequence[LayerSize]) -> list[str]:
    return [o for o in dict.fromkeys(layer.operation for layer in layers) if o != "crop"]


def _title(layers: Sequence[LayerSize]) -> str:
    image, inside, logits = layers[-1], layers[0], layers[-1]
    title = f"image {inside.channels} x {image.height} x {image.width}"
    if (image.height, image.width) != (inside.height, inside.width):
        title += f", padded to {inside.height} x {inside.width} inside"
    return f"{title}; logits {_size(logits)}"


def _costs(layers: Sequence[LayerSize]) -> str:
    megabytes = activation_megabytes(layers)
    return f"{count_parameters(layers):,} parameters; {megabytes:,.1f} MB of float32 per image in training"


def _size(layer: LayerSize) -> str:
    return f"{layer.channels} x {layer.height} x {layer.width}"


def _joins(layer: LayerSize) -> bool:
    return layer.operation.startswith("join")


def _colour(operation: str) -> Colour:
    return next((colour for start, colour in COLOURS.items() if operation.startswith(start)), OTHER)


def _shade(colour: Colour) -> Colour:
    return (colour[0] * 3 // 4, colour[1] * 3 // 4, colour[2] * 3 // 4)


def _text_width(text: str, size: int) -> float:
    # As drawn: on the finer canvas.
    return ImageFont.load_default(size=size * FINE).getlength(text) / FINE
