"""Features: arrays in, arrays out. No file is read here and nothing looks ahead unless its name says so."""

from omni_lab.features.microstructure import (
    LinearImpact,
    effective_spread,
    fit_linear_impact,
    microprice,
    mid_price,
    order_flow_imbalance,
    queue_imbalance,
    quoted_spread,
    time_weighted_mean,
)
from omni_lab.features.sampling import grid_times, last_before, sum_between

__all__ = [
    "LinearImpact",
    "effective_spread",
    "fit_linear_impact",
    "grid_times",
    "last_before",
    "microprice",
    "mid_price",
    "order_flow_imbalance",
    "queue_imbalance",
    "quoted_spread",
    "sum_between",
    "time_weighted_mean",
]
