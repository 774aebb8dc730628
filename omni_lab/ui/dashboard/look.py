"""The page around the pages: its template, colours and scripts, read once."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from omni_lab.figures.theme import DARK, LIGHT, Theme
from omni_lab.ui.panels import pn

_SCRIPTS = ("core.js", "shell.js")
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<rect width='16' height='16' rx='3' fill='#11151a'/>"
    "<path d='M3 6h6v2H3zm0 3h4v2H3z' fill='#0072B2'/><path d='M7 3h6v2H7z' fill='#D55E00'/></svg>"
)
# What a figure does not need: shades of a screen, and inks that read on them (WCAG 2.2 AA, 4.5 to 1).
_SHADES = {
    "dark": {
        "surface": "#171c23",
        "raised": "#20272f",
        "edge": "#3a4450",
        "chosen": "#1d3a52",
        "accent": "#3d9bd6",
        "focus": "#56b4e9",
        "good": "#009E73",
        "warn": "#E69F00",
        "bad": "#e5534b",
        "good-ink": "#43c59e",
        "warn-ink": "#f0b429",
        "bad-ink": "#ff8b7e",
        "buy-ink": "#63b8ee",
        "sell-ink": "#f59a5b",
    },
    "light": {
        "surface": "#f6f8fa",
        "raised": "#eaeef2",
        "edge": "#c3cad1",
        "chosen": "#d3e5f3",
        "accent": "#0072B2",
        "focus": "#0072B2",
        "good": "#009E73",
        "warn": "#b87d00",
        "bad": "#c62828",
        "good-ink": "#00674b",
        "warn-ink": "#7a5200",
        "bad-ink": "#b3261e",
        "buy-ink": "#00609a",
        "sell-ink": "#a34700",
    },
}


def variables(theme: Theme) -> str:
    """The colours of a theme as CSS variables, also those that Panel's own widgets read."""
    own = {
        "page": theme.background,
        "ink": theme.text,
        "soft": theme.muted,
        "rule": theme.grid,
        "buy": theme.buy,
        "sell": theme.sell,
        **_SHADES[theme.name],
    }
    theirs = {
        "design-primary-color": "#0072B2",
        "design-primary-text-color": "#ffffff",
        "design-background-color": own["page"],
        "design-background-text-color": own["ink"],
        "design-surface-color": own["raised"],
        "design-surface-text-color": own["ink"],
    }
    told = "".join(f"--{name}:{value};" for name, value in (own | theirs).items())
    return f'html[data-theme="{theme.name}"]{{color-scheme:{theme.name};{told}}}'


@cache
def fixed() -> dict[str, Any]:
    """What is the same in every page: colours, styles and scripts."""
    static = resources.files(__package__).joinpath("static")
    parts = sorted(each.name for each in static.joinpath("parts").iterdir() if each.name.endswith(".js"))
    styles = sorted(each.name for each in static.joinpath("parts").iterdir() if each.name.endswith(".css"))
    css = static.joinpath("parts.css").read_text()
    css += "".join(static.joinpath("parts", name).read_text() for name in styles)
    scripts = [static.joinpath(name).read_text() for name in _SCRIPTS]
    scripts += [static.joinpath("parts", name).read_text() for name in parts]
    return {
        "icon": quote(_ICON, safe=""),
        "variables": variables(DARK) + variables(LIGHT),
        "page_css": css + static.joinpath("page.css").read_text(),
        "parts_css": css,
        "script": "\n".join(scripts).replace("</script", "<\\/script"),
    }


@cache
def template() -> Any:
    """The page, in Bokeh's words for what it embeds."""
    text = resources.files(__package__).joinpath("static", "page.html").read_text()
    return pn.io.resources._env.from_string(text)
