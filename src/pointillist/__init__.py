"""Pointillist: train image segmentation models from weak annotations, and know how many are enough."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointillist.public import *  # noqa: F403


class _Package(ModuleType):
    """This package: `train` is its function, whatever is imported of the subpackage of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "train" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Look a public name up; what it needs takes a second or two to load, and only who asks waits for it."""
    public = import_module("pointillist.public")
    if name == "__all__" or name in public.__all__:
        return getattr(public, name)
    raise AttributeError(f"module 'pointillist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *import_module("pointillist.public").__all__])
