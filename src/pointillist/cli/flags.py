"""Flags that several commands share: typed one by one, taken as dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints

import typer

from pointillist.core.errors import InputError


def flags(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take whole dataclasses of flags: each field becomes an option of its own.

    Typer reads a command's options from its signature; without this, every command that takes these flags
    would spell all of them out, twice.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    options = []
    for one in signature(command).parameters.values():
        if one.name in groups:
            types = get_type_hints(groups[one.name], include_extras=True)
            options += [
                Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=types[f.name])
                for f in fields(groups[one.name])
            ]
        else:
            options.append(one.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[one.name]))

    @wraps(command)
    def spelt_out(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{f.name: values.pop(f.name) for f in fields(group)})
        command(**values)

    spelt_out.__signature__ = signature(command).replace(parameters=options)  # type: ignore[attr-defined]
    return spelt_out


def given(context: typer.Context) -> dict[str, str]:
    """List what was typed, as against left at its default: parameters, and how each is typed."""
    typed = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name and source is not None and source.name == "COMMANDLINE":
            typed[parameter.name] = parameter.opts[0] if parameter.opts[0] != "arguments" else "PATH=VALUE"
    return typed


def refuse(typed: Iterable[str], beside: str, fix: str) -> None:
    """Refuse flags that would describe the same thing twice.

    Raises:
        InputError: there are some.
    """
    if listed := ", ".join(sorted(typed)):
        raise InputError(f"nothing else may describe the run beside {beside}", listed, fix)
