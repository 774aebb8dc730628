"""A parent at the desk with all that belongs to it, and what a market says of its children."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from omni_lab.execution.algorithms.market import MarketView, Venue
from omni_lab.execution.algorithms.orders import Child, Parent
from omni_lab.execution.algorithms.recipes import Algorithm
from omni_lab.execution.algorithms.schedules import Plan
from omni_lab.execution.algorithms.tactics import Need


class OrderNews(Protocol):
    """What a market says of an order that is no fill."""

    @property
    def order_id(self) -> int:
        """Which order."""

    @property
    def status(self) -> str:
        """Its state."""

    @property
    def reason(self) -> str:
        """Why."""


class FillNews(Protocol):
    """A fill of an order."""

    @property
    def order_id(self) -> int:
        """Which order."""

    @property
    def qty(self) -> float:
        """Units."""

    @property
    def price(self) -> float:
        """Price."""


@dataclass(slots=True)
class Job:
    """One parent with its algorithm, plan and memory."""

    parent: Parent
    algorithm: Algorithm
    market: MarketView
    # The algorithm as it was given: what can be written down.
    given: object = None
    plan: Plan | None = None
    due_before: int = 0
    # The first look at which more was due than is filled now.
    first_late: int = 0
    rule: str = ""
    # When, due, filled, open: what the picture of a schedule against its fills is made of.
    looks: list[tuple[int, int, int, int]] = field(default_factory=list)
    rules: list[tuple[int, str]] = field(default_factory=list)
    fills: list[tuple[int, int, int, float, float, float, bool]] = field(default_factory=list)

    def saw(self, now: int, due: int) -> None:
        """The plan says so much is due."""
        if self.looks and due > self.looks[-1][1]:
            self.due_before = self.looks[-1][1]
        self.looks.append((now, due, self.parent.filled, self.parent.open))

    def need(self, now: int) -> Need:
        """How far the parent is behind, as of the last look."""
        due, filled = self.looks[-1][1], self.parent.filled
        while self.first_late + 1 < len(self.looks) and self.looks[self.first_late][1] <= filled:
            self.first_late += 1
        return Need(
            due=due - filled,
            unsent=due - filled - self.parent.open,
            overdue=max(self.due_before - filled, 0),
            since=now - self.looks[self.first_late][0],
        )


def withdraw(venue: Venue, job: Job) -> None:
    """Ask for the cancel of all that rests."""
    for child in job.parent.working:
        if child.rests:
            ask_to_cancel(venue, child)


def ask_to_cancel(venue: Venue, child: Child) -> None:
    """Ask for a cancel, unless one is on its way."""
    if not child.is_canceling:
        child.is_canceling = True
        venue.cancel(child.order_id)
