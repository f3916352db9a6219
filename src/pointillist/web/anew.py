"""An application that is built again while it is served, when the folder says something else than before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from fastapi import FastAPI

from pointillist.core.errors import InputError

Renew: TypeAlias = Callable[[], Awaitable[None]]


class Anew:
    """Passes requests on to an application, in whose place another may come.

    Args:
        make: builds the application; it is given what builds it again.
        meanwhile: builds likewise what stands in for it when it can't be built again.

    Raises:
        InputError: as `make`.
    """

    def __init__(self, make: Callable[[Renew], FastAPI], meanwhile: Callable[[Renew], FastAPI]) -> None:
        self._make, self._meanwhile = make, meanwhile
        self._app = make(self.renew)
        self._running: AbstractAsyncContextManager[Any] | None = None
        self._changing = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; of the lifespan the application's own is part."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        await receive()
        await self._begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._end()
        await send({"type": "lifespan.shutdown.complete"})

    async def renew(self) -> None:
        """End the application, and begin another one in its place.

        Raises:
            InputError: the other one can't be built; what stands in for it is served until then.
        """
        async with self._changing:
            await self._end()
            try:
                self._app = await asyncio.to_thread(self._make, self.renew)
            except InputError:
                self._app = self._meanwhile(self.renew)
                raise
            finally:
                await self._begin()

    async def _begin(self) -> None:
        self._running = self._app.router.lifespan_context(self._app)
        await self._running.__aenter__()

    async def _end(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running.__aexit__(None, None, None)
