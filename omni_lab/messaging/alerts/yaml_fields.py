"""A mapping of a YAML file, read field by field; what is wrong is noted with its line and not raised.

Values are taken as they are written: ``22:00`` is a text, not a number of base sixty as YAML would have it.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import yaml

from omni_lab.config import secret as environment_value
from omni_lab.messaging.alerts.secrets import HIDDEN, NAME, Secret

Problems = list[tuple[int, str]]


class Fields:
    """Fields of one mapping.

    Parameters
    ----------
    node : yaml.Node or None
        None is an empty mapping.
    path : str
        Where it stands, as ``channels.desk``.
    problems : list of (int, str)
        Line and sentence; added to.

    Attributes
    ----------
    usable : bool
        Whether it is a mapping at all.
    """

    def __init__(self, node: Any, path: str, problems: Problems) -> None:
        self._path, self._problems = path, problems
        self.usable = True
        self._line = node.start_mark.line + 1 if node is not None else 1
        self._nodes: dict[str, Any] = {}
        self._lines: dict[str, int] = {}
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self._note(self._line, "", "expected names with values")
            self.usable = False
            return
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in self._nodes:
                self._note(key.start_mark.line + 1, name, "it is there twice")
                continue
            self._nodes[name], self._lines[name] = value, key.start_mark.line + 1

    def names(self) -> list[str]:
        """Its fields, in their order."""
        return list(self._nodes)

    def has(self, name: str) -> bool:
        """Whether the field is there and not empty."""
        return name in self._nodes and not _is_null(self._nodes[name])

    def only(self, *names: str) -> None:
        """Refuse other fields."""
        for name in self._nodes:
            if name not in names:
                near = get_close_matches(name, names, n=1)
                meant = f"Did you mean {near[0]}?" if near else f"There are {', '.join(names)}."
                self.problem(name, f"there is no such field. {meant}")

    def problem(self, name: str, what: str) -> None:
        """Note what is wrong with a field."""
        self._note(self._lines.get(name, self._line), name, what)

    def mapping(self, name: str, *, required: bool = False) -> "Fields":
        """The mapping in a field; empty if it is absent."""
        if required and not self.has(name):
            self.problem(name, "it is missing")
        path = f"{self._path}.{name}".lstrip(".")
        inner = Fields(self._nodes.get(name), path, self._problems)
        inner._line = self._lines.get(name, self._line)
        return inner

    def each(self) -> Iterator[tuple[str, "Fields"]]:
        """The mapping in each field."""
        for name in self._nodes:
            yield name, self.mapping(name, required=True)

    def text(self, name: str, *, required: bool = False) -> str:
        """A text, with ``${NAME}`` filled in; empty if it is absent."""
        return self._filled(name, required)[0]

    def texts(self, name: str, *, required: bool = False) -> list[str]:
        """A list of texts, or one."""
        node = self._nodes.get(name)
        if not isinstance(node, yaml.SequenceNode):
            return [text] if (text := self.text(name, required=required)) else []
        if not node.value:
            self.problem(name, "it is empty")
        return [self._fill(name, item)[0] for item in node.value]

    def choice(
        self, name: str, choices: tuple[str, ...], *, default: str = "", required: bool = False
    ) -> str:
        """One of a few texts."""
        found = self.text(name, required=required) or default
        if found and found not in choices:
            self.problem(name, f"{found!r} is none of {', '.join(choices)}")
            return default
        return found

    def whole(self, name: str, default: int, *, at_most: int) -> int:
        """A whole number from 1."""
        found = self.text(name)
        if not found:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", found) or not 1 <= int(found) <= at_most:
            self.problem(name, f"{found!r} is no whole number from 1 to {at_most}")
            return default
        return int(found)

    def secret(self, name: str, *, required: bool = False, named: bool = True) -> Secret:
        """A value that is not shown; it must be named by its variable, unless that is left to the writer."""
        value, written, parts = self._filled(name, required)
        if named and value and not parts:
            self.problem(name, "a secret is named, as ${NAME}, and does not stand in the file")
        return Secret(value, written if parts else HIDDEN, parts)

    def address(self, name: str) -> Secret:
        """An address of the web. It may carry a secret, so it is shown up to its host at most."""
        value, written, parts = self._filled(name, True)
        try:
            found = urlsplit(value)
            usable = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
        except ValueError:
            usable = False
        if value and (not usable or re.search(r"[\s\0-\x1f\x7f]", value) or not value.isascii()):
            self.problem(name, "this is no address such as https://example.org/path")
            return Secret(value)
        host = urlsplit(value).hostname if value else ""
        return Secret(value, written if parts else f"{value.split(':')[0]}://{host}/{HIDDEN}", parts)

    def _filled(self, name: str, required: bool) -> tuple[str, str, tuple[str, ...]]:
        if not self.has(name):
            if required:
                self.problem(name, "it is missing")
            return "", "", ()
        return self._fill(name, self._nodes[name])

    def _fill(self, name: str, node: Any) -> tuple[str, str, tuple[str, ...]]:
        """Value, as written, and what came from the environment."""
        if not isinstance(node, yaml.ScalarNode):
            self.problem(name, "expected one value")
            return "", "", ()
        written, parts = str(node.value), list[str]()

        def fill(found: re.Match[str]) -> str:
            value = environment_value(found[1])
            if value is None:
                self._note(node.start_mark.line + 1, name, f"{found[1]} is not set in the environment")
                return ""
            parts.append(value)
            return value

        names = NAME.findall(written)
        value = NAME.sub(fill, written)
        if len(parts) < len(names):
            return "", written, ("",)
        return value, written, tuple(parts)

    def _note(self, line: int, name: str, what: str) -> None:
        place = ".".join(part for part in (self._path, name) if part)
        self._problems.append((line, f"{place}: {what}" if place else what))


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
