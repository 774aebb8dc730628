"""Alerts to people: Slack, e-mail, PagerDuty and any webhook, by one file of channels.

``Notifier`` is the entrance: it decides who is told what and when, remembers what was told, and never lets a
channel that fails stop the others or its caller. It knows nothing of pipelines, orders or schedules.
"""

from omni_lab.messaging.alerts.alert import SEVERITIES, Alert, Delivery
from omni_lab.messaging.alerts.notifier import Notifier
from omni_lab.messaging.alerts.quiet import QuietHours
from omni_lab.messaging.alerts.settings import AlertSettings, read_alert_settings

__all__ = [
    "SEVERITIES",
    "Alert",
    "AlertSettings",
    "Delivery",
    "Notifier",
    "QuietHours",
    "read_alert_settings",
]
