"""Values that must not be seen: they are handed to a channel, and written nowhere else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value with what may be shown of it.

    Attributes
    ----------
    shown : str
        As it stands in the file, ``${NAME}``, or as much of an address as leads nowhere.
    """

    _value: str = field(repr=False)
    shown: str = HIDDEN
    _parts: tuple[str, ...] = field(default=(), repr=False)

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __str__(self) -> str:
        return self.shown


def without_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """Text in which no secret, and no part of one that came from the environment, can be read."""
    values = {value for secret in secrets for value in (secret.reveal(), *secret._parts) if value}
    written = {form for value in values for form in _forms(value)}
    for value in sorted(written, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _forms(value: str) -> tuple[str, ...]:
    """A value as servers and libraries repeat it: as it is, escaped as in JSON, in Python, in an address."""
    return value, value.replace("/", "\\/"), repr(value)[1:-1], quote(value), quote(value, safe="")
