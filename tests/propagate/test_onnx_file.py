"""S21, H81: an ONNX file that names other files is refused before a library reads it."""

from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.propagate.onnx_file import read_onnx
from pointillist.propagate.sam_onnx import OnnxSam

PLACES = (
    "../../secret.bin",
    "/etc/passwd",
    "beside.bin",
    "encoder.onnx",
    "C:\\secret.bin",
    "",
    "*/_ORT_MEM_ADDR_/*",
)


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def inside(field: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def tensor(place: str | None) -> bytes:
    """Two floats: in the message, or at a place elsewhere."""
    head = number(1, 2) + number(2, 1) + inside(8, b"weight")
    if place is None:
        return head + inside(9, bytes(8))
    entry = inside(1, b"location") + inside(2, place.encode())
    return head + inside(13, entry) + number(14, 1)


def model(graph: bytes, *more: bytes) -> bytes:
    return number(1, 8) + inside(2, b"pytest") + inside(7, graph) + b"".join(more) + inside(8, number(2, 17))


def node(attribute: bytes) -> bytes:
    return inside(1, inside(1, b"x"), inside(4, b"Constant"), inside(5, inside(1, b"value"), attribute))


def models(held: bytes) -> dict[str, bytes]:
    """Every place of a model where a tensor may stand."""
    graph = inside(5, held)
    deep = graph
    for _ in range(20):
        deep = node(inside(6, deep))
    return {
        "initializer": model(graph),
        "second initializer": model(inside(5, tensor(None)) + graph),
        "second graph": model(inside(5, tensor(None)), inside(7, graph)),
        "sparse values": model(inside(15, inside(1, held))),
        "sparse indices": model(inside(15, inside(2, held))),
        "constant": model(node(inside(5, held))),
        "constants": model(node(inside(10, held))),
        "sparse constant": model(node(inside(22, inside(1, held)))),
        "branch": model(node(inside(6, graph))),
        "branches": model(node(inside(11, graph))),
        "branch in branches": model(deep),
        "function": model(b"", inside(25, inside(7, inside(5, inside(5, held))))),
        "default of a function": model(b"", inside(25, inside(11, inside(5, held)))),
        "training": model(b"", inside(20, inside(1, graph))),
    }


@pytest.mark.parametrize("where", models(b""))
def test_s21_a_tensor_in_another_file_is_refused_wherever_it_stands(tmp_path: Path, where: str) -> None:
    path = tmp_path / "encoder.onnx"
    for place in PLACES:
        path.write_bytes(models(tensor(place))[where])
        with pytest.raises(InputError, match="all tensors of an ONNX file must lie in it"):
            read_onnx(path)
    path.write_bytes(models(tensor(None))[where])
    assert read_onnx(path) == path.read_bytes()


def test_s21_either_of_the_two_fields_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    for field in (number(14, 1), number(14, 7), inside(13), inside(13, b"\x0a\x00")):
        path.write_bytes(model(inside(5, tensor(None) + field)))
        with pytest.raises(InputError, match="another file"):
            read_onnx(path)
    path.write_bytes(model(inside(5, tensor(None) + number(14, 0))))
    assert read_onnx(path)


def test_s21_it_is_refused_before_any_runtime_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    for name in ("encoder", "decoder"):
        (tmp_path / f"{name}.onnx").write_bytes(model(inside(5, tensor("../../secret.bin"))))
    with pytest.raises(InputError, match="all tensors of an ONNX file must lie in it"):
        OnnxSam(tmp_path)
    for name in ("encoder", "decoder"):
        (tmp_path / f"{name}.onnx").write_bytes(model(inside(5, tensor(None))))
    with pytest.raises(InputError, match="ONNX files need onnxruntime"):
        OnnxSam(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text, no model",
        b"\x18\0\0\0ORTM" + bytes(100),
        model(inside(5, tensor(None)))[:-3],
        number(1, 8) + inside(2, b"no graph"),
        inside(7, b"\x0b\x0c"),
        inside(7, b"\xff" * 20),
        number(7, 3),
        varint(7 << 3 | 2) + varint(1 << 40),
        inside(7, varint(5 << 3 | 5) + bytes(4)),
        # A reader of 32 bits takes this field for an initializer.
        inside(7, varint((5 << 3 | 2) + (1 << 32)) + inside(5, tensor("beside.bin"))[1:]),
    ],
)
def test_s21_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError, match="must be an ONNX model"):
        read_onnx(path)


def test_s21_messages_within_each_other_have_an_end(tmp_path: Path) -> None:
    path, deep = tmp_path / "encoder.onnx", b""
    for _ in range(3000):
        deep = node(inside(6, deep))
    path.write_bytes(model(deep))
    with pytest.raises(InputError, match="more than 100 messages within each other"):
        read_onnx(path)
