"""What a capture of ITCH holds, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omni_lab.data.itch_messages import MESSAGES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class ItchStats:
    """What a capture holds.

    Attributes
    ----------
    messages : dict of str to int
        Messages of each known type, by its byte.
    n_unknown : int
        Messages of types that are not known; they were skipped by their length.
    n_bytes : int
        Bytes of the stream, unpacked.
    first_ns, last_ns : int or None
        Times of the first and the last message, nanoseconds since midnight in New York; None without a
        message.
    n_resynchronised, n_skipped_bytes : int
        How often a lenient reader lost its way, and how much it skipped until it found it.
    truncated : bool
        Whether the file ends inside a frame; only a lenient reader gets so far.
    symbols : dict of int to str
        The stock directory: symbol by stock locate.
    """

    messages: dict[str, int]
    n_unknown: int
    n_bytes: int
    first_ns: int | None
    last_ns: int | None
    n_resynchronised: int
    n_skipped_bytes: int
    truncated: bool
    symbols: dict[int, str]

    @property
    def n_messages(self) -> int:
        """Messages of all types, the unknown included."""
        return sum(self.messages.values()) + self.n_unknown

    def to_frame(self) -> pd.DataFrame:
        """A row a type, the most frequent first: ``type``, ``name``, ``messages``, ``share``."""
        import pandas as pd

        found = sorted(self.messages.items(), key=lambda pair: -pair[1])
        total = max(self.n_messages, 1)
        names = {kind: message.__name__ for kind, message in MESSAGES.items()}
        found += [("?", self.n_unknown)] if self.n_unknown else []
        rows = [(kind, names.get(kind, "unknown"), count, count / total) for kind, count in found]
        return pd.DataFrame(rows, columns=["type", "name", "messages", "share"])


def stats_of(found: Mapping[str, Any], symbols: dict[int, str]) -> ItchStats:
    """Stats from what the native scan returns."""
    return ItchStats(
        messages={str(kind): int(count) for kind, count in found["messages"].items()},
        n_unknown=sum(found["unknown"].values()),
        n_bytes=int(found["bytes"]),
        first_ns=found["first_ns"],
        last_ns=found["last_ns"],
        n_resynchronised=int(found["resynchronised"]),
        n_skipped_bytes=int(found["skipped_bytes"]),
        truncated=bool(found["truncated"]),
        symbols=symbols,
    )
