"""Which images train, choose and measure: splits frozen by a hash of the name, groups kept whole."""

from __future__ import annotations

import hashlib
import unicodedata
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pointillist.core.errors import InputError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
SHARES = (0.6, 0.2, 0.2)
"""Shares of train, val and test where a data set has no official split."""
FEW = 20
"""Groups from which on chance alone gives train its share, near enough."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a data set's list: what is known before any pixel is read.

    Small, and made without a check: some folders hold 200,000 images.

    Args:
        name: of the image, its key.
        split: that it lies in.
        group: of images that must not be told apart by a split, such as those of one patient; not empty.
    """

    name: str
    split: Split
    group: str

    @property
    def is_annotated(self) -> bool:
        """Whether an annotation lies beside it."""
        return False

    @property
    def is_masked(self) -> bool:
        """Whether it has a mask, or may have one: only of a folder's files that is known beforehand."""
        return True


def _digest(name: str) -> str:
    # macOS spells accents in two code points where Linux has one: the same name must fall the same way.
    text = unicodedata.normalize("NFC", name)
    # A name of a disk that is no UTF-8 is refused by whoever lists files, and must not end it here.
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _least(split: Split, groups: int, share: float) -> int:
    """From one image alone hardly anything is learnt, and chance may hold out most of a few."""
    if split != "train":
        return 1
    fair = min(int(share * groups), groups - 2) if groups < FEW else 0
    return max(min(2, groups), fair)


def split_by_hash(
    groups: Sequence[str], shares: tuple[float, float, float] = SHARES, salt: str = ""
) -> list[Split]:
    """Give each item a split by the hash of its group's name, so that files added later move none.

    A group's place in [0, 1) is the MD5 of its name; train has the lowest ``shares[0]`` of it, then val,
    then test. An item's split depends on its own group alone: neither the order of the files nor new ones
    matter, at the price that the shares hold only on average. The one exception are sets of fewer than `FEW`
    groups in which train would have less than its share, rounded down, or any in which train would have fewer
    than two groups, or another split none: it then takes the group that lies nearest, train first, so that
    any set trains and four groups fill three splits.

    Args:
        groups: the group of every item (patient, slide, source tile; its name when alone).
        shares: of train, val and test, together 1.
        salt: another salt is another split (folds).

    Raises:
        InputError: the shares are negative or not together 1.

    >>> split_by_hash(["anna", "anna", "bela", "carl"])
    ['train', 'train', 'test', 'train']
    """
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(
            "shares of train, val and test must be 0 or more and together 1", f"{shares}", "Correct them."
        )
    places = {group: int(_digest(salt + group)[:13], 16) / 16**13 for group in groups}
    borders = (0.0, shares[0], shares[0] + shares[1], 1.0)
    given = {group: SPLITS[bisect(borders[1:3], place)] for group, place in places.items()}
    least = {split: _least(split, len(places), share) for split, share in zip(SPLITS, shares, strict=True)}
    for i, split in enumerate(SPLITS):
        low, high = borders[i], borders[i + 1]
        while shares[i] and (taken := list(given.values())).count(split) < least[split]:
            others = [g for g in places if given[g] != split]
            spare = [g for g in others if split == "train" or taken.count(given[g]) > least[given[g]]]
            if not spare:
                break
            given[min(spare, key=lambda g: (max(low - places[g], places[g] - high), g))] = split
    return [given[group] for group in groups]


def split_counts(names: Sequence[str], counts: tuple[int, int, int]) -> list[Split]:
    """Give exact numbers of items to each split, by the order of the MD5 of their names.

    For published sets, whose files never change: the numbers hold exactly, the order of the files is
    immaterial, but a name that is added or lost may move a neighbour at a border.

    Args:
        names: all different.
        counts: how many train, validate and test, together as many as there are names.

    Raises:
        InputError: names repeat, or the counts are not together their number.

    >>> split_counts(["IMD002", "IMD003", "IMD004"], (1, 1, 1))
    ['val', 'test', 'train']
    """
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError("names must differ", f"{twice[:5]} more than once", "Rename them.")
    if min(counts) < 0 or sum(counts) != len(names):
        fix = "Correct the counts."
        raise InputError(f"counts must be 0 or more and together {len(names)}", f"{counts}", fix)
    order = sorted(names, key=lambda name: (_digest(name), name))
    splits = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
    given = dict(zip(order, splits, strict=True))
    return [given[name] for name in names]


def default_counts(number: int) -> tuple[int, int, int]:
    """Turn the usual shares into whole numbers of items; from three items on, at least one each.

    >>> default_counts(200), default_counts(12), default_counts(3)
    ((120, 40, 40), (8, 2, 2), (1, 1, 1))
    """
    val, test = round(number * SHARES[1]), round(number * SHARES[2])
    return number - val - test, val, test
