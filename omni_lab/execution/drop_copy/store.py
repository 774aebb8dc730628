"""`Store`: a reconciliation that several processes share and that a crash cannot hurt, in a database.

Every change is one transaction: fills go in, what follows from them is written, the audit trail is continued,
or nothing of it happens. A transaction begins by taking the lock of its reconciliation and everything that
others have done since; so whoever holds the lock knows everything. SQLite by default, PostgreSQL where
several machines share it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.drop_copy.database import make_tables
from omni_lab.execution.drop_copy.fills import LARGEST, Fills, concat
from omni_lab.execution.drop_copy.reconciler import AnyFills, Reconciler
from omni_lab.execution.drop_copy.rows import (
    BREAK_COLUMNS,
    FILL_COLUMNS,
    MATCH_COLUMNS,
    break_rows,
    fill_rows,
    fills_of_rows,
    match_rows,
)
from omni_lab.execution.drop_copy.rules import Rules
from omni_lab.execution.drop_copy.verdicts import AuditEntry, Verdict
from omni_lab.store.database import bulk_insert, cause, exc, open_engine, sa

if TYPE_CHECKING:
    from omni_lab.execution.drop_copy.result import Result

_KINDS = ("internal", "external", "both")
_AT_ONCE = 100_000


class Store:
    """A reconciliation in a database; the same calls as `Reconciler`, each a transaction.

    Parameters
    ----------
    target : path, URL or Engine
        A file of SQLite, which is made if need be; a URL of SQLAlchemy, such as
        ``postgresql+psycopg://user@host/database``; or an engine, whose pool is then its owner's to close.
    name : str
        Of the reconciliation: a database holds any number of them, such as one a day.
    rules : Rules, optional
        Of a new one, `Rules.default` by default; of one that exists they must be its own, or be left out.

    Raises
    ------
    MissingExtraError
        For PostgreSQL without the extra ``postgresql``.
    ConfigError
        If it exists with other rules, or the database cannot be opened.
    """

    def __init__(
        self, target: str | Path | sa.Engine, name: str = "default", *, rules: Rules | None = None
    ) -> None:
        self.name = name
        self._owned = not isinstance(target, sa.Engine)
        self._engine = target if isinstance(target, sa.Engine) else open_engine(target)
        self._tables = make_tables()
        self._ahead = False
        self._make_tables()
        self.rules = self._agreed_rules(rules)
        self._reconciler = Reconciler(self.rules)
        self._step = 0
        with self._transaction():
            pass

    def close(self) -> None:
        """Close the connections, if they are the store's own."""
        if self._owned:
            self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def on_internal(self, fills: AnyFills, *, batch: str) -> bool:
        """Take a batch of fills that we booked.

        Parameters
        ----------
        fills : Fills, mapping or frame
            See `Fills.of`.
        batch : str
            Its name, once for each side. A batch whose name is there already is not taken again: whoever does
            not know whether it was taken may send it again.

        Returns
        -------
        bool
            Whether it was taken now.

        Raises
        ------
        DataError
            If the fills cannot be used; nothing is written then.
        """
        return self._take({"internal": fills}, "internal", batch)

    def on_external(self, fills: AnyFills, *, batch: str) -> bool:
        """Take a batch of fills that the venue reports; as `on_internal`."""
        return self._take({"external": fills}, "external", batch)

    def on_both(self, internal: AnyFills, external: AnyFills, *, batch: str) -> bool:
        """Take a batch of both sides, as of a whole day; as `on_internal`."""
        return self._take({"internal": internal, "external": external}, "both", batch)

    def advance(self, ts: int) -> None:
        """Let time pass and apply the rules; a time that has passed already changes nothing."""
        with self._transaction() as connection:
            if ts <= self._reconciler.clock:
                return
            self._ahead = True
            self._reconciler.advance(ts)
            self._write(connection, {"kind": "clock", "name": str(ts), "ts": ts})

    def resolve(self, break_id: str, action: str, *, who: str, reason: str) -> Verdict:
        """Decide a break by hand; as `Reconciler.resolve`."""
        with self._transaction() as connection:
            self._reconciler.check_resolution(break_id, action, who=who, reason=reason)
            self._ahead = True
            verdict = self._reconciler.resolve(break_id, action, who=who, reason=reason)
            name = f"{break_id} {self._step + 1}"
            self._write(connection, {"kind": "resolution", "name": name, "ts": self._reconciler.clock})
            row = {"book": self.name, "step": self._step, "break_id": break_id}
            row |= {each: getattr(verdict, each) for each in ("status", "action", "who", "reason")}
            connection.execute(self._tables.resolutions.insert(), row)
            return verdict

    def result(self) -> Result:
        """What has come of everything that any process has put in; the audit trail is `audit`."""
        with self._transaction():
            return self._reconciler.result()

    def audit(self) -> list[AuditEntry]:
        """The audit trail, of all processes, in order."""
        audit = self._tables.audit
        columns = [audit.c[name] for name in AuditEntry.__dataclass_fields__]
        chosen = sa.select(*columns).where(audit.c.book == self.name).order_by(audit.c.n)
        with self._engine.connect() as connection:
            return [AuditEntry(**row._mapping) for row in connection.execute(chosen)]

    def batches(self, side: str) -> list[str]:
        """Names of batches of ``internal``, ``external`` or ``both`` sides, in the order of their taking."""
        if side not in _KINDS:
            raise ConfigError("no such batches", found=side, expected=_KINDS)
        steps = self._tables.steps
        chosen = (
            sa.select(steps.c.name)
            .where(steps.c.book == self.name, steps.c.kind == side)
            .order_by(steps.c.step)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(chosen).scalars())

    def check(self) -> None:
        """Match everything anew and compare it with what is written.

        Raises
        ------
        DataError
            If matches or breaks in the database are not those of its fills.
        """
        with self._transaction() as connection:
            fresh = Reconciler(self.rules)
            self._replay(connection, fresh, 0)
            result = fresh.result()
            written = self._tables
            for table, names, rows in (
                (written.breaks, BREAK_COLUMNS, break_rows(result, self.name)),
                (written.matches, MATCH_COLUMNS, match_rows(result, self.name)),
            ):
                chosen = sa.select(*(table.c[name] for name in names)).where(table.c.book == self.name)
                found = sorted(map(tuple, connection.execute(chosen)))
                if found != sorted(rows):
                    raise DataError(
                        f"the rows of {table.name} are not those of its fills",
                        found=f"{len(found):,} rows",
                        expected=f"{len(rows):,} rows, as worked out anew",
                        where=self.name,
                    )

    def _make_tables(self) -> None:
        for last in (False, True):
            try:
                self._tables.books.metadata.create_all(self._engine)
                return
            except exc.SQLAlchemyError as error:
                # Another process may have made them at the same moment; then they are there the second time.
                if last or isinstance(error, exc.InterfaceError):
                    where = self._engine.url.render_as_string()
                    raise ConfigError(f"the database cannot be used: {cause(error)}", where=where) from error

    def _take(self, given: dict[str, AnyFills], kind: str, batch: str) -> bool:
        made = {side: fills if isinstance(fills, Fills) else Fills.of(fills) for side, fills in given.items()}
        if not batch:
            raise DataError("a batch has a name", found=batch)
        steps = self._tables.steps
        with self._transaction() as connection:
            same = (steps.c.book == self.name, steps.c.kind == kind, steps.c.name == batch)
            if connection.execute(sa.select(steps.c.step).where(*same)).first() is not None:
                return False
            self._ahead = True
            for side, fills in made.items():
                (self._reconciler.on_internal if side == "internal" else self._reconciler.on_external)(fills)
            self._write(connection, {"kind": kind, "name": batch, "ts": self._reconciler.clock}, made)
            return True

    def _write(
        self, connection: sa.Connection, step: dict[str, Any], fills: dict[str, Fills] | None = None
    ) -> None:
        """Everything that a step changes: the step, its fills, what follows from it."""
        t, book = self._tables, self.name
        result = self._reconciler.result()
        self._step += 1
        step |= {"book": book, "step": self._step, "n_rows": sum(map(len, (fills or {}).values()))}
        connection.execute(t.steps.insert(), step)
        touched: set[str] = set()
        for side, made in (fills or {}).items():
            touched |= {made.symbols[code] for code in np.unique(made.symbol).tolist()}
            bulk_insert(connection, t.fills, FILL_COLUMNS, fill_rows(made, book, side, self._step))
        for names in _chunked(sorted(touched)):
            connection.execute(
                t.matches.delete().where(t.matches.c.book == book, t.matches.c.symbol.in_(names))
            )
        if touched:
            bulk_insert(connection, t.matches, MATCH_COLUMNS, match_rows(result, book, touched))
        for ids in _chunked(sorted(self._reconciler.touched)):
            connection.execute(t.breaks.delete().where(t.breaks.c.book == book, t.breaks.c.break_id.in_(ids)))
        bulk_insert(connection, t.breaks, BREAK_COLUMNS, break_rows(result, book, self._reconciler.touched))
        fields = tuple(AuditEntry.__dataclass_fields__)
        lines = [(book, *(getattr(entry, name) for name in fields)) for entry in self._reconciler.audit]
        bulk_insert(connection, t.audit, ("book", *fields), lines)
        self._reconciler.forget_changes()
        done = {"step": self._step, "clock": self._reconciler.clock}
        connection.execute(t.books.update().where(t.books.c.book == book).values(done))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """A transaction that holds the lock of this reconciliation and knows all that others did."""
        done = False
        self._ahead = False
        try:
            with self._engine.begin() as connection:
                self._lock(connection)
                self._catch_up(connection)
                yield connection
            done = True
        except exc.SQLAlchemyError as error:
            where = self._engine.url.render_as_string()
            raise DataError(f"the database refused: {cause(error)}", where=where) from error
        finally:
            if self._ahead and not done:
                # What is in memory may not be what is written: begin anew from the latter.
                self._reconciler, self._step = Reconciler(self.rules), 0

    def _lock(self, connection: sa.Connection) -> None:
        books = self._tables.books
        # An update locks on every database: the row on PostgreSQL, the file on SQLite.
        connection.execute(books.update().where(books.c.book == self.name).values(book=books.c.book))

    def _catch_up(self, connection: sa.Connection) -> None:
        books = self._tables.books
        step = connection.execute(sa.select(books.c.step).where(books.c.book == self.name)).scalar_one()
        if step != self._step:
            self._ahead = True
            self._replay(connection, self._reconciler, self._step)
            self._step = step
            self._ahead = False

    def _replay(self, connection: sa.Connection, reconciler: Reconciler, after: int) -> None:
        """Take the steps that others made."""
        t = self._tables
        for side, take in (("internal", reconciler.on_internal), ("external", reconciler.on_external)):
            chosen = sa.select(t.fills).where(
                t.fills.c.book == self.name, t.fills.c.source == side, t.fills.c.step > after
            )
            rows = connection.execute(chosen.order_by(t.fills.c.step, t.fills.c.row))
            take(concat([fills_of_rows(part) for part in rows.partitions(_AT_ONCE)]))
        chosen_words = sa.select(t.resolutions).where(
            t.resolutions.c.book == self.name, t.resolutions.c.step > after
        )
        said = {
            row.break_id: Verdict(row.status, row.action, who=row.who, reason=row.reason)
            for row in connection.execute(chosen_words.order_by(t.resolutions.c.step))
        }
        clock = connection.execute(sa.select(t.books.c.clock).where(t.books.c.book == self.name)).scalar_one()
        last = connection.execute(
            sa.select(sa.func.max(t.audit.c.n)).where(t.audit.c.book == self.name)
        ).scalar_one()
        reconciler.restore(said, clock, (last or 0) + 1)

    def _agreed_rules(self, given: Rules | None) -> Rules:
        """Those of the database; of a new reconciliation, the given ones."""
        books = self._tables.books
        wanted = (given or Rules.default()).to_mapping()
        chosen = sa.select(books.c.rules).where(books.c.book == self.name)
        row = {"book": self.name, "step": 0, "clock": -LARGEST, "rules": json.dumps(wanted, sort_keys=True)}
        try:
            with self._engine.begin() as connection:
                if connection.execute(chosen).first() is None:
                    connection.execute(books.insert(), row)
        except exc.IntegrityError:
            pass  # another process was faster
        with self._engine.connect() as connection:
            kept = json.loads(connection.execute(chosen).scalar_one())
        if given is not None and kept != json.loads(json.dumps(wanted)):
            different = sorted(name for name in wanted if kept.get(name) != wanted[name])
            raise ConfigError(
                "this reconciliation was begun with other rules",
                found=f"other {', '.join(different)}",
                where=self.name,
                hint="Leave the rules out to go on with its own, or begin another under a new name.",
            )
        return Rules.from_mapping(kept)


def _chunked(values: list[str], size: int = 500) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
