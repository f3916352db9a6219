"""S18: whatever the bytes of stored weights say, they are read or refused in words."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.train.loop import train
from pointillist.train.store import read_model
from tests.train.small import small_run

DAMAGES = 400


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "run"
    train(small_run(), folder)
    return folder


def damaged(whole: bytes, number: int) -> bytes:
    """Change some bytes, mostly in the header, which says where each tensor lies; cut, or lengthen."""
    rng = numpy_rng(number, "weights")
    found = np.frombuffer(whole, np.uint8).copy()
    head = min(len(found), 8 if number % 4 == 0 else 1500)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(head if number % 3 else len(found)))
        # Digits, brackets and quotes make another header; any byte at all mostly makes none.
        found[place] = rng.choice(list(b'0123456789[]{}":,-eFIU')) if number % 2 else rng.integers(256)
    if number % 5 == 0:
        return found.tobytes()[: int(rng.integers(len(found)))]
    return found.tobytes() + bytes(number % 7)


def hostile(files: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for number in range(DAMAGES):
        yield "model.safetensors", damaged(files["model.safetensors"], number)
        yield "about.json", damaged(files["about.json"], number)
    for about in (b"[]", b"5", b"null", b'"text"', b"{}", b"\xff", b"", b"[" * 100_000, b'{"format": []}'):
        yield "about.json", about


def test_s18_damaged_weights_with_a_manifest_that_agrees_are_read_or_refused_in_words(trained: Path) -> None:
    folder = trained / "model"
    files = durable.read_generation(folder)
    refused = 0
    for name, content in hostile(files):
        # Who writes the folder writes its manifest, too: the hash is of no help against them.
        changed = {**files, name: content}
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in changed.items()}
        (folder / durable.MANIFEST).write_text(json.dumps({"format": 1, "sha256": hashes}))
        (folder / name).write_bytes(content)
        try:
            read_model(trained)
        except InputError:
            refused += 1
        (folder / name).write_bytes(files[name])
    assert refused > DAMAGES
