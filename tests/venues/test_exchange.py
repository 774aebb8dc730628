"""An exchange and its users over real sockets of this machine."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Any

import pytest

from omni_lab.errors import ConfigError, GatewayError
from omni_lab.execution import OMS
from omni_lab.venues import Backoff, ClientOrder, Exchange, FeedMessage, Gap, ItchClient, OuchClient, Timing
from omni_lab.venues.soup_client import SoupLink
from tests.venues.desk import USERS, config
from tests.venues.network import Address, Proxy, bad_line, run
from tests.venues.plain import PlainBook, assert_same

FAST = Timing(heartbeat_s=0.05, timeout_s=5.0, login_s=5.0, slow_s=5.0)
SOON = Backoff(first_s=0.001, longest_s=0.01)
ALICE, BOB = ("alice", "secret1"), ("bob", "secret2")


def exchange(**settings: Any) -> Exchange:
    return Exchange(OMS(config()), USERS, **{"timing": FAST, "interval_s": 0.01, **settings})


def ouch(address: Address, who: tuple[str, str], **settings: Any) -> OuchClient:
    prefix = who[0].upper()[:5]
    return OuchClient(*address, *who, **{"timing": FAST, "backoff": SOON, "token_prefix": prefix, **settings})


async def read(feed: ItchClient, until: int | None = None) -> tuple[PlainBook, list[int]]:
    """The book of a feed up to a message, or to the end, and the numbers of its messages."""
    book, numbers = PlainBook(), []
    async for item in feed:
        assert isinstance(item, FeedMessage), item
        assert item.message is not None
        book.follow(item.message)
        numbers.append(item.sequence)
        if item.sequence == until:
            break
    return book, numbers


def has_read(client: OuchClient, number: int) -> bool:
    return client.link.machine.next == number


async def trade(alice: OuchClient, bob: OuchClient, n_orders: int, seed: int) -> list[ClientOrder]:
    """Both enter, replace, cancel and modify orders at random."""
    random = Random(seed)
    orders: list[ClientOrder] = []
    for _ in range(n_orders):
        client = random.choice([alice, bob])
        price = 10 + random.randint(-3, 3) / 100
        order = await client.enter("X", random.choice("BS"), random.randint(1, 50), price)
        assert order.state in ("live", "dead")
        orders.append(order)
        own = random.choice([each for each in orders if each.token in client.orders])
        match random.randint(0, 5):
            case 0:
                replacement = await client.replace(own.token, random.randint(60, 90), 10.0)
                orders += [replacement] if replacement else []
            case 1:
                await client.cancel(own.token, own.executed + 1)
            case 2:
                await client.modify(own.token, own.executed + 5)
    return orders


def agree(orders: list[ClientOrder], oms: OMS) -> None:
    """What clients were told is what the system knows."""
    for told in orders:
        order = oms.order(told.reference)
        assert (told.executed, told.open) == (order.cum_qty, order.leaves_qty), told
        matches = [message.match_number for message in told.executions]
        assert len(matches) == len(set(matches))
        assert sum(m.executed_shares for m in told.executions) == told.executed


def test_an_order_over_ouch_is_in_the_feed_with_its_numbers() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            venue = await stack.enter_async_context(exchange())
            alice = await stack.enter_async_context(ouch(venue.ouch.address, ALICE))
            bob = await stack.enter_async_context(ouch(venue.ouch.address, BOB))
            feed = await stack.enter_async_context(
                ItchClient.over_tcp(*venue.itch.address, *ALICE, timing=FAST)
            )
            buy = await alice.enter("X", "B", 100, 10.0)
            sell = await bob.enter("X", "S", 30, 10.0)
            await alice.until(lambda: buy.executed == 30)
            moved = await alice.replace(buy.token, 90, 9.5)
            assert moved is not None
            await alice.cancel(moved.token, 20)
            venue.break_trade(1)
            await alice.until(lambda: buy.broken == [1])
            await bob.until(lambda: sell.broken == [1])
            rejected = await alice.enter("X", "B", 100, 10.001)
            assert (rejected.state, rejected.reason) == ("rejected", "X")
            venue.end_day()
            book, numbers = await read(feed)
            assert numbers == list(range(1, len(numbers) + 1))
            assert book.broken == [1]
            assert [m.match_number for m in sell.executions] == [1]
            assert (buy.state, moved.reason, moved.open) == ("dead", "U", 20) or moved.state == "dead"
            agree([buy, sell, moved], venue.oms)  # type: ignore[arg-type]

    run(test)


def test_disconnects_and_logins_at_random_points_lose_and_double_nothing() -> None:
    async def test() -> None:
        random = Random(3)

        def cuts() -> int:
            return random.randint(20, 700)

        async with AsyncExitStack() as stack:
            venue = await stack.enter_async_context(exchange())
            to_ouch = await stack.enter_async_context(Proxy(venue.ouch.address, cuts))
            to_itch = await stack.enter_async_context(Proxy(venue.itch.address, cuts))
            alice = await stack.enter_async_context(ouch(to_ouch.address, ALICE, answer_timeout_s=1.0))
            bob = await stack.enter_async_context(ouch(to_ouch.address, BOB, answer_timeout_s=1.0))
            feed = await stack.enter_async_context(
                ItchClient.over_tcp(*to_itch.address, *BOB, timing=FAST, backoff=SOON)
            )
            orders = await trade(alice, bob, 80, seed=4)
            last = venue.market.feed.log.next - 1
            book, numbers = await read(feed, until=last)
            assert numbers == list(range(1, last + 1))
            assert_same(book, venue.oms)
            for client, name in ((alice, "alice"), (bob, "bob")):
                # By the end of all that was told, client and system agree.
                log = venue.market.logs[name]
                await client.until(partial(has_read, client, log.next))
                assert client.lost == 0
            agree(orders, venue.oms)  # type: ignore[arg-type]
            assert len(venue.oms.orders(live=False)["order_id"]) == len({order.reference for order in orders})
            assert to_ouch.n_connections > 20
            assert to_itch.n_connections > 10

    run(test)


def test_a_lossy_network_of_datagrams_gives_the_same_messages() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            venue = await stack.enter_async_context(exchange())
            feed = ItchClient.over_udp(
                [("127.0.0.1", 0), ("127.0.0.1", 0)], patience_s=0.002, retry_s=0.02, max_tries=50
            )
            await stack.enter_async_context(feed)
            lines = []
            for seed, address in enumerate(feed.carrier.addresses):  # type: ignore[union-attr]
                to_line, line, close = await bad_line(address, seed, loss=0.4)
                stack.callback(close)
                lines.append(line)
                venue.itch._publisher.lines.append(to_line)
            feed.carrier.server = venue.itch.request_address  # type: ignore[union-attr]
            alice = await stack.enter_async_context(ouch(venue.ouch.address, ALICE))
            bob = await stack.enter_async_context(ouch(venue.ouch.address, BOB))
            await trade(alice, bob, 100, seed=6)
            venue.end_day()
            book, numbers = await read(feed)
            assert numbers == list(range(1, venue.market.feed.log.next))
            assert_same(book, venue.oms)
            assert all(line.n_lost > 10 for line in lines)
            assert feed.carrier.machine.counts()["requests"] > 0  # type: ignore[union-attr]

    run(test)


def test_messages_that_nobody_has_are_a_gap_and_the_feed_goes_on() -> None:
    async def test() -> None:
        async with exchange() as venue:
            feed = ItchClient.over_udp([("127.0.0.1", 0)], patience_s=0.001, retry_s=0.001, max_tries=1)
            async with feed:
                address = feed.carrier.addresses[0]  # type: ignore[union-attr]
                venue.oms.submit("X", "BUY", 10, 10.0)
                venue.publish()
                venue.itch._publisher.lines.append(address)
                venue.end_day()
                items = [item async for item in feed]
                assert isinstance(items[0], Gap)
                assert items[0].first == 1
                numbers = [item.sequence for item in items[1:] if isinstance(item, FeedMessage)]
                assert numbers == list(range(items[0].n_messages + 1, venue.market.feed.log.next))

    run(test)


@pytest.mark.parametrize(
    ("who", "session", "letter"),
    [(("alice", "wrong"), "", "A"), (("nobody", "secret1"), "", "A"), (ALICE, "OTHER", "S")],
)
def test_a_wrong_password_user_or_session_is_refused(
    who: tuple[str, str], session: str, letter: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with exchange() as venue:
            for client in (
                ouch(venue.ouch.address, who, session=session),
                ItchClient.over_tcp(*venue.itch.address, *who, session=session, timing=FAST),
            ):
                with pytest.raises(GatewayError, match="login was refused") as error:
                    await client.start()
                assert error.value.found == letter
                await client.stop()

    caplog.set_level("DEBUG")
    run(test)
    assert "wrong" not in caplog.text
    assert "secret1" not in caplog.text


def test_a_password_and_a_name_are_compared_without_case() -> None:
    async def test() -> None:
        async with exchange() as venue, ouch(venue.ouch.address, ("ALICE", "SECRET1")) as client:
            assert client.link.n_logins == 1

    run(test)


def test_a_new_login_of_a_user_ends_the_one_before_and_knows_all_orders() -> None:
    async def test() -> None:
        async with (
            exchange() as venue,
            ouch(venue.ouch.address, ALICE, backoff=Backoff(first_s=30, longest_s=30)) as first,
        ):
            order = await first.enter("X", "B", 100, 10.0)
            async with ouch(venue.ouch.address, ALICE) as second:
                await second.until(lambda: order.token in second.orders)
                known = second.orders[order.token]
                assert (known.open, known.reference, known.symbol) == (100, 1, "X")
                await first.until(lambda: first.link.machine.state == "disconnected")
                await second.cancel(order.token)
                assert known.state == "dead"

    run(test)


def test_a_client_that_does_not_read_holds_nobody_up_and_is_let_go() -> None:
    async def test() -> None:
        timing = Timing(heartbeat_s=0.05, timeout_s=60.0, slow_s=0.2)
        async with exchange(timing=timing) as venue:
            slow = ItchClient.over_tcp(
                *venue.itch.address, *ALICE, timing=timing, max_waiting=4, backoff=SOON
            )
            quick = ItchClient.over_tcp(*venue.itch.address, *BOB, timing=timing)
            async with slow, quick:
                # More than sockets hold between them.
                log = venue.market.feed.log
                for _ in range(400):
                    log.append(bytes(60_000))
                venue.publish()
                assert [(await anext(quick))[0] for _ in range(1, log.next)] == list(range(1, log.next))
                link = slow.carrier
                assert isinstance(link, SoupLink)
                while len(venue.itch._listener.connections) == 2:
                    await asyncio.sleep(0.01)
                # It was let go; now it reads, comes back, and has lost nothing.
                assert [(await anext(slow))[0] for _ in range(1, log.next)] == list(range(1, log.next))
                assert link.n_logins > 1

    run(test)


def test_a_server_that_stops_closes_and_its_clients_come_back_when_it_does() -> None:
    async def test() -> None:
        venue = exchange()
        await venue.start()
        async with ouch(venue.ouch.address, ALICE) as client:
            order = await client.enter("X", "B", 100, 10.0)
            await venue.stop()
            await client.until(lambda: client.link.machine.state == "disconnected")
            waiting = asyncio.create_task(client.cancel(order.token, 60))
            venue.oms.submit("X", "SELL", 10, 10.0, account="b")
            venue.publish()
            async with venue:
                assert (await waiting).shares == 60
                assert order.executed == 10
        with pytest.raises(GatewayError, match="not listening"):
            _ = venue.ouch.address

    run(test)


def test_a_market_made_anew_is_another_session_and_says_so() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(exchange(session="ONE"))
            client = await stack.enter_async_context(ouch(first.ouch.address, ALICE))
            await client.enter("X", "B", 100, 10.0)
            await first.stop()
            port = first.ouch._listener._address[1]
            await stack.enter_async_context(
                Exchange(first.oms, USERS, timing=FAST, ouch_port=port, session="TWO")
            )
            await client.link.wait_over()
            assert client.link.error is not None
            assert client.link.error.found == "S"

    run(test)


def test_the_end_of_a_day_ends_what_was_asked_for() -> None:
    async def test() -> None:
        async with exchange() as venue, ouch(venue.ouch.address, ALICE) as client:
            venue.end_day()
            await client.link.wait_over()
            with pytest.raises(GatewayError, match="session is over"):
                await client.enter("X", "B", 100, 10.0)
            with pytest.raises(ConfigError, match="no order has this token"):
                await client.cancel("NOBODY")

    run(test)


def test_what_is_no_order_ends_only_its_own_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with (
            exchange() as venue,
            ouch(venue.ouch.address, ALICE) as bad,
            ouch(venue.ouch.address, BOB) as good,
        ):
            bad.link.send(b"X too short")
            await bad.until(lambda: bad.link.n_logins == 2)
            assert (await good.enter("X", "B", 100, 10.0)).state == "live"
            reader, writer = await asyncio.open_connection(*venue.itch.address)
            writer.write(b"GET / HTTP/1.1\r\n\r\n" + bytes(70_000))
            assert await reader.read() == b""
            writer.close()

    run(test)
    assert "a message of user alice ended the connection" in caplog.text


def test_commands_given_to_the_system_directly_reach_the_feed_in_a_moment() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            venue = await stack.enter_async_context(exchange())
            feed = ItchClient.over_tcp(*venue.itch.address, *ALICE, timing=FAST)
            await stack.enter_async_context(feed)
            venue.oms.submit("X", "BUY", 10, 10.0)
            book, _ = await read(feed, until=venue.market.feed.log.next)
            assert list(book.orders) == [1]

    run(test)
