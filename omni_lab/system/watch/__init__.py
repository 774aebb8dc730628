"""What people should know of a system that runs: a few rules, alerts that open and end, and who is told.

docs/gateway.md, section 4.
"""

from omni_lab.system.watch.book import PastAlert
from omni_lab.system.watch.rules import RULES, Finding, Thresholds
from omni_lab.system.watch.watch import OpenAlert, Watch

__all__ = ["RULES", "Finding", "OpenAlert", "PastAlert", "Thresholds", "Watch"]
