"""Recipes: how to learn from what the annotations hold, chosen by looking at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from pointillist.core.config import Names, validated
from pointillist.core.extras import install
from pointillist.data.augment import Augment
from pointillist.losses import (
    BoxTightness,
    Centroid,
    Consistency,
    CrossEntropy,
    Dice,
    GatedCrf,
    Size,
    SoftCrossEntropy,
    Tag,
)
from pointillist.models import PretrainedUnet, Unet
from pointillist.models.imagenet import available
from pointillist.propagate import Average, Boxed, FeatureForest, Grabcut, Refined, Superpixels
from pointillist.train.evidence import Evidence, gather
from pointillist.train.feed import steps_per_epoch
from pointillist.train.relabel import Relabel
from pointillist.train.run import Run
from pointillist.train.shape import Shape
from pointillist.train.teacher import Bootstrap, MeanTeacher, TwoDecoders
from pointillist.train.term import Term

Changes = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What a recipe makes of a run, and why.

    Args:
        changes: fields of the run.
        what: the choice, in one line.
        why: what it rests on, in one line.
        share: of the epochs that a network needs from the start.
    """

    changes: Changes
    what: str
    why: str
    share: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A named way to learn.

    Args:
        about: what it does, in one line, for the list.
        choose: from the evidence to the fields of a run.
    """

    about: str
    choose: Callable[[Evidence], Choice]


OWNED = {"supervise", "model", "propagate", "teacher", "relabel", "augment", "views", "scales"}
"""Fields of a run that a recipe chooses, or leaves at their defaults."""


def apply_recipe(run: Run, name: str) -> tuple[Run, Choice]:
    """Let a recipe fill in how a run learns; what it learns from stays.

    Args:
        run: with data and annotations; the `OWNED` fields are replaced: its terms, model and schemes.
        name: of the recipe.

    Raises:
        InputError: no recipe has that name, or the data can't be read.
    """
    evidence = gather(run)
    choice = RECIPES[name].choose(evidence)
    data = run.model_dump(mode="json", exclude=OWNED)
    plain = {key: _plain(value) for key, value in choice.changes.items()}
    # Epochs are meant for hundreds of images: of a few, as many steps are taken.
    fewest = ceil(run.data.fewest_steps / steps_per_epoch(run, len(run.data.names("train"))))
    plain["epochs"] = max(1, round(run.epochs * choice.share), fewest)
    chosen = validated(Run, {**data, **plain})
    if chosen.crop is None or not chosen.reads & evidence.of_the_whole:
        return chosen, choice
    # In a crop tags, sizes and the like say next to nothing.
    chosen = chosen.model_copy(update={"crop": None, "crops_per_image": 1})
    return chosen, replace(choice, what=f"{choice.what}; whole images")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _supervised_terms(evidence: Evidence) -> tuple[Term, ...]:
    """The terms that read what a person drew or said, for all kinds of it that are there."""
    terms = [Term(loss=CrossEntropy())]
    if "dense" in evidence.kinds:
        # Where an image's pixels are labelled as they come, Dice balances what is thin or small; clicks, as
        # many on each class as a person likes, have no area.
        terms.append(Term(loss=Dice()))
    if "tag" in evidence.kinds:
        terms.append(Term(loss=Tag(), weight=0.1))
    if evidence.sized:
        terms.append(Term(loss=Size()))
    if "centroid" in evidence.kinds:
        terms.append(Term(loss=Centroid()))
    return tuple(terms)


def _model(evidence: Evidence) -> tuple[Changes, str]:
    """What has seen curves for thin things; for broad ones in colour ImageNet's encoder, where installed."""
    if evidence.thin:
        return {
            "model": Unet(start="curves"),
            "learning_rate": 1e-3,
        }, "a U-Net that has learnt painted curves"
    if evidence.channels != 3:
        return {"model": Unet()}, "a plain U-Net"
    if available():
        words = "a U-Net on an ImageNet encoder, its decoder has learnt painted objects"
        return {"model": PretrainedUnet(decoder="objects"), "learning_rate": 5e-4}, words
    return {"model": Unet()}, f"a plain U-Net ({install('pretrained')} for an ImageNet encoder)"


def _share(evidence: Evidence, changes: Changes) -> float:
    """Give the share of the epochs: less for what has learnt painted images."""
    model = changes["model"]
    if isinstance(model, PretrainedUnet):
        return MASKS_SHARE if evidence.all_full else PAINTED_SHARE
    return PAINTED_SHARE if model.start == "curves" else 1.0


def _auto(evidence: Evidence) -> Choice:
    changes, model = _model(evidence)
    terms = list(_supervised_terms(evidence))
    labelled = "cross-entropy and Dice" if "dense" in evidence.kinds else "cross-entropy"
    if evidence.all_full:
        how = labelled
    elif evidence.thin and evidence.few:
        changes["propagate"] = FeatureForest(classifier="boosting", smooth_px=0, confidence=0.0)
        # The network soon knows better than the trees: on DRIVE's validation images +.004 to +.006.
        changes["teacher"] = Bootstrap()
        # What few labels have taught sees faint vessels better enlarged: there +.003 to +.009.
        changes["scales"] = (1.0, 1.25)
        terms.append(Term(loss=SoftCrossEntropy()))
        spread = "what boosted trees on filters say, corrected by the averaged network"
        how = f"{labelled} of what is labelled, cross-entropy of {spread}; predicted at two sizes"
    elif evidence.thin:
        how = f"{labelled} of what is labelled, and nothing that smooths"
    elif _CLICKED & evidence.kinds.keys():
        terms.append(Term(loss=SoftCrossEntropy()))
        spread = "what superpixels and a forest on filters, cut along outlines, agree on"
        if evidence.boxed:
            # PH2's validation images, two seeds: +.001 with as many boxes as clicks, +.011 at ten to one.
            changes["propagate"] = Boxed(boxes=Grabcut(), others=CLICKS_SPREAD)
            spread += ", in boxes without clicks of what GrabCut says"
        else:
            changes["propagate"] = CLICKS_SPREAD
        how = f"{labelled} of what is labelled, cross-entropy of {spread}"
    elif _DRAWN & evidence.kinds.keys():
        changes["propagate"] = Grabcut()
        terms.append(Term(loss=SoftCrossEntropy()))
        how = f"{labelled} of what is labelled, cross-entropy of labels spread by GrabCut"
    else:
        how = "nothing is drawn that could be spread"
    knowledge = [term.loss.kind for term in terms if term.loss.kind in ("tag", "size", "centroid")]
    how += f"; {', '.join(knowledge)}" if knowledge else ""
    changes |= {"supervise": tuple(terms), "views": 4}
    if not evidence.thin:
        changes["augment"] = _STRONG
    why = f"{_counted(evidence)}; {_shape(evidence)}"
    return Choice(changes, f"{model}; {how}", why, _share(evidence, changes))


def _counted(evidence: Evidence) -> str:
    """Say what is annotated, on how many images."""
    there, images = evidence.images - evidence.silent, f"{evidence.images} images"
    if evidence.images < evidence.training:
        images += f" looked at, of {evidence.training}"
    words = {_WORDS.get(kind, kind): count for kind, count in sorted(evidence.kinds.items())}
    if len(set(words.values())) > 1:
        said = ", ".join(f"{word} on {count}" for word, count in words.items())
        return f"{said} of {images}"
    return f"{', '.join(words) or 'nothing'} on {f'{there} of ' if evidence.silent else ''}{images}"


def _shape(evidence: Evidence) -> str:
    """Say what the annotations show of the objects, and how little is labelled."""
    shape = "thin or scattered things" if evidence.thin else "broad things"
    of = f"{evidence.shape.of}: " if evidence.shape.of else ""
    if evidence.shape.depth_px is not None:
        shape += f" ({of}{evidence.shape.depth_px:.1f} px deep)"
    elif seen := _seen(evidence.shape):
        shape += f" ({of}{', '.join(seen)})"
    elif "points" in evidence.kinds:
        shape += ", supposedly: so few clicks on an image don't show it; of thin things take --recipe plain"
    else:
        shape += ", supposedly: nothing shows it"
    if evidence.few:
        shape += f"; {100 * evidence.labelled:.2g}% of the pixels labelled"
    return shape


def _seen(shape: Shape) -> list[str]:
    """Say what clicks and strokes show of the objects."""
    seen = []
    if shape.mixing is not None:
        seen.append(f"clicks mixed {shape.mixing:.2f} of chance")
    if shape.seen_px is not None:
        seen.append(f"{shape.seen_px:.1f} px from a stroke the image looks otherwise")
    if shape.width_px is not None:
        seen.append(f"{shape.width_px:.1f} px wide there")
    if seen and shape.joined is not None:
        seen.append(f"{shape.joined:.0%} of the way between them is theirs")
    return seen


def _with(extra: Callable[[], tuple[Changes, tuple[Term, ...]]], what: str) -> Callable[[Evidence], Choice]:
    def choose(evidence: Evidence) -> Choice:
        model, words = _model(evidence)
        changes, terms = extra()
        own = _supervised_terms(evidence)
        there = {term.loss.kind for term in own}
        supervise = (*own, *(term for term in terms if term.loss.kind not in there))
        changes = {**model, **changes, "supervise": supervise}
        return Choice(changes, f"{words}; {what}", "your choice of recipe", _share(evidence, changes))

    return choose


def _plain_recipe(evidence: Evidence) -> Choice:
    terms = _supervised_terms(evidence)
    names = " + ".join(term.loss.kind for term in terms)
    return Choice({"supervise": terms, "model": Unet()}, f"a plain U-Net; {names}", "your choice of recipe")


def _gated_crf() -> tuple[Changes, tuple[Term, ...]]:
    return {}, (Term(loss=GatedCrf(), weight=0.1, ramp=0.2),)


def _propagated() -> tuple[Changes, tuple[Term, ...]]:
    return {"propagate": Grabcut()}, (Term(loss=SoftCrossEntropy()),)


def _bootstrap() -> tuple[Changes, tuple[Term, ...]]:
    return {"propagate": Grabcut(), "teacher": Bootstrap()}, (Term(loss=SoftCrossEntropy()),)


def _mean_teacher() -> tuple[Changes, tuple[Term, ...]]:
    return {"teacher": MeanTeacher()}, (Term(loss=Consistency(), ramp=0.2),)


def _two_decoders() -> tuple[Changes, tuple[Term, ...]]:
    return {"teacher": TwoDecoders()}, (Term(loss=SoftCrossEntropy(), weight=0.5, ramp=0.2),)


def _relabel() -> tuple[Changes, tuple[Term, ...]]:
    return {"propagate": Grabcut(), "relabel": Relabel()}, (Term(loss=SoftCrossEntropy()),)


def _knowledge() -> tuple[Changes, tuple[Term, ...]]:
    return {}, (Term(loss=BoxTightness()), Term(loss=Size()), Term(loss=Tag(), weight=0.1))


_CLICKED = {"points", "scribble", "strokes"}
_DRAWN = {*_CLICKED, "box", "extreme-points", "dense"}
# Superpixels know this image alone; a forest knows the clicks of all images, and a cut finds its outlines in
# this one. They err in different places: where they disagree nothing is said (benchmarks/propagators.py).
CLICKS_SPREAD = Average(of=(Superpixels(), Refined(of=FeatureForest())), confidence=0.7)
_WORDS = {
    "points": "clicks",
    "scribble": "scribbles",
    "dense": "label maps",
    "strokes": "strokes in label maps",
    "box": "boxes",
    "extreme-points": "extreme points",
    "tag": "tags",
    "size": "sizes",
    "centroid": "centroids",
}

# On PH2's validation images better than the plain default, with labels that are partly wrong most of all.
_STRONG = Augment(rotate_degrees=180, scale=0.3, brightness=0.2, contrast=0.3, saturation=0.3)
PAINTED_SHARE = 0.32
"""Of the epochs that a network needs from the start, so many do for one that has learnt painted images."""
MASKS_SHARE = 0.64
"""Likewise where every pixel is labelled: there is more to learn, and no error to learn by heart."""

RECIPES: Names[Recipe] = Names(
    "recipe",
    {
        "auto": Recipe("looks at the annotations and chooses", _auto),
        "plain": Recipe("partial cross-entropy, and Dice on full masks; a plain U-Net", _plain_recipe),
        "gated-crf": Recipe("+ neighbours of like colour get like classes", _with(_gated_crf, "gated CRF")),
        "propagated": Recipe("+ labels spread by GrabCut", _with(_propagated, "labels spread by GrabCut")),
        "bootstrap": Recipe(
            "+ spread labels, which the averaged network corrects",
            _with(_bootstrap, "labels spread by GrabCut, corrected by the averaged network"),
        ),
        "mean-teacher": Recipe("+ the averaged network teaches", _with(_mean_teacher, "mean teacher")),
        "two-decoders": Recipe("+ two decoders teach each other", _with(_two_decoders, "two decoders")),
        "relabel": Recipe("spread labels, then a round of its own", _with(_relabel, "rounds of relabelling")),
        "knowledge": Recipe("+ tight boxes, sizes and tags", _with(_knowledge, "boxes, sizes and tags")),
    },
)
