"""Limits as gauges: how much of each is used, where a warning comes, where a refusal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.execution.sentences import amount_text

if TYPE_CHECKING:
    from omni_lab.execution.explanations import Headroom

NEAR, OVER = 0.8, 1.0
"""Shares of a limit from which on its gauge is amber, and red."""
_NAMES = {
    "POSITION_LIMIT": "Position",
    "ORDER_RATE": "Orders a second",
    "CANCEL_RATE": "Cancels a second",
    "DAILY_LOSS": "Loss today",
    "DRAWDOWN": "Drawdown",
    "LEVERAGE": "Leverage",
    "SECTOR_CONCENTRATION": "Sector",
    "SINGLE_NAME": "Single name",
}


def tone_of(used: float | None, *, passes: bool = True) -> str:
    """The word for a share of a limit: "bad" from 100 %, "warn" from 80 %, otherwise empty."""
    if not passes or (used is not None and used >= OVER):
        return "bad"
    return "warn" if used is not None and used >= NEAR else ""


def headroom_gauges(room: Headroom, account: str, *, most: int = 40) -> list[dict[str, Any]]:
    """What an account uses of its limits, the most used first.

    Parameters
    ----------
    room : Headroom
        What ``system.headroom()`` returns.
    account : str
        Whose.
    most : int
        How many at most.

    Returns
    -------
    list of dict
        ``label``; ``used``, a share (None where nothing can be measured); ``tone``, "", "warn" or "bad";
        ``text``: value of limit, and the share.
    """
    columns = {name: column.tolist() for name, column in room.columns.items()}
    found: list[dict[str, Any]] = []
    for at, used in enumerate(room.used.tolist()):
        row = {name: column[at] for name, column in columns.items()}
        if row["account"] != account or row["check"] not in _NAMES or not math.isfinite(row["limit"]):
            continue
        # Tokens of a rate come back by themselves, and nobody steers by them.
        if row["unit"] == "tokens":
            continue
        share = None if math.isnan(used) else max(used, 0.0)
        about = row["instrument"] or row["sector"]
        warns = " (warns)" if row["severity"] == "warn" else ""
        if row["check"] == "DAILY_LOSS":
            # A loss below nothing is a profit.
            row["value"] = max(row["value"], 0.0)
        value, limit = (amount_text(row["check"], row[name]) for name in ("value", "limit"))
        told = "nothing to measure by" if math.isnan(row["value"]) else f"{value} of {limit}"
        found.append(
            {
                "label": " ".join(filter(None, (_NAMES[row["check"]], about))) + warns,
                "used": share,
                "tone": tone_of(share, passes=row["passes"] or row["severity"] == "warn"),
                "text": told if share is None else f"{told} · {share:.0%}",
            }
        )
    found.sort(key=lambda each: -1.0 if each["used"] is None else -each["used"])
    return found[:most]


def worst(gauges: Sequence[dict[str, Any]]) -> str:
    """The tone of the worst of them."""
    tones = {each["tone"] for each in gauges}
    return "bad" if "bad" in tones else "warn" if "warn" in tones else ""
