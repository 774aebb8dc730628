"""The door to Panel: the one module that imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omni_lab.errors import MissingExtraError

try:
    import panel as pn
    from panel.io.state import set_curdoc
except ImportError as error:
    raise MissingExtraError("panel", extra="dashboard", what="a screen in a browser") from error

__all__ = ["add_applications", "pn", "set_curdoc"]


def add_applications(apps: Mapping[str, Callable[[], Any]], *, app: Any, **settings: Any) -> None:
    """Serve applications of Panel under FastAPI.

    Parameters
    ----------
    apps : mapping of str to callable
        By path; each makes a session.
    app : FastAPI
        Gets their pages, sockets and static files.
    **settings
        Of ``panel.io.fastapi.add_applications``.

    Raises
    ------
    MissingExtraError
        If ``bokeh-fastapi`` is not installed: extra ``gateway``.
    """
    try:
        from panel.io.fastapi import add_applications as add
    except ImportError as error:
        raise MissingExtraError("bokeh-fastapi", extra="gateway", what="the dashboard by FastAPI") from error
    add(dict(apps), app=app, **settings)
