"""Run lengths: equal to pycocotools, there and back, and refused when they lie."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from pointillist.core.errors import InputError
from pointillist.data.objects import encode_runs
from pointillist.exchange.runs import decode_brush, decode_runs, expand_counts

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
FILE = Path("x.json")
MAPS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


def brush(values: np.ndarray, deep: int = 8, lengths: tuple[int, ...] = (3, 4, 8, 16)) -> list[int]:
    """Encode values as a bit stream: runs where two or more are equal, else singles."""
    bits = f"{len(values):032b}{deep - 1:05b}" + "".join(f"{length - 1:04b}" for length in lengths)
    at = 0
    while at < len(values):
        run = 1
        while at + run < len(values) and values[at + run] == values[at] and run < 2 ** lengths[-1]:
            run += 1
        which = next(i for i, length in enumerate(lengths) if run <= 2**length)
        head = f"{int(run > 1)}{which:02b}" + f"{run - 1:0{lengths[which]}b}"
        bits += head + f"{int(values[at]):0{deep}b}"
        at += run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def whole(counts: list[int], height: int, width: int) -> np.ndarray:
    """Unfold runs that go down the columns to all pixels."""
    left, inside = decode_runs(counts, width, height, FILE)
    return np.pad(inside, ((left, width - left - len(inside)), (0, 0))).T


@given(MAPS)
def test_compressed_counts_equal_pycocotools(inside: np.ndarray) -> None:
    packed = coco.encode(np.asfortranarray(inside.astype(np.uint8)))
    counts = expand_counts(packed["counts"].decode(), FILE)
    np.testing.assert_array_equal(whole(counts, *inside.shape), inside)


@given(MAPS)
def test_plain_counts_come_back(inside: np.ndarray) -> None:
    np.testing.assert_array_equal(whole(encode_runs(inside), *inside.shape), inside)


@given(MAPS, st.sampled_from([(3, 4, 8, 16), (1, 2, 3, 4)]))
def test_brush_strokes_come_back(inside: np.ndarray, lengths: tuple[int, ...]) -> None:
    values = np.zeros((*inside.shape, 4), np.uint8)
    values[inside] = (10, 20, 30, 255)
    np.testing.assert_array_equal(
        decode_brush(brush(values.ravel(), lengths=lengths), *inside.shape, FILE), inside
    )


def test_values_of_a_block_that_is_no_run_are_read_one_by_one() -> None:
    # One pixel: a block of four single values, the last of which is 255.
    bits = f"{4:032b}{7:05b}" + "0010" * 4 + "0" + "00" + "011" + "".join(f"{v:08b}" for v in (1, 2, 3, 255))
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]
    assert decode_brush(stream, 1, 1, FILE).tolist() == [[True]]


@pytest.mark.parametrize("counts", [[], [3], [5], [-1, 5], [1 << 62, 1 << 62, 4 - (1 << 63)]])
def test_runs_that_do_not_cover_the_image_are_refused(counts: list[int]) -> None:
    with pytest.raises(InputError, match="2 x 2"):
        decode_runs(counts, 2, 2, FILE)


@pytest.mark.parametrize("text", ["é", "P", "o" * 9, "\n"])
def test_other_letters_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="compressed run lengths"):
        expand_counts(text, FILE)


@given(st.lists(st.integers(0, 255), max_size=60))
def test_any_brush_is_refused_or_read(stream: list[int]) -> None:
    for data in (stream, [0, 0, 0, 16, *stream]):
        try:
            assert decode_brush(data, 2, 2, FILE).shape == (2, 2)
        except InputError:
            continue
