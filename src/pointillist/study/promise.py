"""What a study's results rest on must stay as it was: its data, its margin, its reference."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pointillist.core.config import Config, validated
from pointillist.core.errors import InputError
from pointillist.core.sample import Sample
from pointillist.datasets import AnyDataset
from pointillist.study.study import Comparison, Study
from pointillist.train.readable import naming_all
from pointillist.train.remembered import REMEMBERED
from pointillist.train.run import Run


def keep_the_promise(study: Study, folder: Path) -> None:
    """Refuse other data, another margin or reference than the folder's first results have.

    Raises:
        InputError: it is another.
    """
    before = _declared(folder)
    if before is not None and before.data != study.data:
        raise _others(before.data, study.data, folder)
    if before is not None and before.compare != study.compare:
        was, now = before.compare, study.compare
        apart = {
            name for name in Comparison.model_fields if getattr(was, name, None) != getattr(now, name, None)
        }
        must = f"compare must stay as it was declared before the runs, {_in_words(was, apart)}"
        fix = "Put it back, or name another study for another comparison; runs are not shared."
        raise InputError(must, _in_words(now, apart), fix, folder / "study.json")


def as_before(study: Study, folder: Path) -> Study:
    """Give a study with its data as `data_as_before` does.

    Raises:
        InputError: the folder holds results of other data.
    """
    data = data_as_before(study.data, folder)
    if data == study.data:
        return study
    # Not a copy, which would bring along the runs that were listed for the other name.
    return validated(Study, {**study.model_dump(mode="json"), "data": data.model_dump(mode="json")})


def data_as_before(data: AnyDataset, folder: Path) -> AnyDataset:
    """Give the data as a folder's results name them: the same place may be typed in several ways.

    But for a place that is relative there, and absolute here: other machines of a cluster may need that.

    Raises:
        InputError: the folder holds results of a study of other data, whose place others would take.
    """
    before = _declared(folder)
    if before is None or before.data == data:
        return data
    root, was = (getattr(one, "root", None) for one in (data, before.data))
    if root and was and (was.is_absolute() or not root.is_absolute()) and root.resolve() == was.resolve():
        here = data.model_copy(update={"root": was})
        if here == before.data:
            return here
    raise _others(before.data, data, folder)


def _others(before: AnyDataset, data: AnyDataset, folder: Path) -> InputError:
    must = f"the folder holds results from {_in_words(before)}, and must get no others"
    fix = "Give this study another name ('name:', or --name), or another folder by --out."
    return InputError(must, _in_words(data), fix, folder)


def _declared(folder: Path) -> Study | None:
    """Read the study of a folder's results; None: there are none yet, or nobody can tell any more."""
    path = folder / "study.json"
    if not path.is_file() or not any((folder / "results").glob("*.json")):
        return None
    try:
        return validated(Study, path.read_bytes(), path, text=True)
    except InputError:  # Damaged: it is written anew from the study at hand.
        return None


def _in_words(config: Config | None, shown: Collection[str] = ()) -> str:
    """Write a config as it is typed, without defaults but for the fields that are shown."""
    if config is None:
        return "none"
    typed = {"kind", *shown, *config.model_dump(exclude_defaults=True)}
    plain = {field: value for field, value in config.model_dump(mode="json").items() if field in typed}
    text: str = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.strip()


def refuse_missing_data(study: Study, folder: Path) -> None:
    """Refuse a study whose data's folder can't be found, before that is told without the study's name.

    Raises:
        InputError: there is no such folder from here.
    """
    root: Path | None = getattr(study.data, "root", None)
    if root is None or root.is_dir():
        return
    must = f"the data of the study {study.name} must lie in {root}"
    found = f"nothing there, seen from {Path.cwd()}"
    fix = "Put the data back, or a link to them."
    if not root.is_absolute():
        fix = f"Type the command where the study was run, so that {root} is found from there."
    raise InputError(must, found, fix, folder)


def data_hashes(study: Study) -> dict[str, str]:
    """Hash what each run learns from and is measured on, by the run's id; every data set is read once."""
    known: dict[tuple[str, Path | None], str] = {}
    found = {}
    for cell in study.runs:
        key = cell.run.data.to_json(), cell.run.annotations
        if key not in known:
            known[key] = data_sha256(cell.run)
        found[cell.run.id] = known[key]
    return found


def data_sha256(run: Run) -> str:
    """Hash all images of a run's data, with masks, regions, annotations, groups and splits.

    Not what is drawn by chance: it is the same for every seed.

    Raises:
        InputError: a file is wrong.
    """
    key = run.data.to_json(), run.annotations, files_state(run)
    if key not in _HASHED:
        found = _hashed(run)
        if key[2] is None or files_state(run) != key[2]:  # Nobody can tell which files were read.
            return found
        _HASHED[key] = found
    return _HASHED[key]


_HASHED: dict[tuple[str, Path | None, str | None], str] = {}
"""By data and the state of their files: a process that takes many runs decodes all images for this once."""


def files_state(run: Run) -> str | None:
    """Sum up names, sizes and times of the files of a run's data; None: links may lead to other places."""
    digest = hashlib.sha256()
    roots = [root for root in (getattr(run.data, "root", None), run.annotations) if root is not None]
    for folder, folders, files in (entry for root in roots for entry in os.walk(root)):
        for name in (*folders, *files):
            try:
                about = os.lstat(os.path.join(folder, name))
            except OSError:  # Gone since it was listed.
                return None
            if stat.S_ISLNK(about.st_mode):
                return None
            digest.update(f"{folder}\0{name}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _hashed(run: Run) -> str:
    digest = hashlib.sha256()
    with naming_all(run.data):
        for entry in sorted(run.data.entries, key=lambda entry: entry.name):
            digest.update(f"{entry.name}\0{entry.group}\0{entry.split}\0".encode())
            for part in _parts(run, REMEMBERED.read(run.data, entry.name)):
                digest.update(f"{len(part)}\0".encode() + part)
    return digest.hexdigest()


def _parts(run: Run, sample: Sample) -> Iterator[bytes]:
    for array in (sample.image, sample.mask, sample.region):
        yield b"" if array is None else f"{array.shape}".encode() + array.tobytes()
    yield b"" if sample.annotation is None else sample.annotation.to_json().encode()
    if run.annotations is not None:
        path = run.annotations / f"{sample.name}.json"
        yield path.read_bytes() if path.is_file() else b""


def made_with(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Give the hash of the data of each result; of an earlier version nobody knows it."""
    return {run: result["data_sha256"] for run, result in results.items() if "data_sha256" in result}


def refuse_changed_data(hashes: Mapping[str, str], made_with: Mapping[str, str], folder: Path) -> None:
    """Refuse to add to results that were made with other images, masks or annotations than lie there now.

    Args:
        hashes: of the data as they are, by the run's id.
        made_with: what runs that have ended were made with, likewise.
        folder: of the study.

    Raises:
        InputError: some were.
    """
    if others := [run for run, was in made_with.items() if hashes[run] != was]:
        must = "images, masks and annotations must be those that the study's results were made with"
        fix = (
            "Put them back as they were; or give the study another name, or delete its folder: then all runs "
            "are made with the data of today."
        )
        raise InputError(must, f"others than {len(others)} of {len(made_with)} results have", fix, folder)
