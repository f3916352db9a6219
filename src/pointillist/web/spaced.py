"""The answer of what takes long, sent so that nobody on the way takes the server for gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from pointillist.web.answers import reason

STILL_HERE_S = 15.0


async def spaced(answer: asyncio.Future[dict[str, Any]]) -> AsyncIterator[str]:
    """Give an answer as JSON when it is there; until then a space now and then, which JSON allows before it.

    Proxies and browsers give up where no byte has come for a minute or some. The status is sent before the
    answer is known: what has gone wrong is said as ``error`` in it.
    """
    while not (await asyncio.wait({answer}, timeout=STILL_HERE_S))[0]:
        yield " "
    try:
        told = answer.result()
    except Exception as error:  # Whatever it is, no status can tell any more that the answer is none.
        told = {"error": reason(error)}
    yield json.dumps(told)
