"""PH2: weak annotations against full masks, methods alone and together, and all kinds in one training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from supervision_rows import (
    RUNS,
    Out,
    Root,
    Runs,
    Seeds,
    Workers,
    changed,
    clicks,
    recipe_run,
    seeded,
    table,
    tell,
)

from pointillist.annotate import (
    AnyAnnotator,
    Boxes,
    Full,
    Mixed,
    PointsAnnotator,
    Scribbles,
    Tags,
)
from pointillist.datasets import Ph2
from pointillist.losses import (
    Consistency,
    CrossEntropy,
    DenseCrf,
    Dice,
    Entropy,
    GatedCrf,
    MumfordShah,
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
from pointillist.train.recipe import CLICKS_SPREAD
from pointillist.train.relabel import Relabel
from pointillist.train.teacher import MeanTeacher, TwoDecoders
from pointillist.train.term import Term

METHOD_EPOCHS = 15


def ph2(root: Root, seeds: Seeds = 5, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """PH2: full masks against clicks and boxes by the default recipe."""
    data = Ph2(root=root)
    long, short = (recipe_run(data, how, 0).epochs for how in (Full(), clicks(5)))
    kinds: dict[str, AnyAnnotator] = {
        "full masks": Full(),
        "5+5 clicks": clicks(5),
        "1+1 clicks": clicks(1),
        "boxes": Boxes(),
    }
    rows = {n: seeded(data, kind) for n, kind in kinds.items()}
    rows[f"full masks, {short} epochs"] = seeded(data, Full(), epochs=short)
    rows[f"5+5 clicks, {long} epochs"] = seeded(data, clicks(5), epochs=long)
    lines = table(rows, seeds, runs, workers)
    about = (
        "40 test images of 120 / 40 / 40 at 192 x 144, mean Dice over images; the default recipe of "
        "`pointillist train`, its settings chosen on validation images: "
        f"{long} epochs on full masks, {short} on what is weaker; the last two rows the other way round. "
        "The paired difference is of the mean over seeds, its interval over images."
    )
    tell("PH2: weak annotations against full masks", "ph2 --root DIR", about, lines, out)


def ph2_unet(root: Root, seeds: Seeds = 3, runs: Runs = RUNS, workers: Workers = 2, out: Out = None) -> None:
    """PH2: the default recipe without the ImageNet encoder."""
    data = Ph2(root=root)
    unet = {"model": Unet(), "learning_rate": data.learning_rate, "epochs": data.epochs}
    kinds: dict[str, AnyAnnotator] = {"full masks": Full(), "5+5 clicks": clicks(5)}
    lines = table({n: seeded(data, kind, **unet) for n, kind in kinds.items()}, seeds, runs, workers)
    about = "40 test images at 192 x 144; the default recipe with a plain U-Net 16..256 and 40 epochs."
    tell("PH2 without the pretrained encoder", "ph2-unet --root DIR", about, lines, out)


def ph2_methods(
    root: Root,
    seeds: Seeds = 3,
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
        f"40 test images; the default recipe's network, whose decoder has learnt painted objects, and "
        f"{METHOD_EPOCHS} epochs for all rows. One seed moves a row by about .005. Propagators without a "
        "network: propagators.md; the forest: forest.md."
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
        "superpixels and forest cut so (the default)": CLICKS_SPREAD,
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
