"""`ItchFeed`: what happens in the order-management system, told as ITCH 5.0.

The feed shows what is displayed and nothing else. It follows the events: an order is added when it rests, and
not when it is accepted, for what it takes on arrival was never displayed. Where the events do not say what is
displayed (an iceberg that somebody entered beside OUCH, an auction), it looks at the book afterwards and
tells the difference. So after each batch of events its book is the system's, queue by queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from omni_lab._native import MessageLog
from omni_lab.domain import CancelReason, EventKind, Liquidity, Side, TradingPhase
from omni_lab.execution.face import OMSFace
from omni_lab.venues import codes
from omni_lab.venues.listing import Listing, Row
from omni_lab.venues.messages import Message, encode
from omni_lab.venues.shown import Place, ShownBook

logger = logging.getLogger(__name__)

CROSS_NUMBERS = 1 << 62
"""Match numbers of crosses count up from here, those of trades from 1: a cross has many trades."""

_LETTERS = {Side.BUY: "B", Side.SELL: "S"}
_ENDS = frozenset({EventKind.CANCELED, EventKind.EXPIRED})


@dataclass(frozen=True, slots=True)
class Shows:
    """Whether an order is displayed where it rests, and under which firm."""

    displayed: bool
    firm: str = ""


Visibility = Callable[[int], Shows | None]
"""What is known of an order by its id; None where nobody knows."""


@dataclass(slots=True)
class _Active:
    """The order whose turn it is: it takes, and then it rests or is gone."""

    order_id: int
    place: Place
    leaves: int
    replaces: int = 0


class ItchFeed:
    """Messages of a market, in a log from which any number of readers are served.

    Parameters
    ----------
    oms : OMSFace
        The system.
    listings : sequence of Listing
        Its instruments by number.
    log : MessageLog
        Where the messages go.
    midnight_ns : int
        The midnight that times count from, nanoseconds UTC.
    visibility : callable
        What is known of an order.
    """

    def __init__(
        self,
        oms: OMSFace,
        listings: Sequence[Listing],
        log: MessageLog,
        *,
        midnight_ns: int,
        visibility: Visibility,
    ) -> None:
        self.log = log
        self.shown = ShownBook.empty()
        self._oms = oms
        self._setups = oms.config.setup().instruments
        self._listings = listings
        self._midnight_ns = midnight_ns
        self._visibility = visibility
        self._ts = 0
        self._active: _Active | None = None
        self._uncertain: set[int] = set()
        self._phases: dict[int, TradingPhase] = {}
        self._cross = codes.OPENING
        self._n_crosses = 0

    # --- the day --------------------------------------------------------------------------------------------

    def start(self, ts: int) -> None:
        """Tell the instruments, their states, and what stands in their books."""
        self._ts = ts
        self._system("O")
        for number, listing in enumerate(self._listings):
            self._tell(number, "stock_directory", stock=listing.symbol, round_lot_size=100, **_DIRECTORY)
        self._system("S")
        for number, listing in enumerate(self._listings):
            phase = TradingPhase[self._oms.book(listing.symbol).phase]
            self._phase(number, phase)
        self._system("Q")
        self._uncertain.update(range(len(self._listings)))
        self._look()

    def end(self, ts: int) -> None:
        """Tell the end of the day, and end the session."""
        self._ts = ts
        for code in "MEC":
            self._system(code)
        self.log.end()

    def broken(self, ts: int, instrument: int, match_number: int) -> None:
        """Tell that a trade is undone."""
        self._ts = ts
        self._tell(instrument, "broken_trade", match_number=match_number)

    # --- events ---------------------------------------------------------------------------------------------

    def follow(self, rows: Sequence[Row], replaces: Mapping[int, int]) -> None:
        """Tell what came of commands.

        Parameters
        ----------
        rows : sequence of Row
            Events in their order.
        replaces : mapping of int to int
            Of orders that were canceled to be replaced: the old one's id by the new one's.
        """
        waiting = {old: new for new, old in replaces.items()}
        rest = iter(rows)
        for row in rest:
            self._ts = row.ts
            match row.kind:
                case EventKind.ACCEPTED:
                    self._begin(row, row.leaves, replaces.get(row.order_id, 0))
                case EventKind.REJECTED if row.order_id in replaces:
                    self._delete(replaces[row.order_id])
                case EventKind.FILLED:
                    # The maker's event comes first, and the taker's follows.
                    self._trade(row, next(rest))
                case EventKind.REPLACED:
                    self._replaced(row)
                case EventKind.REPRICED:
                    self._repriced(row)
                case EventKind.TRIGGERED:
                    self._begin(row, row.leaves)
                case EventKind.REFRESHED:
                    self._delete(row.order_id)
                    self._add(row.order_id, Place(row.instrument, row.side, row.price), row.qty)
                case EventKind.DECREMENTED:
                    self._decremented(row)
                case kind if kind in _ENDS:
                    self._ended(row, kept=row.order_id in waiting)
                case EventKind.PHASE_CHANGED:
                    self._rest()
                    self._phase(row.instrument, TradingPhase(row.qty))
                    self._uncertain.add(row.instrument)
                case EventKind.AUCTION:
                    self._auction(row)
        self._rest()
        for order_id in waiting:
            self._delete(order_id)
        self._look()

    def _begin(self, row: Row, leaves: int, replaces: int = 0) -> None:
        self._rest()
        place = Place(row.instrument, row.side, row.price)
        self._active = _Active(row.order_id, place, leaves, replaces if replaces in self.shown else 0)

    def _trade(self, maker: Row, taker: Row) -> None:
        if maker.liquidity == Liquidity.AUCTION:
            for row in (maker, taker):
                # An auction fills an iceberg beyond its slice: what was not displayed is not taken off.
                shown = min(self.shown.qty(row.order_id), row.qty)
                if shown:
                    self._executed(row, shown, printable="N")
            return
        active = self._turn_of(taker)
        if active.replaces:
            # What replaces an order takes before it rests, and the old one does not stand meanwhile.
            self._delete(active.replaces)
            active.replaces = 0
        active.leaves = taker.leaves
        if self.shown.qty(maker.order_id) >= maker.qty:
            self._executed(maker, maker.qty, printable="Y")
        else:
            # It was hidden; or it has grown since it was shown, and is told anew when the book is looked at.
            self._delete(maker.order_id)
            self._hidden(maker)

    def _hidden(self, maker: Row) -> None:
        """Tell a trade with an order that is not displayed."""
        listing = self._listings[maker.instrument]
        if not listing.fits(maker.price, maker.qty):
            logger.warning("trade %d is too large for ITCH and is not told", maker.trade_id)
            return
        self._tell(
            maker.instrument,
            "trade_non_cross",
            order_reference_number=0,
            buy_sell_indicator=_LETTERS[Side(maker.side)],
            shares=listing.shares(maker.qty),
            stock=listing.symbol,
            price=listing.price(maker.price),
            match_number=maker.trade_id,
        )

    def _turn_of(self, row: Row) -> _Active:
        """The order of a row as the active one; whichever was so before has come to rest."""
        if self._active is None or self._active.order_id != row.order_id:
            self._begin(row, row.leaves)
            # Its price in this row is the trade's, so that where it will rest is not known.
            self._uncertain.add(row.instrument)
            assert self._active is not None
            self._active.place = Place(row.instrument, row.side, 0)
        return self._active

    def _executed(self, row: Row, lots: int, *, printable: str) -> None:
        listing = self._listings[row.instrument]
        facts = {
            "order_reference_number": row.order_id,
            "executed_shares": listing.shares(lots),
            "match_number": row.trade_id,
        }
        if printable == "Y" and row.price == self.shown.place(row.order_id).price:
            self._tell(row.instrument, "order_executed", **facts)
        else:
            price = listing.price(row.price)
            self._tell(
                row.instrument,
                "order_executed_with_price",
                **facts,
                printable=printable,
                execution_price=price,
            )
        self.shown.take(row.order_id, lots)

    def _replaced(self, row: Row) -> None:
        self._rest()
        if row.order_id in self.shown:
            place, qty = self.shown.place(row.order_id), self.shown.qty(row.order_id)
            shows = self._visibility(row.order_id)
            whole = shows is not None and shows.displayed
            if place.price == row.price and row.leaves <= qty and whole:
                self._reduce(row, qty - row.leaves)
                return
            if not whole:
                # An iceberg may have kept its place with more behind it than shows.
                self._uncertain.add(row.instrument)
                return
            self._delete(row.order_id)
        self._begin(row, row.leaves)

    def _repriced(self, row: Row) -> None:
        if self._active is not None and self._active.order_id == row.order_id:
            self._active.place = Place(row.instrument, row.side, row.price)
        else:
            self._begin(row, row.leaves)

    def _decremented(self, row: Row) -> None:
        if self._active is not None and self._active.order_id == row.order_id:
            self._active.leaves = row.leaves
        elif row.order_id in self.shown:
            self._reduce(row, row.qty)

    def _ended(self, row: Row, *, kept: bool) -> None:
        if self._active is not None and self._active.order_id == row.order_id:
            if self._active.replaces:
                self._delete(self._active.replaces)
            self._active = None
        elif row.reason != CancelReason.SELF_TRADE or row.kind == EventKind.EXPIRED:
            self._rest()
        if not kept:
            self._delete(row.order_id)

    def _auction(self, row: Row) -> None:
        self._rest()
        listing = self._listings[row.instrument]
        if not listing.fits(row.price, 0):
            logger.warning("an auction at %d ticks is too dear for ITCH and is not told", row.price)
            return
        self._n_crosses += 1
        self._tell(
            row.instrument,
            "cross_trade",
            shares=listing.shares(row.qty),
            stock=listing.symbol,
            cross_price=listing.price(row.price),
            match_number=CROSS_NUMBERS + self._n_crosses,
            cross_type=self._cross.cross,
        )

    def _rest(self) -> None:
        """The active order has had its turn: if something of it is displayed, it is added."""
        active, self._active = self._active, None
        if active is None:
            return
        shows = self._visibility(active.order_id)
        if shows is None:
            self._uncertain.add(active.place.instrument)
        elif shows.displayed and active.leaves and active.place.price:
            if active.replaces and self._replace(active):
                return
            self._delete(active.replaces)
            self._add(active.order_id, active.place, active.leaves, shows.firm)
            return
        self._delete(active.replaces)

    # --- what the book says ---------------------------------------------------------------------------------

    def _look(self) -> None:
        """Tell how the books of uncertain instruments differ from what was told."""
        while self._uncertain:
            instrument = self._uncertain.pop()
            standing = self._standing(instrument)
            for place in self.shown.places(instrument):
                wanted = standing.get(place, {})
                for order_id in self.shown.queue(place):
                    if order_id not in wanted:
                        self._delete(order_id)
            for place, wanted in standing.items():
                self._settle(place, wanted)

    def _standing(self, instrument: int) -> dict[Place, dict[int, int]]:
        listing = self._listings[instrument]
        setup = self._setups[instrument]
        book = self._oms.book(listing.symbol)
        queues: dict[Place, dict[int, int]] = {}
        for side in Side:
            orders = book.orders(side)
            shown = ~orders["hidden"]
            rows = zip(
                orders["order_id"][shown].tolist(),
                (orders["price"][shown] / setup.tick_size).round().astype(int).tolist(),
                (orders["qty"][shown] / setup.lot_size).round().astype(int).tolist(),
                strict=True,
            )
            for order_id, price, qty in rows:
                if listing.fits(price, qty):
                    queues.setdefault(Place(instrument, side, price), {})[order_id] = qty
        return queues

    def _settle(self, place: Place, wanted: Mapping[int, int]) -> None:
        """Make a queue what it is: from the first order that is out of place or has grown it is told anew."""
        told = self.shown.queue(place)
        kept = 0
        for (have_id, have), (order_id, qty) in zip(told.items(), wanted.items(), strict=False):
            if have_id != order_id or have < qty:
                break
            if have > qty:
                self._cancel(order_id, have - qty)
            kept += 1
        for order_id in list(told)[kept:]:
            self._delete(order_id)
        for order_id, qty in list(wanted.items())[kept:]:
            if order_id in self.shown:
                self._delete(order_id)
            shows = self._visibility(order_id)
            self._add(order_id, place, qty, shows.firm if shows else "")

    # --- messages -------------------------------------------------------------------------------------------

    def _add(self, order_id: int, place: Place, qty: int, firm: str = "") -> None:
        listing = self._listings[place.instrument]
        if not listing.fits(place.price, qty):
            logger.warning("order %d is too large for ITCH and is not shown", order_id)
            return
        facts: dict[str, int | str] = {
            "order_reference_number": order_id,
            "buy_sell_indicator": _LETTERS[Side(place.side)],
            "shares": listing.shares(qty),
            "stock": listing.symbol,
            "price": listing.price(place.price),
        }
        if firm:
            self._tell(place.instrument, "add_order_mpid", **facts, attribution=firm)
        else:
            self._tell(place.instrument, "add_order", **facts)
        self.shown.add(order_id, place, qty)

    def _replace(self, active: _Active) -> bool:
        """Tell that an order stands for another of its side; False if one message cannot say so."""
        old, place = self.shown.place(active.replaces), active.place
        listing = self._listings[place.instrument]
        if old[:2] != place[:2] or not listing.fits(place.price, active.leaves):
            return False
        self._tell(
            place.instrument,
            "order_replace",
            original_order_reference_number=active.replaces,
            new_order_reference_number=active.order_id,
            shares=listing.shares(active.leaves),
            price=listing.price(place.price),
        )
        self.shown.remove(active.replaces)
        self.shown.add(active.order_id, place, active.leaves)
        return True

    def _reduce(self, row: Row, lots: int) -> None:
        if lots:
            self._cancel(row.order_id, min(lots, self.shown.qty(row.order_id)))

    def _cancel(self, order_id: int, lots: int) -> None:
        instrument = self.shown.place(order_id).instrument
        shares = self._listings[instrument].shares(lots)
        self._tell(instrument, "order_cancel", order_reference_number=order_id, cancelled_shares=shares)
        self.shown.take(order_id, lots)

    def _delete(self, order_id: int) -> None:
        if order_id in self.shown:
            instrument = self.shown.place(order_id).instrument
            self._tell(instrument, "order_delete", order_reference_number=order_id)
            self.shown.remove(order_id)

    def _phase(self, instrument: int, phase: TradingPhase) -> None:
        before = self._phases.get(instrument, phase)
        self._cross = codes.cross_of(before, phase)
        self._phases[instrument] = phase
        self._tell(
            instrument,
            "stock_trading_action",
            stock=self._listings[instrument].symbol,
            trading_state=codes.STATES[phase],
            reserved=" ",
            reason="",
        )

    def _system(self, code: str) -> None:
        self._tell(None, "system_event", event_code=code)

    def _tell(self, instrument: int | None, name: str, **fields: int | str) -> None:
        head = {
            "stock_locate": 0 if instrument is None else self._listings[instrument].locate,
            "tracking_number": 0,
            "timestamp": min(max(self._ts - self._midnight_ns, 0), 2**48 - 1),
        }
        self.log.append(encode("itch", Message(name, {**head, **fields})))


_DIRECTORY: Mapping[str, int | str] = {
    "market_category": " ",
    "financial_status_indicator": " ",
    "round_lots_only": "N",
    "issue_classification": "C",
    "issue_sub_type": "Z",
    # A simulated market trades test symbols, whoever listens.
    "authenticity": "T",
    "short_sale_threshold_indicator": " ",
    "ipo_flag": " ",
    "luld_reference_price_tier": " ",
    "etp_flag": " ",
    "etp_leverage_factor": 0,
    "inverse_indicator": "N",
}
