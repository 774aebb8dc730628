"""What servers and clients of a venue are told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from omni_lab.domain import SelfTrade
from omni_lab.errors import ConfigError

LOOPBACK = "127.0.0.1"
"""Nothing listens beyond this machine unless it is told to."""
Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may log in.

    Attributes
    ----------
    name : str
        Up to six ASCII letters and digits, compared without case.
    password : str
        Up to ten; never shown.
    account : str
        Whose orders are entered.
    self_trade : SelfTrade
        What happens when orders of the account would meet.

    Raises
    ------
    ConfigError
        Naming every field that cannot be used.
    """

    name: str
    password: str = field(repr=False)
    account: str = "main"
    self_trade: SelfTrade = SelfTrade.ALLOW

    def __post_init__(self) -> None:
        problems = (
            [] if _fits(self.name, 6) else [f"name must be 1 to 6 ASCII letters and digits: {self.name!r}"]
        )
        if not _fits(self.password, 10):
            problems.append("password must be 1 to 10 ASCII letters and digits")
        if problems:
            raise ConfigError("; ".join(problems), where="User")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long sessions wait, in seconds.

    Attributes
    ----------
    heartbeat_s : float
        Silence of ours after which a heartbeat is sent.
    timeout_s : float
        Silence of theirs after which the link is dead.
    login_s : float
        How long a login may take.
    slow_s : float
        How long a client may leave what was sent to it unread before it is let go; what it missed waits for
        it.

    Raises
    ------
    ConfigError
        Naming every time that is not positive.
    """

    heartbeat_s: float = 1.0
    timeout_s: float = 15.0
    login_s: float = 30.0
    slow_s: float = 30.0

    def __post_init__(self) -> None:
        _check_positive(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long a client waits before it connects again: seconds at first and at most, and the factor between.

    Raises
    ------
    ConfigError
        Naming every number that is not positive.
    """

    first_s: float = 0.1
    factor: float = 2.0
    longest_s: float = 5.0

    def __post_init__(self) -> None:
        _check_positive(self)

    def wait_s(self, n_failures: int) -> float:
        """How long to wait after so many failures in a row, the first of which is number 1."""
        # Beyond 64 doublings the longest wait was reached long ago, and the power would overflow.
        return min(self.longest_s, self.first_s * self.factor ** min(max(n_failures - 1, 0), 64))


def ns(seconds: float) -> int:
    """Seconds as nanoseconds."""
    return round(seconds * 1e9)


def _check_positive(settings: Timing | Backoff) -> None:
    values = ((each.name, getattr(settings, each.name)) for each in fields(settings))
    problems = [f"{name} must be greater than 0, not {value!r}" for name, value in values if not value > 0]
    if problems:
        raise ConfigError("; ".join(problems), where=type(settings).__name__)


def users_by_name(users: Iterable[User]) -> dict[str, User]:
    """Users by their names in small letters.

    Raises
    ------
    ConfigError
        If two have one name.
    """
    named: dict[str, User] = {}
    for user in users:
        if user.name.lower() in named:
            raise ConfigError("two users have one name", found=user.name)
        named[user.name.lower()] = user
    return named


def _fits(text: object, length: int) -> bool:
    return isinstance(text, str) and 1 <= len(text) <= length and text.isascii() and text.isalnum()
