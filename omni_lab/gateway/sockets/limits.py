"""What a client of a socket may use up; how many there may be is the security layer's to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What a client of a socket may use up.

    Attributes
    ----------
    heartbeat_s : float
        Silence after which he is told that all is well, seconds.
    stalled_s : float
        How long one message may take to go out, seconds.
    messages_per_s : float
    message_burst : int
        How many messages he may send: a bucket that fills again at this rate.
    message_chars : int
        Length of one.
    behind : int
        Changes of a conflated stream that he may be behind before he is given a snapshot.
    """

    heartbeat_s: float = 5.0
    stalled_s: float = 30.0
    messages_per_s: float = 5.0
    message_burst: int = 20
    message_chars: int = 16_384
    behind: int = 20

    @property
    def tick_s(self) -> float:
        """How often connections are looked at, seconds."""
        return min(self.heartbeat_s / 5, self.stalled_s / 5, 1.0)
