"""A small project behind its gates, asked as a browser would."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from pointillist.web.anew import Anew
from pointillist.web.gates import Gates
from pointillist.web.names import Names
from pointillist.web.project import Project
from pointillist.web.server import build
from tests.datasets.trees import draw_folder

HOST = "127.0.0.1:8123"
TOKEN = "0123456789abcdefghij"


def plain_folder(root: Path) -> Path:
    """Draw a folder of images and masks, on which nobody has drawn anything."""
    draw_folder(root)
    shutil.rmtree(root / "labels", ignore_errors=True)
    shutil.rmtree(root / "annotations", ignore_errors=True)
    return root


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    for _ in range(1200):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("not in time")


@contextmanager
def served(root: Path, token: str = TOKEN) -> Iterator[TestClient]:
    """Serve a new folder of images; the client knows the token."""
    if not root.exists():
        plain_folder(root)
    application = Anew(lambda renew: build(Project(root), renew))
    gates = Gates(application, Names(frozenset({HOST})), token, "pointillist-8123")
    bearer = {"Authorization": f"Bearer {token}"}
    # The gates let the lifespan through to the application.
    with TestClient(gates, base_url=f"http://{HOST}", headers=bearer) as client:
        yield client
