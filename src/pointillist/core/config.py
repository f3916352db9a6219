"""Configuration is the object: frozen pydantic models, tables of them, their ids, mistakes in words."""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from pointillist.core.errors import InputError, InputErrors, nearest

AnyConfig = TypeVar("AnyConfig", bound="Config")


class Config(BaseModel):
    """Base of every component: frozen, equal by value, no unknown fields, JSON both ways."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ignored_types=(cached_property,), allow_inf_nan=False
    )

    def model_copy(
        self: AnyConfig, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> AnyConfig:
        """Copy with changed fields; what was worked out of the old ones stays behind.

        pydantic's own copy brings cached properties along: a longer data set with the old list of its images.
        """
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def to_json(self) -> str:
        """Canonical JSON: equal objects give equal text, whatever order they were written in."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


T = TypeVar("T")


class Names(Mapping[str, T], Generic[T]):
    """Things by name; looking up an unknown name lists the known ones and the nearest.

    Args:
        noun: what the members are ("loss"), for messages.
        members: by name.
    """

    def __init__(self, noun: str, members: Mapping[str, T]) -> None:
        self.noun = noun
        self._members = dict(members)

    def __getitem__(self, name: str) -> T:
        if name not in self._members:
            must = f"{self.noun} must be a known kind"
            raise InputError(must, repr(name), nearest(name, self._members))
        return self._members[name]

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class Table(Names[type[T]], Generic[T]):
    """The components of one kind by name; being listed here is being tested and offered.

    Args:
        noun: what the members are ("loss"), for messages.
        union: the discriminated union ``Annotated[A | B, Field(discriminator="kind")]``.
        base: the abstract class that all members share.

    Raises:
        InputError: on looking up an unknown name; the message lists the known ones and the nearest.
    """

    def __init__(self, noun: str, union: Any, base: type[T]) -> None:
        inner = get_args(union)[0] if hasattr(union, "__metadata__") else union
        members: tuple[Any, ...] = get_args(inner) or (inner,)
        if strangers := [m.__name__ for m in members if not issubclass(m, base)]:
            raise TypeError(f"every {noun} must derive from {base.__name__}; {strangers} do not")
        super().__init__(noun, {m.model_fields["kind"].default: m for m in members})


def _configs(annotation: Any) -> Iterator[type[Config]]:
    """Find the configs that a field may hold, within unions, tuples and annotations."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        yield annotation
    for inner in get_args(annotation):
        yield from _configs(inner)


def followed(cls: type[Config], path: Sequence[int | str]) -> tuple[str, list[type[Config]]]:
    """Follow pydantic's path, which names unions' kinds too: as it is written, and what may stand there."""
    found, written = [cls], []
    for part in path:
        inside = [
            c for f in found if part in f.model_fields for c in _configs(f.model_fields[str(part)].annotation)
        ]
        kinds = [c for c in found if part in (c.__name__, _kind_named(c))]
        written += [str(part)] if inside or not kinds else []
        found = inside or kinds or found
    return ".".join(written), found


def _kind_named(config: type[Config]) -> str | None:
    field = config.model_fields.get("kind")
    return None if field is None else str(field.default)


def refused(must: str, found: str, fix: str) -> PydanticCustomError:
    """Say in a validator what must hold, what came and what to do; the field's path is put before it."""
    told = {"must": must, "found": found, "fix": fix}
    return PydanticCustomError("refused", "{must}; got {found}. {fix}", told)


def _problem(cls: type[Config], error: ErrorDetails, file: Path | None) -> InputError:
    path, there = followed(cls, error["loc"])
    told, kind, found = error.get("ctx", {}), error["type"], _in_words(error["input"])
    if kind == "refused":
        must = f"{path}: {told['must']}" if path else told["must"]
        return InputError(must, told["found"], told["fix"], file)
    if kind == "extra_forbidden":
        _, there = followed(cls, error["loc"][:-1])
        fix = nearest(str(error["loc"][-1]), {name for config in there for name in config.model_fields})
        return InputError(f"{path} must be a known field", found, fix, file)
    if kind == "missing":
        return InputError(f"{path} must be given", "nothing", "Add it.", file)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = f"{path}.kind".lstrip(".")
        known = {named for c in there if (named := _kind_named(c)) is not None}
        if "tag" in told:
            return InputError(
                f"{name} must be a known one", repr(told["tag"]), nearest(told["tag"], known), file
            )
        return InputError(f"{name} must be given", found, f"Add it. {nearest('', known)}", file)
    if kind in ("model_type", "model_attributes_type"):
        must = f"{path or cls.__name__} must be a mapping of fields"
        fields = {name for config in there for name in config.model_fields}
        fix = f"Write them like name: value. {nearest('', fields)}"
        if isinstance(error["input"], str) and "kind" in fields:
            fix = f"Write them like {{kind: {error['input']}}}."
        return InputError(must, "nothing" if error["input"] is None else found, fix, file)
    fix = _FIXES.get(kind, "Correct it.").format(found)
    return InputError(_must(path, error["msg"]), found, fix, file)


_FIXES = {
    "tuple_type": "Write a list: [{}].",
    "list_type": "Write a list: [{}].",
    "string_type": "Put text into quotes.",
}
_OF_PYDANTIC = re.compile("(Input|Tuple|List|Dictionary|String) should ")
_OF_YAML = {
    "be a valid tuple": "be a list",
    "be a valid dictionary": "be a mapping",
    "be a valid string": "be text",
    "Input is not a valid path for <class 'pathlib.Path'>": "Input should be a path",
}


def _must(path: str, message: str) -> str:
    """Say pydantic's message as what must hold, in words of YAML."""
    for theirs, ours in _OF_YAML.items():
        message = message.replace(theirs, ours)
    if not (begin := _OF_PYDANTIC.match(message)):
        message = message.removeprefix("Value error, ")
        message = f"{message[0].lower()}{message[1:]}"
        return f"{path}: {message}" if path else message
    return f"{path} must {re.sub(' after validation|, unable to parse .*', '', message[begin.end() :])}"


def _in_words(value: object, deep: int = 3) -> str:
    """Write a value shortly, much as YAML has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        said = [f"{key}: {_in_words(part, deep - 1)}" for key, part in value.items()] if deep else ["..."]
        return f"{{{_cut(', '.join(said))}}}"
    if isinstance(value, list | tuple):
        said = [_in_words(part, deep - 1) for part in value] if deep else ["..."]
        return f"[{_cut(', '.join(said))}]"
    return reprlib.repr(value)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]} ..."


def validated(
    cls: type[AnyConfig], data: object, file: Path | None = None, *, text: bool = False
) -> AnyConfig:
    """Build a config from plain data; every wrong field is named, none with a traceback.

    Args:
        cls: what to build.
        data: a mapping, or JSON text when ``text``.
        file: where the data came from, for the message.
        text: ``data`` is JSON text.

    Raises:
        InputErrors: one for every wrong field.
    """
    try:
        if text:
            assert isinstance(data, str | bytes)
            return cls.model_validate_json(data)
        return cls.model_validate(data)
    except ValidationError as error:
        raise problems_of(cls, error, file) from None


def problems_of(cls: type[Config], error: ValidationError, file: Path | None) -> InputErrors:
    """Say pydantic's error as ours: one for every wrong field."""
    errors = error.errors(include_url=False)
    # A list whose items are all wrong is counted as empty: that is no mistake of its own.
    inside = {e["loc"][:length] for e in errors for length in range(len(e["loc"]))}
    own = [e for e in errors if e["type"] != "too_short" or e["loc"] not in inside]
    return InputErrors([_problem(cls, e, file) for e in own])


def parse_yaml(text: str, file: Path | None = None) -> object:
    """Read plain data from YAML (or JSON) text, safely; a key that is written twice would lose a value.

    Args:
        text: of one document.
        file: where it came from, for the message.

    Raises:
        InputError: a mapping has a key twice.
        yaml.YAMLError: it is no YAML.

    >>> parse_yaml("{a: 1, b: [2]}")
    {'a': 1, 'b': [2]}
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_keys(node, file, set())
        data: object = loader.construct_document(node)
        return data
    finally:
        loader.dispose()


def _check_keys(node: yaml.Node, file: Path | None, seen: set[int]) -> None:
    if id(node) in seen:  # An alias: it may stand in many places, or in itself.
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, file, seen)
    if isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    must = f"every key must stand once in its mapping, {key.value!r} too"
                    fix = "Rename one of them, or drop it."
                    raise InputError(must, f"it in line {lines[name]} and in line {line}", fix, file)
                lines[name] = line
            _check_keys(value, file, seen)


def read_yaml(path: Path) -> object:
    """Read plain data from a YAML (or JSON) file of at most 4 MiB, safely.

    Raises:
        InputError: the file is missing, too large, or not YAML, or a key stands in it twice.
    """
    if path.is_dir():
        fix = "Name a file. A folder of images: --data folder --root, or 'pointillist study new FOLDER'."
        raise InputError("a configuration must be a file", "a folder", fix, path)
    if not path.is_file():
        raise InputError("the file must exist", "nothing there", "Check the path.", path)
    if (size := path.stat().st_size) > 4 << 20:
        raise InputError("a configuration must be at most 4 MiB", f"{size} bytes", "Cut it.", path)
    try:
        text = path.read_text(encoding="utf-8")
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader))
        if aliases > 20:  # A few lines of aliases to aliases unfold to billions of items.
            fix = "Write the values out."
            raise InputError("a configuration must hold at most 20 aliases", f"{aliases}", fix, path)
        return parse_yaml(text, path)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("the file must be YAML of plain data", _of_parser(error), "Mend it.", path) from None


def _of_parser(error: Exception) -> str:
    """Say what a parser found, and where."""
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are no text in UTF-8"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where = f"in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        about = f"{error.context}, " if error.context else ""
        return f"{about}{error.problem} {where}"
    return " ".join(str(error).split())[:200]
