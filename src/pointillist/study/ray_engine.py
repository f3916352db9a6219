"""Ray as an engine: a laptop's cores, or a cluster of machines that share a folder."""

from __future__ import annotations

import os
import platform
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pointillist.core.beside import beside
from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.study.engine import THREADS, TRIES, News, Outcome, Payload, Started, Work, attempt
from pointillist.study.local import cores_each, resident_mib
from pointillist.study.watchdog import HUNG_S, watched
from pointillist.train.record import versions

STDERR = 2
"""A worker's, which Ray keeps among its logs."""
OLDEST = (2, 52)
"""The first version in which a cluster asks for a token."""


class OnRay:
    """Tasks of a Ray cluster: the one at an address, or one of this machine that ends with this process.

    Ray's dashboard stays off and its token on. Tasks carry plain data; what they write goes to files, so
    every machine of a cluster must see the study's folder, and the data, under the same paths.

    Args:
        workers: tasks at a time; None: as many as the cluster's cores (and GPUs) allow.
        address: of a running cluster's head, HOST:PORT; None: a cluster of this machine alone.
        cpus: cores of each task; None: on this machine alone the workers' share of them, as with the local
            engine, so that results are the same to the bit; else two.
        gpus: share of a GPU of each task: at 0.25 four tasks go on beside each other on one.
        hung_s: how long a task may do nothing before it is taken to hang.

    Raises:
        InputError: Ray is missing or too old.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        cpus: int | None = None,
        gpus: float = 0.0,
        hung_s: float = HUNG_S,
    ) -> None:
        self.ray, self.hung_s = _ray(), hung_s
        if cpus is None:
            cpus = cores_each(workers) if workers and address is None else 2
        self.address, self.cpus, self.gpus = address, cpus, gpus
        self._start()
        self.cpus = self._fitting()
        self.workers = workers or self._room()

    def _start(self) -> None:
        ray = self.ray
        if ray.is_initialized():
            return
        own: dict[str, Any] = {}
        if self.address is None:
            # Ray waits for workers that it starts in advance, and for ever when one of them dies first. All
            # other programs go first with it, too: beside one that computes, runs hardly came on.
            system = {"prestart_worker_first_driver": False, "worker_niceness": 0}
            own = {"include_dashboard": False, "_system_config": system}
        try:
            with _own_handler():
                ray.init(address=self.address or "local", log_to_driver=False, logging_level="ERROR", **own)
        except Exception as error:  # Ray has no narrower one for a node that does not come up.
            fix = "Start it with 'ray start --head', and see that both sides have the same token."
            if self.address is None:
                fix = "Try again, or --engine local; a busy or a full machine may be why."
            must = f"a Ray cluster must answer at {self.address or 'this machine'}"
            problem = str(error).partition("\n")[0] or type(error).__name__
            raise InputError(must, problem, fix) from None

    def _fitting(self) -> int:
        """Give the cores of each task: not more than the largest node has.

        Raises:
            InputError: no node has the share of a GPU that a task asks for, and Ray would wait for one.
        """
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        fitting = [int(node.get("CPU", 0)) for node in nodes if node.get("GPU", 0) >= self.gpus]
        if not any(fitting):
            self.ray.shutdown()
            most = max((node.get("GPU", 0) for node in nodes), default=0)
            fix = "Ask for less with --gpus, or add a node that has it."
            raise InputError(f"a node must have a core and {self.gpus:g} GPU", f"at most {most:g} GPU", fix)
        return min(self.cpus, max(fitting))

    def _room(self) -> int:
        found = self.ray.cluster_resources()
        room = int(found.get("CPU", 0) // self.cpus)
        if self.gpus:
            room = min(room, int(found.get("GPU", 0) / self.gpus))
        return max(1, room)

    def run(self, work: Work, payloads: Sequence[Payload]) -> News:
        """Carry out the work on each payload; closed early, it cancels what runs and leaves the cluster."""
        ray = self.ray
        threads = dict.fromkeys(THREADS, str(self.cpus))
        # Ray's own retries would not be told.
        remote = ray.remote(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_retries=0,
            runtime_env={"env_vars": threads},
        )(carry_out)
        # Beside this process: on a node that may be lost it would be lost too.
        beside = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        held = ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy=beside)(Held).remote()
        expected = Expected(computed_with(), self.hung_s)
        waiting = deque((number, 1) for number in range(len(payloads)))
        running: dict[Any, tuple[int, int]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    number, tries = waiting.popleft()
                    begun = remote.remote(work, {**payloads[number], "tries": tries}, expected, held, number)
                    running[begun] = (number, tries)
                    yield Started(number, tries)
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                number, tries = running.pop(done)
                error, final = self._answer(done, held, number)
                if error is None or final or tries == TRIES:
                    yield Outcome(number, error, tries)
                else:
                    waiting.append((number, tries + 1))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
            ray.shutdown()

    def _answer(self, done: Any, held: Any, number: int) -> tuple[str | None, bool]:
        errors = self.ray.exceptions
        try:
            answer: tuple[str | None, bool] = self.ray.get(done)
        except errors.RayError as error:
            ended = "died, at an unknown memory"
            with suppress(errors.RayError):  # It may have gone with its node, or been too busy to tell.
                mib, silent_s = self.ray.get(held.told.remote(number), timeout=10)
                hung = silent_s > 0.9 * self.hung_s  # Who tells this begins a little later.
                ended = f"did nothing for {self.hung_s:g} s and was ended" if hung else "died"
                ended += f", at {mib} MiB"
            return f"the process {ended}: {' '.join(str(error).split())[:500]}", False
        return answer


@dataclass(frozen=True)
class Expected:
    """What a study asks of every machine.

    Args:
        versions: of what computes.
        hung_s: how long a task may do nothing before it is taken to hang.
    """

    versions: dict[str, str]
    hung_s: float


class Held:
    """Keeps how the process of each task fared: one that was killed can't tell."""

    def __init__(self) -> None:
        self._largest: dict[int, int] = {}
        self._lively: dict[int, float] = {}

    def note(self, number: int, mib: int) -> None:
        """Take note of the memory that a task's process holds."""
        self._largest[number] = mib

    def compute(self, number: int) -> None:
        """Take note that a task computes, by this process's own clock."""
        self._lively[number] = time.monotonic()

    def told(self, number: int) -> tuple[int, float]:
        """Give what was told last of a task: its MiB, and for how many seconds it has not computed."""
        now = time.monotonic()
        return self._largest.get(number, 0), now - self._lively.get(number, now)


@contextmanager
def _own_handler() -> Iterator[None]:
    """Keep what this program does when it is asked to end: Ray's way is to exit without a word."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before):
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _noting(held: Any, number: int) -> Iterator[None]:
    """Tell from this process how much memory it holds, whenever that has grown, while a task goes on."""

    def note(ended: threading.Event) -> None:
        told = 0
        while not ended.wait(1.0):
            if (mib := resident_mib(os.getpid())) > told:
                told = mib
                held.note.remote(number, mib)

    with beside(note, "memory"):
        yield


def computed_with() -> dict[str, str]:
    """Give what results may depend on: the versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **versions()}


def carry_out(
    work: Work, payload: Payload, expected: Expected, held: Any, number: int
) -> tuple[str | None, bool]:
    """Do one task on a worker; say what went wrong, and whether to try again would be in vain.

    A worker with other versions than the machine that began the study refuses: a table of results from
    different programs would be no comparison.
    """
    here = computed_with()
    if other := [
        f"{name} {here[name]} for {version}"
        for name, version in expected.versions.items()
        if here[name] != version
    ]:
        return f"all machines must have the same versions; {platform.node()} has {', '.join(other)}", True
    held.compute.remote(number)
    with (
        _noting(held, number),
        watched(STDERR, expected.hung_s, lambda: held.compute.remote(number)),
    ):
        return attempt(work, payload)


def _fix() -> str:
    return f"Run {install('ray')}, or leave --engine at local."


def _ray() -> Any:
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError("the engine ray needs the package ray", "none", _fix()) from None
    if tuple(int(part) for part in ray.__version__.split(".")[:2]) < OLDEST:
        must = f"ray must be at least {OLDEST[0]}.{OLDEST[1]}, which asks for a token"
        raise InputError(must, ray.__version__, _fix())
    return ray
