"""F02, F10, F13: whatever moment a write dies at, the old content or the new is there, and damage is seen."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pointillist.core import durable
from pointillist.core.durable import CorruptError
from pointillist.core.errors import InputError


class Died(BaseException):
    """Stands for SIGKILL: not even `except Exception` sees it."""


class Fault:
    """Fails the n-th file operation of a scenario: dies before it, after it, half-way, or gets an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, mode: str) -> None:
        self.count, self.at, self.mode, self.fired = 0, at, mode, False
        for name in ("open", "write", "fsync", "replace"):
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            self.count += 1
            if self.count != self.at:
                return real(*args)
            self.fired = True
            if self.mode == "errno":
                raise OSError(errno.ENOSPC, "No space left on device")
            if self.mode == "half" and name == "write":
                real(args[0], bytes(args[1])[: len(bytes(args[1])) // 2])  # type: ignore[call-overload]
            if self.mode == "after":
                real(*args)
            raise Died

        return call


MODES = ["before", "after", "half", "errno"]


def every_fault(scenario: Callable[[], None], check: Callable[[], None], mode: str) -> int:
    """Run a scenario with its 1st, 2nd, ... operation failing until it completes; check after each."""
    for at in range(1, 200):
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, at, mode)
            with contextlib.suppress(Died, OSError):
                scenario()
        check()
        if not fault.fired:
            return at - 1
    raise AssertionError("the scenario never completed")


@pytest.mark.parametrize("mode", MODES)
def test_a_file_holds_the_old_or_the_new_content(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.json"
    durable.write_bytes(path, b"old" * 1000)
    swept = every_fault(
        lambda: durable.write_bytes(path, b"new" * 1000),
        lambda: _assert_one_of(path, b"old" * 1000, b"new" * 1000),
        mode,
    )
    assert swept >= 5
    assert path.read_bytes() == b"new" * 1000


def _assert_one_of(path: Path, *contents: bytes) -> None:
    assert path.read_bytes() in contents


@pytest.mark.parametrize("mode", MODES)
def test_a_generation_is_whole_or_absent(tmp_path: Path, mode: str) -> None:
    folder, files = tmp_path / "step-1", {"a.bin": b"1" * 100, "b.bin": b"2" * 100}

    def write() -> None:
        if not folder.exists():
            durable.write_generation(folder, files)

    def check() -> None:
        if folder.exists():
            assert durable.read_generation(folder) == files
            durable.delete_generation(folder)

    assert every_fault(write, check, mode) >= 12


def test_an_error_leaves_no_temporary_file(tmp_path: Path) -> None:
    def write() -> None:
        with durable.replacing(tmp_path / "picture.png") as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert list(tmp_path.iterdir()) == []


def damaged(whole: bytes) -> Iterator[bytes]:
    for place in range(0, len(whole) * 8, 7):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)
    yield from (whole[:length] for length in range(0, len(whole), 5))


def test_every_flipped_bit_and_every_cut_of_the_data_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "generation"
    durable.write_generation(folder, {"a.bin": bytes(range(64))})
    for content in damaged(bytes(range(64))):
        (folder / "a.bin").write_bytes(content)
        with pytest.raises(CorruptError, match="SHA-256"):
            durable.read_generation(folder)


def test_a_damaged_manifest_never_gives_wrong_data(tmp_path: Path) -> None:
    folder, files = tmp_path / "generation", {"a.bin": bytes(range(64))}
    durable.write_generation(folder, files)
    seen = 0
    for content in damaged((folder / durable.MANIFEST).read_bytes()):
        (folder / durable.MANIFEST).write_bytes(content)
        try:
            assert durable.read_generation(folder) == files  # White space alone was hit.
        except CorruptError:
            seen += 1
    assert seen > 100


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "generation"
    durable.write_generation(folder, {"a.bin": b"inside"})
    (tmp_path / "secret").write_bytes(b"outside")
    manifest = {"format": 1, "sha256": {"../secret": "0" * 64}}
    (folder / durable.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CorruptError):
        durable.read_generation(folder)


def test_a_second_process_is_refused_and_a_dead_one_does_not_lock(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pointillist.core import durable\n"
        f"with durable.locked(Path({str(tmp_path)!r})):\n print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"process {holder.pid}"), durable.locked(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with durable.locked(tmp_path):
        pass


def test_json_refuses_what_other_readers_cannot_take(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        durable.write_json(tmp_path / "a.json", {"dice": float("nan")})
    assert list(tmp_path.iterdir()) == []
