"""Costly things are made once, however many ask, and leave memory when others need it."""

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from pointillist.web.kept import Kept


def test_the_things_used_last_stay_as_far_as_they_fit() -> None:
    made: list[str] = []

    def make(name: str) -> bytes:
        made.append(name)
        return bytes(int(name))

    kept = Kept(make, len, 100)
    for name in ("40", "50", "40", "30", "40", "50"):
        assert len(kept(name)) == int(name)
    assert made == ["40", "50", "30", "50"], "50 had to leave for 30, 40 had been used later"
    kept("500")
    kept("500")
    assert made[4:] == ["500"], "the last one stays, however large"


def test_many_who_ask_at_once_wait_for_one_maker() -> None:
    made: list[str] = []
    slow = threading.Event()

    def make(name: str) -> str:
        made.append(name)
        if name == "slow":
            slow.wait(10)
        return name

    kept = Kept(make, len, 1000)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(kept, "slow") for _ in range(4)]
        while "slow" not in made:
            time.sleep(0.001)
        assert pool.submit(kept, "quick").result(5) == "quick", "others do not wait for it"
        slow.set()
        assert {one.result(5) for one in waiting} == {"slow"}
    assert made.count("slow") == 1


def test_what_can_not_be_made_is_tried_again() -> None:
    answers = iter([ValueError("torn"), "whole"])

    def make(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(make, len, 10)
    with pytest.raises(ValueError, match="torn"):
        kept("a")
    assert kept("a") == "whole"


def test_what_was_let_go_takes_no_memory() -> None:
    kept = Kept(lambda name: name, len, 10)
    kept("first")
    tracemalloc.start()
    try:
        for number in range(20_000):
            kept(str(number))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100_000, "of 200,000 images all are looked through"
