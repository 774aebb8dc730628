"""Environments of other engines, which would hold back our own requirements in .venv.

Each is made on demand from its lock, .venv-bench from deploy/locks/bench.txt with every peer of the
benchmarks, .venv-hft from hft.txt with hftbacktest, and made anew when the lock changes. Python 3.12 is the
one version for which all peers have wheels; where it is missing another one serves, and the suite says which
peers are not there.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.12", "3.13", "3.11")


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder beside .venv, and the lock that says what is in it."""

    name: str

    @property
    def folder(self) -> Path:
        return ROOT / f".venv-{self.name}"

    @property
    def lock(self) -> Path:
        return ROOT / "deploy" / "locks" / f"{self.name}.txt"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def ensure(self) -> Path:
        """Make or renew the environment unless it holds what the lock says; its interpreter."""
        pinned = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        stamp = self.folder / f".ok-{self.name}"
        if stamp.is_file() and stamp.read_text() == pinned:
            return self.python
        uv, base = find_uv(), find_python()
        print(f"Making {self.folder.name} with {base} …", flush=True)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", base, self.folder], check=True)
        # The locks of peers may leave out what a package names and never imports.
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-build", "--no-deps"]
        subprocess.run([*install, "--python", self.python, "-r", self.lock], check=True)
        stamp.write_text(pinned)
        return self.python


BENCH = Environment("bench")
HFT = Environment("hft")


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
    for environment in (BENCH, HFT):
        print(environment.ensure())
