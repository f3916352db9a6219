"""What an image's own labels say of the pixels around them: from the first clicks on, and where it helps."""

from pathlib import Path

import numpy as np

from pointillist.annotate import next_clicks
from pointillist.core.marks import Points
from pointillist.core.shapes import MaskArray
from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic
from pointillist.web.events import Add
from pointillist.web.live import Live
from pointillist.web.nearby import Nearby, along_edges, breadth, mixed, share
from pointillist.web.project import Project


def dice(labels: MaskArray, truth: MaskArray) -> float:
    return 2 * float(((labels == 1) & (truth == 1)).sum()) / float((labels == 1).sum() + (truth == 1).sum())


def test_one_click_on_each_class_shows_the_object(tmp_path: Path) -> None:
    shown = []
    for number, sample in enumerate(Synthetic(size=(240, 320), train=8).samples("train")):
        home = tmp_path / str(number)
        write_picture(home / "images" / "a.png", draw_image(sample.image))
        project = Project(home)
        live = Live(project)
        truth = sample.truth()
        clicks = [*next_clicks(truth, np.zeros_like(truth), 1), *next_clicks(truth, np.ones_like(truth), 1)]
        marks = [Points(label=label, at=((float(row), float(col)),)) for label, row, col in clicks]
        events = [Add(id=f"{i:032x}", sequence=i, mark=mark) for i, mark in enumerate(marks)]
        live.note(project.store.append("a", "tab", events).result())
        found = live.segment("a")
        live.close()
        project.store.close()
        assert found is not None
        shown.append(dice(found.labels, truth))
    assert min(shown) > 0.7
    assert np.mean(shown) > 0.84, "what the classifier learnt from two pixels alone gives .78"


def test_vessels_are_left_to_the_classifier_once_a_few_labels_tell() -> None:
    assert breadth([(2, None)]) == 1, "two labels tell nothing"
    assert breadth([(4, 0.3)]) < breadth([(4, 0.9)]) < 1
    assert breadth([(8, 0.5), (8, 0.5)]) == 0
    assert breadth([(8, 0.95), (8, 1.0), (1000, 0.9)]) > 0.9


def test_where_the_image_says_nothing_or_is_not_trusted_all_is_as_it_was_taught() -> None:
    taught = np.array([[[0.3, 0.6]], [[0.7, 0.4]]], np.float32)
    np.testing.assert_allclose(mixed(taught, Nearby(np.zeros_like(taught), 1.0)), taught)
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    np.testing.assert_allclose(mixed(taught, Nearby(sure, 0.0)), taught)
    np.testing.assert_allclose(mixed(taught, Nearby(sure, 1.0)), (taught + sure) / 2)


def test_few_labels_count_less_beside_images_with_many() -> None:
    assert share(1, []) == share(1, [1, 1]) == share(8, [5, 6]) == 1
    assert share(1, [10]) < share(3, [10]) < share(6, [10]) < 1
    assert share(0, [3]) == 0


def test_a_class_that_is_not_labelled_here_stays_as_it_was_taught() -> None:
    taught = np.array([[[0.2, 0.1]], [[0.2, 0.1]], [[0.6, 0.8]]], np.float32)
    nearby = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]], np.float32)
    found = mixed(taught, Nearby(nearby, 1.0))
    np.testing.assert_allclose(found[2], taught[2])
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    assert found[0, 0, 0] > found[1, 0, 0]


def test_what_a_small_copy_says_holds_for_the_image_at_its_full_size() -> None:
    taught = np.full((2, 8, 8), 0.5, np.float32)
    nearby = np.stack([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])]).astype(np.float32)
    found = mixed(taught, Nearby(nearby, 1.0)).argmax(0)
    assert (found[:, :3] == 0).all()
    assert (found[:, 5:] == 1).all()


def test_a_class_without_a_label_gets_nothing_where_corners_are_rounded() -> None:
    probs = np.zeros((3, 20, 20), np.float32)
    probs[0, :, :10], probs[1, :, 10:] = 1, 1
    found = along_edges(probs, np.full((3, 20, 20), 0.5, np.float32))
    assert found[2].max() == 0
    assert 0 < found[0, 5, 10] < 0.6, "what was a step is a slope"
    assert along_edges(np.zeros_like(probs), np.zeros((3, 20, 20), np.float32)).max() == 0
