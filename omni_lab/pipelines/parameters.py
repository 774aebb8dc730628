"""The parameters of a pipeline notebook: read from its tagged cell, given in files and on the command line.

The cell is read as Python syntax, never executed. papermill's own inspection is not used because it does not
understand ``float | None``, nor a comment that contains an equals sign. Everything is checked before a kernel
starts: a name the notebook does not have, or a value of another type, is refused.
"""

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.pipelines.parameter import Parameter, TypedText, coerced, declared_type, from_node

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from yaml import Node

RUN_DIR_PARAMETER = "run_dir"
"""The one parameter that the runner sets itself."""

_LINE = 110
_MANY_DIGITS = 10_000

__all__ = ["RUN_DIR_PARAMETER", "Parameter", "cell_text", "parameter_values", "read_parameters"]


def read_parameters(notebook: "NotebookNode", *, where: str) -> dict[str, Parameter]:
    """Parameters that a notebook declares, in the order it declares them.

    Parameters
    ----------
    notebook : NotebookNode
    where : str
        Name of the notebook, for messages.

    Raises
    ------
    ConfigError
        If the tagged cell is missing, or is not a list of plain assignments of literals.
    """
    cells = [
        c for c in notebook.cells if "parameters" in c.metadata.get("tags", []) and c.cell_type == "code"
    ]
    if len(cells) != 1:
        raise ConfigError(
            f"a pipeline notebook has one code cell tagged 'parameters', this one has {len(cells)}",
            where=where,
        )
    return {p.name: p for p in _declarations(cells[0].source, where)}


def parameter_values(
    parameters: Mapping[str, Parameter],
    *,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    rules: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Effective value of every parameter: the notebook's default, then the file, then what was set by hand.

    Parameters
    ----------
    parameters : mapping of str to Parameter
    file : Path, optional
        A YAML mapping from name to value.
    assignments : sequence of str, optional
        ``"name=value"``, as typed. The declared type decides how the text is read: ``007`` stays text for a
        str.
    values : mapping, optional
        Python values by name; they win over everything.
    rules : callable, optional
        Given all values without ``run_dir`` once each of them is right for itself; raises `ConfigError` where
        they do not go together.

    Raises
    ------
    ConfigError
        With every problem found: unknown names, values of another type or out of range, names given twice,
        values that do not go together.
    """
    problems: list[OmniError] = []
    effective = {name: parameter.default for name, parameter in parameters.items()}
    allowed = {name: p for name, p in parameters.items() if name != RUN_DIR_PARAMETER}
    are_right = True
    for name, value, where in _given(file, assignments, values or {}):
        if name not in allowed:
            problems.append(ConfigError("unknown parameter", found=name, expected=list(allowed), where=where))
            continue
        try:
            effective[name] = coerced(allowed[name], value, where)
        except ConfigError as problem:
            problems.append(problem)
            are_right = False
    if rules is not None and are_right:
        try:
            rules({name: effective[name] for name in allowed})
        except ConfigError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError(f"{len(problems)} parameters cannot be used:\n  " + "\n  ".join(map(str, problems)))
    return effective


def cell_text(parameters: Mapping[str, Parameter]) -> str:
    """Source of a parameters cell that declares these, and ``run_dir``, which the runner sets."""
    lines = [_assignment(parameter) for parameter in parameters.values()]
    return "\n".join([*lines, f"{RUN_DIR_PARAMETER}: str | None = None  # set by the runner"])


def _declarations(source: str, where: str) -> Iterable[Parameter]:
    comments = _comments(source)
    for statement in ast.parse(source).body:
        place = f"{where}, parameters cell, line {statement.lineno}"
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                declared = declared_type(ast.unparse(annotation), place)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                declared = {}
            case ast.Expr(value=ast.Constant()):
                continue
            case _:
                raise ConfigError(
                    "a parameters cell holds only lines like 'name: type = literal  # help'", where=place
                )
        try:
            default = ast.literal_eval(value)
        except ValueError as error:
            raise ConfigError(
                "the default of a parameter must be a literal", found=name, where=place
            ) from error
        declared = declared or declared_type(_type_of(default), place)
        yield Parameter(
            name=name,
            default=default,
            help=comments.get(statement.end_lineno or 0) or comments.get(1 - statement.lineno, ""),
            **declared,
        )


def _comments(source: str) -> dict[int, str]:
    """Comments by the line they end; those that have their lines to themselves by the negative of it."""
    found: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, text = token.start[0], token.string.lstrip("# ").strip()
            if token.line.lstrip().startswith("#"):
                found[-line] = f"{found.pop(1 - line, '')} {text}".strip()
            else:
                found[line] = text
    return found


def _type_of(default: Any) -> str:
    if isinstance(default, list) and default:
        return f"list[{type(default[0]).__name__}]"
    return type(default).__name__


def _assignment(parameter: Parameter) -> str:
    begin = f"{parameter.name}: {parameter.annotation} = "
    text = begin + _literal(parameter.default)
    if len(text) > _LINE:
        text = begin + _exploded(parameter.default)
    comment = "; ".join(filter(None, (parameter.help, parameter.accepts)))
    line = f"{text}  # {comment}"
    if len(line) <= _LINE and "\n" not in line:
        return line
    # A comment that is too long for its line stands above it, where _comments finds it too.
    return "\n".join([*(f"# {part}" for part in wrap(comment, _LINE - 2)), text])


def _exploded(value: Any) -> str:
    """A list or mapping with one item a line, as the formatter writes what is too long for one."""
    match value:
        case list() | tuple():
            items, edges = [_literal(each) for each in value], "[]"
        case Mapping():
            items, edges = [f"{_literal(k)}: {_literal(v)}" for k, v in value.items()], "{}"
        case _:
            return _literal(value)
    return "\n".join([edges[0], *(f"    {item}," for item in items), edges[1]])


def _literal(value: Any) -> str:
    """A literal as the formatter of the house writes it."""
    match value:
        case str():
            return repr(value) if '"' in value else '"' + repr(value)[1:-1].replace("\\'", "'") + '"'
        case bool() | None:
            return repr(value)
        case int() | float():
            return f"{value:_}" if abs(value) >= _MANY_DIGITS else repr(value)
        case list() | tuple():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
        case _:
            raise ConfigError("the default of a knob must be a literal", found=value)


def _given(
    file: Path | None, assignments: Sequence[str], values: Mapping[str, Any]
) -> Iterable[tuple[str, Any, str]]:
    if file is not None:
        yield from _in_file(file)
    seen: set[str] = set()
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator or not name:
            raise ConfigError("a parameter is set as name=value", found=assignment, where="--set")
        if name in seen:
            raise ConfigError("a parameter is set twice", found=name, where="--set")
        seen.add(name)
        yield name, TypedText(text.strip()), "--set"
    for name, value in values.items():
        yield name, value, "values"


def _in_file(file: Path) -> Iterable[tuple[str, Any, str]]:
    import yaml

    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"the parameter file cannot be read: {error.strerror}", where=str(file)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"the parameter file is not YAML: {error}", where=str(file)) from error
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("a parameter file maps names to values", found=_kind_of(root), where=str(file))
    seen: set[str] = set()
    for key, node in root.value:
        where = f"{file.name}, line {key.start_mark.line + 1}"
        name = str(key.value)
        if name in seen:
            raise ConfigError("a parameter is given twice", found=name, where=where)
        seen.add(name)
        yield name, from_node(node, where), where


def _kind_of(node: "Node") -> str:
    return type(node).__name__.removesuffix("Node").lower()
