"""The stub of the native module names and explains all it offers; ``make types`` compares the signatures."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from omni_lab import _native

ROOT = Path(__file__).parents[1]
STUB = ROOT / "omni_lab" / "_native.pyi"


def stated(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Public names of a stub, dotted, with their definitions."""
    for node in body:
        name = getattr(node, "name", None)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        if name and not name.startswith("_"):
            yield prefix + name, node
            if isinstance(node, ast.ClassDef):
                yield from stated(node.body, f"{prefix}{name}.")


def members(owner: object, prefix: str = "") -> Iterator[str]:
    """Public names of the built module, its classes opened."""
    for name, member in vars(owner).items():
        if name.startswith("_") or (inspect.isclass(owner) and isinstance(member, owner)):
            continue  # the variants of an enum are its instances; the stub lists them as attributes
        yield prefix + name
        if inspect.isclass(member):
            yield from members(member, f"{prefix}{name}.")


PYCLASS = re.compile(
    r"""
    \#\[pyclass(?:\((?P<options>[^\]]*)\))?\]\s*
    (?:\#\[[^\n]*\n\s*)*                         # other attributes
    (?:pub(?:\([^)]*\))?\s)?(?:struct|enum)\s(?P<name>\w+)
    """,
    re.VERBOSE,
)

# Wrappers whose purpose is to change.
CHANGING = {"AgentMarket", "BarEngine", "TickEngine"}


def thawed(source: str) -> set[str]:
    """Wrapper classes in Rust source that Python could change."""
    found = PYCLASS.finditer(source)
    return {each["name"] for each in found if not re.search(r"\bfrozen\b", each["options"] or "")}


def test_stub_and_module_name_the_same_things() -> None:
    assert {name for name, _ in stated(ast.parse(STUB.read_text()).body)} == set(members(_native))


def test_every_class_and_function_has_a_docstring() -> None:
    named = stated(ast.parse(STUB.read_text()).body)
    defined = [(name, node) for name, node in named if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assert defined
    assert [name for name, node in defined if not ast.get_docstring(node)] == []


def test_wrappers_are_frozen() -> None:
    sources = [path.read_text() for path in (ROOT / "native" / "py" / "src").rglob("*.rs")]
    assert set().union(*map(thawed, sources)) == CHANGING


def test_a_thawed_wrapper_is_found() -> None:
    frozen = '/// A.\n#[pyclass(frozen, module = "omni_lab._native")]\n#[derive(Clone)]\npub struct A {}\n'
    changing = (
        '/// B.\n#[pyclass(module = "omni_lab._native")]\npub(crate) struct B;\n#[pyclass]\nenum C {}\n'
    )
    assert thawed(frozen + changing) == {"B", "C"}
