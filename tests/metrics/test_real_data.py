"""On the real masks: the published second observer of DRIVE, and the figures that docs/metrics.md gives."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pointillist.core.shapes import IGNORE
from pointillist.metrics.summary import ImageResult, Summary, measure, summarise

pytestmark = pytest.mark.real_data
Masks = dict[str, tuple[np.ndarray, np.ndarray]]


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return (np.asarray(image.convert("L") if image.mode != "P" else image) > 0).astype(np.uint8)


def table(predictions: dict[str, np.ndarray], masks: Masks, field_of_view: bool = True) -> Summary:
    def one(name: str) -> ImageResult:
        mask, region = masks[name]
        truth = np.where(region, mask, IGNORE).astype(np.uint8) if field_of_view else mask
        return measure(name, "", predictions[name], truth, 2)

    return summarise([one(name) for name in masks], ["background", "foreground"])


@pytest.fixture
def drive(drive_root: Path) -> Masks:
    half = drive_root / "test"
    names = [path.name[:2] for path in sorted((half / "1st_manual").glob("*.gif"))]
    return {
        n: (read(half / "1st_manual" / f"{n}_manual1.gif"), read(half / "mask" / f"{n}_test_mask.gif") == 1)
        for n in names
    }


@pytest.fixture
def ph2(ph2_root: Path) -> Masks:
    masks = {p.stem: read(p) for p in sorted(ph2_root.glob("*/*/*_lesion/*_lesion.bmp"))[::5]}
    return {name: (mask, np.ones(mask.shape, bool)) for name, mask in masks.items()}


def test_second_observer_of_drive_is_the_published_one(drive: Masks, drive_root: Path) -> None:
    second = {n: read(drive_root / "test" / "2nd_manual" / f"{n}_manual2.gif") for n in drive}
    inside, whole = table(second, drive), table(second, drive, field_of_view=False)
    per_image = {"dice": 0.788, "sensitivity": 0.776, "specificity": 0.9725, "accuracy": 0.9473, "iou": 0.651}
    for metric, published in per_image.items():
        value = inside.row(f"{metric}_per_image").value
        assert value == pytest.approx(published, abs=0.0005), metric
    assert inside.row("dice").value == pytest.approx(0.789, abs=0.0005)
    # Black borders outside the field of view are easy: they flatter accuracy and specificity, not Dice.
    assert whole.row("dice").value == pytest.approx(0.789, abs=0.0005)
    assert whole.row("specificity").value == pytest.approx(0.982, abs=0.0005)
    assert whole.row("accuracy").value == pytest.approx(0.964, abs=0.0005)


COLUMNS = ("dice_per_image", "accuracy_per_image", "hd95_per_image", "surface_dice_per_image")
DISC = np.hypot(*np.mgrid[-2:3, -2:3]) <= 2
MISTAKES = {
    "grown": ndimage.binary_dilation,
    "opened": lambda mask: ndimage.binary_opening(mask, DISC),
    "nothing": np.zeros_like,
}
FIGURES = {
    ("drive", "grown"): (0.773, 0.926, 1.393, 0.993),
    ("drive", "opened"): (0.731, 0.947, 51.2, 0.581),
    ("drive", "nothing"): (0.0, 0.873, 812.6, 0.0),
    ("ph2", "grown"): (0.988, 0.995, 1.0, 1.0),
    ("ph2", "opened"): (1.0, 1.0, 0.05, 1.0),
    ("ph2", "nothing"): (0.0, 0.704, 479.4, 0.0),
}


@pytest.mark.parametrize(("data", "mistake"), FIGURES)
def test_figures_of_the_docs(data: str, mistake: str, request: pytest.FixtureRequest) -> None:
    masks: Masks = request.getfixturevalue(data)
    wrong = {name: MISTAKES[mistake](mask).astype(np.uint8) for name, (mask, _) in masks.items()}
    summary = table(wrong, masks)
    for column, figure in zip(COLUMNS, FIGURES[data, mistake], strict=True):
        assert summary.row(column).value == pytest.approx(figure, rel=1e-3, abs=6e-4), column
