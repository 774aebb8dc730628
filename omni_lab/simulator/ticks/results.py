"""What a replay leaves behind: metrics, curves, tables, the story of each order, and a manifest."""

from __future__ import annotations

import copy
import hashlib
import platform
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab import __version__
from omni_lab.data.times import iso
from omni_lab.errors import SchemaError
from omni_lab.simulator.models import currency_names
from omni_lab.simulator.replayable import Replayable
from omni_lab.simulator.result_tables import FLOWS
from omni_lab.simulator.tables import Table, Words, frozen
from omni_lab.simulator.ticks.caveats import tick_caveats
from omni_lab.simulator.ticks.simulator import TIMES_IN_FORCE, OrderStatus, TickSimulator, reason_name
from omni_lab.simulator.ticks.terms import KINDS, sentences
from omni_lab.strategies.identity import describe, run_id
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from omni_lab.data.bars import Bars
    from omni_lab.simulator.order_story import OrderStory
    from omni_lab.simulator.run_journal import Happenings

MESSAGE_KINDS = (
    "SENT",
    "DENIED",
    "CANCEL_SENT",
    "REPLACE_SENT",
    "ACCEPTED",
    "REPLACED",
    "FILL",
    "CANCELED",
    "EXPIRED",
    "REJECTED",
    "REQUEST_REFUSED",
    "TRIGGERED",
    "REPRICED",
    "REFRESHED",
    "DECREMENTED",
)
_SIDES = ("", "BUY", "SELL")
_FILL = MESSAGE_KINDS.index("FILL")


class TickResults(Replayable, Mapping[str, float]):
    """The outcome of one replay: a frozen mapping of metrics, with the curves and tables behind them.

    Attributes
    ----------
    strategy : str
        Name of the strategy.
    config : TickConfig
        Under which assumptions.
    feed : MarketFeed
        What was replayed.
    bars : Bars or None
        What ``on_bar`` was given.
    error : str or None
        What ended the run before its data did, and where.
    final_lots : tuple of int
        Signed lots held of each instrument in the end.
    """

    def __init__(
        self,
        sim: TickSimulator,
        *,
        strategy: str,
        parameters: Mapping[str, Any],
        bars: Bars | None = None,
        error: str | None = None,
    ) -> None:
        self.strategy, self.error, self.bars = strategy, error, bars
        self.config, self.feed = sim.config, sim.feed
        self._parameters = copy.deepcopy(dict(parameters))
        self._orders, self._messages, self._samples = sim.orders(), sim.messages(), sim.samples()
        self._flows, self._met = sim.flows(), sim.met()
        self._terms = sim.order_terms()
        self._totals = {
            "final_equity": sim.equity,
            "cash": sim.cash,
            "fees_paid": sim.fees,
            "impact_paid": sim.impact,
            "realised_pnl": sim.realised,
            "traded_notional": sim.traded_value,
            "n_fills": float(sim.n_fills),
            "n_orders": float(sim.n_orders),
        }
        self.final_lots = tuple(sim.lots_of(place) for place in range(len(sim.symbols)))

    # --- metrics ---

    def __getitem__(self, name: str) -> float:
        try:
            return self._metrics[name]
        except KeyError:
            raise SchemaError("no such metric", found=name, expected=list(self._metrics)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by name; those of time series are of the samples.

        ``sharpe_ratio`` is that of a **trading day** of 6.5 hours, not of a year, of which a few hours of
        ticks say nothing.
        """
        return dict(self._metrics)

    @cached_property
    def _metrics(self) -> dict[str, float]:
        totals, capital = self._totals, self.config.initial_capital
        n_orders = totals["n_orders"]
        fills = self.fills
        change = np.diff(self.equity, prepend=capital)
        spread = float(change.std(ddof=1)) if len(change) > 1 else np.nan
        per_day = 6.5 * 3600e9 / max(self._sample_ns, 1)
        peak = np.maximum.accumulate(np.concatenate([[capital], self.equity]))[1:]
        filled = self._orders["filled"] > 0
        return {
            **totals,
            "pnl": totals["final_equity"] - capital,
            "total_return": totals["final_equity"] / capital - 1.0,
            "sharpe_ratio": float(change.mean() / spread * np.sqrt(per_day)) if spread > 0 else np.nan,
            "max_drawdown": float((self.equity / peak - 1.0).min()) if len(peak) else 0.0,
            "fill_ratio": float(filled.mean()) if n_orders else np.nan,
            "maker_share": float((fills["liquidity"] == "MAKER").mean()) if len(fills) else np.nan,
            "largest_position": float(np.abs(self.position).max()) if len(self.position) else 0.0,
            "n_canceled": float((self._orders["status"] == OrderStatus.CANCELED).sum()),
            "n_rejected": float((self._orders["status"] == OrderStatus.REJECTED).sum()),
        }

    @property
    def _sample_ns(self) -> int:
        from omni_lab.data.moments import span_ns

        return span_ns(self.config.sample)

    # --- curves ---

    @property
    def ts(self) -> IntArray:
        """Times of the samples, nanoseconds of the feed, shape (n_samples,)."""
        return frozen(self._samples["ts"])

    @property
    def equity(self) -> FloatArray:
        """Cash plus positions at their mids at each sample, currency, shape (n_samples,)."""
        return frozen(self._samples["equity"])

    @property
    def cash(self) -> FloatArray:
        """Cash at each sample, currency, shape (n_samples,)."""
        return frozen(self._samples["cash"])

    @cached_property
    def position(self) -> FloatArray:
        """Signed quantity of the first instrument at each sample, shape (n_samples,)."""
        return frozen(self._samples["position"] * self.feed.lot_size)

    @cached_property
    def mid(self) -> FloatArray:
        """Mid of the first instrument at each sample, currency; NaN before it was known."""
        twice = self._samples["twice_mid"]
        return frozen(np.where(twice > 0, self.feed.info.prices(twice) / 2, np.nan))

    # --- tables ---

    @cached_property
    def orders(self) -> Table:
        """Orders, as we knew them in the end.

        Columns order_id, ts_sent, ts_heard (last word of it), symbol, side, type, time_in_force, qty,
        limit_price (NaN without a limit; where a pegged order stood last), filled_qty, status, reason,
        seen_bid, seen_ask (what we knew when we sent it; NaN for an empty side), terms (what else it said,
        in words; empty for most).
        """
        raw = self._orders
        places, said = sentences(self.feed, self._terms, len(raw["side"]))
        return Table(
            {
                "order_id": np.arange(len(raw["side"])),
                "ts_sent": raw["ts_sent"],
                "ts_heard": raw["ts_heard"],
                "symbol": Words(raw["instrument"], self.feed.symbols),
                "side": Words(raw["side"], _SIDES),
                "type": Words(raw["kind"], KINDS),
                "time_in_force": Words(raw["time_in_force"], TIMES_IN_FORCE),
                "qty": self._quantity(raw["qty"]),
                "limit_price": self._price(raw["price"]),
                "filled_qty": self._quantity(raw["filled"]),
                "status": Words(raw["status"], tuple(each.name for each in OrderStatus)),
                "reason": _reasons(raw["reason"]),
                "seen_bid": self._price(raw["seen_bid"]),
                "seen_ask": self._price(raw["seen_ask"]),
                "terms": Words(places, said),
            }
        )

    @cached_property
    def fills(self) -> Table:
        """Executions.

        Columns order_id, ts (when we heard), ts_venue, symbol, side, qty, price, met (the price that the
        market showed, which impact moved), notional, fee, liquidity.
        """
        raw = {name: column[self._messages["kind"] == _FILL] for name, column in self._messages.items()}
        met = self._messages["price"].copy()
        met[self._met["message"]] = self._met["price"]
        of = raw["order"].astype(np.int64)
        qty, price = self._quantity(raw["qty"]), self._price(raw["price"])
        return Table(
            {
                "order_id": of,
                "ts": raw["ts"],
                "ts_venue": raw["ts_venue"],
                "symbol": Words(self._orders["instrument"][of], self.feed.symbols),
                "side": Words(self._orders["side"][of], _SIDES),
                "qty": qty,
                "price": price,
                "met": self._price(met[self._messages["kind"] == _FILL]),
                "notional": qty * price,
                "fee": raw["fee"],
                "liquidity": Words(raw["is_maker"].view(np.uint8), ("TAKER", "MAKER")),
            }
        )

    @cached_property
    def messages(self) -> Table:
        """The journal of the run: every message about an order, as we said or heard it.

        Columns ts, ts_venue (0 for what we said), order_id, kind, qty, price, ahead (quantity before the
        order when it was taken in, else NaN), fee, reason.
        """
        raw = self._messages
        return Table(
            {
                "ts": raw["ts"],
                "ts_venue": raw["ts_venue"],
                "order_id": raw["order"].astype(np.int64),
                "kind": Words(raw["kind"], MESSAGE_KINDS),
                "qty": self._quantity(raw["qty"]),
                "price": self._price(raw["price"]),
                "ahead": raw["ahead"] * self.feed.lot_size,
                "fee": raw["fee"],
                "reason": _reasons(raw["reason"]),
            }
        )

    @property
    def raw_orders(self) -> dict[str, AnyArray]:
        """Columns of the orders as the engine keeps them: ticks, lots, codes."""
        return self._orders

    @property
    def raw_messages(self) -> dict[str, AnyArray]:
        """Columns of the messages as the engine keeps them."""
        return self._messages

    @cached_property
    def flows(self) -> Table:
        """Money and quantities that came or went other than by fills.

        Columns ts, symbol (empty for interest), currency, kind (DIVIDEND, CASH_IN_LIEU, SPLIT, BORROW,
        INTEREST), qty (change of the position), amount (currency; − was paid).
        """
        raw = self._flows
        return Table(
            {
                "ts": raw["ts"],
                "symbol": Words(raw["symbol"] + 1, ("", *self.feed.symbols)),
                "currency": Words(raw["currency"], currency_names(self.config.currencies)),
                "kind": Words(raw["kind"], FLOWS),
                "qty": self._quantity(raw["lots"]),
                "amount": raw["amount"],
            }
        )

    def explain(self, order_id: int) -> OrderStory:
        """The story of one order: what was known, the gate, the queue, the fills, the costs.

        Its facts: ``side``, ``qty``, ``limit_price``, ``seen_bid``, ``seen_ask``, ``ahead``, ``filled_qty``,
        ``average_price``, ``fees``, ``slippage`` (currency paid beyond the mid that was seen; − is a gain),
        ``impact`` (the part of it that our own taking caused), ``status``, ``reason``.

        Raises
        ------
        DataError
            If there is no such order.
        """
        from omni_lab.simulator.ticks.story import story_of

        return story_of(self, order_id)

    # --- what it was ---

    @property
    def parameters(self) -> dict[str, Any]:
        """The strategy's parameters."""
        return copy.deepcopy(self._parameters)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments."""
        return self.feed.symbols

    @property
    def counts(self) -> dict[str, int]:
        """What was wrong with the feed, and orders by how they ended."""
        ended = {
            each.name.lower(): int((self._orders["status"] == each).sum())
            for each in OrderStatus
            if each >= OrderStatus.FILLED
        }
        return {**self.feed.counts, **ended}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Why a number here may not be what it seems, as sentences."""
        return tick_caveats(self)

    @cached_property
    def events_sha256(self) -> str:
        """SHA-256 (hex) over orders, messages, samples and flows: equal for equal runs, on any machine."""
        digest = hashlib.sha256()
        # What few orders say counts where it was said.
        terms = self._terms if len(self._terms["order"]) else {}
        for table in (self._orders, terms, self._messages, self._samples, self._flows):
            for name, column in table.items():
                digest.update(name.encode() + np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    @cached_property
    def run_id(self) -> str:
        """By what the run is known: strategy, hash of its name and parameters, hash of all that decides it.

        Equal for the same strategy, data and settings, on any machine. Where parameters say nothing of what
        was decided (a strategy that states none, orders sent by hand), what happened stands in for them.
        """
        facts = {"data": self.feed.fingerprint, "settings": self.config.to_dict()}
        strategy = describe(self.strategy, self._parameters)
        if strategy["sha256"] is None or not self._parameters:
            facts["events"] = self.events_sha256
        return run_id(strategy, **facts)

    @property
    def manifest(self) -> dict[str, Any]:
        """What it takes to run this again and to know that it came out the same."""
        first, last = self.feed.span
        return {
            "run_id": self.run_id,
            "data": {
                "fingerprint": self.feed.fingerprint,
                "symbols": list(self.symbols),
                "n_events": len(self.feed.events),
                "first": iso(first) if self.feed.info.date else first,
                "last": iso(last) if self.feed.info.date else last,
            },
            "strategy": describe(self.strategy, self.parameters),
            "settings": self.config.to_dict(),
            "seed": self.config.seed,
            "versions": {
                "omni_lab": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
            "events_sha256": self.events_sha256,
        }

    def write_journal(self, path: str | Path) -> Path:
        """Write what happened to a file, frame by frame; see :mod:`omni_lab.simulator.run_journal`.

        :func:`omni_lab.simulator.open_journal` reads and verifies it. Equal runs give equal bytes.

        Raises
        ------
        JournalError
            If it cannot be written; what had that name before is then still there.
        """
        from omni_lab.simulator.run_journal import write_journal

        return write_journal(self._happenings, path)

    @cached_property
    def journal_sha256(self) -> str:
        """SHA-256 (hex) of the file that :meth:`write_journal` writes."""
        from omni_lab.simulator.run_journal import journal_sha256

        return journal_sha256(self._happenings)

    @property
    def _happenings(self) -> Happenings:
        from omni_lab.simulator.happenings import of_ticks

        return of_ticks(self, self._orders, self._terms, self._messages, self._samples, self._flows)

    def plot(self, *, theme: str = "light") -> Any:
        """Equity, position and mid with fills over the run; a matplotlib figure."""
        from omni_lab.figures import replay_figure

        fills = self.fills
        mine = fills["symbol"] == self.symbols[0]
        return replay_figure(
            self.ts,
            self.equity,
            self.position,
            self.mid,
            fills["ts"][mine],
            fills["price"][mine],
            fills["side"][mine] == "BUY",
            title=f"{self.strategy} on {self.symbols[0]}",
            theme=theme,
        )

    def __repr__(self) -> str:
        shown = ("pnl", "n_orders", "n_fills", "max_drawdown")
        figures = ", ".join(f"{name} {self[name]:,.4g}" for name in shown)
        return f"TickResults({self.strategy} on {', '.join(self.symbols[:3])}: {figures})"

    def _repr_html_(self) -> str:
        from omni_lab.figures import metrics_html

        config = self.config
        about = (", ".join(self.symbols[:4]), f"{len(self.feed.events):,} events", f"queue {config.queue}")
        subtitle = ", ".join(about).replace("queue None", "queue as exact as the feed")
        return metrics_html(self.metrics, title=self.strategy, subtitle=subtitle, notes=self.warnings)

    def _price(self, units: AnyArray) -> FloatArray:
        return np.where(units != 0, self.feed.info.prices(units), np.nan)

    def _quantity(self, lots: AnyArray) -> FloatArray:
        return self.feed.info.quantities(lots)


def _reasons(codes: AnyArray) -> Words:
    known, places = np.unique(codes, return_inverse=True)
    return Words(places, tuple(reason_name(int(code)) for code in known))
