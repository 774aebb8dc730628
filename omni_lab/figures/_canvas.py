"""The figure that this room hands out. Imported only when one is drawn, because it needs matplotlib.

It is a matplotlib figure that knows its theme and how to show itself in a notebook. It is made without
pyplot, so nothing global is left behind: no current figure, no window, no changed settings.
"""

import base64
import io
from contextlib import AbstractContextManager
from threading import RLock
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure as _Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from omni_lab.figures._readout import MIME, Reading, series_of
from omni_lab.figures.theme import Theme

_MARGIN = 0.08  # inches around everything
_SHARP = 2.0  # pixels drawn for each pixel shown: sharp on dense screens, at four times the memory
# Settings that decide what a figure looks like; backends, windows and keys are none of our business.
_LOOKS = (
    *("axes.", "date.", "figure.", "font.", "grid.", "legend.", "lines.", "markers.", "mathtext.", "patch."),
    *(
        "path.",
        "pcolor.",
        "savefig.",
        "scatter.",
        "text.",
        "timezone",
        "xaxis.",
        "xtick.",
        "yaxis.",
        "ytick.",
    ),
)
_lock = RLock()


class Figure(_Figure):
    """Matplotlib figure painted in a theme, whatever the style set elsewhere.

    Parameters
    ----------
    theme : Theme
        Colours and type.
    size : tuple of float
        Width and height in inches of 100 pixels.

    Attributes
    ----------
    alt : str
        What the figure says, for people who do not see it.
    readings : list of Reading
        Its lines over time, for a page that reads them out.
    """

    def __init__(self, theme: Theme, size: tuple[float, float]) -> None:
        self.theme = theme
        self.alt = ""
        self.readings: list[Reading] = []
        with self.painting():
            super().__init__(figsize=size, layout="constrained")
            width, height = _MARGIN / size[0], _MARGIN / size[1]
            engine = cast(ConstrainedLayoutEngine, self.get_layout_engine())
            engine.set(rect=(width, height, 1.0 - 2.0 * width, 1.0 - 2.0 * height))

    def painting(self) -> AbstractContextManager[None]:
        """Context in which artists get the theme's colours: matplotlib's own defaults, then the theme's."""
        return _Painting(self.theme)

    def draw(self, renderer: RendererBase) -> None:
        # Ticks are made when first drawn, long after the function that made the figure has left its context.
        with self.painting():
            super().draw(renderer)

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        kwargs.setdefault("facecolor", self.get_facecolor())
        super().savefig(fname, **kwargs)

    def _repr_png_(self) -> bytes:
        raw, dpi = io.BytesIO(), self.dpi * _SHARP
        self.savefig(raw, format="png", dpi=dpi, pil_kwargs={"compress_level": 0})
        png = io.BytesIO()
        _few_colours(Image.open(raw).convert("RGB"), self.theme).save(png, format="png", dpi=(dpi, dpi))
        return png.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        # Asked before the printers that `%matplotlib inline` installs, so the result is the same with and
        # without.
        png = base64.b64encode(self._repr_png_()).decode()
        width = round(float(self.get_figwidth()) * self.dpi)
        shown = {"image/png": png, "text/plain": f"<Figure: {self.alt}>"}
        # Drawing has just put the panels in their places.
        series = series_of(self.readings)
        return (
            shown if series is None else {**shown, MIME: series},
            {"image/png": {"width": width, "alt": self.alt}},
        )


def _few_colours(picture: Image.Image, theme: Theme) -> Image.Image:
    """Picture of 256 colours: enough for a few hues and their blends, in a third of the bytes.

    The theme's own colours stay as they are: a thin line has too few pixels to earn a place by their number.
    """
    own = np.array([[int(hue[i : i + 2], 16) for i in (1, 3, 5)] for hue in theme.hues()])
    few = picture.quantize(256 - len(own), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indices = np.asarray(few) + np.uint8(len(own))
    pixels = np.asarray(picture.convert("RGBA")).view(np.uint32)[:, :, 0]
    for i, colour in enumerate(own):
        indices[pixels == np.array([*colour, 255], dtype=np.uint8).view(np.uint32)[0]] = i
    exact = Image.fromarray(indices).convert("P")
    exact.putpalette([*own.reshape(-1).tolist(), *(few.getpalette() or [])])
    return exact


class _Painting(AbstractContextManager[None]):
    """`matplotlib.rc_context`, one thread at a time: the settings are shared by all of them."""

    def __init__(self, theme: Theme) -> None:
        looks: dict[Any, Any] = {k: v for k, v in mpl.rcParamsDefault.items() if k.startswith(_LOOKS)}
        looks.update(theme.rc())
        self._context = mpl.rc_context(looks)

    def __enter__(self) -> None:
        _lock.acquire()
        self._context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)
        _lock.release()
