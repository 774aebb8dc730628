"""The parameters of a pipeline notebook: read from its tagged cell, given in files and on the command line.

The cell is read as Python syntax, never executed. papermill's own inspection is not used because it does not
understand ``float | None``, nor a comment that contains an equals sign. Everything is checked before a kernel
starts: a name the notebook does not have, or a value of another type, is refused.
"""

import ast
import io
import math
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, OmniError

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from yaml import Node

RUN_DIR_PARAMETER = "run_dir"
"""The one parameter that the runner sets itself."""

_KINDS = ("str", "int", "float", "bool", "dict")
_NULL = frozenset({"", "~", "null", "none"})
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One knob of a pipeline.

    Attributes
    ----------
    name : str
    kind : str
        ``"str"``, ``"int"``, ``"float"``, ``"bool"``, or ``"dict"`` for a mapping of names to plain values,
        lists and mappings.
    is_list, is_optional : bool
        Whether it is a list of that kind, and whether None is allowed.
    default : object
    help : str
        The comment on its line.
    """

    name: str
    kind: str
    is_list: bool = False
    is_optional: bool = False
    default: Any = None
    help: str = ""

    @property
    def type_name(self) -> str:
        """The type as a person writes it, such as ``"float | None"``."""
        name = f"list[{self.kind}]" if self.is_list else self.kind
        return f"{name} | None" if self.is_optional else name


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

    Raises
    ------
    ConfigError
        With every problem found: unknown names, values of another type, names given twice.
    """
    problems: list[OmniError] = []
    effective = {name: parameter.default for name, parameter in parameters.items()}
    allowed = {name: p for name, p in parameters.items() if name != RUN_DIR_PARAMETER}
    for name, value, where in _given(file, assignments, values or {}):
        try:
            if name not in allowed:
                raise ConfigError("unknown parameter", found=name, expected=list(allowed), where=where)
            effective[name] = _coerced(allowed[name], value, where)
        except ConfigError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError(f"{len(problems)} parameters cannot be used:\n  " + "\n  ".join(map(str, problems)))
    return effective


def _declarations(source: str, where: str) -> Iterable[Parameter]:
    comments = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for statement in ast.parse(source).body:
        place = f"{where}, parameters cell, line {statement.lineno}"
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                declared = _declared_type(ast.unparse(annotation), place)
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
        declared = declared or _declared_type(_type_of(default), place)
        yield Parameter(
            name=name, default=default, help=comments.get(statement.end_lineno or 0, ""), **declared
        )


def _declared_type(annotation: str, where: str) -> dict[str, Any]:
    alternatives = [part.strip() for part in annotation.strip("'\"").split("|")]
    is_optional = "None" in alternatives
    names = [part for part in alternatives if part != "None"]
    if len(names) == 1:
        is_list = names[0].startswith("list[") and names[0].endswith("]")
        kind = names[0][5:-1] if is_list else names[0]
        if kind in _KINDS:
            return {"kind": kind, "is_list": is_list, "is_optional": is_optional}
    raise ConfigError(
        "the type of a parameter cannot be used",
        found=annotation,
        expected=f"one of {', '.join(_KINDS)}, list[…] of one, or either with '| None'",
        where=where,
    )


def _type_of(default: Any) -> str:
    if isinstance(default, list) and default:
        return f"list[{type(default[0]).__name__}]"
    return type(default).__name__


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
        yield name, _Text(text.strip()), "--set"
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
        yield name, _from_node(node, where), where


class _Text(str):
    """A scalar as it was typed, before the declared type decides what it is."""

    __slots__ = ()


def _from_node(node: "Node", where: str) -> Any:
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return str(node.value) if node.style in ("'", '"') else _Text(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_from_node(item, where) for item in node.value]
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in mapping:
            problem = "a name is given twice" if isinstance(key, yaml.ScalarNode) else "names are text"
            raise ConfigError(problem, found=str(key.value), where=where)
        mapping[str(key.value)] = _from_node(item, where)
    return mapping


def _in_text(text: str, where: str) -> Any:
    """What a mapping, or a list of them, says that was typed: ``{tiers: [{taker_rate: 0.0005}]}``."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError("this is not YAML", found=text, where=where) from error
    return None if node is None else _from_node(node, where)


def _kind_of(node: "Node") -> str:
    return type(node).__name__.removesuffix("Node").lower()


def _coerced(parameter: Parameter, value: Any, where: str) -> Any:
    if value is None or (isinstance(value, _Text) and _is_null(parameter, value)):
        if parameter.is_optional:
            return None
        raise _ill_typed(parameter, None if value is None else str(value), where)
    if isinstance(value, _Text) and parameter.kind == "dict":
        value = _in_text(value, where)
    if not parameter.is_list:
        return _scalar(parameter, value, where)
    if isinstance(value, _Text):
        value = [_Text(part.strip()) for part in value.strip().removeprefix("[").removesuffix("]").split(",")]
    if not isinstance(value, list | tuple):
        raise _ill_typed(parameter, value, where)
    return [_scalar(parameter, item, where) for item in value]


def _is_null(parameter: Parameter, text: str) -> bool:
    # A text parameter may well be spelled "none"; only one that may be None reads it so.
    return text.lower() in _NULL and (parameter.is_optional or parameter.kind != "str" or not text)


def _scalar(parameter: Parameter, value: Any, where: str) -> Any:
    match parameter.kind, value:
        case "str", str():
            return _unquoted(value) if isinstance(value, _Text) else value
        case "str", date():
            return value.isoformat()
        case "dict", Mapping():
            return _plain_value(parameter, value, where)
        case "bool", bool():
            return value
        case "bool", _Text() if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        case "int" | "float", bool():
            pass
        case "int", int():
            return int(value)
        case "float", int() | float() if math.isfinite(value):
            return float(value)
        case "int" | "float", _Text():
            try:
                number = int(value) if parameter.kind == "int" else float(value)
            except ValueError:
                pass
            else:
                if math.isfinite(number):
                    return number
        case _:
            pass
    raise _ill_typed(parameter, value, where)


def _plain_value(parameter: Parameter, value: Any, where: str) -> Any:
    """What a mapping holds as plain data: text that was typed is what it looks like."""
    match value:
        case Mapping() if all(isinstance(name, str) for name in value):
            return {name: _plain_value(parameter, each, where) for name, each in value.items()}
        case list() | tuple():
            return [_plain_value(parameter, each, where) for each in value]
        case _Text():
            return _looks_like(value)
        case date():
            return value.isoformat()
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            raise _ill_typed(parameter, value, where)


def _looks_like(text: _Text) -> Any:
    if text.lower() in _NULL:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return _unquoted(text)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return str(text)


def _ill_typed(parameter: Parameter, value: Any, where: str) -> ConfigError:
    found = f"the mapping {value}" if isinstance(value, Mapping) else value
    found = str(found) if isinstance(found, _Text) else found
    return ConfigError(
        f"the parameter {parameter.name!r} has another type",
        found="nothing" if found in (None, "") else found,
        expected=parameter.type_name,
        where=where,
        hint=f"The notebook says of it: {parameter.help}." if parameter.help else None,
    )
