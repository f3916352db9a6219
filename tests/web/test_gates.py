"""What must not get in does not get in, and nothing of the machine gets out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pointillist.web import gates
from pointillist.web.gates import LARGEST_BODY, SMALL_BODY
from pointillist.web.tries import ADDRESSES, MOST, Tries
from tests.web.app import HOST, TOKEN, served

PATHS = ("/", "/page/app.js", "/api/project", "/api/stream", "/api/images/0/marks", "/nothing")
BAD_HOSTS = (
    "evil.com",
    "localhost.evil.com",
    "127.0.0.1.nip.io:8123",
    "127.0.0.1",
    "127.0.0.1:80",
    "[::1]:8123",
    "",
)
FOREIGN = (
    {"Origin": "http://evil.com"},
    {"Origin": "null"},
    {"Origin": f"http://{HOST}.evil.com"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("gates") / "mine") as found:
        yield found


@pytest.fixture
def client(running: TestClient) -> TestClient:
    running.cookies.clear()
    return running


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_s03_another_name_is_refused_before_all_else(client: TestClient, path: str, host: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_s05_s06_s07_other_pages_are_refused(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.get(path, headers=headers).status_code == 403
    assert client.post("/api/train", headers=headers, json={}).status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bearer", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_s08_who_does_not_know_the_token_sees_nothing(client: TestClient, path: str, bearer: str) -> None:
    answer = client.get(path, headers={"Authorization": bearer})
    assert answer.status_code in (401, 429), "429 after ten wrong ones in a second"
    assert TOKEN not in answer.text


def test_a_person_without_the_token_reads_a_page_and_programs_read_json(tmp_path: Path) -> None:
    with served(tmp_path / "mine") as client:
        page = client.get("/", headers={"Authorization": ""})
        assert page.headers["content-type"].startswith("text/html")
        assert "<h1>" in page.text
        assert "open the address" in page.text
        asked = client.get("/api/project", headers={"Authorization": ""})
        assert "open the address" in asked.json()["error"]
        assert (page.status_code, asked.status_code) == (401, 401)


def test_s08_a_browser_enters_by_its_address_and_keeps_a_cookie(client: TestClient) -> None:
    entered = client.get("/", params={"token": TOKEN}, headers={"Authorization": ""}, follow_redirects=False)
    assert entered.status_code == 303
    assert entered.headers["location"] == "/"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    client.cookies.clear()
    name, _, value = cookie.partition(";")[0].partition("=")
    inside = {"Authorization": "", "Cookie": f"{name}={value}"}
    assert client.get("/api/project", headers=inside).status_code == 200
    for wrong in ({"headers": {**inside, "Cookie": f"{name}=wrong"}}, {"params": {"token": "wrong"}}):
        assert client.get("/", **{"headers": {"Authorization": ""}, **wrong}).status_code in (401, 429)  # type: ignore[arg-type]


FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_s05_a_link_with_the_token_is_followed_from_another_page(client: TestClient, site: str) -> None:
    headers = {"Authorization": "", **FOLLOWED, "Sec-Fetch-Site": site}
    entered = client.get("/", params={"token": TOKEN}, headers=headers, follow_redirects=False)
    assert entered.status_code == 200, "after a redirect the request would still be the other page's"
    assert '<meta http-equiv="refresh" content="0; url=/">' in entered.text
    assert TOKEN not in entered.text
    assert entered.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in entered.headers["content-security-policy"]
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"pointillist-8123={TOKEN};")
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie


@pytest.mark.parametrize(
    "changed",
    [
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": ""},
        {"Origin": "http://evil.com"},
        {"Origin": f"http://{HOST}"},
        {"Host": "evil.com"},
    ],
    ids=str,
)
def test_s05_all_else_from_another_page_is_refused_whatever_it_knows(
    client: TestClient, changed: dict[str, str]
) -> None:
    known = {"Cookie": f"pointillist-8123={TOKEN}"}
    headers = {**FOLLOWED, **known, **changed}
    answer = client.get("/", params={"token": TOKEN}, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    for path in ("/api/project", "/page/app.js", "/api/export.zip"):
        told = client.get(path, params={"token": TOKEN}, headers={**FOLLOWED, **known})
        assert told.status_code == 403
    posted = client.post("/", params={"token": TOKEN}, headers={**FOLLOWED, **known}, json={})
    assert posted.status_code == 403


@pytest.mark.parametrize("token", ["", "wrong"])
def test_s05_a_link_without_the_token_leads_to_a_page_that_says_so(client: TestClient, token: str) -> None:
    headers = {**FOLLOWED, "Cookie": f"pointillist-8123={TOKEN}"}
    answer = client.get("/", params={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "<h1>This page needs its token</h1>" in answer.text


OTHERS = ('foo={"a": "b"}', "user=John Smith", "debug", "path=/x", "=", "a=b=c", "naïve=é", f"x{HOST}=1", "")


@pytest.mark.parametrize("other", OTHERS)
def test_cookies_of_other_servers_on_this_machine_lock_nobody_out(client: TestClient, other: str) -> None:
    ours = f"pointillist-8123={TOKEN}"
    for given in (f"{other}; {ours}", f"{ours}; {other}", f"{other};{ours} ;{other}"):
        headers = [("Authorization", b""), ("Cookie", given.encode())]
        assert client.get("/api/project", headers=headers).status_code == 200, given  # type: ignore[arg-type]
    for wrong in (f"xpointillist-8123={TOKEN}", f"x=pointillist-8123={TOKEN}", "pointillist-8123", other):
        headers = [("Authorization", b""), ("Cookie", wrong.encode())]
        assert client.get("/api/project", headers=headers).status_code in (401, 429)  # type: ignore[arg-type]


def test_s11_bodies_are_small_json_and_announced_as_they_are(client: TestClient) -> None:
    json = {"Content-Type": "application/json"}
    assert (
        client.post("/api/train", content=b"a=1", headers={"Content-Type": "text/plain"}).status_code == 415
    )
    assert client.post("/api/train", content=b"{}").status_code == 415
    large = b" " * (LARGEST_BODY + 1)
    assert client.post("/api/images/0/events", content=large, headers=json).status_code == 413
    for length in ("-1", "1e3", "x"):
        answer = client.post("/api/train", content=b"{}", headers={**json, "Content-Length": length})
        assert answer.status_code == 400
    assert client.put("/api/train", json={}).status_code == 405

    def endless() -> Iterator[bytes]:
        for _ in range(2 * LARGEST_BODY >> 16):
            yield b" " * (1 << 16)

    assert client.post("/api/images/0/events", content=endless(), headers=json).status_code == 413


def test_s11_what_is_a_word_or_two_may_not_be_a_book(client: TestClient) -> None:
    json = {"Content-Type": "application/json"}
    large = b'{"again": true' + b" " * SMALL_BODY + b"}"
    for path in ("/api/train", "/api/train/again", "/api/train/cancel", "/api/export"):
        assert client.post(path, content=large, headers=json).status_code == 413
    assert client.post("/api/images/0/events", content=large, headers=json).status_code in (404, 422)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/api/project", "/api/train"])
def test_s11_what_is_neither_get_nor_post_is_refused_alike(
    client: TestClient, path: str, method: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("again", {"again": "yes"}),
        ("again", {"again": 1}),
        ("again", {"again": None}),
        ("again", {"again": True, "more": 1}),
        ("again", {}),
        ("again", []),
        ("cancel", {"again": True}),
        ("cancel", []),
        ("", {"epochs": 5}),
    ],
    ids=str,
)
def test_bodies_that_say_something_else_are_refused(client: TestClient, path: str, body: Any) -> None:
    answer = client.post(f"/api/train/{path}".rstrip("/"), json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert client.post("/api/train/again", json={"again": False}).json() == {"again": False}
    assert client.post("/api/train/cancel", json={}).status_code == 200


def test_s13_s14_what_is_answered_may_not_run_or_be_framed(client: TestClient) -> None:
    for answer in (
        client.get("/"),
        client.get("/api/project"),
        client.get("/", headers={"Host": "evil.com"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_s06_s08_no_other_page_may_hold_an_answer_or_be_told_an_address(client: TestClient) -> None:
    key = client.get("/api/project").json()["images"][0]["id"]
    answers = [
        *(client.get(path) for path in ("/", "/page/app.js", "/api/project", "/nothing")),
        client.get(f"/api/images/{key}/tiles/0/0_0.png"),
        client.get(f"/api/images/{key}/thumbnail.webp"),
        client.get("/", headers={"Authorization": ""}),
        client.get("/", params={"token": TOKEN}, follow_redirects=False),
        client.get("/", headers={"Host": "evil.com"}),
        client.post("/api/train", content=b""),
        client.post("/api/train/again", json={}),
    ]
    told = {answer.status_code for answer in answers}
    assert told >= {200, 303, 403, 404, 415, 422}
    assert told & {401, 429}, "429 where other tests have just guessed"
    for answer in answers:
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_s08_tokens_are_compared_in_constant_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def never(given: bytes, token: bytes) -> bool:
        compared.append((given, token))
        return False

    monkeypatch.setattr(gates.hmac, "compare_digest", never)
    ways: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"headers": {"Authorization": "", "Cookie": f"pointillist-8123={TOKEN}"}},
        {"headers": {"Authorization": ""}, "params": {"token": TOKEN}},
    ]
    # A server of its own: wrong tokens that other tests gave to theirs would hold these up.
    with served(tmp_path / "mine") as client:
        for way in ways:
            answer = client.get("/", follow_redirects=False, **way)
            assert answer.status_code == 401, "nothing else says that it is the token"
    assert compared == [(TOKEN.encode(), TOKEN.encode())] * 3


CLIMBS = (
    "../",
    "..%2f",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..\\",
    "..%5c",
    "....//",
    "%00",
    "C:\\",
    "//etc/",
    "~/",
)


@pytest.mark.parametrize("route", ["/page/{}", "/api/images/{}/marks", "/api/images/{}/tiles/0/0_0.png"])
@pytest.mark.parametrize("climb", CLIMBS)
def test_s01_s23_no_path_from_a_request(client: TestClient, route: str, climb: str) -> None:
    for target in ("pyproject.toml", "etc/passwd", "server.py"):
        answer = client.get(route.format(climb * 4 + target))
        assert answer.status_code in (400, 404)
        assert str(Path.cwd()) not in answer.text
        assert "root:" not in answer.text


def test_s10_ten_wrong_tokens_a_second_and_then_none_is_looked_at() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    for _ in range(MOST):
        assert not tries.held_up("guest", "header")
        tries.wrong("guest", "header")
        now[0] += 0.01
    assert tries.held_up("guest", "header")
    assert not tries.held_up("guest", "address"), "who opens the printed address is let in all the same"
    assert not tries.held_up("another", "header")
    now[0] += 1
    assert not tries.held_up("guest", "header")
    tries.right("person")
    for _ in range(5 * MOST):
        tries.wrong("person", "cookie")
    assert not tries.held_up("person", "cookie"), "who has known the token is never held up"
    for number in range(2 * ADDRESSES):
        tries.wrong(str(number), "header")
    assert len(tries._wrong) == ADDRESSES


def test_s10_guesses_are_answered_429_and_who_knows_the_token_is_not_slowed(tmp_path: Path) -> None:
    with served(tmp_path / "mine") as client:
        wrong = [client.get("/", headers={"Authorization": "Bearer no"}).status_code for _ in range(40)]
        assert set(wrong) == {401, 429}
        assert wrong[: MOST - 1] == [401] * (MOST - 1)
        held_up = client.get("/", headers={"Authorization": f"Bearer {TOKEN}"})
        entered = client.get(
            "/", params={"token": TOKEN}, headers={"Authorization": ""}, follow_redirects=False
        )
        assert entered.status_code == 303
        for _ in range(40):
            client.get("/", headers={"Authorization": "Bearer no", "Cookie": ""})
            assert client.get("/api/project").status_code == 200
        assert held_up.status_code == 429, "nobody who guesses learns that one was right"


def test_s12_a_body_is_announced_in_one_way(client: TestClient) -> None:
    both = {"Content-Type": "application/json", "Content-Length": "2", "Transfer-Encoding": "chunked"}
    assert client.post("/api/train", content=b"{}", headers=both).status_code == 400
