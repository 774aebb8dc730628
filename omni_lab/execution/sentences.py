"""Commands as sentences, in the order in which a desk would say them."""

from __future__ import annotations

from omni_lab.domain import (
    OrderType,
    PegReference,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TradingPhase,
    TrailUnit,
    Trigger,
)
from omni_lab.execution.client_ids import name_of
from omni_lab.execution.codec import (
    ALL,
    Advance,
    Cancel,
    Command,
    Mark,
    MassCancel,
    New,
    Replace,
    SetPhase,
    WriteRegister,
)
from omni_lab.execution.edges import Edges, name_at
from omni_lab.execution.registers import locate
from omni_lab.execution.views import Order

_ABBREVIATIONS = frozenset({"GTC", "IOC", "FOK", "GTD", "BBO"})


def sentence(command: Command | None, edges: Edges, order: Order | None = None) -> str:
    """What a command says.

    Parameters
    ----------
    command : Command or None
        None stands for the beginning of the journal.
    edges : Edges
        Names and grids.
    order : Order, optional
        The order that a cancel or a replace is about.
    """
    match command:
        case None:
            symbols = ", ".join(edges.symbols[:4]) + (" …" if len(edges.symbols) > 4 else "")
            return f"The journal begins: {symbols}; accounts {', '.join(edges.accounts[:4])}"
        case New():
            return _new(command, edges)
        case Cancel(_, order_id):
            return f"Cancel order {order_id}{_about(order)}"
        case Replace():
            return _replace(command, edges, order)
        case MassCancel(_, account, instrument, side):
            whose = "everybody's" if account == ALL else f"{name_at(edges.accounts, account)}'s"
            what = "orders" if not side else "buy orders" if side == Side.BUY else "sell orders"
            where = "" if instrument == ALL else f" in {_symbol(edges, instrument)}"
            return f"Cancel all of {whose} {what}{where}"
        case SetPhase(_, instrument, phase):
            what = "every instrument" if instrument == ALL else _symbol(edges, instrument)
            return f"Put {what} into {plain(TradingPhase(phase).name)}"
        case Advance():
            return "Move the clock"
        case Mark(_, instrument, price):
            symbol = _symbol(edges, instrument)
            return f"Set the reference price of {symbol} to {_price(edges, instrument, price)}"
        case WriteRegister(_, address, value):
            return _write(edges, address, value)


def order_of(command: Command | None) -> int:
    """The order that a cancel or a replace names; 0 for other commands."""
    return command.order_id if isinstance(command, Cancel | Replace) else 0


def _new(new: New, edges: Edges) -> str:
    at = new.instrument
    told = [Side(new.side).name, _qty(edges, at, new.qty), _symbol(edges, at)]
    kind = OrderType(new.order_type)
    trigger = plain(Trigger(new.trigger).name)
    match kind:
        case OrderType.MARKET:
            told.append("at market")
        case OrderType.LIMIT:
            told.append(f"at {_price(edges, at, new.price)}")
        case OrderType.STOP | OrderType.STOP_LIMIT:
            limit = f", limit {_price(edges, at, new.price)}" if kind == OrderType.STOP_LIMIT else ""
            told.append(f"stop {_price(edges, at, new.stop_price)} on {trigger}{limit}")
        case OrderType.TRAILING_STOP:
            bps = new.trail_unit == TrailUnit.BPS
            told.append(
                f"trailing {f'{new.trail} bps' if bps else _price(edges, at, new.trail)} on {trigger}"
            )
        case OrderType.PEGGED:
            offset = f" {_price(edges, at, new.peg_offset, sign=True)}" if new.peg_offset else ""
            cap = f", no worse than {_price(edges, at, new.price)}" if new.price else ""
            told.append(f"pegged to {plain(PegReference(new.peg_reference).name)}{offset}{cap}")
    details = [" ".join(told), *_instructions(new, edges)]
    client = name_of(new.client_order_id)
    details.append(f"account {name_at(edges.accounts, new.account)}" + (f", id {client}" if client else ""))
    return ", ".join(details)


def _instructions(new: New, edges: Edges) -> list[str]:
    at = new.instrument
    found = [plain(TimeInForce(new.time_in_force).name)]
    if new.display_qty >= 0:
        found.append(f"shows {_qty(edges, at, new.display_qty)}" if new.display_qty else "hidden")
    if new.min_qty:
        found.append(f"at least {_qty(edges, at, new.min_qty)} at once")
    if new.all_or_none:
        found.append("all or none")
    if new.post_only:
        found.append(f"post-only ({plain(PostOnly(new.post_only).name)})")
    if new.self_trade:
        found.append(f"self-trade: {plain(SelfTrade(new.self_trade).name)}")
    return found


def _replace(replace: Replace, edges: Edges, order: Order | None) -> str:
    text = f"Replace order {replace.order_id}{_about(order)}"
    if order is None:
        return text
    at = edges.instrument(order.symbol)
    text += f": total {_qty(edges, at, replace.qty)}"
    if replace.price:
        text += f", at {_price(edges, at, replace.price)}"
    return text + (f", stop {_price(edges, at, replace.stop_price)}" if replace.stop_price else "")


def _about(order: Order | None) -> str:
    return f" ({order.side} {order.symbol}, {order.account})" if order else ""


def _write(edges: Edges, address: int, value: int) -> str:
    found = locate(address, len(edges.accounts), len(edges.symbols))
    if found is None or found.bank not in ("GLOBAL", "ACCOUNT"):
        return f"Write {value:,} to register {address:#x}"
    owner = edges.accounts[found.number] if found.bank == "ACCOUNT" else ""
    if found.word == "CONTROL":
        done = "Pull the kill switch" if value else "Re-arm after the kill switch"
        return f"{done} of {owner or 'everybody'}"
    return f"Write {value:,} to register {owner}{'.' if owner else ''}{found.word}"


def _symbol(edges: Edges, instrument: int) -> str:
    return name_at(edges.symbols, instrument) or f"instrument {instrument}"


def _price(edges: Edges, instrument: int, ticks: int, *, sign: bool = False) -> str:
    if name_at(edges.symbols, instrument) is None:
        return f"{ticks} ticks"
    price = edges.price(instrument, ticks) or 0.0
    return f"{price:+.10g}" if sign else f"{price:.12g}"


def _qty(edges: Edges, instrument: int, lots: int) -> str:
    return f"{edges.qty(instrument, lots):,.10g}" if name_at(edges.symbols, instrument) else f"{lots} lots"


def plain(name: str) -> str:
    """A code's name as it stands in a sentence."""
    return name if name in _ABBREVIATIONS else name.replace("_", " ").lower()
