"""Long lists as JSON, sent in parts: 200,000 images at once would take 200 MB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from fastapi.responses import StreamingResponse

AT_ONCE = 1000
"""Items that are written before the first of them is sent."""


def listed(name: str, items: Iterable[Mapping[str, Any]], others: Mapping[str, Any]) -> StreamingResponse:
    """Answer with an object that holds a long list.

    Args:
        name: of the list's field.
        items: of the list; asked for as they are sent.
        others: the other fields, which come first.
    """
    return StreamingResponse(_parts(name, items, others), media_type="application/json")


def _parts(name: str, items: Iterable[Mapping[str, Any]], others: Mapping[str, Any]) -> Iterator[bytes]:
    # Of the object without the list the last brace is cut off, of a part of the list both brackets.
    yield _json({**others, name: []})[:-2]
    rest, comma = iter(items), b""
    while some := list(islice(rest, AT_ONCE)):
        yield comma + _json(some)[1:-1]
        comma = b","
    yield b"]}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
