"""The annotator's server as a process, for benchmarks that ask it over HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a folder; give the address, and the headers that a request needs."""
    command = [sys.executable, "-m", "pointillist", "annotate", str(home), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = server.stdout.readline() + server.stdout.readline()
        ((address, token),) = re.findall(r"(http://\S+)/\?token=(\S+)", said)
        yield address, {"Authorization": f"Bearer {token}"}
    finally:
        server.terminate()
        server.wait()
