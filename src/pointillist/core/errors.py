"""One error for every mistake that a user can make, and the nearest known word to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """A user's mistake: what must hold, what came, what to do.

    The command line prints it without a traceback and exits with code 2; a server answers 4xx with it.

    Args:
        expected: what must hold ("labels must be int64 (N, H, W)").
        found: what came instead ("uint8 (2, 1, 64, 64)").
        fix: what to do about it, a full sentence.
        file: the file at fault, when one is.

    >>> print(InputError("--clicks must be >= 1", "0", "Ask for at least one click per class."))
    --clicks must be >= 1; got 0. Ask for at least one click per class.
    """

    def __init__(self, expected: str, found: str, fix: str, file: Path | None = None) -> None:
        self.expected, self.found, self.fix, self.file = expected, found, fix, file
        where = f"{file}: " if file is not None else ""
        super().__init__(f"{where}{expected}; got {found}. {fix}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Come through whole from another process: by itself an exception is made anew from its message."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(cls: type[InputError], args: tuple[Any, ...], fields: dict[str, Any]) -> InputError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(fields)
    return error


class InputErrors(InputError):  # noqa: N818 - plural of the above
    """Several mistakes at once, so that all bad files are named and not only the first.

    Args:
        errors: the single mistakes, at least one.
        shown: how many are spelled out in the message; the rest are counted.
    """

    def __init__(self, errors: Sequence[InputError], shown: int = 20) -> None:
        first = errors[0]
        super().__init__(first.expected, first.found, first.fix, first.file)
        self.errors = tuple(errors)
        lines = [str(error) for error in errors[:shown]]
        if len(errors) > shown:
            lines.append(f"... and {len(errors) - shown} more")
        self.args = ("\n".join(lines),)


def located(error: InputError, where: str = "", file: Path | None = None) -> InputError:
    """Say of a mistake where it stands, where it does not say so itself.

    Args:
        error: of one mistake or several.
        where: the place in that file.
        file: the file at fault.

    >>> print(located(InputError("epohcs must be known", "nothing", "Drop it."), "1+1", Path("study.yaml")))
    study.yaml: 1+1: epohcs must be known; got nothing. Drop it.
    """
    if isinstance(error, InputErrors):
        return InputErrors([located(one, where, file) for one in error.errors])
    if error.file is not None:
        return error
    expected = f"{where}: {error.expected}" if where else error.expected
    return InputError(expected, error.found, error.fix, file)


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known word is meant, and list them all.

    >>> nearest("unett", ["unet", "encoder-decoder"])
    "Did you mean 'unet'? Known: encoder-decoder, unet."
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}."
