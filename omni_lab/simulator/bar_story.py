"""The story of one order of a run over bars, from the decision to the trades that it closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.data.times import iso
from omni_lab.simulator.bar_account import (
    CLOSE,
    Account,
    account_at_decision,
    account_at_fill,
    came_from_fill,
)
from omni_lab.simulator.order_story import OrderStory, check_order, ending
from omni_lab.typing import IntArray

if TYPE_CHECKING:
    from omni_lab.simulator.results import BacktestResults
    from omni_lab.simulator.run import Run

Facts = dict[str, Any]

_FIRST_GATE_CODE = 32
_SAFE = 1e-9
# What each check of the risk gate compares with, by the name of its limit.
_CHECKS = {
    "POSITION_LIMIT": "max_position",
    "ORDER_SIZE": "max_order_qty",
    "PRICE_COLLAR": "collar_bps",
    "NOTIONAL": "max_notional",
    "ORDER_RATE": "order_rate",
    "DAILY_LOSS": "max_daily_loss",
    "DRAWDOWN": "max_drawdown",
    "LEVERAGE": "max_leverage",
    "SECTOR_CONCENTRATION": "max_sector",
    "SINGLE_NAME": "max_name",
}
_WHY = {
    "REPLACED_BY_TARGET": "a later target took its place",
    "CANCELED_BY_STRATEGY": "the strategy canceled it",
    "END_OF_DATA": "the data ended",
    "INVALID_QTY": "its quantity was not positive, or beyond what money can count",
    "INVALID_PRICE": "its price was not positive",
    "NO_INTRABAR_PRICES": "the bars have only closes",
    "RUN_STOPPED": "the run ended in an error",
    "CORPORATE_ACTION": "a split changed what its price meant, or left nothing of it",
    "END_OF_SESSION": "its session was over",
    "END_OF_TIME": "its time was over",
    "AUCTION_OVER": "its open or close had passed",
    "IOC": "the first price it met left something, and it could not wait",
    "FOK": "the first price it met would not have filled it whole",
    "MIN_QTY": "the first price it met had less than its minimum",
    "POST_ONLY_WOULD_TAKE": "it would have taken at its first open",
    "INVALID_STOP_PRICE": "its stop price or trail could not be used",
    "INVALID_DISPLAY_QTY": "what it was to show was more than its quantity",
    "INVALID_MIN_QTY": "its minimum was more than its quantity",
    "INVALID_EXPIRY": "it would have ended before it began",
    "INVALID_COMBINATION": "its terms exclude each other",
}
_TRAILS = ("trail", "trail_bps")
_TERMS = ("time_in_force", *_TRAILS, "display_qty", "min_qty", "all_or_none", "post_only", "expire_at")
_CHANGES = ("TRIGGERED", "REPLACED", "REPRICED")
_LIMIT, _STOP_LIMIT = 1, 3


def story_of(results: BacktestResults, run: Run, order_id: int) -> OrderStory:
    """See :meth:`BacktestResults.explain`."""
    check_order(order_id, len(results.orders))
    order = {name: results.orders[name][order_id].item() for name in results.orders}
    rows = np.flatnonzero(run.fills["order"] == order_id)
    facts: Facts = {name: order[name] for name in ("symbol", "side", "type", "qty")}
    facts |= {name: order[name] for name in ("limit_price", "stop_price", *_TERMS)}
    facts |= _as_sent(results, run, order_id)
    said = [_decision(results, run, order_id, facts)]
    said += _refusal(results, run, order_id, facts)
    said += _waiting(results, run, order_id, rows, facts)
    said += _changes(results, run, order_id, facts)
    said += _fills(results, run, rows, facts)
    said += _cut(results, run, order_id, rows, facts)
    said += _trades(results, run, rows, facts)
    facts |= {name: order[name] for name in ("filled_qty", "status", "reason")}
    facts["average_price"] = order["avg_price"]
    why = _WHY.get(order["reason"])
    said.append(
        ending(order["status"], order["filled_qty"], order["qty"])
        + (f" at {order['avg_price']:.10g} on average" if len(rows) else "")
        + f", {facts['commission']:.6g} in commissions, {facts['slippage'] + facts['impact']:.6g} in slippage"
        + (f"; {why}." if why else ".")
    )
    return OrderStory(order_id=order_id, sentences=tuple(said), facts=facts)


def _decision(results: BacktestResults, run: Run, order_id: int, facts: Facts) -> str:
    sent, code = int(run.orders["step_sent"][order_id]), int(run.orders["symbol"][order_id])
    inside = came_from_fill(run, order_id)
    account = account_at_decision(results, run, order_id)
    known = _last_bar(results, sent - inside, code)
    bars = results.bars
    columns = {"open": bars.open(), "high": bars.high(), "low": bars.low(), "close": bars.close()}
    prices = {
        f"known_{name}": np.nan if column is None or known < 0 else float(column[known, code])
        for name, column in columns.items()
    }
    facts |= {"step": sent, "ts": int(results.ts[sent]), "known_step": known, **prices}
    facts |= {"equity_before": account.equity, "cash_before": account.cash}
    facts["position_before"] = float(account.positions[code])
    at = _asked(facts)
    shown = "/".join(f"{value:.10g}" for value in prices.values() if not np.isnan(value))
    return (
        f"{iso(facts['ts'])}  step {sent}: {facts['side'].lower()} {facts['qty']:g} {facts['symbol']} {at}; "
        f"known was the bar of step {known} ({shown}), "
        f"with {account.equity:,.2f} of equity, {facts['position_before']:g} held and "
        f"{account.cash:,.2f} in cash" + (", told of a fill within the step" if inside else "")
    )


def _asked(facts: Facts) -> str:
    """The price of an order, and what else it says."""
    price = next((facts[name] for name in ("limit_price", "stop_price") if facts[name] > 0), None)
    kind = facts["type"].lower().replace("_", " ")
    at = "at the market" if price is None else f"at a {kind} of {price:.10g}"
    said = []
    if facts["type"] == "STOP_LIMIT":
        at = f"at a stop of {facts['stop_price']:.10g} with a limit of {price:.10g}"
    if facts["trail"] > 0:
        said.append(f"trailing by {facts['trail']:.10g}")
    if facts["trail_bps"] > 0:
        said.append(f"trailing by {facts['trail_bps']:g} bps")
    if facts["min_qty"] > 0:
        said.append(f"at least {facts['min_qty']:g} at once")
    if facts["display_qty"] >= 0:
        said.append(f"showing {facts['display_qty']:g}" if facts["display_qty"] else "hidden")
    said += [name.replace("_", " ") for name in ("all_or_none",) if facts[name]]
    said += ["post only"] if facts["post_only"] != "NO" else []
    said += [f"until {iso(facts['expire_at'])}"] if facts["expire_at"] else []
    said += [facts["time_in_force"]] if facts["time_in_force"] not in ("GTC", "GTD") else []
    return ", ".join([at, *said])


def _as_sent(results: BacktestResults, run: Run, order_id: int) -> Facts:
    """Quantity and prices when it was sent, where they may have changed."""
    terms = run.terms
    row = np.flatnonzero(terms["order"] == order_id)
    if not len(row):
        return {}
    codes, kind = run.orders["symbol"][[order_id]], int(run.orders["kind"][order_id])
    price = results._tables.price
    sent: Facts = {"qty": float(results._tables.quantity(terms["sent_qty"][row], codes)[0])}
    if kind in (_LIMIT, _STOP_LIMIT):
        sent["limit_price"] = float(price(terms["sent_price"][row], codes)[0])
    elif kind:
        sent["stop_price"] = float(price(terms["sent_price"][row], codes)[0])
    if kind == _STOP_LIMIT:
        sent["stop_price"] = float(price(terms["sent_stop"][row], codes)[0])
    return sent


def _changes(results: BacktestResults, run: Run, order_id: int, facts: Facts) -> list[str]:
    """What changed it while it worked."""
    raw = run.terms_changes
    rows = np.flatnonzero(raw["order"] == order_id)
    codes = np.repeat(run.orders["symbol"][order_id], len(rows))
    prices = [results._tables.price(raw[name][rows], codes).tolist() for name in ("price", "stop_price")]
    sizes = results._tables.quantity(raw["qty"][rows], codes).tolist()
    what = [_CHANGES[kind] for kind in raw["kind"][rows].tolist()]
    facts["changes"] = tuple(zip(raw["step"][rows].tolist(), what, sizes, *prices, strict=True))
    words = {
        "TRIGGERED": "its stop was met: a limit of {price:.10g} from then on",
        "REPLACED": "replaced: {qty:g} in all, at {price:.10g}",
        "REPRICED": "it would have taken: it slid to {price:.10g}",
    }
    return [
        f"{iso(int(results.ts[step]))}  " + words[kind].format(qty=qty, price=price)
        for step, kind, qty, price, _ in facts["changes"]
    ]


def _refusal(results: BacktestResults, run: Run, order_id: int, facts: Facts) -> list[str]:
    """What the risk gate said, if it refused the order."""
    limits = results.config.limits
    refused = limits is not None and int(run.orders["reason"][order_id]) >= _FIRST_GATE_CODE
    reason = str(results.orders["reason"][order_id]) if refused else ""
    limit = getattr(limits, _CHECKS.get(reason, ""), None)
    facts |= {"refused_by_gate": reason, "gate_limit": np.nan if limit is None else float(limit)}
    if not refused:
        return []
    about = "" if limit is None else f"; {_CHECKS[reason]} is {float(limit):.10g}"
    return [f"{iso(facts['ts'])}  the risk gate refused it: {reason}{about}"]


def _waiting(results: BacktestResults, run: Run, order_id: int, rows: IntArray, facts: Facts) -> list[str]:
    """Bars of its instrument that passed before it first filled, or ended."""
    sent, code = facts["step"], int(run.orders["symbol"][order_id])
    until = int(run.fills["step"][rows[0]]) if len(rows) else int(run.orders["step_closed"][order_id]) + 1
    passed = np.arange(sent + 1, min(until, results.bars.n_times))
    passed = passed[~np.isnan(results.bars.close()[passed, code])]
    facts["bars_waited"] = len(passed)
    price = facts["limit_price"] if facts["limit_price"] > 0 else facts["stop_price"]
    if not len(passed):
        return []
    near = ""
    if price > 0 and results.bars.has_ohlc:
        falls = (facts["side"] == "BUY") == (facts["type"] == "LIMIT")
        column = results.bars.low() if falls else results.bars.high()
        assert column is not None
        reached = float(np.nanmin(column[passed, code]) if falls else np.nanmax(column[passed, code]))
        near = f"; the {'lowest low' if falls else 'highest high'} of that time was {reached:.10g}"
    first = iso(int(results.ts[passed[0]]))
    return [f"{first}  waited {len(passed)} {'bar' if len(passed) == 1 else 'bars'}{near}"]


def _fills(results: BacktestResults, run: Run, rows: IntArray, facts: Facts) -> list[str]:
    fills, raw = results.fills, run.fills
    met = results._tables.price(raw["reference"][rows], raw["symbol"][rows])
    total = fills["slippage_cost"][rows]
    impact = total - _plain_slippage(results, run, rows)
    facts |= {
        "price_met": tuple(met.tolist()),
        "price_paid": tuple(fills["price"][rows].tolist()),
        "commission": float(fills["commission"][rows].sum()),
        "slippage": float((total - impact).sum()),
        "impact": float(impact.sum()),
    }
    words = {"OPEN": "at the open", "INSIDE": "inside the bar", "CLOSE": "at the close"}
    left = float(results.orders["qty"][raw["order"][rows[0]]]) if len(rows) else 0.0
    said: list[str] = []
    ts, prices = fills["ts"][rows], fills["price"][rows]
    for place, row in enumerate(rows):
        qty = fills["qty"][row]
        left -= qty
        said.append(
            f"{iso(int(ts[place]))}  filled {qty:g} {words[str(fills['time'][row])]}: "
            f"met {met[place]:.10g}, paid {prices[place]:.10g}: "
            f"{total[place] - impact[place]:.6g} of slippage, "
            f"{impact[place]:.6g} of impact, {fills['commission'][row]:.6g} of commission"
            + (f"; {left:g} left" if left > _SAFE else "")
        )
    return said


def _plain_slippage(results: BacktestResults, run: Run, rows: IntArray) -> Any:
    """What slippage alone would have cost, whole ticks; without a model of impact, all of it."""
    if results.config.impact is None:
        return results.fills["slippage_cost"][rows]
    raw, config = run.fills, results.config
    kinds = run.orders["kind"][raw["order"][rows]]
    away = raw["reference"][rows] * config.slippage_bps / 1e4 + config.slippage_ticks
    ticks = np.where(kinds != _LIMIT, np.ceil(away - _SAFE), 0.0)
    # A stop-limit slips no further than its limit, and once it waits as one not at all.
    paid = np.abs(raw["price"][rows] - raw["reference"][rows])
    ticks = np.where(kinds == _STOP_LIMIT, np.minimum(ticks, paid), ticks)
    return results._tables.price(ticks, raw["symbol"][rows]) * results.fills["qty"][rows]


def _cut(results: BacktestResults, run: Run, order_id: int, rows: IntArray, facts: Facts) -> list[str]:
    """What the buying power kept from filling."""
    facts |= {"cut_qty": 0.0, "exposure": np.nan, "exposure_allowed": np.nan}
    if results.orders["reason"][order_id] != "INSUFFICIENT_CASH":
        return []
    step = int(run.orders["step_closed"][order_id])
    account = _when_cut(results, run, order_id, rows, step)
    leverage = results.config.max_leverage or np.nan
    facts["cut_qty"] = float(results.orders["qty"][order_id] - results.orders["filled_qty"][order_id])
    facts |= {"exposure": account.exposure, "exposure_allowed": leverage * account.equity}
    word = "cut it by" if results.config.on_insufficient_cash == "reduce" else "refused"
    return [
        f"{iso(int(results.ts[step]))}  buying power {word} {facts['cut_qty']:g}: exposure was "
        f"{account.exposure:,.2f} of {facts['exposure_allowed']:,.2f} allowed before it"
    ]


def _when_cut(results: BacktestResults, run: Run, order_id: int, rows: IntArray, step: int) -> Account:
    """The account that the buying power was taken from."""
    fills = run.fills
    there = rows[fills["step"][rows] == step]
    if len(there):
        return account_at_fill(results, run, step, int(fills["time"][there[-1]]), int(there[-1]))
    # Of an order that got nothing, the time follows from its kind; those sent before it came first.
    time = 0 if run.orders["kind"][order_id] != 0 or results.config.fill == "next_open" else CLOSE
    earlier = (fills["time"] < time) | ((fills["time"] == time) & (fills["order"] < order_id))
    n_fills = int(((fills["step"] < step) | ((fills["step"] == step) & earlier)).sum())
    return account_at_fill(results, run, step, time, n_fills)


def _trades(results: BacktestResults, run: Run, rows: IntArray, facts: Facts) -> list[str]:
    """The closed trades that its fills booked, and what they made."""
    trades = results.trades
    mine = [row for fill in rows.tolist() for row in _trade_of(results, run, fill)]
    facts |= {"trades": tuple(mine), "realised_pnl": float(trades["pnl"][mine].sum())}
    return [
        f"{iso(int(trades['ts_exit'][row]))}  "
        f"closed {trades['qty'][row]:g} {str(trades['side'][row]).lower()} "
        f"from {trades['entry_price'][row]:.10g} to {trades['exit_price'][row]:.10g}: "
        f"{trades['pnl'][row]:+,.6g} after commissions of both sides"
        for row in mine
    ]


def _trade_of(results: BacktestResults, run: Run, fill: int) -> list[int]:
    """The row of the trade that a fill closed, none if it closed nothing.

    Trades of an instrument are booked in the order of the fills that reduce its position; in one step those
    of a split come first.
    """
    raw, trades = run.fills, run.trades
    step, code = int(raw["step"][fill]), int(raw["symbol"][fill])
    booked = np.flatnonzero((trades["symbol"] == code) & (trades["step_exit"] == step))
    if not len(booked):
        return []
    flows = run.flows
    earlier = (raw["symbol"] == code) & (raw["step"] < step)
    moved = (flows["symbol"] == code) & (flows["step"] <= step)
    lots = int(
        np.where(raw["side"] == 1, raw["qty"], -raw["qty"])[earlier].sum() + flows["lots"][moved].sum()
    )
    reducing = []
    for row in np.flatnonzero((raw["symbol"] == code) & (raw["step"] == step)).tolist():
        signed = int(raw["qty"][row]) if raw["side"][row] == 1 else -int(raw["qty"][row])
        if lots * signed < 0:
            reducing.append(row)
        lots += signed
    if fill not in reducing:
        return []
    return [int(booked[len(booked) - len(reducing) + reducing.index(fill)])]


def _last_bar(results: BacktestResults, step: int, code: int) -> int:
    """The last step up to this one in which an instrument had a bar; −1 for none."""
    there = np.flatnonzero(~np.isnan(results.bars.close()[: step + 1, code]))
    return int(there[-1]) if len(there) else -1
