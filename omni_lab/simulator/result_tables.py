"""The tables of a backtest: the engine's ticks as prices, lots as quantities, codes as words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.simulator.tables import Table, Words
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.simulator.run import Columns, Run

# By code, as in native/sim/src/record.rs.
_SIDES = ("", "BUY", "SELL")
_KINDS = ("MARKET", "LIMIT", "STOP", "STOP_LIMIT", "TRAILING_STOP")
_LIMIT, _STOP, _STOP_LIMIT, _TRAILING_STOP = 1, 2, 3, 4
_STATUSES = ("WORKING", "FILLED", "CANCELED", "REJECTED", "EXPIRED")
_REASONS = (
    "",
    "INSUFFICIENT_CASH",
    "REPLACED_BY_TARGET",
    "CANCELED_BY_STRATEGY",
    "END_OF_DATA",
    "INVALID_QTY",
    "INVALID_PRICE",
    "NO_INTRABAR_PRICES",
    "RUN_STOPPED",
    "CORPORATE_ACTION",
    *("END_OF_SESSION", "END_OF_TIME", "AUCTION_OVER", "IOC", "FOK", "MIN_QTY", "POST_ONLY_WOULD_TAKE"),
    *(
        "INVALID_STOP_PRICE",
        "INVALID_DISPLAY_QTY",
        "INVALID_MIN_QTY",
        "INVALID_EXPIRY",
        "INVALID_COMBINATION",
    ),
    # The codes of the risk gate begin at 32, as in ``RejectReason``.
    *("",) * 10,
    *("KILL_SWITCH", "POSITION_LIMIT", "ORDER_SIZE", "PRICE_COLLAR"),
    *("NOTIONAL", "ORDER_RATE", "CANCEL_RATE", "DAILY_LOSS"),
)
FLOWS = ("DIVIDEND", "CASH_IN_LIEU", "SPLIT", "BORROW", "INTEREST")
_TIMES = ("OPEN", "INSIDE", "CLOSE")
_TIMES_IN_FORCE = ("DAY", "GTC", "AT_OPEN", "IOC", "FOK", "", "GTD", "AT_CLOSE")
_GTC, _TICKS, _BPS = 1, 1, 2


@dataclass(frozen=True, slots=True)
class RunTables:
    """A run in the words and units of its instruments.

    Attributes
    ----------
    bars : Bars
        What it ran on.
    run : Run
        What it left.
    """

    bars: Bars
    run: Run

    def fills(self) -> Table:
        """See :attr:`BacktestResults.fills`."""
        raw = self.run.fills
        codes = raw["symbol"]
        qty, price = self.quantity(raw["qty"], codes), self.price(raw["price"], codes)
        against = np.where(raw["side"] == 1, raw["price"] - raw["reference"], raw["reference"] - raw["price"])
        distance = self.price(against, codes)
        return Table(
            {
                "fill_id": np.arange(len(codes)),
                "order_id": raw["order"].astype(np.int64),
                "ts": self.bars.ts[raw["step"]],
                "symbol": Words(codes, self.bars.symbols),
                "side": Words(raw["side"], _SIDES),
                "qty": qty,
                "price": price,
                "notional": price * qty,
                "commission": raw["commission"],
                "slippage_cost": distance * qty,
                "time": Words(raw["time"], _TIMES),
                "liquidity": Words(raw["maker"].view(np.uint8), ("TAKER", "MAKER")),
            }
        )

    def orders(self) -> Table:
        """See :attr:`BacktestResults.orders`."""
        raw, fills = self.run.orders, self.run.fills
        codes, filled, kind = raw["symbol"], raw["filled"], raw["kind"]
        price = self.price(raw["price"], codes)
        # In ticks and lots these sums are exact.
        value = np.bincount(fills["order"], weights=fills["price"] * fills["qty"], minlength=len(codes))
        with np.errstate(invalid="ignore"):
            average = self.price(value / filled, codes)
        return Table(
            {
                "order_id": np.arange(len(codes)),
                "ts_submitted": self.bars.ts[raw["step_sent"]],
                "ts_closed": self.bars.ts[raw["step_closed"]],
                "symbol": Words(codes, self.bars.symbols),
                "side": Words(raw["side"], _SIDES),
                "type": Words(kind, _KINDS),
                "qty": self.quantity(raw["qty"], codes),
                "limit_price": np.where((kind == _LIMIT) | (kind == _STOP_LIMIT), price, np.nan),
                "stop_price": self._stops(price, kind),
                "filled_qty": self.quantity(filled, codes),
                "avg_price": average,
                "status": Words(raw["status"], _STATUSES),
                "reason": Words(raw["reason"], _REASONS),
                **self._terms(len(codes)),
            }
        )

    def _stops(self, price: FloatArray, kind: AnyArray) -> FloatArray:
        """Stop prices that hold; those of stop-limits are kept with their terms."""
        stops = np.where((kind == _STOP) | (kind == _TRAILING_STOP), price, np.nan)
        terms = self.run.terms
        both = kind[terms["order"]] == _STOP_LIMIT
        rows = terms["order"][both]
        stops[rows] = self.price(terms["stop_price"][both], self.run.orders["symbol"][rows])
        return stops

    def _terms(self, n_orders: int) -> dict[str, AnyArray | Words]:
        """Terms of all orders; where none has any, columns of one value that take no room."""
        raw = self.run.terms
        at = raw["order"]
        codes = self.run.orders["symbol"][at]

        def column(plain: Any, values: AnyArray) -> AnyArray:
            if not len(at):
                return np.broadcast_to(np.asarray(plain), n_orders)
            filled = np.full(n_orders, plain)
            filled[at] = values
            return filled

        trail = np.where(raw["trail_unit"] == _TICKS, self.price(raw["trail"], codes), np.nan)
        shown = np.where(raw["display_qty"] < 0, np.nan, self.quantity(raw["display_qty"], codes))
        return {
            "time_in_force": Words(column(np.uint8(_GTC), raw["time_in_force"]), _TIMES_IN_FORCE),
            "trail": column(np.nan, trail),
            "trail_bps": column(np.nan, np.where(raw["trail_unit"] == _BPS, raw["trail"], np.nan)),
            "display_qty": column(np.nan, shown),
            "min_qty": column(0.0, self.quantity(raw["min_qty"], codes)),
            "all_or_none": column(False, raw["all_or_none"]),
            "post_only": Words(column(np.uint8(0), raw["post_only"]), ("NO", "REJECT", "SLIDE")),
            "expire_at": column(np.int64(0), raw["expire_at"]),
        }

    def trades(self) -> Table:
        """See :attr:`BacktestResults.trades`."""
        raw = self.run.trades
        codes = raw["symbol"]
        qty, entry = self.quantity(np.abs(raw["lots"]), codes), self.price(raw["entry_ticks"], codes)
        return Table(
            {
                "symbol": Words(codes, self.bars.symbols),
                "side": Words((raw["lots"] > 0).view(np.uint8), ("SHORT", "LONG")),
                "qty": qty,
                "ts_entry": self.bars.ts[raw["step_entry"]],
                "ts_exit": self.bars.ts[raw["step_exit"]],
                "entry_price": entry,
                "exit_price": self.price(raw["exit_price"], codes),
                "pnl": raw["pnl"],
                "commission": raw["commission"],
                "return_": raw["pnl"] / (entry * qty),
                "bars_held": raw["step_exit"].astype(np.int64) - raw["step_entry"],
            }
        )

    def flows(self, currencies: Sequence[str]) -> Table:
        """See :attr:`BacktestResults.flows`; ``currencies`` are the names of the run's, by number."""
        raw = self.run.flows
        return Table(
            {
                "ts": self.bars.ts[raw["step"]],
                "symbol": Words(raw["symbol"] + 1, ("", *self.bars.symbols)),
                "currency": Words(raw["currency"], tuple(currencies)),
                "kind": Words(raw["kind"], FLOWS),
                "qty": self.quantity(raw["lots"], raw["symbol"]),
                "amount": raw["amount"],
            }
        )

    def price(self, ticks: AnyArray, codes: AnyArray) -> FloatArray:
        """Ticks as prices."""
        return _scaled(ticks, [each.tick_size or math.nan for each in self.bars.instruments], codes)

    def quantity(self, lots: AnyArray, codes: AnyArray) -> FloatArray:
        """Lots as quantities."""
        return _scaled(lots, [each.lot_size for each in self.bars.instruments], codes)


def _scaled(counts: AnyArray, sizes: Sequence[float], codes: AnyArray) -> FloatArray:
    """Whole steps as decimals.

    Dividing by steps per unit gives 100.07 where multiplying by 0.01 gives 100.07000000000001.
    """
    size = np.array(sizes)
    per_unit = np.maximum(np.round(1.0 / size), 1.0)
    whole = np.abs(per_unit * size - 1.0) < 1e-12
    if whole.all():
        return np.asarray(counts / per_unit[codes])
    return np.where(whole[codes], counts / per_unit[codes], counts * size[codes])


def signed_lots(fills: Columns) -> IntArray:
    """Lots of fills, + bought."""
    return np.asarray(np.where(fills["side"] == 1, fills["qty"], -fills["qty"]), dtype=np.int64)
