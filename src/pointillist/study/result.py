"""What a run leaves in its study's folder: one file, read back only when it is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from pointillist.core.errors import InputError
from pointillist.data.split import Split

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Measured(BaseModel):
    metrics: dict[str, Finite | None]
    matrices: dict[str, list[list[int]]]
    groups: dict[str, str]

    @model_validator(mode="after")
    def _alike(self) -> _Measured:
        sizes = {len(row) for matrix in self.matrices.values() for row in matrix}
        if len(sizes | {len(matrix) for matrix in self.matrices.values()}) > 1:
            raise ValueError("all matrices must be squares of one size")
        if self.matrices.keys() != self.groups.keys():
            raise ValueError("groups must be those of the measured images")
        return self


class _Tally(BaseModel):
    marks: dict[str, int]
    annotated: int
    labelled_pixels: dict[str, int]


class _Annotation(BaseModel):
    train: _Tally


class _Environment(BaseModel):
    device: str
    commit: str | None
    versions: dict[str, str]
    python: str
    train_s: Finite


class _Result(BaseModel):
    """The parts of a result that are read again; more may stand there."""

    splits: dict[Split, _Measured]
    without_masks: list[Split] = []
    seconds_per_image: Finite | None
    annotation: _Annotation
    environment: _Environment | None = None
    history: list[dict[str, Finite]] = []
    without_each: list[Finite] = []


def read_result(path: Path) -> dict[str, Any]:
    """Read one run's results.

    Raises:
        InputError: the file is not what a run left.
    """
    data = path.read_bytes()
    try:
        _Result.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        found = f"something else ({where}: {first['msg']})" if where else "something else"
        fix = "'pointillist study run' sets the file aside, and makes the run again."
        raise InputError("results must be those that their run left", found, fix, path) from None
    result: dict[str, Any] = json.loads(data)
    return result
