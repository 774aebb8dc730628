"""What the replay notebook asks of a strategy's day: its fills and what came after, its queues, its latency.

The replay is the simulator's; here its journal is read by questions that a market maker would ask, and
answered in sentences written from the numbers.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.figures.words import count, number, percent
from omni_lab.typing import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.pipelines.markets import MarketDay
    from omni_lab.simulator import TickResults
    from omni_lab.simulator.ticks.config import Latency

HEADLINE: Mapping[str, str] = {
    "pnl": "Profit",
    "fees_paid": "Fees paid",
    "n_orders": "Orders",
    "n_fills": "Fills",
    "fill_ratio": "Orders that filled",
    "maker_share": "Fills as a maker",
    "largest_position": "Largest position",
    "max_drawdown": "Worst drawdown",
}
_PERCENT = ("fill_ratio", "maker_share", "max_drawdown")
_BPS = 1e4
_QUARTERS = ("shortest", "short", "long", "longest")


def markouts(day: "MarketDay", results: "TickResults", seconds: Sequence[float]) -> FloatArray:
    """What each fill was worth some time later, at the middle of the market.

    Parameters
    ----------
    day : MarketDay
    results : TickResults
        Of a replay of that day.
    seconds : sequence of float
        Times since the fill happened at the venue.

    Returns
    -------
    ndarray of float64, shape (n_fills, n_times)
        Basis points of the price that was paid, + where the market went our way; NaN where one side of the
        market was empty, or the day was over.
    """
    fills, tape = results.fills, day.tape
    delay = day.feed.delay_ns
    since = fills["ts_venue"] + (delay if isinstance(delay, int) else 0)
    later = since[:, None] + (np.asarray(seconds, dtype=np.float64) * 1e9).astype(np.int64)
    mids = np.where(later <= tape.quote_ts[-1], tape.mid_at(later.ravel()).reshape(later.shape), np.nan)
    sign = np.where(fills["side"] == "BUY", 1.0, -1.0)
    return sign[:, None] * (mids / fills["price"][:, None] - 1.0) * _BPS


def by_liquidity(results: "TickResults", moves: FloatArray) -> dict[str, FloatArray]:
    """Rows of :func:`markouts` by whether the fill waited or took; kinds without a fill are left out."""
    liquidity = results.fills["liquidity"]
    kinds = {"as a maker": liquidity == "MAKER", "as a taker": liquidity == "TAKER"}
    return {name: moves[mine] for name, mine in kinds.items() if mine.any()}


def fill_frame(results: "TickResults", moves: FloatArray, seconds: Sequence[float]) -> "pd.DataFrame":
    """Fills with what was ahead of them, how long they waited and what they were worth later.

    Parameters
    ----------
    results : TickResults
    moves : ndarray of float, shape (n_fills, n_times)
        From :func:`markouts`, for `seconds`.
    seconds : sequence of float

    Returns
    -------
    DataFrame
        ``order_id``, ``ts``, ``ts_venue`` (nanoseconds), ``symbol``, ``side``, ``qty``, ``price``, ``fee``,
        ``liquidity``, ``ahead`` (units in the queue before its order when the venue took it in; NaN where it
        took), ``waited_s`` (since then), and a column ``markout_…s`` for each time, basis points.
    """
    import pandas as pd

    fills = results.fills
    frame = pd.DataFrame({name: fills[name] for name in fills if name not in ("met", "notional")})
    accepted = _accepted(results)
    ahead = pd.Series(accepted["ahead"], index=accepted["order_id"])
    since = pd.Series(accepted["ts_venue"], index=accepted["order_id"])
    frame["ahead"] = frame["order_id"].map(ahead).astype(np.float64)
    frame["waited_s"] = (frame["ts_venue"] - frame["order_id"].map(since)) / 1e9
    for column, horizon in enumerate(seconds):
        frame[f"markout_{horizon:g}s"] = moves[:, column]
    return frame


def queue_frame(results: "TickResults") -> "pd.DataFrame":
    """Whether orders that had to wait were filled, by how much stood before them when they came.

    Parameters
    ----------
    results : TickResults

    Returns
    -------
    DataFrame
        A row for each quarter of the orders that the venue took in, the shortest queue first: ``orders``,
        ``ahead`` (their mean queue, units), ``filled`` (share of them that got anything), ``waited_s``
        (median wait until the first fill, seconds; NaN without one). Fewer rows where queues are alike;
        none where no order waited.
    """
    import pandas as pd

    accepted, fills = _accepted(results), results.fills
    frame = pd.DataFrame({name: accepted[name] for name in ("order_id", "ahead", "ts_venue")})
    first = pd.Series(fills["ts_venue"], index=fills["order_id"]).groupby(level=0).min()
    frame["waited_s"] = (frame["order_id"].map(first) - frame["ts_venue"]) / 1e9
    frame["quarter"] = _quarters(frame["ahead"].to_numpy())
    found = frame.groupby("quarter", sort=True).agg(
        orders=("order_id", "size"),
        ahead=("ahead", "mean"),
        filled=("waited_s", lambda waits: float(waits.notna().mean())),
        waited_s=("waited_s", "median"),
    )
    found.index = [_QUARTERS[int(each)] for each in found.index]
    return found


def queue_table(queues: "pd.DataFrame") -> "pd.DataFrame":
    """:func:`queue_frame` as a table to look at."""
    import pandas as pd

    return pd.DataFrame(
        {
            "orders": [number(n, 0) for n in queues["orders"]],
            "ahead on average": [number(units, 0) for units in queues["ahead"]],
            "filled": [percent(share, decimals=0) for share in queues["filled"]],
            "half filled after, s": [number(wait, 1) for wait in queues["waited_s"]],
        },
        index=[f"{name} queue" for name in queues.index],
    )


def latency_of(median_ms: float, spread: float) -> "Latency":
    """How long orders and answers take: constant, or half of it certain and half log-normal.

    Parameters
    ----------
    median_ms : float
        Milliseconds each way.
    spread : float
        Standard deviation of the logarithm of the uncertain half; 0 is constant.
    """
    from omni_lab.simulator import ConstantLatency, LogNormalLatency

    ns = round(median_ms * 1e6)
    if not spread or ns < 2:
        return ConstantLatency(entry_ns=ns, response_ns=ns)
    return LogNormalLatency(base_ns=ns // 2, median_ns=ns / 2, sigma=spread)


def latencies(results: "TickResults") -> dict[str, tuple[IntArray, IntArray]]:
    """How long things took, for :func:`omni_lab.figures.latency_figure`.

    Parameters
    ----------
    results : TickResults

    Returns
    -------
    dict of str to (ndarray of int64, ndarray of int64)
        Durations in nanoseconds, and ones: from sending an order until the venue had it, and until we knew.
    """
    messages = results.messages
    sent = dict(zip(results.orders["order_id"].tolist(), results.orders["ts_sent"].tolist(), strict=True))
    answered = messages["kind"] == "ACCEPTED"
    of = np.array([sent[order] for order in messages["order_id"][answered].tolist()], dtype=np.int64)
    stages = {
        "until the venue has it": messages["ts_venue"][answered] - of,
        "until we know": messages["ts"][answered] - of,
    }
    return {name: (ns, np.ones_like(ns)) for name, ns in stages.items() if len(ns)}


def headline(results: "TickResults") -> dict[str, str]:
    """The few metrics a reader wants first, formatted, by label."""
    return {
        label: percent(results[name])
        if name in _PERCENT
        else number(results[name], 2 if name in ("pnl", "fees_paid") else 0)
        for name, label in HEADLINE.items()
    }


def metrics(results: "TickResults", moves: FloatArray, seconds: Sequence[float]) -> dict[str, float]:
    """Numbers of the day by name: those of the replay, and ``markout_…s`` (mean, basis points)."""
    later = {}
    for column, horizon in enumerate(seconds):
        known = moves[np.isfinite(moves[:, column]), column]
        later[f"markout_{horizon:g}s"] = float(known.mean()) if len(known) else np.nan
    return {**results.metrics, **later}


def conclusions(
    results: "TickResults", moves: FloatArray, seconds: Sequence[float], queues: "pd.DataFrame"
) -> list[str]:
    """What the day shows, in sentences.

    Parameters
    ----------
    results : TickResults
    moves : ndarray of float, shape (n_fills, n_times)
        From :func:`markouts`, for `seconds`.
    seconds : sequence of float
    queues : DataFrame
        From :func:`queue_frame`.
    """
    if not len(results.fills):
        return ["No order was filled: the day says only that nobody came to where the orders stood."]
    return [_profit(results), *_after(moves, seconds), *_queues(queues)]


def cautions(day: "MarketDay", results: "TickResults") -> list[str]:
    """What a reader must know before quoting a number: of the market, and the simulator's warnings."""
    return [*day.caveats, *results.warnings]


def _profit(results: "TickResults") -> str:
    pnl, fees = results["pnl"], results["fees_paid"]
    before = pnl + fees
    sentence = (
        f"{'It made' if pnl >= 0 else 'It lost'} {number(abs(pnl))} with "
        f"{count(results['n_fills'], 'fill')} of {count(results['n_orders'], 'order')}: "
        f"{number(before, sign=True)} by prices and {number(-fees, sign=True)} by fees"
    )
    if pnl > 0 >= before:
        return f"{sentence}. Without the rebate it would have lost."
    return f"{sentence}, with {number(results['largest_position'], 0)} units at most in hand."


def _after(moves: FloatArray, seconds: Sequence[float]) -> list[str]:
    known = [column for column in range(len(seconds)) if np.isfinite(moves[:, column]).sum() > 1]
    if not known:
        return []
    first, last = (moves[np.isfinite(moves[:, at]), at] for at in (known[0], known[-1]))
    error = float(last.std(ddof=1) / np.sqrt(len(last)))
    start, end = float(first.mean()), float(last.mean())
    verdict = (
        "it cannot be told from zero"
        if abs(end) <= 2.0 * error
        else "prices went our way"
        if end > 0
        else "the fills came when prices were about to go through us"
    )
    return [
        f"A fill was worth {number(start, sign=True)} bps at the mid {seconds[known[0]]:g} s after it and "
        f"{number(end, sign=True)} bps (error {number(error)}) after {seconds[known[-1]]:g} s: {verdict}."
    ]


def _queues(queues: "pd.DataFrame") -> list[str]:
    if len(queues) < 2:
        return []
    first, last = queues.iloc[0], queues.iloc[-1]
    return [
        f"Of the orders with the shortest queues ({number(first['ahead'], 0)} units ahead on average) "
        f"{percent(first['filled'], decimals=0)} were filled, of those with the longest "
        f"({number(last['ahead'], 0)}) {percent(last['filled'], decimals=0)}."
    ]


def _accepted(results: "TickResults") -> dict[str, AnyArray]:
    """The first answer to each order that waits: when the venue took it in, and what stood before it."""
    messages = results.messages
    rows = np.flatnonzero((messages["kind"] == "ACCEPTED") & np.isfinite(messages["ahead"]))
    return {name: messages[name][rows] for name in ("order_id", "ts_venue", "ahead")}


def _quarters(ahead: FloatArray) -> Any:
    """Quarter of each by size, equal sizes in one; quarters that are empty are left out."""
    edges = np.unique(np.quantile(ahead, [0.25, 0.5, 0.75])) if len(ahead) else np.empty(0)
    places = np.searchsorted(edges, ahead, side="left")
    return np.unique(places, return_inverse=True)[1]
