"""ONNX files that are read only when all their tensors lie in them, never in files that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from pointillist.core.errors import InputError

LARGEST = 2 << 30
"""Bytes: no protobuf message is larger."""
DEEPEST = 100
"""Messages within each other, protobuf's own limit."""
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of a tensor: where its values lie elsewhere, and that they do."""
# The fields that lead to tensors, by the number that onnx.proto gives them: {message: {field: message}}.
_LEADS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
Field: TypeAlias = tuple[int, int | memoryview]
_MUST = "the file must be an ONNX model"
_OTHER = "a file that is cut short, or of another kind"


def read_onnx(path: Path) -> bytes:
    """Read an ONNX file whose tensors all lie in it.

    A tensor may name another file, by any path, from which onnxruntime would read. Such a model is refused
    here, before anything else has seen it, and what is handed on are the bytes that were looked at. Of the
    format only what leads to tensors is followed. That is little enough to be read without a library: the one
    of protobuf could not do it without the schema, which comes with the package onnx, and nothing else here
    needs either.

    Raises:
        InputError: it is no ONNX model, or a tensor's values lie elsewhere.

    Source: onnx.proto, IR version 13 (ModelProto, TensorProto); protobuf's encoding of messages.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise InputError(_MUST, f"{size} bytes, more than a model can have", "Export it anew.", path)
    data = path.read_bytes()
    try:
        has_graph = any(number == 7 for number, _ in _fields(memoryview(data)))
        elsewhere = _elsewhere(memoryview(data), "model", 0)
    except ValueError as error:
        raise InputError(_MUST, str(error), "Export it anew.", path) from None
    if not has_graph:
        raise InputError(_MUST, "a file without a graph", "Export it anew.", path)
    if elsewhere:
        must = "all tensors of an ONNX file must lie in it"
        raise InputError(must, "one whose values are in another file", "Export it as one file.", path)
    return data


def _elsewhere(message: memoryview, kind: str, depth: int) -> bool:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} messages within each other")
    leads = _LEADS[kind]
    for number, value in _fields(message):
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
            return True
        if number in leads:
            if isinstance(value, int):
                raise ValueError(f"a number in the place of a {leads[number]}")
            if _elsewhere(value, leads[number], depth + 1):
                return True
    return False


def _fields(message: memoryview) -> Iterator[Field]:
    """Read a message's fields: the number, and the value where it is an integer or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        # Other readers drop the bits of a larger number: they would see another field than we do.
        if not 0 < number < 1 << 29 or wire not in (0, 1, 2, 5):
            raise ValueError(_OTHER)
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        else:
            length = 8 if wire == 1 else 4
        if at + length > len(message):
            raise ValueError(_OTHER)
        held = message[at : at + length]
        yield number, held if wire == 2 else int.from_bytes(held, "little")
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(message):
            break
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(_OTHER)
