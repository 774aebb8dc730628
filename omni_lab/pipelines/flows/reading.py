"""Flows written as YAML: where they are, and what they say, with the line of everything that is wrong.

Values of steps stay as they were typed until the pipeline's own types read them, so ``007`` stays text where
a symbol is meant.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, DataError
from omni_lab.pipelines.catalog import pipelines_dir
from omni_lab.pipelines.flows.flow import CONTINUE, Flow, Step, raise_all
from omni_lab.pipelines.parameter import Parameter, coerced, from_node

if TYPE_CHECKING:
    from yaml import Node

_DIRECTORY = "flows"
_SECONDS = re.compile(r"\d{1,9}(\.\d+)?")
_FLOW_KEYS = ("about", "parameters", "steps", "timeout", "on_failure")
_STEP_KEYS = ("pipeline", "after", "set", "params", "retries", "retry_delay", "timeout", "cache")


def flows_dir() -> Path:
    """Directory of the flows: ``flows/`` beside the pipelines.

    Raises
    ------
    ConfigError
        If there are no pipelines.
    """
    return pipelines_dir() / _DIRECTORY


def list_flows() -> list[str]:
    """Names of the flows."""
    return sorted(file.stem for file in flows_dir().glob("*.yaml"))


def find_flow(name: str) -> Path:
    """File of a flow, given by name or as a path.

    Raises
    ------
    ConfigError
        If there is no such file.
    """
    if name.endswith((".yaml", ".yml")):
        file = Path(name).expanduser().absolute()
        if not file.is_file():
            raise ConfigError("this flow does not exist", found=str(file))
        return file
    file = flows_dir() / f"{name}.yaml"
    if not file.is_file():
        raise ConfigError("unknown flow", found=name, expected=list_flows(), where=str(flows_dir()))
    return file


def load_flow(flow: str | Path) -> Flow:
    """Read a flow.

    Parameters
    ----------
    flow : str or Path
        Name of a file in ``notebooks/pipelines/flows``, or a path.

    Raises
    ------
    ConfigError
        With every problem found and its line: what is not YAML, unknown or missing keys, values of another
        type, and what :class:`Flow` refuses.
    """
    file = find_flow(str(flow))
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the flow cannot be read: {error}", where=str(file)) from error
    return _Reader(file).flow(text)


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``"90"``, ``"90s"``, ``"10min"``, ``"1.5 h"``.

    Raises
    ------
    DataError
        If it is none.
    """
    return float(text) if _SECONDS.fullmatch(text.strip()) else span_ns(text) / 1e9


class _Reader:
    """Reads one file and collects what is wrong with it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._problems: list[ConfigError] = []

    def flow(self, text: str) -> Flow:
        import yaml

        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ConfigError(f"the flow is not YAML: {error}", where=str(self._file)) from error
        parts = self._mapping(root, "a flow", _FLOW_KEYS) if root is not None else {}
        steps = self._steps(parts.get("steps"))
        parameters = self._parameters(parts.get("parameters"))
        about = self._text(parts, "about") or ""
        timeout_s = self._duration(parts, "timeout")
        on_failure = self._text(parts, "on_failure") or CONTINUE
        raise_all(self._problems, f"the flow {self._file.name} cannot be read")
        return Flow(
            name=self._file.stem,
            about=about,
            parameters=parameters,
            steps=tuple(steps),
            timeout_s=timeout_s,
            on_failure=on_failure,
            where=self._file.name,
        )

    def _steps(self, node: "Node | None") -> list[Step]:
        if node is None:
            self._refuse("a flow has steps", None, expected="steps: {NAME: {pipeline: …}}")
            return []
        named = self._mapping(node, "steps")
        steps = [self._step(name, each) for name, each in named.items()]
        return [step for step in steps if step is not None]

    def _step(self, name: str, node: "Node") -> Step | None:
        parts = self._mapping(node, f"the step {name!r}", _STEP_KEYS)
        pipeline = self._text(parts, "pipeline")
        if not pipeline:
            self._refuse(f"the step {name!r} names no pipeline", node, expected="pipeline: NAME")
        values = self._mapping(parts["set"], "set") if "set" in parts else {}
        step: dict[str, Any] = {
            "after": self._names(parts.get("after")),
            "values": self._read(values, lambda each: from_node(each, self._at(each))),
            "params": self._text(parts, "params"),
            "retries": self._number(parts, "retries"),
            "retry_delay_s": self._duration(parts, "retry_delay"),
            "timeout_s": self._duration(parts, "timeout"),
            "cache": self._switch(parts, "cache"),
        }
        if not pipeline:
            return None
        return Step(
            name=name,
            pipeline=pipeline,
            where=self._at(node),
            places={each: self._at(value) for each, value in values.items()},
            **{key: value for key, value in step.items() if value is not None},
        )

    def _parameters(self, node: "Node | None") -> dict[str, Any]:
        if node is None:
            return {}

        def plain(each: "Node") -> Any:
            # What stands in a mapping is read as what it looks like, as a default has to be.
            inside = {"it": from_node(each, self._at(each))}
            return coerced(Parameter(name="parameters", kind="dict"), inside, self._at(each))["it"]

        return self._read(self._mapping(node, "parameters"), plain)

    def _read(self, nodes: "Mapping[str, Node]", read: "Callable[[Node], Any]") -> dict[str, Any]:
        found = {}
        for name, node in nodes.items():
            try:
                found[name] = read(node)
            except ConfigError as problem:
                self._problems.append(problem)
        return found

    def _mapping(self, node: "Node", what: str, known: tuple[str, ...] = ()) -> "dict[str, Node]":
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self._refuse(f"{what} maps names to values", node)
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if not name:
                self._refuse("a name is text", key)
            elif name in found:
                self._refuse("a name is given twice", key, found=name)
            elif known and name not in known:
                self._refuse(f"unknown key in {what}", key, found=name, expected=known)
            else:
                found[name] = value
        return found

    def _scalar(self, parts: "Mapping[str, Node]", name: str) -> str | None:
        import yaml

        node = parts.get(name)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")):
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(f"{name} is one value", node)
            return None
        return str(node.value)

    _text = _scalar

    def _number(self, parts: "Mapping[str, Node]", name: str) -> int | None:
        text = self._scalar(parts, name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit():
            self._refuse(f"{name} is a whole number from 0", parts[name], found=text)
            return None
        return int(text)

    def _duration(self, parts: "Mapping[str, Node]", name: str) -> float | None:
        text = self._scalar(parts, name)
        if text is None:
            return None
        try:
            return seconds_of(text)
        except DataError:
            expected = "seconds, or a number with ms, s, min, h, d or w"
            self._refuse(f"{name} is a duration", parts[name], found=text, expected=expected)
            return None

    def _switch(self, parts: "Mapping[str, Node]", name: str) -> bool | None:
        text = self._scalar(parts, name)
        if text is None:
            return None
        if text.lower() not in ("true", "false"):
            self._refuse(f"{name} is true or false", parts[name], found=text)
            return None
        return text.lower() == "true"

    def _names(self, node: "Node | None") -> tuple[str, ...] | None:
        import yaml

        if node is None:
            return None
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(each, yaml.ScalarNode) for each in nodes):
            self._refuse("after is the name of a step, or a list of them", node)
            return None
        return tuple(str(each.value) for each in nodes)

    def _refuse(
        self, what: str, node: "Node | None", *, found: object = None, expected: object = None
    ) -> None:
        self._problems.append(ConfigError(what, found=found, expected=expected, where=self._at(node)))

    def _at(self, node: "Node | None") -> str:
        return self._file.name if node is None else f"{self._file.name}, line {node.start_mark.line + 1}"
