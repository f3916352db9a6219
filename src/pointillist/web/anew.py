"""An application that is built again while it is served, when the folder says something else than before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from fastapi import FastAPI

Change: TypeAlias = Callable[[], AbstractContextManager[None]]


Renew: TypeAlias = Callable[[Change | None], Awaitable[bool]]
"""Builds the application again that asks, and serves the new one; where that fails, all stays as it is.

What it is given is a change that is made first, in a thread, and takes itself back where the building fails;
one at a time, whoever asks. None: others have changed the folder, and of several that ask one is enough.
What it gives is whether another one is served now: not yet, where it is being built already.
"""


class Anew:
    """Passes requests on to an application, in whose place another may come.

    Args:
        make: builds the application; it is given what builds it again.

    Raises:
        InputError: as `make`.
    """

    def __init__(self, make: Callable[[Renew], FastAPI]) -> None:
        self._make = make
        self._changing = asyncio.Lock()
        self._number = 1
        self._app = make(self._renewing(self._number))
        self._running: AbstractAsyncContextManager[Any] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; of the lifespan the application's own is part."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        await receive()
        self._running = await _begun(self._app)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        async with self._changing:
            await _end(self._running)
        await send({"type": "lifespan.shutdown.complete"})

    def _renewing(self, number: int) -> Renew:
        """Give what an application asks by to be built again; the number tells whether it is still served."""

        async def renew(change: Change | None) -> bool:
            if change is None and (number != self._number or self._changing.locked()):
                return number != self._number
            async with self._changing:
                await self._renew(change or nullcontext)
            return True

        return renew

    async def _renew(self, change: Change) -> None:
        app = await asyncio.to_thread(self._made, change)
        # Who hears that the one before has ended asks the new one, which must be there.
        running, before = await _begun(app), self._running
        self._app, self._running = app, running
        self._number += 1
        await _end(before)

    def _made(self, change: Change) -> FastAPI:
        with change():
            return self._make(self._renewing(self._number + 1))


async def _begun(app: FastAPI) -> AbstractAsyncContextManager[Any]:
    running = app.router.lifespan_context(app)
    await running.__aenter__()
    return running


async def _end(running: AbstractAsyncContextManager[Any] | None) -> None:
    if running is not None:
        await running.__aexit__(None, None, None)
