"""Hands on a page: write into fields, choose, press, and read what a ticket says."""

from __future__ import annotations

import json

from tests.ui.browser import Page
from tests.ui.dashboard.served import script

_PATIENCE_S = 20.0
_ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}


def write(page: Page, field: str, text: str) -> None:
    """Put text into a field in place of what is there, as somebody types it."""
    page.wait(script(f"Boolean(one({json.dumps(field)}))"))
    page.value(script(f"(e => {{ e.focus(); e.select && e.select(); }})(one({json.dumps(field)}))"))
    if text:
        page.write(text)
    else:
        page.value(
            script(
                f"(e => {{ e.value = ''; e.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
                f"(one({json.dumps(field)}))"
            )
        )


def choose(page: Page, field: str, value: str) -> None:
    """Choose an option of a list."""
    page.value(
        script(
            f"(e => {{ e.value = {json.dumps(value)}; "
            f"e.dispatchEvent(new Event('input', {{bubbles: true}})); }})(one({json.dumps(field)}))"
        )
    )


def enter(page: Page) -> None:
    """Press Enter where the focus is."""
    page.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **_ENTER)
    page.call("Input.dispatchKeyEvent", type="keyUp", **_ENTER)


def press(page: Page, key: str, *, shift: bool = False) -> None:
    """Press a letter, or a named key."""
    code = {"Escape": 27, "ArrowUp": 38, "ArrowDown": 40}.get(key) or ord(key.upper())
    facts = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
    page.call("Input.dispatchKeyEvent", type="keyDown", **facts, **({"text": key} if len(key) == 1 else {}))
    page.call("Input.dispatchKeyEvent", type="keyUp", **facts)


def text(page: Page, selector: str) -> str:
    """What an element says; nothing where it is not."""
    return str(page.value(script(f"(one({json.dumps(selector)}) || {{}}).textContent || ''")))


def until_text(page: Page, selector: str, says: str) -> str:
    """Wait until an element says something; all of what it says."""
    said = f"((one({json.dumps(selector)}) || {{}}).textContent || '')"
    page.wait(script(f"{said}.includes({json.dumps(says)})"), _PATIENCE_S)
    return text(page, selector)
