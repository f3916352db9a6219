"""The annotator's server under SIGKILL: is every acknowledged click stored, once, and in its order?

    python benchmarks/annotator_kills.py --kills 200 -o docs/results/annotator_kills.md

Clients click over HTTP as the page does: a click waits in an outbox until the server has acknowledged it, and
is sent again until then. The server is killed at random instants and begun again at the same port. At the end
the outboxes are emptied, and what is stored is compared with what was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from serving import begin, write_images

from pointillist.core.rng import numpy_rng
from pointillist.datasets import Synthetic

IMAGES = 4
EVERY_S = 0.03
"""Of one client, between two clicks."""
MOST_WAITING = 60
"""Clicks in an outbox, after which its person waits too."""


@dataclass
class Client:
    """One tab: what it has drawn, what waits, and what the server has said that it has.

    Args:
        image: on which it clicks.
        number: its own.
    """

    image: str
    number: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    waiting: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    drawn: int = 0

    async def draw(self, ends: asyncio.Event) -> None:
        """Click on and on, whether the server is there or not."""
        rng = numpy_rng(self.number, "kills")
        while not ends.is_set():
            await asyncio.sleep(EVERY_S * float(rng.uniform(0.5, 1.5)))
            if len(self.waiting) < MOST_WAITING:
                at = [float(value) for value in rng.random(2) * 100]
                mark = {"kind": "points", "label": int(rng.integers(2)), "at": [at], "radius": 0.0}
                event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": self.drawn, "mark": mark}
                self.waiting.append(event)
                self.drawn += 1

    async def send(self, http: httpx.AsyncClient, ends: asyncio.Event) -> None:
        """Send what waits, in its order, until all is acknowledged after the end."""
        while not (ends.is_set() and not self.waiting):
            batch = self.waiting[:]
            if not batch:
                await asyncio.sleep(EVERY_S / 4)
                continue
            body = {"client": self.id, "events": batch}
            try:
                answer = await http.post(f"/api/images/{self.image}/events", json=body)
            except httpx.TransportError as error:
                if not isinstance(error, httpx.ConnectError):
                    self.unanswered |= {event["id"] for event in batch}
                await asyncio.sleep(EVERY_S)
                continue
            if answer.status_code != 200:
                raise SystemExit(f"the server refused a click: {answer.status_code} {answer.text}")
            del self.waiting[: len(batch)]
            self.acknowledged += [event["id"] for event in batch]


async def kill_again_and_again(home: Path, kills: int, minutes: float) -> tuple[list[Client], list[float]]:
    """Let clients click while the server is killed; give them, and the seconds of each new start."""
    late = time.monotonic() + 60 * minutes
    # Not one of those that other servers on this machine take, while this one is dead.
    flags = ("--port", str(20_000 + os.getpid() % 10_000), "--token", str(uuid.uuid4()))
    server, address, token = begin(home, *flags)
    rng, ends, starts = numpy_rng(0, "kills"), asyncio.Event(), list[float]()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as http:
        images = [image["id"] for image in (await http.get("/api/project")).json()["images"]]
        clients = [Client(images[number % len(images)], number) for number in range(2 * len(images))]
        work = [task for one in clients for task in (one.draw(ends), one.send(http, ends))]
        working = asyncio.gather(*work)
        while len(starts) < kills and time.monotonic() < late:
            await asyncio.sleep(float(rng.uniform(0.05, 2)))
            server.kill()
            await asyncio.to_thread(server.communicate)
            began = time.perf_counter()
            server, _, _ = await asyncio.to_thread(begin, home, *flags)
            starts.append(time.perf_counter() - began)
        ends.set()
        await working
    server.terminate()
    await asyncio.to_thread(server.communicate)
    return clients, starts


def stored(home: Path) -> list[tuple[str, str, int]]:
    """List id, client and sequence of every stored event, in the order of the store."""
    with closing(sqlite3.connect(home / ".pointillist" / "annotations.sqlite")) as store:
        return store.execute("SELECT id, client, sequence FROM events ORDER BY number").fetchall()


def table(clients: list[Client], rows: list[tuple[str, str, int]], kills: int) -> list[str]:
    """Compare what is stored with what was acknowledged."""
    acknowledged = [event for client in clients for event in client.acknowledged]
    by_client: dict[str, list[int]] = {client.id: [] for client in clients}
    for _, client, sequence in rows:
        by_client[client].append(sequence)
    doubled = sum(count - 1 for count in Counter((client, number) for _, client, number in rows).values())
    ordered = sum(numbers == sorted(numbers) for numbers in by_client.values())
    unanswered = sum(len(client.unanswered) for client in clients)
    cells = {
        "kills": kills,
        "clients": len(clients),
        "acknowledged": len(acknowledged),
        "sent, not answered, sent again": unanswered,
        "lost": len(set(acknowledged) - {event for event, _, _ in rows}),
        "doubled": doubled,
        "clients in order": f"{ordered} of {len(clients)}",
    }
    return [
        f"| {' | '.join(cells)} |",
        f"|{'--:|' * len(cells)}",
        f"| {' | '.join(map(str, cells.values()))} |",
    ]


def main(
    kills: Annotated[int, typer.Option("--kills", min=1)] = 200,
    minutes: Annotated[float, typer.Option("--minutes", help="End after so long, all the same.")] = 60,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Kill the server so many times while people click, and count."""
    with tempfile.TemporaryDirectory() as given:
        home = Path(given) / "killed"
        write_images(home, Synthetic(size=(144, 192), train=IMAGES).samples("train"))
        clients, starts = asyncio.run(kill_again_and_again(home, kills, minutes))
        lines = table(clients, stored(home), len(starts))
    about = (
        f"Each client clicks some thirty times a second, on {IMAGES} images; the server is killed 0.05 to "
        f"2 s after it listens (seeded), and is back after {np.median(starts):.1f} s. Lost: acknowledged "
        "and not stored. Doubled: the same click of the same client stored again. In order: stored as drawn."
    )
    publish("The annotator's server under SIGKILL", "python benchmarks/annotator_kills.py", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
