"""Nanoseconds as people read them."""

from __future__ import annotations

import numpy as np

_DAY = 86_400 * 10**9


def clock(ns: int) -> str:
    """Time of day with the date where there is one, as fine as it is: ``2024-03-01 09:30:00.000001``."""
    if ns == 0:
        return "0"
    stamp = str(np.datetime64(ns, "ns"))
    date, time = stamp.split("T")
    time = time.rstrip("0").rstrip(".") if "." in time else time
    time = time if time.count(":") == 2 else f"{time}:00"
    return time if abs(ns) < _DAY else f"{date} {time}"
