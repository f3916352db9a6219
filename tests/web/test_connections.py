"""Connections that say nothing, or a byte at a time, neither stop the others nor stay."""

import resource
import select
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.web.test_security import TOKEN, Server, click

SILENT, DRIPPING = 800, 200


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def closed(line: socket.socket) -> bool:
    readable, _, _ = select.select([line], [], [], 0) if line.fileno() < 1024 else ([line], [], [])
    try:
        return bool(readable) and line.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_l05_a_thousand_idle_connections_are_dropped_at_30_s_and_clicks_go_on(
    tmp_path: Path, many_files: None
) -> None:
    server = Server(tmp_path)
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(SILENT + DRIPPING)]
    began, times = time.monotonic(), []
    head = f"GET /api/project HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX: ".encode()
    try:
        with server.client() as client:
            image = client.get("/api/project").json()["images"][0]["id"]
            sent = 0
            while time.monotonic() - began < 33:
                if sent <= (time.monotonic() - began) / 2:  # Each drips a letter every other second.
                    for line in lines[SILENT:]:
                        try:
                            line.send(head[sent : sent + 1] or b"x")
                        except ConnectionError:
                            continue
                    sent += 1
                clicked = time.monotonic()
                assert click(client, image, 1, 2, 2).status_code == 200
                times.append(time.monotonic() - clicked)
                if time.monotonic() - began < 20:
                    assert not closed(lines[0])
                time.sleep(0.2)
        assert sum(map(closed, lines)) == len(lines)
        # The limits of a machine with nothing else to do are in benchmarks/annotator_load.py.
        assert statistics.median(times) < 0.5
    finally:
        for line in lines:
            line.close()
        server.process.kill()
        server.process.communicate()


def test_l05_who_keeps_asking_on_one_connection_is_not_cut_off(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        limits = httpx.Limits(max_connections=2, keepalive_expiry=60)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with (
            httpx.Client(base_url=server.address, headers=headers, limits=limits, timeout=30) as client,
            client.stream("GET", "/api/stream") as stream,
        ):
            lines, began = stream.iter_lines(), time.monotonic()
            ports: set[tuple[str, int]] = set()
            while time.monotonic() - began < 33:
                assert next(lines) is not None
                answer = client.get("/api/project")
                assert answer.status_code == 200
                ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ports) == 1
    finally:
        server.process.kill()
        server.process.communicate()
