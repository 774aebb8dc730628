"""A ladder that is updated in its place, a blotter that filters and cancels, runs as cards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from omni_lab.errors import ConfigError
from omni_lab.execution import OMS, ReferenceOMS
from omni_lab.notebook import ladder, orders, replay, run
from omni_lab.notebook.blotter import OrdersBox
from omni_lab.notebook.cards import progress_bar, run_card, runs_table
from omni_lab.pipelines import RunRecord
from omni_lab.pipelines.folder import RunFolder
from omni_lab.pipelines.jobs.progress import Advance, advance_of
from omni_lab.ui import FrameReplay, small_book
from tests.ui.films import film


def rows(box: OrdersBox) -> list[str]:
    """Text of the rows of the blotter."""
    body = box._html.value.split("<tbody>")[-1] if "<tbody>" in box._html.value else ""
    return [row for row in body.split("</tr>") if "<td" in row]


def test_a_ladder_shows_the_book_and_marks_our_orders() -> None:
    oms = small_book(OMS)
    mine = oms.submit("ABC", "buy", 100, 99.98, account="me")
    shown = ladder(oms.book("ABC"))
    without = shown._html.value
    assert "ABC book" in without
    shown.update(oms.book("ABC"), own=[mine])
    assert shown._html.value != without
    # Who is ours stays ours with the next book.
    marked = shown._html.value
    shown.update(oms.book("ABC"))
    assert shown._html.value == marked
    oms.submit("ABC", "buy", 300, 100.01, account="me")
    shown.update(oms.book("ABC"))
    assert shown._html.value != marked
    assert shown.book.best_ask == 100.02


@pytest.mark.parametrize("system", [OMS, ReferenceOMS])
def test_a_blotter_shows_the_newest_order_first_and_steals_no_events(system: type[OMS]) -> None:
    oms = small_book(system)
    oms.submit("ABC", "buy", 250, 100.01, account="me")
    box = orders(oms)
    assert len(rows(box)) == 7
    box._which.value = "all"
    assert len(rows(box)) == 9
    assert "filled" in rows(box)[0]
    assert len(oms.events()) > 0


def test_a_blotter_is_filtered_by_words_in_any_order() -> None:
    oms = small_book(OMS)
    oms.submit("ABC", "sell", 100, 100.05, account="me")
    box = orders(oms)
    box._filter.value = "sell me"
    assert len(rows(box)) == 1
    box._filter.value = "sell nobody"
    assert rows(box) == []
    assert "No order matches the filter." in box._html.value


def test_an_order_is_canceled_after_a_second_click_only() -> None:
    oms = small_book(OMS)
    box = orders(oms)
    assert box._cancel.disabled
    box._chosen.value = 3
    box._cancel.click()
    assert box._asking.layout.display == "flex"
    box._keep.click()
    assert oms.order(3).state == "ACCEPTED" or oms.order(3).place is not None
    box._cancel.click()
    box._sure.click()
    assert oms.order(3).place is None
    assert "Order 3 was canceled" in box._said.value
    assert len(rows(box)) == 7
    assert box._chosen.value == 0


def test_an_order_that_ended_meanwhile_is_not_canceled_and_says_why() -> None:
    oms = small_book(OMS)
    box = orders(oms)
    box._chosen.value = 5
    oms.submit("ABC", "buy", 200, 100.01, account="me")
    box._sure.click()
    assert "Order 5 was not canceled: it is filled" in box._said.value


def test_a_blotter_follows_while_an_event_loop_runs_and_stops() -> None:
    oms = small_book(OMS)

    async def watch() -> int:
        box = orders(oms, every_s=0.01)
        before = len(rows(box))
        oms.cancel(1)
        while len(rows(box)) == before:
            await asyncio.sleep(0.01)
        box.close()
        return before - 1

    assert asyncio.run(watch()) == 7
    with pytest.raises(ConfigError, match="only a kernel can look again"):
        orders(oms, every_s=1.0)
    with pytest.raises(ConfigError, match="expected above 0 s"):
        orders(oms, every_s=0.0)


def test_a_replay_is_that_of_the_room_of_screens() -> None:
    box = replay(FrameReplay(film().frames), at=4)
    assert box.state.sequence == 4


def record(folder: Path, **facts: object) -> RunRecord:
    told = {"run_id": folder.name, "pipeline": "tiny", "status": "succeeded", "duration_s": 1.0} | facts
    content = {name: value for name, value in told.items() if name not in ("artifacts", "metrics", "problem")}
    return RunRecord(
        run_id=folder.name,
        pipeline="tiny",
        status=str(told["status"]),
        folder=RunFolder(folder),
        content=content,
        artifacts=told.get("artifacts", {}),  # type: ignore[arg-type]
        metrics=told.get("metrics", {}),  # type: ignore[arg-type]
        problem=str(told.get("problem", "")),
    )


def test_a_card_escapes_what_others_wrote(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    artifacts = {"headline": {bad: bad}, "warnings": [bad]}
    page = run_card(record(tmp_path, artifacts=artifacts, problem=bad, metrics={bad: 1.0}))
    page += runs_table([record(tmp_path, problem=bad)])
    page += progress_bar(Advance(subject=bad, total=2, noun=bad, place=bad))
    assert "<script" not in page


def test_a_run_shows_its_figures_in_the_page_itself(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "equity.png").write_bytes(b"png")
    shown = run(record(tmp_path, artifacts={"figures": ["figures/equity.png", "figures/gone.png"]}))
    assert 'alt="equity" ' in shown._repr_html_()
    assert "data:image/png;base64,cG5n" in shown._repr_html_()
    assert "gone" not in shown._repr_html_()
    assert repr(shown) == f"<Run {tmp_path.name}: succeeded>"


def test_the_card_of_a_flow_lists_its_steps_and_progress_counts_them(tmp_path: Path) -> None:
    steps = {
        "ingest": {"state": "cached", "attempt": 1, "run_id": "20260101-a", "problem": ""},
        "quality": {"state": "running", "attempt": 1, "run_id": None, "problem": ""},
        "risk": {"state": "waiting", "attempt": 0, "run_id": None, "problem": ""},
    }
    going = record(tmp_path, kind="flow", status="running", steps=steps)
    assert "↺ cached" in run_card(going)
    advance = advance_of(going, Advance(subject="flow:daily"))
    assert (advance.done, advance.total, advance.noun, advance.place) == (1, 3, "step", "quality")


def test_half_a_notebook_leaves_the_progress_where_it_was(tmp_path: Path) -> None:
    going = record(tmp_path, status="running")
    last = Advance(subject="tiny", done=2, total=5)
    for text in ("", "{", json.dumps({"cells": []})[:-3]):
        going.folder.partial_notebook_file.write_text(text)
        assert advance_of(going, last) == last
