"""The exact queue by brute force: each price a list of who waits, and our orders among them."""

from dataclasses import dataclass, field

BUY, SELL = 1, 2
ADD, CANCEL, DELETE, REPLACE, EXECUTE, TRADE, CROSS, MODIFY = 1, 2, 3, 4, 5, 6, 7, 13
Fill = tuple[int, int, int, int]


@dataclass(slots=True)
class Waiting:
    """An order in a queue. Of ours ``number`` says which; others have none."""

    side: int
    price: int
    qty: int
    number: int | None = None


@dataclass(slots=True)
class PlainQueues:
    """One instrument; fills are rows of order, time, price and lots."""

    partial: bool
    queues: dict[tuple[int, int], list[Waiting]] = field(default_factory=dict)
    named: dict[int, Waiting] = field(default_factory=dict)
    ours: dict[int, Waiting] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)

    def best(self, side: int) -> int | None:
        """The best price at which somebody else waits."""
        prices = [
            p for (s, p), queue in self.queues.items() if s == side and any(o.number is None for o in queue)
        ]
        return (max if side == BUY else min)(prices, default=None)

    def join(self, order: Waiting) -> None:
        self.queues.setdefault((order.side, order.price), []).append(order)

    def leave(self, order: Waiting) -> None:
        queue = self.queues[order.side, order.price]
        queue[:] = [other for other in queue if other is not order]
        if not queue:
            del self.queues[order.side, order.price]

    def send(self, number: int, side: int, price: int, qty: int) -> None:
        self.ours[number] = Waiting(side, price, qty, number)
        self.join(self.ours[number])

    def cancel(self, number: int) -> None:
        if number in self.ours:
            self.leave(self.ours.pop(number))

    def ahead(self, number: int) -> int | None:
        """Lots of others that wait before an order of ours."""
        if number not in self.ours:
            return None
        ours = self.ours[number]
        queue = self.queues[ours.side, ours.price]
        before = queue[: next(at for at, other in enumerate(queue) if other is ours)]
        return sum(other.qty for other in before if other.number is None)

    def fill(self, number: int, ts: int, price: int, qty: int) -> None:
        ours = self.ours[number]
        self.fills.append((number, ts, price, qty))
        ours.qty -= qty
        if ours.qty == 0:
            self.cancel(number)

    def event(self, ts: int, kind: int, side: int, name: int, other: int, qty: int, price: int) -> None:
        if kind == ADD:
            self.come(ts, name, Waiting(side, price, qty))
        elif kind in (TRADE, CROSS):
            self.through(ts, price)
        elif name in self.named:
            order = self.named[name]
            if kind == EXECUTE:
                self.executed(ts, order, min(qty, order.qty))
            if kind in (EXECUTE, CANCEL) and qty < order.qty:
                order.qty -= qty
            elif kind == MODIFY and price == order.price and 0 < qty <= order.qty:
                order.qty = qty
            else:
                self.leave(self.named.pop(name))
                if kind in (REPLACE, MODIFY) and qty > 0:
                    self.come(ts, other if kind == REPLACE else name, Waiting(order.side, price, qty))

    def come(self, ts: int, name: int, order: Waiting) -> None:
        """Somebody joins; what it meets of ours on the other side would have traded with it."""
        is_bid, price = order.side == BUY, order.price
        met = [
            (number, ours)
            for number, ours in self.in_line(3 - order.side)
            if (price >= ours.price if is_bid else price <= ours.price)
        ]
        before = self.best(order.side) if met else None
        self.named[name] = order
        self.join(order)
        if before is None or (price > before if is_bid else price < before):
            for number, ours in met:
                self.fill(number, ts, ours.price, ours.qty)

    def in_line(self, side: int) -> list[tuple[int, Waiting]]:
        """Our orders on a side, the best price first, then the first to come."""
        mine = [(number, ours) for number, ours in self.ours.items() if ours.side == side]
        return sorted(mine, key=lambda each: -each[1].price if side == BUY else each[1].price)

    def executed(self, ts: int, order: Waiting, qty: int) -> None:
        queue, given = self.queues[order.side, order.price], 0
        for number, ours in self.in_line(order.side):
            if ours.price == order.price:
                places = {id(each): at for at, each in enumerate(queue)}
                if places[id(order)] > places[id(ours)]:
                    lots = min(ours.qty, qty - given) if self.partial else ours.qty
                    given += lots
                    if lots > 0:
                        self.fill(number, ts, ours.price, lots)
            elif (ours.price > order.price) == (order.side == BUY):
                self.fill(number, ts, ours.price, ours.qty)

    def through(self, ts: int, price: int) -> None:
        """A trade with somebody whom the feed does not show: it passed whoever of us was better."""
        for side in (BUY, SELL):
            for number, ours in self.in_line(side):
                if (ours.price > price) if side == BUY else (ours.price < price):
                    self.fill(number, ts, ours.price, ours.qty)
