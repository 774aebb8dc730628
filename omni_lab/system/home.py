"""The directory of a system: one process at a time, with the configuration that it was begun with."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omni_lab.config import Settings
from omni_lab.errors import ConfigError, StateError
from omni_lab.system.config import SystemConfig

_MAY_CHANGE = frozenset(
    {"limits", "soft_limits", "strategy", "parameters", "bar", "speed", "slice_ms", "durability", "home"}
)


class Home:
    """The files of a system, held while it runs.

    Parameters
    ----------
    config : SystemConfig
    settings : Settings, optional
        Where systems are; of this process by default.

    Attributes
    ----------
    changed : frozenset of str
        Settings that are others than the last time, and may be.
    """

    def __init__(self, config: SystemConfig, settings: Settings | None = None) -> None:
        self.config = config
        self.path = config.home or (settings or Settings.from_env()).systems_dir / config.name
        self.changed: frozenset[str] = frozenset()
        self._lock: int | None = None

    @property
    def journal(self) -> Path:
        """Directory of the journal."""
        return self.path / "journal"

    @property
    def records(self) -> Path:
        """Database of samples."""
        return self.path / "records.sqlite"

    @property
    def has_journal(self) -> bool:
        """Whether there is something to recover."""
        return any(self.journal.glob("*.seg"))

    def hold(self) -> None:
        """Take the directory.

        Raises
        ------
        StateError
            If another process has it.
        ConfigError
            If it was begun with another configuration.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "LOCK", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise StateError(
                "another process runs this system", found=self.config.name, where=str(self.path)
            ) from error
        self._lock = lock
        try:
            self._check_config()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let the directory go."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _check_config(self) -> None:
        file = self.path / "config.json"
        stated = json.loads(json.dumps(asdict(self.config), default=str))
        if not (file.exists() and self.has_journal):
            # A start that failed before there was anything binds nobody.
            _write(file, stated)
            return
        begun: dict[str, Any] = json.loads(file.read_text())
        differing = sorted(
            name for name in stated if name not in _MAY_CHANGE and stated[name] != begun.get(name)
        )
        if differing:
            raise ConfigError(
                f"this system was begun with another {', '.join(differing)}",
                found={name: stated[name] for name in differing},
                expected=json.dumps({name: begun.get(name) for name in differing}),
                where=str(file),
                hint="Give the system another name, or remove its directory.",
            )
        self.changed = frozenset(name for name in stated if stated[name] != begun.get(name)) & _MAY_CHANGE
        if self.changed:
            _write(file, stated)


def _write(file: Path, stated: dict[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(stated, indent=2))
    part.replace(file)
