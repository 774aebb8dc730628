"""What the execution notebook asks: one order by every algorithm, what each cost, and whether one is better.

The algorithms are of ``omni_lab.execution.algorithms``, the costs of ``omni_lab.execution.tca``, the orders
and settings of ``execution_orders``; here they meet, and sentences are written from the numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.execution.algorithms import ParentOrder
from omni_lab.figures.words import count, number, percent
from omni_lab.pipelines.studies.execution_orders import LABELS

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.execution.algorithms import ExecutionDesk
    from omni_lab.execution.tca import Costs
    from omni_lab.pipelines.markets import MarketDay
    from omni_lab.simulator import TickConfig, TickResults

_PARTS = {
    "delay": "waiting for its begin",
    "spread": "the spread",
    "impact": "impact",
    "timing": "the market's own walk",
    "fees": "fees",
    "opportunity": "what was not done",
}
# Either way: a difference as large comes by chance in one of twenty.
_CONFIDENT = 0.975
_LARGE_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Parents worked off by one algorithm.

    Attributes
    ----------
    desk : ExecutionDesk
        Its parents, children, fills and looks.
    results : TickResults
        The replay: the venue's side of the same.
    costs : Costs
        Of each parent, divided into parts.
    """

    desk: "ExecutionDesk"
    results: "TickResults"
    costs: "Costs"

    @property
    def done(self) -> float:
        """Share of what was asked for that was done."""
        parents = self.costs.parents
        return float(parents["filled_qty"].sum() / parents["qty"].sum())


def work_off(
    day: "MarketDay", algorithm: Mapping[str, Any], orders: Sequence[ParentOrder], config: "TickConfig"
) -> Worked:
    """Send orders through an algorithm on a market.

    Parameters
    ----------
    day : MarketDay
    algorithm : mapping
        As :func:`omni_lab.execution.algorithms.recipe` takes it.
    orders : sequence of ParentOrder
    config : TickConfig
        How orders travel, wait and cost.
    """
    from omni_lab.execution.tca import measure
    from omni_lab.simulator import EventSimulator
    from omni_lab.strategies import ExecutionStrategy

    strategy = ExecutionStrategy(parents=[(order, algorithm) for order in orders])
    simulator = EventSimulator(tick_config=config, count_trials=False)
    results = simulator.run_ticks(strategy, day.feed, progress=False)
    desk = strategy.desk
    costs = measure(desk.parents(), desk.children(), desk.fills(), {day.symbol: day.tape})
    return Worked(desk=desk, results=results, costs=costs)


def desk_fills(worked: Worked, account: str) -> "pd.DataFrame":
    """Our record of the fills, in the shape that a reconciliation reads.

    Parameters
    ----------
    worked : Worked
    account : str
        Written beside each of them.

    Returns
    -------
    DataFrame
        ``fill_id``, ``order_id``, ``account``, ``symbol``, ``side``, ``qty`` (lots), ``price``, ``fee``,
        ``ts`` (nanoseconds); in order of time.
    """
    fills, parents = worked.desk.fills(), worked.desk.parents()
    of = fills["parent"]
    side = np.char.upper(parents["side"][of].astype(np.str_))
    return _record(fills, account, parents["symbol"][of], side, worked.results.feed.lot_size)


def venue_fills(results: "TickResults", account: str) -> "pd.DataFrame":
    """The venue's record of the same fills: :func:`desk_fills` of what the simulator did."""
    fills = results.fills
    columns = {name: fills[name] for name in ("order_id", "ts", "qty", "price", "fee")}
    return _record(columns, account, fills["symbol"], fills["side"], results.feed.lot_size)


def summary_table(worked: Mapping[str, Worked]) -> "pd.DataFrame":
    """One row for each algorithm: what was done, how, and what it cost, as a table to look at."""
    import pandas as pd

    rows = {}
    for name, each in worked.items():
        fills, total = each.desk.fills(), each.costs.total
        makers = fills["qty"][fills["is_maker"]].sum() / max(fills["qty"].sum(), 1e-12)
        rows[name] = {
            "done": percent(each.done),
            "children": number(len(each.desk.children()["qty"]), 0),
            "fills": number(len(fills["qty"]), 0),
            "as a maker": percent(makers, decimals=0),
            "participation": percent(float(each.costs.parents["participation"].mean())),
            "shortfall, bps": number(total["shortfall"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def child_frame(worked: Worked) -> "pd.DataFrame":
    """Child orders, in the order they were sent, with the columns of ``desk.children()``."""
    import pandas as pd

    frame = pd.DataFrame(dict(worked.desk.children()))
    return frame.sort_values(["sent", "order_id"], kind="stable", ignore_index=True)


def metrics(shown: str, alone: Mapping[str, Worked], peers: "pd.DataFrame") -> dict[str, float]:
    """Numbers of the order by name: its cost and parts, and the costs of the others.

    Parameters
    ----------
    shown : str
        Label of the algorithm that is looked at.
    alone : mapping of str to Worked
        The one order, by label.
    peers : DataFrame
        Of the drawn orders, from :func:`omni_lab.execution.tca.compare`.
    """
    each, labels = alone[shown], {label: name for name, label in LABELS.items()}
    return {
        "done": each.done,
        "n_fills": float(len(each.desk.fills()["qty"])),
        "n_children": float(len(each.desk.children()["qty"])),
        "participation": float(each.costs.parents["participation"].mean()),
        **{f"{part}_bps": size for part, size in each.costs.total.items()},
        "vs_vwap_bps": float(each.costs.parents["vs_vwap"].mean()),
        **{f"shortfall_bps_{labels[name]}": other.costs.total["shortfall"] for name, other in alone.items()},
        **{f"drawn_bps_{labels[str(name)]}": float(mean) for name, mean in peers["mean"].items()},
    }


def headline(worked: Worked) -> dict[str, str]:
    """The few numbers a reader wants first, formatted, by label."""
    total, parents = worked.costs.total, worked.costs.parents
    return {
        "Done": percent(worked.done),
        "Fills": number(len(worked.desk.fills()["qty"]), 0),
        "Shortfall, bps": number(total["shortfall"], sign=True),
        "Spread, bps": number(total["spread"], sign=True),
        "Impact, bps": number(total["impact"], sign=True),
        "Timing, bps": number(total["timing"], sign=True),
        "Participation": percent(float(parents["participation"].mean())),
    }


def conclusions(
    shown: str, alone: Mapping[str, Worked], peers: "pd.DataFrame", drawn: Mapping[str, Worked]
) -> list[str]:
    """What the run shows, in sentences.

    Parameters
    ----------
    shown : str
        Label of the algorithm that is looked at.
    alone : mapping of str to Worked
        The one order, by label.
    peers : DataFrame
        From :func:`omni_lab.execution.tca.compare` of the drawn orders, against `shown`.
    drawn : mapping of str to Worked
        The drawn orders, by label.
    """
    total = alone[shown].costs.total
    largest = max(_PARTS, key=lambda part: abs(total[part]))
    verb = "cost" if total["shortfall"] >= 0 else "won"
    return [
        f"{shown} did {percent(alone[shown].done, decimals=0)} of the order and {verb} "
        f"{number(abs(total['shortfall']))} bps against the price of its decision; the largest part, "
        f"{number(total[largest], sign=True)} bps, is {_PARTS[largest]}.",
        _spread_and_impact(shown, total),
        *_peers(shown, peers, drawn),
    ]


def cautions(
    day: "MarketDay",
    alone: Mapping[str, Worked],
    yesterday: "MarketDay | None",
    wanted: str | None = None,
) -> list[str]:
    """What a reader must know before quoting a number.

    Parameters
    ----------
    day : MarketDay
    alone : mapping of str to Worked
        The one order, by label.
    yesterday : MarketDay or None
        The day before, if there was one.
    wanted : str, optional
        Instrument that the order is of.
    """
    found = list(day.caveats)
    if wanted is not None and wanted != day.symbol:
        found.append(
            f"The order is of {wanted} and was worked off in {day.symbol}: its side and size are right, its "
            "prices and the depth that it met are another's."
        )
    share = max(float(each.costs.parents["participation"].max()) for each in alone.values())
    if share > _LARGE_SHARE:
        found.append(
            f"The order was up to {percent(share, decimals=0)} of what traded while it worked: a real market "
            "would have noticed, and the impact here is too small."
        )
    if any(each.done < 1.0 for each in alone.values()):
        behind = ", ".join(name for name, each in alone.items() if each.done < 1.0)
        found.append(f"Not all was done by {behind}; what is left is charged at the price of the end.")
    if yesterday is None:
        found.append(
            "There was no day before: VWAP went at an even pace, and volatility was measured on the same day."
        )
    return found


def _spread_and_impact(shown: str, total: Mapping[str, float]) -> str:
    own, luck = total["spread"] + total["impact"] + total["fees"], total["timing"] + total["delay"]
    return (
        f"What the algorithm answers for (spread, impact and fees) is {number(own, sign=True)} bps; "
        f"{number(luck, sign=True)} bps of timing is how the market walked meanwhile, which {shown} neither "
        "caused nor can repeat."
    )


def _peers(shown: str, peers: "pd.DataFrame", drawn: Mapping[str, Worked]) -> list[str]:
    if len(peers) < 2:
        return []
    from scipy.stats import t as student

    n = len(drawn[shown].costs.parents["qty"])
    beyond = float(student.ppf(_CONFIDENT, n - 1))
    start = f"Over {count(n, 'order')} begun at drawn times, "
    apart, errors = peers["vs_base"].to_dict(), peers["t"].to_dict()
    told = [name for name in drawn if name != shown and abs(errors[name]) > beyond]
    best = str(peers["mean"].idxmin())
    sentence = f"{start}{best} was the cheapest with {number(float(peers['mean'].min()))} bps on average"
    if not told:
        return [f"{sentence}; none can be told from {shown}, pair by pair."]
    said = ", ".join(f"{name} by {number(apart[name], sign=True)} bps" for name in told)
    return [f"{sentence}; from {shown} differ beyond chance, had only they been compared: {said}."]


def _record(
    columns: Mapping[str, Any], account: str, symbol: Any, side: Any, lot_size: float
) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(
        {
            "order_id": columns["order_id"],
            "account": account,
            "symbol": symbol,
            "side": side,
            "qty": np.rint(columns["qty"] / lot_size).astype(np.int64),
            "price": np.round(columns["price"], 9),
            "fee": np.round(columns["fee"], 9),
            "ts": columns["ts"],
        }
    ).sort_values(["ts", "order_id"], kind="stable", ignore_index=True)
    number_of_order = frame.groupby("order_id").cumcount().astype(str)
    frame["order_id"] = frame["order_id"].astype(str)
    frame.insert(0, "fill_id", frame["order_id"] + "-" + number_of_order)
    return frame
