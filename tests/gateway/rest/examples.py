"""Examples of answers for the OpenAPI, by a real gateway: ``python -m tests.gateway.rest.examples``.

What stands in ``omni_lab/gateway/examples.json`` is recorded, not written; run this when an answer changes.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omni_lab.gateway import openapi
from tests.gateway.rest.serving import Gateway, fill_lake, leave_runs, serving
from tests.messaging.sinks import http_sink
from tests.system.systems import served

API = "/api/v1"
_MOST, _PATIENCE_S = 2, 120.0


def record(gateway: Gateway, runs: list[str]) -> dict[str, Any]:
    """Answers by method and path template."""
    found: dict[str, Any] = {}
    symbol = gateway.services.system.status().symbols[0]

    def ask(method: str, template: str, body: Any = None, *, query: Any = None, **places: Any) -> Any:
        path = API + template.format(**places)
        given = gateway.client.request(method, path, json=body, params=query)
        assert given.status_code < 300, (method, path, given.text)
        found[f"{method} {API}{template}"] = given.json()
        return given.json()

    ticket = {"symbol": symbol, "side": "BUY", "qty": 100}
    ask("POST", "/orders/preview", ticket)
    resting = ask("POST", "/orders", {**ticket, "price": 0.5, "time_in_force": "GTC"})["order_id"]
    ask("PATCH", "/orders/{order_id}", {"qty": 200}, order_id=resting)
    ask("DELETE", "/orders/{order_id}", order_id=resting)
    filled = ask("POST", "/orders", ticket)["order_id"]
    ask("GET", "/orders/{order_id}", order_id=filled)
    for path in ("/orders", "/orders/fills", "/portfolio", "/portfolio/positions", "/portfolio/equity"):
        ask("GET", path)
    ask("GET", "/risk")
    ask("PUT", "/risk/limits", {"max_order_qty": 1_000, "max_daily_loss": 25_000})
    ask("GET", "/risk/limits")
    quotes: dict[str, Any] = {"prices": "quotes", "confidence": 0.9, "step_s": 0.1}
    eventually(lambda: gateway.client.get(f"{API}/risk/measures", params=quotes).status_code == 200)
    ask("GET", "/risk/measures", query=quotes)
    for path in ("/data/symbols", "/data/datasets", "/features"):
        ask("GET", path)
    bars = {"symbol": "AAA", "source": "made"}
    ask("GET", "/data/bars", query=bars)
    ask("GET", "/data/coverage", query=bars)
    ask("POST", "/features/compute", {**bars, "feature": "sma", "window": 20})
    ask("POST", "/portfolio/optimise", {"method": "minimum_variance", "symbols": ["AAA", "BBB"]})
    wanted = {"pipeline": "backtest", "parameters": {"symbol": "SYNTH"}}
    job = ask("POST", "/backtest", wanted)["id"]
    eventually(lambda: ask("GET", "/backtest/{name}", name=job)["state"] == "SUCCEEDED")
    ask("GET", "/backtest/{name}/result", name=job)
    ask("GET", "/backtest")
    job = ask("POST", "/backtest", wanted)["id"]
    ask("POST", "/backtest/{name}/cancel", name=job)
    ask("GET", "/runs")
    ask("GET", "/runs/{name}", name=runs[0])
    ask("GET", "/runs/diff", query={"a": runs[1], "b": runs[0]})
    schedule = {"name": "eod", "cron": "30 17 * * 1-5", "tz": "America/New_York", "runs": "backtest"}
    ask("POST", "/schedules", schedule)
    ask("GET", "/schedules")
    ask("GET", "/schedules/{name}", name="eod")
    ask("PATCH", "/schedules/{name}", {"cron": "0 18 * * 1-5"}, name="eod")
    ask("DELETE", "/orders")
    for path in ("/system", "/system/latency", "/system/journal"):
        ask("GET", path)
    ask("POST", "/system/strategy/stop")
    ask("POST", "/system/strategy/start")
    ask("POST", "/alerts/test")
    ask("POST", "/risk/kill", {"why": "a drill"})
    eventually(lambda: ask("GET", "/alerts")["items"])
    key = gateway.client.get(f"{API}/alerts").json()["items"][0]["key"]
    ask("POST", "/alerts/{key}/acknowledge", {"why": "it is a drill"}, key=key)
    ask("POST", "/risk/reset", {"why": "the drill is over"})
    return found


def eventually(found: Callable[[], Any]) -> None:
    """Wait until something is true."""
    until = time.monotonic() + _PATIENCE_S
    while not found():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.2)


def short(value: Any, home: str) -> Any:
    """The same with two items of each list, and no place of this machine."""
    if isinstance(value, dict):
        return {name: short(each, home) for name, each in value.items()}
    if isinstance(value, list):
        return [short(each, home) for each in value[:_MOST]]
    return value.replace(home, "data") if isinstance(value, str) else value


def main() -> None:
    """Record, and write the file."""
    with tempfile.TemporaryDirectory() as home, http_sink() as sink:
        place = Path(home)
        (place / "alerts.yaml").write_text(f"channels:\n  desk:\n    kind: webhook\n    url: {sink.url}/in\n")
        with served(place, strategy="market_making", n_symbols=1) as services:
            fill_lake(services.settings.lake_dir)
            runs = leave_runs(services)
            with serving(services, place / "gateway") as gateway:
                found = record(gateway, runs)
        written = json.dumps(short(found, home), indent=1, sort_keys=True) + "\n"
    openapi.EXAMPLES.write_text(written)


if __name__ == "__main__":
    main()
