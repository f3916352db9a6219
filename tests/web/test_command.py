"""The command that opens the annotator."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn

from pointillist.cli.listen import listen
from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.train.stop import Listener
from pointillist.web.connection import Stoppable
from pointillist.web.gates import LETTERS
from pointillist.web.project import Project
from tests.cli.command import pointillist
from tests.datasets.trees import draw_folder
from tests.web.app import plain_folder, served


def test_it_serves_prints_the_address_and_ends_quietly(tmp_path: Path) -> None:
    draw_folder(tmp_path / "mine")
    command = [sys.executable, "-m", "pointillist", "annotate", str(tmp_path / "mine"), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        said = server.stdout.readline() + server.stdout.readline()
        ((address, token),) = re.findall(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)", said)
        assert len(token) > 20
        with httpx.Client(base_url=address, follow_redirects=True) as browser:
            assert browser.get("/api/project").status_code == 401
            assert "<html" in browser.get("/", params={"token": token}).text
            assert browser.get("/api/project").json()["name"] == "mine", "the cookie is enough from then on"
            localhost = f"localhost:{address.rpartition(':')[2]}"
            assert browser.get("/api/project", headers={"Host": localhost}).status_code == 200
        server.send_signal(signal.SIGINT)
        # 130 as any command that Ctrl+C ended; 0 where whoever began it has it ignore the signal.
        assert server.wait(30) in (0, 130)
        assert "Traceback" not in server.stderr.read()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_heard_from_the_moment_on_that_the_address_is_told(
    tmp_path: Path, signum: int, code: int
) -> None:
    draw_folder(tmp_path / "mine")
    command = [sys.executable, "-m", "pointillist", "annotate", str(tmp_path / "mine"), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        assert "token=" in server.stdout.readline()
        server.send_signal(signum)
        assert server.wait(30) == code
        assert server.stderr.read() == ""


def test_a_server_that_was_stopped_before_it_served_ends_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks")

    with Listener() as listener, socket.create_server(("127.0.0.1", 0)) as listening:
        signal.raise_signal(signal.SIGINT)
        server = Stoppable(uvicorn.Config(app, lifespan="off", log_level="warning"), listener)
        server.run(sockets=[listening])
        assert not server.servers[0].is_serving()


def test_ctrl_c_cuts_open_pages_off_without_a_traceback(tmp_path: Path) -> None:
    draw_folder(tmp_path / "mine")
    command = [sys.executable, "-m", "pointillist", "annotate", str(tmp_path / "mine"), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        said = server.stdout.readline() + server.stdout.readline()
        ((address, token),) = re.findall(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)", said)
        headers = {"Authorization": f"Bearer {token}"}
        with (
            httpx.Client(base_url=address, headers=headers, timeout=30) as page,
            page.stream("GET", "/api/stream") as stream,
        ):
            lines = stream.iter_lines()  # Held: a forgotten one would close the connection.
            assert next(lines)
            server.send_signal(signal.SIGINT)
            began = time.monotonic()
            assert server.wait(30) in (0, 130)
            assert time.monotonic() - began < 15
        said = server.stderr.read()
        assert said.strip() in ("", "Interrupted."), said


def begun(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pointillist", "annotate", str(root), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert "token=" in server.stdout.readline()
    return server


def test_a_folder_has_one_server_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    root = plain_folder(tmp_path / "mine")
    first = begun(root)
    try:
        said = pointillist("annotate", root, "--no-browser")
        assert said.code == 2
        told = " ".join(said.err.split())
        assert f"a folder must have one server; got process {first.pid} on " in told
        assert "Open its page" in told
        assert said.out == "", "no address is printed that nobody answers"
        reader = Project(root)  # Whoever looks at what was drawn is not kept from it.
        assert reader.store.counts() == {}
        reader.store.close()
        assert pointillist("annotate", root, "--restore", "list").code == 0
        with begun(plain_folder(tmp_path / "other")) as other:
            other.kill()  # Another folder is another matter.
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    with begun(root) as second:
        second.send_signal(signal.SIGTERM)
        second.wait()
        assert second.stdout is not None
    with begun(root) as third:
        third.kill()


def test_a_folder_without_images_is_left_as_it_was(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        assert pointillist("annotate", root, "--no-browser").code == 2
    assert list(tmp_path.iterdir()) == []


def test_s09_another_host_needs_a_token_of_its_own(tmp_path: Path) -> None:
    draw_folder(tmp_path / "mine")
    for token in ([], ["--token", "short"]):
        said = pointillist("annotate", tmp_path / "mine", "--host", "0.0.0.0", "--no-browser", *token)
        assert said.code == 2
        assert "must come with a --token of at least 16 letters" in " ".join(said.err.split())


@pytest.mark.parametrize("wrong", ["#", "&", ";", " ", "ü", "+", "%", '"', "\n", "/", "?", ","])
def test_a_token_that_an_address_would_change_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("POINTILLIST_TOKEN", f"0123456789{wrong}abcdefghij")
    said = pointillist("annotate", tmp_path, "--no-browser")
    assert said.code == 2
    assert f"must hold nothing but A-Z, a-z, 0-9 and - . _ ~; got one with {wrong!r}." in said.err
    assert "0123456789" not in said.err, "it is a secret all the same"


def test_any_token_that_is_not_refused_opens_the_printed_address(tmp_path: Path) -> None:
    with served(tmp_path / "mine", "".join(sorted(LETTERS))) as client:
        entered = client.get(
            f"/?token={''.join(sorted(LETTERS))}", headers={"Authorization": ""}, follow_redirects=False
        )
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"].partition(";")[0]
        client.cookies.clear()
        inside = {"Authorization": "", "Cookie": cookie}
        assert client.get("/api/project", headers=inside).status_code == 200
        assert client.get("/api/project").status_code == 200, "as a header"


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = pointillist("annotate", tmp_path, "--no-browser")
    assert said.code == 2
    assert "must hold images/" in " ".join(said.err.split())
    monkeypatch.setitem(sys.modules, "fastapi", None)
    said = pointillist("annotate", tmp_path, "--no-browser")
    assert said.code == 2
    assert install("annotate") in " ".join(said.err.split())


def test_a_taken_port_is_told_and_its_socket_given_back() -> None:
    with listen("127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
        for _ in range(5):
            with pytest.raises(InputError, match=f"127.0.0.1:{port} must be free to listen on"):
                listen("127.0.0.1", port)
        after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    assert after == before
