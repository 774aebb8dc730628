"""The rules of the house, as functions from a source tree to the list of what breaks them.

``test_architecture.py`` applies them to the project, and to small trees that break each rule on purpose.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "omni_lab"

FLOORS: Mapping[str, int] = {
    room: floor
    for floor, rooms in enumerate(
        [
            "typing errors config progress lazy screens",
            "features models risk figures",
            "domain",
            "data store altdata portfolio messaging",
            "strategies execution",
            "simulator venues",
            "pipelines system",
            "ui notebook",
            "gateway",
            "cli __main__",
        ]
    )
    for room in rooms.split()
}
DOORS = frozenset({"domain", "data", "store", "execution", "simulator", "venues"})

# What the package itself may import, and in which function: IPython looks for it there.
EXTENSION = ("load_ipython_extension", f"{PACKAGE}.notebook")

# Import names of distributions whose two names differ.
IMPORT_NAMES = {"ipython": "IPython", "pillow": "PIL", "pyjwt": "jwt", "pyyaml": "yaml"}
# The extra that no room may import: it is for tests.
TOOL_EXTRAS = frozenset({"test"})

CRATES: Mapping[str, frozenset[str]] = {
    "types": frozenset(),
    "memory": frozenset(),
    "book": frozenset({"types", "memory"}),
    "wire": frozenset({"types", "memory"}),
    "feed": frozenset({"types", "memory", "book", "wire"}),
    "journal": frozenset(),
    "oms": frozenset({"types", "memory", "book", "journal"}),
    "sim": frozenset({"types", "book", "wire", "feed", "journal", "oms"}),
    "capi": frozenset({"types", "memory", "book"}),
    "fuzz": frozenset({"types", "book", "wire", "feed", "journal", "oms"}),
    "py": frozenset({"types", "memory", "book", "wire", "feed", "journal", "oms", "sim"}),
}
PYTHON_CRATES = frozenset({"pyo3", "numpy"})

TOP_LEVEL = frozenset(
    {".ci", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile"}
    | {"README.md", "data", "deploy", "docs", "environment.yml", "native", "notebooks", "omni_lab"}
    | {"pyproject.toml", "tests"}
)

# Spelled so that this file does not break the rule it states.
REGISTRY = re.compile(
    r"py[p]i\.org|pythonhos[t]ed\.|crate[s]\.io|npm[j]s\.|debia[n]\.org|maven\.(?:org|apache)|golan[g]\.org|conda\.anaconda[.]"
)
MACHINE_PATH = re.compile(r"(?<![A-Za-z0-9_.~/])/(?:root|home/[\w.-]+|Users/[\w.-]+)/")


@dataclass(frozen=True)
class Import:
    """One imported module, by its absolute dotted name, and the function of the file that imports it."""

    file: str
    line: int
    room: str
    target: str
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"

    @property
    def target_room(self) -> str | None:
        """The room it leads to; None outside the package, for the door and for the package itself."""
        parts = self.target.split(".")
        if parts[0] != PACKAGE or len(parts) == 1 or parts[1] == "_native":
            return None
        return parts[1]


def imports(root: Path) -> list[Import]:
    """Every import in the package below ``root``, wherever in a file it stands."""
    return [found for path in sources(root) for found in _imports_of(path, root)]


def sources(root: Path) -> list[Path]:
    """The Python files of the package below ``root``."""
    return sorted((root / PACKAGE).rglob("*.py"))


def upward(found: Iterable[Import]) -> list[str]:
    """Imports that climb to a higher floor, or touch a room that has none."""
    broken = []
    for each in found:
        for room in filter(None, (each.room, each.target_room)):
            if room not in FLOORS:
                broken.append(f"{each}: the room {room!r} is on no floor")
        floor, target = FLOORS.get(each.room), FLOORS.get(each.target_room or "")
        if floor is not None and target is not None and target > floor:
            broken.append(f"{each}: up from floor {floor} to floor {target}")
    return broken


def from_the_package_root(found: Iterable[Import]) -> list[str]:
    """Imports in ``omni_lab/__init__.py``: it must cost nothing.

    One is let through: ``%load_ext omni_lab`` calls a function of the package itself, which fetches the room.
    """
    return [
        f"{each}: the package's own __init__ imports nothing"
        for each in found
        if each.room == "" and (each.function, each.target) != EXTENSION
    ]


def circles(found: Iterable[Import]) -> list[str]:
    """Rooms that reach themselves through others."""
    graph: dict[str, set[str]] = {}
    for each in found:
        if each.target_room and each.target_room != each.room:
            graph.setdefault(each.room, set()).add(each.target_room)

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [*graph.get(start, ())]
        while waiting:
            room = waiting.pop()
            if room not in seen:
                seen.add(room)
                waiting += graph.get(room, ())
        return seen

    circle = sorted(room for room in graph if room in reachable(room))
    return [f"these rooms import each other in a circle: {', '.join(circle)}"] if circle else []


def side_doors(found: Iterable[Import]) -> list[str]:
    """Imports of the native module from a room that has no door to it."""
    native = f"{PACKAGE}._native"
    return [
        f"{each}: only {', '.join(sorted(DOORS))} open that door"
        for each in found
        if (each.target == native or each.target.startswith(f"{native}.")) and each.room not in DOORS
    ]


def undeclared(found: Iterable[Import], project: Mapping[str, object]) -> list[str]:
    """Third-party imports that pyproject.toml does not ask for."""
    base, extras = _requirements(project)
    known = {PACKAGE, *base, *(name for names in extras.values() for name in names), *sys.stdlib_module_names}
    return [f"{each}: pyproject.toml does not ask for it" for each in found if _top(each) not in known]


def careless_extras(found: Iterable[Import], project: Mapping[str, object], root: Path) -> list[str]:
    """Optional packages with several doors, or with one that does not name an extra to install.

    A door is a module, or a folder whose ``__init__.py`` names the extra and answers for all that lies in
    it. A package that several extras ask for may have a door in each of them.
    """
    base, extras = _requirements(project)
    broken = []
    for name in sorted(set().union(*extras.values()) - base):
        names = sorted(extra for extra in extras if name in extras[extra])
        said = " or ".join(map(repr, names))
        files = {each.file for each in found if _top(each) == name}
        if TOOL_EXTRAS.intersection(names):
            broken += [
                f"{each} imports {name}, which is a tool of the extra {said}" for each in sorted(files)
            ]
            continue
        doors = set()
        for extra in names:
            behind = _behind_a_door(files, extra, root)
            doors |= {f"the folder of {extra}"} if behind else set()
            files -= behind
        careless = sorted(file for file in files if not _strings(root / file) & set(names))
        doors |= files
        if len(doors) > len(names):
            listed = ", ".join(sorted(doors))
            broken.append(f"{name} (extra {said}) is imported by more than one module: {listed}")
        broken += [
            f"{each} imports {name} and does not name the extra {said} to install" for each in careless
        ]
    return broken


def _behind_a_door(files: Iterable[str], extra: str, root: Path) -> set[str]:
    """Of these modules those in the folder, a room or part of one, whose entrance names the extra."""
    behind: dict[Path, set[str]] = {}
    for file in files:
        for folder in Path(file).parents[: len(Path(file).parents) - 2]:
            entrance = root / folder / "__init__.py"
            if entrance.is_file() and extra in _strings(entrance):
                behind.setdefault(folder, set()).add(file)
                break
    return max(behind.values(), key=len, default=set())


def environment_readers(root: Path) -> list[str]:
    """Modules other than config.py that touch the process's environment."""
    broken = []
    for path in sources(root):
        if path == root / PACKAGE / "config.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.ImportFrom) and node.module == "os"
                else []
            )
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                names = [node.attr]
            if {"environ", "environb", "getenv", "putenv"} & set(names):
                line = getattr(node, "lineno", 0)
                broken.append(f"{path.relative_to(root)}:{line} touches the environment: config.py does that")
    return broken


def crates_out_of_order(native: Path) -> list[str]:
    """Crates of the workspace that know what they must not, or allow themselves ``unsafe``."""
    broken = []
    for manifest in sorted(native.glob("*/Cargo.toml")):
        crate, config = manifest.parent.name, tomllib.loads(manifest.read_text())
        if crate not in CRATES:
            broken.append(f"the crate {crate!r} has no place in the workspace's order")
            continue
        for name in config.get("dependencies", {}):
            inner = name.removeprefix("omni-")
            if name != inner and inner not in CRATES[crate]:
                broken.append(f"{crate} may not use {inner}")
            if name in PYTHON_CRATES and crate != "py":
                broken.append(f"{crate} uses {name}: only py knows Python")
        if crate != "py" and config.get("lints") != {"workspace": True}:
            broken.append(f"{crate} does not take the workspace's lints, which forbid unsafe code")
    return broken


def strays(paths: Iterable[str]) -> list[str]:
    """Names at the top of the repository that nobody planned."""
    return sorted({path.split("/")[0] for path in paths} - TOP_LEVEL)


def private_lines(files: Mapping[str, str], also: str | None = None) -> list[str]:
    """Lines that name a package registry's address or a path of somebody's machine.

    Parameters
    ----------
    files : mapping of str to str
        Text by path.
    also : str, optional
        A directory of this machine that no line may name.
    """
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY.search(line) or MACHINE_PATH.search(line) or (also and also in line)
    ]


def _imports_of(path: Path, root: Path) -> Iterator[Import]:
    relative = path.relative_to(root)
    module = relative.with_suffix("").parts
    package = module[:-1]
    room = module[1] if module[1] != "__init__" else ""
    tree = ast.parse(path.read_text(), str(path))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    inside = {id(node): function.name for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from omni_lab import data` names a module, `from omni_lab.data import Bars` a name inside one.
            dotted = [f"{origin}.{alias.name}" for alias in node.names]
            targets = [name if _is_module(root, name) else origin for name in dotted]
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                targets = [argument.value]
        for target in dict.fromkeys(targets):
            yield Import(str(relative), getattr(node, "lineno", 0), room, target, inside.get(id(node), ""))


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name in {"import_module", "__import__"}


def _is_module(root: Path, dotted: str) -> bool:
    path = root.joinpath(*dotted.split("."))
    return dotted == f"{PACKAGE}._native" or path.with_suffix(".py").is_file() or path.is_dir()


def _top(each: Import) -> str:
    return each.target.split(".")[0]


def _strings(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _requirements(config: Mapping[str, object]) -> tuple[set[str], dict[str, set[str]]]:
    """Import names of the base requirements, and of each extra's."""
    project = config["project"]
    assert isinstance(project, dict)

    def names(lines: Iterable[str]) -> set[str]:
        found = (re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in lines)
        return {IMPORT_NAMES.get(name, name).replace("-", "_") for name in found}

    extras = project.get("optional-dependencies", {})
    return names(project["dependencies"]), {extra: names(lines) for extra, lines in extras.items()}
