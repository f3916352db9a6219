"""Marks become the pixels that a person meant: hand-drawn maps first, then brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Centroid, Dense, ExtremePoints, Mark, Points, Scribble, Size, Tag
from pointillist.core.raster import outline, to_labels
from pointillist.core.shapes import IGNORE
from pointillist.data.resample import resample_mask


def draw(*marks: Mark, height: int = 8, width: int = 8, size: tuple[int, int] | None = None) -> np.ndarray:
    annotation = Annotation(name="a", height=height, width=width, classes=tuple("abcd"), marks=marks)
    return to_labels(annotation, *size) if size else to_labels(annotation)


def picture(labels: np.ndarray) -> list[str]:
    return ["".join("." if v == IGNORE else str(v) for v in row) for row in labels]


def test_nothing_drawn_is_unknown_everywhere() -> None:
    assert picture(draw(height=2, width=3)) == ["...", "..."]


def test_clicks_and_discs_by_hand() -> None:
    assert picture(
        draw(
            Points(label=0, at=((0, 7),)),
            Points(label=1, at=((3, 3),), radius=2),
            Points(label=2, at=((7, 0),), radius=1.5),
        )
    ) == [
        ".......0",
        "...1....",
        "..111...",
        ".11111..",
        "..111...",
        "...1....",
        "22......",
        "22......",
    ]


def test_scribbles_by_hand() -> None:
    assert picture(
        draw(
            Scribble(label=1, path=((0, 0), (0, 5), (2, 7))),
            Scribble(label=2, path=((6, 1), (6, 5)), width=3),
            Scribble(label=3, path=((3, 3),)),
        )
    ) == [
        "111111..",
        "......1.",
        ".......1",
        "...3....",
        "........",
        ".22222..",
        "2222222.",
        ".22222..",
    ]


def test_the_later_mark_holds_and_unlabelled_pixels_of_a_map_hide_nothing() -> None:
    sparse = np.full((1, 4), IGNORE, np.uint8)
    sparse[0, 1:3] = 1
    first = Points(label=0, at=((0, 0), (0, 1)))
    last = Points(label=2, at=((0, 2),))
    assert picture(draw(first, Dense.from_map(sparse), last, height=1, width=4)) == ["012."]
    assert picture(draw(last, first, Dense.from_map(sparse), height=1, width=4)) == ["011."]


def test_contradictory_clicks_on_one_pixel_end_with_the_last() -> None:
    clicks = [Points(label=label, at=((1, 1), (1.2, 0.8))) for label in (1, 3, 2)]
    assert picture(draw(*clicks, height=3, width=3)) == ["...", ".2.", "..."]


@pytest.mark.parametrize(
    ("at", "pixel"),
    [
        ((-0.5, -0.5), (0, 0)),
        ((2.5, 4.5), (2, 4)),
        ((0.49, 0.5), (0, 1)),
        ((1.5, 3.49), (2, 3)),
        ((0, 0), (0, 0)),
    ],
)
def test_a_click_labels_the_pixel_that_it_is_in(at: tuple[float, float], pixel: tuple[int, int]) -> None:
    labels = draw(Points(label=1, at=(at,)), height=3, width=5)
    assert np.argwhere(labels == 1).tolist() == [list(pixel)]


def test_a_click_at_twice_the_size_is_in_the_middle_of_the_same_place() -> None:
    # Pixel 1 of 4 covers pixels 2 and 3 of 8; its middle is their common border, which belongs to 3.
    labels = draw(Points(label=1, at=((1, 2),)), height=4, width=4, size=(8, 8))
    assert np.argwhere(labels == 1).tolist() == [[3, 5]]


def test_clicks_survive_being_drawn_smaller() -> None:
    labels = draw(Points(label=1, at=((0, 0), (7, 7), (-0.5, 7.5))), size=(2, 2))
    assert picture(labels) == ["11", ".1"]
    assert picture(draw(Points(label=1, at=((4, 4),), radius=2), size=(1, 1))) == ["1"]


def test_lengths_scale_with_the_image() -> None:
    small = draw(Points(label=1, at=((31, 31),), radius=10), height=64, width=64)
    large = draw(Points(label=1, at=((31, 31),), radius=10), height=64, width=64, size=(256, 256))
    assert (large == 1).sum() / (small == 1).sum() == pytest.approx(16, rel=0.05)


def test_a_map_takes_the_nearest_pixel_at_another_size() -> None:
    checks = np.indices((4, 4)).sum(0).astype(np.uint8) % 2
    twice = draw(Dense.from_map(checks), height=4, width=4, size=(8, 8))
    assert np.array_equal(twice, checks.repeat(2, 0).repeat(2, 1))
    again = draw(Dense.from_map(twice), size=(4, 4))
    assert np.array_equal(again, checks)


def test_a_map_too_large_to_hold_is_refused() -> None:
    annotation = Annotation(name="a", height=1_000_000, width=1_000_000, classes=("a",))
    with pytest.raises(InputError, match="pixels"):
        to_labels(annotation)
    assert to_labels(annotation, 10, 10).shape == (10, 10)


def brute_discs(height: int, width: int, at: list[tuple[float, float]], radius: float) -> np.ndarray:
    labels = np.full((height, width), IGNORE, np.uint8)
    for row in range(height):
        for col in range(width):
            for r, c in at:
                r0, c0 = min(int(np.floor(r + 0.5)), height - 1), min(int(np.floor(c + 0.5)), width - 1)
                if (row - r0) ** 2 + (col - c0) ** 2 <= radius**2:
                    labels[row, col] = 1
    return labels


@given(
    st.lists(st.tuples(st.floats(-0.5, 6.5), st.floats(-0.5, 10.5)), max_size=5),
    st.sampled_from([0.0, 0.9, 1.0, 1.4, 1.5, 2.0, 2.3, 3.0, 5.0, 7.5, 100.0]),
)
def test_discs_equal_brute_force(at: list[tuple[float, float]], radius: float) -> None:
    labels = draw(Points(label=1, at=tuple(at), radius=radius), height=7, width=11)
    assert np.array_equal(labels, brute_discs(7, 11, at, radius))


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=1, max_size=6))
def test_a_scribble_is_connected_and_passes_its_corners(path: list[tuple[int, int]]) -> None:
    drawn = draw(Scribble(label=1, path=tuple(path)), height=16, width=16) == 1
    assert all(drawn[corner] for corner in path)
    reached = np.zeros_like(drawn)
    reached[path[0]] = True
    for _ in range(256):
        padded = np.pad(reached, 1)
        reached = drawn & np.max([padded[i : i + 16, j : j + 16] for i in range(3) for j in range(3)], axis=0)
    assert np.array_equal(reached, drawn)


@pytest.mark.parametrize("radius", [0.0, 3.0])
def test_a_million_clicks_are_drawn(radius: float) -> None:
    at = np.random.default_rng(0).integers(0, 1000, (1_000_000, 2))
    annotation = Annotation(
        name="a",
        height=1000,
        width=1000,
        classes=("a", "b"),
        marks=(Points(label=1, at=tuple(map(tuple, at.astype(float).tolist())), radius=radius),),
    )
    labels = to_labels(annotation)
    wanted = np.full((1000, 1000), IGNORE if radius == 0 else 1, np.uint8)  # Such discs cover everything.
    wanted[at[:, 0], at[:, 1]] = 1
    assert np.array_equal(labels, wanted)


def test_a_sparse_map_keeps_its_clicks_when_it_shrinks() -> None:
    sparse = np.full((300, 300), IGNORE, np.uint8)
    rng = np.random.default_rng(0)
    rows, cols = rng.permutation(60) * 5, rng.permutation(60) * 5
    sparse[rows, cols] = 1
    marks = (Dense.from_map(sparse),)
    drawn = Annotation(name="a", height=300, width=300, classes=("no", "yes"), marks=marks)
    small = to_labels(drawn, 60, 60)
    assert (small == 1).sum() == 60
    assert (small[rows // 5, cols // 5] == 1).all()
    full = np.arange(90_000, dtype=np.int64).reshape(300, 300) % 2
    dense = drawn.model_copy(update={"marks": (Dense.from_map(full.astype(np.uint8)),)})
    assert np.array_equal(to_labels(dense, 60, 60), full[2::5, 2::5])


def test_outside_all_boxes_is_background_and_inside_unknown() -> None:
    boxes = (
        Box(label=1, top=0, left=0, bottom=2, right=3),
        Box(label=2, top=1, left=2, bottom=4, right=4),
    )
    assert picture(draw(*boxes, height=5, width=5)) == ["...00", "....0", "00..0", "00..0", "00000"]


def test_marks_hold_over_the_background_of_boxes_whatever_their_order() -> None:
    box = Box(label=1, top=1, left=1, bottom=3, right=3)
    clicks = Points(label=1, at=((0, 0), (1, 1)))
    expected = ["1000", "01.0", "0..0"]
    assert picture(draw(box, clicks, height=3, width=4)) == expected
    assert picture(draw(clicks, box, height=3, width=4)) == expected


def test_boxes_say_nothing_of_a_class_that_has_none() -> None:
    box = Box(label=1, top=1, left=1, bottom=3, right=3)
    other = Points(label=2, at=((0, 3),))
    assert picture(draw(box, other, height=3, width=4)) == ["...2", "....", "...."]
    boxed = Box(label=2, top=0, left=3, bottom=1, right=4)
    assert picture(draw(box, other, boxed, height=3, width=4)) == ["0002", "0..0", "0..0"]
    assert picture(draw(box, Points(label=0, at=((0, 3),)), height=3, width=4)) == ["0000", "0..0", "0..0"]


@pytest.mark.parametrize(
    ("said", "outside"),
    [
        (Tag(label=2, present=True), "."),
        (Size(label=2, low=2, high=4), "."),
        (Centroid(label=2, rows=(0, 0), cols=(2, 3)), "."),
        (Tag(label=2, present=False), "0"),
        (Size(label=2, low=0, high=4), "0"),
        (Tag(label=1, present=True), "0"),
        (Tag(label=0, present=True), "0"),
    ],
)
def test_outside_boxes_may_lie_what_is_said_to_be_there_without_a_box(said: Mark, outside: str) -> None:
    box = Box(label=1, top=0, left=0, bottom=1, right=2)
    assert picture(draw(box, said, height=1, width=4)) == [".." + 2 * outside]


def test_extreme_points_label_their_pixels_within_a_box() -> None:
    extreme = ExtremePoints(label=2, at=((1, 2), (2, 1), (3, 2), (2, 4)))
    assert picture(draw(extreme, height=5, width=6)) == ["000000", "0.2..0", "02..20", "0.2..0", "000000"]


def test_tags_sizes_and_centroids_draw_nothing() -> None:
    said = (
        Tag(label=1, present=False),
        Size(label=1, low=0, high=4),
        Centroid(label=1, rows=(0, 0), cols=(0, 1)),
    )
    assert picture(draw(*said, height=1, width=3)) == ["..."]


@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    wanted=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    corners=st.tuples(*[st.integers(0, 29)] * 4),
)
def test_a_scaled_box_is_the_smallest_that_holds_what_was_boxed(
    size: tuple[int, int], wanted: tuple[int, int], corners: tuple[int, int, int, int]
) -> None:
    top, bottom = sorted(min(c, size[0] - 1) for c in corners[:2])
    left, right = sorted(min(c, size[1] - 1) for c in corners[2:])
    box = Box(label=1, top=top, left=left, bottom=bottom + 1, right=right + 1)
    found = outline(box, np.array(wanted) / np.array(size), wanted)
    # In whole numbers: pixel i of n' overlaps the rows top to bottom of n.
    for (first, last), n, new, (low, high) in zip(
        ((top, bottom + 1), (left, right + 1)), size, wanted, (found[::2], found[1::2]), strict=True
    ):
        touched = [i for i in range(new) if i * n < last * new and (i + 1) * n > first * new]
        assert (low, high) == (touched[0], touched[-1] + 1)


def test_extreme_points_have_the_outline_of_their_pixels() -> None:
    extreme = ExtremePoints(label=1, at=((1.2, 2), (2, 0.8), (3.4, 2), (2, 4)))
    assert outline(extreme, np.ones(2), (9, 9)) == (1, 1, 4, 5)


@pytest.mark.parametrize(("height", "width"), [(40, 50), (64, 97), (26, 33), (130, 32)])
def test_a_label_map_that_was_enlarged_shrinks_to_what_it_was(height: int, width: int) -> None:
    small = np.random.default_rng(0).choice(np.array([0, 1, IGNORE], np.uint8), (26, 32))
    marks = (Dense.from_map(resample_mask(small, (height, width))),)
    drawn = Annotation(name="a", height=height, width=width, classes=("no", "yes"), marks=marks)
    assert np.array_equal(to_labels(drawn, 26, 32), small)
