"""Fields of pointillist.yaml are set, and all else that a person wrote there stays."""

import pytest
import yaml

from pointillist.data.redeclare import redeclared

WRITTEN = """\
# Our lesions.

classes:   # in their order
- background
- lesion

# From the hospital's names.
groups: '^(\\w+)-'
renamed: {spot: lesion}
# The end.
"""


def test_what_is_not_set_stays_letter_by_letter() -> None:
    found = redeclared(WRITTEN, {"classes": ["background", "mole"], "renamed": {"lesion": "mole"}})
    assert found == (
        "# Our lesions.\n\nclasses: [background, mole]\n\n# From the hospital's names.\n"
        "groups: '^(\\w+)-'\nrenamed: {lesion: mole}\n# The end.\n"
    )


FIELDS = {"classes": ["background", "Läsion, groß: 1"], "colours": [[0, 0, 0], [255, 0, 7]], "renamed": None}


@pytest.mark.parametrize(
    "text",
    ["", "channels: 3", "{classes: [a, b], channels: 3}", WRITTEN, "renamed:\n  a: b\nclasses: [a,\n  b]\n"],
    ids=["nothing", "no end of line", "flow", "remarks", "several lines"],
)
def test_whatever_was_there_the_fields_are_set_and_the_others_kept(text: str) -> None:
    before = yaml.safe_load(text) or {}
    wanted = {name: value for name, value in {**before, **FIELDS}.items() if value is not None}
    assert yaml.safe_load(redeclared(text, FIELDS)) == wanted
