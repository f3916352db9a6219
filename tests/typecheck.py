"""The run-time type checker of the tests: beartype, with an int taken for a float (PEP 484)."""

import typer
from beartype import BeartypeConf, FrozenDict, beartype

# Typer hands over the base class of what it makes people annotate.
check = beartype(conf=BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict({typer.Context: object})))
