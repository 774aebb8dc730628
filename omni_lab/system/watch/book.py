"""`AlertBook`: alerts that opened and ended, who acknowledged them, and what is muted, in a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omni_lab.store.database import create_tables, reading, sa
from omni_lab.system.watch.rules import Finding

metadata = sa.MetaData()

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("system", "key", "severity", "text", "hint")),
    # Nanoseconds UTC; 0 for not yet.
    *(
        sa.Column(name, sa.BigInteger, nullable=False, default=0)
        for name in ("opened_ts", "ended_ts", "acknowledged_ts")
    ),
    *(sa.Column(name, sa.Text, nullable=False, default="") for name in ("acknowledged_by", "why")),
    sa.Index("alerts_by_state", "system", "ended_ts", "key"),
)

mutes = sa.Table(
    "alert_mutes",
    metadata,
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("until_ts", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAlert:
    """An alert as the book has it.

    Attributes
    ----------
    n : int
        Counts up.
    key, severity, text, hint : str
    opened_ts, ended_ts : int
        Nanoseconds UTC; 0 for not yet.
    acknowledged_by, why : str
        Who knows of it, and what he wrote; empty for nobody.
    acknowledged_ts : int
    """

    n: int
    key: str
    severity: str
    text: str
    hint: str
    opened_ts: int
    ended_ts: int
    acknowledged_by: str
    why: str
    acknowledged_ts: int


class AlertBook:
    """The alerts of one system.

    Parameters
    ----------
    engine : Engine
    system : str
        Name of the system.
    """

    def __init__(self, engine: sa.Engine, system: str) -> None:
        self._engine, self._system = engine, system
        create_tables(engine, metadata)

    def open(self, finding: Finding, ts: int) -> int:
        """Write down that an alert opened; its number."""
        row = {name: getattr(finding, name) for name in ("key", "severity", "text", "hint")}
        with self._engine.begin() as connection:
            done = connection.execute(alerts.insert().values(system=self._system, opened_ts=ts, **row))
            assert done.inserted_primary_key is not None
            return int(done.inserted_primary_key[0])

    def change(self, n: int, **values: Any) -> None:
        """Write what became of an alert."""
        with self._engine.begin() as connection:
            connection.execute(alerts.update().where(alerts.c.n == n).values(**values))

    def unended(self) -> list[PastAlert]:
        """Alerts that have not ended, oldest first."""
        return self._read(sa.select(alerts).where(self._ours, alerts.c.ended_ts == 0).order_by(alerts.c.n))

    def history(self, *, before: int | None = None, most: int = 100) -> list[PastAlert]:
        """Alerts, newest first; with numbers below one."""
        chosen = sa.select(alerts).where(self._ours).order_by(alerts.c.n.desc()).limit(most)
        return self._read(chosen if before is None else chosen.where(alerts.c.n < before))

    def mute(self, key: str, until_ts: int, who: str) -> None:
        """Let a key be silent until then."""
        with self._engine.begin() as connection:
            connection.execute(mutes.delete().where(mutes.c.system == self._system, mutes.c.key == key))
            if until_ts:
                row = {"system": self._system, "key": key, "until_ts": until_ts, "who": who}
                connection.execute(mutes.insert().values(row))

    def muted(self) -> dict[str, int]:
        """Until when keys are silent, nanoseconds UTC."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(mutes).where(mutes.c.system == self._system))
            return {row.key: row.until_ts for row in rows}

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return alerts.c.system == self._system

    def _read(self, chosen: sa.Select[Any]) -> list[PastAlert]:
        with reading(self._engine) as connection:
            rows = connection.execute(chosen).all()
        names = PastAlert.__dataclass_fields__
        return [PastAlert(**{name: row._mapping[name] for name in names}) for row in rows]
