"""Colours and type of every figure, dark and light.

Hues are those of Okabe and Ito, which people with any of the common colour blindnesses tell apart; the same
thing has the same hue in both themes, and side is told by shape as well. The typeface comes with matplotlib
and its digits are all equally wide, so columns of numbers stand straight.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from omni_lab.errors import ConfigError

ThemeName = Literal["light", "dark"]

FONT = "DejaVu Sans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """What a figure is painted with; colours as ``#rrggbb``.

    Attributes
    ----------
    background, text, muted, grid : str
        The page, the words, the words that matter less, and the lines behind the data.
    buy, sell : str
        Bid and ask, bought and sold, long and short, gain and loss.
    equity, benchmark, drawdown, third, fourth : str
        Series, in the order in which a figure should take them.
    drawdown_alpha : float
        Opacity of the area between a falling equity and its peak.
    """

    name: ThemeName
    background: str
    text: str
    muted: str
    grid: str
    buy: str = "#0072B2"
    sell: str = "#D55E00"
    equity: str = "#0072B2"
    benchmark: str = "#7f7f7f"
    drawdown: str = "#D55E00"
    third: str = "#009E73"
    fourth: str = "#CC79A7"
    drawdown_alpha: float = 0.25

    def hues(self) -> tuple[str, ...]:
        """All colours."""
        hues = (getattr(self, field.name) for field in fields(self))
        return tuple(dict.fromkeys(hue for hue in hues if isinstance(hue, str) and hue.startswith("#")))

    def rc(self) -> dict[str, Any]:
        """Settings for `matplotlib.rc_context`."""
        return {
            "axes.axisbelow": True,
            "axes.edgecolor": self.grid,
            "axes.facecolor": self.background,
            "axes.formatter.useoffset": False,
            "axes.grid": False,
            "axes.labelcolor": self.muted,
            "axes.labelsize": 9.0,
            "axes.spines.left": False,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlecolor": self.text,
            "axes.titlelocation": "left",
            "axes.titlepad": 8.0,
            "axes.titlesize": 11.5,
            "axes.titleweight": "bold",
            "axes.unicode_minus": True,
            "figure.dpi": 100.0,
            "figure.edgecolor": self.background,
            "figure.facecolor": self.background,
            "font.family": [FONT],
            "font.size": 9.0,
            "grid.color": self.grid,
            "grid.linewidth": 0.8,
            "legend.edgecolor": "none",
            "legend.facecolor": self.background,
            "legend.fontsize": 9.0,
            "legend.framealpha": 0.8,
            "legend.labelcolor": self.text,
            "lines.antialiased": True,
            "lines.linewidth": 1.3,
            "lines.solid_capstyle": "round",
            "lines.solid_joinstyle": "round",
            "patch.linewidth": 0.0,
            "text.color": self.text,
            "xtick.color": self.grid,
            "xtick.labelcolor": self.muted,
            "xtick.labelsize": 8.5,
            "xtick.major.size": 4.0,
            "ytick.color": self.grid,
            "ytick.labelcolor": self.muted,
            "ytick.labelsize": 8.5,
            "ytick.major.size": 0.0,
        }


LIGHT = Theme(name="light", background="#ffffff", text="#1b1f24", muted="#57606a", grid="#e2e6ea")
DARK = Theme(name="dark", background="#11151a", text="#e8ebee", muted="#9aa5b1", grid="#29313a")

THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK}


def find_theme(name: str | Theme) -> Theme:
    """Theme of that name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if isinstance(name, Theme):
        return name
    try:
        return THEMES[name]
    except KeyError:
        raise ConfigError("unknown theme", found=name, expected=tuple(THEMES), where="theme") from None
