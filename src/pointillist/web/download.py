"""What people take away by their browser, which may be far from the server: all marks, the last export."""

from __future__ import annotations

from collections.abc import Iterator
from io import RawIOBase
from itertools import chain, islice
from pathlib import Path
from zipfile import ZipFile

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

from pointillist.core.text import to_csv
from pointillist.exchange.csv_table import HEADER, rows_of
from pointillist.web.project import Project

AT_ONCE = 200
"""Images whose marks are read before the first of them is sent."""


def add_downloads(app: FastAPI, project: Project) -> None:
    """Add the routes of all marks as a table, and of the last export in one file."""

    @app.get("/api/marks.csv")
    def marks() -> StreamingResponse:
        return _attached(_table(project), "text/csv; charset=utf-8", "marks.csv")

    @app.get("/api/export.zip")
    def exported() -> Response:
        folder = project.home.parent / "export"
        if not folder.is_dir():
            return JSONResponse({"error": "nothing has been exported yet"}, 404)
        return _attached(_zipped(folder), "application/zip", "export.zip")


def _attached(body: Iterator[bytes], kind: str, name: str) -> StreamingResponse:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(body, media_type=kind, headers=headers)


def _table(project: Project) -> Iterator[bytes]:
    """Write the marks on all images, some images at a time: millions of marks need no memory."""
    yield to_csv(HEADER, ()).encode()
    names, classes = chain(project.splits, project.missing), project.data.classes
    while some := list(islice(names, AT_ONCE)):
        rows = chain.from_iterable(
            rows_of(name, classes, project.on_image(name)[0].marks.values()) for name in some
        )
        yield to_csv((), rows).encode()


def _zipped(folder: Path) -> Iterator[bytes]:
    """Put a folder's files into one, each as it comes: nothing is written, and one file at a time is held."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                archive.write(path, path.relative_to(folder.parent))
                yield sink.taken()
    yield sink.taken()


class _Sink(RawIOBase):
    """Takes bytes that are sent on at once, so that nothing can be gone back to."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._bytes += data
        return len(data)

    def taken(self) -> bytes:
        found, self._bytes = bytes(self._bytes), bytearray()
        return found
