"""What decides a reconciliation besides the fills: grids, tolerances, ages and rules, all of them data.

They are written as YAML or a mapping, compared and stored as such: `Rules.from_mapping` and
`Rules.to_mapping` are inverse to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.drop_copy.fills import NANOS

BREAKS = (
    *("missing_internal", "missing_external", "duplicate", "busted", "corrected"),
    *("account", "side", "quantity", "price", "fee"),
)
"""Kinds of break; their order is the order in which a pair is compared."""
ACTIONS = ("accept_external", "accept_internal", "drop", "keep_open")
"""What a rule may do: take the venue's word, take ours, drop the copy, or wait."""

_SECOND = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Steps of prices and quantities.

    Attributes
    ----------
    tick_size, lot_size : Decimal
        Of every symbol that is not stated.
    tick_sizes, lot_sizes : mapping of str to Decimal
        By symbol.
    """

    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
    tick_sizes: Mapping[str, Decimal] = field(default_factory=dict)
    lot_sizes: Mapping[str, Decimal] = field(default_factory=dict)

    def tick(self, symbol: str) -> Decimal:
        """The tick size of a symbol."""
        return self.tick_sizes.get(symbol, self.tick_size)

    def lot(self, symbol: str) -> Decimal:
        """The lot size of a symbol."""
        return self.lot_sizes.get(symbol, self.lot_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far two fills without a common id may lie apart and still be one.

    Attributes
    ----------
    price_ticks : Decimal
        Of their prices.
    qty_lots : int
        Of their quantities.
    time_ns : int
        Of their times.
    fee : Decimal, optional
        Of their fees, in currency; None looks at no fee.
    same_order : bool
        Whether two order ids that are stated must be equal. False where the sides number orders differently.
    """

    price_ticks: Decimal = Decimal(1)
    qty_lots: int = 0
    time_ns: int = _SECOND
    fee: Decimal | None = None
    same_order: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A break that is resolved, or left to wait, without anybody asking.

    Attributes
    ----------
    name : str
        Stands in the audit trail.
    breaks : tuple of str
        Which kinds it is for.
    action : str
        One of `ACTIONS`.
    within_ticks, within_lots, within_amount : optional
        Largest difference of price in ticks, of quantity in lots, of money in currency: of fees for a break
        of fees, else of cash.
    younger_than_ns, older_than_ns : int, optional
        Bounds of its age; the first excludes, the second includes.
    symbols, accounts : tuple of str, optional
        Only these.
    """

    name: str
    breaks: tuple[str, ...]
    action: str
    within_ticks: Decimal | None = None
    within_lots: int | None = None
    within_amount: Decimal | None = None
    younger_than_ns: int | None = None
    older_than_ns: int | None = None
    symbols: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that decides a reconciliation besides the fills.

    Attributes
    ----------
    grid : Grid
        Steps of prices and quantities.
    tolerance : Tolerance
        For fills without a common id.
    ageing_ns : tuple of int
        Bounds between the classes of age, increasing.
    rules : tuple of Rule
        The first that fits a break decides it; a break that none fits is open.
    """

    grid: Grid = field(default_factory=Grid)
    tolerance: Tolerance = field(default_factory=Tolerance)
    ageing_ns: tuple[int, ...] = (300 * _SECOND, 3_600 * _SECOND, 86_400 * _SECOND)
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        problems = [f"rule {rule.name!r}: {what}" for rule in self.rules for what in _rule_problems(rule)]
        names = [rule.name for rule in self.rules]
        problems += [
            f"two rules are named {name!r}" for name in sorted({n for n in names if names.count(n) > 1})
        ]
        if list(self.ageing_ns) != sorted({each for each in self.ageing_ns if each > 0}):
            problems.append(f"the bounds of ages must be positive and increase, not {self.ageing_ns}")
        tolerance = self.tolerance
        limits: list[Decimal | int] = [
            tolerance.price_ticks,
            tolerance.qty_lots,
            tolerance.time_ns,
            tolerance.fee or 0,
        ]
        if any(limit < 0 for limit in limits):
            problems.append("a tolerance is not negative")
        steps = [
            self.grid.tick_size,
            self.grid.lot_size,
            *self.grid.tick_sizes.values(),
            *self.grid.lot_sizes.values(),
        ]
        if any(step <= 0 for step in steps):
            problems.append("tick and lot sizes are positive")
        if problems:
            raise ConfigError("; ".join(problems), where="rules")

    @classmethod
    def default(cls) -> Rules:
        """A tick of price and a cent of fee are the venue's; copies are dropped; five minutes are waited."""
        both = ("missing_internal", "missing_external")
        return cls(
            rules=(
                Rule(name="one tick", breaks=("price",), action="accept_external", within_ticks=Decimal(1)),
                Rule(
                    name="one cent of fee",
                    breaks=("fee",),
                    action="accept_external",
                    within_amount=Decimal("0.01"),
                ),
                Rule(name="copy", breaks=("duplicate",), action="drop"),
                Rule(name="may be late", breaks=both, action="keep_open", younger_than_ns=300 * _SECOND),
            )
        )

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Rules:
        """Rules from what a YAML file holds; spans may be written as ``5min``, amounts as text.

        Raises
        ------
        ConfigError
            If a name is unknown or a value cannot be used; all such are named.
        """
        return _Reader().rules(given)

    @classmethod
    def from_file(cls, path: str | Path) -> Rules:
        """Rules from a YAML file.

        Raises
        ------
        ConfigError
            If it cannot be read, or as `from_mapping`.
        """
        import yaml

        try:
            given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"the rules cannot be read: {error}", where=str(path)) from error
        if not isinstance(given, Mapping):
            raise ConfigError("rules are a mapping", found=type(given).__name__, where=str(path))
        return cls.from_mapping(given)

    def to_mapping(self) -> dict[str, Any]:
        """The rules as plain numbers, texts, lists and mappings, which JSON and YAML can hold."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def limit_nanos(amount: Decimal, step: Decimal = Decimal(1)) -> int:
    """The most whole billionths that are within an amount of a currency, or of steps of a grid."""
    return int((amount * step * NANOS).to_integral_value(rounding="ROUND_FLOOR"))


def _rule_problems(rule: Rule) -> list[str]:
    found = []
    if not rule.name:
        found.append("it needs a name")
    if unknown := [each for each in rule.breaks if each not in BREAKS]:
        found.append(f"unknown break {unknown[0]!r}; there are {', '.join(BREAKS)}")
    if not rule.breaks:
        found.append("it is for no break")
    if rule.action not in ACTIONS:
        found.append(f"unknown action {rule.action!r}; there are {', '.join(ACTIONS)}")
    if rule.action == "drop" and set(rule.breaks) != {"duplicate"}:
        found.append("only a duplicate can be dropped")
    if rule.action.startswith("accept") and "duplicate" in rule.breaks:
        found.append("of a duplicate there is no side to accept: drop it")
    if rule.within_ticks is not None and set(rule.breaks) != {"price"}:
        found.append("ticks measure breaks of price only")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


class _Reader:
    """Reads a mapping and keeps every problem, to report them together."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def rules(self, given: Mapping[str, Any]) -> Rules:
        parts: dict[str, Any] = {}
        known = [each.name for each in fields(Rules)]
        for name, value in given.items():
            plain = "ageing_ns" if name == "ageing" else name
            if plain in ("grid", "tolerance") and isinstance(value, Mapping):
                parts[plain] = self.made({"grid": Grid, "tolerance": Tolerance}[plain], value, plain)
            elif plain == "ageing_ns" and isinstance(value, list | tuple):
                parts[plain] = tuple(self.span(each, name) for each in value)
            elif plain == "rules" and isinstance(value, list | tuple):
                parts[plain] = tuple(self.made(Rule, each, f"rule {at + 1}") for at, each in enumerate(value))
            else:
                expected = (
                    "must be a list or mapping as documented"
                    if plain in known
                    else f"is unknown; there are {known}"
                )
                self.problems.append(f"{name!r} {expected}")
        if self.problems:
            raise ConfigError("; ".join(self.problems), where="rules")
        return Rules(**parts)

    def made(self, kind: type[Any], given: Any, where: str) -> Any:
        if not isinstance(given, Mapping):
            self.problems.append(f"{where} must be a mapping, not {given!r}")
            return None
        known = {each.name for each in fields(kind)}
        values: dict[str, Any] = {}
        for name, value in given.items():
            plain = f"{name}_ns" if f"{name}_ns" in known else str(name)
            if plain not in known:
                self.problems.append(f"{where}: {name!r} is unknown; there are {', '.join(sorted(known))}")
            elif value is not None:
                values[plain] = self.value(plain, value, where)
        missing = {"name", "breaks", "action"} - set(values) if kind is Rule else set()
        if missing:
            self.problems.append(f"{where} must state {', '.join(sorted(missing))}")
            return None
        return kind(**values)

    def value(self, name: str, value: Any, where: str) -> Any:
        if name.endswith("_ns"):
            return self.span(value, f"{where}, {name}")
        if name in ("tick_sizes", "lot_sizes"):
            pairs = value.items() if isinstance(value, Mapping) else ()
            return {str(symbol): self.decimal(step, f"{where}, {name}") for symbol, step in pairs}
        if name in ("tick_size", "lot_size", "price_ticks", "fee", "within_ticks", "within_amount"):
            return self.decimal(value, f"{where}, {name}")
        if name in ("breaks", "symbols", "accounts"):
            return (value,) if isinstance(value, str) else tuple(map(str, value))
        expected: type[Any] = {"qty_lots": int, "within_lots": int, "same_order": bool}.get(name, str)
        if type(value) is not expected:
            self.problems.append(f"{where}: {name} must be {expected.__name__}, not {value!r}")
            return expected()
        return value

    def decimal(self, value: Any, where: str) -> Decimal:
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            found = Decimal("NaN")
        if isinstance(value, bool) or not found.is_finite():
            self.problems.append(f"{where} must be a number, not {value!r}")
            return Decimal(1)
        return found

    def span(self, value: Any, where: str) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        try:
            return span_ns(value)
        except (DataError, TypeError):
            self.problems.append(f"{where} must be a span such as '5min', or nanoseconds, not {value!r}")
            return 1
