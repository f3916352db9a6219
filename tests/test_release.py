"""S27: whoever has a release's key can tell whether files are the release's."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
VERIFY = "ssh-keygen -Y verify -f ../signers -I pointillist -n pointillist -s SHA256SUMS.sig"


def sign(dist: Path, key: Path | str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "sign", f"DIST={dist}", f"KEY={key}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def verified(dist: Path) -> bool:
    told = (ROOT / "SECURITY.md").read_text()
    command = f"{VERIFY} < SHA256SUMS && sha256sum -c SHA256SUMS"
    assert command.replace("../signers", "signers") in told, "what the tests try is what users are told"
    return subprocess.run(["bash", "-c", command], cwd=dist, capture_output=True).returncode == 0


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "pointillist-1.0-py3-none-any.whl").write_bytes(b"a wheel")
    (dist / "pointillist-1.0.tar.gz").write_bytes(b"sources")
    return dist


def test_s27_a_signed_release_is_told_from_a_changed_one(dist: Path, tmp_path: Path) -> None:
    for name in ("key", "other"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(make, check=True)
    public = (tmp_path / "key.pub").read_text()
    (tmp_path / "signers").write_text(f"pointillist {public}")
    done = sign(dist, tmp_path / "key")
    assert done.returncode == 0, done.stderr
    assert len((dist / "SHA256SUMS").read_text().splitlines()) == 2
    assert verified(dist)
    # Someone else's file, and someone else's signature.
    (dist / "pointillist-1.0.tar.gz").write_bytes(b"others' sources")
    assert not verified(dist)
    assert sign(dist, tmp_path / "other").returncode == 0
    assert not verified(dist)
    assert sign(dist, tmp_path / "key").returncode == 0
    assert verified(dist)


def test_s27_without_a_key_nothing_is_signed(dist: Path) -> None:
    done = sign(dist, "")
    assert done.returncode != 0
    assert "A release must be signed; got no key" in done.stdout
    assert not (dist / "SHA256SUMS").exists()
