"""The one tree of exceptions that bad input or a bad environment raises.

An error carries facts (what was found, what was expected, where, what to try), and its message is built from
them. Business outcomes such as a rejected order are events, and broken invariants are assertions: neither
is here.
"""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

_SHOWN_CHOICES = 12


class OmniError(Exception):
    """Anything that OmniLab refuses, with the facts that explain it.

    Parameters
    ----------
    what : str
        What is wrong, as a clause without a full stop: ``"the times must be strictly increasing"``.
    found : object, optional
        The offending value.
    expected : object, optional
        What would have been accepted. A string is shown as it is; any other collection is shown as a list of
        choices, and the choice closest to ``found`` becomes the hint when none is given.
    where : str, optional
        The place: argument, column and row, file and line.
    hint : str, optional
        What to do about it, as a sentence.

    Attributes
    ----------
    what, found, expected, where, hint
        As given.
    """

    def __init__(
        self,
        what: str = "",
        *,
        found: object = None,
        expected: object = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.found = found
        self.expected = expected
        self.where = where
        self.hint = hint or _closest(found, expected)
        super().__init__(_message(what, found, expected, where, self.hint))

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call __init__ with the finished message and lose the subclasses' own arguments;
        # a worker process must be able to send any of these home.
        return _restore, (type(self), self.args), self.__dict__


class ConfigError(OmniError, ValueError):
    """A setting is unknown, out of range, or at odds with another."""


class ForbiddenError(OmniError, RuntimeError):
    """Somebody asks for what his role does not allow."""


class StateError(OmniError, RuntimeError):
    """Something is asked of a system that is stopped, halted, or in another mode."""


class DataError(OmniError, ValueError):
    """Data cannot be used as it is."""


class SchemaError(DataError, TypeError):
    """A column is missing or has the wrong type."""


class ShapeError(DataError):
    """Arrays disagree in length or number of dimensions."""


class SourceError(DataError, LookupError):
    """A source does not have what was asked of it."""


class UnknownSymbolError(SourceError):
    """No instrument goes by this symbol here."""


class CodecError(OmniError, ValueError):
    """Bytes are not a valid message."""


class JournalError(OmniError, RuntimeError):
    """A journal cannot be written, read or recovered."""


class ModelError(OmniError, RuntimeError):
    """A model cannot be fitted or has not been."""


class TrialError(OmniError, RuntimeError):
    """A trial of a search did not come to its end."""


class GatewayError(OmniError, RuntimeError):
    """The gateway cannot serve a request."""


class AlertError(OmniError, RuntimeError):
    """An alert did not reach a channel."""


class PipelineError(OmniError, RuntimeError):
    """A pipeline stopped before its end."""


class MissingExtraError(OmniError, ImportError):
    """A package of an optional extra is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of ``omni-lab`` that installs it.
    what : str, optional
        What needs it; ``"reading polars frames"``.
    """

    def __init__(self, package: str, *, extra: str, what: str = "this") -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed",
            hint=f"Install the extra that holds it: pip install 'omni-lab[{extra}]'.",
        )


def _restore(kind: type[OmniError], args: tuple[Any, ...]) -> OmniError:
    return kind.__new__(kind, *args)


def _message(what: str, found: object, expected: object, where: str | None, hint: str | None) -> str:
    facts = []
    if found is not None:
        facts.append(f"found {found!r}")
    if expected is not None:
        facts.append(f"expected {_choices(expected)}")
    message = what
    if facts:
        message += (": " if what else "") + ", ".join(facts)
    if where:
        message += f" (in {where})"
    if hint:
        message += ("" if message.endswith(".") else ".") + f" {hint}"
    return message


def _choices(expected: object) -> str:
    if isinstance(expected, str) or not isinstance(expected, Collection):
        return str(expected)
    names = [repr(choice) for choice in expected]
    # One name takes no more room than the word that there is one more.
    if len(names) > _SHOWN_CHOICES + 1:
        names[_SHOWN_CHOICES:] = [f"{len(names) - _SHOWN_CHOICES} more"]
    return "one of " + ", ".join(names) if names else "nothing, for there is none"


def _closest(found: object, expected: object) -> str | None:
    if not isinstance(found, str) or isinstance(expected, str) or not isinstance(expected, Collection):
        return None
    matches = get_close_matches(found, [choice for choice in expected if isinstance(choice, str)], n=1)
    return f"Did you mean {matches[0]!r}?" if matches else None
