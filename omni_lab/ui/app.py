"""The dashboard alone: ``panel serve omni_lab/ui/app.py``. One user, a paper system on a synthetic market.

`omni_lab.ui.dashboard.alone` keeps the services of the process; here is only what Panel runs for each
session.
"""

from omni_lab.ui.dashboard.alone import own_services
from omni_lab.ui.dashboard.apps import dashboard_app

dashboard_app(own_services())().servable()
