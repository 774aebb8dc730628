"""A cloud of a million points: all are counted, in a thread of its own, and the browser walks through it."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from omni_lab.errors import ShapeError
from omni_lab.system.people import LOCAL
from omni_lab.system.services import Services
from omni_lab.ui.dashboard import Page as DashboardPage
from omni_lab.ui.dashboard import Session, dashboard_app, raster
from omni_lab.ui.dashboard.components import Cloud
from omni_lab.ui.dashboard.components import cloud as module
from omni_lab.ui.dashboard.components.cloud import picture as drawn
from tests.ui.browser import Page
from tests.ui.dashboard.served import accessibility, complaints, picture, script, serve, shown

N = 1_000_000
BEGIN_MS = 1_700_000_000_000.0


def returns() -> tuple[Any, Any]:
    """A million returns against time, whose volatility changes."""
    rng = np.random.default_rng(17)
    volatility = 1e-4 * np.exp(0.8 * np.sin(np.arange(N) / 60_000.0))
    return BEGIN_MS + 1_000.0 * np.arange(N), volatility * rng.standard_t(5, N)


@pytest.fixture
def session(services: Services) -> Session:
    return Session(services, LOCAL, None)


def test_every_point_is_counted_once() -> None:
    x, y = returns()
    points = raster.cloud_of(x, y)
    counted = raster.count_points(points, raster.whole(points), 1_000, 300)
    assert counted.counts.shape == (300, 1_000)
    assert counted.n == N
    rows = np.clip((y - y.min()) / np.ptp(y) * 300, 0, 299).astype(int)
    assert counted.counts.sum(axis=1).tolist() == pytest.approx(np.bincount(rows, minlength=300), abs=2)
    view = (x[1_000], x[500_000], -1e-4, 2e-4)
    inside = (x >= view[0]) & (x <= view[1]) & (y >= view[2]) & (y <= view[3])
    assert raster.count_points(points, view, 640, 200).n == inside.sum()
    assert raster.count_points(points, (0.0, 1.0, -1.0, 1.0), 64, 64).n == 0


def test_a_picture_has_a_colour_where_there_is_a_point() -> None:
    points = raster.cloud_of([0.0, 1.0, 1.0, np.nan, 2.0], [0.0, 5.0, 5.0, 1.0, np.inf])
    assert len(points) == 3
    for theme in ("dark", "light"):
        frame = drawn(points, None, (90, 60), theme)
        assert (frame["n"], frame["of"], frame["most"], frame["whole"]) == (3, 3, 2, [0.0, 1.0, 0.0, 5.0])
        image = imread(io.BytesIO(base64.b64decode(frame["png"])))
        # A point that stands alone is drawn larger; the lowest row of the plane is the last of the picture.
        assert image.shape == (60, 90, 4)
        assert np.argwhere(image[..., 3] > 0).tolist() == [
            *([0, 88], [0, 89], [1, 88], [1, 89]),
            *([58, 0], [58, 1], [59, 0], [59, 1]),
        ]
        told = [
            "#" + "".join(f"{round(v * 255):02X}" for v in image[row, column, :3])
            for row, column in ((59, 0), (0, 89))
        ]
        assert told == [raster.ramp(theme)[0], raster.ramp(theme)[-1]]
    assert raster.whole(raster.cloud_of([7.0], [0.0])) == (6.5, 7.5, -0.5, 0.5)
    with pytest.raises(ShapeError, match="equally long"):
        raster.cloud_of([1.0, 2.0], [1.0])


def test_a_million_points_are_drawn_while_the_loop_goes_on(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    threads: set[str] = set()
    begun, go_on = threading.Event(), threading.Event()
    make = module.picture

    def watched(*asked: Any) -> dict[str, Any]:
        threads.add(threading.current_thread().name)
        begun.set()
        assert go_on.wait(30.0)
        return make(*asked)

    monkeypatch.setattr(module, "picture", watched)

    async def look() -> int:
        cloud = Cloud("Cloud", session)
        monkeypatch.setattr(cloud, "show", sent.append)
        await cloud.fill(*returns(), names=("time", "return"), times=True)
        assert sent == []  # the browser has not said how large its place is
        cloud._heard({"size": [900, 300]})
        while not begun.is_set():
            await asyncio.sleep(0.001)
        # The picture is being made and waits for the loop: it would wait in vain if it were made there.
        ticks = 0
        while ticks < 50:
            await asyncio.sleep(0)
            ticks += 1
        # What is asked for meanwhile is drawn; what is asked for in between is not.
        for end in (300.0, 200.0, 100.0):
            cloud._heard({"view": [BEGIN_MS, BEGIN_MS + 1_000.0 * end, -1.0, 1.0]})
        cloud._heard({"view": [2.0, 1.0, 0.0, 1.0]})
        cloud._heard({"view": ["x", 1.0, 0.0, 1.0]})
        go_on.set()
        while not sent:
            await asyncio.sleep(0.001)
            ticks += 1
        session.scope.close()
        return ticks

    assert asyncio.run(look()) > 50
    assert {name.rpartition("_")[0] for name in threads} == {raster.WORKER}
    assert threading.current_thread().name not in threads
    assert [(frame["n"], frame["of"]) for frame in sent] == [(101, N)]


def test_a_million_points_in_a_browser(browser: Page, services: Services, artefacts: Path) -> None:
    x, y = returns()
    clouds: list[Cloud] = []

    def view(session: Session) -> Any:
        cloud = Cloud("Returns", session, height=460)
        clouds.append(cloud)
        session.start(cloud.fill(x, y, names=("time", "return"), times=True))
        return cloud

    page = browser
    page.console.clear()
    shown_page = DashboardPage(title="Cloud", key="p", slug="cloud", view=view)
    said = "box('Returns').querySelector('.said').textContent"
    alt = "box('Returns').querySelector('canvas').getAttribute('aria-label')"
    with serve(services, {"/dashboard": dashboard_app(services, pages=(shown_page,))}) as served:
        page.open(served.url, width=1_280, height=720)
        shown(page)
        page.wait(script(f"{said}.includes('1,000,000 points')"))
        told = page.value(script(alt))
        assert told.startswith("Returns: 1,000,000 points, return from ")
        assert "2023-11-14 22:13:20 to 2023-11-26 11:59:59" in told
        assert painted(page) >= np.count_nonzero(pixels(clouds[-1])[..., 3]) > 20_000
        picture(page, artefacts, "cloud-dark")
        assert accessibility(page) == []

        drag(page, (0.25, 0.1), (0.5, 0.9))
        page.wait(script(f"{said}.includes(' of 1,000,000 points')"))
        assert clouds[-1]._frame is not None
        low, high, least, most = clouds[-1]._frame["view"]
        inside = (x >= low) & (x <= high) & (y >= least) & (y <= most)
        assert 200_000 < inside.sum() < 300_000
        assert f"{inside.sum():,} of 1,000,000" in page.value(script(said))
        page.value(script("box('Returns').querySelector('.canvas').focus()"))
        page.press("0")
        page.wait(script(f"{said}.endsWith('1,000,000 points') && !{said}.includes(' of ')"))
        page.open(f"{served.url}?theme=light", width=1_280, height=720)
        shown(page)
        page.wait(script(f"{said}.includes('1,000,000 points')"))
        assert accessibility(page) == []
        picture(page, artefacts, "cloud-light")
        assert complaints(page) == []
        page.call("Page.navigate", url="about:blank")


def pixels(cloud: Cloud) -> Any:
    """The picture that was sent last."""
    assert cloud._frame is not None
    return imread(io.BytesIO(base64.b64decode(cloud._frame["png"])))


def painted(page: Page) -> int:
    """Pixels of the canvas that have a colour."""
    data = (
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0)"
    )
    return int(page.value(script(f"(c => {data}.length)(box('Returns').querySelector('canvas'))")))


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box over the canvas, from one corner to the other as parts of its width and height."""
    place = "box('Returns').querySelector('canvas').getBoundingClientRect()"
    left, top, width, height = page.value(script(f"(r => [r.left, r.top, r.width, r.height])({place})"))
    (x0, y0), (x1, y1) = ((left + width * a, top + height * b) for a, b in (begin, end))
    for kind, x, y in (("Moved", x0, y0), ("Pressed", x0, y0), ("Moved", x1, y1), ("Released", x1, y1)):
        how = {"button": "left", "clickCount": 1} if kind != "Moved" else {}
        page.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **how)
