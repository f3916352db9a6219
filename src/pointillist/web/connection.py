"""Hearing a signal to stop; connections that owe a request are closed in time, and use up not all files."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pointillist.train.stop import Listener

LOOK_S = 5.0
HEAD_S = 25.0
"""A request's head may be waited for so long: with `LOOK_S`, 30 seconds at most."""
BODY_S = 120.0
"""Likewise its body: 8 MiB on a slow line."""
FILES = 8192


class Impatient(H11Protocol):
    """HTTP as uvicorn speaks it; uvicorn itself waits for ever for a head that comes byte by byte."""

    _look: asyncio.TimerHandle | None = None
    _owed: tuple[object, object, float] = (None, h11.IDLE, 0.0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at what is owed."""
        super().connection_made(transport)
        self._owed = (None, h11.IDLE, self.loop.time())
        self._look = self.loop.call_later(LOOK_S, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        state, now = self.conn.their_state, self.loop.time()
        cycle, before, since = self._owed
        if (self.cycle, state) != (cycle, before):
            since = now
        self._owed = (self.cycle, state, since)
        patience = {h11.IDLE: HEAD_S, h11.SEND_BODY: BODY_S}.get(state)
        if patience is not None and now - since >= patience - LOOK_S / 2:
            self.transport.close()
            return
        self._look = self.loop.call_later(LOOK_S, self._look_again)


class Stoppable(uvicorn.Server):
    """A server that also heeds a signal from before it began to serve.

    Args:
        config: of the server.
        listener: who listens from the moment on that the address is told.
    """

    def __init__(self, config: uvicorn.Config, listener: Listener) -> None:
        super().__init__(config)
        self._listener = listener

    async def startup(self, sockets: Any = None) -> None:
        """Begin, or end at once."""
        await super().startup(sockets)
        # By now the signals are the server's own: none falls between the two.
        self.should_exit = self.should_exit or self._listener.signum is not None


def allow_many_files() -> None:
    """Let this process hold as many connections as it may: by default often 1,024 files."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
