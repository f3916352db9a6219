"""Where the command line prints to, and how it says a length of time."""

from __future__ import annotations

from rich.console import Console

# No markup and no emoji codes: a path may hold brackets and colons.
out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def seconds(value: float | None) -> str:
    """Print a length of time as people say it.

    >>> seconds(11.97), seconds(4740.0), seconds(None)
    ('12 s', '79 min', '-')
    """
    if value is None:
        return "-"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min"
