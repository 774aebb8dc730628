"""The order-management system in plain Python: the oracle of the native one, and what there is without it."""

from omni_lab.execution.reference.oms import ReferenceOMS

__all__ = ["ReferenceOMS"]
