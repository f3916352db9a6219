"""The public names, loaded when `pointillist` is first asked for one."""

from pointillist.annotate import ANNOTATORS, Density, Full, Mistakes, PointsAnnotator
from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.shapes import IGNORE
from pointillist.core.target import Target
from pointillist.datasets import DATASETS, Drive, Folder, Massachusetts, Ph2, Synthetic
from pointillist.losses import LOSSES, CrossEntropy, Dice, Focal
from pointillist.metrics import METRICS
from pointillist.models import MODELS, Unet
from pointillist.study.study import Study
from pointillist.train.evaluate import evaluate, load_trained
from pointillist.train.loop import train
from pointillist.train.run import Run
from pointillist.train.term import Term

__all__ = [
    "ANNOTATORS",
    "DATASETS",
    "IGNORE",
    "LOSSES",
    "METRICS",
    "MODELS",
    "Annotation",
    "CrossEntropy",
    "Density",
    "Dice",
    "Drive",
    "Focal",
    "Folder",
    "Full",
    "InputError",
    "Massachusetts",
    "Mistakes",
    "Ph2",
    "PointsAnnotator",
    "Run",
    "Study",
    "Synthetic",
    "Target",
    "Term",
    "Unet",
    "evaluate",
    "load_trained",
    "read_annotation",
    "train",
    "write_annotation",
]
