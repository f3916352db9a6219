"""What a page is told when something is wrong: in words, and nothing of the machine."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.web.commit import RefusedError
from pointillist.web.pictures import in_words
from pointillist.web.project import UnknownImageError

LOG = logging.getLogger(__name__)
FULL = "the disk is full: free some space"


def answer_errors(app: FastAPI) -> None:
    """Answer every kind of error with its status and a sentence."""

    def answers(status: int, words: Callable[[Any], str]) -> Callable[[Request, Any], Awaitable[Response]]:
        async def answer(_: Request, error: Any) -> Response:
            return JSONResponse({"error": words(error)}, status)

        return answer

    app.add_exception_handler(UnknownImageError, answers(404, lambda _: "the project has no such image"))
    app.add_exception_handler(RequestValidationError, answers(422, _first_wrong))
    app.add_exception_handler(RefusedError, answers(422, str))
    app.add_exception_handler(InputError, answers(409, in_words))

    async def answer_http(_: Request, error: Any) -> Response:
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    app.add_exception_handler(HTTPException, answer_http)
    # The disk is full, or the store is gone: the page keeps what it has and tries again.
    app.add_exception_handler(sqlite3.Error, answers(503, _not_stored))
    app.add_exception_handler(OSError, answers(503, _not_written))


def reason(error: Exception) -> str:
    """Say why something could not be done, and name the file at fault, but not where it lies."""
    if isinstance(error, InputError):
        return f"{error.file.name}: {in_words(error)}" if error.file is not None else in_words(error)
    if isinstance(error, sqlite3.Error):
        return _not_stored(error)
    if isinstance(error, OSError):
        return _not_written(error)
    LOG.error("The annotator failed.", exc_info=error)
    return "the server failed, and says in its terminal how"


def _not_stored(error: sqlite3.Error) -> str:
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return FULL if full else "the store can't be written now"


def _not_written(error: OSError) -> str:
    if durable.disk_is_full(error):
        return FULL
    # Not the whole message: it may name a path of this machine.
    return f"the server can't read or write a file: {error.strerror or 'the disk failed'}"


def _first_wrong(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    what = first["msg"].removeprefix("Value error, ")
    return f"{where or 'the body'}: {what[0].lower()}{what[1:]}"


def with_reasons(skipped: Mapping[str, str]) -> list[dict[str, str]]:
    """List what is skipped, by name, and why."""
    return [{"name": name, "why": why} for name, why in skipped.items()]
