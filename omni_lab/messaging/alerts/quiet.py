"""Hours in which people are left alone."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A stretch of every day by the wall clock of a zone; it may go over midnight.

    A clock change moves the instants, not the wall clock: an hour that comes twice is quiet twice.

    Attributes
    ----------
    start, end : time
        The first quiet moment, and the first that is not.
    zone : ZoneInfo
    """

    start: time
    end: time
    zone: ZoneInfo

    def covers(self, moment: datetime) -> bool:
        """Whether a moment, of any zone, is quiet."""
        wall = moment.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.end:%H:%M} {self.zone.key}"
