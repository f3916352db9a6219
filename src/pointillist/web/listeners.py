"""The pages that listen to what an application tells, as long as it is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

from pointillist.web.training import News

MOST = 1000
"""Messages that wait for a page; one that does not read misses more, and asks again when it comes back."""
STILL_HERE_S = 15.0


class Listeners:
    """Pages, each with the messages that it has not read yet."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[News | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    def begin(self) -> None:
        """Take what other threads tell, from now on, into the loop that runs."""
        self._loop = asyncio.get_running_loop()

    def tell(self, news: News) -> None:
        """Tell all pages; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.spread, news)

    def spread(self, news: News) -> None:
        """Tell all pages; in the loop."""
        for queue in self._queues:
            if not queue.full():
                queue.put_nowait(news)

    def end(self) -> None:
        """Tell that another application is served now, and let go of all pages: they find that one.

        A page that went on to listen here would hear nothing any more.
        """
        self._loop, self._ended = None, True
        self.spread({"type": "renewed"})
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def lines(self, first: Sequence[News]) -> AsyncIterator[str]:
        """Give what a page is told from now on, as events of a stream, up to the end.

        Args:
            first: what it is told at once.
        """
        queue: asyncio.Queue[News | None] = asyncio.Queue(MOST)
        self._queues.add(queue)
        try:
            yield ": here\n\n"
            for news in first:
                yield _line(news)
            while not (self._ended and queue.empty()):
                try:
                    told = await asyncio.wait_for(queue.get(), STILL_HERE_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if told is None:
                    return
                yield _line(told)
        finally:
            self._queues.discard(queue)


def _line(news: News) -> str:
    return f"data: {json.dumps(news)}\n\n"
