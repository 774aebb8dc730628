"""What was told and what waits, so that a repeat is known for one after a restart and in another process."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from omni_lab.messaging.alerts.alert import Alert, Notice

_BUSY_S = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    channel TEXT, key TEXT, at REAL, repeats INTEGER, last REAL, alert TEXT, PRIMARY KEY (channel, key));
CREATE TABLE IF NOT EXISTS held (
    channel TEXT, key TEXT, at REAL, repeats INTEGER, alert TEXT, PRIMARY KEY (channel, key));
"""


class Memory:
    """A small file of SQLite. Every method is one transaction, so that processes may share it.

    Parameters
    ----------
    path : Path
        Made with its directory when first written to.

    Raises
    ------
    sqlite3.Error, OSError
        By every method, if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim(self, channel: str, alert: Alert, now: float, repeat_after_s: float) -> int | None:
        """Take it upon oneself to tell an alert now.

        Returns
        -------
        int or None
            How many were kept back since it was told last; None if this one is kept back too.
        """
        with self._writing() as database:
            row = database.execute(
                "SELECT at, repeats FROM told WHERE channel = ? AND key = ?", (channel, alert.key)
            ).fetchone()
            if row is not None and row[0] <= now < row[0] + repeat_after_s:
                database.execute(
                    "UPDATE told SET repeats = repeats + 1, last = ?, alert = ?"
                    " WHERE channel = ? AND key = ?",
                    (now, _packed(alert), channel, alert.key),
                )
                return None
            database.execute(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, 0, ?, ?)",
                (channel, alert.key, now, now, _packed(alert)),
            )
            return int(row[1]) if row is not None else 0

    def release(self, channel: str, alert: Alert) -> None:
        """It could not be told after all: the next one is not a repeat."""
        with self._writing() as database:
            database.execute("DELETE FROM told WHERE channel = ? AND key = ?", (channel, alert.key))

    def resolve(self, channel: str, alert: Alert) -> bool:
        """Forget what a resolution ends; False if that was only held and never told."""
        with self._writing() as database:
            place = (channel, alert.key)
            told = database.execute("DELETE FROM told WHERE channel = ? AND key = ?", place).rowcount
            held = database.execute("DELETE FROM held WHERE channel = ? AND key = ?", place).rowcount
            return bool(told or not held)

    def hold(self, channel: str, notice: Notice) -> None:
        """Keep it for the end of quiet hours; more of the same are counted."""
        alert = notice.alert
        with self._writing() as database:
            row = database.execute(
                "SELECT repeats, alert FROM held WHERE channel = ? AND key = ?", (channel, alert.key)
            ).fetchone()
            same = row is not None and _unpacked(row[1]).resolved == alert.resolved
            repeats = notice.repeats + (int(row[0]) + 1 if same else 0)
            database.execute(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?)",
                (channel, alert.key, notice.at.timestamp(), repeats, _packed(alert)),
            )

    def take_held(self, channel: str) -> list[Notice]:
        """What waits for a channel, the oldest first; it waits no longer."""
        with self._writing() as database:
            rows = database.execute(
                "SELECT alert, at, repeats FROM held WHERE channel = ? ORDER BY at, key", (channel,)
            ).fetchall()
            database.execute("DELETE FROM held WHERE channel = ?", (channel,))
            return [_notice(*row) for row in rows]

    def take_ended(self, channel: str, now: float, repeat_after_s: float) -> list[Notice]:
        """Alerts that came again since they were told, and whose time of keeping back has ended.

        Their time begins anew, so that an alert that never ends is told once in each.
        """
        ended = (channel, now - repeat_after_s)
        with self._writing() as database:
            database.execute("DELETE FROM told WHERE channel = ? AND at <= ? AND repeats = 0", ended)
            rows = database.execute(
                "SELECT alert, last, repeats - 1 FROM told WHERE channel = ? AND at <= ? ORDER BY last, key",
                ended,
            ).fetchall()
            database.execute(
                "UPDATE told SET at = ?, repeats = 0 WHERE channel = ? AND at <= ?", (now, *ended)
            )
            return [_notice(*row) for row in rows]

    def waiting(self) -> dict[str, int]:
        """How many alerts wait, by channel."""
        with self._writing() as database:
            return dict(database.execute("SELECT channel, COUNT(*) FROM held GROUP BY channel"))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as database:
            database.executescript(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")


def _packed(alert: Alert) -> str:
    return json.dumps(asdict(alert))


def _unpacked(text: str) -> Alert:
    return Alert(**json.loads(text))


def _notice(alert: str, at: float, repeats: int) -> Notice:
    return Notice(_unpacked(alert), datetime.fromtimestamp(at, UTC), repeats)
