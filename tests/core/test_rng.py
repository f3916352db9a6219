"""D08: draws depend on seed and keys alone, and different keys give different draws."""

import torch

from pointillist.core.rng import numpy_rng, torch_rng


def test_equal_keys_give_equal_draws_whatever_came_before() -> None:
    numpy_rng(3, "a").random(100)
    first = numpy_rng(0, 5, "IMD002", "clicks").random(8)
    assert (first == numpy_rng(0, 5, "IMD002", "clicks").random(8)).all()
    assert torch.equal(torch.rand(4, generator=torch_rng(1, "x")), torch.rand(4, generator=torch_rng(1, "x")))


def test_ten_thousand_keys_never_collide() -> None:
    draws = {
        float(numpy_rng(seed, epoch, f"name{name}", "augment").random())
        for seed in range(2)
        for epoch in range(50)
        for name in range(100)
    }
    assert len(draws) == 10_000


def test_keys_do_not_run_together() -> None:
    assert numpy_rng(0, "ab", "c").random() != numpy_rng(0, "a", "bc").random()
    assert numpy_rng(0, 1).random() != numpy_rng(0, "1").random()
