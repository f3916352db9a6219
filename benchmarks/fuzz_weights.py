"""Stored weights, damaged at random for so many minutes: are they always read, or refused in words?

    python benchmarks/fuzz_weights.py --minutes 30 -o docs/results/fuzz_weights.md

Who sends a trained network writes its manifest of hashes as well, so each damage comes with one that agrees.
A child process reads; were it killed by a damage, its parent would see it, and go on with the next.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from cells import publish

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.core.rng import numpy_rng
from pointillist.study.local import share_cores

BATCH = 2000
MOST_BYTES = 2_000
"""A header's length; behind it lie numbers alone, and any byte makes a number."""
SPLICES = (
    b"0",
    b"-1",
    b"1e999",
    b"9" * 30,
    b"null",
    b'""',
    b"[]",
    b"{}",
    b'"F64"',
    b'"I8"',
    b"[[",
    b'"\\ud800"',
)


def damaged(whole: bytes, number: int) -> bytes:
    """Change, cut out, double or splice in bytes, mostly of the header; cut the end off, or lengthen it."""
    rng = numpy_rng(number, "fuzz")
    found = bytearray(whole)
    for _ in range(int(rng.integers(1, 4))):
        head = min(len(found), 8 if rng.random() < 0.1 else MOST_BYTES)
        at = int(rng.integers(len(found) if rng.random() < 0.1 else head)) if head else 0
        to = at + int(rng.integers(1, 40))
        match int(rng.integers(6)):
            case 0:
                found[at : at + 1] = rng.bytes(1)
            case 1:
                found[at : at + 1] = bytes([rng.choice(list(b'0123456789[]{}":,-eFIU'))])
            case 2:
                del found[at:to]
            case 3:
                found[at:at] = found[at:to]
            case 4:
                found[at:to] = SPLICES[int(rng.integers(len(SPLICES)))]
            case _:
                flip = 1 << int(rng.integers(8))
                found[at : at + 1] = bytes(byte ^ flip for byte in found[at : at + 1])
    end = rng.random()
    if end < 0.1:
        return bytes(found[: int(rng.integers(len(found) + 1))])
    return bytes(found) + bytes(int(rng.integers(1, 9)) if end < 0.2 else 0)


def with_right_length(header: bytes) -> bytes:
    """Let the first eight bytes tell what follows as it was meant: else most damage ends at once."""
    body = header[8:]
    return (body.rfind(b"}}") + 2 if b"}}" in body else len(body)).to_bytes(8, "little") + body


def _store(folder: Path, files: Mapping[str, bytes]) -> None:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / durable.MANIFEST).write_text(json.dumps({"format": 1, "sha256": hashes}))
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _read(trained: Path, whole: Mapping[str, bytes], first: int, log: Path) -> None:
    from pointillist.train.store import read_model

    found: Counter[str] = Counter()
    for number in range(first, first + BATCH):
        name = ("model.safetensors", "about.json")[number % 3 == 0]
        content = damaged(whole[name], number)
        if name == "model.safetensors" and number % 2:
            content = with_right_length(content)
        log.write_text(json.dumps({"next": number, **found}))
        _store(trained / "model", {**whole, name: content})
        try:
            read_model(trained)
            found["read"] += 1
        except InputError:
            found["refused"] += 1
        except Exception as error:
            found["traceback"] += 1
            print(f"damage {number} of {name}: {error!r}", flush=True)
    log.write_text(json.dumps({"next": first + BATCH, **found}))


def _train(folder: Path) -> None:
    from pointillist.annotate import PointsAnnotator
    from pointillist.datasets import Synthetic
    from pointillist.models import Unet
    from pointillist.train.loop import train
    from pointillist.train.run import Run

    data = Synthetic(size=(32, 48), train=8, val=4, test=4)
    train(Run(data=data, annotate=PointsAnnotator(), model=Unet(widths=(4, 8)), epochs=2), folder)


def main(
    minutes: Annotated[float, typer.Option("--minutes", min=0)] = 30,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Other damages.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o")] = None,
) -> None:
    """Damage and read until the time is over, and print the table."""
    share_cores(2)
    context = multiprocessing.get_context("spawn")
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        trained, log = Path(temporary) / "run", Path(temporary) / "number"
        _train(trained)
        whole = durable.read_generation(trained / "model")
        until, first = time.monotonic() + 60 * minutes, seed * 10**9
        while not total or time.monotonic() < until:
            child = context.Process(target=_read, args=(trained, whole, first, log))
            child.start()
            child.join()
            found = json.loads(log.read_text())
            first = found.pop("next")
            total.update(found)
            if child.exitcode:
                total["died"] += 1
                print(f"damage {first}: the process died by {child.exitcode}", flush=True)
                first += 1
    names = ("read", "refused", "traceback", "died")
    head = f"| minutes | damages | {' | '.join(names)} |"
    told = " | ".join(f"{total[name]:,}" for name in names)
    lines = [head, f"|{'--:|' * 6}", f"| {minutes:g} | {sum(total.values()):,} | {told} |"]
    about = (
        "Weights and description of a small network, changed, cut, doubled, spliced, mostly in the header "
        "that says where each tensor lies, each with hashes that agree; read as prediction does."
    )
    publish("Damaged weights", f"python benchmarks/fuzz_weights.py --minutes {minutes:g}", about, lines, out)


if __name__ == "__main__":
    typer.run(main)
