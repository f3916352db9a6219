"""Rounds of training: each learns from the last one's sure predictions that agree with the annotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from pointillist.core import durable
from pointillist.core.annotation import Annotation, annotation_file
from pointillist.core.durable import CorruptError
from pointillist.core.known import Known
from pointillist.core.marks import Dense
from pointillist.core.shapes import IGNORE, AnyMask, MaskArray
from pointillist.data.resample import resample_mask
from pointillist.train.device import Device
from pointillist.train.evaluate import load_trained
from pointillist.train.relabel import Relabel
from pointillist.train.run import Run, reads_soft
from pointillist.train.store import Tensors, read_model, read_run, write_model, write_run
from pointillist.train.supervise import supervised

LabelMaps = Mapping[str, AnyMask]


def train_rounds(
    run: Run,
    folder: Path,
    device: Device,
    say: Callable[[str], None],
    train_once: Callable[[Run, Path], None],
    patience_s: float = durable.ENDING_S,
) -> None:
    """Train the rounds of a run in folders of its own, and give it the best round's weights.

    Cut short, it goes on where it stopped: a finished round is not trained again, and labels that were
    written are not predicted again. Of several processes the leading one predicts and decides.

    Args:
        run: with `relabel`.
        folder: the run's.
        device: where to predict.
        say: told what happens.
        train_once: trains one round into a folder.
        patience_s: how long to wait for another process that holds the folder.
    """
    plan = run.relabel
    assert plan is not None
    if (folder / "run.json").is_file():
        write_run(folder, run)  # Refuses another run's folder.

    def train_together(one: Run, number: int) -> None:
        train_once(one, folder / f"round-{number}")
        device.largest(0)  # All processes wait until the leading one has written the weights.

    # Trained already or not: data that has changed since is refused there.
    train_together(run.model_copy(update={"relabel": None}), 0)
    with durable.locked(folder, patience_s=patience_s) if device.leads else nullcontext():
        if (folder / "model").is_dir():
            return say(f"{folder} is finished already: nothing to train.")
        if device.leads:
            durable.delete_leftovers(folder)
        labels = _labels_after(run, folder, 0, device) if device.leads else None
        for number in range(1, plan.rounds + 1):
            target = folder / f"labels-{number}"
            if labels is not None:
                _write_labels(run, target, labels)
            later = _later_round(run, plan, target)
            if device.leads:
                _follow(folder / f"round-{number}", later)
            device.largest(0)
            train_together(later, number)
            if labels is not None:
                labels = _judged(run, folder, number, labels, device, say)
            if device.largest(int(device.leads and labels is None)):
                break
        if device.leads:
            write_model(folder, *_whole(run, folder, number))


def _follow(home: Path, later: Run) -> None:
    """Let a round go on where its run's folder has been moved: the labels that it learns from lie there, too.

    Whether these are the same is seen by the data's hash, as for any run that goes on.
    """
    if not (home / "run.json").is_file():
        return
    began = read_run(home)
    if began != later and began.model_copy(update={"annotations": later.annotations}) == later:
        durable.write_json(home / "run.json", later.model_dump(mode="json"))


def _judged(
    run: Run, folder: Path, number: int, before: LabelMaps, device: Device, say: Callable[[str], None]
) -> LabelMaps | None:
    """Say how a round went, and give the labels that it leaves to the next; None: it was the last."""
    assert run.relabel is not None
    if _worse(folder, number):
        kept = f"than round {number - 1}, which is kept."
        say(f"Round {number} meets the held-out annotations less well {kept}")
        return None
    after = _labels_after(run, folder, number, device)
    changed = np.mean([float(np.mean(before[name] != labels)) for name, labels in after.items()])
    say(f"Round {number}: {changed:.3f} of the labels changed.")
    return None if changed < run.relabel.settled else after


def _worse(folder: Path, number: int) -> bool:
    return _score(folder / f"round-{number}") < _score(folder / f"round-{number - 1}")


def _whole(run: Run, folder: Path, last: int) -> tuple[Tensors, dict[str, Any]]:
    """Give the best round's weights, and what is said about the rounds as one run."""
    best = last - _worse(folder, last)
    first = read_model(folder / "round-0")[1]
    weights, about = read_model(folder / f"round-{best}")
    spent = sum(read_model(folder / f"round-{n}")[1]["environment"]["train_s"] for n in range(last + 1))
    environment = {**about["environment"], "run": run.id, "train_s": round(spent, 3)}
    whole = {"round": best, "annotation": first["annotation"], "environment": environment}
    return weights, {**about, **whole}


def _later_round(run: Run, plan: Relabel, labels: Path) -> Run:
    changes = {"relabel": None, "propagate": None, "annotate": None, "annotations": labels.absolute()}
    teacher = run.teacher if reads_soft(plan.supervise) else None
    return run.model_copy(update={**changes, "teacher": teacher, "supervise": plan.supervise})


def _score(folder: Path) -> tuple[float, float]:
    """Give the held-out score of the weights that a round has kept, which need not be its best."""
    history = read_model(folder)[1]["history"]
    kept = [(r["held_out/dice"], r["held_out/likelihood"]) for r in history if r.get("kept")]
    return kept[-1] if kept else (0.0, 0.0)


def _labels_after(run: Run, folder: Path, number: int, device: Device) -> LabelMaps:
    """Give the labels that a finished round leaves to the next: as written, else as it predicts them.

    Predicted anew, on another device or with other threads, they could differ from what the next round has
    learnt from.
    """
    target = folder / f"labels-{number + 1}"
    if not _whole_labels(target):
        return relabelled(run, folder / f"round-{number}", device)
    assert run.relabel is not None
    later = _later_round(run, run.relabel, target)
    return {name: supervised(later, name).labels for name in run.data.names("train")}


def _whole_labels(folder: Path) -> bool:
    try:
        durable.read_generation(folder)
    except CorruptError:
        return False
    return True


def relabelled(run: Run, folder: Path, device: Device) -> LabelMaps:
    """Give each training image's label map as a finished round sees it, IGNORE where it is not to be trusted.

    Args:
        run: its annotations, and its `relabel` for what is trusted.
        folder: of the finished round.
        device: where to predict.
    """
    plan = run.relabel
    assert plan is not None
    trained = load_trained(folder, device)
    maps = {}
    for name in run.data.names("train"):
        item = supervised(run, name)
        labels = trusted_labels(trained.probs(item.sample), item.known, plan)
        region = item.region
        maps[name] = labels if region is None else np.where(region, labels, np.uint8(IGNORE))
    return maps


def trusted_labels(probs: Float[np.ndarray, "k h w"], known: Known, plan: Relabel) -> MaskArray:
    """Keep what is sure and agrees with what is known; the known labels win.

    A class that is absent, or lies outside its boxes, or an object that does not fill its box, is left
    unlabelled, not made background: what is there instead is not known.

    Args:
        probs: class probabilities.
        known: what the annotation says.
        plan: how sure, and how well an object must fill its box.

    Shapes:
        uint8 (H, W), IGNORE where not trusted.
    """
    labels = np.where(probs.max(0) >= plan.confidence, probs.argmax(0), IGNORE).astype(np.uint8)
    labels[known.denies(labels)] = IGNORE
    found = labels.copy()
    for label, top, left, bottom, right in known.boxes:
        if _overlap(found[top:bottom, left:right] == label) < plan.agreement:
            labels[top:bottom, left:right] = IGNORE
    return np.where(known.labels == IGNORE, labels, known.labels)


def _overlap(found: np.ndarray) -> float:
    """Share of a drawn box that the tight box around the largest thing that was found in it covers.

    Two stray pixels in opposite corners are no object that fills it.
    """
    parts, count = ndimage.label(found, np.ones((3, 3)))
    if not count:
        return 0.0
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    rows, cols = ndimage.find_objects(parts)[largest - 1]
    return float((rows.stop - rows.start) * (cols.stop - cols.start) / found.size)


def _write_labels(run: Run, folder: Path, maps: LabelMaps) -> None:
    """Write the next round's annotations once: labels below what was drawn; validation images keep theirs."""
    if _whole_labels(folder):
        return
    files = {}
    for split in ("train", "val"):
        for name in run.data.names(split):
            item = supervised(run, name)
            drawn = item.annotation
            if drawn is None and name not in maps:
                continue
            labels = maps.get(name)
            marks = drawn.marks if drawn is not None else ()
            if labels is not None and (labels != IGNORE).any():
                height, width = labels.shape if drawn is None else (drawn.height, drawn.width)
                marks = (Dense.from_map(resample_mask(labels, (height, width))), *marks)
            annotation = Annotation(
                name=name,
                height=drawn.height if drawn is not None else item.sample.height,
                width=drawn.width if drawn is not None else item.sample.width,
                classes=run.data.classes,
                marks=marks,
                annotator="simulated" if drawn is None else drawn.annotator,
                seconds=0.0 if drawn is None else drawn.seconds,
            )
            files[f"{name}.json"] = annotation_file(annotation)
    if folder.exists():  # What an interrupted or damaged writing left.
        durable.delete_generation(folder)
    durable.write_generation(folder, files)
