"""The Python client against a real gateway: every route, every error, and connections that break."""

import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from omni_lab.errors import ConfigError, ForbiddenError, GatewayError, OmniError, SourceError, StateError
from omni_lab.execution.limits import Limits
from omni_lab.gateway.client import Client
from omni_lab.gateway.client.decode import decode
from omni_lab.pipelines.jobs.job import Job
from omni_lab.system import Ticket
from omni_lab.system.views import Account, EquityCurve, Status
from tests.gateway.rest.conftest import House
from tests.gateway.rest.serving import PASSWORD, Gateway


def test_an_order_becomes_a_fill_and_a_position(admin: Client, symbol: str) -> None:
    before = {each.symbol: each.qty for each in admin.portfolio.positions()}
    preview = admin.orders.preview(Ticket(symbol=symbol, side="BUY", qty=100))
    assert preview.refused is None
    assert all(check.passes for check in preview.checks)
    order = admin.orders.submit(Ticket(symbol=symbol, side="BUY", qty=100))
    assert (order.state, order.cum_qty) == ("FILLED", 100.0)
    assert admin.orders.get(order.order_id) == order
    assert admin.orders.find(most=1) == [order]
    fills = [each for each in admin.orders.fills() if each.order_id == order.order_id]
    assert sum(each.qty for each in fills) == 100.0
    assert admin.orders.fills(after=fills[-1].number - 1)[0] == fills[-1]
    account = admin.portfolio.account()
    held = {each.symbol: each for each in account.positions}
    assert held[symbol].qty == before.get(symbol, 0.0) + 100.0
    spent = sum(each.qty * each.price for each in fills)
    assert math.isclose(spent, 100.0 * (order.average_price or math.nan))
    curve = admin.portfolio.equity()
    assert len(curve.ts) == len(curve.equity)
    assert curve.ts.dtype == np.int64


def test_the_readmes_desk_does_what_it_says(
    admin: Client, guarded: Gateway, symbol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    example = next(each for each in blocks if "gateway.client" in each).replace('"AAA"', repr(symbol))
    here = f'"{guarded.url}", username="admin", password={PASSWORD!r}'
    exec(example.replace('"http://127.0.0.1:8050"', here) + "        break\n", {})
    filled, first = capsys.readouterr().out.splitlines()
    assert filled.startswith("FILLED ")
    assert re.fullmatch(r"\d+ snapshot \(?\[?\]?\)?", first)


def test_a_resting_order_is_replaced_and_canceled(admin: Client, symbol: str) -> None:
    order = admin.orders.submit(Ticket(symbol=symbol, side="BUY", qty=10, price=0.01, client_order_id="mine"))
    assert order.state == "NEW"
    assert admin.orders.replace(order.order_id, qty=20).qty == 20.0
    assert order.order_id in {each.order_id for each in admin.orders.find(live=True)}
    assert admin.orders.cancel(order.order_id).state == "CANCELED"
    admin.orders.submit(Ticket(symbol=symbol, side="BUY", qty=10, price=0.01))
    assert admin.orders.cancel_all(symbol=symbol) == 1


def test_what_is_refused_is_the_error_that_it_was_there(admin: Client, guarded: Gateway, symbol: str) -> None:
    wrong: dict[type[OmniError], Callable[[], Any]] = {
        ConfigError: lambda: admin.orders.submit(Ticket(symbol=symbol, side="BUY", qty=-5)),
        SourceError: lambda: admin.orders.get(10**9),
        StateError: lambda: same_key_twice(admin, symbol),
    }
    for kind, work in wrong.items():
        with pytest.raises(kind) as caught:
            work()
        assert re.search(r"status 4\d\d, request [0-9a-zA-Z._-]+", "".join(caught.value.__notes__))
    with Client(guarded.url, token=guarded.token("viewer")) as viewer:
        assert viewer.people.me().role == "viewer"
        with pytest.raises(ForbiddenError):
            viewer.orders.submit(Ticket(symbol=symbol, side="BUY", qty=5))
    for nobody in (Client(guarded.url), Client(guarded.url, token="x"), Client(guarded.url, key="omni_x")):
        with nobody, pytest.raises(ForbiddenError):
            nobody.portfolio.account()
    with pytest.raises(ForbiddenError), Client(guarded.url, username="admin", password="wrong") as stranger:
        stranger.portfolio.account()
    halves: list[dict[str, Any]] = [{"username": "admin"}, {"token": "x", "key": "y"}]
    for half in halves:
        with pytest.raises(ConfigError, match="sign in"):
            Client(guarded.url, **half)


def same_key_twice(client: Client, symbol: str) -> None:
    for qty in (1.0, 2.0):
        client.orders.submit(Ticket(symbol=symbol, side="BUY", qty=qty, price=0.01), key="mine")


def test_a_key_opens_what_its_scopes_say(admin: Client, guarded: Gateway, symbol: str) -> None:
    made = admin.people.add_key("reads", scopes=["read"], days=1)
    with Client(guarded.url, key=made.key) as reader:
        assert reader.system.status().name == "test"
        with pytest.raises(ForbiddenError):
            reader.orders.cancel_all()
    rotated = admin.people.rotate_key(made.id)
    with Client(guarded.url, key=rotated.key) as reader:
        assert next(iter(reader.stream("system"))).kind == "snapshot"
    admin.people.revoke_key(rotated.id)
    with Client(guarded.url, key=rotated.key) as reader:
        with pytest.raises(ForbiddenError):
            next(iter(reader.stream("system")))
        with pytest.raises(ForbiddenError):
            reader.portfolio.account()
    assert rotated.id not in {each.id for each in admin.people.own_keys()}


def test_the_lake_comes_as_it_is_stored(admin: Client, house: House) -> None:
    stored = house.bars[house.bars["symbol"] == "BBB"].set_index("ts")
    bars = admin.data.bars("BBB", source="made")
    assert bars.index.equals(stored.index.astype(bars.index.dtype))
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(bars[name], stored[name])
    values = admin.features.compute("sma", "BBB", window=5, source="made")
    mean = bars["close"].rolling(5).mean()
    np.testing.assert_allclose(np.array(values.values, dtype=float), mean, rtol=1e-12)
    assert admin.data.coverage("BBB", source="made").n_missing > 0
    assert admin.data.bars("BBB", source="made", most=7).shape == (7, 6)


def test_the_client_knows_every_route(
    admin: Client, guarded: Gateway, house: House, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[str, str]] = set()
    send = httpx.Client.send

    def noted(client: httpx.Client, request: httpx.Request, **settings: Any) -> httpx.Response:
        asked.add((request.method, request.url.path))
        return send(client, request, **settings)

    monkeypatch.setattr(httpx.Client, "send", noted)
    use_everything(admin, house, symbol)
    admin.close()
    pages = {"/login", "/setup", "/logout", "/api/v1/openapi.json"}
    unused = []
    for method, template in guarded.app.state.actions:
        if method == "SOCKET" or template in pages or template.startswith("/dashboard"):
            continue
        pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)) + "$")
        if not any(each == method and pattern.match(path) for each, path in asked):
            unused.append(f"{method} {template}")
    # Tokens are refreshed when they are nearly over, which is another test.
    assert unused == ["POST /api/v1/auth/refresh"]


def use_everything(client: Client, house: House, symbol: str) -> None:
    """Call every method; what there is not, such as a report of a job that waits, is refused."""
    run = house.runs[0]
    ticket = Ticket(symbol=symbol, side="BUY", qty=1, price=0.01)
    assert client.system.is_live()
    assert client.system.is_ready()
    assert client.system.health().parts["system"].status == "ok"
    assert client.system.status().state in ("RUNNING", "HALTED")
    assert "omni_" in client.system.metrics()
    assert {stage.stage for stage in client.system.latency()} >= {"journal"}
    assert client.system.journal(hashed=True).state_hash
    assert client.portfolio.account().positions == tuple(client.portfolio.positions())
    assert client.portfolio.equity(points=2).ts.size <= 2
    weights = client.portfolio.optimise("risk_parity", symbols=["AAA", "BBB"], equity=1e5).weights
    assert math.isclose(sum(weights.values()), 1.0)
    assert client.orders.preview(ticket).symbol == symbol
    order = client.orders.submit(ticket)
    assert client.orders.get(order.order_id) in client.orders.find(most=5)
    assert isinstance(client.orders.fills(), list)
    client.orders.replace(order.order_id, price=0.02)
    client.orders.cancel(order.order_id)
    client.orders.cancel_all()
    limits = client.risk.limits().limits.limits()
    assert client.risk.set_limits(replace(limits, max_order_qty=5e5)).limits.max_order_qty == 5e5
    client.risk.set_limits(limits)
    assert client.risk.summary().state
    with suppress(ConfigError):  # too few quotes yet
        client.risk.measures(prices="quotes", step_s=0.1)
    assert client.risk.kill("a test", symbol=symbol).halted
    assert not client.risk.reset("the test is over", symbol=symbol).halted
    for strategy in (client.system.start_strategy, client.system.stop_strategy):
        with suppress(OmniError):
            strategy()
    alerts = client.alerts.find()
    assert alerts.next is None or alerts.items
    for refused in (lambda: client.alerts.acknowledge("none:of ours"), client.alerts.test):
        with suppress(SourceError, StateError):
            refused()
    assert [each.name for each in client.data.datasets()] == ["bars.made"]
    assert client.data.dataset("bars.made").symbols == ["AAA", "BBB"]
    assert {each.symbol for each in client.data.symbols()} == {"AAA", "BBB"}
    assert client.data.coverage("AAA").n_bars == len(client.data.bars("AAA"))
    assert "sma" in {each.name for each in client.features.find()}
    client.features.compute("rsi", "AAA", window=14)
    job = client.backtests.submit("backtest", {"symbol": "SYNTH"}, key="once")
    assert client.backtests.submit("backtest", {"symbol": "SYNTH"}, key="once") == job
    assert [each.id for each in client.backtests.find(most=1)] == [job.id]
    with pytest.raises(StateError):
        client.backtests.result(job.id)
    with pytest.raises(GatewayError, match="not ended"):
        client.backtests.wait(job.id, timeout_s=0.0)
    assert client.backtests.cancel(job.id).state == "CANCELED"
    assert client.backtests.wait(job.id).state == client.backtests.get(job.id).state == "CANCELED"
    assert [each.run_id for each in client.runs.find(pipeline="toy")] == house.runs
    assert client.runs.get(run).metrics["sharpe_ratio"] == 0.75
    assert "said" in client.runs.log(run)
    assert "<h1" in client.runs.notebook(run)
    assert "<title>" in client.runs.report(run)
    assert not client.runs.diff(*house.runs).same_results
    client.schedules.add("nightly", "risk_report", "0 3 * * *", assignments=["window=250"])
    assert client.schedules.change("nightly", paused=True).paused
    assert client.schedules.get("nightly").assignments == ["window=250"]
    client.schedules.remove("nightly")
    assert client.schedules.find() == []
    use_people(client)


def use_people(client: Client) -> None:
    people = client.people
    people.add_user("ann", "four words by chance", "trader")
    with Client(client.url, username="ann", password="four words by chance") as ann:
        ann.people.change_password("four words by chance", "five other words by chance")
    assert people.change_user("ann", role="risk").role == "risk"
    assert {each.name for each in people.users()} >= {"admin", "ann"}
    people.remove_user("ann")
    key = people.rotate_key(people.add_key("to go").id)
    people.revoke_key(key.id)
    assert people.own_keys() is not None
    assert people.me().name == "admin"
    assert {row.action for row in people.audit()} >= {"login"}


# --- connections that break -----------------------------------------------------------------------


class Breaking:
    """A way to the gateway that loses answers: what was asked arrives, and the connection breaks then."""

    def __init__(self, port: int) -> None:
        self.port, self.n_to_lose = port, 0
        self.n_lost = 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while True:
            near, _ = self.door.accept()
            with near:
                asked = near.recv(65_536)
                if not asked:
                    return
                with socket.create_connection(("127.0.0.1", self.port)) as far:
                    far.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                    head, _, _ = asked.partition(b"\r\n\r\n")
                    length = re.search(rb"(?i)content-length: (\d+)", head)
                    missing = len(head) + 4 + (int(length[1]) if length else 0) - len(asked)
                    while missing > 0:
                        more = near.recv(missing)
                        far.sendall(more)
                        missing -= len(more)
                    answer = b""
                    while part := far.recv(65_536):
                        answer += part
                if self.n_to_lose:
                    self.n_to_lose, self.n_lost = self.n_to_lose - 1, self.n_lost + 1
                else:
                    near.sendall(answer)

    def close(self) -> None:
        socket.create_connection(self.door.getsockname()).close()
        self.thread.join(10)
        self.door.close()


@contextmanager
def breaking(guarded: Gateway) -> Iterator[Breaking]:
    way = Breaking(httpx.URL(guarded.url).port or 0)
    try:
        yield way
    finally:
        way.close()


def test_an_order_whose_answer_is_lost_is_one_order(guarded: Gateway, symbol: str) -> None:
    with breaking(guarded) as way, Client(way.url, token=guarded.token("trader")) as client:
        newest = client.orders.find(most=1)
        way.n_to_lose = 2
        order = client.orders.submit(Ticket(symbol=symbol, side="BUY", qty=3, price=0.01))
        assert way.n_lost == 2
        after = client.orders.find(most=3)
        assert after[0] == order
        assert after[1:2] == newest
        way.n_to_lose = 9
        with pytest.raises(GatewayError, match="cannot be reached"):
            client.orders.preview(Ticket(symbol=symbol, side="BUY", qty=3))
        assert way.n_lost == 3  # what has no key is not sent again
        way.n_to_lose = 0
        client.orders.cancel(order.order_id)


def test_nobody_there_is_said(symbol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with pytest.raises(ConfigError, match="no address"):
        Client(f"127.0.0.1:{port}")
    with Client(f"http://127.0.0.1:{port}", attempts=2) as client:
        with pytest.raises(GatewayError, match="omni serve"):
            client.portfolio.account()
        with pytest.raises(GatewayError, match="lost"):
            next(iter(client.stream("orders", patience_s=0.2)))


def test_tokens_are_renewed_by_one_for_all(guarded: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty threads over the end of a token: one of them renews it, and no refresh token is used twice."""
    monkeypatch.setattr(guarded.security, "tokens", brief(guarded, 2))
    errors: list[BaseException] = []
    with Client(guarded.url, username="risk", password=PASSWORD) as client:
        asked: list[str] = []
        client._http._client.event_hooks["request"].append(lambda each: asked.append(each.url.path))

        def work() -> None:
            try:
                for _ in range(15):
                    assert client.portfolio.account().capital > 0
                    threading.Event().wait(0.15)
            except OmniError as error:
                errors.append(error)

        begun = time.monotonic()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not errors
        assert asked.count("/api/v1/auth/login") == 1
        # Each is good for two whole seconds, and replaced when one is left; eight at once would be more.
        assert 1 <= asked.count("/api/v1/auth/refresh") <= 2 * (time.monotonic() - begun) + 2


def test_a_stream_outlives_the_token_it_began_with(guarded: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded.security, "tokens", brief(guarded, 4))
    with Client(guarded.url, username="risk", password=PASSWORD) as client:
        stream = client.stream("system")
        first = last = None
        for message in stream:
            first, last = first or message.ts, message.ts
            if last - first > 4.4e9:
                break
        assert stream.n_connections == 1
        assert stream.state["name"] == "test"


def brief(guarded: Gateway, seconds: int) -> Any:
    """Tokens of this gateway that are over so soon."""
    from copy import copy

    tokens = copy(guarded.security.tokens)
    tokens._settings = replace(guarded.security.settings, access_s=seconds)
    return tokens


# --- answers --------------------------------------------------------------------------------------


def test_an_answer_is_what_it_was_made_from() -> None:
    told = dict.fromkeys(("equity", "cash", "capital", "pnl_day", "unrealised", "gross", "net"), 1)
    account = decode(Account, told | {"realised": None, "positions": [], "newer": 1})
    assert math.isnan(account.realised)
    assert isinstance(account.equity, float)
    columns = {name: [None] for name in ("equity", "pnl_day", "gross", "net")}
    curve = decode(EquityCurve, {"ts": [1]} | columns)
    assert curve.ts.dtype == np.int64
    assert np.isnan(curve.equity).all()
    assert decode(Job, {"id": "7", "pipeline": "x", "progress": None}).progress is None
    with pytest.raises(GatewayError, match="versions"):
        decode(Status, {"name": "x"})
    assert decode(Limits | None, None) is None  # type: ignore[arg-type]
