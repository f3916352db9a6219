"""A server answers to its own names, wherever it listens, and to no other."""

import contextlib
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from pointillist.cli.listen import reached_at
from pointillist.web.names import Names, names_of
from tests.web.app import plain_folder

TOKEN = "A-token.of_20~letters"


class Begun:
    """The command, listening where it was told to; what it printed."""

    def __init__(self, root: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "pointillist", "annotate", str(root), "--no-browser", *flags]
        env = {**os.environ, "POINTILLIST_TOKEN": TOKEN, "COLUMNS": "40"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout is not None
        (self.page,) = re.findall(r"(\S+)/\?token=", "".join(self._until("token=")))
        self.port = int(self.page.rpartition(":")[2]) if flags[-2:-1] != ("--public",) else 0

    def _until(self, word: str) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield line
            if word in line:
                return

    def ask(self, at: str, host: str | None = None, method: str = "GET", **headers: str) -> int:
        """Ask at an address of this machine, as if it had been called by a host's name."""
        path = "/api/project" if method == "GET" else "/api/train/cancel"
        given = {"Authorization": f"Bearer {TOKEN}", **headers}
        if host is not None:
            given["Host"] = host
        url = f"{at}{path}"
        return httpx.request(method, url, headers=given, json=None if method == "GET" else {}).status_code


@contextlib.contextmanager
def begun(root: Path, *flags: str) -> Iterator[Begun]:
    found = Begun(plain_folder(root), *flags)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.communicate()


def speaks_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        return True
    return False


def test_s03_who_listens_everywhere_answers_to_every_name_of_the_machine(tmp_path: Path) -> None:
    with begun(tmp_path / "mine", "--host", "0.0.0.0") as server:
        assert "0.0.0.0" not in server.page
        assert server.ask(server.page) == 200, "what is printed works"
        for name in ("127.0.0.1", "localhost", platform.node()):
            host = f"{name}:{server.port}"
            local = f"http://127.0.0.1:{server.port}"
            assert server.ask(local, host) == 200
            assert server.ask(local, host, "POST", Origin=f"http://{host}") == 200
        direct = f"http://{reached_at('0.0.0.0')}:{server.port}"
        assert server.ask(direct, method="POST", Origin=direct) == 200
        for foreign in (
            "evil.com",
            f"evil.com:{server.port}",
            f"127.0.0.1.nip.io:{server.port}",
            f"{platform.node()}.evil.com:{server.port}",
            f"0.0.0.0:{server.port}",
            f"203.0.113.7:{server.port}",
            "127.0.0.1",
            f"localhost:{server.port + 1}",
        ):
            assert server.ask(f"http://127.0.0.1:{server.port}", foreign) == 403, foreign
        for origin in ("http://evil.com", f"http://evil.com:{server.port}", "null"):
            assert server.ask(direct, method="POST", Origin=origin) == 403


@pytest.mark.skipif(not speaks_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
def test_s03_an_address_of_ipv6_is_written_in_brackets_and_answered(tmp_path: Path, host: str) -> None:
    with begun(tmp_path / "mine", "--host", host) as server:
        assert server.ask(server.page) == 200
        loopback = f"http://[::1]:{server.port}"
        assert server.ask(loopback, method="POST", Origin=loopback) == 200
        assert server.ask(loopback, f"localhost:{server.port}") == 200
        assert server.ask(loopback, f"::1:{server.port}") == 403
        assert server.ask(loopback, f"[::2]:{server.port}") == 403


def test_s03_the_address_at_which_a_connection_arrived_is_ours_and_no_other() -> None:
    names = names_of("0.0.0.0", 8765)
    assert names.are_ours("192.0.2.9:8765", "192.0.2.9", 8765)
    assert names.are_ours("192.0.2.9:8765", "::ffff:192.0.2.9", 8765), "through a socket for both kinds"
    assert names.are_ours("[2001:db8::9]:8765", "2001:db8::9", 8765)
    for host, address, port in (
        ("192.0.2.9:8765", "192.0.2.8", 8765),
        ("192.0.2.9:80", "192.0.2.9", 8765),
        ("192.0.2.9", "192.0.2.9", 8765),
        ("evil.com:8765", "evil.com", 8765),
        ("192.0.2.9:8765", "", None),
        (":none", "", None),
    ):
        assert not names.are_ours(host, address, port), (host, address)
    assert names_of("annotate.lan", 8765) == Names(frozenset({"annotate.lan:8765"}))
    assert names_of("127.0.0.1", 8765).hosts == {"127.0.0.1:8765", "localhost:8765"}
