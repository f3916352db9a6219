"""A study under SIGKILL: does its table come out as if nothing had happened?

    python benchmarks/kills.py -o docs/results/kills.md

A small study runs once undisturbed. Then its driver and its workers are killed at random, so many times, and
it is begun again each time; at last it is let go on to its end. Both tables are compared, byte for byte.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from cells import publish

from pointillist.core.rng import numpy_rng

STUDY: dict[str, Any] = {
    "name": "kills",
    "data": {"kind": "synthetic", "size": [48, 64], "train": 12, "val": 4, "test": 6},
    "recipe": "plain",
    "changes": {"epochs": 60, "model": {"kind": "unet", "widths": [8, 16, 32]}},
    "axes": {"clicks": {f"{n}+{n}": {"annotate": {"kind": "points", "positive": n}} for n in range(1, 9)}},
    "seeds": 6,
}


def below(process: int) -> list[int]:
    """List the processes that one has begun, in whichever of its threads, and theirs."""
    own: list[str] = []
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            own += thread.read_text().split()
    return [int(child) for child in own] + [found for child in own for found in below(int(child))]


def computes(process: int) -> bool:
    """Whether a process carries out tasks, on either engine; Ray's own servants are called alike."""
    try:
        said = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    if b"raylet/raylet" in said or b"Agent" in said:
        return False
    return b"spawn_main" in said or b"ray::" in said or b"default_worker.py" in said


def computing(driver: subprocess.Popen[bytes]) -> list[int]:
    """Wait until a driver has workers, which on a busy machine takes longer than a kill, and list them."""
    while not (found := [process for process in below(driver.pid) if computes(process)]):
        if driver.poll() is not None:
            raise SystemExit("the study ended before all kills: make it longer")
        time.sleep(0.1)
    return found


def kill_at_random(
    command: list[str], kills: int, pause: tuple[float, float], rng: np.random.Generator
) -> tuple[int, int]:
    """Begin the command, kill its driver or one of its workers, and so on; give how many of each."""
    drivers = workers = 0
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while drivers + workers < kills:
        time.sleep(rng.uniform(*pause))
        if driver.poll() is not None:
            raise SystemExit(f"the study ended after {drivers + workers} kills: make it longer")
        if rng.random() < 0.5:
            os.kill(int(rng.choice(computing(driver))), signal.SIGKILL)
            workers += 1
            continue
        driver.kill()
        driver.wait()
        drivers += 1
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver.kill()
    driver.wait()
    return drivers, workers


def main(
    kills: Annotated[int, typer.Option("--kills", min=1)] = 20,
    engines: Annotated[list[str] | None, typer.Option("--engine", help="Both by default.")] = None,
    pause: Annotated[tuple[float, float], typer.Option("--pause", help="Seconds between kills.")] = (4, 15),
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Kill the engines' processes, and compare the tables."""
    asked = "python benchmarks/kills.py" + "".join(f" --engine {engine}" for engine in engines or ())
    asked += "" if pause == (4, 15) else f" --pause {pause[0]:g} {pause[1]:g}"
    lines = [
        "| engine | seconds between kills | drivers killed | workers killed | rows | table |",
        "|---|--:|--:|--:|--:|---|",
    ]
    between = f"{pause[0]:g} to {pause[1]:g}"
    with tempfile.TemporaryDirectory() as given:
        home = Path(given)
        file = home / "kills.yaml"
        file.write_text(yaml.safe_dump(STUDY, sort_keys=False))
        base = [sys.executable, "-m", "pointillist", "study", "run", str(file), "--workers", "2", "-o"]
        subprocess.run([*base, str(home / "whole")], check=True, stdout=subprocess.DEVNULL)
        whole = (home / "whole" / "kills" / "table.csv").read_text()
        for engine in engines or ("local", "ray"):
            command = [*base, str(home / engine), "--engine", engine]
            drivers, workers = kill_at_random(command, kills, pause, numpy_rng(0, engine))
            # Tasks that were killed three times have failed: the same command tries them again.
            while subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
                pass
            table = (home / engine / "kills" / "table.csv").read_text()
            same = "equal to the undisturbed one" if table == whole else "DIFFERENT"
            rows = len(table.splitlines()) - 1
            lines.append(f"| {engine} | {between} | {drivers} | {workers} | {rows} | {same} |")
            publish("Studies under SIGKILL", asked, ABOUT, lines, out)


ABOUT = (
    "A study of 48 runs of some seconds, two at a time on 2 cores; each kill hits the driver or a process "
    "that computes, some seconds after the last one, or as soon as there is a process to kill. With Ray the "
    "cluster of this machine goes with its driver."
)

if __name__ == "__main__":
    typer.run(main)
