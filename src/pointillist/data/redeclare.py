"""pointillist.yaml as a person wrote it, with some of its fields set anew: all else stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

import yaml


def redeclared(text: str, fields: Mapping[str, object]) -> str:
    r"""Set fields of a declaration, each in its place, new ones at the end.

    Args:
        text: YAML that holds a mapping, or nothing.
        fields: plain data by the field's name; None: the field goes.

    >>> print(redeclared("# ours\nclasses: [a, b]  # two\nchannels: 3\n", {"classes": ["a", "c"]}), end="")
    # ours
    classes: [a, c]
    channels: 3
    """
    lines, left = text.splitlines(keepends=True), dict(fields)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    node = yaml.compose(text, yaml.SafeLoader)
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        whole = {**yaml.safe_load(text), **fields}
        return "".join(line for name, value in whole.items() for line in _written(name, value))
    # From the end, so that the lines before keep their numbers.
    for key, value in reversed(node.value if isinstance(node, yaml.MappingNode) else []):
        if key.value in left:
            begin = key.start_mark.line
            lines[begin : _after(lines, begin, value)] = _written(key.value, left.pop(key.value))
    for name, value in left.items():
        lines += _written(name, value)
    return "".join(lines)


def _after(lines: list[str], begin: int, value: yaml.Node) -> int:
    """Give the first line after a value; YAML counts to it the remarks and empty lines that follow."""
    end: int = value.end_mark.line + (value.end_mark.column > 0)
    while end > begin + 1 and lines[end - 1].strip()[:1] in ("", "#"):
        end -= 1
    return end


def _written(name: str, value: object) -> list[str]:
    if value is None:
        return []
    # The innermost lists on one line, as far as they fit; names as they are.
    flow = None if isinstance(value, list | dict) else False
    text: str = yaml.safe_dump({name: value}, allow_unicode=True, sort_keys=False, default_flow_style=flow)
    return text.splitlines(keepends=True)
