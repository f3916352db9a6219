"""The route by which people name, colour and add classes on the page: it writes pointillist.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from pointillist.core import durable
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.data.declaration import FILE_NAME, Declaration, read_declaration
from pointillist.data.redeclare import redeclared
from pointillist.web.anew import Renew
from pointillist.web.answers import reason
from pointillist.web.exporter import Exporter
from pointillist.web.project import Project
from pointillist.web.training import Training

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
_AS_THEY_WERE = "Reload the page: the classes were changed meanwhile."


class Class(BaseModel):
    """A class as it shall be.

    Args:
        name: from now on.
        was: its name so far; None: it is new.
        colour: as ``#rrggbb``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    was: Name | None = None
    colour: Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]


class Classes(BaseModel):
    """All classes: those that there are, in their order, and new ones after them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    classes: Annotated[list[Class], Field(min_length=2, max_length=IGNORE)]


def add_classes(app: FastAPI, project: Project, training: Training, exporter: Exporter, renew: Renew) -> None:
    """Add the route of the classes.

    Args:
        app: to which.
        project: whose classes.
        training: none may go on: it would end with the classes of before.
        exporter: likewise.
        renew: builds the application again, on what is declared then.
    """

    @app.post("/api/classes")
    async def classes(wanted: Classes) -> dict[str, Any]:
        if training.running:
            must = "no training may go on while classes are changed"
            raise InputError(must, "one that goes on", "Cancel it, or wait for its end.")
        if exporter.running:
            must = "no export may be written while classes are changed"
            raise InputError(must, "one that is not ready", "Wait for its end.")
        try:
            await renew(partial(_declared, project, wanted.classes))
        except InputError as error:
            # As of an annotation beside the images that is on a class of the old name.
            raise HTTPException(409, reason(error)) from None
        return {}


@contextmanager
def _declared(project: Project, wanted: Sequence[Class]) -> Iterator[None]:
    """Write down the classes, and put back what was there where the project can't be opened with them."""
    path = project.data.root / FILE_NAME
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    fields = _fields(read_declaration(project.data.root), wanted, project)
    durable.write_text(path, redeclared(before or "", fields))
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink()
        else:
            durable.write_text(path, before)
        raise


def _fields(before: Declaration, wanted: Sequence[Class], project: Project) -> dict[str, object]:
    """Say what pointillist.yaml must hold."""
    if tuple(one.was for one in wanted if one.was is not None) != before.classes:
        raise InputError("classes must be those that there are, in their order", "others", _AS_THEY_WERE)
    if any(one.was is not None for one in wanted[len(before.classes) :]):
        raise InputError("new classes must come last", "one before others", _AS_THEY_WERE)
    names = [one.name for one in wanted]
    changed = {one.was: one.name for one in wanted if one.was not in (None, one.name)}
    # Nor by and by: what a page has kept since then it sends by the name of then.
    earlier = before.renamed or {}
    others = {one.name for one in wanted if earlier.get(one.name, one.was) != one.was}
    if taken := sorted((changed.keys() & set(names)) | others):
        must = "a class must not take another's name of before"
        raise InputError(must, taken[0], "Choose another: pages may still send marks by it.")
    renamed = {old: changed.get(new, new) for old, new in earlier.items() if old not in names}
    codes = before.codes
    if codes is None and len(wanted) > len(before.classes) == 2 and _has_masks(project):
        # Masks of two classes may say 255, which of more would mean nothing.
        codes = {"0": before.classes[0], "1": before.classes[1], "255": before.classes[1]}
    fields: dict[str, object] = {
        "classes": names,
        "colours": [[int(one.colour[at : at + 2], 16) for at in (1, 3, 5)] for one in wanted],
        "renamed": {**renamed, **changed} or None,
        "codes": {code: changed.get(name, name) for code, name in codes.items()} if codes else None,
    }
    validated(Declaration, {**before.model_dump(exclude_none=True), **fields})
    return fields


def _has_masks(project: Project) -> bool:
    return any(item.mask is not None for item in project.data.layout.items)
