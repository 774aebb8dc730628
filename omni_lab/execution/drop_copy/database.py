"""The tables of reconciliations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables of reconciliations; ``book`` is the name of one, in each of them.

    Attributes
    ----------
    books : Table
        A row for each: how many steps it has taken, its clock, its rules. Its row is its lock.
    steps : Table
        What was done, in order: a batch of either side, a later time, a decision by hand.
    fills : Table
        Reports of both sides, by step and row.
    matches : Table
        Trades that are one: an internal with an external id, a row for each pair; a match of several trades
        has as many rows as it takes to hold them together.
    breaks : Table
        Breaks that there are now, and where they stand.
    resolutions : Table
        Decisions by hand, all of them.
    audit : Table
        Lines of the audit trail; only ever added.
    """

    books: sa.Table
    steps: sa.Table
    fills: sa.Table
    matches: sa.Table
    breaks: sa.Table
    resolutions: sa.Table
    audit: sa.Table


def make_tables() -> Tables:
    """The tables, in metadata of their own."""
    metadata = sa.MetaData()

    def table(name: str, key: str, whole: str, text: str, *more: sa.Index) -> sa.Table:
        keys = key.split()
        columns = [("book", sa.Text), *((each, sa.BigInteger) for each in whole.split())]
        columns += [(each, sa.Text) for each in text.split()]
        optional = {"fill_id", "ref_id", "order_id"}
        made: list[Any] = [
            sa.Column(n, kind, primary_key=n in keys, nullable=n in optional, autoincrement=False)
            for n, kind in columns
        ]
        return sa.Table(f"drop_copy_{name}", metadata, *made, *more)

    return Tables(
        books=table("books", "book", "step clock", "rules"),
        steps=table(
            *("steps", "book step", "step ts n_rows", "kind name"),
            sa.Index("drop_copy_step_names", "book", "kind", "name", unique=True),
        ),
        fills=table(
            *("fills", "book step source row", "step row kind side qty price_nanos fee_nanos ts"),
            "source symbol account fill_id ref_id order_id",
        ),
        matches=table(
            *("matches", "", "", "symbol stage internal external"),
            sa.Index("drop_copy_match_symbols", "book", "symbol"),
        ),
        breaks=table(
            *("breaks", "book break_id", "since qty fee"),
            "break_id kind status action who rule reason symbol account held_by "
            "internal external ours theirs cash",
        ),
        resolutions=table("resolutions", "book step", "step", "break_id status action who reason"),
        audit=table("audit", "book n", "n ts", "break_id what event before after who rule reason"),
    )
