"""What people do on an image, as events that are only ever added to; what is on it follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pointillist.core.marks import Mark

# Made by the browser: whatever is sent twice is known again by it.
Identifier = Annotated[str, Field(pattern="^[0-9a-fA-F-]{16,64}$")]
Sequence = Annotated[int, Field(ge=0, lt=1 << 53, strict=True)]


_Pixels = Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)]
_Place = Annotated[float, Field(ge=-1e9, le=1e9, strict=True, allow_inf_nan=False)]
_Ratio = Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)]


class View(BaseModel):
    """What was on the screen when a mark was finished: what a mark in a wrong place is put right by.

    A pixel of the image at (row, col) was seen at ``origin + scale * (col + 0.5, row + 0.5)``.

    Args:
        viewport: width and height of the window onto the image, in CSS pixels.
        density: the screen's pixels to a CSS pixel; a browser's zoom is in it.
        scale: CSS pixels to a pixel of the image.
        origin: (x, y) of the image's upper left corner in the window, in CSS pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    viewport: tuple[_Pixels, _Pixels]
    density: _Ratio
    scale: _Ratio
    origin: tuple[_Place, _Place]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    sequence: Sequence
    view: View | None = Field(default=None, exclude=True)
    """Kept beside the event, which is the same without."""


class Add(_Event):
    """Someone drew a mark.

    Args:
        id: of the event, and of the mark.
        sequence: counts the events of one client.
        mark: what was drawn, in pixels of the image.
        called: the name of its class on the page, which may be older than the project's classes.
        file: SHA-256 of the image's file that the page showed; it may have been replaced since.
    """

    kind: Literal["add"] = "add"
    mark: Mark
    called: str | None = Field(default=None, exclude=True)
    file: Identifier | None = Field(default=None, exclude=True)


class _OnMark(_Event):
    of: Identifier
    """The event that added the mark."""


class Undo(_OnMark):
    """Someone took a mark back."""

    kind: Literal["undo"] = "undo"


class Redo(_OnMark):
    """Someone put a mark back that had been taken."""

    kind: Literal["redo"] = "redo"


Event = Annotated[Add | Undo | Redo, Field(discriminator="kind")]
EVENT: TypeAdapter[Add | Undo | Redo] = TypeAdapter(Event)
"""Reads an event as it is stored."""


def target(event: Add | Undo | Redo) -> str:
    """Name the mark that an event is about.

    >>> target(Undo(id="0" * 16, sequence=1, of="1" * 16))
    '1111111111111111'
    """
    return event.id if isinstance(event, Add) else event.of


@dataclass(frozen=True)
class OnImage:
    """What is on an image after some events.

    Args:
        marks: by their ids, in the order in which they were drawn.
        undone: likewise, in the order in which they were taken back.
    """

    marks: dict[str, Mark]
    undone: dict[str, Mark]


def replay(events: Iterable[Add | Undo | Redo]) -> OnImage:
    """Apply events in their order.

    A mark that is put back takes its old place, so that later marks still win over it. To take back what has
    been taken back, or put back what is there, changes nothing.
    """
    drawn: dict[str, Mark] = {}
    undone: dict[str, None] = {}
    for event in events:
        if isinstance(event, Add):
            drawn[event.id] = event.mark
        elif isinstance(event, Redo):
            undone.pop(event.of, None)
        elif event.of in drawn:
            undone.setdefault(event.of)
    there = {name: mark for name, mark in drawn.items() if name not in undone}
    return OnImage(there, {name: drawn[name] for name in undone})
