"""Pictures: the promised pixels change and no others, sizes add up, text is there, files are PNG."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pointillist.core.annotation import Annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Box, Centroid, Dense, ExtremePoints, Points, Scribble, Size, Tag
from pointillist.core.sample import Sample
from pointillist.data.draw import (
    FILL,
    draw_annotation,
    draw_image,
    draw_label_map,
    draw_overlay,
    palette_png,
    panel_scale,
    write_picture,
)
from pointillist.data.pen import noted
from pointillist.data.sheets import contact_sheet, draw_row, panels

COLOURS = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]
GREY = np.full((1, 8, 8), 102 / 255, dtype=np.float32)

LABELS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 255, 255, 255],
        [0, 0, 0, 0, 0, 255, 255, 255],
    ],
    dtype=np.uint8,
)


def photo(height=120, width=160, channels=3):
    rng = np.random.default_rng(0)
    return (rng.integers(60, 200, (channels, height, width)) / 255).astype(np.float32)


def annotate(*marks, height=120, width=160):
    return Annotation(name="a", height=height, width=width, classes=("no", "yes", "other"), marks=marks)


def test_an_image_of_any_channels_becomes_rgb():
    grey, colour, many = photo(channels=1), photo(channels=3), photo(channels=5)
    np.testing.assert_array_equal(
        draw_image(grey), np.rint(grey[0] * 255).astype(np.uint8)[..., None].repeat(3, 2)
    )
    np.testing.assert_array_equal(draw_image(colour), np.rint(colour * 255).transpose(1, 2, 0))
    np.testing.assert_array_equal(draw_image(many), draw_image(many[:3]))
    assert draw_image(photo(7, 9, 2), 3).shape == (21, 27, 3)


def test_values_outside_0_to_1_are_cut_off():
    image = np.array([[[-3.0, 0.0, 1.0, 7.0, np.nan]]], dtype=np.float32)
    assert draw_image(image)[0, :, 0].tolist() == [0, 0, 255, 255, 0]


def test_overlay_paints_outline_and_fill_and_leaves_the_rest():
    drawn = draw_overlay(GREY, LABELS, COLOURS)
    outline = np.zeros((8, 8), bool)
    outline[1:6, 1:6] = True
    outline[2:5, 2:5] = False
    assert (drawn[outline] == (255, 0, 0)).all()
    fill = drawn[2:5, 2:5].reshape(-1, 3)
    assert (fill == fill[0]).all()
    assert 102 < fill[0, 0] < 255  # Red above, grey shining through.
    assert 0 < fill[0, 1] < 102
    assert (drawn[LABELS == 0] == 102).all()
    assert (drawn[LABELS == 255] == 102).all()


def test_overlay_of_two_touching_classes_keeps_both_colours():
    labels = np.ones((8, 8), np.uint8)
    labels[:, 4:] = 2
    drawn = draw_overlay(GREY, labels, COLOURS)
    assert (drawn[:, 3] == COLOURS[1]).all()
    assert (drawn[:, 4] == COLOURS[2]).all()
    assert drawn[0, 0].tolist() != list(COLOURS[1])  # The image's edge is no outline.


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_overlay_never_touches_background_or_unlabelled_pixels(seed, scale):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (11, 7))
    image = rng.random((3, 11, 7), dtype=np.float32)
    before, after = draw_image(image, scale), draw_overlay(image, labels, COLOURS, scale)
    still = np.kron(np.isin(labels, (0, 255)), np.ones((scale, scale), bool))
    np.testing.assert_array_equal(after[still], before[still])


def test_label_map_shows_each_class_and_grey_for_unknown():
    drawn = draw_label_map(LABELS, COLOURS, 2)
    assert drawn.shape == (16, 16, 3)
    assert (drawn[2:12, 2:12] == (255, 0, 0)).all()
    assert (drawn[12:, 10:] == 127).all()
    assert (drawn[:2] == 0).all()


def test_a_click_shows_its_colour_ringed_in_white_and_nothing_elsewhere():
    image = photo()
    drawn = draw_annotation(image, annotate(Points(label=1, at=((40.0, 30.0),))), COLOURS, 2)
    assert drawn.shape == (240, 320, 3)
    assert drawn[81, 61].tolist() == [255, 0, 0]
    row = drawn[81, 61:75].astype(int)
    assert (row.min(axis=1) > 230).any()
    changed = (drawn != draw_image(image, 2)).any(axis=2)
    rows, cols = np.nonzero(changed)
    assert abs(rows.mean() - 80.5) < 0.5
    assert abs(cols.mean() - 60.5) < 0.5
    assert max(np.ptp(rows), np.ptp(cols)) < 16


def test_a_later_mark_lies_on_top():
    place = ((40.0, 30.0),)
    marks = Points(label=1, at=place), Points(label=2, at=place)
    assert draw_annotation(photo(), annotate(*marks), COLOURS)[40, 30].tolist() == [0, 0, 255]
    full = Dense.from_map(np.full((120, 160), 2, np.uint8))
    assert draw_annotation(photo(), annotate(marks[0], full), COLOURS)[40, 30, 2] > 120
    assert draw_annotation(photo(), annotate(full, marks[0]), COLOURS)[40, 30].tolist() == [255, 0, 0]


def test_a_click_that_labels_a_disc_has_a_circle_of_its_size():
    drawn = draw_annotation(photo(), annotate(Points(label=1, at=((60.0, 80.0),), radius=30)), COLOURS)
    for row, col in ((31, 80), (89, 80), (60, 51), (60, 109)):
        near = drawn[row - 2 : row + 3, col - 2 : col + 3].reshape(-1, 3).astype(int)
        assert (near[:, 0] - near[:, 1]).max() > 120
    inside = drawn[60, 95:105]
    np.testing.assert_array_equal(inside, draw_image(photo())[60, 95:105])


def test_clicks_are_placed_by_the_share_of_the_annotated_image():
    large = annotate(Points(label=1, at=((240.0, 321.5),)), height=480, width=640)
    assert draw_annotation(photo(), large, COLOURS)[60, 80].tolist() == [255, 0, 0]


def test_a_scribble_is_a_line_with_a_white_edge():
    image = photo()
    drawn = draw_annotation(
        image, annotate(Scribble(label=2, path=((20, 20), (20, 140), (100, 140)))), COLOURS
    )
    for row, col in ((20, 20), (20, 80), (20, 140), (60, 140), (100, 140)):
        assert drawn[row, col].tolist() == [0, 0, 255]
    assert drawn[14:27, 80].min(axis=1).max() > 200
    np.testing.assert_array_equal(drawn[40:, :100], draw_image(image)[40:, :100])


def test_a_scribble_of_one_corner_is_a_dot():
    drawn = draw_annotation(photo(), annotate(Scribble(label=2, path=((20, 20),))), COLOURS)
    assert drawn[20, 20].tolist() == [0, 0, 255]


def test_a_dense_map_tints_its_labelled_pixels_only():
    labels = np.full((8, 8), 255, np.uint8)
    labels[:4] = 1
    drawn = draw_annotation(GREY, annotate(Dense.from_map(labels), height=8, width=8), COLOURS)
    assert (drawn[4:] == 102).all()
    assert (drawn[:4, :, 0] > 150).all()
    assert (drawn[:4, :, 1] < 90).all()


def test_marks_at_the_very_edge_are_drawn():
    edge = Points(label=1, at=((-0.5, -0.5), (119.5, 159.5)))
    drawn = draw_annotation(photo(), annotate(edge), COLOURS)
    assert drawn[0, 0].tolist() == [255, 0, 0]
    assert drawn[-1, -1].tolist() == [255, 0, 0]


def test_nothing_drawn_is_the_image():
    np.testing.assert_array_equal(draw_annotation(photo(), annotate(), COLOURS), draw_image(photo()))


def test_a_row_tells_the_result_in_four_pictures_of_one_size():
    mask = np.zeros((120, 160), np.uint8)
    mask[30:60, 40:90] = 1
    row = draw_row(photo(), annotate(Points(label=1, at=((40.0, 50.0),))), mask, mask, COLOURS)
    assert [picture.shape for picture in row] == [(240, 320, 3)] * 4
    np.testing.assert_array_equal(row[2], row[3])
    assert (row[0] != row[1]).any()
    assert (row[0] != row[2]).any()


def test_panels_hold_every_picture_whole_between_white_margins():
    red, blue = np.zeros((2, 300, 400, 3), np.uint8)
    red[..., 0] = 255
    blue[..., 2] = 255
    table = panels([[red, blue]] * 2, ["left", "right"], [["", "a caption"], ["", ""]])
    assert (table == (255, 0, 0)).all(axis=2).sum() == 2 * 300 * 400
    assert (table == (0, 0, 255)).all(axis=2).sum() == 2 * 300 * 400
    assert table.shape[0] > 2 * 300 + 80
    assert 2 * 400 < table.shape[1] < 2 * 400 + 100
    edge = np.concatenate(
        [table[:8].reshape(-1, 3), table[:, :8].reshape(-1, 3), table[:, -8:].reshape(-1, 3)]
    )
    assert (edge == 255).all()


def test_titles_and_captions_are_written_where_they_belong():
    black = np.zeros((300, 400, 3), np.uint8)
    bare = panels([[black, black]], ["", ""], [["", ""]])
    titled = panels([[black, black]], ["image", ""], [["", ""]])
    captioned = panels([[black, black]], ["", ""], [["", "Dice .93"]])
    assert bare.shape == titled.shape == captioned.shape
    middle = bare.shape[1] // 2
    rows, cols = np.nonzero((bare != titled).any(axis=2))
    assert rows.max() < 60
    assert cols.max() < middle
    assert len(rows) > 100
    rows, cols = np.nonzero((bare != captioned).any(axis=2))
    assert rows.min() > 300
    assert cols.min() > middle
    assert len(rows) > 100


@pytest.mark.parametrize(
    "text", ["a title far too long for its narrow column " * 3, "two\nlines", "…", "x" * 90]
)
def test_a_title_of_any_length_stays_in_its_column_and_its_last_letter_shows(text):
    black = np.zeros((240, 100, 3), np.uint8)
    titled, other = (panels([[black, black]], [one, ""]) for one in (f"{text} 1", f"{text} 2"))
    _, cols = np.nonzero((titled[:-262] != 255).any(axis=2))
    assert cols.min() >= 20
    assert cols.max() <= 20 + 100
    assert titled.shape == other.shape
    assert (titled != other).any()
    captioned, other = (panels([[black], [black]], (), [[text + end], [""]]) for end in "ab")
    assert (captioned != other).any()
    rows, _ = np.nonzero((captioned == 0).all(axis=2))
    assert len(np.unique(rows)) == 480, "no caption lies over a picture, and none pushes one out"


def test_small_pictures_are_enlarged_by_a_whole_factor_and_huge_ones_reduced():
    small = np.arange(64 * 3, dtype=np.uint8).reshape(8, 8, 3)
    table = panels([[small]], ())
    np.testing.assert_array_equal(table[20:-20, 20:-20], np.kron(small, np.ones((30, 30, 1), np.uint8)))
    assert panels([[np.zeros((3000, 1500, 3), np.uint8)]], ()).shape == (600 + 40, 300 + 40, 3)


@given(st.integers(1, 4000))
def test_panels_are_high_enough(height):
    assert panel_scale(height) * height >= 240
    assert (panel_scale(height) - 1) * height < 240


def test_a_table_with_gaps_is_refused():
    one = np.zeros((240, 240, 3), np.uint8)
    for rows, titles, captions in (
        ([], [], []),
        ([[one], [one, one]], [], []),
        ([[one, one]], ["a"], []),
        ([[one, one]], [], [["a"]]),
        ([[one], [one]], [], [["a"]]),
    ):
        with pytest.raises(InputError):
            panels(rows, titles, captions)


def sample(name, height=60, width=80, **fields):
    return Sample(name=name, image=photo(height, width), **fields)


def test_contact_sheet_has_a_tile_for_each_sample_and_fits_its_columns():
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 20:60] = 1
    samples = [sample(f"s{i}", mask=mask) for i in range(5)] + [sample("tall", 90, 30)]
    wide, narrow = contact_sheet(samples, COLOURS, 6), contact_sheet(samples, COLOURS, 2)
    assert wide.shape[1] > 6 * 200
    assert narrow.shape[1] < 3 * 200
    assert narrow.shape[0] > 2 * wide.shape[0]
    reds = (wide[..., 0].astype(int) - wide[..., 1] > 150).sum(axis=0)
    assert sum(reds[20 + i * 214 : 220 + i * 214].any() for i in range(6)) == 5
    alone = contact_sheet(samples[:1], COLOURS)
    long = [contact_sheet([sample("tile " * 20 + end)], COLOURS) for end in "ab"]
    assert (long[0] != long[1]).any(), "names of many letters often differ in the last alone"
    assert alone.shape[1] < 300


def test_contact_sheet_shows_what_was_drawn_where_there_is_no_mask():
    click = annotate(Points(label=1, at=((30.0, 40.0),)), height=60, width=80)
    drawn = contact_sheet([sample("a", annotation=click)], COLOURS).astype(int)
    assert (drawn[..., 0] - drawn[..., 1] > 150).any()


def test_a_box_is_outlined_in_its_colour_on_its_sides_and_nowhere_else():
    image = photo()
    drawn = draw_annotation(image, annotate(Box(label=1, top=30, left=40, bottom=70, right=120)), COLOURS, 2)
    changed = (drawn != draw_image(image, 2)).any(axis=2)
    sides = np.zeros(changed.shape, bool)
    sides[56:144, 76:244] = True
    sides[66:134, 86:234] = False
    assert not changed[~sides].any()
    red = (drawn == (255, 0, 0)).all(axis=2)
    for side in (red[58:63, 100:220], red[138:142, 100:220], red[80:120, 78:82].T, red[80:120, 238:242].T):
        assert side.any(axis=0).all()
    assert (drawn[changed] > 230).all(axis=1).any()  # Its white edge.


def test_extreme_points_are_ringed_dots_in_a_dashed_box():
    image = photo()
    at = ((30.0, 80.0), (50.0, 40.0), (69.0, 90.0), (40.0, 119.0))
    drawn = draw_annotation(image, annotate(ExtremePoints(label=2, at=at)), COLOURS, 2)
    for row, col in at:
        assert drawn[int(2 * row) + 1, int(2 * col) + 1].tolist() == [0, 0, 255]
    top = (drawn != draw_image(image, 2)).any(axis=2)[60, 90:145]
    assert top.any()
    assert not top.all()


def test_what_is_said_stands_in_the_lower_left_corner():
    image = photo()
    said = annotate(
        Tag(label=1, present=False),
        Size(label=2, low=300, high=400),
        Centroid(label=2, rows=(0, 1), cols=(0, 1)),
    )
    changed = (draw_annotation(image, said, COLOURS, 2) != draw_image(image, 2)).any(axis=2)
    assert changed[215:, :100].any()
    assert not changed[:200].any()
    other = annotate(Tag(label=1, present=True))
    assert (draw_annotation(image, other, COLOURS, 2) != draw_annotation(image, said, COLOURS, 2)).any()


def test_a_long_note_is_cut_to_the_width():
    tags = [Tag(label=label, present=True) for label in (1, 2)] * 100
    drawn = draw_annotation(photo(), annotate(*tags), COLOURS)
    assert drawn.shape == (120, 160, 3)


def test_no_samples_and_colourless_classes_are_refused():
    with pytest.raises(InputError, match="samples"):
        contact_sheet([], COLOURS)
    with pytest.raises(InputError, match="colour"):
        draw_overlay(GREY, LABELS, COLOURS[:1])
    with pytest.raises(InputError, match="colour"):
        draw_label_map(LABELS, COLOURS[:1])
    with pytest.raises(InputError, match="colour"):
        draw_annotation(photo(), annotate(), COLOURS[:2])


def test_a_written_picture_is_a_png_with_the_same_pixels(tmp_path):
    pixels = draw_image(photo())
    write_picture(tmp_path / "deep" / "picture.png", pixels)
    with Image.open(tmp_path / "deep" / "picture.png") as file:
        assert file.format == "PNG"
        np.testing.assert_array_equal(np.asarray(file), pixels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["picture.png"]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.png"):
        write_picture(tmp_path / "picture.jpg", draw_image(photo()))
    assert not list(tmp_path.iterdir())


def test_a_palette_picture_holds_the_indices_in_the_classes_colours() -> None:
    labels = np.array([[0, 1], [1, 0]], np.uint8)
    for clear in (False, True):
        picture = Image.open(io.BytesIO(palette_png(labels, COLOURS, clear)))
        assert np.array_equal(np.array(picture), labels)
        rgba = np.array(picture.convert("RGBA"))
        assert tuple(rgba[0, 1]) == (*COLOURS[1], 255)
        assert rgba[0, 0, 3] == (0 if clear else 255)
    with pytest.raises(InputError, match="colour"):
        palette_png(np.array([[7]], np.uint8), COLOURS)


@pytest.mark.parametrize(("one", "other"), [("Ü", "Ä"), ("北", "京"), ("か", "き"), ("한", "글"), ("Ж", "Ш")])
def test_letters_of_every_script_are_told_apart(one: str, other: str) -> None:
    """In a font without them each would be the same empty box."""
    tile = np.zeros((40, 60, 3), np.uint8)
    pictures = [panels([[tile]], [name], [[name]]) for name in (one, other)]
    assert not np.array_equal(*pictures)
    notes = [noted(np.zeros((80, 120, 3), np.uint8), name) for name in (one, other)]
    assert not np.array_equal(*notes)


def test_an_overlay_of_a_large_image_takes_little_more_than_the_picture() -> None:
    image = np.full((3, 600, 800), 0.4, np.float32)
    labels = np.zeros((600, 800), np.uint8)
    labels[100:500, 100:700] = 1
    tracemalloc.start()
    try:
        drawn = draw_overlay(image, labels, COLOURS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    inside = np.rint(102 * (1 - FILL) + np.array(COLOURS[1]) * FILL)
    assert drawn[300, 400].tolist() == inside.tolist()
    assert peak < 6 * drawn.nbytes, "real numbers for all pixels at once would take sixteen times as much"
