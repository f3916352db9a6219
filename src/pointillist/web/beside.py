"""What lies beside the images of a project, annotation files and label maps, comes into its store."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from pointillist.core.errors import InputError, located
from pointillist.core.marks import Mark
from pointillist.data.item import Item
from pointillist.datasets import Folder
from pointillist.web.classes import Classes
from pointillist.web.events import Add
from pointillist.web.identity import Identity
from pointillist.web.store import Store

OWN = uuid.UUID(int=0)
"""The client of what came with the images."""


def take_over(data: Folder, store: Store, classes: Classes, identity: Identity) -> None:
    """Store what lies beside the images, annotation files and label maps: each mark once.

    A mark is known by what it says, so files that are imported later add what is new in them, and what
    someone has taken back stays taken back.

    Raises:
        InputError: one of the files can't be used; it is named.
    """
    for item in data.layout.items:
        if item.is_annotated:
            marks = _marks(data, item)
            seen: Counter[str] = Counter()
            events = []
            for mark in map(classes.stored, marks):
                said = mark.model_dump_json()
                seen[said] += 1
                own = uuid.uuid5(OWN, f"{item.name} {seen[said]} {said}").hex
                events.append(Add(id=own, sequence=seen[said], mark=mark))
            if marks and store.size(item.name) is None:
                with suppress(InputError):
                    identity.check(item.name)  # Its size, for when its file is gone.
            store.append(item.name, OWN.hex, events).result()


def _marks(data: Folder, item: Item) -> Sequence[Mark]:
    try:
        annotation = data.read(item.name).annotation
    except InputError as error:
        raise located(error, file=item.labels or item.annotation) from None
    return () if annotation is None else annotation.marks
