"""One-off changes to a configuration: fields by their dotted paths, and the values that they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from pointillist.core.config import AnyConfig, Config, followed, parse_yaml, validated
from pointillist.core.errors import InputError, nearest


def _changed(cls: type[Config], data: dict[str, Any], path: str, value: Any) -> Any:
    """Give data with one value changed; to a field that holds paths itself, one more may be added."""
    field, _, rest = path.partition(".")
    if rest and field in cls.model_fields and cls.model_fields[field].annotation == dict[str, Any]:
        return {**data, field: {**data[field], rest: value}}
    data = _replace(data, path.split("."), value, path)
    _check_kind(cls, data, path)
    return data


def _replace(node: Any, path: Sequence[str], value: Any, whole: str) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(node, dict):
        if key not in node:
            raise InputError(
                f"{whole} must be a field's path", f"no field {key!r}", nearest(key, map(str, node))
            )
        return {**node, key: _replace(node[key], rest, value, whole)}
    if isinstance(node, list):
        if not key.isdigit() or int(key) >= len(node):
            known = [str(i) for i in range(len(node))]
            raise InputError(f"{whole} must name a place", f"{key!r}", nearest(key, known))
        return [_replace(item, rest, value, whole) if i == int(key) else item for i, item in enumerate(node)]
    raise InputError(f"{whole} must be a field's path", f"{key!r} below a plain value", "Shorten it.")


def _check_kind(cls: type[Config], data: Any, path: str) -> None:
    """Refuse another kind beside fields of the one before: in their own errors they would be blamed alone."""
    *place, name = path.split(".")
    if name != "kind" or not place:
        return
    for key in place:
        data = data[int(key)] if isinstance(data, list) else data[key]
    kind = str(data["kind"])
    fields = [field for config in followed(cls, [*place, kind])[1] for field in config.model_fields.items()]
    if strange := sorted(data.keys() - dict(fields)):
        needed = [f"{field}: ..." for field, about in fields if about.is_required()]
        raise InputError(
            f"{path} must change together with the other fields of the kind before",
            f"{kind}, which has no {', '.join(strange)}",
            f"Write the part whole: '{'.'.join(place)}={{{', '.join([f'kind: {kind}', *needed])}}}'.",
        )


def with_changes(
    config: AnyConfig,
    changes: Sequence[str],
    build: Callable[[type[AnyConfig], object], AnyConfig] = validated,
) -> AnyConfig:
    """Apply one-off changes, each a dotted path and a YAML value.

    >>> class Inner(Config):
    ...     weight: float = 1.0
    >>> class Outer(Config):
    ...     steps: int = 100
    ...     terms: tuple[Inner, ...] = (Inner(),)
    >>> with_changes(Outer(), ["steps=5", "terms.0.weight=0.2"])
    Outer(steps=5, terms=(Inner(weight=0.2),))

    Raises:
        InputError: a change is no ``path=value``, or its path is unknown (the nearest is named).
    """
    return with_values(config, split_changes(changes), build)


def split_changes(changes: Sequence[str]) -> dict[str, Any]:
    """Read changes, each a dotted path and a YAML value; a later one of the same path wins.

    >>> split_changes(["steps=5", "model.widths=[8, 16]"])
    {'steps': 5, 'model.widths': [8, 16]}

    Raises:
        InputError: a change is no ``path=value``.
    """
    values: dict[str, Any] = {}
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path:
            fix = "Write it like steps=500 or supervise.0.weight=0.2."
            raise InputError("a change must be path=value", repr(change), fix)
        try:
            values[path] = parse_yaml(value)
        except yaml.YAMLError:
            fix = "Quote the value."
            raise InputError(f"{path} must get a YAML value", repr(value), fix) from None
    return values


def with_values(
    config: AnyConfig,
    values: Mapping[str, Any],
    build: Callable[[type[AnyConfig], object], AnyConfig] = validated,
) -> AnyConfig:
    """Give fields, named by their dotted paths, other values; whole fields first, then parts of them.

    >>> class Inner(Config):
    ...     weight: float = 1.0
    ...     steps: int = 1
    >>> class Outer(Config):
    ...     inner: Inner | None = None
    >>> with_values(Outer(), {"inner.steps": 5, "inner": {"weight": 0.2}})
    Outer(inner=Inner(weight=0.2, steps=5))

    Raises:
        InputError: a path is unknown (the nearest is named), or a value is wrong.
    """
    for deep in (False, True):
        some = {path: value for path, value in values.items() if ("." in path) == deep}
        if some or not deep:
            data: Any = config.model_dump(mode="json")
            for path, value in some.items():
                data = _changed(type(config), data, path, value)
            config = build(type(config), data)
    return config
