"""The bench environment, .venv-bench: every peer in the versions that deploy/locks/bench.txt pins.

It is apart from .venv because the peers would hold back our own requirements. Python 3.12 is the one version
for which all of them have wheels; where it is missing another one serves, and the suite says which peers are
not there.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-bench"
LOCK = ROOT / "deploy" / "locks" / "bench.txt"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / ".ok-bench"
VERSIONS = ("3.12", "3.13", "3.11")


def ensure() -> Path:
    """Make or renew the environment unless it holds what the lock says; its interpreter."""
    pinned = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == pinned:
        return PYTHON
    uv, base = find_uv(), find_python()
    print(f"Making {FOLDER.name} with {base} …", flush=True)
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", base, FOLDER], check=True)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-build"]
    subprocess.run([*install, "--python", PYTHON, "-r", LOCK], check=True)
    STAMP.write_text(pinned)
    return PYTHON


def find_uv() -> str:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise SystemExit(
            "uv is not installed; `make setup` puts it into .venv, from where this script finds it."
        )
    return uv


def find_python() -> str:
    """An interpreter of the best version there is; shims of versions that are not installed do not count."""
    pyenv = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    for version in VERSIONS:
        installed = sorted(glob.glob(f"{pyenv}/versions/{version}.*/bin/python{version}"))
        for candidate in (shutil.which(f"python{version}"), *installed):
            if candidate and runs(candidate, version):
                return candidate
    return sys.executable


def runs(python: str, version: str) -> bool:
    question = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == version


if __name__ == "__main__":
    print(ensure())
