"""A process that trades in a paper market until it is killed, and says what it was told."""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from omni_lab.messaging.bus import Subscription
from omni_lab.system import LOCAL, Ticket, TradingSystem
from tests.system.systems import halting, paper


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(home: Path, seed: int, halts: bool) -> None:
    if halts:
        return halt(home)
    rng = random.Random(seed)
    with TradingSystem(paper(home, n_symbols=1)) as system:
        system.ready()
        (symbol,) = system.status().symbols
        followed = system.bus.stream("orders").follow()
        say(ready=True)
        while True:
            best = system.book(symbol).best()
            side, price = rng.choice([("BUY", best[0]), ("SELL", best[2])])
            kind = rng.choice(["market", "join", "far", "cancel"])
            if kind == "cancel":
                for each in system.own_orders()[:1]:
                    system.cancel(each.order_id, who=LOCAL)
                    say(canceled=each.order_id)
            else:
                away = {"join": 0.0, "far": -1.0 if side == "BUY" else 1.0}
                limit = None if kind == "market" else round(price + away[kind], 2)
                order = system.submit(Ticket(symbol=symbol, side=side, qty=100, price=limit), who=LOCAL)
                say(order=order.order_id, cum=order.cum_qty, state=order.state)
            tell(followed)


def halt(home: Path) -> None:
    """Trade beside a strategy, throw the switch, and say how it is; then wait for the end."""
    with TradingSystem(halting(home)) as system:
        system.ready()
        (symbol,) = system.status().symbols
        followed = system.bus.stream("orders").follow()
        followed.take()
        for _ in range(3):
            order = system.submit(Ticket(symbol=symbol, side="BUY", qty=1, price=1.0), who=LOCAL)
            say(order=order.order_id, strategy=system.status().strategy_state)
        followed.wait(10.0)
        tell(followed)
        system.kill(who=LOCAL, why="odd fills")
        say(halted=dict(system.status().halted))
        time.sleep(60.0)


def tell(followed: Subscription) -> None:
    """Say what the stream has told since."""
    for message in followed.take():
        for event in message.events:
            say(number=message.sequence, kind=event["kind"], about=event["order_id"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), "halts" in sys.argv)
