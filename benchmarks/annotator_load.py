"""Many people at one annotator: how long a click takes to be on the disk, and whether each is stored once.

    python benchmarks/annotator_load.py --clients 50 --seconds 120 -o docs/results/annotator_load.md

Each client clicks once a second (or flat out, with --every 0) on one of several images, over a connection of
its own. Clients and server share this machine's cores; of how many the clients took is told. At the end what
is stored is compared with what was acknowledged. With --idle 0 --idle 1000 so many other connections hang
meanwhile: half of them say nothing, half send a byte every ten seconds, and each that the server drops comes
again. With --readers 4 so many others read marks and export all the while, and the store is copied as its
hourly snapshot is, every two seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import httpx2 as httpx
import numpy as np
import typer
from cells import publish
from serving import serving, write_images

from pointillist.core.rng import numpy_rng
from pointillist.datasets import Synthetic
from pointillist.web.connection import allow_many_files
from pointillist.web.project import HOME
from pointillist.web.snapshot import take

IMAGES = 10
DRIP_S = 10.0
COPY_S = 2.0
SPREAD_S = 10.0
"""Within which the connections that hang are begun: the server drops them as far apart."""


class Line:
    """A connection that stays open: HTTP by hand, for a client library takes more than the server does.

    Args:
        address: of the server.
        headers: of every request.
    """

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self.host = address.removeprefix("http://")
        told = {"Host": self.host, "Content-Type": "application/json", **headers}
        self.head = "".join(f"{name}: {value}\r\n" for name, value in told.items())

    async def __aenter__(self) -> Line:
        """Open it."""
        host, _, port = self.host.partition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        self.writer.close()

    async def post(self, path: str, body: dict[str, Any]) -> int:
        """Send one body; give the status of the answer, once all of it is here."""
        sent = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(sent)}\r\n\r\n"
        self.writer.write(head.encode() + sent)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"\r\ncontent-length: (\d+)", answer)
        await self.reader.readexactly(int(length[1]) if length else 0)
        return int(answer.split(maxsplit=2)[1])


async def click(
    address: str, headers: dict[str, str], image: str, number: int, seconds: float, every: float
) -> tuple[list[float], set[str], int]:
    """Click again and again; give the times, the events that were acknowledged, and the errors."""
    times, acknowledged, errors = [], set(), 0
    rng, tab = numpy_rng(number, "clicks"), str(uuid.uuid4())
    await asyncio.sleep(float(rng.random()) * every)
    ends = time.perf_counter() + seconds
    sequence = 0
    async with Line(address, headers) as line:
        while (began := time.perf_counter()) < ends:
            row, col = (float(value) for value in rng.random(2) * 100)
            mark = {"kind": "points", "label": int(rng.integers(2)), "at": [[row, col]], "radius": 0.0}
            event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": sequence, "mark": mark}
            status = await line.post(f"/api/images/{image}/events", {"client": tab, "events": [event]})
            times.append(time.perf_counter() - began)
            if status == 200:
                acknowledged.add(str(event["id"]))
            else:
                errors += 1
            sequence += 1
            await asyncio.sleep(max(0.0, began + every - time.perf_counter()))
    return times, acknowledged, errors


async def hang(address: str, drips: bool, began_s: float, dropped: Any) -> None:
    """Keep a connection open without ever asking anything; tell after how long the server drops it."""
    host, _, port = address.removeprefix("http://").partition(":")
    await asyncio.sleep(began_s)
    while True:
        reader, writer = await asyncio.open_connection(host, int(port))
        began = time.monotonic()
        with suppress(ConnectionError):
            while True:
                if drips:
                    writer.write(b"G")
                with suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(1), DRIP_S):
                        break
        writer.close()
        dropped.put(time.monotonic() - began)


def hang_all(address: str, idle: int, dropped: Any) -> None:
    """Let so many connections hang, begun within some seconds; ends with its process."""
    allow_many_files()

    async def work() -> None:
        begin = numpy_rng(0, "idle").random(idle) * SPREAD_S
        await asyncio.gather(*(hang(address, bool(n % 2), float(begin[n]), dropped) for n in range(idle)))

    asyncio.run(work())


@contextmanager
def hanging(address: str, idle: int) -> Iterator[list[float]]:
    """Let connections hang, from a process of their own; at the end give when each was dropped."""
    context, seconds = get_context("spawn"), list[float]()
    dropped = context.Queue()
    process = context.Process(target=hang_all, args=(address, idle, dropped), daemon=True)
    process.start()
    time.sleep(SPREAD_S + 5 if idle else 0)
    yield seconds
    if idle and not process.is_alive():
        raise SystemExit("the connections did not hang to the end: does this machine allow so many?")
    while not dropped.empty():
        seconds.append(dropped.get())
    process.kill()
    process.join()


async def look(client: httpx.AsyncClient, images: Sequence[str], stop: asyncio.Event) -> None:
    """Read marks and the list of images, and export all, again and again; an answer that is none ends it."""
    while not stop.is_set():
        for image in images:
            (await client.get(f"/api/images/{image}/marks")).raise_for_status()
            (await client.get("/api/project")).raise_for_status()
        (await client.post("/api/export", json={})).raise_for_status()


async def all_click(
    address: str, headers: dict[str, str], clients: int, seconds: float, every: float, readers: int
) -> list[Any]:
    """Let them all click, then compare with what is stored; give times, stored, acknowledged, errors."""
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=600) as client:
        images = [image["id"] for image in (await client.get("/api/project")).json()["images"]]
        stop = asyncio.Event()
        reading = [asyncio.create_task(look(client, images, stop)) for _ in range(readers)]
        ways = [(images[n % len(images)], n, seconds, every) for n in range(clients)]
        found = await asyncio.gather(*(click(address, headers, *way) for way in ways))
        stop.set()
        await asyncio.gather(*reading)
        stored: set[str] = set()
        for image in images:
            told = (await client.get(f"/api/images/{image}/marks")).json()
            stored |= {mark["id"] for mark in told["marks"]}
    acknowledged = set().union(*(ids for _, ids, _ in found))
    times = [one for own, _, _ in found for one in own]
    return [times, stored == acknowledged, len(acknowledged), sum(errors for _, _, errors in found)]


@contextmanager
def copying(store: Path, copies: bool) -> Iterator[None]:
    """Take snapshots of a store from a thread, again and again; what goes wrong is raised at the end."""
    ended, wrong = threading.Event(), list[BaseException]()

    def work() -> None:
        while not ended.wait(COPY_S):
            try:
                take(store, datetime.now(UTC))
            except BaseException as error:
                wrong.append(error)

    thread = threading.Thread(target=work)
    if copies:
        thread.start()
    yield
    ended.set()
    if copies:
        thread.join()
    if wrong:
        raise wrong[0]


def main(
    clients: Annotated[list[int], typer.Option("--clients", min=1)] = [50, 200],  # noqa: B006
    seconds: Annotated[float, typer.Option("--seconds", min=1)] = 120,
    every: Annotated[float, typer.Option("--every", min=0, help="Seconds between clicks; 0: flat out.")] = 1,
    idle: Annotated[list[int], typer.Option("--idle", min=0, help="Connections that hang.")] = [0],  # noqa: B006
    readers: Annotated[int, typer.Option("--readers", min=0, help="Others, who read and export.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Let so many clients click for so long."""
    lines = [
        "| clients | idle | dropped after | clicks | a second | errors | p50 | p99 | longest "
        "| clients' cores | stored = acknowledged |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    data, load = Synthetic(size=(144, 192), train=IMAGES), os.getloadavg()[0]
    for count, hang in product(clients, idle):
        with tempfile.TemporaryDirectory() as given:
            write_images(Path(given) / "many", data.samples("train"))
            with (
                serving(Path(given) / "many") as (address, headers),
                hanging(address, hang) as dropped,
                copying(Path(given) / "many" / HOME / "annotations.sqlite", readers > 0),
            ):
                work = all_click(address, headers, count, seconds, every, readers)
                used = time.process_time()
                times, same, clicks, errors = asyncio.run(work)
                took = (time.process_time() - used) / seconds
        p50, p99, longest = (f"{value * 1000:.0f} ms" for value in np.quantile(times, [0.5, 0.99, 1]))
        stored = "yes" if same else "NO"
        after = f"{np.median(dropped):.0f} s" if dropped else ""
        rate = round(clicks / seconds)
        cells = (count, hang, after, clicks, rate, errors, p50, p99, longest, f"{took:.2f}", stored)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    flags = "".join(f" --clients {n}" for n in clients) + "".join(f" --idle {n}" for n in idle if any(idle))
    flags += f" --seconds {seconds:g}" if seconds != 120 else ""
    flags += f" --every {every:g}" if every != 1 else ""
    flags += f" --readers {readers}" if readers else ""
    pace = f"A click every {every:g} s each" if every else "Each clicks as soon as the click before is stored"
    others = f"{readers} others read marks and export, and a snapshot is taken every {COPY_S:g} s. "
    about = (
        f"{pace} for {seconds:g} s on {IMAGES} images; clients on the server's own cores. "
        f"{others if readers else ''}"
        f"Load of the machine's {os.cpu_count()} cores by others, before: {load:.1f}."
    )
    publish("Many people at one annotator", f"python benchmarks/annotator_load.py{flags}", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
