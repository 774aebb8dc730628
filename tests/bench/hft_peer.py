"""hftbacktest at work: a market maker over feeds of levels, in an environment of its own (.venv-hft).

    python tests/bench/hft_peer.py FOLDER

FOLDER holds ``runs.json``, a list of settings, and the feeds they name as ``.npz``
(tests/oracle/level_feed.py). Of each run ``NAME.out.npz`` says what the strategy saw at every look and what
became of every order, and ``seconds.json`` the CPU of every repetition and of compiling. The strategy is that
of tests/oracle/stepped_quoter.py.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    CANCELED,
    DEPTH_EVENT,
    EXCH_EVENT,
    EXPIRED,
    FILLED,
    GTC,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.order import FOK, IOC, PARTIALLY_FILLED, REJECTED
from hftbacktest.types import event_dtype
from numba import njit

REQUEST = np.dtype([("req_ts", "i8"), ("exch_ts", "i8"), ("resp_ts", "i8"), ("_padding", "i8")], align=True)


def main() -> None:
    folder = Path(sys.argv[1])
    runs = json.loads((folder / "runs.json").read_text())
    feeds: dict[str, Any] = {}
    seconds: dict[str, list[float]] = {}
    for run in runs:
        columns = np.load(folder / f"{run['feed']}.npz")
        if run["feed"] not in feeds:
            feeds[run["feed"]] = feed_of(columns)
        if not seconds:
            begun = time.process_time()
            work(run, feeds[run["feed"]][:100], columns)
            seconds["compile"] = [time.process_time() - begun]
        seconds[run["name"]] = []
        for _ in range(run.get("repeat", 1)):
            cpu, out = work(run, feeds[run["feed"]], columns)
            seconds[run["name"]].append(cpu)
        np.savez(folder / f"{run['name']}.out.npz", **out)
    (folder / "seconds.json").write_text(json.dumps(seconds))


def feed_of(columns: Any) -> Any:
    feed = np.zeros(len(columns["ts"]), event_dtype)
    kind = np.where(columns["is_trade"], TRADE_EVENT, DEPTH_EVENT)
    side = np.where(columns["side"] == 1, BUY_EVENT, SELL_EVENT)
    feed["ev"] = EXCH_EVENT | LOCAL_EVENT | kind | side
    feed["exch_ts"], feed["local_ts"] = columns["ts"], columns["ts"] + columns["delay"]
    feed["px"], feed["qty"] = columns["price"], columns["qty"]
    return feed


def requests_of(columns: Any) -> Any:
    requests = np.zeros(len(columns["sent"]), REQUEST)
    requests["req_ts"], requests["exch_ts"] = columns["sent"], columns["arrived"]
    requests["resp_ts"] = columns["answered"]
    return requests


def asset(run: dict[str, Any], feed: Any, requests: Any) -> Any:
    made = BacktestAsset().data(feed).linear_asset(run["tick_value"])
    if run["latency"] == "measured":
        made = made.intp_order_latency(requests)
    else:
        made = made.constant_order_latency(*run["latency"])
    power = run["power"]
    made = {
        "conservative": made.risk_adverse_queue_model,
        "power": lambda: made.power_prob_queue_model(power),
        "power_of_whole": lambda: made.power_prob_queue_model2(power),
        "power_of_share": lambda: made.power_prob_queue_model3(power),
        "log": made.log_prob_queue_model,
        "log_of_whole": made.log_prob_queue_model2,
    }[run["queue"]]()
    made = made.partial_fill_exchange() if run.get("partial") else made.no_partial_fill_exchange()
    made = made.trading_value_fee_model(run["maker_rate"], run["taker_rate"])
    return made.tick_size(1.0).lot_size(1.0).last_trades_capacity(0)


def work(run: dict[str, Any], feed: Any, columns: Any) -> tuple[float, dict[str, Any]]:
    # A backtest keeps the addresses of arrays and not the arrays.
    requests = requests_of(columns)
    backtest = HashMapMarketDepthBacktest([asset(run, feed, requests)])
    span = int(feed["local_ts"][-1] - feed["exch_ts"][0])
    n_looks = span // run["interval_ns"] + 1_000
    looks, times = np.full((n_looks, 8), np.nan), np.zeros((n_looks, 3), np.int64)
    orders = np.zeros((n_looks * (2 * run["n_levels"] + 1), 7), np.int64)
    begun = time.process_time()
    n_looks, n_sent, n_canceled = quote(
        backtest,
        run["interval_ns"],
        run["half_spread"],
        run["skew"],
        float(run["qty"]),
        run["max_position"],
        run["n_levels"],
        run["post_only"],
        run["take_every"],
        run.get("alternates", False),
        run["records"],
        looks,
        times,
        orders,
    )
    cpu = time.process_time() - begun
    state = backtest.state_values(0)
    final = [state.position, state.balance, state.fee, state.num_trades, state.trading_volume]
    backtest.close()
    del requests
    counts = np.array([n_looks, n_sent, n_canceled])
    return cpu, {
        "looks": looks[:n_looks],
        "times": times[:n_looks],
        "orders": orders[:n_sent],
        "counts": counts,
        "final": np.array(final),
    }


@njit
def note(backtest, orders):
    """Keep what is known of every order."""
    values = backtest.orders(0).values()
    while values.has_next():
        order = values.get()
        row = orders[order.order_id - 1]
        row[0], row[1], row[2] = order.side, order.price_tick, order.status
        row[3] = order.qty - order.leaves_qty
        row[4] = order.exec_price_tick if order.status == FILLED or order.status == PARTIALLY_FILLED else 0
        if order.status == FILLED or order.status == CANCELED or order.status == EXPIRED:
            if row[5] == 0:
                row[5] = order.exch_timestamp
                row[6] = backtest.current_timestamp
        elif order.status == REJECTED and row[6] == 0:
            row[6] = backtest.current_timestamp


@njit
def quote(
    backtest,
    interval,
    half_spread,
    skew,
    qty,
    max_position,
    n_levels,
    post_only,
    take_every,
    alternates,
    records,
    looks,
    times,
    orders,
):
    n_looks = 0
    n_sent = 0
    n_canceled = 0
    time_in_force = GTX if post_only else GTC
    wanted_bids = np.full(n_levels, -1)
    wanted_asks = np.full(n_levels, -1)
    while backtest.elapse(interval) == 0:
        depth = backtest.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        is_whole = not (np.isnan(depth.best_bid) or np.isnan(depth.best_ask))
        if records:
            note(backtest, orders)
            state = backtest.state_values(0)
            row = looks[n_looks]
            row[0], row[1], row[2] = state.position, state.balance, state.fee
            row[3], row[4], row[5] = state.num_trades, state.trading_volume, state.trading_value
            row[6], row[7] = depth.best_bid, depth.best_ask
            times[n_looks, 0] = backtest.current_timestamp
            last = backtest.order_latency(0)
            if last is not None:
                _, times[n_looks, 1], times[n_looks, 2] = last
        backtest.clear_inactive_orders(0)
        n_looks += 1
        if not is_whole:
            continue
        position = backtest.position(0)
        reservation = (bid + ask) * 0.5 - skew * position
        buy = min(int(np.floor(reservation - half_spread)), bid)
        sell = max(int(np.ceil(reservation + half_spread)), ask)
        for k in range(n_levels):
            wanted_bids[k] = buy - k if position < max_position else -1
            wanted_asks[k] = sell + k if position > -max_position else -1
        values = backtest.orders(0).values()
        while values.has_next():
            order = values.get()
            keep = False
            is_quote = take_every == 0 or order.time_in_force == time_in_force
            wanted = wanted_bids if order.side == BUY else wanted_asks
            for k in range(n_levels):
                if is_quote and wanted[k] == order.price_tick:
                    keep = True
                    wanted[k] = -1
            if not keep and order.cancellable:
                backtest.cancel(0, order.order_id, False)
                n_canceled += 1
        for k in range(n_levels):
            if wanted_bids[k] >= 0:
                n_sent += 1
                price = float(wanted_bids[k])
                backtest.submit_buy_order(0, n_sent, price, qty, time_in_force, LIMIT, False)
        for k in range(n_levels):
            if wanted_asks[k] >= 0:
                n_sent += 1
                price = float(wanted_asks[k])
                backtest.submit_sell_order(0, n_sent, price, qty, time_in_force, LIMIT, False)
        if take_every > 0 and n_looks % take_every == 0:
            # A market order, then limits that reach the other side, of every time in force.
            n_sent += 1
            turn = n_looks // take_every % 4
            kind = MARKET if turn == 0 else LIMIT
            lasts = IOC if turn == 2 else FOK if turn == 3 else GTC
            buys = n_looks // take_every // 4 % 2 == 0 if alternates else position <= 0
            if buys:
                backtest.submit_buy_order(
                    0, n_sent, 0.0 if turn == 0 else float(ask), qty, lasts, kind, False
                )
            else:
                backtest.submit_sell_order(
                    0, n_sent, 0.0 if turn == 0 else float(bid), qty, lasts, kind, False
                )
    if records:
        note(backtest, orders)
    return n_looks, n_sent, n_canceled


if __name__ == "__main__":
    main()
