"""Scripts of commands and the events they cause, written as a person would tell them.

One line is a command, a bar, and what comes of it, in the order of the events::

    buy 5 @100             | 1 accepted
    b: sell 8 @99 ioc      | 2 accepted; 2 takes 5@100 from 1; 2 canceled 3 IOC

A line that begins with the bar goes on with the line before. A tick is 1, a lot is 1, orders are named by the
ids they get. `Script.run` understands

- ``[account:] buy|sell [symbol] QTY [@PRICE] [word | name=value]…``, with the words of `_WORDS` and any
  keyword of ``submit``;
- ``cancel ID``, ``replace ID name=value…``, ``mass cancel [name=value]…``;
- ``phase NAME [symbol=…]``, ``advance TS``, ``mark [symbol] PRICE``;
- ``kill [account]`` and ``reset [account]``, or of ``instrument=…``, by ``who=…``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from omni_lab.domain import Instrument
from omni_lab.execution import OMS, Event, OMSConfig, ReferenceOMS

SYMBOLS = ("X", "Y", "Z")
ACCOUNTS = ("a", "b", "c")

_WORDS: dict[str, dict[str, Any]] = {
    "gtc": {"time_in_force": "GTC"},
    "ioc": {"time_in_force": "IOC"},
    "fok": {"time_in_force": "FOK"},
    "on-open": {"time_in_force": "AT_OPEN"},
    "on-close": {"time_in_force": "AT_CLOSE"},
    "hidden": {"display_qty": 0},
    "all-or-none": {"all_or_none": True},
    "post-only": {"post_only": "REJECT"},
    "slide": {"post_only": "SLIDE"},
    "on-bbo": {"trigger": "BBO"},
    "cancel-newest": {"self_trade": "CANCEL_NEWEST"},
    "cancel-oldest": {"self_trade": "CANCEL_OLDEST"},
    "cancel-both": {"self_trade": "CANCEL_BOTH"},
    "decrement": {"self_trade": "DECREMENT"},
}
_SHORT = {"shows": "display_qty", "at-least": "min_qty", "stop": "stop_price", "until": "expire_at"}
_WHOLE = {"expire_at", "ts", "trail_bps"}


def config(**settings: Any) -> OMSConfig:
    """Three instruments with a tick of 1, three accounts."""
    instruments = [Instrument(symbol, tick_size=1.0) for symbol in SYMBOLS]
    return OMSConfig(**{"instruments": instruments, "accounts": ACCOUNTS} | settings)


class Script:
    """A system, and what is said to it.

    Attributes
    ----------
    oms : OMS or ReferenceOMS
        The system.
    """

    def __init__(self, oms: OMS | ReferenceOMS) -> None:
        self.oms = oms

    def run(self, text: str) -> Script:
        """Play every line, and compare what comes of it."""
        for command, expected in _lines(text):
            self.say(command)
            found = list(told(self.oms.events()))
            assert expected in (None, found), f"{command}\n  came to: {'; '.join(found)}"
        return self

    def say(self, command: str) -> None:
        """Send one command."""
        head, colon, rest = command.partition(":")
        account = head.strip() if colon else None
        verb, *words = (rest if colon else command).split()
        positional, named = _arguments(words)
        match verb:
            case "buy" | "sell":
                symbol = positional.pop(0) if positional[0] in SYMBOLS else "X"
                self.oms.submit(symbol, verb, float(positional[0]), account=account, **named)
            case "cancel":
                self.oms.cancel(int(positional[0]))
            case "replace":
                self.oms.replace(int(positional[0]), **named)
            case "mass":
                self.oms.mass_cancel(**named)
            case "phase":
                self.oms.set_phase(positional[0], **named)
            case "advance":
                self.oms.advance(int(positional[0]))
            case "mark":
                symbol = positional.pop(0) if positional[0] in SYMBOLS else "X"
                self.oms.mark(symbol, float(positional[0]))
            case "kill":
                self.oms.kill(*positional, **{"who": "ann", "why": "a test"} | named)
            case "reset":
                self.oms.reset(*positional, **{"who": "ann", "why": "a test"} | named)
            case _:
                raise AssertionError(f"what is {command!r}?")


def _lines(text: str) -> list[tuple[str, list[str] | None]]:
    """Commands, and what is expected of each; None where nothing is said about it."""
    lines: list[tuple[str, list[str] | None]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        command, bar, outcome = map(str.strip, line.partition("|"))
        expected = [part.strip() for part in outcome.split(";") if part.strip()] if bar else None
        if command:
            lines.append((command, expected))
        else:
            before = lines[-1][1]
            assert before is not None
            before += expected or []
    return lines


def told(events: Sequence[Event]) -> Iterator[str]:
    """Events in a few words each; the two fills of a trade are told as one."""
    waiting = iter(events)
    for event in waiting:
        who, qty = event.order_id, f"{event.qty:g}"
        price = "" if event.price is None else f"{event.price:g}"
        match event.kind:
            case "FILLED":
                other = next(waiting)
                assert (other.kind, other.trade_id, other.qty) == ("FILLED", event.trade_id, event.qty)
                if event.liquidity == "AUCTION":
                    yield f"{who} and {other.order_id} trade {qty}@{price}"
                else:
                    assert (event.liquidity, other.liquidity) == ("MAKER", "TAKER")
                    yield f"{other.order_id} takes {qty}@{price} from {who}"
            case "ACCEPTED":
                yield f"{who} accepted"
            case "REJECTED":
                yield f"{who} rejected {event.reason}"
            case "CANCELED":
                yield f"{who} canceled {qty} {event.reason}"
            case "EXPIRED":
                yield f"{who} expired {qty}"
            case "REPLACED":
                yield f"{who} replaced {event.leaves:g}@{price or 0}"
            case "TRIGGERED":
                yield f"{who} triggered {price}"
            case "REPRICED":
                yield f"{who} moves to {price}" if price else f"{who} parked"
            case "REFRESHED":
                yield f"{who} shows {qty}@{price}"
            case "DECREMENTED":
                yield f"{who} less {qty}, {event.leaves:g} left"
            case "CANCEL_REJECTED":
                yield f"{who} not canceled {event.reason}"
            case "REPLACE_REJECTED":
                yield f"{who} not replaced {event.reason}"
            case "PHASE_CHANGED":
                yield f"{event.symbol} {event.phase}"
            case "AUCTION":
                yield f"auction {qty}@{price} surplus {event.leaves:g}"
            case "STATUS":
                yield f"{who} is {event.state}"
            case "REGISTER_WRITTEN":
                assert event.register is not None
                yield f"{event.register[0]:#x} = {event.register[1]}"
            case "MARKED":
                yield f"mark {price}"
            case "WARNED":
                yield f"{who} warned {event.reason}"
            case "KILL_SWITCH":
                assert event.switch is not None
                yield f"{event.account or event.symbol or 'everything'} {event.switch.lower()}"


def _arguments(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    positional: list[str] = []
    named: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            name = _SHORT.get(name, name)
            named[name] = int(value) if name in _WHOLE else _number(value)
            if name == "expire_at":
                named["time_in_force"] = "GTD"
        elif word.startswith("@"):
            named["price"] = float(word[1:])
        elif word in _WORDS:
            named |= _WORDS[word]
        else:
            positional.append(word)
    return positional, named


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
