"""Every byte that Pointillist keeps is written here: whole or not at all, and on the disk when we say so."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pointillist.core.errors import InputError

MANIFEST = "MANIFEST.json"
LOCK = ".lock"


class CorruptError(Exception):
    """A stored generation does not match its manifest; the message says which file and how."""


class LockedError(InputError):
    """Another process holds a folder: when that has ended, the same may be tried again."""


class DiskError(Exception):
    """The disk takes nothing more that is written, whoever writes; the message says what to do."""


_AGAIN = "nothing is lost, and the same command goes on."
_FULL = ("the disk is full, and must have room for what is written", f"Free some space; {_AGAIN}")
_READ_ONLY = (
    "the folder must be writable",
    "Make it so, or name another.",
)
_BROKEN = ("the disk must take what is written", f"See whether it is sound; {_AGAIN}")
_DISK = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EROFS: _READ_ONLY, errno.EIO: _BROKEN}


def disk_in_words(error: OSError) -> str | None:
    """Say that the disk is full, read-only or broken; None: it is another error."""
    if error.errno not in _DISK:
        return None
    must, fix = _DISK[error.errno]
    return f"{must}; got {error}. {fix}"


def disk_is_full(error: OSError) -> bool:
    """Whether the disk, or what someone may have of it, is full."""
    return _DISK.get(error.errno or 0) is _FULL


def tells_of_the_disk(text: str) -> bool:
    """Whether a message is one of `disk_in_words`, which may have come from another process."""
    return text.startswith(tuple(must for must, _ in _DISK.values()))


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its renames are journalled.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder to write to; on leaving it takes the final name.

    For libraries that write by name (pictures, TIFF, CSV). Killed at any instant, the final name holds the
    old content or the new, never a part. The suffix stays, since libraries choose the format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{secrets.token_hex(6)}.tmp{path.suffix}"
    try:
        yield temporary
        _sync_file(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file durably: temporary file in the same folder, fsync, rename, fsync of the folder."""
    with replacing(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text durably."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: object) -> None:
    """Write readable JSON durably; NaN is refused, since no other JSON reader takes it."""
    write_text(path, json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_generation(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write several files as one: a folder with a manifest of their SHA-256, which appears whole.

    Args:
        folder: the final name; must not exist.
        files: content by file name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".{secrets.token_hex(6)}.tmp"
    try:
        for name, data in files.items():
            write_bytes(temporary / name, data)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        write_json(temporary / MANIFEST, {"format": 1, "sha256": hashes})
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(folder.parent)


def read_hashes(folder: Path) -> dict[str, str]:
    """Read which files a generation has, and the SHA-256 of each, as its manifest says.

    Raises:
        CorruptError: there is no manifest, or it can't be read.
    """
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_bytes())
        form, hashes = manifest["format"], dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{folder / MANIFEST} cannot be read ({error})") from None
    if form != 1:
        raise CorruptError(f"{folder / MANIFEST} has format {form!r}, but this version reads format 1")
    return hashes


def read_generation(folder: Path) -> dict[str, bytes]:
    """Read the files of a generation, each checked against the manifest.

    Raises:
        CorruptError: a file is missing, or one bit of it differs.
    """
    hashes = read_hashes(folder)
    files = {}
    for name, expected in hashes.items():
        try:
            data = (folder / Path(name).name).read_bytes()
        except OSError as error:
            raise CorruptError(f"{folder / name} cannot be read ({error})") from None
        if (found := hashlib.sha256(data).hexdigest()) != expected:
            raise CorruptError(
                f"{folder / name} has SHA-256 {found[:12]}..., but {expected[:12]}... was written"
            )
        files[name] = data
    return files


def delete_generation(folder: Path) -> None:
    """Delete a generation; killed half-way, what is left is under a name that nobody reads."""
    doomed = folder.parent / f".{secrets.token_hex(6)}.tmp"
    os.replace(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Give a damaged file or folder another name beside it, so that a new one may take its place."""
    number = 1
    while (target := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    os.replace(path, target)
    _sync_folder(path.parent)
    return target


def delete_leftovers(folder: Path) -> None:
    """Remove what a killed writer left behind in a folder that the caller has locked."""
    for leftover in folder.glob(f".{'[0-9a-f]' * 12}.tmp*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


ENDING_S = 2.0
"""How long a lock is waited for: the worker of a killed study takes a moment to notice that it is alone."""


@contextmanager
def locked(
    folder: Path,
    must: str = "a run's folder must have one process",
    fix: str = "Wait for it, or stop it.",
    patience_s: float = ENDING_S,
) -> Iterator[None]:
    """Hold a folder for this process; the lock dies with the process, so it is never stale.

    Args:
        folder: made when it is not there.
        must: what another process is told that must hold.
        fix: what it is told to do.
        patience_s: how long to wait for another process that holds it.

    Raises:
        LockedError: another process holds it; the message says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / ".holder"
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout:
        who = holder.read_text() if holder.is_file() else "another process"
        raise LockedError(must, who, fix, folder) from None
    try:
        host = os.uname().nodename if hasattr(os, "uname") else "this machine"
        write_text(holder, f"process {os.getpid()} on {host}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
