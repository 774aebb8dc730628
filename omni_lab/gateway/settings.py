"""`GatewaySettings`: where the gateway listens, and whom it lets in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from omni_lab.config import Settings
from omni_lab.errors import ConfigError
from omni_lab.gateway.security import SecuritySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Where the gateway listens, and what it serves.

    Attributes
    ----------
    host : str
        Address to listen on.
    port : int
        0 takes a free one.
    users : bool
        Whether everyone is asked who they are; otherwise one user, this machine alone.
    behind_tls : bool
        Whether something before it has TLS.
    certificate, key : Path or None
        PEM files of its own TLS.
    hosts : tuple of str
        Names that it answers to, without a port; any where it is empty, but with no users those of this
        machine.
    origins : tuple of str
        Origins besides its own whose pages may write and open sockets.
    redis : str or None
        Where several replicas share their limits.
    dashboard : bool
        Whether ``/dashboard`` is served.
    replay_hours : float
        How long answers to idempotency keys are kept.

    Raises
    ------
    ConfigError
        With every problem found: another address than this machine's without users, or without TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8050
    users: bool = False
    behind_tls: bool = False
    certificate: Path | None = None
    key: Path | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    redis: str | None = None
    dashboard: bool = True
    replay_hours: float = 24.0

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigError("; ".join(problems), where="GatewaySettings")

    @property
    def is_tls(self) -> bool:
        """Whether browsers speak TLS with it, or with what stands before it."""
        return self.behind_tls or self.certificate is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def security(self, settings: Settings) -> SecuritySettings:
        """How it is guarded, with its files in the data directory."""
        names = ("users", "hosts", "origins", "redis")
        given = {name: getattr(self, name) for name in names}
        return SecuritySettings.of(settings, tls=self.is_tls, **given)

    def _problems(self) -> list[str]:
        found = []
        if not 0 <= self.port <= 65_535:
            found.append(f"port must be from 0 to 65535, not {self.port}")
        if (self.certificate is None) != (self.key is None):
            found.append("a certificate needs its key, and a key its certificate")
        for name, path in (("certificate", self.certificate), ("key", self.key)):
            if path is not None and not path.is_file():
                found.append(f"the file of the {name} does not exist: {path}")
        if not self.is_loopback and not self.users:
            found.append(f"without --users only this machine may be served, not {self.host}")
        elif not self.is_loopback and not self.is_tls:
            found.append(f"{self.host} is served with TLS (--certificate, --key) or behind it (--behind-tls)")
        if self.replay_hours <= 0:
            found.append(f"replay_hours must be positive, not {self.replay_hours}")
        return found
