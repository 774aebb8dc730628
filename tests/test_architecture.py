"""The house keeps its rules, and each rule is shown to be able to fail."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import architecture as rules

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = ("pandas", "duckdb", "matplotlib", "polars", "pyarrow", "scipy", "papermill", "IPython")


def tracked() -> list[str]:
    """Files that are in the repository, or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for path in listed.stdout.split("\0") if (ROOT / path).is_file()]


def tree(root: Path, **files: str) -> Path:
    """Write a small package: ``data__bars="import os"`` becomes omni_lab/data/bars.py; ``init``, a door."""
    for name, text in files.items():
        *folders, module = name.split("__")
        path = (root / "omni_lab").joinpath(*folders, "__init__.py" if module == "init" else f"{module}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


# --- the project ----------------------------------------------------------------------------------


def test_imports_point_down() -> None:
    assert rules.upward(rules.imports(ROOT)) == []


def test_no_room_imports_itself_through_another() -> None:
    assert rules.circles(rules.imports(ROOT)) == []


def test_the_package_itself_imports_nothing() -> None:
    assert rules.from_the_package_root(rules.imports(ROOT)) == []


def test_few_rooms_open_the_door_to_native() -> None:
    assert rules.side_doors(rules.imports(ROOT)) == []


def test_every_third_party_import_is_asked_for() -> None:
    assert rules.undeclared(rules.imports(ROOT), PROJECT) == []


def test_an_optional_package_has_one_door_that_names_its_extra() -> None:
    assert rules.careless_extras(rules.imports(ROOT), PROJECT, ROOT) == []


def test_only_config_reads_the_environment() -> None:
    assert rules.environment_readers(ROOT) == []


def test_crates_use_only_what_lies_below_them() -> None:
    assert rules.crates_out_of_order(ROOT / "native") == []


def test_nothing_unplanned_lies_at_the_top() -> None:
    assert rules.strays(tracked()) == []


def test_no_file_names_a_registry_or_a_machine() -> None:
    # Cargo itself writes its registry's name into the lock, beside the hash of every crate.
    files = {
        path: (ROOT / path).read_text(errors="ignore")
        for path in tracked()
        if path != "native/Cargo.lock" and b"\0" not in (ROOT / path).read_bytes()[:8192]
    }
    here = f"{ROOT.parent}/" if ROOT.parent != Path("/") else None
    assert rules.private_lines(files, also=here) == []


@pytest.mark.parametrize(
    "module", ["omni_lab", "omni_lab.models", "omni_lab.risk", "omni_lab.simulator", "omni_lab.strategies"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.split() == []


# --- each rule can fail ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "import omni_lab.ui.plots",
        "from omni_lab.ui import plots",
        "from omni_lab import ui",
        "from ..ui import plots",
        "def late():\n    from omni_lab.ui import plots",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import omni_lab.ui",
        "import importlib\nimportlib.import_module('omni_lab.ui')",
    ],
)
def test_an_import_that_climbs_is_found(tmp_path: Path, line: str) -> None:
    root = tree(tmp_path, init="", data__bars=line, ui__plots="")
    assert ["up from floor 3 to floor 7" in broken for broken in rules.upward(rules.imports(root))] == [True]


def test_imports_within_a_room_and_down_are_fine(tmp_path: Path) -> None:
    below = "import numpy\nfrom omni_lab.errors import DataError\nfrom omni_lab.data import Bars, clean"
    found = rules.imports(tree(tmp_path, data__bars=below, data__clean="", errors=""))
    assert {each.target_room for each in found} == {None, "errors", "data"}
    assert rules.upward(found) == rules.circles(found) == []


def test_a_room_on_no_floor_is_found(tmp_path: Path) -> None:
    root = tree(tmp_path, data__bars="import omni_lab.utils", utils="")
    assert "'utils' is on no floor" in rules.upward(rules.imports(root))[0]


def test_a_circle_on_one_floor_is_found(tmp_path: Path) -> None:
    found = rules.imports(
        tree(
            tmp_path,
            data__a="import omni_lab.store",
            store__b="import omni_lab.portfolio",
            portfolio="import omni_lab.data",
        )
    )
    assert rules.upward(found) == []
    assert rules.circles(found) == ["these rooms import each other in a circle: data, portfolio, store"]


@pytest.mark.parametrize(
    "line",
    [
        "import numpy",
        "from omni_lab.notebook import load",
        "def load():\n    from omni_lab.notebook import load",
        "def load_ipython_extension(ipython):\n    from omni_lab.pipelines import run_pipeline",
        "def load_ipython_extension(ipython):\n    import numpy",
    ],
)
def test_an_import_in_the_package_itself_is_found(tmp_path: Path, line: str) -> None:
    root = tree(tmp_path, init=line, notebook="", pipelines="")
    assert len(rules.from_the_package_root(rules.imports(root))) == 1


def test_only_the_extension_of_a_notebook_is_fetched_by_the_package_itself(tmp_path: Path) -> None:
    line = "def load_ipython_extension(ipython):\n    from omni_lab.notebook import load"
    found = rules.imports(tree(tmp_path, init=line, notebook=""))
    assert [each.target for each in found] == ["omni_lab.notebook"]
    assert rules.from_the_package_root(found) == []


@pytest.mark.parametrize(
    "line", ["import omni_lab._native", "from omni_lab import _native", "from omni_lab._native import Book"]
)
def test_a_side_door_is_found(tmp_path: Path, line: str) -> None:
    found = rules.imports(tree(tmp_path, features__ewma=line, data__bars=line))
    assert [broken.split(":")[0] for broken in rules.side_doors(found)] == ["omni_lab/features/ewma.py"]


def test_an_undeclared_package_is_found(tmp_path: Path) -> None:
    config = {"project": {"dependencies": ["PyYAML>=6", "types-x"], "optional-dependencies": {}}}
    found = rules.imports(tree(tmp_path, data__bars="import yaml, json\nimport requests.auth"))
    assert len(broken := rules.undeclared(found, config)) == 1
    assert "imports requests.auth" in broken[0]


def test_a_careless_extra_is_found(tmp_path: Path) -> None:
    config = {
        "project": {"dependencies": [], "optional-dependencies": {"samples": ["arch"], "test": ["pytest>=8"]}}
    }
    good = "try:\n    import arch\nexcept ImportError:\n    raise MissingExtraError('arch', extra='samples')"
    cases = {
        "does not name the extra 'samples'": {"data__a": "import arch"},
        "is imported by more than one module": {"data__a": good, "data__b": good},
        "is a tool of the extra 'test'": {"data__a": "import pytest"},
    }
    for number, (complaint, files) in enumerate(cases.items()):
        root = tree(tmp_path / str(number), **files)
        assert [
            complaint in broken for broken in rules.careless_extras(rules.imports(root), config, root)
        ] == [True]
    root = tree(tmp_path / "good", data__a=good)
    assert rules.careless_extras(rules.imports(root), config, root) == []
    root = tree(tmp_path / "folder", data__init=good, data__a="import arch", data__b="import arch")
    assert rules.careless_extras(rules.imports(root), config, root) == []
    root = tree(tmp_path / "stray", data__init=good, data__a="import arch", store__b="import arch")
    assert "more than one module" in rules.careless_extras(rules.imports(root), config, root)[0]


@pytest.mark.parametrize(
    "line", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_a_reader_of_the_environment_is_found(tmp_path: Path, line: str) -> None:
    broken = rules.environment_readers(tree(tmp_path, config=line, data__bars=line))
    assert len(broken) == 1
    assert "omni_lab/data/bars.py" in broken[0]


@pytest.mark.parametrize(
    ("crate", "manifest", "complaint"),
    [
        ("book", '[dependencies]\nomni-sim = "1"\n[lints]\nworkspace = true', "book may not use sim"),
        (
            "sim",
            '[dependencies]\npyo3 = "1"\n[lints]\nworkspace = true',
            "sim uses pyo3: only py knows Python",
        ),
        (
            "book",
            '[dependencies]\nomni-types = "1"',
            "book does not take the workspace's lints, which forbid unsafe code",
        ),
        ("extra", "", "the crate 'extra' has no place in the workspace's order"),
    ],
)
def test_a_crate_out_of_order_is_found(tmp_path: Path, crate: str, manifest: str, complaint: str) -> None:
    (tmp_path / crate).mkdir()
    (tmp_path / crate / "Cargo.toml").write_text(manifest)
    assert rules.crates_out_of_order(tmp_path) == [complaint]


def test_a_stray_at_the_top_is_found() -> None:
    assert rules.strays(["omni_lab/config.py", "scripts/run.sh", "notes.txt"]) == ["notes.txt", "scripts"]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://" + "pypi" + ".org/simple",
        'registry = "https://index.' + "crates" + '.io/"',
        "path: /" + "root/project/data",
        "/" + "home/someone/x.csv",
        "see /place/of/checkouts/x",
    ],
)
def test_a_private_line_is_found(line: str) -> None:
    assert rules.private_lines({"a.txt": f"fine\n{line}\n"}, also="/place/of/checkouts/") == [
        f"a.txt:2: {line}"
    ]


def test_public_lines_are_fine() -> None:
    text = "https://doi.org/10.1000/1\ndata/root/x\n~/home/me/\n/usr/bin/env bash\nsee /home for it\nhttps://a.b/home/x/y"
    assert rules.private_lines({"a.txt": text}) == []


@pytest.mark.parametrize("room", ["data", "figures", "models", "risk", "simulator", "strategies"])
def test_what_is_imported_on_demand_is_not_hidden_by_a_module_of_that_name(room: str) -> None:
    package = importlib.import_module(f"omni_lab.{room}")
    modules = {path.stem for path in (ROOT / "omni_lab" / room).glob("*.py")}
    assert not modules & set(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
