import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointillist.core.errors import InputError
from pointillist.data.split import FEW, SHARES, SPLITS, default_counts, split_by_hash, split_counts

NAMES = [f"patient {n}" for n in range(1000)]
groups = st.lists(st.text(min_size=1, max_size=5), max_size=40)


@given(groups)
def test_a_group_never_straddles(items: list[str]) -> None:
    splits = split_by_hash(items)
    assert len(splits) == len(items)
    assert len(set(zip(items, splits, strict=True))) == len(set(items))


@given(groups, st.randoms(use_true_random=False))
def test_order_and_repetition_are_immaterial(items: list[str], rng: random.Random) -> None:
    given_before = dict(zip(items, split_by_hash(items), strict=True))
    shuffled = items * 2
    rng.shuffle(shuffled)
    assert dict(zip(shuffled, split_by_hash(shuffled), strict=True)) == given_before


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=12, unique=True))
def test_four_groups_fill_three_splits_and_two_are_learnt_from(items: list[str]) -> None:
    # Unicode twins count as one name.
    items = list({unicodedata.normalize("NFC", item): item for item in items}.values())
    splits = split_by_hash(items)
    assert splits.count("train") >= min(2, len(items))
    if len(items) >= 3:
        assert set(splits) > {"train"}, "something is held out"
    if len(items) >= 4:
        assert set(splits) == set(SPLITS)


@given(st.integers(4, FEW - 1), st.integers(0, 1000))
def test_chance_holds_out_no_more_than_its_share_of_a_few(number: int, first: int) -> None:
    names = [f"image {first + n}" for n in range(number)]
    assert split_by_hash(names).count("train") >= int(0.6 * number)
    assert set(split_by_hash(names, (0.9, 0.05, 0.05))) == set(SPLITS)


def test_new_files_move_no_old_one() -> None:
    few = split_by_hash(NAMES[:100])
    assert split_by_hash(NAMES)[:100] == few


def test_shares_hold_on_average() -> None:
    splits = split_by_hash(NAMES, (0.5, 0.2, 0.3))
    for split, share in zip(SPLITS, (0.5, 0.2, 0.3), strict=True):
        assert splits.count(split) / len(NAMES) == pytest.approx(share, abs=0.04)


def test_a_share_of_nothing_gets_nothing() -> None:
    assert set(split_by_hash(NAMES, (0.7, 0.3, 0.0))) == {"train", "val"}
    assert set(split_by_hash(NAMES[:2], (1.0, 0.0, 0.0))) == {"train"}
    assert split_by_hash(["alone"]) == ["train"]


def test_the_split_is_frozen() -> None:
    # Changing these changes what every user trained and tested on.
    first = [split[:2] for split in split_by_hash(NAMES[:20])]
    assert first[:10] == ["tr", "tr", "te", "tr", "tr", "va", "va", "va", "va", "te"]
    assert split_by_hash(NAMES[:50], salt="another") != split_by_hash(NAMES[:50])


def test_an_accent_in_one_or_two_code_points_is_one_name() -> None:
    names = [f"caf\u00e9 {n}" for n in range(50)]
    twins = [unicodedata.normalize("NFD", name) for name in names]
    assert twins != names
    assert split_by_hash(twins) == split_by_hash(names)


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.2, -0.2, 0.0)])
def test_shares_must_be_shares(shares: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="together 1"):
        split_by_hash(NAMES, shares)


@given(st.permutations(NAMES[:20]))
def test_counts_hold_exactly_in_any_order(names: list[str]) -> None:
    splits = split_counts(names, (11, 4, 5))
    assert [splits.count(split) for split in SPLITS] == [11, 4, 5]
    assert dict(zip(names, splits, strict=True)) == dict(
        zip(NAMES[:20], split_counts(NAMES[:20], (11, 4, 5)), strict=True)
    )


def test_counts_must_add_up_and_names_differ() -> None:
    with pytest.raises(InputError, match="together 3"):
        split_counts(["a", "b", "c"], (1, 1, 2))
    with pytest.raises(InputError, match="'a'"):
        split_counts(["a", "a", "c"], (1, 1, 1))


@pytest.mark.parametrize("number", [*range(31), 199, 200, 12345])
def test_default_counts_add_up_and_leave_no_split_empty(number: int) -> None:
    counts = default_counts(number)
    assert sum(counts) == number
    assert min(counts) >= (1 if number >= 3 else 0)
    for count, share in zip(counts, SHARES, strict=True):
        assert abs(count - number * share) <= 1
