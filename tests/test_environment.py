"""The places that state requirements agree: pyproject.toml, environment.yml, the locks and the workspace."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import omni_lab

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "deploy" / "locks"

# Names that conda-forge spells differently.
CONDA_NAMES = {
    "arch": "arch-py",
    "duckdb": "python-duckdb",
    "jupyter-client": "jupyter_client",
    "jupyter-scheduler": "jupyter_scheduler",
    "matplotlib": "matplotlib-base",
    "prometheus-client": "prometheus_client",
    "ray": "ray-core",
    "redis": "redis-py",
}
# What conda must bring and PyPI cannot: the toolchain that the README asks for.
CONDA_ONLY = {"python", "rust", "c-compiler", "make", "pip"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def required(config: dict[str, Any]) -> dict[str, SpecifierSet]:
    """Every requirement of the project, its extras and its build tool, by PyPI name."""
    lines = list(config["project"]["dependencies"])
    for extra in config["project"]["optional-dependencies"].values():
        lines += extra
    lines += config["dependency-groups"]["build"]
    merged: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        assert merged.setdefault(name, requirement.specifier) == requirement.specifier, (
            f"{name} is required twice, as {merged[name]} and as {requirement.specifier}"
        )
    return merged


def disagreements(config: dict[str, Any], conda: dict[str, Any]) -> list[str]:
    """What has to change in environment.yml to say what pyproject.toml says."""
    wanted = {CONDA_NAMES.get(name, name): specifier for name, specifier in required(config).items()}
    wanted["python"] = SpecifierSet(config["project"]["requires-python"])
    lines = [line for line in conda["dependencies"] if isinstance(line, str)]
    if isinstance(conda["dependencies"][-1], dict):
        lines += conda["dependencies"][-1]["pip"][:-1]
    found = {r.name: r.specifier for r in map(Requirement, lines)}
    return (
        [f"add {name}{wanted[name]}" for name in sorted(wanted.keys() - found.keys())]
        + [f"remove {name}" for name in sorted(found.keys() - wanted.keys() - CONDA_ONLY)]
        + [f"add {name}" for name in sorted(CONDA_ONLY - found.keys() - wanted.keys())]
        + [
            f"{name}: write {wanted[name]}, not {found[name] or 'any version'}"
            for name in sorted(wanted.keys() & found.keys())
            if wanted[name] != found[name]
        ]
    )


def locked(path: Path) -> dict[str, set[str]]:
    """The versions that a lock pins, by name; several where they depend on the interpreter."""
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def test_conda_asks_for_what_pyproject_asks_for() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert disagreements(project(), conda) == []
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    assert conda["dependencies"][-1]["pip"][-1] == "--editable ."


@pytest.mark.parametrize(
    ("dependencies", "complaint"),
    [
        ({"numpy>=2.1": None}, "add numpy>=2.1"),
        ({"numpy>=2.1": "numpy"}, "numpy: write >=2.1, not any version"),
        ({"rust": None}, "add rust"),
        ({"pip": "left-pad"}, "remove left-pad"),
        ({"python>=3.11": "python>=3.12"}, "python: write >=3.11, not >=3.12"),
    ],
)
def test_a_disagreement_is_named(dependencies: dict[str, str | None], complaint: str) -> None:
    config = {
        "project": {
            "requires-python": ">=3.11",
            "dependencies": ["numpy>=2.1"],
            "optional-dependencies": {"samples": ["arch>=8"]},
        },
        "dependency-groups": {"build": []},
    }
    agreed = ["python>=3.11", "rust", "c-compiler", "make", "pip", "numpy>=2.1", "arch-py>=8"]
    assert disagreements(config, {"dependencies": agreed}) == []
    changed = [dependencies.get(line, line) for line in agreed]
    assert complaint in disagreements(config, {"dependencies": [line for line in changed if line]})


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt"])
def test_a_lock_satisfies_the_requirements_it_is_made_from(lock: str) -> None:
    config = project()
    if lock == "run.txt":
        extras = config["project"]["optional-dependencies"]
        config["project"]["optional-dependencies"] = {"samples": extras["samples"]}
    pins = locked(LOCKS / lock)
    for name, specifier in required(config).items():
        assert name in pins, f"{name} is not in {lock}: make lock"
        assert all(specifier.contains(version) for version in pins[name]), (name, specifier, pins[name])


def test_the_locks_share_their_versions() -> None:
    run, dev = locked(LOCKS / "run.txt"), locked(LOCKS / "dev.txt")
    assert {name: dev.get(name) for name in run} == run
    assert len(dev) > len(run)


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"://|^\s*-[^-]|--(index|extra-index|find-links)", text, re.MULTILINE) is None
    entries = re.split(r"\n(?=\S)", text.strip())
    bare = [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert bare == []


def test_the_version_is_stated_alike_everywhere() -> None:
    workspace = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text())
    assert project()["project"]["version"] == omni_lab.__version__
    assert workspace["workspace"]["package"]["version"] == omni_lab.__version__
