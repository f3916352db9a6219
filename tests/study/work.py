"""Tasks for engines, which new processes must be able to import."""

import ctypes
import errno
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from pointillist.core.errors import InputError


def payloads(folder: Path, *hows: str) -> list[dict[str, Any]]:
    """Describe tasks that act in these ways."""
    return [{"folder": str(folder), "name": f"task-{n}", "how": how} for n, how in enumerate(hows)]


def act(payload: dict[str, Any]) -> None:
    """Write the payload's name, in the way that it asks for."""
    begun = Path(payload["folder"]) / f"{payload['name']}.begun"
    tries = len(begun.read_text()) + 1 if begun.exists() else 1
    begun.write_text("x" * tries)
    how = payload["how"]
    if how == "raise" or (how == "raise once" and tries == 1):
        raise RuntimeError("out of luck")
    if how == "refuse":
        raise InputError("the data must be there", "nothing", "Put it there.")
    if how == "fill the disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results")
    if how == "kill" or (how == "kill once" and tries == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "fill and be killed":
        held = bytearray(os.urandom(1)) * (200 << 20)
        time.sleep(2.5)
        os.kill(os.getpid(), signal.SIGKILL if held else signal.SIGTERM)
    if how == "fill the memory":
        import resource  # Not on Windows.

        resource.setrlimit(resource.RLIMIT_AS, (1 << 34, resource.RLIM_INFINITY))
        held = bytearray()
        while True:
            held += bytes(1 << 34)
    if how == "crash":
        ctypes.string_at(0)
    if how == "hang":
        threading.Event().wait()
    if how == "hang without a thread":
        ctypes.PyDLL(None).pause()  # Keeps the interpreter's lock: no thread of Python goes on.
    if how == "be slow":
        time.sleep(5)
    if how == "exit":
        os._exit(7)
    while how == "hold" and not (Path(payload["folder"]) / "go").exists():
        time.sleep(0.05)
    if how == "wait":
        time.sleep(60)
    (Path(payload["folder"]) / payload["name"]).write_text(os.environ["OMP_NUM_THREADS"])
