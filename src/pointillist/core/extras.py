"""How an optional extra is installed, here: from a checkout, or from the package index."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import urlparse
from urllib.request import url2pathname


def install(extra: str) -> str:
    """Give the command that installs an extra of this very program.

    Out of a checkout (an editable install) the index may know another version, or none.

    >>> install("ray").startswith("pip install ")
    True
    """
    checkout = _checkout()
    return (
        f"pip install 'pointillist[{extra}]'" if checkout is None else f"pip install -e '{checkout}[{extra}]'"
    )


def _checkout() -> str | None:
    try:
        told = distribution("pointillist").read_text("direct_url.json")
    except PackageNotFoundError:  # Its folder alone is on the path.
        return None
    where = json.loads(told) if told else {}
    if not where.get("dir_info", {}).get("editable"):
        return None
    return url2pathname(urlparse(where["url"]).path)
