"""Where everything in a ladder stands: boxes and words, for whatever draws them.

Half a ladder is one wide: x runs from −1 to 1 with the price in the middle, y by one for each row, down.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

from omni_lab.figures import words
from omni_lab.figures._rungs import Level, Middle, Row, Rungs, Segment

Ink = Literal["band", "cum", "shown", "own", "unseen", "own unseen"]
Tone = Literal["text", "bold", "small", "label"]
Side = Literal[-1, 0, 1]

_BID: Side = -1
_ASK: Side = 1
_THIN = 0.006
_GAP = 0.012
_MOST_SEGMENTS = 40
_INSETS: dict[Ink, float] = {"band": 0.06, "cum": 0.0}
_INSET = 0.14


class Box(NamedTuple):
    """A rectangle: ``side`` is −1 for bids, 1 for asks, 0 for neither."""

    x0: float
    x1: float
    y0: float
    y1: float
    side: Side
    ink: Ink


class Words(NamedTuple):
    """A line of text around the height y that starts, ends or is centred at x."""

    x: float
    y: float
    text: str
    align: Literal["left", "center", "right"]
    tone: Tone


_CHARACTER = 0.08  # inches of a digit in normal type, and
_SMALL_CHARACTER = 0.072  # in small type
_SPACE = 0.06


class Scale(NamedTuple):
    """How wide everything is: in a unit of half a ladder, from the price to the edge.

    Attributes
    ----------
    inches : float
        Of half a ladder.
    largest, total : float
        Quantities that fill a bar: of one price, and of the sum.
    price_length, size_length, sum_length : int
        Characters of the longest price, quantity and sum.
    """

    inches: float
    largest: float
    total: float
    price_length: int
    size_length: int
    sum_length: int

    @classmethod
    def of(cls, ladders: Sequence[Rungs], inches: float) -> "Scale":
        """The scale that several ladders share."""
        levels = [level for rungs in ladders for level in rungs.levels()]
        prices = [rungs.price(row.price) for rungs in ladders for row in rungs.rows if isinstance(row, Row)]
        return cls(
            inches=inches,
            largest=max((each.shown + each.hidden + each.reserve for each in levels), default=0.0),
            total=max((each.cum for each in levels), default=0.0),
            price_length=max(map(len, prices), default=0),
            size_length=max((len(words.quantity(each.shown)) for each in levels), default=0),
            sum_length=max((len(words.quantity(each.cum)) for each in levels), default=0),
        )

    @property
    def roomy(self) -> bool:
        """Whether labels can be sentences."""
        return self.inches > 3.5

    @property
    def has_sums(self) -> bool:
        """Whether there is room for the column of sums."""
        return self.inches > 1.9

    @property
    def price_end(self) -> float:
        """Half of the column of prices, with room for the dots of the last one."""
        return ((max(self.price_length, 5) + 4) * _CHARACTER / 2 + _SPACE) / self.inches

    @property
    def size_end(self) -> float:
        """Where the column of quantities ends, on the far side of the price."""
        return self.price_end + (max(self.size_length, 3) * _CHARACTER + _SPACE) / self.inches

    @property
    def bar(self) -> float:
        """Where bars begin."""
        return self.size_end + _SPACE / self.inches

    @property
    def sum_end(self) -> float:
        """Where the column of sums begins, on the side of the bars."""
        width = max(self.sum_length, 3) * _SMALL_CHARACTER
        return 1.0 - (width / self.inches if self.has_sums else 0.0)

    def bar_end(self, qty: float, full: float) -> float:
        """Where a bar of that quantity ends if one of ``full`` fills the room."""
        room = max(self.sum_end - 2 * _SPACE / self.inches - self.bar, 0.05)
        return self.bar + room * (qty / full if full else 0.0)

    def fits(self, text: str) -> bool:
        """Whether a text has room from edge to edge."""
        return len(text) * _SMALL_CHARACTER < 2 * self.inches - _SPACE


def height_of(rungs: Rungs) -> int:
    """How many rows a ladder has, the heads of its columns included."""
    return len(rungs.rows) + 1


def marks_of(rungs: Rungs, scale: Scale, *, last: float | None, queue: bool) -> Iterator[Box | Words]:
    """Boxes and words of a ladder, those behind before those in front.

    Parameters
    ----------
    rungs : Rungs
        Its rows.
    scale : Scale
        How long bars are.
    last : float, optional
        Last traded price, which is told beside the spread and by two dots at its row.
    queue : bool
        Whether every order is a box, the first in its queue next to the price.
    """
    yield from _head(scale)
    for y, row in enumerate(rungs.rows, start=1):
        if isinstance(row, Middle):
            yield _box(-1.0, 1.0, y, 0, "band")
            yield Words(0.0, y + 0.5, _middle(row, rungs, scale, last), "center", "text")
        elif row.price is None:
            for side, note in ((_BID, row.note[0]), (_ASK, row.note[1])):
                if note:
                    yield Words(side * scale.bar, y + 0.5, note, _away(side), "small")
        else:
            price = rungs.price(row.price)
            traded = row.price == last
            for side, level in ((_BID, row.bid), (_ASK, row.ask)):
                if level:
                    alone = row.bid is None or row.ask is None
                    yield from _level(y, side, level, scale, queue=queue, alone=alone)
            text = f"· {price} ·" if traded else price
            yield Words(0.0, y + 0.5, text, "center", "bold" if traded else "text")


def _head(scale: Scale) -> Iterator[Words]:
    yield Words(0.0, 0.5, "price", "center", "small")
    for side, name in ((_BID, "bids"), (_ASK, "asks")):
        yield Words(side * scale.bar, 0.5, name, _away(side), "small")
        if scale.has_sums:
            yield Words(_column(side, scale.sum_end, 1.0), 0.5, "sum", "right", "small")


def _middle(row: Middle, rungs: Rungs, scale: Scale, last: float | None) -> str:
    """The spread with as much beside it as there is room for."""
    traded = f"last {rungs.price(last)}" if last is not None else ""
    choices = [(row.spread, row.mid, traded), (row.spread, traded), (row.spread,)]
    told = [" · ".join(filter(None, choice)) for choice in choices]
    return next((text for text in told if scale.fits(text)), told[-1])


def _level(
    y: int, side: Side, level: Level, scale: Scale, *, queue: bool, alone: bool
) -> Iterator[Box | Words]:
    yield _box(side * scale.bar, side * scale.bar_end(level.cum, scale.total), y, side, "cum")
    at = scale.bar
    many = not queue or len(level.segments) > _MOST_SEGMENTS
    for each in _merged(level.segments) if many else level.segments:
        end = at + max(scale.bar_end(each.qty, scale.largest) - scale.bar, _THIN)
        yield _box(
            side * at, side * end, y, side, "unseen" if each.unseen else "own" if each.own else "shown"
        )
        at = end
    middle = y + 0.5
    shown = Words(
        _column(side, scale.price_end, scale.size_end), middle, words.quantity(level.shown), "right", "text"
    )
    yield shown if level.shown else shown._replace(text="–", tone="small")
    if scale.has_sums:
        yield Words(_column(side, scale.sum_end, 1.0), middle, words.quantity(level.cum), "right", "small")
    if label := level.label(short=not scale.roomy):
        if level.own:
            arrow, word = ("▲", "buy ") if side < 0 else ("▼", "sell ")
            label = f"{arrow} {word if scale.roomy else ''}{label}"
        tone: Tone = "label" if level.own else "small"
        # The half of the other side is free, unless the book is crossed.
        if alone:
            yield Words(-side * scale.price_end, middle, label, _away(-side), tone)
        else:
            yield Words(side * (at + _GAP), middle, label, _away(side), tone)


def _box(x0: float, x1: float, y: int, side: Side, ink: Ink) -> Box:
    inset = _INSETS.get(ink, _INSET)
    return Box(min(x0, x1), max(x0, x1), y + inset, y + 1.0 - inset, side, ink)


def _away(side: int) -> Literal["left", "right"]:
    """Alignment of what begins here and grows away from the price."""
    return "right" if side < 0 else "left"


def _column(side: int, near: float, far: float) -> float:
    """The right end of a column, where its numbers end on both sides."""
    return -near if side < 0 else far


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    """What shows as one bar, then what is own of it, then what does not show."""
    merged = []
    for unseen, own in product((False, True), (False, True)):
        qty = sum(each.qty for each in segments if (each.unseen, each.own) == (unseen, own))
        if qty:
            merged.append(Segment(qty, own=own, unseen=unseen))
    return merged
