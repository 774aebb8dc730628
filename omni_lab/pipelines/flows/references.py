"""References in the values of a flow: ``${name}`` is a parameter of it, ``${step.run_id}`` a run upstream.

A value that is one reference becomes what is referred to, with its type; a reference inside longer text
becomes part of the text. ``$${`` stands for ``${``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omni_lab.errors import ConfigError

RUN_ID = "run_id"
RUN_DIR = "run_dir"
ARTIFACTS = "artifacts"
METRICS = "metrics"

_REFERENCE = re.compile(r"\$(\$?)\{([^{}]*)\}")
_PARAMETER = re.compile(r"[A-Za-z_]\w*")
_FORMS = "${parameter}, ${step.run_id}, ${step.run_dir}, ${step.artifacts.NAME} or ${step.metrics.NAME}"


@dataclass(frozen=True, slots=True)
class ParameterReference:
    """A parameter of the flow.

    Attributes
    ----------
    text : str
        As it is written.
    name : str
    """

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class StepReference:
    """Something of a run upstream.

    Attributes
    ----------
    text : str
        As it is written.
    step : str
    what : str
        ``"run_id"``, ``"run_dir"``, ``"artifacts"`` or ``"metrics"``.
    name : str
        Of the artefact or the metric.
    """

    text: str
    step: str
    what: str
    name: str = ""

    @property
    def is_of_the_run(self) -> bool:
        """Whether it names the run itself rather than what the run came to: another run, another value."""
        return self.what != METRICS


Reference = ParameterReference | StepReference
Lookup = Callable[[Reference], Any]


def references(value: Any, *, where: str | None = None) -> Iterator[Reference]:
    """All references in a value, in lists and mappings too.

    Raises
    ------
    ConfigError
        If one is none that there is.
    """
    match value:
        case str():
            for escape, inside in _REFERENCE.findall(value):
                if not escape:
                    yield _parsed(inside, where)
        case Mapping():
            for each in value.values():
                yield from references(each, where=where)
        case list() | tuple():
            for each in value:
                yield from references(each, where=where)


def step_references(
    value: Any, *, parameters: Mapping[str, Any] | None = None, where: str | None = None
) -> Iterator[StepReference]:
    """The references of a value that name steps.

    Parameters
    ----------
    value : object
    parameters : mapping, optional
        Parameters that there are; a reference to another is refused.
    where : str, optional
        For messages.

    Raises
    ------
    ConfigError
        If a reference is none that there is.
    """
    for reference in references(value, where=where):
        if isinstance(reference, StepReference):
            yield reference
        elif parameters is not None and reference.name not in parameters:
            raise ConfigError(
                f"{reference.text} is no parameter of the flow",
                found=reference.name,
                expected=list(parameters),
                where=where,
            )


def resolved(value: Any, lookup: Lookup, *, where: str | None = None) -> Any:
    """A value with its references replaced by what ``lookup`` says of each.

    Parameters
    ----------
    value : object
        Text keeps its class, so that text which was typed is still read by the type it is meant for.
    lookup : callable
        Takes a reference and answers what it stands for.
    where : str, optional
        For messages.

    Raises
    ------
    ConfigError
        If a list, a mapping or nothing at all would have to become part of a longer text.
    """
    match value:
        case str():
            return _resolved_text(value, lookup, where)
        case Mapping():
            return {name: resolved(each, lookup, where=where) for name, each in value.items()}
        case list() | tuple():
            return [resolved(each, lookup, where=where) for each in value]
        case _:
            return value


def only_reference(value: Any) -> Reference | None:
    """The reference that a value is; None if it is something else, or more."""
    whole = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return _parsed(whole[2], None) if whole and not whole[1] else None


def escaped(value: Any) -> Any:
    """A value whose text holds no references: resolving it gives the value back."""
    match value:
        case str():
            return (
                type(value)(_REFERENCE.sub(lambda found: f"${found[0]}", value)) if "${" in value else value
            )
        case Mapping():
            return {name: escaped(each) for name, each in value.items()}
        case list() | tuple():
            return [escaped(each) for each in value]
        case _:
            return value


def _resolved_text(text: str, lookup: Lookup, where: str | None) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole and not whole[1]:
        return lookup(_parsed(whole[2], where))

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        found = lookup(_parsed(match[2], where))
        if found is None or isinstance(found, list | tuple | Mapping):
            raise ConfigError(
                f"{match[0]} cannot be a part of text",
                found="nothing" if found is None else found,
                expected="text or a number",
                where=where,
            )
        return str(found)

    replaced = _REFERENCE.sub(replace, text)
    return text if replaced == text else type(text)(replaced)


def _parsed(inside: str, where: str | None) -> Reference:
    text, parts = f"${{{inside}}}", inside.strip().split(".", maxsplit=2)
    match parts:
        case [name] if _PARAMETER.fullmatch(name):
            return ParameterReference(text, name)
        case [step, "run_id" | "run_dir" as what] if step:
            return StepReference(text, step, what)
        case [step, "artifacts" | "metrics" as what, name] if step and name:
            return StepReference(text, step, what, name)
        case _:
            raise ConfigError("this is no reference", found=text, expected=_FORMS, where=where)
