"""Limits of an account as rows, as fields to fill in, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omni_lab.errors import DataError
from omni_lab.execution.limits import Limits
from omni_lab.figures import words
from omni_lab.ui.dashboard.components.asks import AskField
from omni_lab.ui.dashboard.components.drafts import positive, sentence_of

_PERCENT = frozenset({"max_drawdown", "max_sector", "max_name"})
_WHOLE = frozenset({"collar_bps", "order_rate", "order_burst", "cancel_rate", "cancel_burst"})
_NAMES: Mapping[str, tuple[str, str]] = {
    "max_position": ("Position", "units of one instrument, open orders included"),
    "max_order_qty": ("Order size", "units of one order"),
    "collar_bps": ("Price collar", "basis points from the reference price"),
    "max_notional": ("Notional", "currency, price times quantity of one order"),
    "order_rate": ("Orders a second", "and replaces"),
    "order_burst": ("Order burst", "that may come at once"),
    "cancel_rate": ("Cancels a second", ""),
    "cancel_burst": ("Cancel burst", "that may come at once"),
    "max_daily_loss": ("Loss today", "currency; from there on nothing may be added"),
    "max_drawdown": ("Drawdown", "percent of the peak of equity"),
    "max_leverage": ("Leverage", "times equity, open orders included"),
    "max_sector": ("Sector", "percent of equity"),
    "max_name": ("Single name", "percent of equity"),
}


def limit_rows(limits: Limits) -> list[dict[str, Any]]:
    """A row for each limit: its name, what it is now, what it limits."""
    return [
        {"name": label, "value": _told(name, getattr(limits, name)), "what": what}
        for name, (label, what) in _NAMES.items()
    ]


def limit_fields(limits: Limits) -> list[AskField]:
    """A field for each limit; empty where there is none."""
    return [
        AskField(
            name=name,
            label=f"{label} ({what})" if what else label,
            value=_written(name, getattr(limits, name)),
            number=True,
        )
        for name, (label, what) in _NAMES.items()
    ]


def read_limits(told: Mapping[str, str]) -> Limits:
    """The limits that fields say.

    Raises
    ------
    DataError
        If one is no positive number.
    ConfigError
        If one cannot be used.
    """
    found: dict[str, Any] = {}
    for name, (label, _) in _NAMES.items():
        try:
            value = positive(told, name)
        except DataError as error:
            raise DataError(f"{label}: {str(told[name]).strip()} is not a positive number") from error
        if value is None:
            continue
        if name in _WHOLE and value == int(value):
            found[name] = int(value)
        elif name in _PERCENT:
            # As a whole number of 1/10,000, which is what the gate holds.
            found[name] = round(value / 100.0, 6)
        else:
            found[name] = value
    return Limits(**found)


def told_change(before: Limits, told: Mapping[str, str]) -> str:
    """What would change, before and after; or what is wrong with what was written."""
    try:
        after = read_limits(told)
    except (DataError, ValueError) as error:
        return sentence_of(error)
    changed = [
        f"{_NAMES[each.name][0]}: {_told(each.name, getattr(before, each.name))} → "
        f"{_told(each.name, getattr(after, each.name))}"
        for each in fields(Limits)
        if getattr(before, each.name) != getattr(after, each.name)
    ]
    return "; ".join(changed) + "." if changed else "Nothing changes."


def _told(name: str, value: Any) -> str:
    if value is None:
        return "no limit"
    if name in _PERCENT:
        return words.percent(float(value))
    return words.quantity(float(value)) if float(value) < 1e6 else words.number(float(value), 0)


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{float(value) * 100.0:.10g}" if name in _PERCENT else f"{float(value):.12g}"
