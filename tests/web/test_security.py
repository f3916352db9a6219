"""What an attacker may try at a server: other names, other files, other users of the machine, the network."""

import ast
import itertools
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image

from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.data.picture import read_picture
from pointillist.web import pictures
from pointillist.web.project import Project
from tests.web.app import plain_folder, served

SOURCE = Path(__file__).parents[2] / "src" / "pointillist"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
TOKEN = "set-by-the-environment"
# Run by Python before all else: every connection that is begun is written down.
WATCH = """
import os, socket
def watch(event, given):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {given[1:] if event == 'socket.connect' else given}\\n")
import sys
sys.addaudithook(watch)
with open(os.environ["WATCHED"], "a") as file:
    file.write(f"watched {sys.argv[0:1]} 127.0.0.1 {os.getpid()}\\n")
"""


class Server:
    """The command as a user begins it, watched: its arguments, its browser, its connections."""

    def __init__(self, home: Path) -> None:
        self.root = plain_folder(home / "mine")
        self.connections, self.opened = home / "connections", home / "opened"
        (home / "watch").mkdir()
        (home / "watch" / "sitecustomize.py").write_text(WATCH)
        (home / "browser").write_text(f'#!/bin/sh\necho "$@" > {self.opened}\n')
        (home / "browser").chmod(0o700)
        paths = os.pathsep.join([str(home / "watch"), str(SOURCE.parent)])
        env = {
            **os.environ,
            "PYTHONPATH": paths,
            "WATCHED": str(self.connections),
            "BROWSER": f"{home / 'browser'} %s",
            "POINTILLIST_TOKEN": TOKEN,
        }
        command = [sys.executable, "-m", "pointillist", "annotate", str(self.root)]
        self.said = home / "said"
        with self.said.open("w") as said_there:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=said_there, text=True, env=env
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline() + self.process.stdout.readline()
        ((address, port, token),) = re.findall(r"(http://127\.0\.0\.1:(\d+))/\?token=(\S+)", said)
        assert token == TOKEN
        self.address, self.port = address, int(port)

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def raw(self, request: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall(request.encode("latin-1"))
            line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b"")).decode("latin-1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("security"))
    yield found
    found.process.kill()
    found.process.communicate()


def click(client: Any, image: str, label: int, row: float, col: float) -> Any:
    mark = {"kind": "points", "label": label, "at": [[row, col]], "radius": 0.0}
    event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": 0, "mark": mark}
    return client.post(f"/api/images/{image}/events", json={"client": str(uuid.uuid4()), "events": [event]})


def test_s02_a_link_out_of_the_folder_is_refused_and_a_linked_folder_is_meant(tmp_path: Path) -> None:
    root = plain_folder(tmp_path / "mine")
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    (root / "images" / "patient1-9.png").symlink_to(secret)
    with pytest.raises(
        InputError, match=r"a link must lead to a file inside the folder; got a link to .*secret"
    ):
        Project(root)
    (root / "images" / "patient1-9.png").unlink()
    (root / "images").rename(tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    Project(root).store.close()


def test_s02_a_file_that_is_swapped_for_a_link_gives_no_bytes_away(tmp_path: Path) -> None:
    root = plain_folder(tmp_path / "mine")
    (tmp_path / "secret").write_text("the canary")
    with served(root) as client:
        image = client.get("/api/project").json()["images"][0]
        (path,) = (root / "images").glob(f"{image['name']}.*")
        path.unlink()
        path.symlink_to(tmp_path / "secret")
        for rest in ("tiles/0/0_0.png", "overlay", "next", "marks"):
            assert "canary" not in client.get(f"/api/images/{image['id']}/{rest}").text
        refused = click(client, image["id"], 1, 1, 1)
        assert refused.status_code in (409, 422)
        assert str(tmp_path) not in refused.text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")
def test_s04_a_name_that_is_rebound_to_this_machine_is_refused_in_a_browser(server: Server) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    flags = ["--no-sandbox", "--host-resolver-rules=MAP evil.test 127.0.0.1"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        for path in ("/", f"/?token={TOKEN}", "/page/app.js", "/api/project", "/api/stream"):
            answer = page.goto(f"http://evil.test:{server.port}{path}")
            assert answer.status == 403
            assert "addressed to this server's own name" in page.content()
        # Even from a page of that very origin, with what a script may send along.
        script = """async token => {
            const headers = {Authorization: `Bearer ${token}`};
            return (await fetch('/api/project', {headers})).status;
        }"""
        fetched = page.evaluate(script, TOKEN)
        assert fetched == 403
        assert page.goto(f"{server.address}/?token={TOKEN}").status == 200
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")
@pytest.mark.parametrize("host", ["other.test", "localhost"], ids=["cross-site", "same-site"])
def test_s05_a_link_in_a_chat_is_followed_in_a_browser_and_the_chat_gets_nothing(
    server: Server, host: str
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    own = server.address.replace("127.0.0.1", "localhost")
    flags = ["--no-sandbox", "--host-resolver-rules=MAP other.test 127.0.0.1"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        links = f'<a href="{own}/?token={TOKEN}">in</a><a target=_blank href="{own}/">bare</a>'
        frame = f'<iframe src="{own}/?token={TOKEN}"></iframe>'
        # No server for it: a chat's page is whatever comes from elsewhere.
        page.route(f"http://{host}:1/*", lambda route: route.fulfill(body=links + frame))
        page.goto(f"http://{host}:1/chat")
        page.wait_for_timeout(500)
        assert page.context.cookies(own) == [], "a frame is not let in"
        page.get_by_text("in").click()
        page.locator("#zoom", has_text="%").wait_for()
        assert page.url.partition("#")[0] == f"{own}/", "the token does not stay in the address"
        (cookie,) = page.context.cookies(own)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        page.goto(f"http://{host}:1/chat")
        with page.expect_popup() as opened:
            page.get_by_text("bare").click()
        sync_api.expect(opened.value.locator("h1")).to_have_text("This page needs its token")
        browser.close()


def test_s12_two_lengths_are_refused_and_no_line_of_a_header_is_made_up(server: Server) -> None:
    head = f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    head += "Content-Type: application/json\r\n"
    hidden = f"GET /api/project HTTP/1.1\r\n{head}\r\n"
    for lengths in (
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 40\r\n",
        "Content-Length: +2\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: x\r\n",
        "Transfer-Encoding : chunked\r\n",
    ):
        answer = server.raw(f"POST /api/train/cancel HTTP/1.1\r\n{head}{lengths}\r\n0\r\n\r\n{hidden}")
        status = int(answer.split()[1])
        assert status in (400, 501), lengths
        assert answer.count("HTTP/1.1 ") == 1, "what came behind was not taken for a request"
    for path in ("/api/images/a%0d%0aX-Made-Up:%201/marks", "/?token=a%0d%0aX-Made-Up:%201"):
        answer = server.raw(f"GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n")
        assert "x-made-up" not in answer.partition("\r\n\r\n")[0].lower()


def bomb(path: Path, side: int) -> None:
    """Write a small file that declares, and holds, side x side pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer, rows = zlib.compressobj(9), bytes(side // 8 + 1)
    packed = b"".join(packer.compress(rows) for _ in range(side)) + packer.flush()
    body = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_s16_an_image_bomb_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    root = plain_folder(tmp_path / "mine")
    bomb(root / "images" / "patient1-9.png", 40_000)
    began = time.monotonic()
    with served(root) as client:
        shown = client.get("/api/project").json()["images"]
        assert shown
        assert "patient1-9" not in {image["name"] for image in shown}
        key = next(key for key, name in Project(root).names.items() if name == "patient1-9")
        assert client.get(f"/api/images/{key}/tiles/0/0_0.png").status_code == 409
        assert click(client, key, 1, 1, 1).status_code in (409, 422)
        assert click(client, shown[0]["id"], 1, 1, 1).status_code == 200
    assert time.monotonic() - began < 60, "1.6 thousand million pixels were not decoded"


def test_s16_others_are_answered_while_a_large_image_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = plain_folder(tmp_path / "mine")
    Image.new("RGB", (3000, 2000)).save(root / "images" / "patient1-9.png")
    begun, ended = threading.Event(), threading.Event()

    def slowly(path: Path, known: Any) -> Any:
        if path.name == "patient1-9.png":
            begun.set()
            assert ended.wait(60)
        return read_picture(path, known)

    monkeypatch.setattr(pictures, "read_picture", slowly)
    with served(root) as client, ThreadPoolExecutor() as pool:
        shown = {image["name"]: image["id"] for image in client.get("/api/project").json()["images"]}
        large = shown.pop("patient1-9")
        tiles = [pool.submit(client.get, f"/api/images/{large}/tiles/12/{n}_0.png") for n in range(4)]
        assert begun.wait(60)
        for other in shown.values():
            assert client.get(f"/api/images/{other}/tiles/0/0_0.png").status_code == 200
            assert click(client, other, 1, 1, 1).status_code == 200
        assert client.get("/api/project").status_code == 200
        assert not any(tile.done() for tile in tiles), "it is still being decoded"
        ended.set()
        assert [tile.result().status_code for tile in tiles] == [200] * 4


CLIENTS = {"urllib", "http", "requests", "httpx", "httpx2", "aiohttp", "ftplib", "smtplib", "socket"}


def test_s22_nothing_behind_a_route_can_fetch_an_address() -> None:
    for path in (SOURCE / "web").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found = {name for name in names if name.split(".")[0] in CLIENTS}
            assert found <= {"urllib.parse", "http", "http.cookies"}, path


def test_s24_exports_hold_nothing_of_the_camera_the_place_or_the_person(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    (root / "images").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x9C9D] = (
        "Canary Camera",
        "Jane Canary",
        "Jane Canary".encode("utf-16le"),
    )
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (52.0, 31.0, 12.0)
    pixels = numpy_rng(0, "privacy").integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "images" / "one.jpg", exif=exif, comment=b"canary comment")
    with served(root) as client:
        (image,) = client.get("/api/project").json()["images"]
        for label in (0, 1):
            assert click(client, image["id"], label, 5 + 20 * label, 5).status_code == 200
        folder = Path(client.post("/api/export", json={}).json()["folder"])
        tile = client.get(f"/api/images/{image['id']}/tiles/6/0_0.png").content
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) == 7
    for data in (tile, *(path.read_bytes() for path in written)):
        assert b"canary" not in data.lower().replace(b"\0", b"")
        assert str(tmp_path).encode() not in data
        if data.startswith(b"\x89PNG"):
            assert set(re.findall(rb"(?:eXIf|tEXt|iTXt|zTXt|tIME)", data)) == set()


def test_s26_no_other_user_reads_the_token_in_arguments_or_files(server: Server) -> None:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        assert TOKEN.encode() not in arguments, folder
    deadline = time.monotonic() + 60
    while not server.opened.exists() or not server.opened.read_text().strip():
        assert time.monotonic() < deadline, "no browser was opened"
        time.sleep(0.1)
    opened = server.opened.read_text().strip()
    assert TOKEN not in opened, "a browser's arguments are for all to read"
    with httpx.Client() as browser:
        assert browser.get(opened).status_code == 303, "but it is let in"
        assert browser.get(f"{server.address}/api/project").status_code == 200
    with httpx.Client() as other:
        assert other.get(opened).status_code in (401, 429), "once"
    home = server.root / ".pointillist"
    assert home.stat().st_mode & 0o077 == 0
    assert not [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_s08_the_token_is_printed_once_and_never_logged(server: Server) -> None:
    head = f"Host: 127.0.0.1:{server.port}\r\n"
    with server.client() as client:
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        assert client.get("/api/project", headers={"Referer": f"/?token={TOKEN}"}).status_code == 200
        client.cookies.clear()
        wrong = {"params": {"token": f"{TOKEN}x"}, "headers": {"Authorization": ""}}
        assert client.get("/", **wrong).status_code == 401  # type: ignore[arg-type]
    for broken in (
        f"GET /?token={TOKEN} HTTP/9\r\n{head}\r\n",
        f"GET /?token={TOKEN} \x00 HTTP/1.1\r\n{head}\r\n",
        f"GET / HTTP/1.1\r\n{head}Authorization : Bearer {TOKEN}\r\n\r\n",
        f"POST /api/train HTTP/1.1\r\n{head}Authorization: Bearer {TOKEN}\r\nContent-Length: x\r\n\r\n",
    ):
        assert " 400 " in server.raw(broken)
    said = server.said.read_text()
    assert "Invalid HTTP request" in said, "broken requests are logged"
    assert TOKEN not in said


def test_s28_serving_segmenting_training_and_exporting_connect_to_nobody(server: Server) -> None:
    with server.client() as client:
        images = client.get("/api/project").json()["images"]
        for image, label in itertools.product(images, (0, 1)):
            assert click(client, image["id"], label, 3 + 10 * label, 3).status_code == 200
        overlay = f"/api/images/{images[0]['id']}/overlay"
        assert client.get(overlay, params={"after": 2}).status_code in (200, 204)
        assert client.post("/api/export", json={}).status_code == 200
        assert client.post("/api/train", json={}).status_code == 200
        with client.stream("GET", "/api/stream") as stream:
            for line in stream.iter_lines():
                news = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                assert news.get("state") != "failed", news
                if news.get("type") == "training" and news.get("epoch", 0) > 0:
                    break
        assert client.post("/api/train/cancel", json={}).status_code == 200
    said = server.connections.read_text().splitlines()
    assert len({line for line in said if line.startswith("watched")}) > 1, "the training was watched, too"
    assert [line for line in said if "127.0.0.1" not in line] == []
