"""A folder has one server: two would not tell each other's pages what was clicked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointillist.core import durable


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold a project's own folder for this process, as long as it lives; whoever only reads is not asked.

    Where nothing is put into it meanwhile, no folder is left behind.

    Raises:
        InputError: another process holds it.
    """
    if not home.parent.is_dir():
        yield  # Whoever looks for images there says what is wrong.
        return
    home.mkdir(exist_ok=True, mode=0o700)
    must = "a folder must have one server"
    fix = "Open its page, which several people may use at once; or end it with Ctrl+C."
    try:
        with durable.locked(home, must, fix):
            yield
    finally:
        if [path.name for path in home.iterdir()] == [durable.LOCK]:
            (home / durable.LOCK).unlink()
            home.rmdir()
