"""Processes of this machine that stay, take one task after the other, and may die without harm."""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from pointillist.study.engine import (
    LAST_LINES,
    THREADS,
    TRIES,
    News,
    Outcome,
    Payload,
    Started,
    Work,
    attempt,
)
from pointillist.study.watchdog import HUNG_S, watched

ENDING_S = 30.0
"""How long a training that is asked to end may take to save its state, and its process to end."""


def cores_each(workers: int) -> int:
    """Give the share of this machine's cores of each of so many processes, at least one."""
    return max(1, (os.cpu_count() or 1) // workers)


def share_cores(workers: int) -> None:
    """Give each of so many processes that are begun from here its share of the cores."""
    for name in THREADS:
        os.environ[name] = str(cores_each(workers))  # Read when torch is first imported, in the new process.


class Local:
    """The processes of one machine.

    Each gets its share of the cores (oversubscribed, training is an order of magnitude slower). A process
    that dies or hangs, or a task that raises anything but an `InputError`, is tried again, three times in
    all.

    Args:
        workers: how many processes; None: one for every two cores, at least one.
        hung_s: how long a task may do nothing before it is taken to hang.
    """

    def __init__(self, workers: int | None = None, hung_s: float = HUNG_S) -> None:
        self.workers = workers or max(1, (os.cpu_count() or 1) // 2)
        self.hung_s = hung_s

    def run(self, work: Work, payloads: Sequence[Payload]) -> News:
        """Carry out the work on each payload; closed early, it stops the processes."""
        share_cores(self.workers)
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(payloads)):
            waiting.put(number)
        told: queue.SimpleQueue[Started | Outcome | BaseException] = queue.SimpleQueue()
        slots = [
            _Slot(work, payloads, waiting, told, self.hung_s) for _ in range(min(self.workers, len(payloads)))
        ]
        try:
            for slot in slots:
                slot.start()
            left = len(payloads)
            while left:
                news = told.get()
                if isinstance(news, BaseException):
                    raise news
                left -= isinstance(news, Outcome)
                yield news
        finally:
            for slot in slots:
                slot.terminate()
            for slot in slots:
                slot.stop()


class _Slot(threading.Thread):
    """Gives tasks to one process after the other, and replaces the process when it dies."""

    def __init__(
        self,
        work: Work,
        payloads: Sequence[Payload],
        waiting: queue.SimpleQueue[int],
        told: queue.SimpleQueue[Started | Outcome | BaseException],
        hung_s: float,
    ) -> None:
        super().__init__(daemon=True)
        self.hung_s = hung_s
        self.work, self.payloads, self.waiting, self.told = work, payloads, waiting, told
        self.process: _Process | None = None
        self.stopping = False

    def run(self) -> None:
        """Take tasks until there are none."""
        try:
            while not self.stopping:
                try:
                    number = self.waiting.get_nowait()
                except queue.Empty:
                    return
                self.told.put(self._tried(number))
        except BaseException as error:
            self.told.put(error)

    def terminate(self) -> None:
        """Ask the process to end, as a signal would: a training saves its state first."""
        self.stopping = True
        process = self.process  # The thread may drop it meanwhile.
        if process is not None:
            process.terminate()

    def stop(self) -> None:
        """Wait until the process has answered and ended; one that does not is killed."""
        if self.is_alive():  # Not where it was stopped before it began.
            self.join(ENDING_S)
        process = self.process
        if process is not None:
            process.stop()

    def _tried(self, number: int) -> Outcome:
        tries = 0
        while True:
            tries += 1
            self.told.put(Started(number, tries))
            self.process = self.process or _Process(self.work, self.hung_s)
            error, final = self.process.ask({**self.payloads[number], "tries": tries})
            if not self.process.alive:
                self.process = None
            if error is None or final or self.stopping or tries == TRIES:
                return Outcome(number, error, tries)


class _Process:
    """One process that carries out tasks, the pipe to it, and another for its last words."""

    def __init__(self, work: Work, hung_s: float) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.last, said = context.Pipe(duplex=False)
        self.hung_s = hung_s
        self.process = context.Process(
            target=serve, args=(work, theirs, said, hung_s, os.getpid()), daemon=True
        )
        with _uninterrupted():
            self.process.start()
        theirs.close()
        said.close()

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def ask(self, payload: Payload) -> tuple[str | None, bool]:
        """Give a task; return what went wrong, in words, and whether to try again would be in vain."""
        largest = 0
        try:
            self.pipe.send(payload)
            while not self.pipe.poll(1.0):
                largest = max(largest, resident_mib(self.process.pid))
            answer: tuple[str | None, bool] = self.pipe.recv()
            return answer
        except (EOFError, OSError):
            self.process.join()
            return self._end(largest), False

    def _end(self, mib: int) -> str:
        """Say how the process ended, and where it stood, if it could tell."""
        code = self.process.exitcode or 0
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        stood = self._last_words()
        if stood and stood[0].startswith("Timeout"):
            ended = f"did nothing for {self.hung_s:g} s and was ended"
        # Of all threads the one that crashed, else the first, which is told last and did the work.
        headers = [n for n, line in enumerate(stood) if line.startswith(("Thread ", "Current thread "))]
        crashed = [n for n in headers if stood[n].startswith("Current")]
        there = stood[(crashed or headers)[-1] :][:LAST_LINES] if headers else []
        place = [line for line in there if line.startswith("  File ")]
        return "\n".join([*place, f"the process {ended}, at {mib} MiB"])

    def _last_words(self) -> list[str]:
        """Read what the interpreter wrote when it was ended: it writes plain text, not messages."""
        said = b""
        while os.name != "nt" and (more := os.read(self.last.fileno(), 1 << 16)):
            said += more
        return said.decode(errors="replace").splitlines()

    def terminate(self) -> None:
        self.process.terminate()

    def stop(self) -> None:
        # A training that was asked to end has saved its state and answered: the process waits for a task.
        self.pipe.close()
        self.process.join(ENDING_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C from a process that is begun meanwhile, until it can say what that means to it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(work: Work, pipe: Connection, last: Connection, hung_s: float, driver: int) -> None:
    """Carry out tasks until the pipe closes; end with the process that began this one, the driver.

    Where it stands when it crashes or hangs goes to `last`.

    A terminal's Ctrl-C comes to all its processes: this one waits until the one that began it has it end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with(driver)
    _go_first()
    if os.name != "nt":  # A pipe has no such number there.
        os.set_blocking(last.fileno(), False)  # What nobody reads in time is lost, and nothing waits for it.
        faulthandler.enable(last.fileno())
    while True:
        try:
            payload = pipe.recv()
        except (EOFError, OSError):
            return
        with watched(last.fileno(), hung_s):
            answer = attempt(work, payload)
        try:
            pipe.send(answer)
        except OSError:  # Nobody waits for it any more.
            return


def _go_first() -> None:
    """Let Linux end this process before others when memory is short: it is tried again, they would not be."""
    with suppress(OSError):  # Another system, or one that keeps it as it is.
        handle = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(handle, b"500")
        finally:
            os.close(handle)


def end_with(parent: int) -> None:
    """Watch over the process that began this one: when it has ended, this one ends too.

    Args:
        parent: as that process says itself: it may have ended while this one began, and then another is ours.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)  # Nobody is left to tell; a run that was going on is taken up where it was last saved.


def resident_mib(pid: int | None) -> int:
    """The largest memory that a process has held, where the system tells it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    peak = next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(peak.split()[1]) // 1024
