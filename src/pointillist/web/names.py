"""By which names a server may be asked, and at which address its page lies."""

from __future__ import annotations

import platform
import string
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from pointillist.core.errors import InputError

EVERYWHERE = ("0.0.0.0", "::")
DEFAULT_PORTS = {"http": 80, "https": 443}
_OF_HOSTS = frozenset(string.ascii_lowercase + string.digits + "-._:")


@dataclass(frozen=True)
class Names:
    """The names of a server, as a request's ``Host`` and ``Origin`` must give them.

    Any other name that resolves to this machine is another page's (DNS rebinding). An address in figures
    can't be rebound, so the very one at which a connection arrived is a name, too.

    Args:
        hosts: each HOST:PORT, in small letters.
        public: the address under which a proxy shows the server, SCHEME://HOST or SCHEME://HOST:PORT.
    """

    hosts: frozenset[str]
    public: str | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.public is not None and self.public.startswith("https:")

    def are_ours(self, host: str, address: str, port: int | None) -> bool:
        """Whether a request may be addressed to a host, on a connection to this address and port."""
        host = host.lower()
        return host in self.hosts or host in self._shown or host == _host_of(address, port)

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether a page of an origin may ask, in a request to a host that is ours."""
        if origin == self.public:
            return True
        # Where TLS is offered, by TLS alone: without, who is on the way may have written the page.
        return host.lower() not in self._shown and origin == f"http://{host.lower()}"

    @cached_property
    def _shown(self) -> frozenset[str]:
        if self.public is None:
            return frozenset()
        parts = urlsplit(self.public)
        usual = DEFAULT_PORTS[parts.scheme]
        host, port = bracketed(parts.hostname or ""), parts.port or usual
        # Browsers leave a usual port out; some proxies write it.
        return frozenset({f"{host}:{port}", *([host] if port == usual else [])})


def names_of(host: str, port: int, public: str | None = None) -> Names:
    """Give the names of a server that listens on a host and port."""
    hosts = {host.lower()}
    if host in EVERYWHERE:
        hosts = {"localhost", "127.0.0.1", "::1", platform.node().lower()}
    elif is_local(host):
        hosts.add("localhost")
    return Names(frozenset(f"{bracketed(one)}:{port}" for one in hosts), public)


def is_local(host: str) -> bool:
    """Whether a host is this machine, and seen from nowhere else.

    >>> is_local("127.0.0.1"), is_local("::1"), is_local("0.0.0.0"), is_local("localhost.example.org")
    (True, True, False, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bracketed(host: str) -> str:
    """Write a host as an address does.

    >>> bracketed("::1"), bracketed("localhost")
    ('[::1]', 'localhost')
    """
    return f"[{host}]" if ":" in host else host


def checked_public(given: str) -> str:
    """Give a public address as the ``Origin`` of a browser says it.

    Raises:
        InputError: it has a path, or is none.

    >>> checked_public("https://Annotate.example.org:443/")
    'https://annotate.example.org'
    """
    try:
        parts = urlsplit(given)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in DEFAULT_PORTS or not host or not plain or not _OF_HOSTS.issuperset(host):
        must = "--public must be the address of a host alone"
        fix = "Write it as https://annotate.example.org, without a path, other letters as xn--..."
        raise InputError(must, repr(given), fix)
    ending = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{bracketed(host)}{ending}"


def _host_of(address: str, port: int | None) -> str | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return f"{bracketed(str(found))}:{port}"
