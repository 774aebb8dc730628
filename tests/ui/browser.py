"""A page in Debian's Chromium, driven over its debugging protocol: read it, press keys, take its picture."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import websocket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WHY_NOT = "install Chromium (Debian: apt-get install chromium)"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_PATIENCE_S = 60.0
# What the protocol says of a script whose page was left before it answered.
_LEFT = (
    "navigated or closed",
    "context was destroyed",
    "find default execution context",
    "Promise was collected",
)
_KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "Home": 36,
    "End": 35,
}


class PageLeft(Exception):
    """A script gave nothing, because another page took the place of the one it ran in."""


class Page:
    """A page that is open.

    Attributes
    ----------
    console : list of str
        Errors and warnings that it wrote.
    hosts : set of str
        Whom it asked for something.
    """

    def __init__(self, address: str) -> None:
        self.console: list[str] = []
        self.hosts: set[str] = set()
        self._socket = websocket.create_connection(address, timeout=_PATIENCE_S)
        self._number = 0
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                if any(sign in message.get("error", {}).get("message", "") for sign in _LEFT):
                    raise PageLeft(message["error"])
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def open(self, url: str, *, width: int = 1440, height: int = 1000) -> None:
        """Go there, in a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        """What a JavaScript expression gives."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str, patience_s: float = _PATIENCE_S) -> Any:
        """What an expression gives as soon as that is something true, on whatever page is there by then."""
        deadline = time.monotonic() + patience_s
        while True:
            with suppress(PageLeft):
                if value := self.value(script):
                    return value
            assert time.monotonic() < deadline, f"never came true: {script}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Press a key where the focus is; a capital is pressed with shift."""
        code = _KEYS[key] if key in _KEYS else ord(key.upper())
        facts = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else None)
        shift = 8 if len(key) == 1 and key.isupper() else 0
        told = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", modifiers=shift, **facts, **told)
        self.call("Input.dispatchKeyEvent", type="keyUp", modifiers=shift, **facts)

    def click(self, element: str) -> None:
        """Click into the middle of the element that an expression gives, once it is there."""
        script = f"""(e => {{
            if (!e) return null;
            e.scrollIntoView({{block: "center"}});
            const box = e.getBoundingClientRect();
            return box.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }})({element})"""
        x, y = self.wait(script)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Put text where the focus is, in place of what is selected."""
        self.call("Input.insertText", text=text)

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message["method"]:
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.console.append(" ".join(str(a.get("value", a)) for a in params["args"]))
            case "Runtime.exceptionThrown":
                self.console.append(str(params["exceptionDetails"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.console.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
            case "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("data:", "blob:")):
                    self.hosts.add(url.split("/")[2])
            case _:
                pass


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """An empty page in a browser of its own.

    Parameters
    ----------
    profile : Path
        A new directory for what the browser writes.
    """
    assert CHROMIUM is not None
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Page(_page_address(profile / "DevToolsActivePort")) as page:
            yield page
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE_S)


def _page_address(written: Path) -> str:
    """Where the first page listens, from the file that the browser writes when it does."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if written.is_file() and (port := written.read_text().split("\n")[0]):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = json.load(answer)
            pages = [each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page"]
            if pages:
                return str(pages[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
