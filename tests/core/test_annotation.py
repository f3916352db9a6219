"""Annotations come back from disk as they were, and whatever else such a file holds is refused by place."""

import base64
import json
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.core.marks import Dense, Points, Scribble

CLASSES = ("background", "lesion")


def annotation(*marks: Points | Scribble | Dense, height: int = 4, width: int = 6) -> Annotation:
    return Annotation(name="a", height=height, width=width, classes=CLASSES, marks=marks)


def packed(rows: bytes) -> str:
    return base64.b64encode(zlib.compress(rows)).decode()


@given(
    arrays(np.uint8, (4, 6), elements=st.sampled_from([0, 1, 255])),
    st.lists(st.tuples(st.floats(-0.5, 3.5), st.floats(-0.5, 5.5)), min_size=1, max_size=9),
    st.floats(1, 50),
)
def test_every_annotation_comes_back_from_disk(
    tmp_path: Path, labels: np.ndarray, at: list[tuple[float, float]], length: float
) -> None:
    marks = (
        Points(label=1, at=tuple(at), radius=length),
        Scribble(label=0, path=tuple(at), width=length),
        Dense.from_map(labels),
    )
    before = Annotation(
        name="Läsion \u00b5/1 \U0001f600",
        height=4,
        width=6,
        classes=CLASSES,
        marks=marks,
        annotator="simulated",
        seconds=length,
    )
    write_annotation(tmp_path / "a.json", before)
    after = read_annotation(tmp_path / "a.json")
    assert after == before
    assert np.array_equal(after.marks[2].to_map(), labels)


def test_a_map_is_packed_whatever_its_memory_layout() -> None:
    labels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(Dense.from_map(labels.T[::2]).to_map(), labels.T[::2])


def read(tmp_path: Path, text: str | bytes) -> Annotation:
    path = tmp_path / "clicks.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_annotation(path)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert "clicks.json" in message
    assert len(message) < 2000
    return message


def file_with(mark: str) -> str:
    return f'{{"name": "a", "height": 4, "width": 6, "classes": ["no", "yes"], "marks": [{mark}]}}'


def clicks_at(at: str) -> str:
    return file_with(f'{{"kind": "points", "label": 1, "at": {at}}}')


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ("[[0, NaN]]", "marks.0.at.0.1"),
        ("[[1, 1], [Infinity, 0]]", "marks.0.at.1.0"),
        ("[[-Infinity, 0]]", "marks.0.at.0.0"),
        ("[[1e999, 0]]", "marks.0.at.0.0"),
        ("[[1e308, 0]]", "marks.0"),
        ('[["1", 0]]', "marks.0.at.0.0"),
        ('[["NaN", 0]]', "marks.0.at.0.0"),
        ("[[null, 0]]", "marks.0.at.0.0"),
        ("[[true, 0]]", "marks.0.at.0.0"),
        ("[[1]]", "marks.0.at.0.1"),
        ("[[1, 2, 3]]", "marks.0.at.0"),
        ("[1, 2]", "marks.0.at.0"),
        ("null", "marks.0.at"),
    ],
)
def test_a_coordinate_is_two_finite_numbers(tmp_path: Path, at: str, place: str) -> None:
    assert place in refusal(tmp_path, clicks_at(at))


@pytest.mark.parametrize(
    ("mark", "place"),
    [
        ('{"kind": "points", "label": -1, "at": []}', "marks.0.label"),
        ('{"kind": "points", "label": 255, "at": []}', "marks.0.label"),
        ('{"kind": "points", "label": 2, "at": []}', "marks.0.label"),
        ('{"kind": "points", "label": true, "at": []}', "marks.0.label"),
        ('{"kind": "points", "label": "1", "at": []}', "marks.0.label"),
        ('{"kind": "points", "label": 1, "at": [], "radius": -1}', "marks.0.radius"),
        ('{"kind": "points", "label": 1, "at": [], "radius": NaN}', "marks.0.radius"),
        ('{"kind": "points", "label": 1, "at": [], "radius": "3"}', "marks.0.radius"),
        ('{"kind": "points", "label": 1, "at": [], "radios": 3}', "marks.0.radios"),
        ('{"kind": "scribble", "label": 1, "path": []}', "marks.0.path"),
        ('{"kind": "scribble", "label": 1, "path": [[0, 0]], "width": 0.5}', "marks.0.width"),
        ('{"label": 1, "at": []}', "marks.0"),
        ("3", "marks.0"),
    ],
)
def test_every_wrong_field_of_a_mark_is_named(tmp_path: Path, mark: str, place: str) -> None:
    assert place in refusal(tmp_path, file_with(mark))


def test_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    message = refusal(tmp_path, file_with('{"kind": "pionts", "label": 1, "at": []}'))
    assert "'pionts'" in message
    assert "Did you mean 'points'?" in message
    assert all(kind in message.partition("Known: ")[2] for kind in ("points", "scribble", "dense"))


def test_all_wrong_fields_are_named_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, '{"height": 0, "width": "6", "classes": [], "seconds": NaN, "format": "7"}')
    assert all(name in message for name in ("name", "height", "width", "classes", "seconds", "format"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "[" * 100_000,
        '{"a":' * 100_000,
        b"\xff\xfe\x00",
        b"\x89PNG\r\n\x1a\n",
        clicks_at("[" * 100_000),
    ],
    ids=["empty", "cut", "null", "list", "deep lists", "deep objects", "not UTF-8", "a picture", "deep at"],
)
def test_what_is_no_annotation_at_all_is_refused(tmp_path: Path, text: str | bytes) -> None:
    refusal(tmp_path, text)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    write_annotation(tmp_path / "a.json", annotation())
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.json").read_bytes())
    assert read_annotation(tmp_path / "b.json") == annotation()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        read_annotation(tmp_path / "none.json")


@pytest.mark.parametrize("at", ["[-0.5, -0.5]", "[3.5, 5.5]", "[-0.5, 5.5]", "[0, 0]"])
def test_half_a_pixel_beyond_the_outer_centres_is_the_border(tmp_path: Path, at: str) -> None:
    assert len(read(tmp_path, clicks_at(f"[{at}]")).marks) == 1


@pytest.mark.parametrize(
    "at", ["[-0.51, 0]", "[0, -0.51]", "[3.51, 0]", "[0, 5.51]", "[4, 0]", "[0, 6]", "[-7, 0]"]
)
def test_what_lies_outside_the_image_is_refused(tmp_path: Path, at: str) -> None:
    assert "inside the 4 x 6 image" in refusal(tmp_path, clicks_at(f"[{at}]"))
    assert "inside the 4 x 6 image" in refusal(
        tmp_path, file_with(f'{{"kind": "scribble", "label": 1, "path": [[0, 0], {at}]}}')
    )


def dense(height: object, width: object, labels: str) -> str:
    return file_with(json.dumps({"kind": "dense", "height": height, "width": width, "labels": labels}))


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (packed(bytes(23)), "24 bytes"),
        (packed(bytes(25)), "24 bytes"),
        (packed(bytes(10**8)), "24 bytes"),
        (packed(bytes(24))[:-8], "24 bytes"),
        (base64.b64encode(zlib.compress(bytes(24))[:-4]).decode(), "whole"),
        (base64.b64encode(zlib.compress(bytes(range(24)))[:-4] + b"\0\0\0\0").decode(), "zlib"),
        (base64.b64encode(bytes(24)).decode(), "zlib"),
        ("not base64!", "base64"),
        ("\u00e9", "base64"),
        (packed(b"\x07" * 24), "[7]"),
    ],
    ids=[
        "short",
        "long",
        "bomb",
        "cut",
        "no checksum",
        "bit flipped",
        "not packed",
        "not base64",
        "not ASCII",
        "no such class",
    ],
)
def test_a_map_that_does_not_unpack_is_refused(tmp_path: Path, labels: str, why: str) -> None:
    assert why in refusal(tmp_path, dense(4, 6, labels))


@pytest.mark.parametrize(
    ("height", "width"), [(10**30, 6), (1_000_000, 1_000_000), (0, 6), (-4, -6), (4.5, 6), ("4", 6), (6, 4)]
)
def test_a_map_of_another_size_is_refused(tmp_path: Path, height: object, width: object) -> None:
    refusal(tmp_path, dense(height, width, packed(bytes(24))))


def test_a_map_that_claims_a_monstrous_size_is_refused(tmp_path: Path) -> None:
    assert "at most 268435456 pixels" in refusal(tmp_path, dense(100_000, 100_000, packed(bytes(24))))


def test_a_bomb_is_never_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(10**8))
    tracemalloc.start()
    with pytest.raises(InputError):
        validated(Dense, {"height": 4, "width": 6, "labels": base64.b64encode(bomb).decode()})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**7


def test_a_million_clicks_are_read(tmp_path: Path) -> None:
    at = np.random.default_rng(0).uniform(0, 999, (1_000_000, 2))
    clicks = json.dumps(at.tolist())
    text = clicks_at(clicks).replace('"height": 4, "width": 6', '"height": 1000, "width": 1000')
    assert len(read(tmp_path, text).marks[0].at) == 1_000_000
