"""What is told, and what came of telling it. No channel, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from omni_lab.errors import ConfigError

INFO, WARNING, ERROR, CRITICAL = SEVERITIES = ("info", "warning", "error", "critical")
"""Least to most severe. Only `CRITICAL` passes during quiet hours."""

TOLD, REPEATED, HELD, BELOW, FAILED = "told", "repeated", "held", "below", "failed"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that people should know.

    Attributes
    ----------
    severity : {"info", "warning", "error", "critical"}
    title : str
        One line.
    text : str
        What happened and what to do about it.
    key : str
        What makes two alerts the same one, as ``schedule:nightly``; severity and title by default.
    labels : mapping of str to str
        Facts by name, as ``{"run": "20260501-…"}``.
    resolved : bool
        Whether what an earlier alert of this key told has ended.

    Raises
    ------
    ConfigError
        If the severity is none of the four or the title is empty.
    """

    severity: str
    title: str
    text: str = ""
    key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    resolved: bool = False

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ConfigError("unknown severity", found=self.severity, expected=SEVERITIES, where="severity")
        title = " ".join(_sendable(self.title).split())
        if not title:
            raise ConfigError("an alert needs a title", where="title")
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "text", _sendable(self.text).strip())
        object.__setattr__(self, "key", _sendable(self.key) or f"{self.severity}:{title}")
        labels = {_sendable(str(name)): _sendable(str(value)) for name, value in self.labels.items()}
        object.__setattr__(self, "labels", labels)

    def reaches(self, at_least: str) -> bool:
        """Whether it is as severe as that."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(at_least)


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as it is told now.

    Attributes
    ----------
    alert : Alert
    at : datetime
        When it was raised, UTC.
    repeats : int
        How many more of the same were kept back.
    """

    alert: Alert
    at: datetime
    repeats: int = 0

    @property
    def headline(self) -> str:
        """Its title, with how often it came beside the once that it is told."""
        title = f"Resolved: {self.alert.title}" if self.alert.resolved else self.alert.title
        if not self.repeats:
            return title
        return f"{title} (and {self.repeats} more {'time' if self.repeats == 1 else 'times'})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of an alert on one channel.

    Attributes
    ----------
    channel : str
        Its name.
    outcome : {"told", "repeated", "held", "below", "failed"}
        Told; kept back as a repeat; held for the end of quiet hours; below what the channel wants; failed.
    detail : str
        Why, without secrets.
    attempts : int
        How often it was tried.
    """

    channel: str
    outcome: str
    detail: str = ""
    attempts: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.outcome != FAILED


def _sendable(text: str) -> str:
    """Text that every channel can hold: lone surrogates, as in broken file names, become ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")
