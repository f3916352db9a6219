"""The toys: geometry, grey levels and noise as declared; the scattered one is solved by shape alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label, regionprops

from pointillist.core.config import validated
from pointillist.core.errors import InputError
from pointillist.datasets import DATASETS, Toy, Toy2, ToyScatter
from pointillist.datasets.synthetic import Drawn

TOYS = [Toy(), Toy2(), ToyScatter()]
SMALL = ToyScatter(train=30, val=0, test=20)


def grey(sample):
    return np.rint(sample.image[0] * 255).astype(int)


def dice(prediction, truth):
    return 2 * (prediction & truth).sum() / max(1, prediction.sum() + truth.sum())


def scattered(split):
    samples = list(SMALL.samples(split))
    return np.stack([s.image for s in samples]), np.stack([s.mask == 1 for s in samples])


@pytest.fixture(scope="module")
def seen():
    return scattered("train")


@pytest.fixture(scope="module")
def unseen():
    return scattered("test")


def test_the_tables_own_names():
    assert {"toy", "toy2", "toy-scatter"} <= set(DATASETS)


@pytest.mark.parametrize(
    ("data", "counts"), list(zip(TOYS, [(10, 10, 10), (1000, 100, 100), (60, 20, 40)], strict=True))
)
def test_splits_have_the_declared_counts_and_no_name_twice(data, counts):
    assert tuple(len(data.names(split)) for split in ("train", "val", "test")) == counts
    assert len({entry.name for entry in data.entries}) == sum(counts)
    assert all(entry.group == entry.name for entry in data.entries)


@pytest.mark.parametrize("data", TOYS, ids=lambda d: d.kind)
def test_a_sample_depends_on_seed_and_name_alone(data):
    name = data.names("val")[3]
    once = data.read(name)
    data.read(data.names("train")[0])
    more = data.model_copy(update={"train": data.train + 5}).read(name)
    for again in (data.read(name), more):
        np.testing.assert_array_equal(once.image, again.image)
        np.testing.assert_array_equal(once.mask, again.mask)
    other = data.model_copy(update={"seed": 1}).read(name)
    assert (other.image != once.image).mean() > 0.2


@pytest.mark.parametrize("data", TOYS, ids=lambda d: d.kind)
def test_no_two_samples_of_the_splits_are_alike(data):
    images = [data.read(name).image for split in ("train", "val", "test") for name in data.names(split)[:3]]
    assert all((a != b).any() for i, a in enumerate(images) for b in images[:i])


@pytest.mark.parametrize("data", TOYS, ids=lambda d: d.kind)
def test_images_lie_on_the_256_levels_of_a_file(data):
    image = data.read("test-00000").image
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 1
    np.testing.assert_array_equal(image, np.rint(image * 255).astype(np.uint8).astype(np.float32) / 255)


def test_toy_is_two_discs_of_the_declared_radii_and_greys():
    sample = Toy(noise=0).read("train-00000")
    levels = grey(sample)
    assert sample.image.shape == (1, 256, 256)
    np.testing.assert_array_equal(levels == 200, sample.mask == 1)
    assert set(np.unique(levels)) == {0, 68, 200}
    assert (levels == 200).sum() == pytest.approx(np.pi * 50**2, rel=0.01)
    assert (levels > 0).sum() == pytest.approx(np.pi * 100**2, rel=0.01)
    np.testing.assert_allclose(ndimage.center_of_mass(sample.mask), 128, atol=1e-9)


def test_toy_draws_on_a_rectangle_too():
    sample = Toy(noise=0, size=(120, 200), radius=20).read("train-00000")
    assert sample.mask.shape == (120, 200)
    np.testing.assert_allclose(ndimage.center_of_mass(sample.mask), (60, 100), atol=1e-9)


def test_the_noise_of_each_image_is_drawn_from_none_to_the_largest():
    data = Toy(target=127, ring=127, noise=40, train=80)  # 127 +- 3 x 40 is hardly cut off.
    deviations = np.array([grey(s)[s.mask == 1].std() for s in data.samples("train")])
    assert deviations.max() < 41
    assert deviations.max() > 35
    assert deviations.min() < 5
    assert deviations.mean() == pytest.approx(20, abs=4)


def test_noise_is_independent_from_pixel_to_pixel_and_cut_off_at_black_and_white():
    levels = max((grey(s) for s in Toy().samples("train")), key=np.std)
    assert levels.min() == 0
    assert levels.max() == 255
    inner = levels[100:156, 100:156] - levels[100:156, 100:156].mean()
    assert abs((inner[1:] * inner[:-1]).mean() / inner.var()) < 0.05


def test_toy2_has_a_whole_target_and_a_white_distractor_beneath_it():
    overlaps = 0
    for sample in Toy2(noise=0, train=150).samples("train"):
        levels, inside = grey(sample), sample.mask == 1
        assert inside.sum() == pytest.approx(np.pi * 25**2, rel=0.01)
        np.testing.assert_array_equal(levels == 125, inside)
        white = (levels == 255).sum()
        assert set(np.unique(levels)) <= {0, 125, 255}
        overlaps += white < 1961
        border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
        assert (border > 0).sum() <= 6  # A disc may touch the border, never leave it.
    assert 5 < overlaps < 60


def test_toy2_places_are_spread_over_the_image():
    centres = [ndimage.center_of_mass(s.mask) for s in Toy2(noise=0, train=150).samples("train")]
    np.testing.assert_allclose(np.mean(centres, axis=0), 128, atol=15)
    np.testing.assert_allclose(np.std(centres, axis=0), 206 / np.sqrt(12), rtol=0.15)


def test_no_threshold_on_brightness_solves_the_scattered_toy(seen, unseen):
    (images, masks), (others, truths) = seen, unseen
    rules = []
    for view in (lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 2], lambda x: x.mean(1)):
        for threshold in np.linspace(0, 1, 41):
            for sign in (1, -1):
                rules.append((dice(sign * view(images) > sign * threshold, masks), view, threshold, sign))
    _, view, threshold, sign = max(rules, key=lambda rule: rule[0])
    assert dice(sign * view(others) > sign * threshold, truths) < 0.3


def test_no_average_place_solves_the_scattered_toy(seen, unseen):
    mean = seen[1].mean(0)
    best = max(
        np.linspace(0, mean.max(), 40, endpoint=False), key=lambda t: dice(seen[1] & (mean > t), seen[1])
    )
    scores = [np.mean([dice(mean > t, truth) for truth in unseen[1]]) for t in (best, mean.mean())]
    assert max(scores) < 0.3


def test_the_most_dented_outline_solves_the_scattered_toy(unseen):
    scores = []
    for image, truth in zip(*unseen, strict=True):
        # As a person does: what is not ground is a thing; of the things, the one whose sides go in.
        smooth = ndimage.median_filter(image, (1, 3, 3))
        ground = np.median(smooth, axis=(1, 2), keepdims=True)
        things = ndimage.binary_opening(np.abs(smooth - ground).max(0) > 0.2)
        things = label(ndimage.binary_fill_holes(things))
        found = [thing for thing in regionprops(things) if thing.area > 150]
        scores.append(dice(things == min(found, key=lambda thing: thing.solidity).label, truth))
    assert np.median(scores) > 0.9
    assert np.mean(scores) > 0.75


def test_every_star_is_dented_and_in_one_piece(seen):
    for mask in seen[1]:
        (star,) = regionprops(label(mask))
        assert star.solidity < 0.8


def test_area_does_not_tell_the_star_from_the_others():
    alone = ToyScatter(distractors=0, train=20).samples("train")
    areas = np.array([s.mask.mean() for s in alone])
    assert np.pi * 0.08**2 * 0.9 < areas.min()
    assert areas.max() < np.pi * 0.125**2 * 1.1


@given(st.integers(16, 70), st.integers(16, 70), st.integers(0, 8))
def test_any_size_can_be_drawn(height, width, distractors):
    sample = ToyScatter(size=(height, width), distractors=distractors).read("train-00001")
    assert sample.image.shape == (3, height, width)
    assert sample.mask.any()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Toy2, {"size": [50, 300]}),
        (Toy, {"size": [8, 8]}),
        (Toy, {"target": 300}),
        (Toy, {"noise": -1}),
        (ToyScatter, {"distractors": -1}),
        (Toy, {"train": -1}),
    ],
)
def test_impossible_fields_are_refused(kind: type[Drawn], wrong):
    with pytest.raises(InputError):
        validated(kind, wrong)


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="train-00010"):
        Toy().read("train-00010")
