"""Processes that may die without harm to the other tasks."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from pointillist.study.engine import TRIES, Outcome
from pointillist.study.local import Local, serve
from tests.study.work import act, payloads

WATCHED = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="this system tells no thread's time"
)


def carried_out(folder: Path, *hows: str, workers: int = 2) -> dict[int, Outcome]:
    news = Local(workers, hung_s=2).run(act, payloads(folder, *hows))
    return {one.number: one for one in news if isinstance(one, Outcome)}


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_every_task_is_done_once(tmp_path: Path, workers: int) -> None:
    found = carried_out(tmp_path, *["write"] * 5, workers=workers)
    assert found == {n: Outcome(n, None, 1) for n in range(5)}
    assert all((tmp_path / f"task-{n}.begun").read_text() == "x" for n in range(5))
    share = str(max(1, (os.cpu_count() or 1) // workers))
    assert {(tmp_path / f"task-{n}").read_text() for n in range(5)} == {share}


@pytest.mark.parametrize(
    ("how", "tries", "reason"),
    [
        ("raise", TRIES, "RuntimeError: out of luck"),
        ("refuse", 1, "the data must be there; got nothing"),
        ("fill the disk", 1, "the disk is full, and must have room for what is written; got [Errno 28]"),
        ("kill", TRIES, "the process was killed by signal 9"),
        ("exit", TRIES, "the process ended with exit code 7"),
        ("crash", TRIES, "the process was killed by signal 11"),
        ("fill the memory", TRIES, "MemoryError"),
        pytest.param("hang", TRIES, "the process did nothing for 2 s and was ended, at ", marks=WATCHED),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_f15_one_that_always_fails_leaves_the_others_alone(
    tmp_path: Path, how: str, tries: int, reason: str, place: int
) -> None:
    hows = ["write"] * 3
    hows[place] = how
    found = carried_out(tmp_path, *hows)
    assert found[place].tries == tries
    assert reason in str(found[place].error)
    assert reason in str(found[place].error).splitlines()[-1], "where one line is told, it is this one"
    if how.startswith(("crash", "hang")):
        assert 'work.py", line' in str(found[place].error), "where it stood is told"
    assert all(found[n] == Outcome(n, None, 1) for n in range(3) if n != place)


@WATCHED
def test_f15_a_library_that_hangs_and_lets_no_thread_go_on_is_ended_too(tmp_path: Path) -> None:
    found = carried_out(tmp_path, "hang without a thread", "write")
    assert "did nothing for 2 s and was ended" in str(found[0].error)
    assert 'work.py", line' in str(found[0].error)
    assert found[1] == Outcome(1, None, 1)


@pytest.mark.parametrize("how", ["raise once", "kill once"])
def test_bad_luck_once_is_made_up_for(tmp_path: Path, how: str) -> None:
    assert carried_out(tmp_path, how, "write")[0] == Outcome(0, None, 2)


def test_r10_closed_early_it_leaves_no_process(tmp_path: Path) -> None:
    running = Local(2).run(act, payloads(tmp_path, "write", "wait", "wait"))
    ended = next(news for news in running if isinstance(news, Outcome))
    assert ended.error is None
    running.close()
    deadline = time.monotonic() + 20
    while children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children()


def test_r10_a_driver_that_is_killed_while_its_workers_begin_leaves_none(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from pointillist.study.local import Local; "
        "from tests.study.work import act, payloads; "
        f"list(Local(1).run(act, payloads(Path({str(tmp_path)!r}), 'wait')))"
    )
    driver = subprocess.Popen([sys.executable, "-c", program])
    begun: list[int] = []
    while not begun:
        begun = [child for child, said in children_of(driver.pid).items() if b"spawn_main" in said]
    time.sleep(0.5)  # It has read what it is to do, and imports what it does it with.
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + 30
    while (left := [child for child in begun if command_of(child)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def command_of(process: int) -> bytes:
    """Give a process's command line; of one that has ended nothing."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def children_of(process: int) -> dict[int, bytes]:
    """Give the processes that one has begun, in whichever of its threads, and their command lines."""
    found = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        # A thread or a process may end while it is looked at.
        with suppress(OSError):
            for child in map(int, (task / "children").read_text().split()):
                with suppress(OSError):
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes()
    return found


def children() -> list[bytes]:
    return [said for said in children_of(os.getpid()).values() if b"spawn_main" in said]


def test_a_process_whose_answer_nobody_waits_for_ends_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    heard, said = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(act, theirs, said, 10.0, os.getpid()))
    process.start()
    theirs.close()
    said.close()
    ours.send({**payloads(tmp_path, "write")[0], "tries": 1})
    ours.close()
    process.join(60)
    heard.close()
    assert process.exitcode == 0
    assert (tmp_path / "task-0").exists(), "it was at work when nobody waited any more"
    assert "Traceback" not in capfd.readouterr().err
