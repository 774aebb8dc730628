"""A ticket while it is written: fields as typed, what is wrong with them, what the gate would say, what came.

Nothing here knows of a browser. Fields are text; what goes back is text and numbers that JSON can say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.errors import DataError, OmniError
from omni_lab.execution.sentences import amount_text
from omni_lab.figures import words
from omni_lab.system.people import Person
from omni_lab.system.views import Ticket

if TYPE_CHECKING:
    from omni_lab.execution.explanations import Explanation
    from omni_lab.execution.views import Order
    from omni_lab.system.system import TradingSystem

Json = dict[str, Any]

TYPES = ("limit", "market", "stop", "stop limit")
"""Kinds of order that a ticket writes."""
TIMES = ("DAY", "GTC", "IOC", "FOK")
"""How long it stands."""
_PRICED = frozenset({"limit", "stop limit"})
_STOPS = frozenset({"stop", "stop limit"})
_WORD_TERMS = ("post_only", "self_trade")
_NUMBER_TERMS = ("display_qty", "min_qty")
ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})
"""States of orders to which nothing happens any more."""
_CHECKS = {
    "KILL_SWITCH": "Kill switch",
    "POSITION_LIMIT": "Position",
    "ORDER_SIZE": "Order size",
    "PRICE_COLLAR": "Price collar",
    "NOTIONAL": "Notional",
    "ORDER_RATE": "Order rate",
    "CANCEL_RATE": "Cancel rate",
    "DAILY_LOSS": "Loss today",
    "DRAWDOWN": "Drawdown",
    "LEVERAGE": "Leverage",
    "SECTOR_CONCENTRATION": "Sector",
    "SINGLE_NAME": "Single name",
}


def read_ticket(
    fields: Mapping[str, str], *, client_order_id: str | None = None
) -> tuple[Ticket | None, dict[str, str]]:
    """The ticket that fields describe, or what is wrong with them.

    Parameters
    ----------
    fields : mapping of str to str
        As typed: ``symbol``, ``side``, ``qty``, ``type`` (one of `TYPES`), ``price``, ``stop_price``,
        ``time_in_force``, and of further terms ``display_qty``, ``min_qty``, ``all_or_none`` ("yes"),
        ``post_only``, ``self_trade``, ``peg``; what is empty is not said. Thousands may be separated.
    client_order_id : str, optional
        Its name.

    Returns
    -------
    ticket : Ticket or None
        None if something is wrong.
    problems : dict of str to str
        A sentence by field. A field that is still empty is named "" : it is no mistake yet.
    """
    said = {name: str(value).strip() for name, value in fields.items()}
    problems: dict[str, str] = {}
    kind = said.get("type") or "limit"
    symbol, side = said.get("symbol", "").upper(), said.get("side", "").upper()
    if not symbol:
        problems["symbol"] = ""
    if side not in ("BUY", "SELL"):
        problems["side"] = ""
    if kind not in TYPES:
        problems["type"] = f"A ticket is one of {', '.join(TYPES)}."
    numbers = {"qty": _number(said, "qty", problems, needed=True)}
    numbers["price"] = _number(said, "price", problems, needed=True) if kind in _PRICED else None
    numbers["stop_price"] = _number(said, "stop_price", problems, needed=True) if kind in _STOPS else None
    terms: dict[str, Any] = {name: _number(said, name, problems) for name in _NUMBER_TERMS}
    terms |= {name: said.get(name) or None for name in _WORD_TERMS}
    terms["stop_price"] = numbers["stop_price"]
    terms["all_or_none"] = True if said.get("all_or_none") == "yes" else None
    if problems:
        return None, problems
    ticket = Ticket(
        symbol=symbol,
        side=side,
        qty=numbers["qty"] or 0.0,
        price=numbers["price"],
        time_in_force=said.get("time_in_force") or "DAY",
        client_order_id=client_order_id,
        terms={name: value for name, value in terms.items() if value is not None},
    )
    return ticket, {}


def previewed(system: TradingSystem, fields: Mapping[str, str]) -> Json:
    """What the gate would say of the ticket that fields describe.

    Returns
    -------
    dict
        ``verdict``: "empty" (something is still missing), "invalid", "pass", "warn" or "refuse";
        ``problems`` by field; ``sentences``; ``checks``, as :func:`check_rows`; ``notional``, as text.
    """
    ticket, problems = read_ticket(fields)
    nothing: Json = {"problems": problems, "sentences": [], "checks": [], "notional": ""}
    if ticket is None:
        return nothing | {"verdict": "invalid" if any(problems.values()) else "empty"}
    try:
        found = system.preview(ticket)
    except OmniError as error:
        return nothing | {"verdict": "invalid", "sentences": [sentence_of(error)]}
    return nothing | {
        "verdict": "refuse" if found.refused else "warn" if found.warned else "pass",
        "sentences": found.sentences,
        "checks": check_rows(found),
        "notional": "" if ticket.price is None else words.number(ticket.price * ticket.qty),
    }


def check_rows(found: Explanation) -> list[Json]:
    """Checks that something limits, in the order of evaluation.

    Returns
    -------
    list of dict
        ``name``, ``level``, ``hard``, ``passes``, ``value``, ``limit`` and ``headroom`` as text, ``used`` as
        a share of the limit (None where there is none).
    """
    rows = []
    columns = {name: column.tolist() for name, column in found.columns.items()}
    for at in range(len(found)):
        row = {name: column[at] for name, column in columns.items()}
        check, value, limit = row["check"], row["value"], row["limit"]
        limited = math.isfinite(limit) and check != "KILL_SWITCH"
        if not limited and row["passes"]:
            continue
        measured = limited and limit > 0 and math.isfinite(value) and row["unit"] != "tokens"
        rows.append(
            {
                "name": _CHECKS.get(check, check),
                "level": row["level"],
                "hard": row["severity"] == "hard",
                "passes": bool(row["passes"]),
                "value": _short(check, value) if limited else "on",
                "limit": _short(check, limit) if limited else "",
                "headroom": _short(check, row["headroom"]) if limited else "",
                "used": max(value / limit, 0.0) if measured else None,
            }
        )
    return rows


def sent(system: TradingSystem, fields: Mapping[str, str], client_order_id: str, *, who: Person) -> Json:
    """Send the ticket that fields describe; what it came to.

    Sent twice under one name it is one order. Of a refusal the gate's sentences are told.

    Returns
    -------
    dict
        As :func:`outcome_of`; of a ticket that could not be sent ``tone`` is "bad" and ``order_id`` is 0.
    """
    ticket, problems = read_ticket(fields, client_order_id=client_order_id)
    if ticket is None:
        missing = ", ".join(name.replace("_", " ") for name in problems)
        return unsent(" ".join(filter(None, problems.values())) or f"Still to be filled in: {missing}.")
    try:
        told = system.preview(ticket)
        order = system.submit(ticket, who=who)
    except OmniError as error:
        return unsent(sentence_of(error))
    return outcome_of(order, told.sentences if order.reason in (told.refused, None) else ())


def outcome_of(order: Order, sentences: Sequence[str] = ()) -> Json:
    """What an order came to, in a sentence.

    Returns
    -------
    dict
        ``order_id``, ``tone`` ("good", "wait" or "bad"), ``ended``, ``text``, ``why``.
    """
    what = f"{order.side} {words.quantity(order.qty)} {order.symbol}"
    limit = "" if order.price is None else f" at {order.price:.12g}"
    paid = "" if order.average_price is None else f" at {order.average_price:.12g} on average"
    done = words.quantity(order.cum_qty)
    match order.state:
        case "FILLED":
            tone, text = "good", f"Filled: {what}{paid}."
        case "PARTIALLY_FILLED":
            text = f"Partly filled: {done} of {what}{paid}; {words.quantity(order.leaves_qty)} wait{limit}."
            tone = "wait"
        case "REJECTED":
            tone, text = "bad", f"Refused: {what}{limit}."
        case "CANCELED" | "EXPIRED":
            got = f" after {done}{paid}" if order.cum_qty else ""
            tone = "wait" if order.cum_qty else "bad"
            text = f"{order.state.capitalize()}: {what}{limit}{got}."
        case _:
            tone, text = "wait", f"Accepted: {what}{limit} waits in the book."
    why = " ".join(sentences) if tone == "bad" or order.reason else ""
    if order.reason and not why:
        why = f"Reason: {plain(order.reason)}."
    ended = order.state in ENDED
    return {"order_id": order.order_id, "tone": tone, "ended": ended, "text": text, "why": why}


def sentence_of(error: BaseException) -> str:
    """What an error says, as a sentence."""
    text = str(error).strip() or type(error).__name__
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def positive(fields: Mapping[str, str], name: str) -> float | None:
    """A number that was written; None where the field is empty.

    Raises
    ------
    DataError
        If it is none, or not positive.
    """
    problems: dict[str, str] = {}
    value = _number(fields, name, problems)
    if problems:
        raise DataError(problems[name].removesuffix("."))
    return value


def known(value: float | None) -> float | None:
    """A number as JSON can say it: None where it is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def plain(reason: str) -> str:
    """A reason's name as it stands in a sentence."""
    return reason.replace("_", " ").lower()


def _number(
    said: Mapping[str, str], name: str, problems: dict[str, str], *, needed: bool = False
) -> float | None:
    text = said.get(name, "").replace(",", "").replace("\u2009", "").replace(" ", "")
    if not text:
        if needed:
            problems[name] = ""
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0.0):
        problems[name] = f"{name.replace('_', ' ').capitalize()} must be a positive number, not {said[name]}."
        return None
    return value


def _short(check: str, value: float) -> str:
    """A value without the word for its lots."""
    return amount_text(check, value).removesuffix(" lots").removesuffix(" lot").replace("-", "−")


def unsent(text: str) -> Json:
    """An outcome that is no order."""
    return {"order_id": 0, "tone": "bad", "ended": True, "text": "Not sent.", "why": text}
