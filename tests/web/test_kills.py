"""The server's own process under SIGKILL, while clients click and send again what was not acknowledged."""

import re
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "annotator_kills.py"


def test_f16_an_acknowledged_click_outlives_the_server_once_and_in_its_order() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--kills", "3"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r"^\| 3 \| 8 \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| 8 of 8 \|$", done.stdout, re.M)
    assert found is not None, done.stdout
    acknowledged, _, lost, doubled = map(int, found.groups())
    assert acknowledged > 100
    assert (lost, doubled) == (0, 0)
