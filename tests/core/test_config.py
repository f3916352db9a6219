"""Configs: frozen, named in errors, changed by dotted paths, listed in tables."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from pointillist.core.change import with_changes
from pointillist.core.config import Config, Table, parse_yaml, read_yaml, validated
from pointillist.core.errors import InputError, InputErrors


class Apple(Config):
    kind: Literal["apple"] = "apple"
    weight: Annotated[float, Field(ge=0)] = 1.0


class Pear(Config):
    kind: Literal["pear"] = "pear"


class Plum(Config):
    kind: Literal["plum"] = "plum"
    stone: bool


AnyFruit = Annotated[Apple | Pear | Plum, Field(discriminator="kind")]
FRUITS: Table[Config] = Table("fruit", AnyFruit, Config)


class Basket(Config):
    fruits: Annotated[tuple[AnyFruit, ...], Field(min_length=1)] = (Apple(),)
    size: int = 3


def test_equal_objects_have_equal_ids_and_others_do_not() -> None:
    assert Basket().id == Basket(size=3).id
    assert Basket().id != Basket(size=4).id
    assert len(Basket().id) == 12


class Crate(Config):
    apples: int = 1

    @cached_property
    def weights(self) -> list[int]:
        """What is worked out once."""
        return [150] * self.apples


def test_a_changed_copy_works_out_anew_what_follows_from_its_fields() -> None:
    crate = Crate()
    assert crate.weights == [150]
    assert crate.model_copy(update={"apples": 3}).weights == [150, 150, 150]
    assert crate.model_copy() == crate
    assert crate.weights == [150]


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"fruit must be a known kind; got 'aple'.*'apple'.*Known: apple, pear, plum"
    ):
        FRUITS["aple"]


def test_a_name_can_be_looked_for() -> None:
    assert "apple" in FRUITS
    assert "nope" not in FRUITS
    assert list(FRUITS) == ["apple", "pear", "plum"]


def test_an_unknown_field_deep_inside_names_the_fields_there() -> None:
    with pytest.raises(
        InputError, match=r"fruits.0.waight must be a known field; got 2. Did you mean 'weight'. Known: kind"
    ):
        validated(Basket, {"fruits": [{"kind": "apple", "waight": 2}]})


def test_changes_reach_into_the_object() -> None:
    basket = with_changes(Basket(), ["fruits.0.weight=2e-1", "size=7"])
    assert basket == Basket(fruits=(Apple(weight=0.2),), size=7)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sice=4", "Did you mean 'size'"),
        ("fruits.3.weight=1", "must name a place; got '3'. Known: 0"),
        ("size", "path=value"),
        ("size.a=1", "below a plain value"),
        ("size=[1", "must get a YAML value"),
        ("fruits.0.weight=-1", "greater than or equal to 0"),
        ("size=large", "size"),
        ("fruits.0=pear", "fruits.0 must be a mapping of fields; got 'pear'. Write them like {kind: pear}."),
    ],
)
def test_a_wrong_change_says_what_is_wrong(change: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        with_changes(Basket(), [change])
    assert words in str(error.value)


def test_another_kind_is_told_to_take_the_fields_of_the_one_before_along() -> None:
    with pytest.raises(InputError) as error:
        with_changes(Basket(), ["fruits.0.kind=pear"])
    assert str(error.value) == (
        "fruits.0.kind must change together with the other fields of the kind before; got pear, which has no "
        "weight. Write the part whole: 'fruits.0={kind: pear}'."
    )
    with pytest.raises(InputError, match="the other fields of the kind before"):
        with_changes(Basket(), ["fruits.0.kind=pear", "fruits.0.weight=3"])
    with pytest.raises(InputError, match=r"which has no weight.*'fruits.0={kind: plum, stone: ...}'"):
        with_changes(Basket(), ["fruits.0.kind=plum"])
    assert with_changes(Basket(), ["fruits.0={kind: pear}"]) == Basket(fruits=(Pear(),))
    assert with_changes(Basket(), ["fruits.0.kind=apple"]) == Basket()


@pytest.mark.parametrize(("kind", "words"), [("aple", "got 'aple'. Did you mean 'apple'"), ("[a]", "kind")])
def test_another_kind_that_is_none_is_named(kind: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        with_changes(Basket(), [f"fruits.0.kind={kind}"])
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fruits": {"kind": "apple"}}, "fruits must be a list; got {kind: 'apple'}."),
        (
            {"fruits": [{"weight": 2}]},
            "fruits.0.kind must be given; got {weight: 2}. Add it. Known: apple, pear, plum.",
        ),
        (
            {"fruits": [{"kind": "apple", "weight": -1}]},
            "fruits.0.weight must be greater than or equal to 0; got",
        ),
        ({"fruits": [{"kind": "plum"}]}, "fruits.0.stone must be given; got nothing."),
        ({"fruits": []}, "fruits must have at least 1 item, not 0; got []."),
        ({"size": None}, "size must be a valid integer; got null."),
        ({"size": [[[[[1]]]], "x" * 50, True]}, "got [[[[...]]], 'xxxxxxxxxxxx...xxxxxxxxxxxxx', true]."),
        ({"size": list(range(999))}, ", 51, 52 ...]. Correct it."),
    ],
)
def test_a_mistake_is_told_as_it_was_written(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as error:
        validated(Basket, changes)
    assert words in str(error.value)


def test_a_list_of_wrong_items_is_not_called_empty_too() -> None:
    with pytest.raises(InputErrors) as error:
        with_changes(Basket(), ["fruits.0.weight=-1"])
    assert len(error.value.errors) == 1
    with pytest.raises(InputErrors, match="at least 1 item"):
        with_changes(Basket(), ["fruits=[]"])


def test_all_wrong_fields_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as error:
        validated(Basket, {"size": "many", "colour": "red"}, tmp_path / "basket.yaml")
    assert len(error.value.errors) == 2
    assert "basket.yaml" in str(error.value)
    assert "size" in str(error.value)
    assert "colour" in str(error.value)


BOMB = "a: &a [1]\n" + "".join(f"{c}: &{c} [{', '.join(['*' + p] * 9)}]\n" for p, c in ("ab", "bc", "cd"))
HOSTILE = ["!!python/object/apply:os.system ['true']", "a: [1", "\x00", "- " * 5000 + "a", BOMB]


@pytest.mark.parametrize("text", HOSTILE, ids=range(5))
def test_hostile_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"YAML|aliases"):
        read_yaml(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must exist"):
        read_yaml(tmp_path / "nothing.yaml")


def test_a_key_that_stands_twice_is_named_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("axes:\n  a:\n    1+1: {x: 1}\n    '2': {x: 2}\n    1+1: {x: 3}\n")
    with pytest.raises(InputError, match=r"study.yaml: .*'1\+1' too; got it in line 3 and in line 5\."):
        read_yaml(path)
    with pytest.raises(InputError, match="'x' too"):
        parse_yaml("{x: 1, y: [{x: 1, x: 2}]}")
    assert parse_yaml("{1: a, '1': b, z: &z {x: 1}, again: [*z, *z]}") == {
        **{1: "a", "1": "b", "z": {"x": 1}},
        "again": [{"x": 1}, {"x": 1}],
    }
    assert parse_yaml("&a {b: *a}") is not None
    assert parse_yaml("") is None


def test_what_is_not_there_and_what_is_no_mapping_is_said_shortly() -> None:
    class Wants(Config):
        basket: Basket
        name: str

    with pytest.raises(InputError, match=r"name must be given; got nothing\. Add it\."):
        validated(Wants, {"basket": {"size": 1}})
    with pytest.raises(InputError, match=r"^Basket must be a mapping of fields; got nothing"):
        validated(Basket, None)
    with pytest.raises(
        InputError, match=r"fruits.0.kind must be a known one; got 'aple'. Did you mean 'apple'"
    ):
        validated(Basket, {"fruits": [{"kind": "aple"}]})
    with pytest.raises(InputError, match=r"size must .*; got {a: 'longl.*long', b: 2}\. Correct it"):
        validated(Basket, {"size": {"a": "long" * 99, "b": 2}})


def test_what_a_parser_finds_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("seeds: 3\nname: [a\n")
    with pytest.raises(InputError, match=r"got '<stream end>' in line 3, column 1\. Mend it"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_bytes(b"name: \x8a\xff")
    with pytest.raises(InputError, match="bytes that are no text in UTF-8"):
        read_yaml(tmp_path / "b.yaml")
