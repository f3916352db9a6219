"""Where a server listens, and by which address others reach it."""

from __future__ import annotations

import contextlib
import socket

from pointillist.core.errors import InputError

BACKLOG = 2048
"""Connections that may wait: with the usual few, clicks of many people at once are reset."""
PORTS = range(8765, 8785)
"""The same port each time where it can be: a browser keeps what was not saved by address and port."""


def listen_anywhere(host: str) -> socket.socket:
    """Listen on the first free port.

    Raises:
        InputError: there is none.
    """
    for candidate in PORTS:
        with contextlib.suppress(InputError):
            return listen(host, candidate)
    return listen(host, 0)


def listen(host: str, port: int) -> socket.socket:
    """Listen on one port.

    Raises:
        InputError: it is taken.
    """
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # With its protocol named: only then does asyncio send small answers at once (TCP_NODELAY).
        with contextlib.ExitStack() as unless_it_listens:
            listening = unless_it_listens.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
            unless_it_listens.pop_all()
    except OSError as error:
        fix = "Leave --port out, and a free one is taken."
        raise InputError(f"{host}:{port} must be free to listen on", str(error), fix) from None
    return listening


def reached_at(host: str) -> str:
    """Give the address by which others reach a server that listens everywhere; without a network, its own.

    Nothing is sent: of a socket for datagrams, to connect is to look up the way that they would go.
    """
    ways = [(socket.AF_INET, "192.0.2.1"), *([(socket.AF_INET6, "2001:db8::1")] if host == "::" else [])]
    for family, elsewhere in ways:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as way:
            way.connect((elsewhere, 9))
            return str(way.getsockname()[0])
    return "::1" if host == "::" else "127.0.0.1"
