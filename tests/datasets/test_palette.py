"""The colours of classes that declare none: told apart by every eye, on black and white outlines."""

import itertools
from pathlib import Path

import pytest

from pointillist.datasets import Folder, Synthetic
from pointillist.datasets.dataset import PALETTE
from tests.datasets.trees import draw_folder
from tests.sight import SIGHTS, distance

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_first_eight_classes_differ_for_every_eye(sight: str) -> None:
    assert PALETTE[0] == BLACK
    for one, other in itertools.combinations((*PALETTE[:9], WHITE), 2):
        assert distance(one, other, sight) >= 36, (sight, one, other)


def test_all_differ() -> None:
    assert len(set(PALETTE)) == len(PALETTE) == 255


def test_declared_colours_stay(tmp_path: Path) -> None:
    draw_folder(tmp_path)
    assert Folder(root=tmp_path).colours == PALETTE[:2]
    with (tmp_path / "pointillist.yaml").open("a") as file:
        file.write("classes: [background, disc]\ncolours: [[0, 0, 0], [1, 200, 3]]\n")
    assert Folder(root=tmp_path).colours == ((0, 0, 0), (1, 200, 3))
    assert Synthetic().colours == ((0, 0, 0), (0, 225, 230))
