"""Faults of machines: whatever is killed, full or slow, a study ends with the table of the serial one."""

import csv
import errno
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pointillist.core.durable import DiskError
from pointillist.core.errors import InputError
from pointillist.study import execute, local
from pointillist.study.engine import TRIES, Engine, Outcome, Started
from pointillist.study.execute import read_results, run_study
from pointillist.study.local import Local
from pointillist.study.report import read_study
from pointillist.study.study import Study
from pointillist.study.table import write_table
from tests.study.test_local import children, children_of
from tests.study.test_study import small
from tests.study.work import act, payloads

ROOT = Path(__file__).parents[2]
Make = Callable[[int], Engine]


@pytest.fixture(params=["local", "ray"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make an engine of so many workers: the same tests hold for both."""
    if request.param == "local":
        yield Local
        return
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "src")]))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    ray = pytest.importorskip("ray", reason="Ray is an optional extra")
    from pointillist.study.ray_engine import OnRay

    yield lambda workers: OnRay(workers=workers, cpus=1)
    ray.shutdown()


def table(study: Study, folder: Path, engine: Engine, watch: Any = lambda cell, news: None) -> str:
    """Carry a study out, again until nothing fails, and give its table."""
    while run_study(study, folder, engine, watch):
        watch = lambda cell, news: None  # noqa: E731
    return write_table(study, folder).read_text()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Give each process one thread: on some machines equal runs give equal bits with as many alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "cores_each", lambda workers: 1)
        yield


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> str:
    return table(small(), tmp_path_factory.mktemp("serial"), Local(1))


def workers_below(process: int) -> list[int]:
    """List the processes below one that carry out tasks, on either engine."""
    found = []
    with suppress(OSError):
        for child, said in children_of(process).items():
            found += workers_below(child)
            if b"spawn_main" in said or b"ray::carry_out" in said:
                found.append(child)
    return found


def test_r01_workers_killed_at_random_leave_the_serial_table(tmp_path: Path, make: Make, serial: str) -> None:
    chance, ended, killed = random.Random(0), threading.Event(), Counter[str]()

    def kill() -> None:
        while not ended.wait(chance.uniform(0.5, 2)):
            if killed["workers"] < 6 and (victims := workers_below(os.getpid())):
                os.kill(chance.choice(victims), signal.SIGKILL)
                killed["workers"] += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = table(small(), tmp_path, make(2))
    finally:
        ended.set()
        killer.join()
    assert killed["workers"]
    assert found == serial


@pytest.mark.parametrize("workers", [1, 4])
def test_d04_so_many_workers_leave_the_serial_table(
    tmp_path: Path, make: Make, serial: str, workers: int
) -> None:
    assert table(small(), tmp_path, make(workers)) == serial


def test_r04_one_that_is_killed_for_its_memory_each_time_is_given_up_with_what_it_held(
    tmp_path: Path, make: Make
) -> None:
    """As the kernel does when memory is short: SIGKILL, whatever the process was about to say."""
    news = list(make(2).run(act, payloads(tmp_path, "write", "fill and be killed", "write", "write")))
    ended = {one.number: one for one in news if isinstance(one, Outcome)}
    assert [ended[n].error is None for n in range(4)] == [True, False, True, True]
    assert ended[1].tries == TRIES
    held = [int(word) for word in str(ended[1].error).split() if word.isdigit()]
    assert max(held) >= 200, f"the MiB that it held are told: {ended[1].error}"


def test_r07_a_slow_worker_is_waited_for(tmp_path: Path, make: Make) -> None:
    """Ten times as slow as the others, and silent meanwhile: it ends at its first try."""
    news = list(make(2).run(act, payloads(tmp_path, "write", "be slow", "write", "write")))
    assert {one.number: one.tries for one in news if isinstance(one, Outcome)} == dict.fromkeys(range(4), 1)
    assert [one.error for one in news if isinstance(one, Outcome)] == [None] * 4
    assert (tmp_path / "task-1.begun").read_text() == "x"


def test_r06_sixty_four_claim_at_once_and_no_task_is_begun_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of the driver hands tasks out from one queue; no clock has a say in who gets which."""
    from pointillist.study import local

    claimed: Counter[int] = Counter()
    lock = threading.Lock()

    class Instantly:
        """Takes the place of a process, so that sixty-four claim as fast as they can."""

        alive = True

        def __init__(self, *_: object) -> None:
            pass

        def ask(self, payload: dict[str, Any]) -> tuple[str | None, bool]:
            with lock:
                claimed[payload["number"]] += 1
            return None, True

        def terminate(self) -> None:
            pass

        def stop(self) -> None:
            pass

    skewed = iter(range(1 << 62, 0, -3600))
    monkeypatch.setattr(local, "_Process", Instantly)
    monkeypatch.setattr(time, "time", lambda: float(next(skewed)))
    count = 100_000
    news = Local(64).run(act, [{"number": number} for number in range(count)])
    outcomes = [one.number for one in news if isinstance(one, Outcome)]
    assert sorted(outcomes) == list(range(count))
    assert set(claimed.values()) == {1}
    assert len(claimed) == count


def test_r06_of_many_drivers_at_once_one_carries_the_study_out(tmp_path: Path) -> None:
    study, begun, refused = small(seeds=1), Counter[str](), Counter[str]()

    def drive(_: int) -> None:
        from pointillist.core.errors import InputError

        def watch(cell: Any, news: Started | Outcome) -> None:
            begun[cell.run.id] += isinstance(news, Started)

        try:
            run_study(study, tmp_path, Local(1), watch)
        except InputError as error:
            refused[error.expected] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(drive, range(8)))
    assert set(begun.values()) == {1}
    assert len(begun) == len(study.cells)
    assert set(refused) <= {"a study must be run by one process at a time"}


def test_r05_a_full_disk_is_told_loses_nothing_and_is_gone_on_after(
    tmp_path: Path, serial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No space for one run's results: the study stops in words, and the next call trains nothing twice."""
    study, full = small(), [True]
    place = execute._result(tmp_path, study.cells[1].run)

    class Here:
        """An engine of this process, which the full disk can be seen from."""

        workers = 1

        def run(self, work: Any, given: Any) -> Iterator[Started | Outcome]:
            from pointillist.study.engine import attempt

            for number, payload in enumerate(given):
                yield Started(number, 1)
                yield Outcome(number, attempt(work, {**payload, "tries": 1})[0], 1)

    write = os.write

    def limited(handle: int, data: Any) -> int:
        path = os.readlink(f"/proc/self/fd/{handle}") if full[0] else ""
        if path.startswith(str(place.parent)) and place.stem.encode() in bytes(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    monkeypatch.setattr(os, "write", limited)
    told: list[Started | Outcome] = []
    with pytest.raises(DiskError, match=r"the disk is full.*No space left on device.*Free some space"):
        run_study(study, tmp_path, Here(), lambda cell, news: told.append(news))
    assert sum(isinstance(one, Started) for one in told) == 2, "the first two; no more are begun"
    assert not (tmp_path / "failures").exists()
    assert not place.exists()
    assert not [path for path in place.parent.iterdir() if path.name.startswith(".")], "no half of a file"
    rows = list(csv.DictReader(write_table(study, tmp_path).read_text().splitlines()))
    assert len(rows) == 3
    full[0] = False
    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("model.safetensors")}
    assert table(study, tmp_path, Here()) == serial
    assert {path: path.stat().st_mtime_ns for path in weights} == weights, "nothing was trained again"


def test_a_damaged_folder_is_made_whole_by_the_same_command(tmp_path: Path) -> None:
    """An emptied study.json, results of another shape, weights that were cut: set aside, and made again."""
    axes = {"learnt from": {"masks": {}, "clicks": {"annotate": {"kind": "points"}}}}
    tiny = {"epochs": 1, "model": {"kind": "unet", "widths": (4,)}}
    study = small(axes=axes, changes=tiny, seeds=1)
    expected = table(study, tmp_path, Local(1))
    first, second = (execute._result(tmp_path, cell.run) for cell in study.runs)
    (tmp_path / "study.json").write_bytes(b"")
    first.write_text('{"splits": {"train": {}, "val": {}, "test": {}}}')
    with pytest.raises(InputError, match=r"must be those that their run left.*sets the file aside"):
        read_results(study, tmp_path)
    second.unlink()
    weights = tmp_path / "runs" / second.stem / "model" / "model.safetensors"
    os.truncate(weights, 100)
    assert table(study, tmp_path, Local(1)) == expected
    assert first.with_name(f"{first.name}.damaged-1").exists()
    assert (tmp_path / "runs" / f"{second.stem}.damaged-1" / "model").exists()
    assert read_study(tmp_path) == study


def test_r10_nothing_is_left_of_any_of_it() -> None:
    deadline = time.monotonic() + 20
    while children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children()
