"""The replay against hftbacktest 2.4.4: every number of a run, at every look of a market maker.

Kept out because the two differ on purpose: market orders while a side is empty (we refuse them, it fills them
at a price that nobody named); answers given while a measured request was lost (it reads their way off a
request that arrived in 1970); long runs of `log`, whose cuts may take more from before an order than stands
there (with us nobody is before it then, and it puts the order at the end of the level, for want of a
logarithm); levels that were overtaken and whose side was empty since (it forgets them).

Fills in part are compared where the rules are the same; docs/replay.md, section 3, says where they are not.
Its account books of an order only the fill that completes it, so the strategy of these runs does not look at
its position, and its account is set beside those of our fills that complete an order. An order whose part is
exactly what is left of it stays at its venue and ends the run; so feeds have even quantities and orders odd
ones, or orders are larger than all that trades.

Kept out, too, is what it does not know: auctions, halts and queues of named orders. Which of two orders of
ours at one price it lists first varies from run to run, so the strategy has none.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omni_lab import _native
from omni_lab.typing import AnyArray
from tests.bench.environment import HFT, ROOT
from tests.oracle import level_feed
from tests.oracle.stepped_quoter import Looks, Quoter, engine

N_EVENTS = 2_000_000
QUEUES = ("conservative", "power", "power_of_whole", "power_of_share", "log", "log_of_whole")
LONG_QUEUES = tuple(queue for queue in QUEUES if queue != "log")
NAMES = ("position", "cash before fees", "fees", "fills", "lots traded", "value traded", "bid", "ask")
RUN: dict[str, Any] = {
    "feed": "market",
    "queue": "conservative",
    "power": 3.0,
    "latency": (500_000, 700_000),
    "tick_value": 1.0,
    "maker_rate": -0.00005,
    "taker_rate": 0.0007,
    "interval_ns": 100_000_000,
    "half_spread": 0.5,
    "skew": 0.02,
    "qty": 10,
    "max_position": 100,
    "n_levels": 3,
    "post_only": True,
    "take_every": 0,
    "records": True,
}
LOST_REQUESTS = {
    **RUN,
    "name": "lost",
    "feed": "lost",
    "latency": "measured",
    "interval_ns": 3_000_000,
    # Far away: no order fills while requests are lost.
    "half_spread": 30.0,
}


def big_runs() -> list[dict[str, Any]]:
    """Each queue on two million events, and the ways of sending orders."""
    fast = {"interval_ns": 10_000_000, "n_levels": 2}
    return [
        *({**RUN, "name": queue, "queue": queue} for queue in LONG_QUEUES),
        {**RUN, "name": "measured", "latency": "measured", "queue": "power", "take_every": 7},
        {**RUN, **fast, "name": "crosses", "post_only": False, "half_spread": 0.4},
        {**RUN, **fast, "name": "takes", "take_every": 5, "tick_value": 0.5, "latency": "measured"},
    ]


IN_PARTS: dict[str, Any] = {
    **RUN,
    "feed": "even",
    "partial": True,
    "qty": 61,
    "skew": 0.0,
    "max_position": 10**9,
}


def runs_in_parts() -> list[dict[str, Any]]:
    """Fills in part: odd orders on even feeds, orders that never fill by trades alone, takers of no more than
    the best level shows, and settings at random."""
    rng = np.random.default_rng(9)
    fast = {"interval_ns": 10_000_000, "n_levels": 2}
    takes = {"take_every": 5, "alternates": True}
    return [
        {**IN_PARTS, "name": "parts"},
        {**IN_PARTS, "name": "parts of large orders", "feed": "market", "qty": 1_000_001},
        {**IN_PARTS, **fast, **takes, "name": "parts and takers", "latency": "measured"},
        {**IN_PARTS, **fast, "name": "parts that cross", "post_only": False, "half_spread": 0.4},
        *(
            {
                **IN_PARTS,
                "name": f"small parts{n}",
                "feed": f"even small{n}",
                "latency": (250_000, 3_000_000) if n % 2 else (1_000_000, 0),
                "interval_ns": int(rng.integers(200_000, 5_000_000)),
                "half_spread": float(rng.uniform(0.2, 3)),
                "qty": int(2 * rng.integers(2, 20) + 1),
                "n_levels": int(rng.integers(1, 4)),
            }
            for n in range(10)
        ),
    ]


def small_runs() -> list[dict[str, Any]]:
    """Settings at random, on feeds in which anything happens."""
    rng = np.random.default_rng(8)
    latencies = [(0, 0), (0, 1_000_000), (1_000_000, 0), (250_000, 3_000_000), "measured"]
    return [
        {
            **RUN,
            "name": f"small{n}",
            "feed": f"small{n}",
            "queue": QUEUES[n % len(QUEUES)],
            "power": float(rng.uniform(0.5, 4)),
            "latency": latencies[n % len(latencies)],
            "interval_ns": int(rng.integers(200_000, 5_000_000)),
            "half_spread": float(rng.uniform(0.2, 3)),
            "skew": float(rng.uniform(0, 0.1)),
            "qty": int(rng.integers(1, 12)),
            "max_position": int(rng.integers(5, 60)),
            "n_levels": int(rng.integers(1, 4)),
            "post_only": bool(rng.integers(0, 2)),
        }
        for n in range(30)
    ]


def columns_of(feed: str) -> tuple[level_feed.Columns, level_feed.Columns]:
    """The events of a feed by its name, and requests that were measured beside it."""
    if feed.startswith("even"):
        columns, measured = columns_of(feed.removeprefix("even").strip() or "market")
        return {**columns, "qty": 2 * columns["qty"]}, measured
    if feed == "market":
        columns = level_feed.market(N_EVENTS, 1)
        return columns, level_feed.measured_latency(columns, 1)
    seed = int(feed.removeprefix("small").replace("lost", "99"))
    columns = level_feed.chaos(3_000, seed)
    return columns, level_feed.measured_latency(columns, seed, lost=0.2 if feed == "lost" else 0.0)


def peer() -> Path:
    """The interpreter of the environment that holds hftbacktest."""
    try:
        return HFT.ensure()
    except (SystemExit, OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{HFT.folder.name} cannot be made: run tests/bench/environment.py where uv is. {error}")


def disagreements(run: dict[str, Any], replay: _native.TickEngine, theirs: Any) -> list[str]:
    """What of a run differs from what hftbacktest says; empty where nothing does."""
    looks = Quoter(replay, run).looks()
    if len(looks.ts) != len(theirs["times"]):
        return [f"{len(looks.ts)} looks, not {len(theirs['times'])}"]
    values = looks.values.copy()
    values[:, 1] += values[:, 2]  # its balance leaves fees aside
    final = [replay.lots, replay.cash + replay.fees, replay.fees, replay.n_fills, replay.traded_lots]
    if run.get("partial"):
        booked = completions(np.append(looks.ts, 2**62), replay)
        values[:, :6], final = booked[:-1], booked[-1, :5].tolist()
    # What it says last of a request that was lost is an older answer.
    knows_last = run["feed"] != "lost"
    heard = np.column_stack(last_heard(looks.ts, replay.messages()))
    pairs: dict[str, tuple[Any, Any]] = {
        **{name: (values[:, column], theirs["looks"][:, column]) for column, name in enumerate(NAMES)},
        "time of the looks": (looks.ts, theirs["times"][:, 0]),
        **({"what was heard last, when": (heard, theirs["times"][:, 1:])} if knows_last else {}),
        "final account": (final, theirs["final"]),
        "orders": (replay.n_orders, theirs["counts"][1]),
        # A part that is heard of makes it forget that a cancel is on its way, and it asks again.
        **(
            {}
            if run.get("partial")
            else {"cancels": (np.sum(replay.messages()["kind"] == 2), theirs["counts"][2])}
        ),
        **(ends(looks, replay, theirs["orders"]) if replay.n_orders == len(theirs["orders"]) else {}),
    }
    return [
        name
        for name, (ours, other) in pairs.items()
        if not np.allclose(ours, other, rtol=1e-11, atol=1e-6, equal_nan=True)
    ]


def completions(looks: AnyArray, replay: _native.TickEngine) -> AnyArray:
    """An account that books of each order only the fill that completes it, at each look and in the end.

    Columns as `NAMES`, without the quotes; a tick is worth one.
    """
    orders, messages = replay.orders(), replay.messages()
    fills = {name: column[messages["kind"] == 6] for name, column in messages.items()}
    of = fills["order"].astype(np.int64)
    last = np.zeros(len(of), bool)
    last[np.unique(of[::-1], return_index=True)[1] * -1 - 1] = True
    last &= orders["filled"][of] == orders["qty"][of]
    qty, price, fee = (fills[name][last] for name in ("qty", "price", "fee"))
    signed = np.where(orders["side"][of[last]] == 1, qty, -qty)
    each = np.column_stack([signed, -signed * price, fee, np.ones(len(qty)), qty, qty * price])
    sums = np.concatenate([np.zeros((1, 6)), np.cumsum(each, axis=0)])
    return sums[np.searchsorted(fills["ts"][last], looks, side="right")]


def last_heard(looks: AnyArray, messages: dict[str, AnyArray]) -> tuple[AnyArray, AnyArray]:
    """When the venue gave the answer that each look had heard last, and when that was heard; 0 for none."""
    ts, is_ours = messages["ts"], np.isin(messages["kind"], (0, 2, 3))
    sent = np.flatnonzero(is_ours)
    # Without latency answers come at the time of the look, and after it.
    first_sent = np.append(sent, len(ts))[np.searchsorted(ts[sent], looks)]
    known = np.minimum(np.searchsorted(ts, looks, side="right"), first_sent)
    at = np.append(0, np.cumsum(~is_ours))[known]
    venue, heard = (np.append(0, messages[name][~is_ours]) for name in ("ts_venue", "ts"))
    return venue[at], heard[at]


def ends(looks: Looks, replay: _native.TickEngine, theirs: AnyArray) -> dict[str, tuple[AnyArray, AnyArray]]:
    """Columns of all orders: what they were, how and when they ended, and the look that first knew."""
    orders, messages = replay.orders(), replay.messages()
    # Its words: 0 none, 1 working, 2 expired, 3 filled, 4 canceled, 5 part filled; what was lost expires.
    status = np.array([0, 1, 5, 3, 4, 2, 2])[orders["status"]]
    priced = np.array(orders["price"])
    at_venue, known = np.zeros((2, len(status)), np.int64)
    filled_at = np.zeros(len(status), np.int64)
    left = np.array(orders["qty"])
    for order, kind, venue, heard, price, qty in zip(
        *(messages[name].tolist() for name in ("order", "kind", "ts_venue", "ts", "price", "qty")),
        strict=True,
    ):
        if kind in (6, 7, 8, 9):
            filled_at[order] = price if kind == 6 else 0
            left[order] -= qty if kind == 6 else 0
            if kind != 6 or left[order] == 0:
                at_venue[order], known[order] = venue, heard
    look = np.searchsorted(looks.ts, known)
    is_known = (look < len(looks.ts)) & (known > 0)
    first_look = looks.ts[np.where(is_known, look, 0)]
    return {
        "side": (np.where(orders["side"] == 1, 1, -1), theirs[:, 0]),
        "price": (priced, theirs[:, 1]),
        "status": (status, theirs[:, 2]),
        "lots filled": (orders["filled"], theirs[:, 3]),
        "price of the fill": (filled_at, theirs[:, 4]),
        "end at the venue": (at_venue, theirs[:, 5]),
        "look that knew of the end": (first_look[is_known], theirs[is_known, 6]),
    }


def test_every_number_of_a_market_maker_is_that_of_hftbacktest(tmp_path: Path) -> None:
    python = peer()
    ends_early = {**IN_PARTS, "name": "part that is all that is left", "qty": 60}
    runs = [*big_runs(), *small_runs(), LOST_REQUESTS, *runs_in_parts()]
    feeds = {}
    for name in {run["feed"] for run in runs}:
        columns, measured = columns_of(name)
        np.savez(tmp_path / f"{name}.npz", allow_pickle=False, **columns, **measured)
        feed = _native.TickFeed(level_feed.events(columns), each_delay_ns=columns["delay"])
        feeds[name] = feed, measured
    (tmp_path / "runs.json").write_text(json.dumps([*runs, ends_early]))
    subprocess.run([python, ROOT / "tests/bench/hft_peer.py", tmp_path], check=True)

    wrong, messages = {}, {}
    for run in runs:
        feed, measured = feeds[run["feed"]]
        replay = engine(feed, run, measured)
        if found := disagreements(run, replay, np.load(tmp_path / f"{run['name']}.out.npz")):
            wrong[run["name"]] = found
        messages[run["name"]] = replay.messages()
    assert wrong == {}

    # Where they part, as docs/replay.md says: it ends where an order with nothing left should fill again.
    theirs = np.load(tmp_path / f"{ends_early['name']}.out.npz")
    assert (
        0
        < len(theirs["times"])
        < len(Quoter(engine(feeds["even"][0], ends_early, {}), ends_early).looks().ts)
    )

    # The comparison is worth something: models differ, queues matter, and every way of ending occurs.
    times = {tuple(messages[queue]["ts"][messages[queue]["kind"] == 6]) for queue in LONG_QUEUES}
    assert len(times) == 5
    of_big = np.concatenate([messages[run["name"]]["ahead"] for run in big_runs()])
    assert np.mean(of_big[~np.isnan(of_big)] > 0) > 0.4
    kinds = set(np.concatenate([each["kind"] for each in messages.values()]).tolist())
    assert kinds >= {4, 6, 7, 8, 10}
    parts = [messages[run["name"]] for run in runs_in_parts()]
    assert (
        sum(len(each["kind"]) - len(np.unique(each["order"][each["kind"] == 6])) for each in parts) > 10_000
    )
    n_parts = [np.unique(each["order"][each["kind"] == 6], return_counts=True)[1].max() for each in parts]
    assert min(n_parts[:4]) > 3
    lost = messages["lost"]["reason"] == 1_005
    assert np.sum(lost & (messages["lost"]["kind"] == 9)) > 10


def test_the_native_market_maker_sends_what_its_twin_sends() -> None:
    columns = level_feed.market(200_000, 2)
    feed = _native.TickFeed(level_feed.events(columns), each_delay_ns=columns["delay"])
    rule = {"rule": "fixed", "half_spread": 0.5, "skew": 0.02, "qty": 10, "max_position": 100, "n_levels": 3}
    where = {"instrument": 0, "tick": 1, "interval_ns": 20_000_000, "level_step": 1, "half_life": 1.0}
    stepped, native = (engine(feed, RUN, {}) for _ in range(2))
    looks = Quoter(stepped, {**RUN, "interval_ns": 20_000_000}).looks()
    assert native.run_quoter({**rule, **where}, 2**63 - 1) == len(looks.ts)
    for ours, theirs in ((native.messages(), stepped.messages()), (native.orders(), stepped.orders())):
        assert {name: column.tobytes() for name, column in ours.items()} == {
            name: column.tobytes() for name, column in theirs.items()
        }
    assert native.n_fills > 100
