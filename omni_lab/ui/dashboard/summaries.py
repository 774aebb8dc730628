"""What Overview says of a system, from what the system says of itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from omni_lab.figures import words
from omni_lab.pipelines.jobs import Job
from omni_lab.system.views import JournalState
from omni_lab.ui.dashboard.session import STALE_S

_ORDER = {"critical": 0, "error": 0, "warning": 1, "info": 2}
_MEBIBYTE = 2**20


def account_tiles(account: Mapping[str, Any], n_orders: int) -> dict[str, dict[str, Any]]:
    """The numbers above the page, from the state of the stream ``account``.

    Parameters
    ----------
    account : mapping
    n_orders : int
        Orders that live.
    """
    equity, capital = account.get("equity"), account.get("capital")
    pnl, gross, net = account.get("pnl_day"), account.get("gross"), account.get("net")
    n_positions = sum(1 for each in account.get("positions", {}).values() if each.get("qty"))
    return {
        "equity": {"value": equity, "note": _of(equity, capital, "since the start", change=True)},
        "pnl_day": {"value": pnl, "note": _of(pnl, capital, "of capital", sign=True)},
        "gross": {"value": gross, "note": _of(gross, equity, "of equity")},
        "net": {"value": net, "note": _of(net, equity, "of equity", sign=True), "tone": " "},
        "open": {"value": n_positions, "note": f"{words.count(n_orders, 'open order')}"},
    }


def alert_rows(alerts: Mapping[str, Any], why_not: str | None) -> list[dict[str, Any]]:
    """Open alerts, those that nobody acknowledged and the severest first.

    Parameters
    ----------
    alerts : mapping
        ``open`` of the state of the stream ``alerts``.
    why_not : str or None
        Why this person may not acknowledge.
    """
    found = [
        {
            "key": key,
            "severity": alert.get("severity", "info"),
            "text": alert.get("text", key),
            "ms": alert.get("ts", 0) / 1e6,
            "by": (alert.get("acknowledged_by") or "somebody") if alert.get("acknowledged") else None,
            "why_not": why_not,
        }
        for key, alert in alerts.items()
    ]
    found.sort(key=lambda each: (each["by"] is not None, _ORDER.get(each["severity"], 2), -each["ms"]))
    return found


def job_rows(jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Jobs that run or wait, as their list draws them."""
    return [
        {
            "key": job.id,
            "name": f"{job.pipeline} · {job.who}" if job.who else job.pipeline,
            "state": job.state,
            "progress": job.progress,
            "text": job.text,
        }
        for job in jobs
    ]


def health_rows(
    status: Mapping[str, Any], journal: JournalState | None, *, told: bool
) -> list[dict[str, Any]]:
    """How market, engine, strategy, journal and channels are.

    Parameters
    ----------
    status : mapping
        The state of the stream ``system``.
    journal : JournalState or None
        None while nobody knows.
    told : bool
        Whether alerts go to channels.
    """
    state, age = status.get("state", "STOPPED"), status.get("feed_age_s")
    stale = age is not None and age > STALE_S and state != "FINISHED"
    feed = ("bad", "stale") if stale else ("good", "fresh") if age is not None else ("warn", "silent")
    rate = words.number(status.get("market_rate") or 0.0, 0)
    running = {"RUNNING": "good", "FINISHED": "info", "RECOVERING": "warn"}.get(state, "bad")
    strategy, how = status.get("strategy"), status.get("strategy_state", "NONE")
    tone = {"RUNNING": "good", "NONE": "info", "STOPPED": "warn"}.get(how, "bad")
    found = [
        _fact("Market", feed[0], feed[1], f"{status.get('source', '')}, {rate} events/s"),
        _fact("System", running, state.lower(), status.get("error") or _counts(status)),
        _fact("Strategy", tone, how.lower(), strategy or "only people trade"),
    ]
    if journal is not None:
        size = words.number(journal.n_bytes / _MEBIBYTE, 1)
        text = f"{words.count(journal.sequence, 'frame')}, {size} MiB, durability {journal.durability}"
        kept = journal.directory is not None
        found.append(_fact("Journal", "good" if kept else "warn", "kept" if kept else "not kept", text))
    where = "and the channels are told" if told else "and nobody else is told"
    found.append(_fact("Alerts", "good" if told else "info", "on screen", where))
    return found


def _fact(label: str, tone: str, word: str, text: str) -> dict[str, Any]:
    return {"key": label, "label": label, "tone": tone, "word": word, "text": text}


def _counts(status: Mapping[str, Any]) -> str:
    orders, fills = status.get("n_orders", 0), status.get("n_fills", 0)
    late = (time.time_ns() - status.get("wall_ts", 0)) / 1e9
    told = f"{words.count(orders, 'order')}, {words.count(fills, 'fill')}"
    return told if late < 10 * STALE_S else f"{told}; nothing heard for {late:,.0f} s"


def _of(
    value: float | None, whole: float | None, what: str, *, sign: bool = False, change: bool = False
) -> str:
    if value is None or not whole:
        return ""
    share = value / whole - (1.0 if change else 0.0)
    return f"{words.percent(share, sign=sign or change, decimals=2)} {what}"
