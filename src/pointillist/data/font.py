"""Letters of every script in pictures: in a font that has them, or else by what they are called."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_at(size: float, path: Path | None) -> Font:
    """Give a font in a size; None: Pillow's own, which has hardly more than ASCII."""
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(path, size)


def legible(text: str) -> tuple[str, Path | None]:
    """Give what can be shown of a text, and the font that shows it.

    Letters that no font on this machine has become their names, or their numbers.

    >>> legible("IMD002")
    ('IMD002', None)
    """
    strange = frozenset(letter for letter in text if not letter.isascii() and letter != "…")
    if not strange:
        return text, None
    path, missing = _font_of(strange)
    return "".join(_name(letter) if letter in missing else letter for letter in text), path


@cache
def _font_of(letters: frozenset[str]) -> tuple[Path | None, frozenset[str]]:
    """Find the font that has the most of some letters, and give those that it lacks."""
    # Whoever writes ASCII should not wait for a list of all fonts.
    from matplotlib import font_manager, get_data_path

    best: tuple[Path | None, frozenset[str]] = (None, letters)
    own = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for path in (own, *map(Path, sorted(font_manager.findSystemFonts()))):
        if len(missing := letters - _letters(path)) < len(best[1]):
            best = path, missing
        if not best[1]:
            break
    return best


@cache
def _letters(path: Path) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(str(path)).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def _name(letter: str) -> str:
    """Call a letter by its sound where Unicode has it, and by its number otherwise.

    >>> _name("か"), _name("한"), _name("北"), _name("é")
    ('ka', 'han', '[5317]', 'e')
    """
    called = unicodedata.name(letter, "")
    if " LETTER " in called or " SYLLABLE " in called:
        plain = called.split(" WITH ")[0]
        return plain.split()[-1].lower()
    return f"[{ord(letter):04X}]"
