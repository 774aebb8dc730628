"""How the gateway is guarded: who is asked, which hosts are ours, and how much anybody may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omni_lab.config import Settings
from omni_lab.errors import ConfigError

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine that a browser on it may use."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket.

    Attributes
    ----------
    per_second : float
        How fast it fills.
    burst : float
        What it holds; the number of requests that may come at once.
    """

    per_second: float
    burst: float


RATES: Final[Mapping[str, tuple[Rate, ...]]] = {
    # Of an address with a name: this keeps a password from being guessed, and locks nobody else out.
    "login": (Rate(5 / 60, 5), Rate(20 / 3600, 20)),
    # Of an address with whatever name: many names, or many bad tokens.
    "address": (Rate(30 / 60, 30), Rate(200 / 3600, 200)),
    "write": (Rate(50, 50),),
    "read": (Rate(2000, 2000),),
}
"""Buckets by class of request; all of a class must have a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    """Attributes of the guard.

    Attributes
    ----------
    database : str
        A file of SQLite, or a URL.
    key_file : Path
        The Fernet keys, one a line, the newest first; made with mode 0600 where it is missing.
    users : bool
        Whether people are asked who they are; else everybody is the one local user.
    tls : bool
        Whether browsers reach us by https, here or at what stands before us.
    hosts : tuple of str
        Names that we answer to, without a port; any where it is empty. In local mode those of this machine.
    origins : tuple of str
        Origins besides our own whose pages may write and open sockets; ``"https://desk.example"``.
    rates : mapping of str to tuple of Rate
    sockets : int
        Connections of one person at a time.
    body_bytes : int
        The largest body.
    redis : str or None
        The address of Redis where several replicas share their limits.
    access_s, refresh_s, session_s : int
        How long access tokens, refresh tokens and a browser's session are good for.
    bcrypt_cost : int
        The logarithm of the rounds, at least 10.
    """

    database: str
    key_file: Path
    users: bool = False
    tls: bool = False
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rates: Mapping[str, tuple[Rate, ...]] = field(default_factory=lambda: dict(RATES))
    sockets: int = 20
    body_bytes: int = 1 << 20
    redis: str | None = None
    access_s: int = 15 * 60
    refresh_s: int = 14 * 86400
    session_s: int = 12 * 3600
    bcrypt_cost: int = 12

    def __post_init__(self) -> None:
        if missing := set(RATES) - set(self.rates):
            raise ConfigError("limits are missing", found=sorted(self.rates), expected=sorted(missing))
        for name in ("sockets", "body_bytes", "access_s", "refresh_s", "session_s"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be positive", found=getattr(self, name), where=name)
        if not 4 <= self.bcrypt_cost <= 16:
            raise ConfigError(
                "the cost of bcrypt is out of range", found=self.bcrypt_cost, expected="4 to 16"
            )

    @classmethod
    def of(cls, settings: Settings | None = None, **changes: object) -> SecuritySettings:
        """Settings whose files are in the data directory.

        Parameters
        ----------
        settings : Settings, optional
            Of this process by default.
        **changes
            Other attributes.
        """
        found = settings or Settings.from_env()
        places: dict[str, object] = {"database": found.gateway, "key_file": found.gateway_dir / "keys"}
        return cls(**(places | changes))  # type: ignore[arg-type]

    @property
    def cookie(self) -> str:
        """The name of the session cookie. Browsers take ``__Host-`` over https alone."""
        return "__Host-omni" if self.tls else "omni"
