"""What pages are made of."""

from omni_lab.ui.dashboard.components.boxes import (
    Dialog,
    Gauges,
    Html,
    Tile,
    Tiles,
    columns,
    empty_card,
    error_card,
    rows,
)
from omni_lab.ui.dashboard.components.chart import Chart, Line
from omni_lab.ui.dashboard.components.cloud import Cloud
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.dashboard.components.picture import Picture
from omni_lab.ui.dashboard.components.series import Series
from omni_lab.ui.dashboard.components.table import Column, RowAction, Table

__all__ = [
    "Chart",
    "Cloud",
    "Column",
    "Dialog",
    "Gauges",
    "Html",
    "Line",
    "Live",
    "Picture",
    "RowAction",
    "Series",
    "Table",
    "Tile",
    "Tiles",
    "columns",
    "empty_card",
    "error_card",
    "rows",
]
