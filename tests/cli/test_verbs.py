"""The list of verbs, which loads none of them."""

import subprocess
import sys

import pytest

from pointillist.cli.verbs import VERBS, Verb
from tests.cli.command import pointillist


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_what_the_list_says_of_a_verb_is_the_beginning_of_its_own_help(verb: Verb) -> None:
    first, *_ = (verb.load().help or "").split("\n\n")
    assert verb.help == " ".join(first.split())
    done = pointillist(str(verb.name), "--help")
    assert (done.code, f" {verb.name} [OPTIONS]" in done.out) == (0, True)
    assert "completion" not in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "annotate"),
        (["--version"], 0, "torch 2"),
        ([], 2, "Usage: pointillist"),
        (["trian"], 2, "Did you mean 'train'?"),
    ],
)
def test_what_needs_no_verb_comes_at_once(arguments: list[str], code: int, said: str) -> None:
    see = "import sys, atexit; atexit.register(lambda: print({'torch', 'numpy'} & {*sys.modules}))"
    begin = f"{see}; sys.argv = ['pointillist', *{arguments}]; from pointillist.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, timeout=60)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
    assert done.stdout.endswith("set()\n"), "to load PyTorch takes two seconds"
