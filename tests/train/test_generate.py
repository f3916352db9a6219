"""Learned features and painted images: what they are for, from clicks to a folder that training reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pointillist.annotate import PointsAnnotator
from pointillist.core.annotation import Annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.known import Known
from pointillist.core.marks import Points
from pointillist.core.raster import to_labels
from pointillist.core.rng import numpy_rng
from pointillist.core.shapes import IGNORE
from pointillist.data.draw import write_picture
from pointillist.data.split import SPLITS
from pointillist.datasets import Drive, Folder, Synthetic
from pointillist.models.model import EncodedNetwork
from pointillist.models.vae import Vae
from pointillist.propagate import FeatureForest
from pointillist.train.features import encoder_features, train_vae, vae_features
from pointillist.train.generate import Painted, agreement, generate, train_head
from pointillist.train.generated_folder import sure_labels, write_generated
from pointillist.train.run import Run
from pointillist.train.supervise import annotation_of, supervised
from tests.datasets.trees import draw_drive

RECIPE = Vae(widths=(8, 16), latents=4)


def scene(number: int, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    rng = numpy_rng(number, "generate test")
    rows, cols = np.mgrid[:side, :side]
    row, col = rng.integers(14, side - 14, size=2)
    mask = (np.hypot(rows - row, cols - col) < 11).astype(np.uint8)
    image = rng.uniform(0.1, 0.3) + 0.5 * mask + rng.normal(0, 0.02, (3, side, side))
    return image.clip(0, 1).astype(np.float32), mask


IMAGES = [scene(number)[0] for number in range(12)]


def clicked(number: int) -> tuple[np.ndarray, Known]:
    image, mask = scene(number)
    known = Known.nothing(2, *mask.shape)
    for label in (0, 1):
        places = np.argwhere(mask == label)
        chosen = places[numpy_rng(number, label).choice(len(places), 5, replace=False)]
        known.labels[chosen[:, 0], chosen[:, 1]] = label
    return image, known


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return train_vae(RECIPE, IMAGES, seed=0, epochs=30)


def test_training_is_a_function_of_the_seed() -> None:
    first, again, other = (train_vae(RECIPE, IMAGES[:3], seed, epochs=1) for seed in (1, 1, 2))
    for name, weights in first.state_dict().items():
        torch.testing.assert_close(weights, again.state_dict()[name], rtol=0, atol=0)
    assert not torch.equal(first.paint.weight, other.paint.weight)


def test_images_of_other_channels_or_none_are_mistakes() -> None:
    with pytest.raises(InputError, match="1 and 3"):
        train_vae(RECIPE, [IMAGES[0], IMAGES[0][:1]], seed=0, epochs=1)
    with pytest.raises(InputError, match="must hold one"):
        train_vae(RECIPE, [], seed=0)


def test_a_forest_on_latents_segments_a_new_image(network: torch.nn.Module) -> None:
    recipe = FeatureForest(features=("vae",), smooth_px=0)
    spreader = recipe.prepare([clicked(n) for n in range(4)], seed=0, features=vae_features(network))
    image, mask = scene(50)
    found = spreader.segment(image)
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.8


class Averages(EncodedNetwork):
    """An encoder that pads to a multiple of 32, then averages squares of 2, 4, 8, 16 and 32 pixels."""

    def encode(self, images: torch.Tensor) -> list[torch.Tensor]:
        padded = F.pad(images, (0, -images.shape[3] % 32, 0, -images.shape[2] % 32))
        return [F.avg_pool2d(padded, side) for side in (2, 4, 8, 16, 32)]


@pytest.mark.parametrize("height", [31, 33, 45, 49, 65])
def test_encoder_features_lie_where_the_image_has_them(height: int) -> None:
    """A bright dot lights up around its own place at every level, also in an image that gets padded."""
    image = np.full((3, height, 33), 0.5, np.float32)
    image[:, 28, 12] = 1
    maps = encoder_features(Averages())(image)
    assert maps.shape == (12, height, 33)
    rows, cols = np.mgrid[:height, :33]
    for number, weight in enumerate(maps):
        side = 2 ** (number // 3 + 1)
        # A square's centre is at most half its side away from the dot.
        assert abs((rows * weight).sum() / weight.sum() - 28) <= side / 2
        assert abs((cols * weight).sum() / weight.sum() - 12) <= side / 2


def test_painted_pairs_fit_each_other(network: torch.nn.Module) -> None:
    """Where the painted image is bright its labels must say object: they are of this image, no other."""
    head = train_head(network, [clicked(n) for n in range(6)], seed=0)
    pairs = generate(network, head, IMAGES, count=6, seed=3, mixing=0.3)
    agreements = []
    for image, probs, _ in pairs:
        np.testing.assert_allclose(probs.sum(0), 1, atol=1e-5)
        bright = image.mean(0) > (image.mean(0).min() + image.mean(0).max()) / 2
        agreements.append(((probs.argmax(0) == 1) == bright).mean())
    assert np.mean(agreements) > 0.9
    assert len({image.tobytes() for image, *_ in pairs}) == 6
    nearest = [min(np.abs(image - real).mean() for real in IMAGES) for image, _, _ in pairs]
    assert max(nearest) > 0.02, "every painted image is a copy"


def test_the_nth_pair_does_not_depend_on_the_count(network: torch.nn.Module) -> None:
    head = train_head(network, [clicked(n) for n in range(2)], seed=0)
    few, many = (generate(network, head, IMAGES, count, seed=1) for count in (2, 4))
    assert (len(few), len(many)) == (2, 4)
    for (image, probs, _), (same, alike, _) in zip(few, many[:2], strict=True):
        np.testing.assert_array_equal(image, same)
        np.testing.assert_array_equal(probs, alike)


def test_one_image_alone_is_painted_in_more_than_one_way(network: torch.nn.Module) -> None:
    head = train_head(network, [clicked(n) for n in range(2)], seed=0)
    (first, *_), (second, *_) = generate(network, head, IMAGES[:1], count=2, seed=0, mixing=0)
    assert np.abs(first - second).max() > 0.01


def test_a_head_needs_two_classes(network: torch.nn.Module) -> None:
    image, known = clicked(0)
    known.labels[known.labels == 1] = IGNORE
    with pytest.raises(InputError, match="two classes"):
        train_head(network, [(image, known)], seed=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_written_folder_holds_real_and_painted_images_and_no_more_than_a_run_reads(
    tmp_path: Path, channels: int
) -> None:
    run = Run(
        data=Synthetic(train=3, val=2, test=2, size=32), annotate=PointsAnnotator(positive=2, negative=2)
    )
    probs = np.stack([np.linspace(0, 1, 20).repeat(16).reshape(20, 16)] * 2).astype(np.float32)
    probs[1] = 1 - probs[0]
    pairs = [Painted(image[:channels, :20, :16], probs, n) for n, image in enumerate(IMAGES[:3])]
    write_generated(tmp_path / "new", run, pairs, confidence=0.9)
    data = Folder(root=tmp_path / "new", size=None)
    assert data.classes == run.data.classes
    assert [len(data.names(split)) for split in SPLITS] == [3 + 3, 2, 2]
    for split in SPLITS:
        for name in run.data.names(split):
            one, real = data.read(name), run.data.read(name)
            np.testing.assert_allclose(one.image, real.image, atol=0.5 / 255 + 1e-6)
            assert one.annotation == (None if split == "test" else annotation_of(run, real))
            if split == "train":
                assert one.mask is None
            else:
                np.testing.assert_array_equal(one.mask, real.mask)
    painted = data.read("generated-00001")
    np.testing.assert_allclose(painted.image[:channels], pairs[1][0], atol=0.5 / 255 + 1e-6)
    assert painted.mask is None
    assert painted.annotation is not None
    assert painted.annotation.seconds == 0
    np.testing.assert_array_equal(to_labels(painted.annotation), sure_labels(probs, 0.9))
    assert (to_labels(painted.annotation) == IGNORE).any()


def test_a_painted_image_has_region_and_group_of_the_one_it_was_painted_from(tmp_path: Path) -> None:
    run = Run(data=Drive(root=draw_drive(tmp_path / "drive"), size=32), annotate=PointsAnnotator())
    source = run.data.read(run.data.names("train")[1])
    probs = np.stack([np.ones(source.image.shape[1:]), np.zeros(source.image.shape[1:])]).astype(np.float32)
    write_generated(tmp_path / "new", run, [Painted(source.image, probs, 1)])
    painted = Folder(root=tmp_path / "new", size=None).read("generated-00000")
    assert source.region is not None
    assert 0 < source.region.mean() < 1
    assert painted.group == source.group
    np.testing.assert_array_equal(painted.region, source.region)
    assert painted.annotation is not None
    np.testing.assert_array_equal(to_labels(painted.annotation) == IGNORE, ~source.region)


def test_names_that_are_taken_are_left_alone(tmp_path: Path) -> None:
    run = Run(data=Synthetic(train=1, val=1, test=1, size=32), annotate=PointsAnnotator())
    one = Painted(np.zeros((3, 8, 8), np.float32), np.full((2, 8, 8), 0.5, np.float32), 0)
    write_generated(tmp_path / "first", run, [one])
    again = Run(data=Folder(root=tmp_path / "first", size=None), annotate=None)
    write_generated(tmp_path / "second", again, [one])
    names = Folder(root=tmp_path / "second", size=None).names("train")
    assert [name for name in names if "generated" in name] == ["generated-00000", "generated-00001"]


def test_a_few_steps_are_a_training_too() -> None:
    one, ten = (train_vae(RECIPE, IMAGES[:1], seed=0, epochs=epochs) for epochs in (1, 10))
    for trained in (one, ten):
        assert all(torch.isfinite(weights).all() for weights in trained.state_dict().values())
    assert not torch.equal(one.paint.weight, ten.paint.weight)


def test_agreement_tells_a_good_head_from_a_bad_one(network: torch.nn.Module) -> None:
    clicks = PointsAnnotator(positive=5, negative=5)
    run = Run(data=Synthetic(train=2, val=6, test=1, size=48), annotate=clicks)
    items = [supervised(run, name) for name in run.data.names("val")]
    good = agreement(train_head(network, [(i.sample.image, i.known) for i in items], seed=0), run)
    swapped = []
    for item in items:
        labels = np.where(item.labels == IGNORE, IGNORE, 1 - item.labels.astype(int)).astype(np.uint8)
        swapped.append((item.sample.image, replace(item.known, labels=labels)))
    bad = agreement(train_head(network, swapped, seed=0), run)
    assert good is not None
    assert bad is not None
    assert good > bad + 0.2


def test_a_full_folder_and_odd_channels_are_mistakes(tmp_path: Path) -> None:
    run = Run(data=Synthetic(train=1, val=1, test=1, size=32))
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(InputError, match="empty or new"):
        write_generated(tmp_path, run, [])
    odd = Painted(np.zeros((2, 4, 4), np.float32), np.ones((2, 4, 4), np.float32), 0)
    with pytest.raises(InputError, match="1 or 3 channels"):
        write_generated(tmp_path / "new", run, [odd])


def test_images_in_another_shape_than_they_were_annotated_in_are_refused(tmp_path: Path) -> None:
    """Their marks lie in the folder as they were drawn, and would be of no image there."""
    for n in range(4):
        write_picture(tmp_path / "own/images" / f"a{n}.png", np.full((12, 20, 3), 90 + n, np.uint8))
        drawn = Annotation(
            name=f"a{n}",
            height=12,
            width=20,
            classes=("background", "foreground"),
            marks=(Points(label=1, at=((3, 4),)),),
        )
        write_annotation(tmp_path / "own/annotations" / f"a{n}.json", drawn)
    run = Run(data=Folder(root=tmp_path / "own", size=(16, 16)), annotate=None)
    with pytest.raises(InputError, match="of 12 x 20 pixels at 16 x 16"):
        write_generated(tmp_path / "squeezed", run, [])
    smaller = run.model_copy(update={"data": Folder(root=tmp_path / "own", size=(6, 10))})
    write_generated(tmp_path / "smaller", smaller, [])
    data = Folder(root=tmp_path / "smaller", size=None)
    assert all(data.read(name).annotation for name in data.names("train"))
