"""A database that several machines share: nobody holds the others up for ever."""

import pytest

from omni_lab.store import database
from omni_lab.store.database import exc, open_engine, sa
from tests.databases import new_database


def test_who_falls_silent_in_a_transaction_does_not_keep_its_locks(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = new_database(postgres)
    monkeypatch.setattr(database, "_SILENT", "200ms")
    silent, other = open_engine(address), open_engine(address)
    table = sa.Table("held", sa.MetaData(), sa.Column("n", sa.Integer))
    table.create(other)
    with silent.connect() as connection:
        connection.execute(sa.text("LOCK TABLE held IN ACCESS EXCLUSIVE MODE"))
        connection.execute(sa.text("INSERT INTO held VALUES (1)"))
        with other.begin() as waiting:
            waiting.execute(sa.text("SET LOCAL lock_timeout = '60s'"))
            waiting.execute(table.insert().values(n=2))
        with pytest.raises(exc.DBAPIError, match="idle-in-transaction"):
            connection.execute(sa.text("SELECT 1"))
        connection.invalidate()
    with other.connect() as connection:
        assert connection.scalars(sa.select(table.c.n)).all() == [2], "what it had not committed is not there"
    for engine in (silent, other):
        engine.dispose()
