"""What is missing is installed by the command that is told, wherever this program came from."""

import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pointillist.core.extras import install


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (None, "pip install 'pointillist[ray]'"),
        ({"url": "file:///a/wheel.whl", "archive_info": {}}, "pip install 'pointillist[ray]'"),
        (
            {"url": Path("/my work").as_uri(), "dir_info": {"editable": True}},
            "pip install -e '/my work[ray]'",
        ),
    ],
)
def test_an_extra_comes_from_where_the_program_came_from(
    told: object, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(read_text=lambda name: None if told is None else json.dumps(told))
    monkeypatch.setattr("pointillist.core.extras.distribution", lambda name: found)
    assert install("ray") == command


def test_a_program_that_was_not_installed_is_taken_for_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("pointillist.core.extras.distribution", missing)
    assert install("sam") == "pip install 'pointillist[sam]'"
