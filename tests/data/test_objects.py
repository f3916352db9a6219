"""Objects and tags: equal to pycocotools, right on maps drawn by hand."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco
from skimage.measure import label as sk_label
from skimage.measure import regionprops

from pointillist.data.objects import encode_runs, find_objects, find_tags

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

DRAWN = np.array(
    [
        [1, 1, 0, 0, 0, 0, 2, 2],
        [1, 1, 0, 0, 0, 0, 0, 2],
        [0, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 1, 0],
    ],
    dtype=np.uint8,
)


def probs_of(prediction: np.ndarray) -> np.ndarray:
    hot = np.eye(3, dtype=np.float32)[prediction].transpose(2, 0, 1)
    return hot * 0.7 + 0.1


def test_every_component_is_an_object_with_its_box() -> None:
    objects = list(find_objects(DRAWN, 3, image_id=4, first_id=10, probs=probs_of(DRAWN)))
    assert [(o["category_id"], o["bbox"], o["area"]) for o in objects] == [
        (1, [0, 0, 3, 3], 5),
        (1, [4, 4, 3, 1], 3),
        (2, [6, 0, 2, 2], 3),
    ]
    assert [o["id"] for o in objects] == [10, 11, 12]
    assert {o["image_id"] for o in objects} == {4}
    assert [o["score"] for o in objects] == pytest.approx([0.8, 0.8, 0.8])
    json.dumps(objects)


def test_small_objects_can_be_left_out() -> None:
    assert [o["area"] for o in find_objects(DRAWN, 3, 1, 1, smallest=4)] == [5]


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_run_lengths_equal_pycocotools(inside: np.ndarray) -> None:
    runs = {"size": list(inside.shape), "counts": encode_runs(inside)}
    decoded = coco.decode(coco.frPyObjects(runs, *inside.shape))
    assert np.array_equal(decoded.astype(bool), inside)
    assert sum(runs["counts"]) == inside.size


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)))
def test_objects_rebuild_the_map_and_equal_skimage(prediction: np.ndarray) -> None:
    objects = list(find_objects(prediction, 3, 1, 1))
    rebuilt = np.zeros_like(prediction)
    for found in objects:
        mask = coco.decode(coco.frPyObjects(found["segmentation"], *prediction.shape)).astype(bool)
        assert mask.sum() == found["area"]
        left, top, width, height = found["bbox"]
        rows, cols = np.nonzero(mask)
        assert (rows.min(), cols.min()) == (top, left)
        assert (rows.max() + 1 - top, cols.max() + 1 - left) == (height, width)
        assert not rebuilt[mask].any()
        rebuilt[mask] = found["category_id"]
    assert np.array_equal(rebuilt, prediction)
    expected = sum(len(regionprops(sk_label(prediction == k, connectivity=2))) for k in (1, 2))
    assert len(objects) == expected


def test_tags_say_what_is_there() -> None:
    tags = find_tags(DRAWN, ("background", "cat", "dog", "bird"))
    assert [(t.class_name, t.area, t.components) for t in tags] == [("cat", 8, 2), ("dog", 3, 1)]
    assert tags[0].share == pytest.approx(8 / 40)
    assert find_tags(np.zeros((2, 2), np.uint8), ("background", "cat")) == []
