"""The answer of what takes long, sent so that nobody on the way takes the server for gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import JSONResponse, Response, StreamingResponse

from pointillist.web.answers import reason

STILL_HERE_S = 15.0


async def spaced(answer: asyncio.Future[dict[str, Any]]) -> Response:
    """Answer as usual what is there soon; else with a space now and then until it is, which JSON allows.

    Proxies and browsers give up where no byte has come for a minute or some. With the first byte the status
    is sent: what goes wrong from then on is said as ``error`` in the answer.
    """
    if await _there(answer):
        return JSONResponse(answer.result())
    return StreamingResponse(_spaced(answer), media_type="application/json")


async def _spaced(answer: asyncio.Future[dict[str, Any]]) -> AsyncIterator[str]:
    yield " "
    while not await _there(answer):
        yield " "
    try:
        told = answer.result()
    except Exception as error:  # Whatever it is, no status can tell any more that the answer is none.
        told = {"error": reason(error)}
    yield json.dumps(told)


async def _there(answer: asyncio.Future[dict[str, Any]]) -> bool:
    return bool((await asyncio.wait({answer}, timeout=STILL_HERE_S))[0])
