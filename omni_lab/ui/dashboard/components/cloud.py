"""`Cloud`: a scatter of millions of points, of which the browser gets a picture."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from omni_lab.typing import ArrayLike
from omni_lab.ui.dashboard.components.boxes import Empty
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.dashboard.raster import View, cloud_of, count_points, in_worker, ramp, warm_up, whole

if TYPE_CHECKING:
    from omni_lab.ui.dashboard.session import Session

_LEAST_PX, _MOST_PX = 16, 2_400


class Cloud(Live):
    """Points by how many share a pixel, zoomed by a box that is drawn, by wheel and keys.

    The browser says how large its place is and what is in sight; the thread of
    `omni_lab.ui.dashboard.raster` draws that anew, in the theme of the session.

    Parameters
    ----------
    title : str
    session : Session
    height : int
        Pixels.
    empty : (str, str)
        What is said where there is no point.
    """

    def __init__(
        self,
        title: str,
        session: Session,
        *,
        height: int = 340,
        empty: Empty = ("No points.", ""),
        **params: Any,
    ) -> None:
        super().__init__("cloud", {"title": title, "height": height}, heard=self._heard, **params)
        self._session, self._empty_text = session, empty
        self._points: Any = None
        self._names = ("x", "y")
        self._times = False
        self._view: View | None = None
        self._size: tuple[int, int] | None = None
        self._asked = 0
        session.watch(lambda _: self._draw(), "theme")
        # Before somebody asks for a picture; a server on which nobody looks at one never pays for it.
        warm_up()

    async def fill(
        self, x: ArrayLike, y: ArrayLike, *, names: tuple[str, str] = ("x", "y"), times: bool = False
    ) -> None:
        """Show points.

        Parameters
        ----------
        x, y : array-like of float, shape (n,)
            Where one is not finite, there is no point.
        names : (str, str)
            Of both axes.
        times : bool
            Whether x is milliseconds since 1970, UTC.

        Raises
        ------
        ShapeError
            If they differ in length.
        """
        self._asked += 1
        asked, points = self._asked, await in_worker(cloud_of, x, y)
        if asked != self._asked:
            return
        self._points, self._names, self._times = points, names, times
        self._view = None
        if points.empty:
            self.empty(*self._empty_text)
        else:
            self._draw()

    def empty(self, what: str, next_step: str = "") -> None:
        """Say that there is nothing to draw."""
        self._points = None
        self._asked += 1
        self.show({"empty": [what, next_step]})

    def wait(self) -> None:
        """Say that it is on its way."""
        self._points = None
        self._asked += 1
        self.show({"wait": True})

    def _draw(self) -> None:
        if self._points is not None and self._size is not None:
            self._asked += 1
            self._session.start(self._drawn(self._points, self._view, self._size, self._asked))

    async def _drawn(self, points: Any, view: View | None, size: tuple[int, int], asked: int) -> None:
        def frame() -> dict[str, Any] | None:
            # What was asked for before something newer is not drawn.
            current = asked == self._asked
            return picture(points, view, size, self._session.theme) if current else None

        drawn = await in_worker(frame)
        if drawn is not None and asked == self._asked:
            self.show(drawn | {"names": list(self._names), "times": self._times})

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"size": [int() as width, int() as height]}:
                self._size = tuple(min(max(each, _LEAST_PX), _MOST_PX) for each in (width, height))  # type: ignore[assignment]
            case {"view": None}:
                self._view = None
            case {"view": [x0, x1, y0, y1]} if all(isinstance(v, (int, float)) for v in said["view"]):
                if not (x0 < x1 and y0 < y1):
                    return
                self._view = (float(x0), float(x1), float(y0), float(y1))
            case _:
                return
        self._draw()


def picture(points: Any, view: View | None, size: tuple[int, int], theme: str) -> dict[str, Any]:
    """What a browser is sent of a cloud.

    Parameters
    ----------
    points : DataFrame
        Of `cloud_of`, not empty.
    view : (float, float, float, float) or None
        What is in sight; None for all.
    size : (int, int)
        Width and height, pixels.
    theme : {"dark", "light"}

    Returns
    -------
    dict
        ``png`` (base64), ``n`` (points in sight), ``of`` (all), ``most`` (on the fullest pixel), ``view``,
        ``whole``, ``ramp`` (colours from few to many).
    """
    full = whole(points)
    raster = count_points(points, view or full, *size)
    return {
        "png": base64.b64encode(raster.png(theme)).decode(),
        "n": raster.n,
        "of": len(points),
        "most": raster.most,
        "view": list(raster.view),
        "whole": list(full),
        "ramp": ramp(theme)[::24],
    }
