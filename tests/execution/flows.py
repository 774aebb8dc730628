"""Random commands as frames of a journal, the same for the same seed.

They know nothing of the engine: they see the codes of the contract, a clock of their own, and which of the
orders they sent must have got an id. So they ask of every implementation the same things, sensible and not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from omni_lab.domain import Instrument
from omni_lab.execution import Limits, OMSConfig

Frame = tuple[int, bytes]
Words = tuple[dict[int, tuple[int, ...]], dict[int, int]]
"""Words that limit, by offset and of each any, and words that lift the limit again."""

NEW, CANCEL, REPLACE, MASS_CANCEL, SET_PHASE, ADVANCE, MARK, WRITE_REGISTER, KILL_SWITCH = range(1, 10)
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, PEGGED = range(1, 7)
DAY, GTC, AT_OPEN, IOC, FOK, GTD, AT_CLOSE = 0, 1, 2, 3, 4, 6, 7
CLOSED, PRE_OPEN, CONTINUOUS, HALTED, PRE_CLOSE = range(5)
ALL = 2**32 - 1
LARGEST = 2**50
MAX64 = 2**63 - 1
WORD = 2**64 - 1

# The flows send huge quantities of the last instrument, at huge prices too. Money must fit into 128 bits, so
# a lot of it is worth next to nothing.
CONFIG = OMSConfig(
    instruments=[
        Instrument("X", tick_size=0.01),
        Instrument("Y", tick_size=0.01),
        Instrument("Z", tick_size=1e-8, lot_size=1e-8),
    ],
    accounts=("a", "b", "c"),
    reference_prices={"Y": 10.0},
)
"""What the commands are meant for."""

FAMILY: dict[str, Any] = {
    "parents": {"b": "a", "c": "b"},
    "capital": {"a": 3e5, "b": 1e5, "c": 1e5},
    "sectors": {"X": "tech", "Z": "tech"},
    "two_person": True,
    "limits": {"b": Limits(max_leverage=40.0, max_drawdown=0.9), "c": Limits(max_name=30.0)},
    "soft_limits": {"a": Limits(max_leverage=8.0, max_sector=7.0), "c": Limits(max_order_qty=45)},
}
"""Settings with which each account stands above the next, for a system whose ticks are 1."""
N_ACCOUNTS = len(CONFIG.accounts)
N_INSTRUMENTS = len(CONFIG.instruments)
MIDDLE = 1_000
"""Around this price everything happens, in ticks."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How often what happens; weights are relative, rates are of all commands or all orders.

    Attributes
    ----------
    types : mapping by order type
        Weights of MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, PEGGED.
    iceberg, hidden, conditional, post_only, self_trade : float
        Shares of the limit orders (of all orders for the last) that say so.
    at_auction : float
        Share of the market and limit orders that wait for an auction.
    width : int
        Prices lie within so many ticks of the middle.
    wild : float
        Share of orders with a field that breaks a rule, or is at its end.
    phases, expiry, kills, limits, marks, mass_cancels, resends : float
        Shares of commands. Of the limits, `equity` are fractions of equity and losses.
    n_live : int
        Cancels begin once so many orders were sent, which keeps the books small.
    """

    types: tuple[int, int, int, int, int, int] = (8, 70, 4, 4, 4, 6)
    iceberg: float = 0.12
    hidden: float = 0.08
    conditional: float = 0.08
    post_only: float = 0.10
    self_trade: float = 0.5
    at_auction: float = 0.03
    width: int = 12
    wild: float = 0.04
    phases: float = 0.01
    expiry: float = 0.05
    kills: float = 0.001
    limits: float = 0.006
    equity: float = 0.4
    marks: float = 0.005
    mass_cancels: float = 0.003
    resends: float = 0.02
    n_live: int = 100


FLOWS = {
    "balanced": Flow(),
    "conditional": Flow(types=(6, 86, 2, 2, 2, 2), conditional=0.5, wild=0.02),
    "stops_and_pegs": Flow(types=(8, 40, 12, 12, 12, 16), wild=0.02, conditional=0.03),
    "auctions": Flow(types=(10, 74, 4, 4, 4, 4), phases=0.06, at_auction=0.25, width=8),
    "iceberg": Flow(types=(10, 84, 2, 2, 1, 1), iceberg=0.6, hidden=0.1, conditional=0.03),
    "gated": Flow(limits=0.04, kills=0.004, marks=0.03, equity=0.6, wild=0.02),
}


def commands(seed: int, n_commands: int, flow: Flow | str = "balanced") -> Iterator[Frame]:
    """Frames of so many commands.

    Parameters
    ----------
    seed : int
        Everything random comes from it.
    n_commands : int
        How many.
    flow : Flow or str
        The mixture, or the name of one in `FLOWS`.
    """
    source = Source(seed, FLOWS[flow] if isinstance(flow, str) else flow)
    for _ in range(n_commands):
        yield source.next()


class Source:
    """A desk full of people who do not look at what comes back."""

    def __init__(self, seed: int, flow: Flow) -> None:
        self.flow = flow
        self.random = Random(seed)
        self.clock = 1_000
        self.n_orders = 0
        self.n_client_ids = 0
        self.client_ids: set[bytes] = set()
        self.sent: list[bytes] = []
        self.bursts: list[Frame] = []
        self.recent: list[tuple[int, int]] = []  # order ids with their accounts

    def next(self) -> Frame:
        """The next command."""
        if self.bursts:
            return self.bursts.pop()
        flow, random = self.flow, self.random
        self._tick()
        draw = random.random()
        for share, make in (
            (flow.phases, self._phase),
            (flow.expiry, self._advance),
            (flow.kills, self._kill),
            (flow.limits, self._limit),
            (flow.marks, self._mark),
            (flow.mass_cancels, self._mass_cancel),
            (flow.resends, self._resend),
        ):
            if draw < share:
                return make()
            draw -= share
        if len(self.recent) > flow.n_live:
            del self.recent[: -3 * flow.n_live]
            if random.random() < 0.25:
                return self._cancel()
        return self._replace() if random.random() < 0.15 else self._new()

    # --- orders ---------------------------------------------------------------------------------------------

    def _new(self, account: int | None = None) -> Frame:
        order = self._order()
        if account is not None:
            order = replace(order, account=account)
        if self.random.random() < self.flow.wild:
            order = self._break(order)
        return self._send(order.payload())

    def _send(self, payload: bytes) -> Frame:
        """The frame of a new order; it gets the next id if it is one that was not sent before."""
        client_id, (account, instrument) = payload[8:24], struct.unpack_from("<II", payload, 24)
        known = account < N_ACCOUNTS and instrument < N_INSTRUMENTS
        if known and any(client_id):
            key = payload[8:28]
            known = key not in self.client_ids
            self.client_ids.add(key)
            self.sent.append(payload)
            del self.sent[:-200]
        if known:
            self.n_orders += 1
            self.recent.append((self.n_orders, account))
        return NEW, payload

    def _order(self) -> Order:
        flow, random = self.flow, self.random
        side = random.choice((1, 2))
        order_type = random.choices(range(1, 7), flow.types)[0]
        order = Order(
            ts=self._ts(),
            client_id=self._client_id(),
            account=random.randrange(N_ACCOUNTS),
            instrument=random.randrange(N_INSTRUMENTS),
            side=side,
            order_type=order_type,
            qty=random.choice((1, 2, 3, 5, 8, 10, 10, 20, 50)),
            self_trade=random.randrange(1, 5) if random.random() < flow.self_trade else 0,
        )
        order = self._terms(order)
        if order.time_in_force == GTD:
            order = replace(order, expire_at=self.clock + random.randrange(1, 3_000))
        return order

    def _terms(self, order: Order) -> Order:
        """The order with what its type needs."""
        make = {
            MARKET: self._market,
            LIMIT: self._limit_order,
            STOP: self._stop,
            STOP_LIMIT: self._stop_limit,
            TRAILING_STOP: self._trailing_stop,
            PEGGED: self._pegged,
        }
        return make[order.order_type](order)

    def _market(self, order: Order) -> Order:
        random = self.random
        if random.random() < self.flow.at_auction * 3:
            return replace(order, time_in_force=random.choice((AT_OPEN, AT_CLOSE)))
        if random.random() < self.flow.conditional:
            time_in_force = random.choice((DAY, IOC))
            return replace(order, time_in_force=time_in_force, min_qty=random.randint(1, order.qty))
        return replace(order, time_in_force=random.choice((DAY, DAY, IOC, FOK)))

    def _limit_order(self, order: Order) -> Order:
        flow, random = self.flow, self.random
        order = replace(order, price=self._price(order.side))
        if random.random() < flow.at_auction:
            return replace(order, time_in_force=random.choice((AT_OPEN, AT_CLOSE)))
        if random.random() < 0.06:
            order = replace(order, time_in_force=random.choice((IOC, IOC, FOK)))
            if order.time_in_force == IOC and random.random() < flow.conditional:
                order = replace(order, min_qty=random.randint(1, order.qty))
            return order
        order = replace(order, time_in_force=self._standing())
        draw = random.random()
        if draw < flow.iceberg:
            qty = order.qty * random.choice((1, 2, 5))
            return self._may_post(replace(order, qty=qty, display_qty=random.randint(1, order.qty)))
        if draw < flow.iceberg + flow.hidden:
            return self._may_post(replace(order, display_qty=0))
        if random.random() < flow.conditional:
            if random.random() < 0.4:
                return replace(order, all_or_none=1)
            return replace(order, min_qty=random.randint(1, order.qty))
        return self._may_post(order)

    def _may_post(self, order: Order) -> Order:
        if self.random.random() < self.flow.post_only:
            return replace(order, post_only=self.random.choice((1, 2)))
        return order

    def _stop(self, order: Order) -> Order:
        return replace(
            order,
            stop_price=self._stop_price(order.side),
            trigger=self.random.choice((1, 2)),
            time_in_force=self._standing(),
        )

    def _stop_limit(self, order: Order) -> Order:
        order = self._stop(order)
        slip = self.random.randint(-2, 4)
        order = replace(order, price=order.stop_price + (slip if order.side == 1 else -slip))
        if self.random.random() < self.flow.iceberg:
            order = replace(order, display_qty=self.random.randint(0, order.qty))
        return order

    def _trailing_stop(self, order: Order) -> Order:
        random = self.random
        bps = random.random() < 0.4
        return replace(
            order,
            trail=random.randint(1, 120) if bps else random.randint(1, self.flow.width),
            trail_unit=2 if bps else 1,
            trigger=random.choice((1, 2)),
            time_in_force=self._standing(),
        )

    def _pegged(self, order: Order) -> Order:
        random = self.random
        reference = random.choice((1, 1, 2, 3, 3))
        away = random.choice((-3, -2, -1, 0, 0, 1))
        return replace(
            order,
            price=self._price(order.side) if random.random() < 0.4 else 0,
            peg_reference=reference,
            peg_offset=away if order.side == 1 else -away,
            time_in_force=self._standing(),
        )

    def _break(self, order: Order) -> Order:
        """The order with one field or two that break a rule, or stand at its end."""
        for _ in range(self.random.choice((1, 1, 2))):
            order = replace(order, **self._odd(order))
        return order

    def _odd(self, order: Order) -> dict[str, int]:
        choice = self.random.choice
        huge = {"instrument": N_INSTRUMENTS - 1}
        return choice(
            [
                {"qty": choice((0, -1, LARGEST + 1, -MAX64))},
                {"qty": LARGEST} | huge,
                {"price": choice((0, -1, LARGEST + 1, MAX64))},
                {"price": choice((1, LARGEST))} | huge,
                {"price": MIDDLE},
                {"stop_price": choice((-1, 0, 1, MIDDLE, LARGEST, LARGEST + 1))},
                {"trail": choice((-1, 0, 1, 9_999, 10_000, LARGEST, LARGEST + 1))},
                {"trail_unit": choice((0, 1, 2))},
                {"trigger": choice((0, 1, 2))},
                {"peg_reference": choice((0, 1, 2, 3))},
                {"peg_offset": choice((1, -(2**40), 2**40, -(2**40) - 1, 2**40 + 1))},
                {"display_qty": choice((-2, 0, 1, order.qty, order.qty + 1))},
                {"min_qty": choice((-1, 1, order.qty, order.qty + 1))},
                {"all_or_none": 1},
                {"expire_at": choice((-1, 1, self.clock, self.clock + 1))},
                {"time_in_force": choice((DAY, GTC, AT_OPEN, IOC, FOK, GTD, AT_CLOSE))},
                {"order_type": choice((MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP, PEGGED))},
                {"post_only": choice((1, 2))},
                {"account": choice((N_ACCOUNTS, ALL))},
                {"instrument": choice((N_INSTRUMENTS, ALL))},
            ]
        )

    def _resend(self) -> Frame:
        if not self.sent:
            return self._new()
        payload = self.random.choice(self.sent)
        draw = self.random.random()
        if draw < 0.6:  # again, perhaps at another time
            return self._send(struct.pack("<q", self._ts()) + payload[8:])
        if draw < 0.8:  # the same id for something else
            qty = struct.pack("<q", self.random.randint(1, 60))
            return self._send(payload[:40] + qty + payload[48:])
        # Another account may use the same id: that is a new order.
        account = struct.pack("<I", self.random.randrange(N_ACCOUNTS))
        return self._send(payload[:24] + account + payload[28:])

    def _cancel(self, account: int | None = None) -> Frame:
        theirs = [each for each in self.recent if account in (None, each[1])]
        if not theirs or self.random.random() < 0.02:
            order_id = self.random.choice((0, self.n_orders + 5, 2**64 - 1))
        else:
            chosen = self.random.choice(theirs)
            self.recent.remove(chosen)
            order_id = chosen[0]
        return CANCEL, struct.pack("<qQ", self._ts(), order_id)

    def _replace(self) -> Frame:
        random = self.random
        order_id = random.choice(self.recent[-80:])[0] if self.recent and random.random() < 0.97 else 0
        qty = random.choice((1, 2, 5, 5, 10, 10, 20, 50))
        if random.random() < 0.02:
            qty = random.choice((0, -1, LARGEST + 1))
        price = stop_price = 0
        draw = random.random()
        if draw < 0.5:
            price = self._price(random.choice((1, 2)))
        elif draw < 0.6:
            stop_price = self._stop_price(random.choice((1, 2)))
        elif draw < 0.62:
            price = random.choice((-1, LARGEST + 1))
        elif draw < 0.64:
            stop_price = random.choice((-1, LARGEST + 1))
        return REPLACE, struct.pack("<qQqqq", self._ts(), order_id, qty, price, stop_price)

    # --- everything else ------------------------------------------------------------------------------------

    def _mass_cancel(self) -> Frame:
        random = self.random
        account = random.choice((ALL, *range(N_ACCOUNTS), N_ACCOUNTS))
        instrument = random.choice((ALL, *range(N_INSTRUMENTS), N_INSTRUMENTS))
        side = random.choice((0, 0, 1, 2))
        return MASS_CANCEL, struct.pack("<qIIB7s", self._ts(), account, instrument, side, b"")

    def _phase(self) -> Frame:
        random = self.random
        instrument = random.choice((ALL, ALL, *range(N_INSTRUMENTS)))
        phase = random.choice((CLOSED, PRE_OPEN, PRE_OPEN, HALTED, PRE_CLOSE, PRE_CLOSE, CONTINUOUS))
        # Most trading is continuous: whatever interrupts it ends after a few orders.
        back = self._set_phase(instrument, CONTINUOUS)
        self.bursts = [back, *(self._request() for _ in range(random.randrange(12)))]
        if random.random() < 0.3:
            self.bursts.insert(1, self._set_phase(instrument, random.choice((CLOSED, PRE_OPEN, HALTED))))
        return self._set_phase(instrument, phase)

    def _set_phase(self, instrument: int, phase: int) -> Frame:
        return SET_PHASE, struct.pack("<qIB3s", self._ts(), instrument, phase, b"")

    def _advance(self) -> Frame:
        self.clock += self.random.choice((0, 10, 100, 100, 1_000))
        return ADVANCE, struct.pack("<q", self._ts())

    def _mark(self) -> Frame:
        price = self.random.choice((0, -1, LARGEST + 1, MIDDLE, MIDDLE, MIDDLE + 3, MIDDLE - 3, MIDDLE + 90))
        instrument = self.random.randrange(N_INSTRUMENTS)
        return MARK, struct.pack("<qIIq", self._ts(), instrument, 0, price)

    def _kill(self) -> Frame:
        random = self.random
        scope = random.choice((0, 1, 1, 2))
        number = random.randrange((1, N_ACCOUNTS, N_INSTRUMENTS)[scope])
        switch = (scope, number)
        # Two people, for where it takes two.
        last = [self._switch(0, switch, "bob"), self._switch(0, switch, "ann")]
        if random.random() < 0.3:
            again = (self._switch(0, switch, "ann"), self._switch(1, switch, "ann"), self._request())
            last.append(random.choice(again))
        self.bursts = [*last, *(self._request() for _ in range(random.randrange(5)))]
        if random.random() < 0.2:
            self.bursts[2:2] = [self._switch(1, switch, "bob"), *last]
        if random.random() < 0.3:
            address = (0x28, 0x1000 + 0x200 * number, 0x40_0000 + 0x80 * number)[scope]
            return self._write(address, 1)
        return self._switch(1, switch, "ann")

    def _switch(self, on: int, switch: tuple[int, int], who: str) -> Frame:
        scope, number = switch
        texts = b"".join(struct.pack("<H", len(text)) + text for text in (who.encode(), b"a flow"))
        return KILL_SWITCH, struct.pack("<qBBHI", self._ts(), scope, on, 0, number) + texts

    def _limit(self) -> Frame:
        random = self.random
        account = random.randrange(N_ACCOUNTS)
        bank = (0x1000 if random.random() < 0.7 else 0x20_0000) + 0x200 * account
        rates = (1_000_000, 10_000_000, 1_000_000_000)
        money = (0, 10**19, 2**64 - 1)
        choices: list[Words] = [
            ({0x08: (20, 60, 200)}, {0x08: MAX64}),
            ({0x10: (10, 20, 49, 50)}, {0x10: MAX64}),
            ({0x18: (0, 30, 60, 100)}, {0x18: MAX64}),
            ({0x20: money, 0x28: (0, 5)}, {0x20: WORD, 0x28: MAX64}),
            ({0x30: rates, 0x38: (1, 3, 5)}, {0x30: MAX64, 0x38: 1_000_000_000}),
            ({0x40: rates, 0x48: (1, 2)}, {0x40: MAX64, 0x48: 1_000_000_000}),
        ]
        if random.random() < 0.15:
            bank, choices = self._narrow_bank(account)
        elif random.random() < self.flow.equity:
            choices = self._of_equity(bank)
        tight, loose = random.choice(choices)
        # Every limit is lifted again after some requests, so that most of the flow passes.
        lifted = [self._write(bank + offset, value) for offset, value in loose.items()]
        under = [self._under(tight, account) for _ in range(random.randrange(30))]
        limits = [self._write(bank + offset, random.choice(values)) for offset, values in tight.items()]
        self.bursts = [*lifted, *under, *limits]
        return self.bursts.pop()

    def _under(self, limits: dict[int, tuple[int, ...]], account: int) -> Frame:
        """A command that limits may forbid."""
        draw = self.random.random()
        if draw < self.flow.marks:
            return self._mark()
        if 0x40 in limits and draw < 0.5:  # few cancels would meet orders that live
            self.recent = [each for each in self.recent if each[0] > self.n_orders - 20]
            return self._cancel(account)
        return self._request(account)

    def _narrow_bank(self, account: int) -> tuple[int, list[Words]]:
        """The bank of an instrument, or of a position."""
        instrument = self.random.randrange(N_INSTRUMENTS)
        if self.random.random() < 0.5:
            return 0x1000_0000 + 0x40 * (account * N_INSTRUMENTS + instrument), [
                ({0x18: (5, 20, 60)}, {0x18: MAX64}),
                ({0x20: (10, 20)}, {0x20: MAX64}),
            ]
        return 0x40_0000 + 0x80 * instrument, [
            ({0x28: (10, 20, 49)}, {0x28: MAX64}),
            ({0x30: (0, 30, 60)}, {0x30: MAX64}),
            ({0x38: (0, 10**19), 0x40: (0, 500)}, {0x38: WORD, 0x40: MAX64}),
        ]

    def _of_equity(self, bank: int) -> list[Words]:
        """Losses, fractions of equity, and what equity is counted from."""
        capital = (2 * 10**22, 10**23, 4 * 10**23)
        choices: list[Words] = [
            ({0x50: (0, 10**17, 10**19), 0x58: (0, 5)}, {0x50: WORD, 0x58: MAX64}),
            ({0x60: (0, 1, 100, 2_000)}, {0x60: MAX64}),
            ({0x68: (0, 10_000, 50_000, 200_000)}, {0x68: MAX64}),
            ({0x70: (0, 10_000, 100_000)}, {0x70: MAX64}),
            ({0x78: (0, 5_000, 40_000)}, {0x78: MAX64}),
        ]
        if bank < 0x20_0000:
            choices += [
                ({0xA0: (0,)}, {}),
                ({0xD0: (0,)}, {}),
                (
                    {
                        0xB0: tuple(each & WORD for each in capital),
                        0xB8: tuple(each >> 64 for each in capital),
                    },
                    {},
                ),
                ({0x60: (50, 500), 0xD0: (0,)}, {0x60: MAX64}),
            ]
        return choices

    def _request(self, account: int | None = None) -> Frame:
        draw = self.random.random()
        return self._new(account) if draw < 0.6 else self._cancel(account) if draw < 0.8 else self._replace()

    def _write(self, address: int, value: int) -> Frame:
        return WRITE_REGISTER, struct.pack("<qQQ", self._ts(), address, value)

    # --- what they are made of ------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.clock += self.random.choice((0, 0, 1, 5, 20))

    def _ts(self) -> int:
        """The clock, now and then an earlier time, which is no error."""
        return self.clock - 50 if self.random.random() < 0.01 else self.clock

    def _client_id(self) -> int:
        draw = self.random.random()
        if draw < 0.6:
            return 0
        self.n_client_ids += 1
        return self.n_client_ids + (2**127 if draw > 0.9 else 0)

    def _standing(self) -> int:
        return self.random.choice((DAY, DAY, DAY, GTC, GTD))

    def _price(self, side: int) -> int:
        """A limit that mostly stands on its own side, a little below or above the middle."""
        away = int(self.random.triangular(-self.flow.width * 0.6, self.flow.width, self.flow.width / 3))
        return MIDDLE - away if side == 1 else MIDDLE + away

    def _stop_price(self, side: int) -> int:
        return self._price(3 - side)


@dataclass(frozen=True, kw_only=True)
class Order:
    """The fields of a New, and its payload (``docs/oms.md``, section 2)."""

    ts: int = 0
    client_id: int = 0
    account: int = 0
    instrument: int = 0
    side: int = 1
    order_type: int = LIMIT
    time_in_force: int = DAY
    self_trade: int = 0
    post_only: int = 0
    qty: int = 0
    price: int = 0
    stop_price: int = 0
    trail: int = 0
    peg_offset: int = 0
    display_qty: int = -1
    min_qty: int = 0
    expire_at: int = 0
    trail_unit: int = 0
    trigger: int = 0
    peg_reference: int = 0
    all_or_none: int = 0

    def payload(self) -> bytes:
        """The bytes, spelled here once more so that the codec has somebody to disagree with."""
        more = (self.stop_price, self.trail, self.peg_offset, self.display_qty, self.min_qty, self.expire_at)
        codes = (self.trail_unit, self.trigger, self.peg_reference, self.all_or_none)
        extended = (*more, *codes) != (0, 0, 0, -1, 0, 0, 0, 0, 0, 0)
        # fmt: off
        head = struct.pack(
            "<q16sIIBBBBBBHqq", self.ts, self.client_id.to_bytes(16, "little"), self.account, self.instrument,
            self.side, self.order_type, self.time_in_force, self.self_trade, self.post_only, extended, 0,
            self.qty, self.price,
        )
        # fmt: on
        return head + struct.pack("<qqqqqqBBBBI", *more, *codes, 0) if extended else head
