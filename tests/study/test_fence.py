"""R03: an attempt that was given up and comes back changes nothing."""

import itertools
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.study import execute
from pointillist.study.execute import measure, run_study
from pointillist.study.fence import Fence, LateError, next_driver
from pointillist.study.local import Local
from pointillist.study.promise import data_hashes
from pointillist.train.loop import Quiet
from tests.study.test_study import small

TOKENS = list(itertools.product((1, 2), (1, 2, 3)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TOKENS), st.booleans()), max_size=14))
def test_r03_whoever_comes_back_in_whatever_order_the_newest_attempt_alone_writes(
    moves: list[tuple[tuple[int, int], bool]],
) -> None:
    with TemporaryDirectory() as name:
        fences = {token: Fence(Path(name), "run", token) for token in TOKENS}
        begun: list[tuple[int, int]] = []
        written: list[tuple[int, int]] = []
        for token, begins in moves:
            late = token < max(begun, default=(0, 0))
            try:
                if begins:
                    fences[token].claim()
                    begun.append(token)
                elif token in begun:
                    with fences[token].held():
                        written.append(token)
                else:
                    continue
            except LateError:
                assert late, "an attempt that is the newest may write"
            else:
                assert not late, "an attempt that another took the place of may not"
        assert written == sorted(written), "no older attempt writes after a newer"


def test_each_driver_has_a_greater_number_even_after_its_record_is_damaged(tmp_path: Path) -> None:
    assert [next_driver(tmp_path), next_driver(tmp_path)] == [1, 2]
    Fence(tmp_path, "run", (7, 1)).claim()
    (tmp_path / "attempts" / "driver.json").write_text("[Infinity, 1]")
    assert next_driver(tmp_path) == 8


def described(folder: Path, driver: int) -> dict[str, Any]:
    study = small(seeds=1)
    cell = study.runs[0]
    return {**execute._payload(study, cell, folder, data_hashes(study)[cell.run.id], driver), "tries": 1}


def test_r03_a_training_that_comes_back_ends_and_its_result_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up while it trains, and a second begins, which waits until it ends its epoch."""
    first, second = described(tmp_path, 1), described(tmp_path, 2)
    result = tmp_path / "results" / f"{small(seeds=1).runs[0].run.id}.json"
    look = execute._Fenced.epoch
    helpers: list[Any] = []

    def cut_off(self: Quiet, record: dict[str, Any]) -> None:
        if not helpers:
            news = Local(1).run(measure, [second])
            monkeypatch.setattr(execute._Fenced, "epoch", look)
            next(news)
            helpers.append(news)
            wait_for(tmp_path / "attempts" / result.stem / "newest.json", [2, 1])
        look(self, record)

    monkeypatch.setattr(execute._Fenced, "epoch", cut_off)
    with pytest.raises(LateError, match="attempt 1 of driver 2 has begun, after attempt 1 of driver 1"):
        measure(first)
    assert not result.exists()
    (outcome,) = helpers[0]
    assert outcome.error is None
    found = json.loads(result.read_text())
    fresh = tmp_path / "fresh"
    run_study(small(seeds=1), fresh, Local(1), lambda cell, news: None)
    assert found["splits"] == json.loads((fresh / "results" / result.name).read_text())["splits"]


def wait_for(file: Path, token: list[int]) -> None:
    """Wait until an attempt has begun."""
    deadline = time.monotonic() + 60
    while json.loads(file.read_text()) != token:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_fence_that_is_held_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointillist.study.fence.PATIENCE_S", 0.1)
    with (
        durable.locked(tmp_path / "attempts" / "run"),
        pytest.raises(InputError, match=f"one at a time; got process {os.getpid()}"),
    ):
        Fence(tmp_path, "run", (1, 1)).claim()
