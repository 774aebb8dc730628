"""Pictures of millions of points: hvPlot counts them by pixel through datashader, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from bokeh.palettes import cividis

from omni_lab.errors import ShapeError
from omni_lab.typing import AnyArray, ArrayLike, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
T = TypeVar("T")
View = tuple[float, float, float, float]
"""What of the plane is in sight: least and most of x, then of y."""

WORKER = "raster"
"""What the thread's name begins with."""
# HoloViews keeps what it draws with in globals: one thread makes all pictures, one after the other.
_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=WORKER)


async def in_worker(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives that is made in the thread of pictures."""
    return await asyncio.get_running_loop().run_in_executor(_worker, lambda: work(*args, **kwargs))


@cache
def warm_up() -> Future[bytes]:
    """Import and compile what the first picture needs, some seconds of processor time, once for a process.

    Returns
    -------
    Future of bytes
        Done when pictures are fast: a small one.
    """

    def first() -> bytes:
        return count_points(cloud_of([0.0, 1.0], [0.0, 1.0]), (0.0, 1.0, 0.0, 1.0), 8, 8).png("dark")

    return _worker.submit(first)


def cloud_of(x: ArrayLike, y: ArrayLike) -> pd.DataFrame:
    """Points as they are counted.

    Parameters
    ----------
    x, y : array-like of float, shape (n,)
        Where one is not finite, there is no point.

    Returns
    -------
    DataFrame
        Columns ``x`` and ``y``, float64, finite.

    Raises
    ------
    ShapeError
        If they differ in length.
    """
    import pandas as pd

    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if across.shape != up.shape or across.ndim != 1:
        raise ShapeError("both sides must be equally long", found=(across.shape, up.shape), where="y")
    there = np.isfinite(across) & np.isfinite(up)
    return pd.DataFrame({"x": across[there], "y": up[there]})


def whole(points: pd.DataFrame) -> View:
    """The least view that has all points, wider where they lie on a line; there must be one."""
    ends: list[float] = []
    for name in ("x", "y"):
        low, high = float(points[name].min()), float(points[name].max())
        if low == high:
            room = max(abs(low) * 1e-9, 0.5)
            low, high = low - room, high + room
        ends += [low, high]
    return ends[0], ends[1], ends[2], ends[3]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """Points counted by pixel.

    Attributes
    ----------
    counts : ndarray of int64, shape (height, width)
        The lowest row first.
    view : (float, float, float, float)
    """

    counts: IntArray
    view: View

    @property
    def n(self) -> int:
        """Points in sight."""
        return int(self.counts.sum())

    @property
    def most(self) -> int:
        """Points on the fullest pixel."""
        return int(self.counts.max())

    def png(self, theme: str) -> bytes:
        """A picture of it: the ramp of a theme by the logarithm of the count, nothing where there is none.

        A pixel that stands alone takes the eight around it, too, so that it is not lost.
        """
        from datashader.transfer_functions import Image, shade

        counted = Image(enlarged(self.counts).astype(np.uint32), dims=("y", "x"))
        shaded = shade(counted, cmap=ramp(theme), how="log", min_alpha=255)
        written: bytes = shaded.to_bytesio().getvalue()
        return written


def count_points(points: pd.DataFrame, view: View, width: int, height: int) -> Raster:
    """Count points by pixel; those on the edge of the view are in it.

    Parameters
    ----------
    points : DataFrame
        Of `cloud_of`.
    view : (float, float, float, float)
    width, height : int
        Pixels.
    """
    from hvplot import hvPlotTabular

    x0, x1, y0, y1 = view
    # hvPlot wants a point to learn its axes from.
    if points.empty:
        return Raster(counts=np.zeros((height, width), np.int64), view=view)
    image = hvPlotTabular(points).points(
        "x", "y", rasterize=True, dynamic=False, width=width, height=height, xlim=(x0, x1), ylim=(y0, y1)
    )
    found: FloatArray = np.asarray(image.dimension_values(2, flat=False), np.float64)
    return Raster(counts=np.nan_to_num(found).astype(np.int64), view=view)


def enlarged(counts: IntArray) -> IntArray:
    """Counts in which a pixel with nothing around it fills the eight that touch it."""
    alone = (_nine(counts > 0).sum(axis=0) == 1) & (counts > 0)
    around: IntArray = _nine(np.where(alone, counts, 0)).max(axis=0)
    return np.maximum(counts, around)


def _nine(values: AnyArray) -> AnyArray:
    """Each pixel and those that touch it, shape (9, height, width)."""
    rows, columns = values.shape
    room = np.pad(values, 1)
    return np.stack([room[i : i + rows, j : j + columns] for i in range(3) for j in range(3)])


def ramp(theme: str) -> list[str]:
    """Cividis from few to many, ``#RRGGBB``, without the end that is lost on the surface of the theme."""
    colours: Any = cividis(256)
    return list(colours[110:]) if theme == "dark" else list(colours[155::-1])
