"""How close weak annotations come to full masks: the default recipe, and methods alone and together.

    python benchmarks/supervision.py ph2 --root DIR -o docs/results/supervision_ph2.md
    python benchmarks/supervision.py ph2-unet --root DIR -o docs/results/supervision_unet.md
    python benchmarks/supervision.py ph2-methods --root DIR -o docs/results/supervision_methods.md
    python benchmarks/supervision.py mixed --root DIR -o docs/results/supervision_mixed.md
    python benchmarks/supervision.py drive --root DIR -o docs/results/supervision_drive.md
    python benchmarks/supervision.py drive --root DIR --seeds 2 --epochs 12
        -o docs/results/supervision_drive_12.md
    python benchmarks/supervision.py drive-crf --root DIR -o docs/results/supervision_crf.md
    python benchmarks/supervision.py corrected --root DIR -o docs/results/supervision_corrected.md
    python benchmarks/supervision.py toys -o docs/results/supervision_toys.md
    python benchmarks/supervision.py select --root DIR -o docs/results/supervision_select.md
    python benchmarks/supervision.py density --root DIR -o docs/results/supervision_density.md

Runs are kept under --runs; finished ones are not trained again. Weights are chosen on the validation images'
annotations (their masks for full masks), never on test images.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from cells import Cell, against_full, publish, spread, train_cells

from pointillist.annotate import (
    AnyAnnotator,
    Boxes,
    Density,
    Full,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Several,
    SizeRanges,
    Tags,
)
from pointillist.datasets import AnyDataset, Drive, Ph2, Synthetic, Toy, Toy2, ToyScatter
from pointillist.losses import (
    Consistency,
    CrossEntropy,
    DenseCrf,
    Dice,
    Entropy,
    GatedCrf,
    MumfordShah,
    Size,
    SoftCrossEntropy,
    TotalVariation,
    TreeEnergy,
)
from pointillist.models import Unet
from pointillist.propagate import (
    AnyPropagator,
    FeatureForest,
    Geodesic,
    Grabcut,
    RandomWalker,
    Refined,
    Superpixels,
)
from pointillist.propagate.sam import Sam
from pointillist.train.bounds import SizeBounds
from pointillist.train.describe import describe_run
from pointillist.train.relabel import Relabel
from pointillist.train.run import Run
from pointillist.train.teacher import Bootstrap, MeanTeacher, TwoDecoders
from pointillist.train.term import Term

app = typer.Typer(add_completion=False)

Root = Annotated[Path, typer.Option("--root", resolve_path=True)]
Seeds = Annotated[int, typer.Option("--seeds", min=1)]
Runs = Annotated[Path, typer.Option("--runs")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Runs at a time; they share the cores.")]
Out = Annotated[Path | None, typer.Option("--out", "-o")]
RUNS = Path("runs/supervision")
DRIVE_EPOCHS, SHORT_EPOCHS = 24, 12
METHOD_EPOCHS = 15
Rows = Mapping[str, Callable[[int], Run]]


def clicks(positive: int, negative: int | None = None) -> PointsAnnotator:
    return PointsAnnotator(positive=positive, negative=positive if negative is None else negative)


def recipe_run(data: AnyDataset, annotate: AnyAnnotator, seed: int) -> Run:
    """Describe the run that `pointillist train` would do without being told how to learn."""
    return describe_run(data, annotate, None, seed)


def seeded(data: AnyDataset, annotate: AnyAnnotator, **changes: Any) -> Callable[[int], Run]:
    """Give the default run of each seed, with some changes."""
    return lambda seed: recipe_run(data, annotate, seed).model_copy(update=changes)


def changed(base: Run, changes: Mapping[str, Any]) -> Callable[[int], Run]:
    """Give a run of each seed."""
    return lambda seed: base.model_copy(update={**changes, "seed": seed})


def measured(rows: Rows, seeds: int, runs: Path, workers: int, split: str = "test") -> dict[str, list[Cell]]:
    """Train every row with every seed."""
    jobs = {f"{name}, seed {i}": make(i).to_json() for i in range(seeds) for name, make in rows.items()}
    cells = train_cells(jobs, runs, workers, split)
    return {name: [cells[f"{name}, seed {i}"] for i in range(seeds)] for name in rows}


def table(rows: Rows, seeds: int, runs: Path, workers: int, split: str = "test") -> list[str]:
    """Measure the rows and compare them with the first, the full masks."""
    return against_full(measured(rows, seeds, runs, workers, split), next(iter(rows)), {})


def tell(title: str, command: str, about: str, lines: Sequence[str], out: Path | None) -> None:
    """Publish a table of this file."""
    publish(title, f"python benchmarks/supervision.py {command}", about, lines, out)


@app.command()
def ph2(root: Root, seeds: Seeds = 3, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """PH2: full masks against clicks and boxes by the default recipe."""
    data = Ph2(root=root)
    kinds: dict[str, AnyAnnotator] = {
        "full masks": Full(),
        "5+5 clicks": clicks(5),
        "1+1 clicks": clicks(1),
        "boxes": Boxes(),
    }
    lines = table({n: seeded(data, kind) for n, kind in kinds.items()}, seeds, runs, workers)
    about = (
        "40 test images of 120 / 40 / 40 at 192 x 144, mean Dice over images; the default recipe of "
        "`pointillist train`, its settings chosen on validation images. The paired difference is of the mean "
        "over seeds, its interval over images."
    )
    tell("PH2: weak annotations against full masks", "ph2 --root DIR", about, lines, out)


@app.command("ph2-unet")
def ph2_unet(root: Root, seeds: Seeds = 3, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """PH2: the default recipe without the ImageNet encoder."""
    data = Ph2(root=root)
    unet = {"model": Unet(), "learning_rate": data.learning_rate, "epochs": data.epochs}
    kinds: dict[str, AnyAnnotator] = {"full masks": Full(), "5+5 clicks": clicks(5)}
    lines = table({n: seeded(data, kind, **unet) for n, kind in kinds.items()}, seeds, runs, workers)
    about = "40 test images at 192 x 144; the default recipe with a plain U-Net 16..256 and 40 epochs."
    tell("PH2 without the pretrained encoder", "ph2-unet --root DIR", about, lines, out)


@app.command("ph2-methods")
def ph2_methods(
    root: Root,
    seeds: Seeds = 1,
    runs: Runs = RUNS,
    workers: Workers = 2,
    out: Out = None,
    sam: Annotated[Path | None, typer.Option("--sam", resolve_path=True)] = None,
) -> None:
    """PH2, 5+5 clicks: each method alone and combined, one network and one schedule."""
    base = recipe_run(Ph2(root=root), clicks(5), 0)
    plain = {"propagate": None, "teacher": None, "relabel": None, "epochs": METHOD_EPOCHS}
    base = base.model_copy(update=plain)
    rows = {name: changed(base, changes) for name, changes in _methods(sam).items()}
    about = (
        f"40 test images; a U-Net on the ImageNet encoder and {METHOD_EPOCHS} epochs for all rows. One seed "
        "moves a row by about .005. Propagators without a network: propagators.md; the forest: forest.md."
    )
    lines = table(rows, seeds, runs, workers)
    tell(
        "PH2, 5+5 clicks: methods alone and combined",
        "ph2-methods --root DIR --sam mobile_sam.pt",
        about,
        lines,
        out,
    )


def _methods(sam: Path | None) -> dict[str, dict[str, Any]]:
    ce, soft, half = (
        Term(loss=CrossEntropy()),
        Term(loss=SoftCrossEntropy()),
        Term(loss=SoftCrossEntropy(), weight=0.5, ramp=0.2),
    )
    crf = Term(loss=GatedCrf(), weight=0.03, ramp=0.2)
    terms: dict[str, Term] = {
        "entropy": Term(loss=Entropy(), weight=0.1, ramp=0.5),
        "total variation": Term(loss=TotalVariation(), weight=0.5, ramp=0.2),
        "Mumford-Shah": Term(loss=MumfordShah(), ramp=0.2),
        "gated CRF": crf,
        "dense CRF": Term(loss=DenseCrf(), weight=0.1, ramp=0.2),
        "tree energy": Term(loss=TreeEnergy(), weight=0.4, ramp=0.2),
    }
    learned = FeatureForest(features=("filters", "encoder"))
    spreaders: dict[str, AnyPropagator] = {
        "random walker": RandomWalker(),
        "geodesic": Geodesic(),
        "superpixels": Superpixels(),
        "GrabCut": Grabcut(),
        "feature forest": FeatureForest(),
        "forest on ImageNet features": learned,
        "the same, cut along outlines": Refined(of=learned),
    }
    if sam is not None:
        spreaders["MobileSAM"] = Sam(weights=sam)
    grab = {"supervise": (ce, soft), "propagate": Grabcut()}
    return {
        "full masks": {"annotate": Full(), "supervise": (ce, Term(loss=Dice()))},
        "partial cross-entropy": {"supervise": (ce,)},
        **{f"+ {name}": {"supervise": (ce, term)} for name, term in terms.items()},
        "+ mean teacher": {"supervise": (ce, Term(loss=Consistency(), ramp=0.2)), "teacher": MeanTeacher()},
        "+ two decoders": {"supervise": (ce, half), "teacher": TwoDecoders()},
        **{f"+ {n}": {"supervise": (ce, soft), "propagate": p} for n, p in spreaders.items()},
        "+ GrabCut, gated CRF": {**grab, "supervise": (ce, soft, crf)},
        "+ GrabCut, relabelled": {**grab, "relabel": Relabel()},
        "scribbles, + gated CRF": {"annotate": Scribbles(), "supervise": (ce, crf)},
        "border clicks": {"annotate": PointsAnnotator(strategy="border"), "supervise": (ce,)},
        "border clicks, + GrabCut": {"annotate": PointsAnnotator(strategy="border"), **grab},
    }


@app.command()
def mixed(root: Root, seeds: Seeds = 2, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """PH2: clicks, boxes, tags, a few masks and nothing in one training set and one batch."""
    data = Ph2(root=root)
    share = Mixed(of=((clicks(5), 0.3), (Boxes(), 0.3), (Tags(), 0.1), (Full(), 0.1)))
    lines = table({"full masks": seeded(data, Full()), "mixed": seeded(data, share)}, seeds, runs, workers)
    about = (
        "Of 120 training images about 30 % carry 5+5 clicks, 30 % boxes, 10 % a tag, 10 % a mask, the rest "
        "nothing; the default recipe."
    )
    tell("PH2: all kinds of annotation in one training", "mixed --root DIR", about, lines, out)


@app.command()
def drive(
    root: Root,
    seeds: Seeds = 3,
    runs: Runs = RUNS,
    workers: Workers = 2,
    out: Out = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="In place of the recipe's.")] = None,
) -> None:
    """DRIVE, inside the field of view: 1 % and .1 % of the pixels, and 20+20 clicks, against full masks."""
    data = Drive(root=root)
    kinds: dict[str, AnyAnnotator] = {
        "full masks": Full(),
        "1 % of the pixels": Density(probability=0.01),
        ".1 % of the pixels": Density(probability=0.001),
        "20+20 clicks": clicks(20),
    }
    changes = {} if epochs is None else {"epochs": epochs}
    rows = {n: seeded(data, kind, **changes) for n, kind in kinds.items()}
    lines = table(rows, seeds, runs, workers)
    about = (
        "The 20 official test images, inside the field of view; the second observer: Dice .788. 16 training, "
        f"4 validation images; the default recipe, {rows['full masks'](0).epochs} epochs."
    )
    command = f"drive --root DIR --seeds {seeds}" + ("" if epochs is None else f" --epochs {epochs}")
    tell("DRIVE: weak annotations against full masks", command, about, lines, out)


@app.command("drive-crf")
def drive_crf(root: Root, seeds: Seeds = 1, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """DRIVE, 1 % of the pixels: what a gated CRF does to thin vessels, and its gentlest setting."""
    base = recipe_run(Drive(root=root), Density(probability=0.01), 0).model_copy(
        update={"epochs": DRIVE_EPOCHS}
    )
    gentle = GatedCrf(radius=1, sigma_xy=1, sigma_rgb=0.01)
    extra = {
        "nothing that smooths (the default recipe)": (),
        "+ gated CRF, weight .1": (Term(loss=GatedCrf(), weight=0.1, ramp=0.2),),
        "+ gated CRF, radius 1, sigmas 1 and .01": (Term(loss=gentle, weight=0.1, ramp=0.2),),
    }
    rows = {name: changed(base, {"supervise": (*base.supervise, *terms)}) for name, terms in extra.items()}
    about = f"The 20 official test images, inside the field of view; {DRIVE_EPOCHS} epochs."
    lines = table(rows, seeds, runs, workers)
    tell("DRIVE: the gated CRF on thin things", "drive-crf --root DIR", about, lines, out)


@app.command()
def corrected(root: Root, seeds: Seeds = 1, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """Spread labels as they are, and corrected by the averaged network; --root holds PH2Dataset and DRIVE."""
    ph2, drive = Ph2(root=root / "PH2Dataset"), Drive(root=root / "DRIVE")
    settings: dict[str, tuple[AnyDataset, AnyAnnotator, dict[str, Any]]] = {
        "PH2, 5+5 clicks, GrabCut": (ph2, clicks(5), {}),
        "PH2, 1+1 clicks, GrabCut": (ph2, clicks(1), {}),
        "DRIVE, .1 % of the pixels, boosted trees": (
            drive,
            Density(probability=0.001),
            {"epochs": SHORT_EPOCHS},
        ),
        "DRIVE, 20+20 clicks, boosted trees": (drive, clicks(20), {"epochs": SHORT_EPOCHS}),
    }
    ways = {"as spread": None, "corrected": Bootstrap()}
    rows = {
        f"{name} | {way}": seeded(data, annotate, teacher=teacher, **changes)
        for name, (data, annotate, changes) in settings.items()
        for way, teacher in ways.items()
    }
    found = {split: measured(rows, seeds, runs, workers, split) for split in ("val", "test")}
    lines = ["| | labels | validation | test |", "|---|---|--:|--:|"]
    for name in rows:
        told = [spread([cell.mean for cell in cells[name]]) for cells in found.values()]
        lines.append(f"| {name} | {' | '.join(told)} |")
    about = (
        f"Dice, {seeds} seed(s); DRIVE {SHORT_EPOCHS} epochs, PH2 the recipe's. `auto` corrects on thin "
        "things alone, by what the validation images show."
    )
    tell("Spread labels, corrected while the network learns", "corrected --root DIR", about, lines, out)


@app.command()
def toys(seeds: Seeds = 3, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """The tutorial's discs and our stars: one click's disc, with and without a size, and full masks."""
    lines = []
    for title, data, schedule, k in _toys():
        base = Run(data=data, **schedule)
        rows = {name: changed(base, changes) for name, changes in _sizes(data, k).items()}
        lines += [f"## {title}", "", *table(rows, seeds, runs, workers, "val"), ""]
    about = (
        "Dice on the validation images, as the tutorial measures. Its own without size, with exact sizes, "
        "with full masks: TOY .428 / .989 / .997; TOY2 cut to 100 / 50 images .264 / .654 / .936."
    )
    tell("Toys: one dot and a size", "toys", about, lines, out)


def _toys() -> Sequence[tuple[str, AnyDataset, dict[str, Any], int]]:
    # One dot and a size allow many answers; what a shallow network can see, the grey level, is the right one.
    shallow = {"batch": 1, "model": Unet(widths=(16,))}
    return (
        ("TOY, 10 / 10 images, a shallow network", Toy(), {**shallow, "epochs": 200}, 1),
        (
            "TOY2, 100 / 50 images, a shallow network",
            Toy2(train=100, val=50),
            {**shallow, "epochs": 16, "learning_rate": 5e-3},
            5,
        ),
        ("toy-scatter, 200 / 20 images", ToyScatter(train=200), {"model": Unet(widths=(8, 16, 32, 64))}, 5),
    )


def _sizes(data: AnyDataset, k: int) -> dict[str, dict[str, Any]]:
    dot = PointsAnnotator(positive=1, negative=0, strategy="centre", radius=5)
    ce = Term(loss=CrossEntropy())
    sized = (ce, Term(loss=Size(), weight=100.0))
    masks = [data.read(name).truth() for name in data.names("train")[:k]]
    bounds = SizeBounds.from_masks(masks, len(data.classes))
    return {
        "full masks": {"annotate": Full(), "supervise": (ce, Term(loss=Dice()))},
        "one dot": {"annotate": dot, "supervise": (ce,)},
        f"one dot, the range of {k} masks": {"annotate": dot, "supervise": sized, "sizes": bounds},
        "one dot, guessed ranges": {"annotate": Several(of=(dot, SizeRanges())), "supervise": sized},
        "one dot, exact ranges (oracle)": {
            "annotate": Several(of=(dot, SizeRanges(error=0, slack=0.1))),
            "supervise": sized,
        },
    }


@app.command()
def select(root: Root, seeds: Seeds = 1, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """How far below the choice with masks the one without stops; --root holds PH2Dataset and DRIVE."""
    settings: dict[str, tuple[AnyDataset, AnyAnnotator, dict[str, Any]]] = {
        "PH2, 5+5 clicks": (Ph2(root=root / "PH2Dataset"), clicks(5), {}),
        "DRIVE, .1 % of the pixels": (
            Drive(root=root / "DRIVE"),
            Density(probability=0.001),
            {"epochs": SHORT_EPOCHS},
        ),
        "PH2, boxes": (Ph2(root=root / "PH2Dataset"), Boxes(), {}),
        "toy-scatter, 5+5 clicks": (ToyScatter(train=200), clicks(5), {}),
    }
    rows = {}
    for name, (data, annotate, changes) in settings.items():
        plain = {"supervise": (Term(loss=CrossEntropy()),), "propagate": None, "teacher": None}
        if not isinstance(annotate, Boxes):  # Outside boxes lies background, and nothing else is labelled.
            rows[f"{name}, partial cross-entropy"] = seeded(data, annotate, **plain, **changes)
        rows[f"{name}, default recipe"] = seeded(data, annotate, **changes)
    lines = ["| | seeds | chosen by masks | by annotations | last | lost |", "|---|--:|--:|--:|--:|--:|"]
    for name, cells in measured(rows, seeds, runs, workers, "val").items():
        best, chosen, last = zip(*[_stops(cell) for cell in cells], strict=True)
        lost = spread([b - c for b, c in zip(best, chosen, strict=True)])
        lines.append(f"| {name} | {seeds} | {spread(best)} | {spread(chosen)} | {spread(last)} | {lost} |")
    about = (
        "Dice on the validation masks: of the epoch and the line (offset) that these masks would choose, of "
        "those that the validation images' annotations chose, and of the last epoch with its line. DRIVE: "
        f"{SHORT_EPOCHS} epochs."
    )
    tell("Which weights are kept", "select --root DIR", about, lines, out)


def _stops(cell: Cell) -> tuple[float, float, float]:
    """Give the Dice where masks choose epoch and line, where annotations do, and at the last epoch."""
    scored = [record for record in cell.history if "masks/dice" in record]
    chosen = {**[record for record in scored if record["kept"]][-1], **cell.line}
    return max(r["masks/best"] for r in (*scored, chosen)), chosen["masks/dice"], scored[-1]["masks/dice"]


@app.command()
def density(root: Root, seeds: Seeds = 2, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """1, 5, 10 and 100 % of the pixels, on PH2 and on generated aerial tiles: share of the full result."""
    lines = []
    shares = {"full masks": None, "10 %": 0.1, "5 %": 0.05, "1 %": 0.01}
    for title, data in (("PH2", Ph2(root=root)), ("generated aerial tiles", Synthetic(scene="aerial"))):
        rows = {n: seeded(data, Full() if s is None else Density(probability=s)) for n, s in shares.items()}
        cells = measured(rows, seeds, runs, workers)
        ious = {name: statistics.mean(map(_iou, found)) for name, found in cells.items()}
        said = ", ".join(f"{name} {iou / ious['full masks']:.3f}" for name, iou in ious.items())
        shares_of_it = f"Full masks: IoU {ious['full masks']:.3f}. Shares of it: {said}."
        lines += [f"## {title}", "", *against_full(cells, "full masks", {}), "", shares_of_it, ""]
    about = (
        "The paper's shares of its full result (IoU .789): .837 at 1 %, .963 at 5 %, .976 at 10 %. Dice and "
        "IoU are means over the test images."
    )
    tell("Label density", "density --root DIR", about, lines, out)


def _iou(cell: Cell) -> float:
    """Mean IoU over the images, of a single foreground class."""
    return statistics.mean(dice / (2 - dice) for dice in cell.dice)


if __name__ == "__main__":
    app()
