"""Files that can't be read are named all at once, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pointillist.core.errors import InputError, InputErrors
from pointillist.datasets import AnyDataset


def unreadable(data: AnyDataset, names: Iterable[str]) -> list[InputError]:
    """Read samples, one after the other, and list what is wrong with their files."""
    wrong = []
    for name in names:
        try:
            data.read(name)
        except InputError as error:
            wrong.append(error)
    return wrong


@contextmanager
def naming_all(data: AnyDataset) -> Iterator[None]:
    """Name all files that can't be read where one is met: who mends one at a time begins anew each time.

    Raises:
        InputErrors: one for each image of any split with a file that is wrong.
    """
    try:
        yield
    except InputError as error:
        if error.file is None or not (wrong := unreadable(data, [entry.name for entry in data.entries])):
            raise
        raise InputErrors(wrong) from None
