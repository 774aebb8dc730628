"""The dashboard: pages in a browser over the services of a process. docs/dashboard.md is the contract.

`dashboard_apps` gives the applications that a server mounts; a page is one module of
`omni_lab.ui.dashboard.pages`. What is drawn often is drawn in the browser from small JSON
(`omni_lab.ui.dashboard.components`), everything else by Panel.
"""

from omni_lab.errors import MissingExtraError

try:
    import bokeh  # noqa: F401
except ImportError as error:
    raise MissingExtraError("bokeh", extra="dashboard", what="the dashboard") from error

from omni_lab.ui.dashboard.apps import dashboard_app, dashboard_apps
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.session import Session

__all__ = ["Page", "Session", "dashboard_app", "dashboard_apps"]
