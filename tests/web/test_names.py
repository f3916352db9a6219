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
from pointillist.core.errors import InputError
from pointillist.web.names import Names, checked_public, names_of
from tests.web.app import plain_folder
from tests.web.browser import free_port

TOKEN = "A-token.of_20~letters"


class Begun:
    """The command, listening where it was told to; what it printed."""

    def __init__(self, root: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "pointillist", "annotate", str(root), "--no-browser", *flags]
        env = {**os.environ, "POINTILLIST_TOKEN": TOKEN, "COLUMNS": "40"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout is not None
        (self.page,) = re.findall(r"(\S+)/\?token=", "".join(self._until("token=")))
        self.port = int(flags[flags.index("--port") + 1] if "--port" in flags else self.page.split(":")[-1])

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


PUBLIC = "https://annotate.example.org"
# What a browser asks, as nginx with the lines of docs/annotator.md passes it on, as Caddy does, and as nginx
# does by itself.
PROXIES = {
    "nginx": {
        "Host": "annotate.example.org",
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Proto": "https",
        "Connection": "close",
    },
    "caddy": {
        "Host": "annotate.example.org",
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "annotate.example.org",
        "Via": "2.0 Caddy",
        "Accept-Encoding": "gzip",
    },
    "bare": {"Connection": "close"},
}


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    root = tmp_path_factory.mktemp("proxied") / "mine"
    with begun(root, "--port", free_port(), "--public", f"{PUBLIC}:443/") as server:
        yield server


@pytest.mark.parametrize("proxy", PROXIES)
def test_s03_s05_behind_a_proxy_with_tls_its_page_may_ask(proxied: Begun, proxy: str) -> None:
    assert proxied.page == PUBLIC
    local = f"http://127.0.0.1:{proxied.port}"
    with httpx.Client(base_url=local, headers=PROXIES[proxy]) as browser:
        entered = browser.get("/", params={"token": TOKEN})
        assert entered.status_code == 303
        assert entered.headers["location"] == "/", "relative: it stays behind the proxy"
        cookie = entered.headers["set-cookie"]
        assert "; Secure" in cookie
        assert "; HttpOnly" in cookie
        own = {"Cookie": cookie.partition(";")[0], "Sec-Fetch-Site": "same-origin"}
        browser.cookies.clear()
        assert browser.get("/api/project", headers=own).status_code == 200
        asked = browser.post("/api/train/cancel", headers={**own, "Origin": PUBLIC}, json={})
        assert asked.status_code == 200
        for origin in ("http://annotate.example.org", "https://evil.com", f"{PUBLIC}.evil.com", "null"):
            asked = browser.post("/api/train/cancel", headers={**own, "Origin": origin}, json={})
            assert asked.status_code == 403, origin
        with browser.stream("GET", "/api/stream", headers=own) as stream:
            assert next(stream.iter_lines()), "news comes"


def test_s03_s05_behind_a_proxy_other_names_are_refused_as_ever(proxied: Begun) -> None:
    local = f"http://127.0.0.1:{proxied.port}"
    assert proxied.ask(local, method="POST", Origin=local) == 200, "on the machine itself it still answers"
    assert proxied.ask(local, "annotate.example.org:443") == 200, "some proxies write the port"
    for host in (
        "evil.com",
        "annotate.example.org.evil.com",
        "annotate.example.org:80",
        f"annotate.example.org:{proxied.port}",
    ):
        assert proxied.ask(local, host) == 403, host
        forwarded = {"X-Forwarded-Host": "annotate.example.org", "X-Forwarded-Proto": "https"}
        assert proxied.ask(local, host, **forwarded) == 403, "what is said to be forwarded opens no gate"


def test_s10_guesses_through_a_proxy_count_for_who_makes_them_and_without_one_for_the_machine(
    proxied: Begun, tmp_path: Path
) -> None:
    wrong = {"Authorization": "Bearer wrong"}

    def guesses(server: Begun) -> list[int]:
        local = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=local, headers=wrong) as one:
            names = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(100, 140)]
            return [one.get("/api/project", headers=name).status_code for name in names]

    assert guesses(proxied) == [401] * 40, "forty people, one guess each"
    with begun(tmp_path / "mine") as server:
        assert 429 in guesses(server), "one person, who gives forty addresses"


@pytest.mark.parametrize(
    "given",
    [
        "annotate.example.org",
        "ftp://annotate.example.org",
        "https://annotate.example.org/there",
        "https://annotate.example.org?x",
        "https://me@annotate.example.org",
        "https://annotate.example.org:port",
        "https://",
        "https://bücher.example",
        "https://a b",
        "https://[::1",
    ],
)
def test_a_public_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="--public must be the address of a host alone"):
        checked_public(given)
    assert checked_public("http://[FD00::2]:8080/") == "http://[fd00::2]:8080"
