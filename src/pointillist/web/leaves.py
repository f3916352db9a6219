"""The rows of a damaged store whose pages are whole, though no other page leads to them any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pointillist.core import durable
from pointillist.web.schema import connect, prepare

ROWS = 13
"""The first byte of a page that holds rows of a table."""
_COUNT = slice(28, 32)
"""Where the first page says how many pages there are."""


def event_rows(damaged: Path) -> Iterator[dict[str, Any]]:
    """Read every whole page of rows as if it were all there is of the table of events.

    A file that is sound except for its first page, or the one from which the events' others hang, gives all
    of them. Rows of other tables come along, and so may some twice: it is for the reader to tell them apart.

    Each page is read by SQLite itself, in the place of an empty store's page of events.

    Args:
        damaged: stays as it is. What its log holds is not seen.
    """
    with TemporaryDirectory(dir=damaged.absolute().parent, prefix=".leaves-") as scratch:
        twin = Path(scratch) / damaged.name
        first, root, size = _empty(twin)
        pages = damaged.read_bytes()
        # A file that was cut may be shorter than an empty store, whose pages SQLite looks for.
        pages += bytes(max(0, twin.stat().st_size - len(pages)))
        count = len(pages) // size
        header = bytearray(first)
        header[_COUNT] = count.to_bytes(4, "big")
        durable.write_bytes(twin, bytes(header) + pages[size : size * count])
        for at in range(size, size * count, size):
            if pages[at] == ROWS:
                yield from _read(twin, pages[at : at + size], root * size)


def _empty(path: Path) -> tuple[bytes, int, int]:
    """Make an empty store; give its first page, the place of its page of events, and a page's size."""
    prepare(path)
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
    return path.read_bytes()[:size], root - 1, size


def _read(twin: Path, page: bytes, place: int) -> Iterator[dict[str, Any]]:
    """Read one page's rows: opened anew, SQLite remembers no other page in its place."""
    with twin.open("r+b") as file:
        file.seek(place)
        file.write(page)
    opened = sqlite3.connect(f"{twin.as_uri()}?mode=ro", uri=True)
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError), closing(opened) as connection:
        cursor = connection.execute("SELECT * FROM events NOT INDEXED")
        names = [column[0] for column in cursor.description]
        for values in cursor:
            yield dict(zip(names, values, strict=True))
