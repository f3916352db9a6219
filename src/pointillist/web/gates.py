"""What every request passes before any route sees it: where it goes, where it comes from, who asks."""

from __future__ import annotations

import hmac
import json
import string
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

from pointillist.core.errors import InputError
from pointillist.web.names import Names
from pointillist.web.tries import Tries

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY, SMALL_BODY = 2 << 20, 1 << 16
LETTERS = frozenset(string.ascii_letters + string.digits + "-._~")
"""Of a token: an address, a cookie and a header all take them as they are."""
METHODS = ("GET", "POST")
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


FOREIGN = (HTTPStatus.FORBIDDEN, "the request must come from this server's own page")
ENTER = "open the address that 'pointillist annotate' printed, with its token"
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="dark light">'
    "<title>Annotate</title><h1>This page needs its token</h1><p>To enter, {why}.</p></html>"
)
GO_ON = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="dark light">'
    b'<meta http-equiv="refresh" content="0; url=/"><title>Annotate</title>'
    b'<p><a href="/">To the images</a></p></html>'
)


@dataclass(frozen=True)
class Gates:
    """The gates in front of an application, in this order: host, method and size, origin, token.

    Args:
        app: behind them.
        names: what a request may be addressed to, and which pages are ours.
        token: what a request must know: a cookie, an ``Authorization: Bearer`` header, or once, for a
            browser, ``/?token=``, which becomes the cookie.
        cookie: its name, another for each port: browsers share cookies between ports.
        tickets: each lets a browser in once in the token's place: its own command line, where others may
            read it, need not hold the token.
        tries: who has guessed.

    Source: rule 7 and rows S03 to S14 of this project's reliability matrix.
    """

    app: App
    names: Names
    token: str
    cookie: str
    tickets: set[str] = field(default_factory=set)
    tries: Tries = field(default_factory=Tries)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await _refuse(send, HTTPStatus.FORBIDDEN, "only HTTP is spoken here")
        headers = _headers(scope)
        refusal = self._host(scope, headers) or _size(scope, headers) or self._origin(headers)
        by_link = refusal == FOREIGN and _by_link(scope, headers)
        if refusal is not None and not by_link:
            return await _refuse(send, *refusal)
        address = (scope.get("client") or ("",))[0]
        if scope["path"] == "/":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
            if given in self.tickets or self._known(address, "address", given):
                self.tickets.discard(given)
                return await self._enter(send, by_link)
        if by_link:
            return await _refuse(send, HTTPStatus.FORBIDDEN, ENTER, to_read=True)
        named = {"header": _bearer(headers), "cookie": self._from_cookie(headers)}
        if any([self._known(address, way, given) for way, given in named.items()]):
            return await self.app(scope, _bounded(receive, _largest(scope)), _with_headers(send))
        if any(self.tries.many(address, way) for way in ("address", *named)):
            return await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens; wait a second")
        await _refuse(send, HTTPStatus.UNAUTHORIZED, ENTER, to_read=scope["path"] == "/")

    def _known(self, address: str, way: str, given: str) -> bool:
        """Look at a token, unless too many wrong ones have come this way."""
        if not given or self.tries.held_up(address, way):
            return False
        if self._knows(given):
            self.tries.right(address)
            return True
        self.tries.wrong(address, way)
        return False

    def _host(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[HTTPStatus, str] | None:
        hosts, arrived = headers.get("host", []), scope.get("server") or ("", None)
        if len(hosts) == 1 and self.names.are_ours(hosts[0], arrived[0], arrived[1]):
            return None
        return HTTPStatus.FORBIDDEN, "the request must be addressed to this server's own name"

    def _origin(self, headers: dict[str, list[str]]) -> tuple[HTTPStatus, str] | None:
        origins, sites = headers.get("origin", []), headers.get("sec-fetch-site", [])
        (host,) = headers["host"]
        ours = all(self.names.is_own_page(origin, host) for origin in origins)
        if ours and all(site in ("same-origin", "none") for site in sites):
            return None
        return FOREIGN

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _from_cookie(self, headers: dict[str, list[str]]) -> str:
        # By hand: all ports of a machine share their cookies, and Python's parser gives up a whole header at
        # the first one that it dislikes.
        lines = headers.get("cookie", [])
        pairs = [piece.strip().partition("=") for line in lines for piece in line.split(";")]
        named = [value for name, _, value in pairs if name == self.cookie]
        # Of several the last is that of all paths, which is ours.
        return named[-1] if named else ""

    async def _enter(self, send: Send, by_link: bool) -> None:
        cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        cookie += "; Secure" if self.names.secure else ""
        headers = [(b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        if by_link:
            # After a redirect the request would still be the other page's; this page asks for itself.
            status, body = HTTPStatus.OK, GO_ON
            headers.append((b"content-type", b"text/html; charset=utf-8"))
        else:
            status, body = HTTPStatus.SEE_OTHER, b""
            headers.append((b"location", b"/"))
        start = {"type": "http.response.start", "status": status.value, "headers": headers}
        await _with_headers(send)(start)
        await send({"type": "http.response.body", "body": body})


def check_token(token: str) -> None:
    """Refuse a token that an address, a cookie or a header would change.

    Raises:
        InputError: it has letters beyond `LETTERS`.
    """
    if wrong := sorted(set(token) - LETTERS):
        must = "a token must hold nothing but A-Z, a-z, 0-9 and - . _ ~"
        fix = "In an address others mean something else. Choose another, or give none: one is made up."
        raise InputError(must, f"one with {' '.join(map(repr, wrong))}", fix)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _by_link(scope: Scope, headers: dict[str, list[str]]) -> bool:
    """Whether a person follows a link on another page, as in a chat, to this server's address, in a tab.

    All that it can bring about is that this browser gets its cookie, by a token that the link must hold: the
    other page can't read the answer, and what the browser sends along by itself is not looked at.
    """
    told = tuple(headers.get(name) for name in ("origin", "sec-fetch-mode", "sec-fetch-dest"))
    return (scope["method"], scope["path"]) == ("GET", "/") and told == (None, ["navigate"], ["document"])


def _bearer(headers: dict[str, list[str]]) -> str:
    (given, *_) = headers.get("authorization", [""])
    return given.removeprefix("Bearer ") if given.startswith("Bearer ") else ""


def _size(scope: Scope, headers: dict[str, list[str]]) -> tuple[HTTPStatus, str] | None:
    if scope["method"] not in METHODS:
        return HTTPStatus.METHOD_NOT_ALLOWED, f"only {' and '.join(METHODS)} are answered"
    if scope["method"] != "POST":
        return None
    (kind, *_) = headers.get("content-type", [""])
    if kind.partition(";")[0].strip().lower() != "application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body must be application/json"
    if "content-length" in headers and "transfer-encoding" in headers:
        # A proxy may believe the one and we the other: a second request could hide in the difference.
        return HTTPStatus.BAD_REQUEST, "a body must be announced in one way"
    lengths = headers.get("content-length", ["0"])
    if len(lengths) > 1 or not lengths[0].isdigit():
        return HTTPStatus.BAD_REQUEST, "Content-Length must be one whole number"
    if int(lengths[0]) > (most := _largest(scope)):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body must be at most {most >> 10} KiB"
    return None


def _largest(scope: Scope) -> int:
    """Give the bytes that a body may have: all but what is drawn are a word or two."""
    return LARGEST_BODY if scope["path"].endswith("/events") else SMALL_BODY


def _bounded(receive: Receive, most: int) -> Receive:
    """Stop reading a body that is sent in pieces without an end."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            # Raised where the application reads, so that it is this that is answered.
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            named = {name.lower() for name, _ in message["headers"]}
            extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in named]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sending


async def _refuse(send: Send, status: HTTPStatus, why: str, to_read: bool = False) -> None:
    """Answer why not; a person who opened an address in a browser reads a page, all others JSON."""
    body = (PAGE.format(why=why) if to_read else json.dumps({"error": why})).encode()
    kind = b"text/html; charset=utf-8" if to_read else b"application/json"
    headers = [(b"content-type", kind), (b"connection", b"close")]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", ", ".join(METHODS).encode()))
    start = {"type": "http.response.start", "status": status.value, "headers": headers}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": body})
