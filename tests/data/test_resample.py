import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pointillist.core.annotation import Annotation
from pointillist.core.marks import Points
from pointillist.core.raster import to_labels
from pointillist.core.rng import numpy_rng
from pointillist.core.sample import Sample
from pointillist.core.shapes import IGNORE
from pointillist.data.resample import resample, resample_mask

sides = st.integers(1, 70)


def noise(height: int, width: int) -> Sample:
    rng = numpy_rng(0, "noise", height, width)
    mask = rng.choice(np.array([0, 2, 7, IGNORE], np.uint8), (height, width))
    image = rng.random((3, height, width), np.float32)
    return Sample("a", image, mask, rng.random((height, width)) < 0.5, group="g")


@given(sides, sides, sides, sides)
def test_no_class_is_invented_and_everything_has_the_asked_size(h: int, w: int, to_h: int, to_w: int) -> None:
    before = noise(h, w)
    after = resample(before, (to_h, to_w))
    assert after.mask is not None
    assert after.region is not None
    assert before.mask is not None
    assert after.image.shape == (3, to_h, to_w)
    assert after.mask.shape == after.region.shape == (to_h, to_w)
    assert set(np.unique(after.mask)) <= set(np.unique(before.mask))
    assert after.image.dtype == np.float32
    assert after.image.min() >= 0
    assert after.image.max() <= 1
    assert (after.name, after.group) == ("a", "g")


@given(sides, sides, sides)
def test_a_number_bounds_the_longer_side_and_never_enlarges(h: int, w: int, longest: int) -> None:
    after = resample(noise(h, w), longest)
    assert max(after.height, after.width) == min(longest, max(h, w))
    assert abs(after.height / max(after.height, after.width) * max(h, w) - h) <= max(h, w) / longest


def test_nothing_to_do_changes_nothing() -> None:
    sample = noise(8, 9)
    assert resample(sample, None) is sample
    assert resample(sample, (8, 9)) is sample
    assert resample(sample, 9) is sample


def test_the_input_is_not_touched() -> None:
    sample = noise(8, 9)
    copies = sample.image.copy(), resample_mask(sample.mask, None).copy() if sample.mask is not None else None
    after = resample(sample, (4, 4))
    after.image[:] = 0
    np.testing.assert_array_equal(sample.image, copies[0])
    np.testing.assert_array_equal(sample.mask, copies[1])


def test_a_mask_takes_the_pixel_under_each_centre() -> None:
    mask = np.array([[1, 2, 3, 4, 5, 6]], np.uint8)
    assert resample_mask(mask, (1, 2)).tolist() == [[2, 5]]
    assert resample_mask(mask[:, :2], (2, 6)).tolist() == [[1, 1, 1, 2, 2, 2]] * 2


@pytest.mark.parametrize(("h", "w", "to_h", "to_w"), [(40, 60, 20, 30), (57, 76, 29, 31), (9, 7, 20, 30)])
def test_image_and_mask_stay_on_one_another(h: int, w: int, to_h: int, to_w: int) -> None:
    # A ramp along both axes: its centre of mass must not move against the mask's.
    mask = np.zeros((h, w), np.uint8)
    mask[h // 3 : 2 * h // 3, w // 2 :] = 1
    after = resample(Sample("a", np.repeat(mask[None].astype(np.float32), 3, axis=0), mask), (to_h, to_w))
    assert after.mask is not None
    assert ((after.image[0] > 0.5) != (after.mask == 1)).mean() <= 1.5 * (to_h + to_w) / (to_h * to_w) / 2


def test_an_annotation_falls_on_the_same_pixels_as_the_mask() -> None:
    annotation = Annotation(
        name="a", height=40, width=60, classes=("no", "yes"), marks=(Points(label=1, at=((13.0, 31.0),)),)
    )
    mask = np.zeros((40, 60), np.uint8)
    mask[10:17, 28:35] = 1
    sample = Sample("a", np.zeros((3, 40, 60), np.float32), mask, annotation=annotation)
    small = resample(sample, (20, 30))
    assert small.annotation is annotation
    assert small.mask is not None
    labels = to_labels(annotation, small.height, small.width)
    assert (small.mask[labels == 1] == 1).all()
    assert (labels == 1).any()


def test_shrinking_averages_like_pillow() -> None:
    # An independent antialiased bilinear filter; Pillow rounds to 1/255.
    pixels = numpy_rng(0, "pillow").integers(0, 256, (60, 81, 3), dtype=np.uint8)
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32) / 255
    ours = resample(Sample("a", image), (19, 33)).image.transpose(1, 2, 0) * 255
    theirs = np.asarray(Image.fromarray(pixels).resize((33, 19), Image.Resampling.BILINEAR), np.float32)
    assert np.abs(ours - theirs).max() < 1.01
