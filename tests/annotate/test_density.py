"""Pixels labelled by chance are as many as asked, wherever they lie."""

import numpy as np
import pytest
from scipy import stats

from pointillist.annotate import Density
from pointillist.core.raster import to_labels
from pointillist.core.shapes import IGNORE
from tests.annotate.people import drawn_by


@pytest.mark.parametrize("probability", [0.01, 0.05, 0.1, 0.9])
def test_the_share_of_labelled_pixels_is_the_probability(probability: float) -> None:
    truth = np.zeros((200, 200), np.uint8)
    truth[50:150, 50:150] = 1
    labelled = to_labels(drawn_by(Density(probability=probability), truth)) != IGNORE
    for part in (truth == 0, truth == 1):
        test = stats.binomtest(int(labelled[part].sum()), int(part.sum()), probability)
        assert test.pvalue > 0.001


def test_a_higher_probability_only_adds_pixels() -> None:
    truth = np.ones((50, 50), np.uint8)
    few, many = (to_labels(drawn_by(Density(probability=p), truth)) == 1 for p in (0.05, 0.5))
    assert few.sum() < many.sum()
    assert not (few & ~many).any()


def test_where_chance_labels_nothing_nothing_is_drawn() -> None:
    assert drawn_by(Density(probability=1e-12), np.zeros((3, 3), np.uint8)).marks == ()
