"""Augmentation moves images and labels together, keeps clicks, and depends on its keys alone."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pointillist.core.shapes import IGNORE
from pointillist.data.augment import Augment

KEYS = [(0, f"sample{i}", 0) for i in range(16)]
STILL = Augment(
    flip=False, quarter_turns=False, rotate_degrees=0, scale=0, brightness=0, contrast=0, saturation=0
)
TURNS = Augment(rotate_degrees=0, scale=0, brightness=0, contrast=0, saturation=0)


def labelled(n: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    """Images whose red channel is the label map: what moves together stays equal."""
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.integers(0, 2, (n, h, w)).astype(np.uint8))
    images = torch.zeros(n, 3, h, w, dtype=torch.uint8)
    images[:, 0] = labels * 255
    return images, labels


def test_without_freedom_nothing_changes() -> None:
    images, labels = labelled(16, 12, 20)
    moved, new = STILL(images, labels, STILL.draw(KEYS, 0))[:2]
    torch.testing.assert_close(moved, images.float() / 255, atol=1e-5, rtol=0)
    assert torch.equal(new, labels.long())


@pytest.mark.parametrize("size", [(16, 16), (12, 20)])
def test_flips_and_turns_are_exact_and_move_image_and_labels_alike(size: tuple[int, int]) -> None:
    images, labels = labelled(16, *size)
    moved, new = TURNS(images, labels, TURNS.draw(KEYS, 0))[:2]
    torch.testing.assert_close(moved[:, 0], new.float(), atol=1e-4, rtol=0)
    turned = [
        {torch.rot90(flipped, k).numpy().tobytes() for flipped in (image, image.flip(0)) for k in range(4)}
        for image in labels.long()
    ]
    assert all(one.numpy().tobytes() in choices for one, choices in zip(new, turned, strict=True))
    assert len({one.numpy().tobytes() for one in new}) == 16


def test_all_eight_symmetries_of_a_square_occur() -> None:
    labels = torch.arange(9, dtype=torch.uint8).reshape(1, 3, 3).expand(200, 3, 3).contiguous()
    keys = [(0, f"sample{i}", 0) for i in range(200)]
    new = TURNS(labels[:, None].expand(-1, 3, -1, -1), labels, TURNS.draw(keys, 0)).labels
    assert len({one.numpy().tobytes() for one in new}) == 8


def test_a_click_survives_every_turn_and_zoom_that_keeps_it_inside() -> None:
    labels = torch.full((64, 65, 65), IGNORE, dtype=torch.uint8)
    labels[:, 32, 40] = 1
    labels[:, 30, 22] = 0
    images = torch.zeros(64, 3, 65, 65, dtype=torch.uint8)
    keys = [(0, f"sample{i}", 0) for i in range(64)]
    augment = Augment(rotate_degrees=180, scale=0.3)
    new = augment(images, labels, augment.draw(keys, 0)).labels
    assert all({0, 1} <= set(one.unique().tolist()) for one in new)
    # Where it is: 8 pixels from the centre, zoomed by at most 1.3 either way.
    places = torch.nonzero(new == 1)[:, 1:].float() - 32
    distance = places.norm(dim=1)
    assert distance.min() > 8 / 1.3 - 1.5
    assert distance.max() < 8 * 1.3 + 1.5


def test_beyond_the_edge_is_unlabelled_and_no_class_is_invented() -> None:
    images, labels = labelled(16, 32, 32)
    labels[labels == 1] = 7
    augment = Augment(rotate_degrees=45, scale=0.3)
    new = augment(images, labels, augment.draw(KEYS, 0)).labels
    assert set(new.unique().tolist()) == {0, 7, IGNORE}


def test_a_smaller_size_is_cut_around_the_centre() -> None:
    images, labels = labelled(2, 24, 24)
    new = STILL(images, labels, STILL.draw(KEYS[:2], 0), size=(16, 16)).labels
    assert torch.equal(new, labels[:, 4:20, 4:20].long())


def test_draws_depend_on_seed_epoch_name_and_turn_and_not_on_the_batch() -> None:
    together = Augment().draw(KEYS, 0)
    alone = Augment().draw(KEYS[5:6], 0)
    assert torch.equal(together[5:6], alone)
    rows = [(e, n, t) for e in range(10) for n in "abcdefghij" for t in range(10)]
    draws = torch.cat([Augment().draw(rows, seed) for seed in range(10)])
    assert len({row.numpy().tobytes() for row in draws}) == 10_000


def test_inputs_are_untouched_and_colours_stay_in_range() -> None:
    images, labels = labelled(16, 8, 8)
    before = images.clone(), labels.clone()
    moved = Augment(brightness=1, contrast=1, saturation=1)(images, labels, Augment().draw(KEYS, 0)).images
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 1


def test_what_happens_to_a_map_does_not_depend_on_the_others_of_its_batch() -> None:
    clicks = torch.full((4, 40, 40), IGNORE, dtype=torch.uint8)
    clicks[:, 5:35:6, 5:35:6] = 1
    images, dense = labelled(4, 40, 40)
    augment = Augment(rotate_degrees=90, scale=0.3)
    draws = augment.draw(KEYS[:4], 0)
    alone = augment(images, clicks, draws)[1]
    mixed = clicks.clone()
    mixed[2] = dense[2]
    among = augment(images, mixed, draws)[1]
    assert torch.equal(among[[0, 1, 3]], alone[[0, 1, 3]])
    assert torch.equal(among[2], augment(images, dense, draws)[1][2])
