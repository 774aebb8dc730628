"""Whether the settings of an `OMSConfig` are of the right kind and go together; every problem is a clause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

from omni_lab.execution.limits import InstrumentLimits, Limits, PositionLimits
from omni_lab.execution.setup import MAX_ACCOUNTS, MAX_INSTRUMENTS, MAX_LEVELS, MAX_SECTOR

if TYPE_CHECKING:
    from omni_lab.execution.config import OMSConfig


def check_names(config: OMSConfig, problems: list[str]) -> None:
    """Accounts and symbols: that there are some, each once, and that nothing else is spoken of."""
    symbols = [instrument.symbol for instrument in config._listed()]
    if not config.accounts:
        problems.append("accounts must be a list of at least one name")
    names: Sequence[object] = config.accounts
    for name in names:
        if not isinstance(name, str) or not name or not name.isprintable() or len(name.encode()) > 0xFFFF:
            problems.append(f"an account's name must be printable text, not {name!r}")
    for what, names, most in (
        ("instrument", symbols, MAX_INSTRUMENTS),
        ("account", list(config.accounts), MAX_ACCOUNTS),
    ):
        twice = sorted({str(name) for name in names if names.count(name) > 1}) if len(names) < 1_000 else []
        if twice or len(set(names)) < len(names):
            problems.append(f"every {what} stands once, not twice as {', '.join(twice) or 'some do'}")
        if len(names) > most:
            problems.append(f"there can be {most:,} {what}s, not {len(names):,}")
    problems += _unlisted(config, set(symbols), set(config.accounts))
    problems += _family_problems(config)


def check_settings(config: OMSConfig, problems: list[str], *, durabilities: Any) -> None:
    """Everything else."""
    if config.durability not in get_args(durabilities):
        known = ", ".join(map(repr, get_args(durabilities)))
        problems.append(f"durability must be one of {known}, not {config.durability!r}")
    for name in ("limits", "soft_limits"):
        stated = getattr(config, name)
        if not all(isinstance(each, Limits) for each in _stated(stated)):
            problems.append(f"{name} must be Limits, or Limits by account, not {stated!r}")
    by_name: list[tuple[str, type, str]] = [
        ("instrument_limits", InstrumentLimits, "symbol"),
        ("position_limits", PositionLimits, "(account, symbol)"),
        ("sectors", str, "symbol"),
    ]
    for name, kind, by in by_name:
        given = getattr(config, name)
        if not isinstance(given, Mapping) or not all(isinstance(each, kind) for each in given.values()):
            problems.append(f"{name} must be {_WORDS[kind]} by {by}, not {given!r}")
    problems += [
        f"capital must be an amount that is not negative, not {amount!r}"
        for amount in _stated(config.capital)
        if isinstance(amount, bool)
        or not isinstance(amount, int | float | Decimal)
        or not 0 <= amount * 10**18 < 2**127
    ]
    if isinstance(config.sectors, Mapping):
        n_sectors = len({str(name) for name in config.sectors.values()})
        if n_sectors > MAX_SECTOR:
            problems.append(f"there can be {MAX_SECTOR} sectors, not {n_sectors}")
    two_person: object = config.two_person
    if not isinstance(two_person, bool):
        problems.append(f"two_person must be True or False, not {config.two_person!r}")
    every: object = config.snapshot_every
    if every is not None and not (isinstance(every, int) and every >= 1):
        problems.append(f"snapshot_every must be a number of frames from 1 on, or None, not {every!r}")


_WORDS: dict[type, str] = {
    InstrumentLimits: "InstrumentLimits",
    PositionLimits: "PositionLimits",
    str: "the name of a sector",
}


def _stated(given: object) -> list[Any]:
    return list(given.values()) if isinstance(given, Mapping) else [given]


def _unlisted(config: OMSConfig, symbols: set[str], accounts: set[str]) -> Iterator[str]:
    """Names that something is stated for, and that are not among the instruments or accounts."""
    stated: list[tuple[object, set[str], str]] = [
        (config.reference_prices, symbols, "a price"),
        (config.limits, accounts, "limits"),
        (config.soft_limits, accounts, "soft limits"),
        (config.capital, accounts, "capital"),
        (config.sectors, symbols, "a sector"),
        (config.instrument_limits, symbols, "limits"),
        (config.parents, accounts, "a parent"),
    ]
    for given, known, what in stated:
        unknown = set(given) - known if isinstance(given, Mapping) else set()
        for name in sorted(map(str, unknown)):
            yield f"{name!r} is stated {what} and is not listed"
    if isinstance(config.position_limits, Mapping):
        places: list[object] = list(config.position_limits)
        for place in places:
            pair = place if isinstance(place, tuple) and len(place) == 2 else (None, None)
            if pair[0] not in accounts or pair[1] not in symbols:
                yield f"{place!r} is stated position limits and is no (account, symbol) that is listed"


def _family_problems(config: OMSConfig) -> Iterator[str]:
    """What keeps the accounts from being a tree that is listed from its roots."""
    parents: object = config.parents
    if not isinstance(parents, Mapping):
        yield f"parents must be the parent's name by account, not {parents!r}"
        return
    accounts = list(config.accounts)
    unknown = sorted({str(parent) for parent in config.parents.values() if parent not in accounts})
    for parent in unknown:
        yield f"{parent!r} is a parent and is not listed among the accounts"
    if unknown or not set(config.parents) <= set(accounts):
        return
    depths = {name: _depth(name, config.parents) for name in accounts}
    circular = [name for name, depth in depths.items() if depth is None]
    if circular:
        yield f"nobody is above himself, as {', '.join(map(repr, circular))} would be"
        return
    deep = [name for name, depth in depths.items() if depth is not None and depth > MAX_LEVELS]
    if deep:
        yield f"there are at most four levels of accounts, and {', '.join(map(repr, deep))} would be deeper"
    if any(accounts.index(parent) > accounts.index(child) for child, parent in config.parents.items()):
        # Numbers, and who is meant where nobody is named, follow the order, so it is not changed behind
        # anybody's back.
        order = tuple(sorted(accounts, key=lambda name: depths[name] or 0))
        yield f"parents stand before their children: list the accounts as {order!r}"


def _depth(name: str, parents: Mapping[str, str]) -> int | None:
    """How many accounts a lineage has, None if it goes round."""
    depth, seen = 1, {name}
    while name in parents:
        name = parents[name]
        if name in seen:
            return None
        seen.add(name)
        depth += 1
    return depth
