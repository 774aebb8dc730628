"""One parameter of a pipeline: its type and range, and how a value is read as it.

A value comes from Python, or as text that somebody typed; the declared type decides what the text means.
``parameters`` reads the parameters of a notebook and joins the places where values are given.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError

if TYPE_CHECKING:
    from yaml import Node

PATH = "path"
"""Kind of a parameter that is a file or folder, which must exist; its content belongs to the question."""

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
        ``"str"``, ``"int"``, ``"float"``, ``"bool"``, ``"dict"`` for a mapping of names to plain values,
        lists and mappings, or ``"path"`` for text that names a file or folder.
    is_list, is_optional : bool
        Whether it is a list of that kind, and whether None is allowed.
    default : object
    help : str
        What it does: from its form, or the comment on its line.
    unit : str
        What its number counts or measures.
    at_least, at_most, above, below : float or None
        Range of a number, or of every number of a list; the first two belong to it.
    choices : tuple or None
        The only values there are.
    """

    name: str
    kind: str
    is_list: bool = False
    is_optional: bool = False
    default: Any = None
    help: str = ""
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[Any, ...] | None = None

    @property
    def type_name(self) -> str:
        """The type as a person writes it, such as ``"float | None"``."""
        return self._type_name(self.kind)

    @property
    def annotation(self) -> str:
        """The type as the notebook's cell writes it: a path is text there."""
        return self._type_name("str" if self.kind == PATH else self.kind)

    @property
    def range_text(self) -> str:
        """What may be given, without the unit: ``"at least 2, below 10"``; empty when there is no limit."""
        if self.choices is not None:
            return "one of " + ", ".join(map(str, self.choices))
        limits = (
            ("at least", self.at_least),
            ("above", self.above),
            ("at most", self.at_most),
            ("below", self.below),
        )
        return ", ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)

    @property
    def accepts(self) -> str:
        """Range and unit in a few words: ``"at least 2 bars"``, ``"bars"``, ``"one of a, b"``."""
        return " ".join(filter(None, (self.range_text, self.unit)))

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value of the right type, as a sentence; None when nothing is.

        Parameters
        ----------
        value : object
            As :func:`coerced` returns it.
        """
        wrong = self._wrong(value)
        if wrong is None:
            return None
        if self.kind == PATH:
            return f"{wrong} does not exist"
        return f"{wrong} is not {self.accepts}"

    def _wrong(self, value: Any) -> Any:
        """The first item that the range or the choices leave out; None when there is none."""
        items = value if self.is_list and value is not None else [value]
        return next((item for item in items if item is not None and not self._allows(item)), None)

    def _allows(self, item: Any) -> bool:
        if self.kind == PATH:
            return Path(item).exists()
        if self.choices is not None:
            return item in self.choices
        return not (
            (self.at_least is not None and item < self.at_least)
            or (self.at_most is not None and item > self.at_most)
            or (self.above is not None and item <= self.above)
            or (self.below is not None and item >= self.below)
        )

    def _type_name(self, kind: str) -> str:
        name = f"list[{kind}]" if self.is_list else kind
        return f"{name} | None" if self.is_optional else name


class TypedText(str):
    """A scalar as it was typed, before the declared type decides what it is."""

    __slots__ = ()


def declared_type(annotation: str, where: str) -> dict[str, Any]:
    """Kind, ``is_list`` and ``is_optional`` that an annotation means.

    Raises
    ------
    ConfigError
        If it is none that a parameter may have.
    """
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


def coerced(parameter: Parameter, value: Any, where: str) -> Any:
    """A value as the parameter's type; the path of a file made absolute.

    Raises
    ------
    ConfigError
        If it has another type, is out of range, or names a file that does not exist.
    """
    found = _typed(parameter, value, where)
    wrong = parameter._wrong(found)
    if wrong is None:
        return found
    what = "names nothing that exists" if parameter.kind == PATH else "is out of range"
    what = "is none of its choices" if parameter.choices is not None else what
    raise ConfigError(
        f"the parameter {parameter.name!r} {what}",
        found=wrong,
        expected=parameter.choices or parameter.accepts or "a file or folder",
        where=where,
    )


def from_node(node: "Node", where: str) -> Any:
    """What a node of YAML says, its scalars as they were typed.

    Raises
    ------
    ConfigError
        If a mapping names something twice, or by anything but text.
    """
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return str(node.value) if node.style in ("'", '"') else TypedText(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [from_node(item, where) for item in node.value]
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value in mapping:
            problem = "a name is given twice" if isinstance(key, yaml.ScalarNode) else "names are text"
            raise ConfigError(problem, found=str(key.value), where=where)
        mapping[str(key.value)] = from_node(item, where)
    return mapping


def _typed(parameter: Parameter, value: Any, where: str) -> Any:
    if value is None or (isinstance(value, TypedText) and _is_null(parameter, value)):
        if parameter.is_optional:
            return None
        raise _ill_typed(parameter, None if value is None else str(value), where)
    if isinstance(value, TypedText) and parameter.kind == "dict":
        value = _in_text(value, where)
    if not parameter.is_list:
        return _scalar(parameter, value, where)
    if isinstance(value, TypedText):
        inside = value.strip().removeprefix("[").removesuffix("]")
        value = [TypedText(part.strip()) for part in inside.split(",")] if inside.strip() else []
    if not isinstance(value, list | tuple):
        raise _ill_typed(parameter, value, where)
    return [_scalar(parameter, item, where) for item in value]


def _is_null(parameter: Parameter, text: str) -> bool:
    # A text parameter may well be spelled "none"; only one that may be None reads it so.
    return text.lower() in _NULL and (parameter.is_optional or parameter.kind != "str" or not text)


def _scalar(parameter: Parameter, value: Any, where: str) -> Any:
    match parameter.kind, value:
        case "str", str():
            return _unquoted(value) if isinstance(value, TypedText) else value
        case "str", date():
            return value.isoformat()
        case "path", str() | Path() if str(value).strip():
            text = _unquoted(value) if isinstance(value, TypedText) else str(value)
            return str(Path(text).expanduser().absolute())
        case "dict", Mapping():
            return _plain_value(parameter, value, where)
        case "bool", bool():
            return value
        case "bool", TypedText() if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        case "int" | "float", bool():
            pass
        case "int", int():
            return int(value)
        case "float", int() | float() if math.isfinite(value):
            return float(value)
        case "int" | "float", TypedText():
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
        case TypedText():
            return _looks_like(value)
        case date():
            return value.isoformat()
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            raise _ill_typed(parameter, value, where)


def _looks_like(text: TypedText) -> Any:
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
    found = str(found) if isinstance(found, TypedText) else found
    return ConfigError(
        f"the parameter {parameter.name!r} has another type",
        found="nothing" if found in (None, "") else found,
        expected=parameter.type_name,
        where=where,
        hint=f"It is described so: {parameter.help}." if parameter.help else None,
    )


def _in_text(text: str, where: str) -> Any:
    """What a mapping, or a list of them, says that was typed: ``{tiers: [{taker_rate: 0.0005}]}``."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError("this is not YAML", found=text, where=where) from error
    return None if node is None else from_node(node, where)
