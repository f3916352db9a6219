"""An export takes as long as it takes: bytes flow until its end, which tells of errors in words."""

import errno
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pointillist.core.errors import InputError
from pointillist.web.answers import FULL
from pointillist.web.export import Exported
from tests.web.app import served


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with served(tmp_path / "mine") as found:
        yield found


def test_bytes_flow_until_a_long_export_has_ended(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    end = threading.Event()

    def export(*_: object) -> Exported:
        assert end.wait(1) is False
        return Exported(3, 2, {"a": "torn"})

    monkeypatch.setattr("pointillist.web.exporter.export", export)
    monkeypatch.setattr("pointillist.web.spaced.STILL_HERE_S", 0.05)
    answer = client.post("/api/export", json={})
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.text) - len(answer.text.lstrip(" ")) > 3
    told = {"folder": str(tmp_path / "mine" / "export"), "files": 3, "masks": 2}
    assert answer.json() == told | {"skipped": [{"name": "a", "why": "torn"}]}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "no space"), FULL),
        (InputError("it must be so", "another", "Do this."), "it must be so"),
        (ValueError("of the machine"), "the server failed"),
    ],
)
def test_what_goes_wrong_on_the_way_is_said_in_the_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def export(*_: object) -> Exported:
        time.sleep(0.5)
        raise error

    monkeypatch.setattr("pointillist.web.exporter.export", export)
    monkeypatch.setattr("pointillist.web.spaced.STILL_HERE_S", 0.05)
    told = client.post("/api/export", json={}).json()
    assert told.keys() == {"error"}
    assert words in told["error"]
    assert "of the machine" not in told["error"]
