"""S01: no string in a request's address leads to a file outside, byte for byte as an attacker sends it."""

import contextlib
import gzip
import http.client
import itertools
import json
import os
import re
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis.strategies import DataObject, characters, data, lists, one_of, sampled_from, text

from tests.web.test_security import TOKEN, Server

CANARY = "the canary outside"
STEPS = (
    *(
        "../",
        "./../",
        "..//",
        "....//",
        "..././",
        "..;/",
        ".%2e/",
        "%2e%2e/",
        "%2e%2e%2f",
        "%2E%2E%2F",
        "..%2f",
    ),
    *("%252e%252e%252f", "..%252f", "%25252e%25252e%25252f", "..%00/", "..%0d%0a/", "..%01/"),
    *("..\\", "..%5c", "%2e%2e%5c", "..%255c", "....\\\\"),
    *("..%c0%af", "%c0%ae%c0%ae/", "..%e0%80%af", "..%ef%bc%8f", "%uff0e%uff0e%u2215"),
)
GETS = (
    *("/{}", "/page/{}", "/page/vendor/{}", "/api/{}", "/api/images/{}", "/api/images/{}/size"),
    *(
        "/api/images/{}/marks",
        "/api/images/{}/overlay",
        "/api/images/{}/next",
        "/api/images/{}/thumbnail.webp",
    ),
    *("/api/images/{}/tiles/0/0_0.png", "/api/images/KEY/tiles/{}/0_0.png", "/api/images/KEY/tiles/0/{}.png"),
)
POSTS = ("/{}", "/api/{}", "/api/images/{}/events", "/api/train/{}", "/api/export/{}")


def corpus(outside: Path) -> list[str]:
    """Make all strings that lead, or may lead, to a file outside, and to some that every machine has."""
    absolute = outside.as_posix().lstrip("/")
    targets = (outside.name, f"mine-evil/{outside.name}", absolute)
    found = [
        step * depth + target for step, depth, target in itertools.product(STEPS, (1, 2, 3, 12), targets)
    ]
    for start in (
        "/",
        "//",
        "%2f",
        "%2f%2f",
        "\\",
        "file:///",
        "file:%2f%2f%2f",
        "/./",
        "/dev/fd/../../",
        "%00/",
    ):
        found += [f"{start}{absolute}", f"{start}{absolute}%00.png", f"{start}etc/passwd"]
    found += ["C:\\Windows\\win.ini", "C:/Windows/win.ini", "c:%5cwindows%5cwin.ini", "C:..\\..\\win.ini"]
    found += ["\\\\host\\share\\x", "//host/share/x", "%5c%5chost%5cshare%5cx", "\\\\?\\C:\\x", "\\\\.\\C:"]
    found += [
        "~/canary.txt",
        "~root/canary.txt",
        "$HOME/canary.txt",
        "%00",
        "%0a",
        ".",
        "..",
        "...",
        "%2e",
        "%2e%2e",
    ]
    found += [
        "proc/self/environ",
        "../.pointillist/annotations.sqlite",
        ".pointillist/annotations.sqlite",
        "*",
        "{}",
    ]
    found += ["CON", "NUL", "AUX.png", "canary.txt:$DATA", "images/../../canary.txt", "page/../../canary.txt"]
    return list(dict.fromkeys(found))


class Line:
    """A connection on which requests are written as they are, and which is opened anew when it was closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.line: socket.socket | None = None

    def ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        )
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if self.line is None:
            self.line = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.line.sendall(head.encode() + b"\r\n" + body)
        answer = http.client.HTTPResponse(self.line, method=method)
        answer.begin()
        found = answer.status, answer.read()
        if answer.will_close:
            self.close()
        return found

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("paths"))
    for folder in (found.root.parent, found.root.parent / "mine-evil"):
        folder.mkdir(exist_ok=True)
        (folder / "canary.txt").write_text(CANARY)
    yield found
    found.process.kill()
    found.process.communicate()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s01_three_hundred_paths_out_of_the_folder_reach_nothing_on_any_route(
    server: Server, method: str
) -> None:
    outside = server.root.parent / "canary.txt"
    event = {"kind": "undo", "id": uuid.uuid4().hex, "sequence": 0, "of": uuid.uuid4().hex}
    body = json.dumps({"client": uuid.uuid4().hex, "events": [event]}).encode() if method == "POST" else b""
    with contextlib.closing(Line(server.port)) as line:
        key = json.loads(line.ask("GET", "/api/project")[1])["images"][0]["id"]
        page = line.ask("GET", "/")[1]
        tried = corpus(outside)
        assert len(tried) >= 300
        told = (CANARY.encode(), b"SQLite format", b"root:", b"def build", str(server.root.parent).encode())
        for route, path in itertools.product(GETS if method == "GET" else POSTS, tried):
            target = route.replace("KEY", key).replace("{}", path, 1)
            status, answer = line.ask(method, target, body)
            # A line break after "/" is overlooked: that is the page.
            assert status in (400, 404, 405, 422) or answer == page, (method, target)
            assert not [word for word in told if word in answer], (method, target)
    assert server.process.poll() is None


PIECES = (
    *STEPS,
    "/",
    "//",
    "\\",
    "%2f",
    "%5c",
    "%00",
    ".",
    "canary.txt",
    "mine",
    "mine-evil",
    "images",
    "annotations",
)


@settings(max_examples=int(os.environ.get("POINTILLIST_PATHS", "300")))
@given(given_by=data())
def test_s01_generated_paths_reach_nothing(server: Server, given_by: DataObject) -> None:
    """50,000 of them in some minutes: POINTILLIST_PATHS=50000 pytest tests/web/test_paths.py -k generated."""
    route = given_by.draw(sampled_from([*(("GET", one) for one in GETS), *(("POST", one) for one in POSTS)]))
    letters = characters(min_codepoint=33, max_codepoint=126)
    path = "".join(given_by.draw(lists(one_of(sampled_from(PIECES), text(letters, max_size=6)), max_size=12)))
    with contextlib.closing(Line(server.port)) as line:
        key = json.loads(line.ask("GET", "/api/project")[1])["images"][0]["id"]
        page = line.ask("GET", "/")[1]
        target = route[1].replace("KEY", key).replace("{}", path, 1)
        status, answer = line.ask(route[0], target, b"{}" if route[0] == "POST" else b"")
    is_tile = path.isdigit() and answer.startswith(b"\x89PNG")
    assert status in (400, 404, 405, 422) or answer == page or is_tile, target
    assert CANARY.encode() not in answer, target
    assert str(server.root.parent).encode() not in answer, target


CARELESS: dict[str, Callable[[str], str]] = {
    "as it is": lambda path: path,
    "decoded": unquote,
    "decoded twice": lambda path: unquote(unquote(path)),
    "backslashes": lambda path: unquote(path).replace("\\", "/"),
    "steps up taken out once": lambda path: unquote(path).replace("../", ""),
    "up to a NUL": lambda path: unquote(path).partition("\0")[0],
}


@pytest.mark.parametrize("way", CARELESS)
def test_s01_the_paths_are_live(tmp_path: Path, way: str) -> None:
    """A server that joined what it is sent to its folder, carelessly in this way, would give the canary."""
    (tmp_path / "mine" / "images").mkdir(parents=True)
    outside = tmp_path / "canary.txt"
    outside.write_text(CANARY)

    def gives(path: str) -> bool:
        try:
            return (tmp_path / "mine" / "images" / CARELESS[way](path)).read_text() == CANARY
        except (OSError, ValueError):
            return False

    assert any(map(gives, corpus(outside)))


def peak(server: Server) -> float:
    """Give the most memory that a server has had, in MiB."""
    said = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", said)[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc tells a process's memory")
def test_s11_floods_are_refused_and_cost_little_memory(server: Server) -> None:
    """Headers, names, lists, nesting and a packed body: each as much as fits, none costs 50 MiB."""
    packed = gzip.compress(bytes(1 << 28))
    mark = b'{"client":"%s","events":[{"kind":"add","id":"%s","sequence":0,"mark":' % (b"0" * 32, b"1" * 32)
    mark += b'{"kind":"points","label":1,"radius":0,"at":[HERE]}}]}'
    bodies = {
        "names": b"{" + b",".join(b'"%x":0' % number for number in range(180_000)) + b"}",
        "list": b'{"client":"' + b"0" * 32 + b'","events":[' + b",".join([b"{}"] * 690_000) + b"]}",
        "numbers": b'{"client":"' + b"0" * 32 + b'","events":[' + b",".join([b"0"] * 1_040_000) + b"]}",
        "places": mark.replace(b"HERE", b",".join([b"0"] * 1_040_000)),
        "nesting": b"[" * 1_000_000,
        "packed": packed,
    }
    with contextlib.closing(Line(server.port)) as line:
        key = json.loads(line.ask("GET", "/api/project")[1])["images"][0]["id"]
        before = peak(server)
        for kind, body in bodies.items():
            status, answer = line.ask("POST", f"/api/images/{key}/events", body)
            assert status == 422, kind
            assert len(answer) < 1000, kind
            assert peak(server) < before + 50, kind
    flood = "".join(f"x{number}: y\r\n" for number in range(100_000))
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as raw:
        with contextlib.suppress(ConnectionError):  # Refused before all of it has come.
            raw.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{flood}\r\n".encode())
        with contextlib.suppress(ConnectionError):
            assert raw.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert peak(server) < before + 50
    assert server.process.poll() is None
