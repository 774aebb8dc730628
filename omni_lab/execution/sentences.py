"""Commands and the verdicts of the risk gate as sentences, in the order in which a desk would say them."""

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
    ACCOUNT,
    ALL,
    EVERYTHING,
    Advance,
    Cancel,
    Command,
    KillSwitch,
    Mark,
    MassCancel,
    New,
    Replace,
    SetPhase,
    WriteRegister,
)
from omni_lab.execution.edges import Edges, name_at
from omni_lab.execution.registers import locate, register_name
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
        case KillSwitch():
            return _kill_switch(command, edges)


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
    found = locate(address, edges.sizes)
    if found is None:
        return f"Write {value:,} to register {address:#x}"
    name = register_name(found, edges.sizes, edges.accounts, edges.symbols)
    if found.word == "CONTROL":
        return f"Throw the kill switch of {name.removesuffix('CONTROL').removesuffix('.') or 'everything'}"
    return f"Write {value:,} to register {name}"


def _kill_switch(command: KillSwitch, edges: Edges) -> str:
    done = "throws" if command.on else "resets"
    return f"{command.who} {done} the kill switch of {switch_name(command, edges)}: {command.why}"


def switch_name(command: KillSwitch, edges: Edges) -> str:
    """Whose kill switch a command is about."""
    if command.scope == EVERYTHING:
        return "everything"
    names = edges.accounts if command.scope == ACCOUNT else edges.symbols
    return name_at(names, command.number) or f"number {command.number}"


def refusal(check: str, level: str, value: float, limit: float) -> str:
    """Which limit is in the way, and what to do about it.

    Parameters
    ----------
    check : str
        Name of the `RejectReason`.
    level : str
        ``"everything"``, or the name of an instrument, an account or both.
    value, limit : float
        What is measured and what is allowed, in the unit of the check: ``docs/gate.md``, section 7.
    """
    what, do = _REFUSALS[check]
    if check in _OF_EQUITY and not value > limit:
        # Then it is no exposure that is too large: there is nothing to measure it by.
        return (
            f"{check}: {level} has no equity, or the instrument no reference price. "
            "State the account's capital (set_capital), or mark() the instrument."
        )
    told = what.format(level=level, value=amount_text(check, value), limit=amount_text(check, limit))
    return f"{check}: {told}. {do.format(level=level)}"


# Of each check: what is wrong, and what to do.
_REFUSALS = {
    "KILL_SWITCH": (
        "the kill switch of {level} is on",
        "Nothing new passes until it is reset: reset(…, who=…, why=…).",
    ),
    "POSITION_LIMIT": (
        "with all open orders {level} would reach {value}, and {limit} are allowed",
        "Send fewer, cancel what is open on that side, or raise max_position of {level}.",
    ),
    "ORDER_SIZE": (
        "the order is of {value}, and {level} allows {limit}",
        "Split it, or raise max_order_qty of {level}.",
    ),
    "PRICE_COLLAR": (
        "the price is {value} from the reference price, and {level} allows {limit}",
        "Look for a slip in the price, mark() the instrument if its reference is old, or raise collar_bps of "
        "{level}.",
    ),
    "NOTIONAL": (
        "price times quantity is {value}, and {level} allows {limit}",
        "Look for a slip in the quantity, split the order, or raise max_notional of {level}.",
    ),
    "ORDER_RATE": (
        "{level} has sent as many orders as its rate allows: of a token, {limit} is left",
        "Wait, or raise order_rate or order_burst of {level}.",
    ),
    "CANCEL_RATE": (
        "{level} has sent as many cancels as its rate allows: of a token, {limit} is left",
        "Wait, use mass_cancel, which has no rate, or raise cancel_rate or cancel_burst of {level}.",
    ),
    "DAILY_LOSS": (
        "{level} has lost {value} today, and from {limit} on nothing may be added",
        "Orders that reduce a position pass; new_day() begins another day.",
    ),
    "DRAWDOWN": (
        "equity of {level} is {value} below its peak, and from {limit} on nothing may be added",
        "Orders that reduce a position pass; otherwise raise max_drawdown of {level}.",
    ),
    "LEVERAGE": (
        "with all open orders the exposure of {level} would be {value} of its equity, and {limit} is allowed",
        "Send fewer, cancel or reduce something, or raise max_leverage of {level}.",
    ),
    "SECTOR_CONCENTRATION": (
        "the exposure of {level} in the sector would be {value} of its equity, and {limit} is allowed",
        "Send fewer, reduce something in the sector, or raise max_sector of {level}.",
    ),
    "SINGLE_NAME": (
        "the exposure of {level} in the instrument would be {value} of its equity, and {limit} is allowed",
        "Send fewer, or raise max_name of {level}.",
    ),
}
UNITS = {
    **dict.fromkeys(("POSITION_LIMIT", "ORDER_SIZE"), "lots"),
    "PRICE_COLLAR": "bps",
    **dict.fromkeys(("NOTIONAL", "DAILY_LOSS"), "currency"),
    **dict.fromkeys(("ORDER_RATE", "CANCEL_RATE"), "tokens"),
    "DRAWDOWN": "of peak",
    **dict.fromkeys(("LEVERAGE", "SECTOR_CONCENTRATION", "SINGLE_NAME"), "of equity"),
    "KILL_SWITCH": "switch",
}
"""The unit of value, limit and headroom, by the name of a check."""
_OF_EQUITY = frozenset({"LEVERAGE", "SECTOR_CONCENTRATION", "SINGLE_NAME"})


def amount_text(check: str, value: float) -> str:
    """A value or a limit of a check, with its unit where that is short."""
    match UNITS[check]:
        case "lots":
            return f"{value:,.0f} {'lot' if value == 1 else 'lots'}"
        case "bps":
            return f"{value:,.1f} bps"
        case "of peak" | "of equity":
            return f"{value:.2%}"
        case "tokens":
            return f"{value:.3f}"
        case _:
            return f"{value:,.2f}"


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
